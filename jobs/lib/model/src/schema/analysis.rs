//! The columns of what follows from bars: indicators, anomalies, signals. Data only. What each of them is,
//! with its source, stands in docs/reference.

use super::ColumnType::{Double, Int, Long, Text, Timestamp};
use super::columns::{CLOSE, MARKET, MONTH, OPEN_TIME, SOURCE, SYMBOL, TIMEFRAME, col, opt};
use super::{Column, SUM, TableSchema};
use series::features;

const KNOWN_AT: Column = col(
    "known_at",
    Timestamp,
    "from when on anybody could know the row, UTC: the end of the last bar that it rests on",
);

/// `gold.indicators`.
pub const INDICATORS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        CLOSE,
        opt("sma_short", Double, "mean of the last closes (20)"),
        opt("sma_long", Double, "mean of the last closes (50)"),
        opt("ema_fast", Double, "exponential mean of the closes, the fast one of MACD (12)"),
        opt("ema_slow", Double, "exponential mean of the closes, the slow one of MACD (26)"),
        opt("ema_short", Double, "exponential mean of the closes (20)"),
        opt("ema_long", Double, "exponential mean of the closes (50)"),
        opt("macd", Double, "ema_fast − ema_slow"),
        opt("macd_signal", Double, "exponential mean of macd (9)"),
        opt("macd_histogram", Double, "macd − macd_signal"),
        opt("rsi", Double, "relative strength index after Wilder (14), 0 to 100"),
        opt("bollinger_middle", Double, "mean of the last closes (20)"),
        opt("bollinger_upper", Double, "middle + deviations (2) × population deviation"),
        opt("bollinger_lower", Double, "middle − deviations (2) × population deviation"),
        opt(
            "bollinger_width",
            Double,
            "from the lower to the upper band, in percent of the middle",
        ),
        opt("atr", Double, "average true range after Wilder (14), in the quote asset"),
        opt("roc", Double, "change against the close some bars ago (10), in percent"),
        opt("obv", SUM, "on-balance volume since the first bar, in the unit of volume"),
        opt("session_vwap", Double, "mean price of the session so far, by volume"),
        opt("volatility_short", Double, "sample deviation of the last logarithmic returns (7)"),
        opt("volatility_long", Double, "sample deviation of the last logarithmic returns (30)"),
        col(
            "bars_short",
            Int,
            "how many places of sma_short's window have a bar: fewer over a gap",
        ),
        col("bars_long", Int, "how many places of sma_long's window have a bar: fewer over a gap"),
        col(
            "bars_unbroken",
            Int,
            "how many bars there are without a gap up to this one, itself included",
        ),
        col(
            "settings",
            Text,
            "the periods that the row is made with; those in brackets are the defaults",
        ),
    ],
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time"],
    constraints: &[("rsi", "rsi IS NULL OR (rsi >= 0 AND rsi <= 100)")],
    doc: "technical indicators, one row a bar; null until a window has all of its bars. Rows follow the bars \
          that there are: bars_short and bars_long tell of gaps",
};

/// `gold.spreads`.
pub const SPREADS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        col("quotes", Long, "valid quotes of the bar: changes of the best bid or ask"),
        opt(
            "spread",
            Double,
            "sum of ask − bid by the sum of their middles, of valid quotes; a ratio",
        ),
        col("crossed", Long, "quotes whose bid is above the ask; they are not valid"),
        col("locked", Long, "quotes whose bid equals the ask"),
    ],
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time"],
    constraints: &[],
    doc: "the quotes of each bar, where the source has quotes",
};

/// `gold.anomalies`.
pub const ANOMALIES: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        OPEN_TIME,
        col("anomaly_type", Text, "what is unusual, such as volume_spike"),
        col("severity", Text, "low, medium or high: how far the value is beyond the threshold"),
        col("value", Double, "what was found, in the unit of the type"),
        col("threshold", Double, "from where on it is unusual"),
        col("description", Text, "what was found, in words"),
        col("method", Text, "what it was compared with"),
        KNOWN_AT,
    ],
    partitions: &["source", "market", "symbol"],
    key: &["source", "market", "symbol", "timeframe", "open_time", "anomaly_type"],
    constraints: &[],
    doc: "what is unusual about a bar, judged by bars before it, and by the next one where known_at says so",
};

/// `gold.signals`.
pub const SIGNALS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        OPEN_TIME,
        col("signal_type", Text, "what gave it, such as macd_cross"),
        col("direction", Text, "bullish, bearish or neutral"),
        col("strength", Double, "0 to 1"),
        col("description", Text, "what was found, in words"),
        col("made_of", Text, "the values that made it: name=value, joined by commas"),
        KNOWN_AT,
    ],
    partitions: &["source", "market", "symbol"],
    key: &["source", "market", "symbol", "timeframe", "open_time", "signal_type"],
    constraints: &[("strength", "strength >= 0 AND strength <= 1")],
    doc: "signals that a bar gives: crossings of indicators and alerts; no advice",
};

/// The columns that a bar of features or labels is known by.
const OF_BAR: [Column; 6] = [SOURCE, MARKET, SYMBOL, TIMEFRAME, MONTH, OPEN_TIME];

const FEATURE_COLUMNS: [Column; features::FEATURES.len() + 7] = {
    let mut columns = [KNOWN_AT; features::FEATURES.len() + 7];
    let mut at = 0;
    while at < OF_BAR.len() {
        columns[at] = OF_BAR[at];
        at += 1;
    }
    // known_at stands between the bar and its features
    let mut feature = 0;
    while feature < features::FEATURES.len() {
        let of = &features::FEATURES[feature];
        columns[OF_BAR.len() + 1 + feature] = opt(of.name, Double, of.doc);
        feature += 1;
    }
    columns
};

/// `gold.features`.
pub const FEATURES: TableSchema = TableSchema {
    columns: &FEATURE_COLUMNS,
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time"],
    constraints: &[],
    doc: "features for models, one row a bar: what was known of it at known_at, as ratios; what came after is in \
          gold.labels",
};

/// `gold.labels`.
pub const LABELS: TableSchema = TableSchema {
    columns: &[
        SOURCE,
        MARKET,
        SYMBOL,
        TIMEFRAME,
        MONTH,
        OPEN_TIME,
        col("horizon", Int, "how many bars it looks ahead"),
        col("log_return", Double, "log of the close so many bars later by the close of this bar"),
        col("direction", Int, "1 where that close is higher, -1 where it is lower, else 0"),
        KNOWN_AT,
    ],
    partitions: &["source", "market", "symbol", "timeframe", "month"],
    key: &["source", "market", "symbol", "timeframe", "open_time", "horizon"],
    constraints: &[],
    doc: "what came after each bar, for models to learn from: one row a bar and horizon; none where the bars up \
          to there are not all there",
};
