//! A venue that closes goes through the whole lake: a weekend and a holiday are no gap, and a day of
//! trading that is not there is one.

use anyhow::Result;
use model::Day;
use model::schema::Table;

use crate::provider::{ACME, check, host, run};

/// Bars of an hour of a day that open at these minutes since midnight, all at one price.
fn bars(day: &str, price: u64, minutes: &[i64]) -> String {
    let start = day.parse::<Day>().expect(day).start_micros();
    let bar = |minute: &i64| {
        let (open, close) = (start + minute * 60_000_000, start + (minute + 60) * 60_000_000 - 1);
        format!("{open},{close},{price},{price},{price},{price},10,2\n")
    };
    minutes.iter().map(bar).collect()
}

#[test]
fn a_closed_market_is_no_gap() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // from 14:30 to 21:00 UTC
    let session = [870, 930, 990, 1_050, 1_110, 1_170, 1_230];
    // one before the market, and one of the market that is not there
    let thin = [780, 870, 930, 990, 1_110, 1_170, 1_230];
    let days = vec![
        ("2024-01-11", bars("2024-01-11", 100, &session)),
        ("2024-01-12", bars("2024-01-12", 110, &thin)),
        // a weekend, and the birthday of Martin Luther King
        ("2024-01-16", bars("2024-01-16", 121, &session)),
        // Wednesday is not there
        ("2024-01-18", bars("2024-01-18", 130, &session)),
    ];
    let host = runtime.block_on(host(&[("KO", "1h", days)]));
    let yaml = format!(
        "environment: lab\nsources:\n  acme:\n    url: {}\n    markets:\n      stocks:\n        \
         symbols: [KO]\n        range: {{from: 2024-01-11, to: 2024-01-18}}\n        \
         datasets: {{klines: {{timeframes: [1h]}}}}\n",
        host.uri()
    );
    let lake = runtime.block_on(run(ACME, &yaml, "2024-01-25T06:07:08Z"))?;
    let check =
        |table, sql: &str, expect: &[&str]| check(&runtime, lake.path(), table, sql, expect);
    check(
        Table::Coverage,
        "SELECT date, status, rows, missing, coalesce(reason, '-') FROM ops.coverage ORDER BY date",
        &[
            "2024-01-11 available 7 0 -",
            "2024-01-12 available 7 1 without a bar, maybe without a trade: 1 of 7",
            "2024-01-13 closed 0 0 closed all day by calendar xnys",
            "2024-01-14 closed 0 0 closed all day by calendar xnys",
            "2024-01-15 closed 0 0 closed all day by calendar xnys",
            "2024-01-16 available 7 0 -",
            "2024-01-17 missing 0 0 the source does not list it",
            "2024-01-18 available 7 0 -",
        ],
    )?;
    check(
        Table::Checks,
        "SELECT check_name, status, detail FROM ops.checks \
         WHERE check_name IN ('coverage', 'kline_grid', 'calendar', 'series_gap') ORDER BY check_name",
        &[
            "coverage warn 8 days: 4 available, 1 missing, 3 closed",
            "kline_grid pass 1 times within its hours without a bar on 1 of 4 days, maybe without a \
             trade",
        ],
    )?;
    check(
        Table::Bars,
        "SELECT date_part('day', open_time), timeframe, count(*), sum(volume), \
         coalesce(CAST(bool_and(is_complete) AS varchar), '-') \
         FROM gold.bars WHERE timeframe IN ('1h', '1d') GROUP BY 1, 2 ORDER BY 1, 3",
        &[
            "11 1d 1 70.00000000 true",
            "11 1h 7 70.00000000 true",
            "12 1d 1 70.00000000 -",
            "12 1h 7 70.00000000 -",
            "16 1d 1 70.00000000 true",
            "16 1h 7 70.00000000 true",
            "18 1d 1 70.00000000 true",
            "18 1h 7 70.00000000 true",
        ],
    )?;
    // a return is that of one day of trading: over the weekend there is one, over Wednesday none
    check(
        Table::Daily,
        "SELECT date, close, bars, days_since_previous, price_change, \
         coalesce(CAST(round(daily_return, 6) AS varchar), '-'), \
         coalesce(CAST(is_complete AS varchar), '-') FROM gold.daily ORDER BY date",
        &[
            "2024-01-11 100.00000000 7   - true",
            "2024-01-12 110.00000000 7 1 10.00000000 0.1 -",
            "2024-01-16 121.00000000 7 4 11.00000000 0.1 true",
            "2024-01-18 130.00000000 7 2  - true",
        ],
    )?;
    Ok(())
}
