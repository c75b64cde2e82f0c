//! The data files of a group in the making: one a partition, opened one after the other.

use std::collections::HashMap;
use std::ops::Range;

use model::schema::{Column, Issues, Table};
use source::form::{Form, MadeOf};
use source::rows::{AmountSlice, NO_AMOUNT, NO_PRICE, Rows};
use store::Lake;
use store::parquet::{ColumnarFile, Finished, Values};

use crate::error::SilverError;
use crate::partition::Ordinal;

/// Which archive rows came from, as ranks of units in their group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ranks<'a> {
    /// All from one.
    One(u16),
    /// Each from its own.
    Each(&'a [u16]),
}

/// Rows that went into silver, of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Written {
    /// All of them.
    pub(crate) rows: u64,
    /// Those that are not valid.
    pub(crate) invalid: u64,
}

/// A file for each partition that has rows, in order.
pub(crate) type PartitionFiles = Vec<(Ordinal, Finished)>;

/// Writes partitions in order. Dropped before [`Output::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    lake: &'a Lake,
    table: Table,
    form: &'static Form,
    row_group_rows: usize,
    /// SHA-256 of each unit's archive, by rank.
    raws: Vec<String>,
    open: Option<(Ordinal, ColumnarFile)>,
    done: PartitionFiles,
    written: Vec<Written>,
    words: HashMap<u32, String>,
}

impl<'a> Output<'a> {
    /// No files yet, for units whose archives have the SHA-256 `raws`.
    pub(crate) fn new(
        lake: &'a Lake,
        table: Table,
        form: &'static Form,
        row_group_rows: usize,
        raws: Vec<String>,
    ) -> Self {
        let written = vec![Written::default(); raws.len()];
        Self {
            lake,
            table,
            form,
            row_group_rows,
            raws,
            open: None,
            done: Vec::new(),
            written,
            words: HashMap::new(),
        }
    }

    /// Adds rows to the partition at `ordinal`. Partitions come in order.
    pub(crate) fn write(
        &mut self,
        ordinal: Ordinal,
        rows: &Rows,
        range: Range<usize>,
        ranks: Ranks<'_>,
    ) -> Result<(), SilverError> {
        if range.is_empty() {
            return Ok(());
        }
        let count = range.len();
        if let Some((ended, file)) = self.open.take_if(|(open, _)| *open != ordinal) {
            self.done.push((ended, file.finish()?));
        }
        if self.open.is_none() {
            let columns = columns(self.table, self.form);
            let rows = self.row_group_rows;
            let file = ColumnarFile::with_columns(self.lake, self.table, columns, rows)?;
            self.open = Some((ordinal, file));
        }

        let flagged: Vec<(usize, Issues)> = rows.issues_in(range.clone()).collect();
        for (_, issues) in &flagged {
            self.words.entry(issues.0).or_insert_with(|| issues.text().unwrap_or_default());
        }
        self.count(count, &flagged, ranks);
        let mut valid = Vec::new();
        let mut words: Vec<Option<&str>> = Vec::new();
        if !flagged.is_empty() {
            valid.resize(count, true);
            words.resize(count, None);
            for (row, issues) in &flagged {
                valid[*row] = issues.is_valid();
                words[*row] = self.words.get(&issues.0).map(String::as_str);
            }
        }
        let raws: Vec<Option<&str>> = match ranks {
            Ranks::One(_) => Vec::new(),
            Ranks::Each(ranks) => {
                ranks.iter().map(|rank| Some(self.raws[usize::from(*rank)].as_str())).collect()
            }
        };

        let sparse: Vec<Vec<Option<i128>>> =
            self.form.columns.iter().map(|from| sparse(*from, rows, range.clone())).collect();
        let columns = self.form.columns.iter().zip(&sparse);
        let values: Vec<Values<'_>> = columns
            .map(|(from, sparse)| match *from {
                MadeOf::Long(slot) => Values::Long(&rows.longs[slot][range.clone()]),
                MadeOf::Instant(slot) => Values::Micros(&rows.longs[slot][range.clone()]),
                MadeOf::Price(slot) => Values::Decimal64(&rows.prices[slot][range.clone()]),
                MadeOf::Amount(slot) => match rows.amounts[slot].slice(range.clone()) {
                    AmountSlice::Narrow(values) => Values::Decimal64(values),
                    AmountSlice::Wide(values) => Values::Decimal128(values),
                },
                MadeOf::MaybePrice(_) | MadeOf::MaybeFine(_) => Values::Sparse(sparse),
                MadeOf::Flag(slot) => Values::Bool(&rows.flags[slot][range.clone()]),
                MadeOf::Null => Values::Null,
                MadeOf::Valid if flagged.is_empty() => Values::ConstBool(true),
                MadeOf::Valid => Values::Bool(&valid),
                MadeOf::Issues if flagged.is_empty() => Values::Null,
                MadeOf::Issues => Values::Text(&words),
                MadeOf::Raw => match ranks {
                    Ranks::One(rank) => Values::ConstText(&self.raws[usize::from(rank)]),
                    Ranks::Each(_) => Values::Text(&raws),
                },
            })
            .collect();
        if let Some((_, file)) = &mut self.open {
            file.write(count, &values)?;
        }
        Ok(())
    }

    fn count(&mut self, count: usize, flagged: &[(usize, Issues)], ranks: Ranks<'_>) {
        let rank_of = |row: usize| match ranks {
            Ranks::One(rank) => usize::from(rank),
            Ranks::Each(ranks) => usize::from(ranks[row]),
        };
        match ranks {
            Ranks::One(rank) => self.written[usize::from(rank)].rows += count as u64,
            Ranks::Each(ranks) => {
                for rank in ranks {
                    self.written[usize::from(*rank)].rows += 1;
                }
            }
        }
        for (row, issues) in flagged {
            if !issues.is_valid() {
                self.written[rank_of(*row)].invalid += 1;
            }
        }
    }

    /// Ends the files: those of each partition, in order, and what was written of each unit.
    pub(crate) fn finish(mut self) -> Result<(PartitionFiles, Vec<Written>), SilverError> {
        if let Some((ordinal, file)) = self.open.take() {
            self.done.push((ordinal, file.finish()?));
        }
        Ok((self.done, self.written))
    }
}

/// The columns of files of a form: those that it states are no nullable ones.
fn columns(table: Table, form: &Form) -> Vec<Column> {
    let all = table.schema().file_columns().iter().zip(form.columns);
    all.map(|(column, from)| match from {
        MadeOf::Null => *column,
        _ => column.stated(),
    })
    .collect()
}

/// The values of a column that may be blank; none of any other.
fn sparse(from: MadeOf, rows: &Rows, range: Range<usize>) -> Vec<Option<i128>> {
    match from {
        MadeOf::MaybePrice(slot) => {
            let values = rows.prices[slot][range].iter();
            values.map(|value| (*value != NO_PRICE).then(|| i128::from(*value))).collect()
        }
        MadeOf::MaybeFine(slot) => {
            let values = range.map(|row| rows.amounts[slot].get(row));
            values.map(|value| (value != NO_AMOUNT).then_some(value)).collect()
        }
        _ => Vec::new(),
    }
}
