//! What the tests of plan share: an exchange of one symbol, and a context to run in.

use std::sync::Arc;

use exchange::{Exchange, Handle, Options as Market, Range, SymbolSpec};
use model::RunId;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

/// An exchange of one symbol with some trades a day.
pub(crate) fn exchange(trades: u64, range: Range) -> Handle {
    let symbol = "BTCUSDT".parse().expect("symbol");
    let mut spec = SymbolSpec::new(exchange::Market::Spot, symbol);
    spec.trades = Some(trades);
    let options = Market { symbols: vec![spec], range, ..Market::default() };
    Exchange::start(&options).expect("exchange")
}

/// A lake with nothing in it, a configuration, and a run that starts on 1 June 2024.
pub(crate) fn context(text: &str) -> (tempfile::TempDir, Context) {
    let folder = tempfile::tempdir().expect("folder");
    let now = "2024-06-01T00:00:00Z".parse().expect("time");
    let context = Context {
        lake: Lake::open(folder.path().to_str().expect("path"), None).expect("lake"),
        config: Arc::new(source::Providers::ALL.read("lake.yaml", text).expect("configuration")),
        config_sha256: "c".to_owned(),
        providers: source::Providers::ALL,
        run: RunId::new(now, 0),
        clock: Clock::Manual(ManualClock::at(now)),
        meter: Meter::new("plan", false),
    };
    (folder, context)
}
