//! Sorts more rows than memory holds: runs of a bounded size, sorted, spilled, and merged.
//!
//! The order is (key, rank of the unit from the latest, place in the archive), so that of the
//! rows of one key the one that wins comes first. Places need not be stored: runs are made in
//! the order of reading, and where key and rank are equal the earlier run goes first.
//!
//! Spill files have no name; however the process ends, they are gone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::SilverError;
use crate::record::{Codec, Ranked};

/// Most runs merged at once.
const FAN_IN: usize = 64;
/// Bytes by which spill files are read and written.
const BUFFER: usize = 64 << 10;
/// Bytes that sorting needs for a record besides the record itself.
const ORDER_BYTES: usize = size_of::<Order>();

/// What decides a record's place in its run: key, rank from the latest, place in the run.
type Order = (i64, Reverse<u16>, u32);

/// The least bytes of memory a sorter works in.
pub(crate) const LEAST_MEMORY: usize = 64 << 10;

/// Takes records in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    codec: Codec,
    folder: PathBuf,
    /// Records of a run.
    capacity: usize,
    records: Vec<u8>,
    order: Vec<Order>,
    runs: Vec<File>,
}

fn spilled(folder: &Path) -> impl Fn(io::Error) -> SilverError + use<> {
    let folder = folder.to_owned();
    move |source| SilverError::Spill { folder: folder.clone(), source }
}

impl Sorter {
    /// A sorter that keeps about `memory` bytes and spills to `folder`.
    pub(crate) fn new(codec: Codec, folder: &Path, memory: usize) -> Self {
        let capacity = memory.max(LEAST_MEMORY) / (codec.width() + ORDER_BYTES);
        Self {
            codec,
            folder: folder.to_owned(),
            capacity: capacity.min(u32::MAX as usize),
            records: Vec::new(),
            order: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, ranked: &Ranked) -> Result<(), SilverError> {
        if self.order.len() == self.capacity {
            self.spill()?;
        }
        if self.records.capacity() == 0 {
            // at once, for growing would need twice the memory; untouched pages cost nothing
            self.records.reserve_exact(self.capacity * self.codec.width());
            self.order.reserve_exact(self.capacity);
        }
        let place = self.order.len() as u32;
        self.order.push((ranked.row.longs[0], Reverse(ranked.rank), place));
        self.codec.encode(ranked, &mut self.records);
        Ok(())
    }

    fn spill(&mut self) -> Result<(), SilverError> {
        let fail = spilled(&self.folder);
        self.order.sort_unstable();
        let mut spill = Spill::create(&self.folder)?;
        let width = self.codec.width();
        for (_, _, place) in &self.order {
            let at = *place as usize * width;
            spill.out.write_all(&self.records[at..at + width]).map_err(&fail)?;
        }
        self.runs.push(spill.finish()?);
        self.records.clear();
        self.order.clear();
        Ok(())
    }

    /// All records in order.
    pub(crate) fn finish(mut self) -> Result<Sorted, SilverError> {
        let fail = spilled(&self.folder);
        let width = self.codec.width();
        if self.runs.is_empty() {
            self.order.sort_unstable();
            return Ok(Sorted::Memory {
                codec: self.codec,
                records: self.records,
                order: self.order.into_iter(),
            });
        }
        if !self.order.is_empty() {
            self.spill()?;
        }
        self.records = Vec::new();
        self.order = Vec::new();
        // neighbours are merged, which keeps the runs in the order of reading
        while self.runs.len() > FAN_IN {
            let mut merged = Vec::new();
            let mut rest = self.runs.into_iter().peekable();
            while rest.peek().is_some() {
                let some: Vec<File> = rest.by_ref().take(FAN_IN).collect();
                let mut merge = Merge::new(self.codec, some, &self.folder)?;
                let mut spill = Spill::create(&self.folder)?;
                while let Some(record) = merge.next()? {
                    debug_assert_eq!(record.len(), width);
                    spill.out.write_all(record).map_err(&fail)?;
                }
                merged.push(spill.finish()?);
            }
            self.runs = merged;
        }
        Ok(Sorted::Merge(self.codec, Merge::new(self.codec, self.runs, &self.folder)?))
    }
}

/// A file of records being written.
#[derive(Debug)]
pub(crate) struct Spill {
    out: BufWriter<File>,
    folder: PathBuf,
}

impl Spill {
    /// A new one in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, SilverError> {
        let file = tempfile::tempfile_in(folder).map_err(spilled(folder))?;
        Ok(Self { out: BufWriter::with_capacity(BUFFER, file), folder: folder.to_owned() })
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), SilverError> {
        self.out.write_all(bytes).map_err(spilled(&self.folder))
    }

    /// The file, at its start.
    pub(crate) fn finish(self) -> Result<File, SilverError> {
        let fail = spilled(&self.folder);
        let mut file = self.out.into_inner().map_err(|error| fail(error.into_error()))?;
        file.rewind().map_err(&fail)?;
        Ok(file)
    }
}

/// Reads a spill file record by record.
#[derive(Debug)]
pub(crate) struct Records {
    input: BufReader<File>,
    record: Vec<u8>,
    folder: PathBuf,
}

impl Records {
    /// From the start of a file.
    pub(crate) fn new(codec: Codec, file: File, folder: &Path) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, file),
            record: vec![0; codec.width()],
            folder: folder.to_owned(),
        }
    }

    /// The next record; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, SilverError> {
        let is_more = loop {
            match self.input.read(&mut self.record[..1]) {
                Ok(n) => break n == 1,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(spilled(&self.folder)(error)),
            }
        };
        if !is_more {
            return Ok(None);
        }
        self.input.read_exact(&mut self.record[1..]).map_err(spilled(&self.folder))?;
        Ok(Some(&self.record))
    }
}

/// Merges runs.
#[derive(Debug)]
pub(crate) struct Merge {
    codec: Codec,
    runs: Vec<Records>,
    /// The runs by their current record; the last element is the run.
    heads: BinaryHeap<Reverse<(i64, Reverse<u16>, usize)>>,
    /// Whether the head's record was handed out.
    taken: bool,
}

impl Merge {
    fn new(codec: Codec, files: Vec<File>, folder: &Path) -> Result<Self, SilverError> {
        let mut runs: Vec<Records> =
            files.into_iter().map(|file| Records::new(codec, file, folder)).collect();
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (number, run) in runs.iter_mut().enumerate() {
            if let Some(record) = run.next()? {
                heads.push(Reverse((Codec::key(record), Reverse(codec.rank(record)), number)));
            }
        }
        Ok(Self { codec, runs, heads, taken: false })
    }

    fn next(&mut self) -> Result<Option<&[u8]>, SilverError> {
        if self.taken
            && let Some(mut head) = self.heads.peek_mut()
        {
            let number = head.0.2;
            match self.runs[number].next()? {
                Some(record) => {
                    let rank = Reverse(self.codec.rank(record));
                    *head = Reverse((Codec::key(record), rank, number));
                }
                None => {
                    PeekMut::pop(head);
                }
            }
        }
        self.taken = true;
        Ok(self.heads.peek().map(|head| self.runs[head.0.2].record.as_slice()))
    }
}

/// Records in order.
#[derive(Debug)]
pub(crate) enum Sorted {
    /// They all fit.
    Memory {
        /// Their form.
        codec: Codec,
        /// The records in the order of reading.
        records: Vec<u8>,
        /// Their order.
        order: std::vec::IntoIter<Order>,
    },
    /// They did not.
    Merge(Codec, Merge),
}

impl Sorted {
    /// The next record.
    pub(crate) fn next(&mut self) -> Result<Option<Ranked>, SilverError> {
        match self {
            Self::Memory { codec, records, order } => Ok(order.next().map(|(_, _, place)| {
                let at = place as usize * codec.width();
                codec.decode(&records[at..at + codec.width()])
            })),
            Self::Merge(codec, merge) => {
                let codec = *codec;
                Ok(merge.next()?.map(|record| codec.decode(record)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use source::rows::{Row, Slots};

    const HAS: Slots = Slots { longs: 2, prices: 0, amounts: 0, flags: 0 };

    /// Sorts (key, rank) pairs; the second long tells the place in the input.
    fn check(input: &[(i64, u16)], memory: usize) -> usize {
        let folder = tempfile::tempdir().expect("tempdir");
        let mut sorter = Sorter::new(Codec::new(HAS), folder.path(), memory);
        // far below what anyone would configure, so that few rows make many runs
        sorter.capacity = memory;
        for (place, (key, rank)) in input.iter().enumerate() {
            let row = Row { longs: [*key, place as i64, 0, 0], ..Row::default() };
            sorter.push(&Ranked { row, rank: *rank, line: 0 }).expect("push");
        }
        let runs = sorter.runs.len();
        let mut sorted = sorter.finish().expect("finish");
        let mut found = Vec::new();
        while let Some(ranked) = sorted.next().expect("next") {
            found.push((ranked.row.longs[0], Reverse(ranked.rank), ranked.row.longs[1]));
        }
        let mut expect: Vec<_> = input
            .iter()
            .enumerate()
            .map(|(place, (key, rank))| (*key, Reverse(*rank), place as i64))
            .collect();
        expect.sort_unstable();
        assert_eq!(found, expect);
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
        runs
    }

    #[test]
    fn merges_in_passes_when_there_are_many_runs() {
        // ranks grow with the place, as units are read one after the other
        let input: Vec<(i64, u16)> =
            (0..9_000_i64).map(|n| ((n * 7_919) % 1_000, (n / 3_000) as u16)).collect();
        assert!(check(&input, 2) > FAN_IN * FAN_IN, "three passes");
        assert_eq!(check(&input, 100_000), 0);
        assert_eq!(check(&[], 10), 0);
    }

    proptest! {
        #[test]
        fn any_input_is_sorted(
            keys in prop::collection::vec(-5_i64..5, 0..200),
            ranks in 1_usize..4,
            memory in 1_usize..50,
        ) {
            let input: Vec<(i64, u16)> = keys
                .iter()
                .enumerate()
                .map(|(n, key)| (*key, (n * ranks / keys.len().max(1)) as u16))
                .collect();
            check(&input, memory);
        }
    }
}
