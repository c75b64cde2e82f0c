//! The columns of the tables of what sources tell of companies and their shares, which is what they
//! know on the day on which they are asked. Data only.
//!
//! A figure that the source does not have is null. Money is in `currency` where the table has one.

use super::ColumnType::{Date, Text};
use super::columns::{IS_VALID, ISSUES, MARKET, RAW, SOURCE, SYMBOL, col, opt};
use super::{Column, PRICE, QUANTITY, TableSchema};

const MONTH: Column = col("month", Text, "UTC month of `as_of`, as 2024-01");

/// The day on which a source was asked. It is the unit's, and in no line.
pub const AS_OF: Column =
    col("as_of", Date, "UTC day on which the source was asked: what it knew then, and not before");

/// `silver.fundamentals`.
pub const FUNDAMENTALS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        MONTH,
        AS_OF,
        opt("latest_quarter", Date, "last day of the latest quarter that the figures are from"),
        opt("name", Text, "the company's name"),
        opt("asset_type", Text, "type of instrument in the source's words, such as Common Stock"),
        opt("cik", Text, "the company's number at the SEC"),
        opt("exchange", Text, "the venue, such as NYSE"),
        opt("currency", Text, "currency of all money in the row, such as USD"),
        opt("country", Text, "the company's country"),
        opt("sector", Text, "the company's sector in the source's words"),
        opt("industry", Text, "the company's industry in the source's words"),
        opt("fiscal_year_end", Text, "month in which the fiscal year ends, such as December"),
        opt("market_capitalization", QUANTITY, "price of all shares"),
        opt("ebitda", QUANTITY, "earnings before interest, taxes, depreciation and amortisation"),
        opt("revenue", QUANTITY, "revenue of the last twelve months"),
        opt("gross_profit", QUANTITY, "gross profit of the last twelve months"),
        opt("shares_outstanding", QUANTITY, "shares there are"),
        opt("shares_float", QUANTITY, "shares that are traded"),
        opt("eps", PRICE, "earnings a share of the last twelve months"),
        opt("diluted_eps", PRICE, "the same with all shares that may come"),
        opt("book_value", PRICE, "book value a share"),
        opt("revenue_per_share", PRICE, "revenue a share of the last twelve months"),
        opt("dividend_per_share", PRICE, "dividend a share and year"),
        opt("dividend_yield", PRICE, "dividend by price, a part of one"),
        opt("profit_margin", PRICE, "profit by revenue, a part of one"),
        opt("operating_margin", PRICE, "operating profit by revenue, a part of one"),
        opt("return_on_assets", PRICE, "of the last twelve months, a part of one"),
        opt("return_on_equity", PRICE, "of the last twelve months, a part of one"),
        opt("earnings_growth", PRICE, "quarter against the one a year before, a part of one"),
        opt("revenue_growth", PRICE, "quarter against the one a year before, a part of one"),
        opt("pe_ratio", PRICE, "price by earnings as the source states it, at a price of its own"),
        opt("trailing_pe", PRICE, "price by earnings of the last twelve months, as stated"),
        opt("forward_pe", PRICE, "price by earnings expected, as stated"),
        opt("peg_ratio", PRICE, "price by earnings by growth, as stated"),
        opt("price_to_sales", PRICE, "price by sales of the last twelve months, as stated"),
        opt("price_to_book", PRICE, "price by book value, as stated"),
        opt("ev_to_revenue", PRICE, "enterprise value by revenue, as stated"),
        opt("ev_to_ebitda", PRICE, "enterprise value by EBITDA, as stated"),
        opt("beta", PRICE, "how much the price moves with the market's"),
        opt("high_52_weeks", PRICE, "highest price of 52 weeks"),
        opt("low_52_weeks", PRICE, "lowest price of 52 weeks"),
        opt("average_50_days", PRICE, "mean price of 50 days"),
        opt("average_200_days", PRICE, "mean price of 200 days"),
        opt("analyst_target_price", PRICE, "price that analysts expect"),
        opt("percent_insiders", PRICE, "shares held by insiders, in percent"),
        opt("percent_institutions", PRICE, "shares held by institutions, in percent"),
        opt("dividend_date", Date, "day on which the next or last dividend is paid"),
        opt("ex_dividend_date", Date, "first day on which a buyer does not get it"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "month"],
    key: &["source", "market", "symbol", "as_of"],
    constraints: &[(
        "valid_range",
        "NOT is_valid OR low_52_weeks IS NULL OR high_52_weeks IS NULL \
         OR low_52_weeks <= high_52_weeks",
    )],
    doc: "what a source knew of a company on each day on which it was asked; the query `fundamentals` \
          tells from when to when it was the same",
};

/// `silver.last_quotes`.
pub const LAST_QUOTES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        MONTH,
        AS_OF,
        opt("latest_day", Date, "the trading day that the figures are of, of the exchange"),
        opt("open", PRICE, "first price of that day"),
        opt("high", PRICE, "highest price of that day so far"),
        opt("low", PRICE, "lowest price of that day so far"),
        col("price", PRICE, "last price"),
        opt("volume", QUANTITY, "shares traded on that day so far"),
        opt("previous_close", PRICE, "last price of the trading day before"),
        opt("change", PRICE, "price − previous close, as stated"),
        opt("change_percent", PRICE, "the same in percent of the previous close, as stated"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "month"],
    key: &["source", "market", "symbol", "as_of"],
    constraints: &[("valid_price", "NOT is_valid OR price > 0")],
    doc: "the last price of a share and its latest trading day so far, at the moment of asking: no bar, \
          for the day may not have been over",
};

/// `silver.actions`.
pub const ACTIONS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        col("kind", Text, "split or dividend"),
        MONTH,
        AS_OF,
        col("ex_date", Date, "first day on which a share is traded without it, of the exchange"),
        opt("amount", PRICE, "of dividends: money a share, as paid and not changed for splits"),
        opt("currency", Text, "of dividends: its currency, where the source tells"),
        opt("shares_new", PRICE, "of splits: so many new shares, 4 of a 4-for-1 split"),
        opt("shares_old", PRICE, "of splits: for so many old ones, 1 of a 4-for-1 split"),
        opt("declared_date", Date, "day on which it was made known, where the source tells"),
        opt("record_date", Date, "day whose holders get it, where the source tells"),
        opt("payment_date", Date, "day on which it is paid, where the source tells"),
        IS_VALID,
        ISSUES,
        RAW,
    ],
    partitions: &["source", "market", "symbol", "kind", "month"],
    key: &[
        "source",
        "market",
        "symbol",
        "kind",
        "as_of",
        "ex_date",
        "amount",
        "shares_new",
        "shares_old",
    ],
    constraints: &[
        ("known_kind", "kind IN ('split', 'dividend')"),
        (
            "valid_action",
            "NOT is_valid OR (kind = 'dividend' AND amount >= 0) \
             OR (kind = 'split' AND shares_new > 0 AND shares_old > 0)",
        ),
    ],
    doc: "the splits and dividends that a source knew on each day on which it was asked, all there are \
          each time; the newest `as_of` of a share and kind is the state of knowledge",
};
