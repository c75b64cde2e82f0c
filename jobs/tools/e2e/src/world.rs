//! Small sample exchanges and the configurations that fit them.

use anyhow::Result;
use exchange::{Exchange, Handle, Options, SymbolSpec};
use model::{Dataset, Day};

/// A sample exchange in the making.
#[derive(Debug, Clone)]
pub struct World {
    /// The exchange's options.
    pub options: Options,
    /// Limits of the configuration, as YAML in one line.
    pub limits: String,
}

impl World {
    /// An exchange with these symbols (`spot:BTCUSDT,trades=300`) over these days, all datasets,
    /// daily archives only.
    ///
    /// # Errors
    /// When a symbol or a day does not read.
    pub fn new(symbols: &[&str], from: &str, to: &str) -> Result<Self> {
        let range = exchange::Range {
            from: from.parse()?,
            to: to.parse()?,
            daily: Dataset::ALL.to_vec(),
            monthly: Vec::new(),
            ..Options::default().range
        };
        let symbols = symbols.iter().map(|s| s.parse::<SymbolSpec>()).collect::<Result<_, _>>()?;
        let options = Options { symbols, range, ..Options::default() };
        Ok(Self {
            options,
            limits: "{download: {backoff_ms: 20, max_backoff_ms: 200, idle_timeout_seconds: 5}}"
                .to_owned(),
        })
    }

    /// The same with monthly archives of some datasets, and daily ones of others.
    #[must_use]
    pub fn with_archives(mut self, daily: &[Dataset], monthly: &[Dataset]) -> Self {
        self.options.range.daily = daily.to_vec();
        self.options.range.monthly = monthly.to_vec();
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(&self) -> Result<Handle> {
        Ok(Exchange::start(&self.options)?)
    }

    /// A configuration of all its symbols, days and datasets.
    pub fn yaml(&self, url: &str) -> String {
        self.yaml_of(url, "trades: {}, agg_trades: {}, klines: {timeframes: [1m, 1h, 1d]}")
    }

    /// A configuration of all its symbols and days, with these datasets (a YAML flow mapping's
    /// inside).
    pub fn yaml_of(&self, url: &str, datasets: &str) -> String {
        use std::fmt::Write as _;
        let mut text =
            format!("environment: lab\nsources:\n  binance:\n    url: {url}\n    markets:\n");
        for market in exchange::Market::ALL {
            let symbols: Vec<&str> = self
                .options
                .symbols
                .iter()
                .filter(|s| s.market == *market)
                .map(|s| s.symbol.as_str())
                .collect();
            if symbols.is_empty() {
                continue;
            }
            let range = &self.options.range;
            let _ = write!(
                text,
                "      {market}:\n        symbols: [{}]\n        range: {{from: {}, to: {}}}\n        \
                 datasets: {{{datasets}}}\n",
                symbols.join(", "),
                range.from,
                range.to
            );
        }
        let _ = writeln!(text, "limits: {}", self.limits);
        text
    }
}

/// A day; for tests, whose days read.
///
/// # Panics
/// When it does not read.
pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// A folder of real exchange files; `None`, with the reason printed, where there are none.
///
/// # Panics
/// When there are none and nothing may be skipped.
pub fn shared(folder: &str) -> Option<std::path::PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knobs, registered in model::env")]
    let (shared, required) =
        (std::env::var_os(model::env::SHARED), std::env::var(model::env::REQUIRE_ALL));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared");
    let path = shared.map_or(root, Into::into).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    let reason = format!("skipped: no real files at {}", path.display());
    assert!(required.as_deref() != Ok("1"), "{reason}");
    eprintln!("{reason}");
    None
}

/// A Python that has DuckDB, Polars and deltalake; `None`, with the reason printed, where there
/// is none.
///
/// # Panics
/// When there is none and nothing may be skipped.
pub fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knobs, registered in model::env")]
    let (python, required) =
        (std::env::var(model::env::PYTHON), std::env::var(model::env::REQUIRE_ALL));
    if let Ok(python) = python {
        return Some(python);
    }
    let reason = format!(
        "skipped: {} names no Python with duckdb, polars and deltalake; `cargo xtask test` makes one",
        model::env::PYTHON
    );
    assert!(required.as_deref() != Ok("1"), "{reason}");
    eprintln!("{reason}");
    None
}
