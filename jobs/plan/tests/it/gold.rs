//! plan over a lake whose gold is gone with its logs: refused where it was there, and nowhere else.

use std::collections::BTreeMap;

use exchange::Range;
use model::exit::Exit;
use model::ledger::{BuildRow, Ledger};
use model::owed::Owed;
use model::schema::Table;
use model::{Dataset, RunId, Unit, layout};
use plan::Options;
use stage::Context;

use crate::kit;

/// What else there is beside logs.
#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    /// The build could read nothing.
    corrupt: bool,
    /// A run owes bars.
    debt: bool,
}

/// A lake with one build, and with these logs.
async fn lake(url: &str, logs: &[Table], beside: Beside) -> (tempfile::TempDir, Context) {
    let (folder, context) = kit::context(&format!(
        "environment: test\nsources:\n  binance:\n    url: {url}\n    markets:\n      \
         spot:\n        symbols: [BTCUSDT]\n        \
         range: {{from: 2024-02-01, to: 2024-02-03}}\n        datasets: {{trades: {{}}}}\n"
    ));
    let group = "binance/spot/trades/BTCUSDT/2024-02-01";
    let id = group.parse::<Unit>().expect("unit").id();
    let corrupt = beside.corrupt.then(|| (id.clone(), "s".to_owned()));
    let build = BuildRow {
        inputs: "i".to_owned(),
        units: vec![id],
        corrupt: corrupt.into_iter().collect(),
        spoiled: Vec::new(),
        short_days: Vec::new(),
        replaced: BTreeMap::new(),
    };
    let builds = BTreeMap::from([(group.to_owned(), build)]);
    let ledger = Ledger { builds, ..Ledger::default() };
    context.lake.write_ledger(0, &ledger).await.expect("ledger");
    for table in logs {
        let entry = "{\"commitInfo\":{}}\n";
        context.lake.write(&layout::log_entry(*table, 0), entry).await.expect("entry");
    }
    if beside.debt {
        let run = RunId::new(context.clock.now(), 7);
        context.lake.write_json(&layout::owed(&run), &Owed::default()).await.expect("debt");
    }
    (folder, context)
}

#[tokio::test]
async fn gold_that_is_gone_is_refused_where_it_was_there() {
    let range = Range {
        from: "2024-02-01".parse().expect("day"),
        to: "2024-02-03".parse().expect("day"),
        timeframes: Vec::new(),
        daily: vec![Dataset::Trades],
        monthly: Vec::new(),
    };
    let exchange = kit::exchange(20, range);
    let check = async |logs: &[Table], beside: Beside, is_refused: bool| {
        let (_folder, context) = lake(exchange.url(), logs, beside).await;
        let found = plan::run(&context, &Options::default()).await;
        if !is_refused {
            assert!(found.is_ok(), "{logs:?} {beside:?}: {found:?}");
            return;
        }
        let failure = found.expect_err("refused");
        assert_eq!(failure.exit, Exit::DataRefused, "{logs:?} {beside:?}");
        let text = format!("{:#}", failure.error);
        assert!(text.starts_with(&format!("`{}` is gone", layout::log(Table::Daily))), "{text}");
        assert!(text.contains("`cargo xtask rebuild --table gold.daily`"), "{text}");
    };
    let nothing = Beside::default();
    let debt = Beside { debt: true, ..nothing };
    let [silver, bars, daily] = [Table::Trades, Table::Bars, Table::Daily];

    check(&[silver], nothing, true).await;
    check(&[Table::Klines, bars], nothing, true).await;
    // all is there
    check(&[silver, bars, daily], nothing, false).await;
    // the run is at work, or was killed before its bars were committed
    check(&[silver], debt, false).await;
    // no row, no bar: gold.bars was never made
    check(&[silver, daily], nothing, false).await;
    // what could not be read replaced nothing
    check(&[silver], Beside { corrupt: true, ..nothing }, false).await;
    // a ledger without tables
    check(&[], nothing, false).await;
}
