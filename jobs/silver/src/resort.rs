//! The slow path of a group: rows in any order are sorted, deduplicated over the whole group
//! and dealt out to their partitions.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use model::partition::Grain;
use source::form::Form;
use source::rows::Rows;

use crate::error::SilverError;
use crate::output::{Output, Ranks};
use crate::partition::{self, Ordinal};
use crate::record::{Codec, Ranked};
use crate::repeats::Repeats;
use crate::settle::{Dropped, Settler};
use crate::sort::{Records, Sorter, Spill};

/// Rows written at once.
const BATCH: usize = 16_384;

/// Takes rows in any order.
#[derive(Debug)]
pub(crate) struct Resort {
    sorter: Sorter,
    codec: Codec,
    form: &'static Form,
    folder: PathBuf,
    grain: Grain,
    /// Least and greatest key in each partition.
    keys: BTreeMap<Ordinal, (i64, i64)>,
}

impl Resort {
    /// For rows of a form, in about `memory` bytes, with spill files in `folder`.
    pub(crate) fn new(form: &'static Form, grain: Grain, folder: &Path, memory: usize) -> Self {
        let codec = Codec::new(form.has);
        Self {
            sorter: Sorter::new(codec, folder, memory),
            codec,
            form,
            folder: folder.to_owned(),
            grain,
            keys: BTreeMap::new(),
        }
    }

    /// Takes the rows of one unit and empties them.
    pub(crate) fn take(&mut self, rows: &mut Rows, rank: u16) -> Result<(), SilverError> {
        for at in 0..rows.len() {
            let row = rows.get(at);
            let key = row.longs[0];
            let ordinal = partition::ordinal(self.grain, row.longs[self.form.time]);
            let (least, greatest) = self.keys.entry(ordinal).or_insert((key, key));
            *least = key.min(*least);
            *greatest = key.max(*greatest);
            self.sorter.push(&Ranked { row, rank, line: rows.line(at) })?;
        }
        rows.clear();
        Ok(())
    }

    /// Writes what is left after deduplication to `output`, and tells what was dropped.
    pub(crate) fn finish(
        self,
        output: &mut Output<'_>,
        units: usize,
    ) -> Result<Dropped, SilverError> {
        let mut dropped = Dropped::new(&self.folder, units);
        let ranges: Vec<_> = self.keys.values().collect();
        let dates_follow_keys = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let mut deal = Dealer {
            codec: self.codec,
            grain: self.grain,
            form: self.form,
            folder: self.folder,
            batch: Batch {
                output,
                rows: Rows::new(self.form.has),
                ranks: Vec::new(),
                ordinal: None,
            },
            repeats: Repeats::of(self.form),
            // where dates do not follow keys, each partition is gathered before it is encoded
            spills: (!dates_follow_keys).then(BTreeMap::new),
            record: Vec::new(),
        };
        let mut sorted = self.sorter.finish()?;
        let mut settler = Settler::new(self.form.same_key);
        while let Some(next) = sorted.next()? {
            if settler.key().is_some_and(|key| key != next.row.longs[0]) {
                for kept in settler.take() {
                    deal.take(kept)?;
                }
            }
            settler.add(next, &mut dropped)?;
        }
        drop(sorted);
        for kept in settler.take() {
            deal.take(kept)?;
        }
        deal.finish()?;
        Ok(dropped)
    }
}

/// Deals rows in key order out to their partitions.
struct Dealer<'o, 'a> {
    codec: Codec,
    grain: Grain,
    form: &'static Form,
    folder: PathBuf,
    repeats: Option<Repeats>,
    batch: Batch<'o, 'a>,
    spills: Option<BTreeMap<Ordinal, Spill>>,
    record: Vec<u8>,
}

impl Dealer<'_, '_> {
    fn take(&mut self, mut ranked: Ranked) -> Result<(), SilverError> {
        if let Some(repeats) = &mut self.repeats {
            repeats.mark_one(&mut ranked.row);
        }
        let ordinal = partition::ordinal(self.grain, ranked.row.longs[self.form.time]);
        let Some(spills) = &mut self.spills else {
            return self.batch.push(ordinal, &ranked);
        };
        let spill = match spills.entry(ordinal) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(none) => {
                none.insert(Spill::create(&self.folder)?)
            }
        };
        self.record.clear();
        self.codec.encode(&ranked, &mut self.record);
        spill.write(&self.record)
    }

    fn finish(mut self) -> Result<(), SilverError> {
        let files: Vec<(Ordinal, File)> = self
            .spills
            .take()
            .into_iter()
            .flatten()
            .map(|(ordinal, spill)| Ok((ordinal, spill.finish()?)))
            .collect::<Result<_, SilverError>>()?;
        for (ordinal, file) in files {
            let mut records = Records::new(self.codec, file, &self.folder);
            while let Some(record) = records.next()? {
                self.batch.push(ordinal, &self.codec.decode(record))?;
            }
        }
        self.batch.flush()
    }
}

/// Gathers rows of one partition for the output.
struct Batch<'o, 'a> {
    output: &'o mut Output<'a>,
    rows: Rows,
    ranks: Vec<u16>,
    ordinal: Option<Ordinal>,
}

impl Batch<'_, '_> {
    fn push(&mut self, ordinal: Ordinal, ranked: &Ranked) -> Result<(), SilverError> {
        if self.ordinal != Some(ordinal) || self.rows.len() == BATCH {
            self.flush()?;
            self.ordinal = Some(ordinal);
        }
        self.rows.push(&ranked.row);
        self.ranks.push(ranked.rank);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SilverError> {
        if let Some(ordinal) = self.ordinal {
            let first = self.ranks.first().copied().unwrap_or(0);
            let ranks = if self.ranks.iter().all(|rank| *rank == first) {
                Ranks::One(first)
            } else {
                Ranks::Each(&self.ranks)
            };
            self.output.write(ordinal, &self.rows, 0..self.rows.len(), ranks)?;
        }
        self.rows.clear();
        self.ranks.clear();
        Ok(())
    }
}
