//! Tests of the indicators: against published figures, against TA-Lib, and on series made by hand.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod hand;
mod peers;
mod prefix;
mod references;
mod rules;
mod walks;

use std::path::PathBuf;

use series::indicators::Indicators;

/// Units of a price or a volume in one of its asset.
pub(crate) const UNITS: f64 = 1e8;

/// The columns of doubles.
pub(crate) fn columns(found: &Indicators) -> [(&'static str, &[Option<f64>]); 19] {
    [
        ("sma_short", &found.sma_short),
        ("sma_long", &found.sma_long),
        ("ema_short", &found.ema_short),
        ("ema_long", &found.ema_long),
        ("ema_fast", &found.ema_fast),
        ("ema_slow", &found.ema_slow),
        ("macd", &found.macd),
        ("macd_signal", &found.macd_signal),
        ("macd_histogram", &found.macd_histogram),
        ("rsi", &found.rsi),
        ("bollinger_middle", &found.bollinger_middle),
        ("bollinger_upper", &found.bollinger_upper),
        ("bollinger_lower", &found.bollinger_lower),
        ("bollinger_width", &found.bollinger_width),
        ("atr", &found.atr),
        ("roc", &found.roc),
        ("session_vwap", &found.session_vwap),
        ("volatility_short", &found.volatility_short),
        ("volatility_long", &found.volatility_long),
    ]
}

/// A decimal in units of 1e-8, rounded where it has more places: some of the published figures are doubles
/// with all of their digits.
pub(crate) fn units(decimal: &str) -> i64 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let nine = format!("{fraction:0<9}");
    let whole: i64 = whole.parse().unwrap();
    let fraction: i64 = nine[..9].parse().unwrap();
    whole * 100_000_000 + (fraction + 5) / 10
}

/// A folder of the shared data, or the reason why the test is skipped.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
    let root = std::env::var(model::env::SHARED)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared").to_owned());
    let path = PathBuf::from(root).join("data").join(folder);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("no {}", path.display()));
    None
}

/// A Python that has TA-Lib, or the reason why the test is skipped.
pub(crate) fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own Python")]
    let python = std::env::var(model::env::PYTHON).ok();
    if python.is_none() {
        let variable = model::env::PYTHON;
        skip(&format!("{variable} names no Python with TA-Lib; `cargo xtask test` makes one"));
    }
    python
}

fn skip(reason: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "{reason}");
    eprintln!("skipped: {reason}");
}
