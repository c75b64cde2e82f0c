//! A symbol that goes on under another name: both are configured over all days, each is there on
//! its own; nothing of it is silent, and nothing stops.

use anyhow::Result;
use e2e::lab::Lab;
use e2e::world::World;

/// The old name ends on the day before the new one begins; the exchange keeps publishing bars
/// without a trade for the old one.
const SYMBOLS: &[&str] = &[
    "spot:BTTUSDT,price=0.001,trades=300,delisted=2024-12-30",
    "spot:BTTCUSDT,price=0.000001,trades=300,listed=2024-12-31",
];

#[test]
fn each_name_has_its_days_and_coverage_says_why_others_are_empty() -> Result<()> {
    let world = World::new(SYMBOLS, "2024-12-29", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;

    let coverage = lab.lines(
        "SELECT symbol, date, status, coalesce(reason, '-') AS reason FROM ops.coverage \
         WHERE dataset = 'trades' ORDER BY symbol DESC, date",
    )?;
    assert_eq!(
        coverage,
        [
            "BTTUSDT 2024-12-29 available -",
            "BTTUSDT 2024-12-30 available -",
            "BTTUSDT 2024-12-31 missing the source does not list it",
            "BTTUSDT 2025-01-01 missing the source does not list it",
            // the days before its first archive are not wanted of it
            "BTTCUSDT 2024-12-31 available -",
            "BTTCUSDT 2025-01-01 available -",
        ]
    );
    let flat = lab.lines(
        "SELECT symbol, date, status, reason FROM ops.coverage \
         WHERE dataset = 'klines' AND timeframe = '1h' AND reason IS NOT NULL ORDER BY date",
    )?;
    assert_eq!(
        flat,
        [
            "BTTUSDT 2024-12-31 available no trade on this day: flat bars only",
            "BTTUSDT 2025-01-01 available no trade on this day: flat bars only",
        ]
    );
    // flat bars are kept as they came, and make no bars and no daily figures of ours
    let klines = lab.lines(
        "SELECT count(*) FROM silver.klines \
         WHERE symbol = 'BTTUSDT' AND timeframe = '1h' AND volume = 0",
    )?;
    assert_eq!(klines, ["48"]);
    let daily = lab.lines("SELECT symbol, date FROM gold.daily ORDER BY date")?;
    assert_eq!(
        daily,
        ["BTTUSDT 2024-12-29", "BTTUSDT 2024-12-30", "BTTCUSDT 2024-12-31", "BTTCUSDT 2025-01-01"]
    );
    // the ledger holds what was fetched, and what is not listed is not asked for again
    let again = lab.run_well()?;
    assert_eq!(again["nothing_to_do"], true, "{again}");
    let findings = lab.lines(
        "SELECT status, subject FROM ops.checks WHERE status <> 'pass' \
         GROUP BY status, subject ORDER BY subject",
    )?;
    assert_eq!(
        findings,
        [
            "warn binance/spot/agg_trades/BTTUSDT",
            // the minutes of its first day before its first trade
            "warn binance/spot/klines/BTTCUSDT/1m",
            "warn binance/spot/trades/BTTUSDT",
        ]
    );
    Ok(())
}
