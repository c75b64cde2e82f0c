//! What is asked for anew because all past of a series has changed at once: prices that are changed for
//! splits, when the source tells of another split. Pure.
//!
//! That a split is new is known without a look into the answers: they are others than those before. What was
//! asked for since then has it already, so each split asks for a unit once.

use chrono::{DateTime, Utc};
use model::config::Series;
use model::fragment::ArchiveStatus;
use model::human::plural;
use model::ledger::{Ledger, LedgerRow};
use model::{Dataset, Day, Period, Unit};
use source::Provider;
use source::offer::unit;

/// What changed all past of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restated {
    /// What tells of it.
    dataset: Dataset,
    /// Since when the source tells it.
    since: DateTime<Utc>,
}

impl Restated {
    /// The last change that the source has told; `None` where none is known.
    pub(crate) fn of(
        series: &Series,
        ledger: &Ledger,
        provider: &dyn Provider,
        today: Day,
    ) -> Option<Self> {
        let (market, dataset) = provider.restated_by(series.market)?;
        let asked = |day| {
            let of = unit(series, Period::Day(day));
            Unit { market, dataset, timeframe: None, ..of }.id()
        };
        // by their days
        let rows = ledger.archives.range(asked(Day::of_epoch_days(0)?)..=asked(today));
        // that there is none yet is an answer too, and the first one is then new
        let told = |row: &LedgerRow| match row.status {
            ArchiveStatus::Missing => Some(None),
            status if status.is_usable() => Some(Some(row.etag.clone().unwrap_or_default())),
            _ => None,
        };
        let told: Vec<_> = rows.filter_map(|(_, row)| Some((told(row)?, row.fetched_at))).collect();
        // one that the source forgets for a day was told before: it is no other
        let mut last = told.first()?.0.clone();
        let mut since = None;
        for (answer, at) in told.into_iter().skip(1).filter(|(answer, _)| answer.is_some()) {
            if answer != last {
                since = Some(at);
            }
            last = answer;
        }
        since.map(|since| Self { dataset, since })
    }

    /// Whether what is held of a unit was asked for before.
    pub(crate) fn is_of(self, row: &LedgerRow) -> bool {
        row.status.is_usable() && row.fetched_at < self.since
    }

    /// What is said of so many units that are asked for anew.
    pub(crate) fn words(self, series: &Series, count: usize) -> String {
        let Self { dataset, since } = self;
        let name = unit(series, Period::Day(series.from)).series();
        let (units, since) = (plural(count as u64, "unit"), since.format("%F %R UTC"));
        format!(
            "{name}: {dataset} of {} are told otherwise since {since}; {units} that were asked for before \
             are asked for anew",
            series.symbol
        )
    }
}
