//! The columns of the tables, but for those of `beside_trades`. Data only.

use super::ColumnType::{Boolean, Date, Double, Int, Long, Text, Timestamp};
use super::{Column, ColumnType, PRICE, QUANTITY, SUM, TableSchema};

pub(super) const fn col(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column { name, kind, nullable: false, by_file: false, doc }
}

pub(super) const fn opt(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column { name, kind, nullable: true, by_file: false, doc }
}

/// A column that not every source states.
const fn by_file(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column { name, kind, nullable: true, by_file: true, doc }
}

pub(super) const SOURCE: Column =
    col("source", Text, "where the data came from, as the configuration names it");
pub(super) const MARKET: Column = col("market", Text, "market of the source, such as spot");
pub(super) const SYMBOL: Column = col("symbol", Text, "instrument as the source writes it");
pub(super) const TIMEFRAME: Column = col("timeframe", Text, "length of a bar: 1m … 1d");
pub(super) const DATE: Column = col("date", Date, "UTC day of `time`");
pub(super) const MONTH: Column = col("month", Text, "UTC month of `open_time`, as 2024-01");
const TIME: Column = col("time", Timestamp, "instant of the trade, UTC");
pub(super) const TIME_US: Column =
    col("time_us", Long, "the same instant as µs since the epoch (Athena reads `time` at ms)");
const MAKER: Column =
    col("is_buyer_maker", Boolean, "whether the buyer was the maker (the taker sold)");
const BEST: Column = opt("is_best_match", Boolean, "the exchange's best-match flag; spot only");
pub(super) const IS_VALID: Column =
    col("is_valid", Boolean, "whether the row passed the row rules");
pub(super) const ISSUES: Column =
    opt("issues", Text, "what is remarkable about the row, joined by commas");
pub(super) const RAW: Column = col("raw_sha256", Text, "SHA-256 of the archive the row came from");
pub(super) const OPEN_TIME: Column = col("open_time", Timestamp, "first instant of the bar, UTC");
const OPEN: Column = col("open", PRICE, "first price, in the quote asset");
const HIGH: Column = col("high", PRICE, "highest price, in the quote asset");
const LOW: Column = col("low", PRICE, "lowest price, in the quote asset");
const COUNT: Column = opt(
    "trade_count",
    Long,
    "number of trades; null where a bar that it is made from does not state it",
);
pub(super) const CLOSE: Column = col("close", PRICE, "last price, in the quote asset");

/// `silver.trades`.
pub const TRADES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        DATE,
        col("trade_id", Long, "the exchange's id, contiguous per symbol"),
        TIME,
        TIME_US,
        col("price", PRICE, "price in the quote asset"),
        opt("quantity", QUANTITY, "quantity in the base asset"),
        opt(
            "quote_quantity",
            QUANTITY,
            "price × quantity in the quote asset; null where the market counts in contracts",
        ),
        opt("contracts", QUANTITY, "quantity in contracts, where the market counts in them"),
        MAKER,
        BEST,
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "date"],
    key: &["source", "market", "symbol", "trade_id"],
    constraints: &[("valid_price", "NOT is_valid OR price > 0")],
    doc: "single trades, one row a trade",
};

/// `silver.agg_trades`.
pub const AGG_TRADES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        DATE,
        col(
            "agg_trade_id",
            Long,
            "the exchange's id, contiguous per symbol; two rows may share one where they are of \
             other trades (issue id_repeated)",
        ),
        TIME,
        TIME_US,
        col("price", PRICE, "price in the quote asset"),
        opt(
            "quantity",
            QUANTITY,
            "quantity in the base asset; null where the market counts in contracts",
        ),
        opt("contracts", QUANTITY, "quantity in contracts, where the market counts in them"),
        col("first_trade_id", Long, "id of the first trade in it"),
        col("last_trade_id", Long, "id of the last trade in it"),
        MAKER,
        BEST,
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "date"],
    key: &["source", "market", "symbol", "agg_trade_id", "first_trade_id"],
    constraints: &[("valid_price", "NOT is_valid OR price > 0")],
    doc: "trades of one taker order at one price, aggregated by the exchange",
};

/// `silver.klines`.
pub const KLINES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        OPEN,
        HIGH,
        LOW,
        CLOSE,
        opt("volume", QUANTITY, "volume in the base asset"),
        opt(
            "quote_volume",
            QUANTITY,
            "volume in the quote asset; null where the market counts in contracts",
        ),
        opt("contract_volume", QUANTITY, "volume in contracts, where the market counts in them"),
        by_file("trade_count", Long, "number of trades; null where the source does not state it"),
        opt("taker_buy_volume", QUANTITY, "volume in the base asset bought by takers"),
        opt(
            "taker_buy_quote_volume",
            QUANTITY,
            "volume in the quote asset bought by takers; null where the market counts in contracts",
        ),
        opt(
            "taker_buy_contract_volume",
            QUANTITY,
            "contracts bought by takers, where the market counts in them",
        ),
        by_file(
            "close_time",
            Timestamp,
            "last instant of the bar as published, UTC; null where the source does not state it",
        ),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time"],
    constraints: &[("valid_ohlc", "NOT is_valid OR (low <= high)")],
    doc: "the exchange's own bars",
};

/// `silver.rejects`.
pub const REJECTS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        col("reason", Text, "why the line is not in silver"),
        col("unit", Text, "the archive's unit id"),
        MARKET,
        col("dataset", Text, "the dataset, as the configuration names it"),
        SYMBOL,
        opt("timeframe", Text, "length of a bar, where there are bars"),
        col("period", Text, "day or month of the archive"),
        col("line", Long, "line number in the member file, from 1, the header counted"),
        opt("field", Text, "the field at fault"),
        col("found", Text, "what was found there"),
        col("expected", Text, "what was expected"),
        col("raw_text", Text, "the line as received; bytes that are no UTF-8 as \u{fffd}"),
        col("raw_sha256", Text, "SHA-256 of the archive"),
        opt(
            "date",
            Date,
            "UTC day that the line is of, by its own time, else by the rows around it; null where \
             neither tells. A day outside of the archive's period is no loss of that archive",
        ),
    ],
    partitions: &["source", "reason"],
    key: &["unit", "line"],
    constraints: &[],
    doc: "every line that silver could not take, and every row whose key another one has that \
          says something else, with its text",
};

/// `silver.restatements`.
pub const RESTATEMENTS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        col("unit", Text, "the archive's unit id"),
        MARKET,
        col("dataset", Text, "the dataset, as the configuration names it"),
        SYMBOL,
        opt("timeframe", Text, "length of a bar, where there are bars"),
        col("period", Text, "day or month of the archive"),
        col(
            "change",
            Text,
            "changed, removed, added; more: so many rows differ that are not told one by one",
        ),
        opt(
            "row_key",
            Text,
            "what tells the row from others of its series, such as its open_time; several values are \
             joined by commas; null in a line of change more",
        ),
        opt("time", Timestamp, "instant of the row, UTC; null in a line of change more"),
        opt("column_name", Text, "the column; null in a line of change more"),
        opt("old_value", Text, "what it said before, to the last digit; null: nothing"),
        opt("new_value", Text, "what it says since, to the last digit; null: nothing"),
        col("row_count", Long, "rows that the line tells of: 1, or those of a line of change more"),
        col("sha256_before", Text, "SHA-256 of the version before, which bronze keeps"),
        col("sha256_after", Text, "SHA-256 of the version since"),
        col("fetched_before", Timestamp, "when the version before was fetched, UTC"),
        col("learned_at", Timestamp, "when the version since was fetched, UTC"),
        col("run", Text, "the run that built it"),
    ],
    partitions: &["source"],
    key: &["unit", "sha256_before", "sha256_after", "row_key", "column_name"],
    constraints: &[],
    doc: "what archives and answers said otherwise when they came anew: every value of every row that \
          was changed, removed or added",
};

/// `bronze.archives`.
pub const ARCHIVES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        col("unit", Text, "the archive's unit id"),
        MARKET,
        col("dataset", Text, "the dataset, as the configuration names it"),
        SYMBOL,
        opt("timeframe", Text, "length of a bar, where there are bars"),
        col("period", Text, "day or month covered"),
        col("url", Text, "where it was fetched from"),
        col(
            "status",
            Text,
            "ok, unverified, checksum_mismatch, corrupt, missing, truncated_suspect",
        ),
        opt("detail", Text, "what is wrong, in words"),
        opt("etag", Text, "the host's ETag"),
        opt("last_modified", Timestamp, "the host's Last-Modified, UTC"),
        opt("published_sha256", Text, "the published checksum; null where there is none"),
        opt("sha256", Text, "SHA-256 of the bytes received"),
        opt("bytes", Long, "size of the bytes received"),
        opt("object", Text, "key of the raw object in the lake"),
        col("fetched_at", Timestamp, "when it was fetched, UTC"),
        col("run", Text, "the run that fetched it"),
        opt("checksum_modified", Timestamp, "the Last-Modified of the checksum file, UTC"),
    ],
    partitions: &["source"],
    key: &["unit", "sha256"],
    constraints: &[],
    doc: "the ledger: a row for each fetched version of each archive",
};

/// `ops.builds`.
pub const BUILDS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        col("group_id", Text, "the group that was built"),
        col("table_name", Text, "the silver table it went into"),
        col("inputs", Text, "hash of the units and the SHA-256 of their archives"),
        col("units", Text, "the units and their SHA-256, as JSON"),
        col("rows_read", Long, "data lines read"),
        col("rows_silver", Long, "rows in silver"),
        col("rows_rejected", Long, "lines in silver.rejects"),
        col("rows_duplicate", Long, "rows dropped because their key was there already"),
        col("rows_conflicting", Long, "of the duplicates, those whose content differed"),
        col("rows_invalid", Long, "of the rows in silver, those with is_valid = false"),
        col("sorted", Boolean, "whether the rows had to be sorted"),
        col("files", Long, "data files written"),
        col("bytes", Long, "bytes of Parquet written"),
        col("built_at", Timestamp, "when, UTC"),
        col("run", Text, "the run that built it"),
    ],
    partitions: &["source"],
    key: &["group_id", "inputs"],
    constraints: &[(
        "all_rows_accounted_for",
        "rows_read = rows_silver + rows_rejected + rows_duplicate",
    )],
    doc: "a row for each group that silver built: from what, and what became of every row",
};

/// `ops.runs`.
pub const RUNS: TableSchema = TableSchema {
    columns: &[
        col("run", Text, "the run"),
        col("environment", Text, "the environment's name"),
        col("started_at", Timestamp, "when the plan was made, UTC"),
        col("committed_at", Timestamp, "when silver became visible, UTC"),
        col("config_sha256", Text, "SHA-256 of lake.yaml"),
        col("version", Text, "version of the programs"),
        col("units", Long, "units planned"),
        col("archives_ok", Long, "archives fetched and verified"),
        col("archives_failed", Long, "archives missing, corrupt or with a wrong checksum"),
        col("bytes_fetched", Long, "bytes of archives"),
        col("groups", Long, "groups built"),
        col("groups_failed", Long, "groups that were planned and not built"),
        col("rows_read", Long, "data lines read"),
        col("rows_silver", Long, "rows in silver"),
        col("rows_rejected", Long, "lines in silver.rejects"),
        col("rows_duplicate", Long, "rows dropped because their key was there already"),
        col("files_added", Long, "data files added to silver"),
        col("files_removed", Long, "data files replaced in silver"),
    ],
    partitions: &[],
    key: &["run"],
    constraints: &[(
        "all_rows_accounted_for",
        "rows_read = rows_silver + rows_rejected + rows_duplicate",
    )],
    doc: "a row for each run",
};

/// `ops.coverage`.
pub const COVERAGE: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        col("dataset", Text, "the dataset, as the configuration names it"),
        SYMBOL,
        opt("timeframe", Text, "length of a bar, where there are bars"),
        DATE,
        col(
            "status",
            Text,
            "available, partial (what the source's API said, its archive is not there yet), pending, \
             missing, corrupt, degraded, closed (the venue is, all day)",
        ),
        opt("reason", Text, "why it is not simply available"),
        opt("archive_status", Text, "status of the archive in the ledger"),
        opt("rows", Long, "rows in silver"),
        opt("rows_rejected", Long, "lines of the day's archives in silver.rejects"),
        opt(
            "missing",
            Long,
            "ids or bars that are not there; where a venue closes, bars of its hours, which may be \
             times without a trade",
        ),
        col("checked_at", Timestamp, "when, UTC"),
        col("run", Text, "the run that checked"),
    ],
    partitions: &["source", "market"],
    key: &["source", "market", "dataset", "symbol", "timeframe", "date"],
    constraints: &[],
    doc: "for each symbol and day of the configuration: is it there, and is it whole",
};

/// `ops.checks`.
pub const CHECKS: TableSchema = TableSchema {
    columns: &[
        col("run", Text, "the run that checked"),
        col("checked_at", Timestamp, "when, UTC"),
        col("check_name", Text, "the check"),
        col("status", Text, "pass, skip (nothing could be checked), warn, fail"),
        col("subject", Text, "what was checked, such as source/spot/BTCUSDT/1h"),
        opt("time", Timestamp, "the bar or the row concerned, UTC"),
        opt("field", Text, "the field concerned"),
        opt("expected", Text, "the value expected"),
        opt("found", Text, "the value found"),
        opt("detail", Text, "more, in words"),
    ],
    partitions: &[],
    key: &["run", "check_name", "subject", "time", "field"],
    constraints: &[],
    doc: "results of checks, differences listed",
};

/// `gold.bars`.
pub const BARS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        OPEN,
        HIGH,
        LOW,
        CLOSE,
        opt("volume", SUM, "volume in the base asset"),
        opt(
            "quote_volume",
            SUM,
            "volume in the quote asset; null where the market counts in contracts",
        ),
        opt("contract_volume", SUM, "volume in contracts, where the market counts in them"),
        COUNT,
        opt("taker_buy_volume", SUM, "volume in the base asset bought by takers"),
        opt(
            "taker_buy_quote_volume",
            SUM,
            "volume in the quote asset bought by takers; null where the market counts in contracts",
        ),
        opt(
            "taker_buy_contract_volume",
            SUM,
            "contracts bought by takers, where the market counts in them",
        ),
        opt("vwap", Double, "quote_volume / volume, in the quote asset"),
        col("made_from", Text, "trades, agg_trades or klines"),
        opt(
            "is_complete",
            Boolean,
            "false where what the bars of this day are made from has holes on this day; null where the \
             venue closes and times within its hours have no bar: maybe nothing was traded",
        ),
    ],
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time"],
    constraints: &[("ohlc", "low <= open AND low <= close AND open <= high AND close <= high")],
    doc: "bars made from whole trades, else whole aggregate trades, else whole klines, else from \
          what has the fewest holes; a row only where there was a trade, or a bar of which the \
          source does not say how many",
};

/// `gold.daily`.
pub const DAILY: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        DATE,
        OPEN,
        HIGH,
        LOW,
        CLOSE,
        opt("volume", SUM, "volume in the base asset"),
        opt(
            "quote_volume",
            SUM,
            "volume in the quote asset; null where the market counts in contracts",
        ),
        COUNT,
        opt("vwap", Double, "quote_volume / volume, in the quote asset"),
        opt(
            "average_price",
            Double,
            "mean of the 1m closes, else of the finest bars, in the quote asset",
        ),
        opt("previous_close", PRICE, "close of the symbol's previous day with trades"),
        opt(
            "price_change",
            PRICE,
            "close − previous close, in the quote asset; null where days lie between on which the venue \
             was open",
        ),
        opt(
            "pct_change",
            Double,
            "100 × price_change / previous close, in percent; null where days lie between",
        ),
        opt("daily_return", Double, "close / previous close − 1; null where days lie between"),
        col("price_range", PRICE, "high − low, in the quote asset"),
        col("typical_price", Double, "(high + low + close) / 3, in the quote asset"),
        col("bars", Int, "number of the bars the day was made from"),
        col("made_from", Text, "trades, agg_trades or klines"),
        opt(
            "is_complete",
            Boolean,
            "false where what the day is made from has holes; null where nobody can tell: see gold.bars",
        ),
        opt(
            "days_since_previous",
            Int,
            "days from the previous day with trades to this one; 1 where none lies between",
        ),
        opt(
            "previous_is_complete",
            Boolean,
            "is_complete of the day of the previous close: false where its close may not be the last",
        ),
        opt(
            "avg_7d",
            Double,
            "mean of the closes of seven days, in the quote asset; null where one is missing",
        ),
        opt(
            "volatility_score",
            Double,
            "sample deviation of the last seven daily returns, in percent; null where one is missing",
        ),
        opt(
            "volume_change_pct",
            Double,
            "change of volume against the previous day, in percent; null where days lie between",
        ),
        opt(
            "turnover",
            Double,
            "what was traded, in the quote asset: quote_volume, else volume × typical price",
        ),
    ],
    partitions: &["source", "market", "symbol"],
    key: &["source", "market", "symbol", "date"],
    constraints: &[],
    doc: "daily figures, one row a symbol and day",
};
