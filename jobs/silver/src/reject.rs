//! The reject files of one unit: one a reason, in line order. See decision 0007.

use std::collections::BTreeMap;

use model::schema::{RejectReason, Table};
use model::{Day, Unit};
use store::Lake;
use store::parquet::{ColumnarFile, Finished, Values};

use crate::error::SilverError;
use crate::parse::Reject;

/// Rows of a row group of rejects: they carry text, so fewer than elsewhere.
const ROW_GROUP_ROWS: usize = 65_536;

/// Reject files in the making. Dropped before [`RejectFiles::finish`], they leave nothing
/// behind.
#[derive(Debug)]
pub(crate) struct RejectFiles<'a> {
    lake: &'a Lake,
    unit: &'a Unit,
    raw_sha256: &'a str,
    open: BTreeMap<RejectReason, ColumnarFile>,
    count: u64,
}

impl<'a> RejectFiles<'a> {
    /// No files yet.
    pub(crate) const fn new(lake: &'a Lake, unit: &'a Unit, raw_sha256: &'a str) -> Self {
        Self { lake, unit, raw_sha256, open: BTreeMap::new(), count: 0 }
    }

    /// Rejects so far.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Adds rejects and empties the list.
    pub(crate) fn take(&mut self, rejects: &mut Vec<Reject>) -> Result<(), SilverError> {
        if rejects.is_empty() {
            return Ok(());
        }
        self.count += rejects.len() as u64;
        let (id, period) = (self.unit.id(), self.unit.period.to_string());
        for reason in RejectReason::ALL {
            let own: Vec<&Reject> =
                rejects.iter().filter(|reject| reject.fault.reason == *reason).collect();
            if own.is_empty() {
                continue;
            }
            let lines: Vec<i64> = own.iter().map(|r| r.line as i64).collect();
            let fields: Vec<_> = own.iter().map(|r| r.fault.field).collect();
            let found: Vec<_> = own.iter().map(|r| Some(r.fault.found.as_str())).collect();
            let expected: Vec<_> = own.iter().map(|r| Some(r.fault.expected.as_ref())).collect();
            let raw: Vec<_> = own.iter().map(|r| Some(r.raw.as_str())).collect();
            let days: Vec<_> = own.iter().map(|r| r.day.map(Day::epoch_days)).collect();
            let values = [
                Values::ConstText(id.as_str()),
                Values::ConstText(self.unit.market.as_str()),
                Values::ConstText(self.unit.dataset.as_str()),
                Values::ConstText(self.unit.symbol.as_str()),
                self.unit.timeframe.map_or(Values::Null, |t| Values::ConstText(t.as_str())),
                Values::ConstText(&period),
                Values::Long(&lines),
                Values::Text(&fields),
                Values::Text(&found),
                Values::Text(&expected),
                Values::Text(&raw),
                Values::ConstText(self.raw_sha256),
                Values::Days(&days),
            ];
            let file = match self.open.entry(*reason) {
                std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
                std::collections::btree_map::Entry::Vacant(none) => {
                    none.insert(ColumnarFile::create(self.lake, Table::Rejects, ROW_GROUP_ROWS)?)
                }
            };
            file.write(own.len(), &values)?;
        }
        rejects.clear();
        Ok(())
    }

    /// Ends the files.
    pub(crate) fn finish(self) -> Result<Vec<(RejectReason, Finished)>, SilverError> {
        self.open.into_iter().map(|(reason, file)| Ok((reason, file.finish()?))).collect()
    }
}
