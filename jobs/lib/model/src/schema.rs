//! The tables: columns, natural keys, partitions and constraints. One place; Arrow and Delta
//! schemas, the Glue catalog and docs/reference/tables.md are made from here.
//!
//! Prices and rates are `decimal(18,8)`; quantities, volumes and quote amounts of single rows
//! `decimal(28,8)`; sums `decimal(38,8)`; what a source prints with sixteen digits after the point
//! `decimal(38,16)`; ratios that we make `double`. Instants are microseconds in UTC.
//! The columns themselves stand in [`columns`], [`beside_trades`], [`companies`] and [`analysis`].

mod analysis;
mod beside_trades;
mod columns;
mod companies;

use crate::words::words;
pub use analysis::{ANOMALIES, FEATURES, INDICATORS, LABELS, SIGNALS, SPREADS};
pub use beside_trades::{FUNDING, INSTRUMENTS, METRICS, PRICE_KLINES, QUOTES};
pub use columns::{
    AGG_TRADES, ARCHIVES, BARS, BUILDS, CHECKS, COVERAGE, DAILY, KLINES, REJECTS, RESTATEMENTS,
    RUNS, TRADES,
};
pub use companies::{ACTIONS, AS_OF, FUNDAMENTALS, LAST_QUOTES};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// IEEE 754 double: ratios and indicators only.
    Double,
    /// Exact decimal of (precision, scale).
    Decimal(u8, i8),
    /// UTF-8 text.
    Text,
    /// A calendar day.
    Date,
    /// An instant: microseconds since the epoch, UTC.
    Timestamp,
}

impl ColumnType {
    /// The type as the catalog (Athena, Glue) writes it.
    pub fn catalog_name(self) -> String {
        match self {
            Self::Boolean => "boolean".into(),
            Self::Int => "int".into(),
            Self::Long => "bigint".into(),
            Self::Double => "double".into(),
            Self::Decimal(precision, scale) => format!("decimal({precision},{scale})"),
            Self::Text => "string".into(),
            Self::Date => "date".into(),
            Self::Timestamp => "timestamp".into(),
        }
    }
}

/// Ids of trades and numbers of trades lie from 0 to below this: every double holds them exactly,
/// and neither sums nor differences of them overflow.
pub const ID_LIMIT: i64 = 1 << 53;

/// Prices of single rows.
pub const PRICE: ColumnType = ColumnType::Decimal(18, 8);
/// Quantities, volumes and quote amounts of single rows.
pub const QUANTITY: ColumnType = ColumnType::Decimal(28, 8);
/// What a source prints with sixteen digits after the point.
pub const FINE: ColumnType = ColumnType::Decimal(38, 16);
/// Sums of quantities.
pub const SUM: ColumnType = ColumnType::Decimal(38, 8);

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether a data file has it in all of its rows or in none, as sources state it or do not.
    pub by_file: bool,
    /// What it means, with its unit.
    pub doc: &'static str,
}

impl Column {
    /// The column as a file has it whose source states it: not nullable, if it is one of those that
    /// only some sources state. All files had it so once, and bytes stay as they were.
    #[must_use]
    pub const fn stated(self) -> Self {
        Self { nullable: self.nullable && !self.by_file, ..self }
    }
}

/// What a table is.
#[derive(Debug, Clone, Copy)]
pub struct TableSchema {
    /// Columns in order, the partition columns included (they stand first).
    pub columns: &'static [Column],
    /// Partition columns in order; a prefix of `columns`. They are in the path, not in the file.
    pub partitions: &'static [&'static str],
    /// The natural key; rows of a file are sorted by it.
    pub key: &'static [&'static str],
    /// Delta constraints: (name, SQL).
    pub constraints: &'static [(&'static str, &'static str)],
    /// What the table is for.
    pub doc: &'static str,
}

impl TableSchema {
    /// The columns that are in the data files: all but the partitions.
    pub fn file_columns(&self) -> &'static [Column] {
        &self.columns[self.partitions.len()..]
    }

    /// The partition columns.
    pub fn partition_columns(&self) -> &'static [Column] {
        &self.columns[..self.partitions.len()]
    }
}

words! {
    /// A table of the lake, named `schema.table`.
    Table, "table" {
        /// A row for each fetched version of each archive: the ledger.
        Archives = "bronze.archives",
        /// Single trades.
        Trades = "silver.trades",
        /// Aggregate trades.
        AggTrades = "silver.agg_trades",
        /// The exchange's own bars.
        Klines = "silver.klines",
        /// Bars of prices that nobody trades at: mark, index, premium.
        PriceKlines = "silver.price_klines",
        /// Funding rates.
        Funding = "silver.funding",
        /// Best bids and asks.
        Quotes = "silver.quotes",
        /// Open interest and long/short ratios.
        Metrics = "silver.metrics",
        /// What is known of companies, by the day on which it was asked for.
        Fundamentals = "silver.fundamentals",
        /// The last prices of shares, by the day on which they were asked for.
        LastQuotes = "silver.last_quotes",
        /// Splits and dividends, by the day on which they were asked for.
        Actions = "silver.actions",
        /// Everything unreadable, with the raw text.
        Rejects = "silver.rejects",
        /// What instruments are and were.
        Instruments = "silver.instruments",
        /// What a newer version of an archive says otherwise than the one before.
        Restatements = "silver.restatements",
        /// Bars that we made.
        Bars = "gold.bars",
        /// Daily figures.
        Daily = "gold.daily",
        /// How far bid and ask lay apart.
        Spreads = "gold.spreads",
        /// Technical indicators.
        Indicators = "gold.indicators",
        /// What is unusual about bars.
        Anomalies = "gold.anomalies",
        /// Signals that bars give.
        Signals = "gold.signals",
        /// What is known of each bar, for models.
        Features = "gold.features",
        /// What came after each bar, for models.
        Labels = "gold.labels",
        /// A row for each run.
        Runs = "ops.runs",
        /// A row for each group that silver built: from what, and what became of every row.
        Builds = "ops.builds",
        /// For each symbol and day: available, pending, missing, corrupt or degraded.
        Coverage = "ops.coverage",
        /// Results of checks.
        Checks = "ops.checks",
    }
}

impl Table {
    /// Those that datasets are parsed into.
    pub const SILVER: &'static [Self] = &[
        Self::Trades,
        Self::AggTrades,
        Self::Klines,
        Self::PriceKlines,
        Self::Funding,
        Self::Quotes,
        Self::Metrics,
        Self::Fundamentals,
        Self::LastQuotes,
        Self::Actions,
    ];
    /// Those of them that bars are made from.
    pub const OF_BARS: &'static [Self] = &[Self::Trades, Self::AggTrades, Self::Klines];
    /// Those whose files are the same whenever the same archives went in.
    pub const DERIVED: &'static [Self] = &[
        Self::Trades,
        Self::AggTrades,
        Self::Klines,
        Self::PriceKlines,
        Self::Funding,
        Self::Quotes,
        Self::Metrics,
        Self::Fundamentals,
        Self::LastQuotes,
        Self::Actions,
        Self::Rejects,
        Self::Bars,
        Self::Daily,
        Self::Spreads,
        Self::Indicators,
        Self::Anomalies,
        Self::Signals,
        Self::Features,
        Self::Labels,
    ];

    /// The part before the dot: `silver`.
    pub fn zone(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(zone, _)| zone)
    }

    /// The part after the dot: `trades`.
    pub fn name(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(_, name)| name)
    }

    /// Its schema.
    pub const fn schema(self) -> &'static TableSchema {
        match self {
            Self::Archives => &ARCHIVES,
            Self::Trades => &TRADES,
            Self::AggTrades => &AGG_TRADES,
            Self::Klines => &KLINES,
            Self::PriceKlines => &PRICE_KLINES,
            Self::Funding => &FUNDING,
            Self::Quotes => &QUOTES,
            Self::Metrics => &METRICS,
            Self::Fundamentals => &FUNDAMENTALS,
            Self::LastQuotes => &LAST_QUOTES,
            Self::Actions => &ACTIONS,
            Self::Rejects => &REJECTS,
            Self::Instruments => &INSTRUMENTS,
            Self::Restatements => &RESTATEMENTS,
            Self::Bars => &BARS,
            Self::Daily => &DAILY,
            Self::Spreads => &SPREADS,
            Self::Indicators => &INDICATORS,
            Self::Anomalies => &ANOMALIES,
            Self::Signals => &SIGNALS,
            Self::Features => &FEATURES,
            Self::Labels => &LABELS,
            Self::Runs => &RUNS,
            Self::Builds => &BUILDS,
            Self::Coverage => &COVERAGE,
            Self::Checks => &CHECKS,
        }
    }

    /// The silver table that a dataset is parsed into.
    pub const fn of_dataset(dataset: crate::Dataset) -> Self {
        match dataset {
            crate::Dataset::Trades => Self::Trades,
            crate::Dataset::AggTrades => Self::AggTrades,
            crate::Dataset::Klines => Self::Klines,
            crate::Dataset::MarkKlines
            | crate::Dataset::IndexKlines
            | crate::Dataset::PremiumKlines => Self::PriceKlines,
            crate::Dataset::Funding => Self::Funding,
            crate::Dataset::Quotes => Self::Quotes,
            crate::Dataset::Metrics => Self::Metrics,
            crate::Dataset::Fundamentals => Self::Fundamentals,
            crate::Dataset::LastQuotes => Self::LastQuotes,
            crate::Dataset::Splits | crate::Dataset::Dividends => Self::Actions,
        }
    }
}

words! {
    /// Why a line is not in silver. A partition of `silver.rejects`.
    RejectReason, "reject reason" {
        /// A field cannot be read as its type.
        Unreadable = "unreadable",
        /// Fewer or more fields than the dataset has (a fused or a torn line).
        FieldCount = "field_count",
        /// A number does not fit the column's decimal.
        OutOfRange = "out_of_range",
        /// The row's time lies outside its archive's period.
        OutsidePeriod = "outside_period",
        /// The line is longer than any row can be.
        TooLong = "too_long",
        /// A row whose key another row has that says something else. The other one is in
        /// silver; this one counts as a duplicate and not as rejected.
        ConflictingDuplicate = "conflicting_duplicate",
    }
}

words! {
    /// What a line of `silver.restatements` tells of a row.
    Restatement, "kind of restatement" {
        /// A column of it has another value.
        Changed = "changed",
        /// The newer version does not have it: a line for each value that it had.
        Removed = "removed",
        /// The older version did not have it: a line for each value that it has.
        Added = "added",
        /// So many more rows differ than are told one by one.
        More = "more",
    }
}

words! {
    /// What is remarkable about a silver row; the column `issues` lists these words, joined
    /// by commas, in the order given here.
    Issue, "issue" {
        /// The price is not positive.
        NonPositivePrice = "non_positive_price",
        /// The quantity or volume is negative, or a trade's quantity is zero.
        BadQuantity = "bad_quantity",
        /// high < low, or open or close outside of [low, high].
        OhlcRelation = "ohlc_relation",
        /// Taker volume exceeds volume.
        TakerExceedsVolume = "taker_exceeds_volume",
        /// first_trade_id > last_trade_id.
        TradeIdOrder = "trade_id_order",
        /// The time lies more than a day ahead of the time the archive was fetched. Of former
        /// versions only: the time of fetching is nothing that an archive says.
        InFuture = "in_future",
        /// Quote quantity differs from price × quantity by more than rounding.
        QuoteMismatch = "quote_mismatch",
        /// A bar that does not open on its timeframe's grid (seen after outages). Still valid.
        OffGrid = "off_grid",
        /// A bar that closes before its timeframe ends (seen around maintenance). Still valid.
        EarlyClose = "early_close",
        /// Another row with the same key and other content was dropped; it stands in
        /// silver.rejects. Still valid.
        ConflictingDuplicate = "conflicting_duplicate",
        /// An aggregate that the exchange voided: price and quantity 0, trade ids −1. It stands
        /// for nothing, and its day is none the worse for it.
        Voided = "voided",
        /// Another row has the same id and is of other trades: both stay. Still valid.
        IdRepeated = "id_repeated",
        /// The trades of this aggregate are in others with lesser ids already: nothing is lost.
        RepeatsTrades = "repeats_trades",
        /// Some trades of this aggregate are in others with lesser ids already, and some are not:
        /// to count none twice, these are lost.
        OverlapsTrades = "overlaps_trades",
        /// An id is negative or not below 2^53.
        IdOutOfRange = "id_out_of_range",
        /// The number of a bar's trades is negative or not below 2^53.
        BadCount = "bad_count",
        /// A quantity or volume of less than 1e-8 that is not 0. It stands as 0.
        QuantityUnderflow = "quantity_underflow",
        /// The best bid is above the best ask.
        CrossedQuote = "crossed_quote",
        /// A funding rate that is for no number of hours from 1 to 24.
        BadInterval = "bad_interval",
        /// The source left a figure blank; it is null. Still valid.
        Blank = "blank",
        /// The file's clock shows this time twice, and only the order of the lines tells which one is
        /// meant. Still valid.
        AmbiguousTime = "ambiguous_time",
        /// Nothing in the file tells whether its clock is the configured one in this week. Still valid.
        UnverifiedClock = "unverified_clock",
        /// The hours of the market in the file contradict the configured clock: the time is likely
        /// hours wrong.
        ContradictsClock = "contradicts_clock",
        /// A price lies outside of what the market's instruments may have (`price_bounds`).
        PriceOutOfBounds = "price_out_of_bounds",
        /// What the source's API said before its archive was there, which replaces it. Still valid.
        Provisional = "provisional",
    }
}

impl Issue {
    /// Whether a row with this issue is still valid.
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::OffGrid
                | Self::EarlyClose
                | Self::ConflictingDuplicate
                | Self::IdRepeated
                | Self::Blank
                | Self::AmbiguousTime
                | Self::UnverifiedClock
                | Self::Provisional
        )
    }

    /// The bit that stands for this issue in a set.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Issues(pub u32);

impl Issues {
    /// Adds an issue.
    pub const fn add(&mut self, issue: Issue) {
        self.0 |= issue.bit();
    }

    /// Whether a row with these issues is valid.
    pub fn is_valid(self) -> bool {
        Issue::ALL.iter().all(|i| i.is_harmless() || self.0 & i.bit() == 0)
    }

    /// The words joined by commas; `None` when there are none.
    pub fn text(self) -> Option<String> {
        (self.0 != 0).then(|| {
            Issue::ALL
                .iter()
                .filter(|i| self.0 & i.bit() != 0)
                .map(|i| i.as_str())
                .collect::<Vec<_>>()
                .join(",")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_hold_together() {
        for table in Table::ALL {
            let schema = table.schema();
            let names: Vec<_> = schema.columns.iter().map(|c| c.name).collect();
            assert_eq!(&names[..schema.partitions.len()], schema.partitions, "{table}");
            for key in schema.key {
                assert!(names.contains(key), "{table}: key column {key}");
            }
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{table}: a column stands twice");
            for column in schema.columns {
                assert!(!column.doc.is_empty() && column.name != "interval", "{table}");
            }
            for partition in schema.partition_columns() {
                assert!(!partition.nullable, "{table}.{}", partition.name);
            }
        }
    }

    #[test]
    fn the_tables_of_datasets_are_told_as_such() {
        for table in Table::ALL {
            let of_dataset = crate::Dataset::ALL.iter().any(|d| Table::of_dataset(*d) == *table);
            assert_eq!(Table::SILVER.contains(table), of_dataset, "{table}");
            let is_built = Table::SILVER.contains(table) || *table == Table::Rejects;
            // what is told of instruments is of no archive; what was restated is remembered, and is not
            // made anew from what is current
            let is_kept = matches!(table, Table::Instruments | Table::Restatements);
            assert_eq!(table.zone() == "silver", is_built || is_kept, "{table}");
            let is_derived = is_built || table.zone() == "gold";
            assert_eq!(Table::DERIVED.contains(table), is_derived, "{table}");
        }
    }

    #[test]
    fn issues_read_as_words() {
        let mut issues = Issues::default();
        assert_eq!((issues.is_valid(), issues.text()), (true, None));
        issues.add(Issue::OffGrid);
        assert_eq!((issues.is_valid(), issues.text().as_deref()), (true, Some("off_grid")));
        issues.add(Issue::BadQuantity);
        assert_eq!(
            (issues.is_valid(), issues.text().as_deref()),
            (false, Some("bad_quantity,off_grid"))
        );
    }
}
