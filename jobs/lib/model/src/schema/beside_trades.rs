//! The columns of the tables that hold neither trades nor bars of trades: prices that nobody trades at,
//! funding rates, quotes, open interest, instruments. Data only.

use super::ColumnType::{Date, Long, Text, Timestamp};
use super::columns::{
    DATE, IS_VALID, ISSUES, MARKET, MONTH, OPEN_TIME, RAW, SOURCE, SYMBOL, TIME_US, TIMEFRAME, col,
    opt,
};
use super::{FINE, PRICE, QUANTITY, TableSchema};

/// `silver.price_klines`.
pub const PRICE_KLINES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        col("price", Text, "which price the bars are of: mark, index, premium"),
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        col(
            "open",
            PRICE,
            "first price, in the quote asset; of premium the part of the index price",
        ),
        col("high", PRICE, "highest price; a premium may be negative"),
        col("low", PRICE, "lowest price; a premium may be negative"),
        col("close", PRICE, "last price; a premium may be negative"),
        col("close_time", Timestamp, "last instant of the bar as published, UTC"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "price", "timeframe", "month"],
    key: &["source", "market", "symbol", "price", "timeframe", "open_time"],
    constraints: &[
        ("known_price", "price IN ('mark', 'index', 'premium')"),
        ("valid_ohlc", "NOT is_valid OR (low <= high)"),
    ],
    doc: "bars of prices that nobody trades at: the mark price, the index price, and the premium of a \
          contract over its index",
};

/// `silver.funding`.
pub const FUNDING: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        col("month", Text, "UTC month of `time`, as 2024-01"),
        col("time", Timestamp, "when it was worked out, UTC: a full hour, and some ms"),
        TIME_US,
        col("interval_hours", Long, "hours that it is for"),
        col("rate", PRICE, "part of a position's value that longs pay to shorts"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "month"],
    key: &["source", "market", "symbol", "time"],
    constraints: &[("valid_interval", "NOT is_valid OR interval_hours BETWEEN 1 AND 24")],
    doc: "funding rates of perpetual contracts",
};

/// `silver.quotes`.
pub const QUOTES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        DATE,
        opt(
            "update_id",
            Long,
            "the exchange's number of the change, rising with gaps; null where the source has none",
        ),
        col("time", Timestamp, "instant of the quote, UTC"),
        TIME_US,
        opt("event_time", Timestamp, "when the source sent it, where it tells, UTC"),
        col("bid_price", PRICE, "best price that somebody would pay"),
        opt("bid_quantity", QUANTITY, "quantity there, in the base asset or in contracts"),
        col("ask_price", PRICE, "best price that somebody would sell at"),
        opt("ask_quantity", QUANTITY, "quantity there, in the base asset or in contracts"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "date"],
    key: &["source", "market", "symbol", "update_id", "time"],
    constraints: &[("valid_quote", "NOT is_valid OR (bid_price > 0 AND bid_price <= ask_price)")],
    doc: "best bids and asks, a row a change",
};

/// `silver.metrics`.
pub const METRICS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        col("date", Date, "UTC day of the archive, to which its last midnight belongs"),
        col(
            "time",
            Timestamp,
            "the five minutes as the source names them, UTC: by their end or by their start, see \
             docs/sources.md",
        ),
        TIME_US,
        opt("open_interest", FINE, "contracts that are open, in the base asset or in contracts"),
        opt("open_interest_value", FINE, "their value in the quote asset; COIN-M: the base asset"),
        opt("top_accounts_ratio", PRICE, "long to short among the top traders, by accounts"),
        opt("top_positions_ratio", PRICE, "long to short among the top traders, by positions"),
        opt("accounts_ratio", PRICE, "long to short among all traders, by accounts"),
        opt("taker_volume_ratio", PRICE, "volume bought to volume sold by takers"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "date"],
    key: &["source", "market", "symbol", "date", "time"],
    constraints: &[(
        "valid_interest",
        "NOT is_valid OR open_interest IS NULL OR open_interest > 0",
    )],
    doc: "open interest and long/short ratios of contracts, every five minutes; null where the source \
          left a figure blank",
};

/// `silver.instruments`.
pub const INSTRUMENTS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        col("valid_from", Date, "first day on which the row holds; 1970-01-01 of the first row"),
        opt(
            "valid_to",
            Date,
            "first day on which it holds no more; null of the row that holds now",
        ),
        opt("base", Text, "what is priced, such as BTC or EUR; null of a share"),
        opt("quote", Text, "what the price counts, such as USDT or USD"),
        opt(
            "currency",
            Text,
            "national currency of the price (ISO 4217); null of a price in coins",
        ),
        opt("time_zone", Text, "zone of the venue's hours, such as America/New_York"),
        opt("tick_size", PRICE, "least step of the price, where it is known"),
        opt("lot_size", QUANTITY, "least step of the quantity, where it is known"),
        opt("status", Text, "whether it is traded, in the source's word, such as TRADING"),
        opt("contract_type", Text, "kind of a contract, in the source's word, such as PERPETUAL"),
        opt("listed_from", Date, "first day of which the source has anything, or as configured"),
        opt("listed_to", Date, "last day of trading, by its name, the listing or as configured"),
        opt("renamed_from", Text, "symbol that it had before, as configured"),
        opt("renamed_to", Text, "symbol that it has since, as configured"),
        col("told_at", Timestamp, "when the plan was made that told it, UTC"),
        col("run", Text, "the run of that plan"),
    ],
    partitions: &["source"],
    key: &["source", "market", "symbol", "valid_from"],
    constraints: &[("valid_span", "valid_to IS NULL OR valid_from < valid_to")],
    doc: "what instruments are and were: for each day one row an instrument, valid_from <= day and \
          (valid_to is null or day < valid_to)",
};
