//! Of datasets whose rows come at equal distances, but for the exchange's klines, which have questions
//! of their own: where their rows should lie, in the words that the questions of `sql/checks/` take.

use model::config::Series;
use model::partition::Grain;
use model::schema::Table;
use model::{Dataset, Day};

/// Where the rows of a series should lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    table: Table,
    /// The place of the grid that a row has, in µs, as SQL.
    place: String,
    /// The day of a row, as SQL.
    day: &'static str,
    /// How far apart the rows of a day should be, in µs, as SQL over the day's rows.
    step: String,
    /// What else tells the series from others, as SQL.
    also: String,
    /// [`Self::step`] where it is the same always.
    pub(crate) fixed: Option<i64>,
}

impl Grid {
    /// The grid of a series; `None` of trades, quotes, klines and what is told of companies.
    pub(crate) fn of(series: &Series) -> Option<Self> {
        let rounded = |by: i64, step: i64| format!("time_us + {by} - (time_us + {by}) % {step}");
        let table = Table::of_dataset(series.dataset);
        Some(match series.dataset {
            Dataset::MarkKlines | Dataset::IndexKlines | Dataset::PremiumKlines => {
                let timeframe = series.timeframe?;
                let step = timeframe.micros();
                let price = series.dataset.price()?;
                Self {
                    table,
                    place: format!(
                        "CAST(open_time AS bigint) - CAST(open_time AS bigint) % {step}"
                    ),
                    day: "CAST(open_time AS date)",
                    step: step.to_string(),
                    also: format!("price = '{price}' AND timeframe = '{timeframe}'"),
                    fixed: Some(step),
                }
            }
            // worked out at a full hour, and some milliseconds to either side; the interval is the day's
            // greatest, so that one on which it changes lacks nothing
            Dataset::Funding => Self {
                table,
                place: rounded(1_800_000_000, 3_600_000_000),
                day: "CAST(time AS date)",
                step: "max(interval_hours) * 3600000000".to_owned(),
                also: "true".to_owned(),
                fixed: None,
            },
            // every five minutes, and sometimes a second late
            Dataset::Metrics => Self {
                table,
                place: rounded(30_000_000, 300_000_000),
                day: "date",
                step: "300000000".to_owned(),
                also: "true".to_owned(),
                fixed: Some(300_000_000),
            },
            Dataset::Trades
            | Dataset::AggTrades
            | Dataset::Klines
            | Dataset::Quotes
            | Dataset::Fundamentals
            | Dataset::LastQuotes
            | Dataset::Splits
            | Dataset::Dividends => {
                return None;
            }
        })
    }

    /// The words of `grid_days.sql` and `grid_gaps.sql` for the partitions of some days.
    pub(crate) fn words(&self, from: Day, to: Day) -> Vec<(&'static str, String)> {
        let within = match Grain::of(self.table) {
            Grain::Months => format!("month BETWEEN '{}' AND '{}'", from.month(), to.month()),
            Grain::Days => format!("date BETWEEN DATE '{from}' AND DATE '{to}'"),
        };
        vec![
            ("table", self.table.as_str().to_owned()),
            ("place", self.place.clone()),
            ("day", self.day.to_owned()),
            ("step", self.step.clone()),
            ("also", self.also.clone()),
            ("within", within),
        ]
    }
}
