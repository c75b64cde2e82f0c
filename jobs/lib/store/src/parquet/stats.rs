//! Exact statistics of a file, from what its footer says of the row groups.

use std::collections::BTreeMap;

use model::fragment::{ColumnStats, Stat};
use model::schema::{Column, ColumnType, Table};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::WriteError;

/// Longest text of a statistic, in characters.
const TEXT_CHARS: usize = 64;

/// Statistics of all file columns of a file.
pub(super) fn of_file(
    table: Table,
    groups: &[RowGroupMetaData],
) -> Result<BTreeMap<String, ColumnStats>, WriteError> {
    let columns = table.schema().file_columns();
    columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let chunks = groups
                .iter()
                .map(|group| (group.column(i).statistics(), group.num_rows().unsigned_abs()));
            let stats = of_column(column, chunks).ok_or_else(|| WriteError::Misfit {
                table,
                column: column.name,
                found: "a row group without statistics".to_owned(),
                expected: "exact statistics".to_owned(),
            })?;
            Ok((column.name.to_owned(), stats))
        })
        .collect()
}

/// The least and greatest value of a column; bounds that are not exact count as unknown.
enum Extremes {
    Int(i128, i128),
    Bytes(Option<Vec<u8>>, Option<Vec<u8>>),
    Double(f64, f64),
}

fn of_column<'a>(
    column: &Column,
    chunks: impl Iterator<Item = (Option<&'a Statistics>, u64)>,
) -> Option<ColumnStats> {
    let mut nulls = 0;
    let mut bounds: Option<Extremes> = None;
    let mut is_known = true;
    for (chunk, rows) in chunks {
        let chunk = chunk?;
        let chunk_nulls = chunk.null_count_opt()?;
        nulls += chunk_nulls;
        match of_chunk(chunk) {
            Some(next) => {
                bounds = Some(match bounds {
                    None => next,
                    Some(before) => before.with(next)?,
                });
            }
            // values of which nobody knows the bounds leave the file without any
            None => is_known &= chunk_nulls == rows,
        }
    }
    let (min, max) = match bounds {
        Some(bounds) if is_known => bounds.stats(column.kind),
        _ => (None, None),
    };
    Some(ColumnStats { min, max, nulls })
}

fn of_chunk(chunk: &Statistics) -> Option<Extremes> {
    fn pair<T: Copy>(stats: &ValueStatistics<T>) -> Option<(T, T)> {
        Some((*stats.min_opt()?, *stats.max_opt()?))
    }
    match chunk {
        Statistics::Int32(s) => pair(s).map(|(a, b)| Extremes::Int(a.into(), b.into())),
        Statistics::Int64(s) => pair(s).map(|(a, b)| Extremes::Int(a.into(), b.into())),
        Statistics::Double(s) => pair(s).map(|(a, b)| Extremes::Double(a, b)),
        Statistics::FixedLenByteArray(s) => Some(Extremes::Int(
            from_big_endian(s.min_bytes_opt()?),
            from_big_endian(s.max_bytes_opt()?),
        )),
        Statistics::ByteArray(s) => {
            let (min, max) = (s.min_bytes_opt()?, s.max_bytes_opt()?);
            Some(Extremes::Bytes(
                s.min_is_exact().then(|| min.to_vec()),
                s.max_is_exact().then(|| max.to_vec()),
            ))
        }
        // booleans have no order that anybody prunes by
        Statistics::Boolean(_) | Statistics::Int96(_) | Statistics::Float(_) => None,
    }
}

/// A signed number from at most 16 big-endian bytes.
fn from_big_endian(bytes: &[u8]) -> i128 {
    let start = if bytes.first().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte))
}

impl Extremes {
    fn with(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Int(a, b), Self::Int(c, d)) => Self::Int(a.min(c), b.max(d)),
            (Self::Double(a, b), Self::Double(c, d)) => Self::Double(a.min(c), b.max(d)),
            (Self::Bytes(a, b), Self::Bytes(c, d)) => {
                Self::Bytes(a.zip(c).map(|(a, c)| a.min(c)), b.zip(d).map(|(b, d)| b.max(d)))
            }
            _ => return None,
        })
    }

    fn stats(self, kind: ColumnType) -> (Option<Stat>, Option<Stat>) {
        match self {
            Self::Int(min, max) => (int(kind, min), int(kind, max)),
            Self::Double(min, max) => {
                (Some(Stat::Double(min.to_string())), Some(Stat::Double(max.to_string())))
            }
            Self::Bytes(min, max) => (min.and_then(text), max.and_then(text)),
        }
    }
}

fn int(kind: ColumnType, value: i128) -> Option<Stat> {
    Some(match kind {
        ColumnType::Decimal(_, scale) => Stat::Decimal(decimal(value, scale)),
        ColumnType::Timestamp => Stat::Micros(i64::try_from(value).ok()?),
        _ => Stat::Long(i64::try_from(value).ok()?),
    })
}

fn text(bytes: Vec<u8>) -> Option<Stat> {
    String::from_utf8(bytes).ok().filter(|text| text.chars().count() <= TEXT_CHARS).map(Stat::Text)
}

/// A number with `scale` digits after the point as plain digits: `-0.00000001`.
pub fn decimal(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale = usize::from(scale.unsigned_abs());
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_plain_digits() {
        let check = |value: i128, expect: &str| assert_eq!(decimal(value, 8), expect);
        check(0, "0.00000000");
        check(-1, "-0.00000001");
        check(12_345_600_000, "123.45600000");
        check(1 - 10_i128.pow(28), "-99999999999999999999.99999999");
        check(10_i128.pow(38) - 1, "999999999999999999999999999999.99999999");
        assert_eq!(decimal(-1_205, 2), "-12.05");
        assert_eq!(decimal(7, 0), "7");
    }

    #[test]
    fn big_endian_bytes_keep_their_sign() {
        for value in [0, 1, -1, 255, -256, i128::from(i64::MIN), 10_i128.pow(28) - 1] {
            assert_eq!(from_big_endian(&value.to_be_bytes()), value);
            assert_eq!(from_big_endian(&value.to_be_bytes()[4..]), value);
        }
    }
}
