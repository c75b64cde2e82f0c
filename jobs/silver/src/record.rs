//! Rows as records of fixed width: what is sorted, spilled and merged.

use model::schema::Issues;
use source::rows::{Row, Slots};

/// A row and the rank of the unit it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ranked {
    /// The row.
    pub(crate) row: Row,
    /// The unit's place in its group; the later one wins.
    pub(crate) rank: u16,
    /// The line of its archive.
    pub(crate) line: u64,
}

/// The form of records of a dataset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec {
    has: Slots,
}

/// Bytes of a line's number: no archive has 2^48 lines.
const LINE: usize = 6;
/// Bytes of the fields that every record has: line, flags, rank, issues.
const COMMON: usize = LINE + 1 + 2 + 4;

impl Codec {
    /// The codec of rows with these slots.
    pub(crate) const fn new(has: Slots) -> Self {
        Self { has }
    }

    /// Bytes of a record.
    pub(crate) const fn width(self) -> usize {
        COMMON + 8 * (self.has.longs + self.has.prices) + 16 * self.has.amounts
    }

    /// Adds a record to `out`. The key stands first.
    pub(crate) fn encode(self, ranked: &Ranked, out: &mut Vec<u8>) {
        let row = &ranked.row;
        for value in row.longs[..self.has.longs].iter().chain(&row.prices[..self.has.prices]) {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for value in &row.amounts[..self.has.amounts] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&ranked.line.to_le_bytes()[..LINE]);
        out.push(u8::from(row.flags[0]) | u8::from(row.flags[1]) << 1);
        out.extend_from_slice(&ranked.rank.to_le_bytes());
        out.extend_from_slice(&row.issues.0.to_le_bytes());
    }

    /// Reads a record of the right width.
    pub(crate) fn decode(self, record: &[u8]) -> Ranked {
        let mut at = 0;
        let mut row = Row::default();
        for value in &mut row.longs[..self.has.longs] {
            *value = i64::from_le_bytes(bytes(record, &mut at));
        }
        for value in &mut row.prices[..self.has.prices] {
            *value = i64::from_le_bytes(bytes(record, &mut at));
        }
        for value in &mut row.amounts[..self.has.amounts] {
            *value = i128::from_le_bytes(bytes(record, &mut at));
        }
        let mut line = [0; 8];
        line[..LINE].copy_from_slice(&bytes::<LINE>(record, &mut at));
        let [flags] = bytes(record, &mut at);
        row.flags = [flags & 1 != 0, flags & 2 != 0];
        let rank = u16::from_le_bytes(bytes(record, &mut at));
        row.issues = Issues(u32::from_le_bytes(bytes(record, &mut at)));
        Ranked { row, rank, line: u64::from_le_bytes(line) }
    }

    /// The key of a record.
    pub(crate) fn key(record: &[u8]) -> i64 {
        i64::from_le_bytes(bytes(record, &mut 0))
    }

    /// The rank of a record's unit.
    pub(crate) fn rank(self, record: &[u8]) -> u16 {
        u16::from_le_bytes(bytes(record, &mut (self.width() - 6)))
    }
}

fn bytes<const N: usize>(record: &[u8], at: &mut usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&record[*at..*at + N]);
    *at += N;
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back() {
        let codec = Codec::new(Slots { longs: 4, prices: 1, amounts: 2, flags: 2 });
        let ranked = Ranked {
            row: Row {
                longs: [-5, i64::MAX, i64::MIN, 7],
                prices: [123, 0, 0, 0],
                amounts: [i128::MIN, i128::MAX, 0, 0],
                flags: [false, true],
                issues: Issues(513),
            },
            rank: 65_000,
            line: (1 << 48) - 2,
        };
        let mut record = Vec::new();
        codec.encode(&ranked, &mut record);
        assert_eq!(record.len(), codec.width());
        assert_eq!(codec.decode(&record), ranked);
        assert_eq!(Codec::key(&record), -5);
        assert_eq!(codec.rank(&record), 65_000);
    }
}
