//! Judging what was received: whether a file is a zip from end to end, and whether an archive
//! is suspiciously small. Cheap: silver reads the members and finds the rest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use model::plan::{Batch, Origin};
use model::unit::{Unit, UnitId};
use model::{Cadence, Period, layout};
use source::provider::START;

/// How the detail of an archive begins that has no checksum file.
pub(crate) const NO_CHECKSUM: &str = "no checksum published";
/// The record at a zip's end without its comment.
const END: usize = 22;
/// The longest comment.
const COMMENT: usize = 0xFFFF;
/// Neighbours that are looked at on each side.
const SIDE: usize = 3;
/// Fewest neighbours that a judgement needs.
const FEWEST: usize = 3;
/// An archive below one twentieth of its neighbours' median is suspicious.
const TWENTIETH: u64 = 20;

/// What is wrong with a file that has no frame, by its first bytes; `None` when nothing is.
///
/// # Errors
/// When the file cannot be read.
pub fn plain_fault(
    path: &Path,
    judge: impl Fn(&[u8]) -> Option<String>,
) -> io::Result<Option<String>> {
    let mut start = vec![0; START];
    let n = read_up_to(&mut File::open(path)?, &mut start)?;
    if n == 0 {
        return Ok(Some("the archive has 0 bytes".to_owned()));
    }
    Ok(judge(&start[..n]))
}

/// What is wrong with the frame of a zip; `None` when it stands.
///
/// # Errors
/// When the file cannot be read.
pub fn zip_fault(path: &Path) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut start = [0; 4];
    let n = read_up_to(&mut file, &mut start)?;
    if n == 0 {
        return Ok(Some("the archive has 0 bytes".to_owned()));
    }
    if !matches!(&start[..n], b"PK\x03\x04" | b"PK\x05\x06") {
        return Ok(Some(format!("no zip: starts with {:02x?}, expected `PK`", &start[..n])));
    }
    let tail = length.min((END + COMMENT) as u64);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut end = Vec::with_capacity(tail as usize);
    file.read_to_end(&mut end)?;
    // the last one wins: an older one may stand inside
    let found = (0..=end.len().saturating_sub(END)).rev().find(|i| {
        end[*i..].starts_with(b"PK\x05\x06") && end.len() >= i + END && {
            let comment = u16::from_le_bytes([end[i + 20], end[i + 21]]);
            i + END + usize::from(comment) <= end.len()
        }
    });
    let Some(at) = found else {
        return Ok(Some(format!("no whole zip: no end record in its last {tail} bytes")));
    };
    let number = |i: usize| {
        u32::from_le_bytes([end[at + i], end[at + i + 1], end[at + i + 2], end[at + i + 3]])
    };
    if end[at + 10..at + 12] == [0, 0] {
        return Ok(Some("the zip has no member".to_owned()));
    }
    let (size, offset) = (number(12), number(16));
    let directory_end = u64::from(size) + u64::from(offset);
    let record = length - tail + at as u64;
    // all bits set stand for `see the zip64 record`
    if size != u32::MAX && offset != u32::MAX && directory_end > record {
        return Ok(Some(format!(
            "no whole zip: its directory ends at byte {directory_end}, after its end record at \
             byte {record}"
        )));
    }
    Ok(None)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

/// The sizes of archives by series and cadence, to compare one with its neighbours in time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbours(BTreeMap<(String, Cadence), BTreeMap<Period, u64>>);

impl Neighbours {
    /// The archives of a batch, as listed or held.
    pub fn of_batch(batch: &Batch) -> Self {
        let mut all = Self::default();
        for planned in batch.groups.iter().flat_map(|group| &group.units) {
            let bytes = match &planned.archive {
                Origin::Fetch(remote) => remote.bytes,
                // answers of an API are of another size
                Origin::Held(raw) if layout::tail_until(&raw.object).is_some() => None,
                Origin::Held(raw) => Some(raw.bytes),
            };
            if let Some(bytes) = bytes {
                all.add(&planned.unit, bytes);
            }
        }
        all
    }

    fn add(&mut self, unit: &Unit, bytes: u64) {
        let key = (unit.series(), Cadence::of(unit.period));
        self.0.entry(key).or_default().entry(unit.period).or_insert(bytes);
    }

    /// Adds what the ledger has, where the batch itself says nothing.
    pub fn add_ledger(&mut self, sizes: impl IntoIterator<Item = (UnitId, u64)>) {
        for (id, bytes) in sizes {
            if let Ok(unit) = Unit::try_from(id) {
                self.add(&unit, bytes);
            }
        }
    }

    /// The sizes of the nearest archives before and after a unit.
    fn near(&self, unit: &Unit) -> Vec<u64> {
        let Some(sizes) = self.0.get(&(unit.series(), Cadence::of(unit.period))) else {
            return Vec::new();
        };
        let before = sizes.range(..unit.period).rev().take(SIDE);
        let after = sizes.range(unit.period..).filter(|(p, _)| **p != unit.period).take(SIDE);
        before.chain(after).map(|(_, bytes)| *bytes).collect()
    }

    /// Whether there are enough neighbours to judge a unit by.
    pub fn can_judge(&self, unit: &Unit) -> bool {
        self.near(unit).len() >= FEWEST
    }

    /// Why an archive of `bytes` looks truncated; `None` when it does not.
    pub fn suspicion(&self, unit: &Unit, bytes: u64) -> Option<String> {
        let mut near = self.near(unit);
        if near.len() < FEWEST {
            return None;
        }
        near.sort_unstable();
        let median = near[near.len() / 2];
        (bytes.saturating_mul(TWENTIETH) < median).then(|| {
            format!(
                "{bytes} bytes, while its {} neighbours have {median} in the median",
                near.len()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn zips_with_and_without_their_ends() {
        let check = |bytes: &[u8], expect: &str| {
            let mut file = tempfile::NamedTempFile::new().expect("file");
            file.write_all(bytes).expect("write");
            let fault = zip_fault(file.path()).expect("read").unwrap_or_default();
            assert!(
                if expect.is_empty() { fault.is_empty() } else { fault.contains(expect) },
                "{bytes:?}: {fault}"
            );
        };
        let end = |size: u32, offset: u32, comment: u16| {
            let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
            end.extend(size.to_le_bytes());
            end.extend(offset.to_le_bytes());
            end.extend(comment.to_le_bytes());
            end
        };
        let body = |n: usize| [b"PK\x03\x04".to_vec(), vec![1; n]].concat();
        let join = |a: Vec<u8>, b: Vec<u8>| [a, b].concat();
        check(&end(0, 0, 0), "");
        check(&join(body(100), end(40, 60, 0)), "");
        check(&join(join(body(100_000), end(40, 60, 2)), b"hi".to_vec()), "");
        check(&join(join(body(9), end(4, 6, 0)), vec![0; 70_000]), "no end record");
        check(&join(body(100), end(40, 65, 0)), "directory ends at byte 105");
        check(&join(body(100), end(u32::MAX, u32::MAX, 0)), "");
        check(&body(100), "no end record");
        check(&join(body(100), end(40, 60, 0)[..21].to_vec()), "no end record");
        check(&join(body(100), end(40, 60, 5)), "no end record");
        check(b"<html></html>", "no zip: starts with [3c, 68, 74, 6d]");
        check(b"PK", "no zip: starts with [50, 4b]");
        check(b"", "the archive has 0 bytes");
        // as `zip` leaves one whose last file was taken out
        check(&[b"PK\x05\x06".to_vec(), vec![0; 18]].concat(), "the zip has no member");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            tail in proptest::collection::vec(0_u8..=255, 0..60),
            end: bool,
            comment: u16,
        ) {
            let mut bytes = b"PK\x03\x04".to_vec();
            if end {
                bytes.extend(b"PK\x05\x06");
            }
            bytes.extend(tail);
            bytes.extend(comment.to_le_bytes());
            let mut file = tempfile::NamedTempFile::new().expect("file");
            file.write_all(&bytes).expect("write");
            zip_fault(file.path()).expect("a judgement");
        }
    }

    #[test]
    fn plain_files_are_judged_by_their_start() {
        let check = |bytes: &[u8], expect: Option<&str>| {
            let mut file = tempfile::NamedTempFile::new().expect("file");
            file.write_all(bytes).expect("write");
            let is_page = |start: &[u8]| start.starts_with(b"<").then(|| "a page".to_owned());
            let fault = plain_fault(file.path(), is_page).expect("read");
            assert_eq!(fault.as_deref(), expect);
        };
        check(b"1,2,3", None);
        check(&vec![b'1'; 3 * START], None);
        check(b"<html>", Some("a page"));
        check(b"", Some("the archive has 0 bytes"));
    }

    #[test]
    fn small_archives_among_large_ones() {
        let series = "binance/spot/trades/XRPUSDT";
        let unit = |period: &str| format!("{series}/{period}").parse::<Unit>().expect("unit");
        let mut all = Neighbours::default();
        let sizes = [
            ("2021-02", 500),
            ("2021-03", 600),
            ("2021-04", 807),
            ("2021-06", 700),
            ("2021-06-01", 1),
            ("2021-06-02", 1),
            ("2021-06-03", 1),
        ];
        all.add_ledger(sizes.map(|(period, mb)| (unit(period).id(), mb * 1_000_000)));
        let check = |period: &str, bytes: u64, expect: Option<&str>| {
            assert_eq!(all.suspicion(&unit(period), bytes).as_deref(), expect, "{period}");
        };
        check(
            "2021-05",
            3_000_000,
            Some("3000000 bytes, while its 4 neighbours have 700000000 in the median"),
        );
        check("2021-05", 35_000_000, None);
        check(
            "2021-06-04",
            40_000,
            Some("40000 bytes, while its 3 neighbours have 1000000 in the median"),
        );
        // too few to judge by: its own size does not count
        check("2021-06-02", 1, None);
        assert!(all.can_judge(&unit("2021-05")));
        assert!(!all.can_judge(&unit("2021-06-02")));
    }
}
