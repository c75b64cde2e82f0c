//! What a provider tells of companies and their shares, through the whole lake: asked on its day, kept as
//! told, and joined with the closes of each day.

use anyhow::Result;
use chrono::TimeDelta;
use model::question::Catalog;
use model::schema::Table;
use stage::Clock;

use crate::asked::{Lab, no_key_in};

fn yaml(lab: &Lab) -> String {
    format!(
        "environment: lab\nsources:\n  alphavantage:\n    url: {}\n    key: file:{}\n    \
         limits: {{per_day: 100, concurrency: 2}}\n    markets:\n      stocks:\n        \
         symbols: [IBM, TSLA]\n        range: {{from: 2024-01-01}}\n        datasets:\n          \
         klines: {{timeframes: [1d]}}\n          fundamentals: {{}}\n          last_quotes: {{}}\n          \
         splits: {{}}\n          dividends: {{}}\n",
        lab.server.url(),
        lab.folder.path().join("alphavantage").display()
    )
}

/// Lets time pass, and runs.
fn later(lab: &mut Lab, days: i64) -> Result<u64> {
    let [_, before] = lab.asked();
    lab.clock.advance(TimeDelta::days(days) + TimeDelta::minutes(5));
    lab.server.set_now(Some(Clock::Manual(lab.clock.clone()).now()));
    let yaml = yaml(lab);
    lab.run_of(&yaml)?;
    Ok(lab.asked()[1] - before)
}

#[test]
fn companies_are_told_day_by_day() -> Result<()> {
    let mut lab = Lab::new()?;
    // a Tuesday: four questions of each share, and two for its days, of which the first needs a plan
    assert_eq!(later(&mut lab, 0)?, 12);
    // nothing is asked twice on a day
    assert_eq!(later(&mut lab, 0)?, 0);
    // splits and dividends are asked for every seven days
    assert_eq!(later(&mut lab, 1)?, 8);
    assert_eq!(later(&mut lab, 6)?, 12);
    lab.check(
        Table::Fundamentals,
        "SELECT symbol, as_of, latest_quarter, eps IS NULL FROM silver.fundamentals ORDER BY 1, 2",
        &[
            "IBM 2024-02-06 2023-09-30 false",
            "IBM 2024-02-07 2023-09-30 false",
            "IBM 2024-02-13 2023-12-31 false",
            "TSLA 2024-02-06 2023-09-30 false",
            "TSLA 2024-02-07 2023-09-30 false",
            "TSLA 2024-02-13 2023-12-31 false",
        ],
    )?;
    lab.check(
        Table::Actions,
        "SELECT symbol, kind, as_of, count(*), count(amount), count(payment_date) \
         FROM silver.actions GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        &[
            "IBM dividend 2024-02-06 97 97 97",
            "IBM dividend 2024-02-13 97 97 97",
            "TSLA split 2024-02-06 2 0 0",
            "TSLA split 2024-02-13 2 0 0",
        ],
    )?;
    // the last price is the close of its day
    lab.check(
        Table::LastQuotes,
        "SELECT count(*), sum(CASE WHEN q.price = d.close AND q.open = d.open THEN 1 ELSE 0 END) \
         FROM silver.last_quotes q JOIN gold.daily d ON d.symbol = q.symbol AND d.date = q.latest_day",
        &["6 6"],
    )?;
    lab.check(
        Table::Coverage,
        "SELECT dataset, status, count(*) FROM ops.coverage WHERE timeframe IS NULL \
         GROUP BY 1, 2 ORDER BY 1, 2",
        &[
            "dividends available 4",
            "fundamentals available 6",
            "last_quotes available 6",
            "splits available 4",
        ],
    )?;
    lab.check(Table::Rejects, "SELECT count(*) FROM silver.rejects", &["0"])?;

    let catalog = Catalog::built_in()?;
    let query = |name: &str, given: &[&str]| {
        let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        catalog.render(name, &given)
    };
    let sql = query("fundamentals", &["symbol=IBM"])?;
    lab.check(
        Table::Fundamentals,
        &format!("SELECT valid_from, valid_to, times_told, latest_quarter FROM ({sql})"),
        &["2024-02-06 2024-02-13 2 2023-09-30", "2024-02-13  1 2023-12-31"],
    )?;
    // the figures of each day are those that were known before it: a company may publish after the close
    let sql = query("pe", &["symbol=IBM", "from=2024-02-05"])?;
    let fits = "abs(pe * CAST(eps AS double) - CAST(close AS double)) < 0.000001";
    lab.check(
        Table::Daily,
        &format!("SELECT date, known_as_of, {fits} FROM ({sql}) ORDER BY date"),
        &[
            "2024-02-05  ",
            "2024-02-06  ",
            "2024-02-07 2024-02-06 true",
            "2024-02-08 2024-02-07 true",
            "2024-02-09 2024-02-07 true",
            "2024-02-12 2024-02-07 true",
        ],
    )?;
    // a company without a profit has earnings and no ratio
    let sql = query("pe", &["symbol=TSLA", "from=2024-02-05"])?;
    let count = format!("SELECT count(*), count(eps), count(pe) FROM ({sql})");
    lab.check(Table::Daily, &count, &["6 4 0"])?;
    let sql = query("actions", &["symbol=TSLA", "known_on=2024-02-10"])?;
    lab.check(
        Table::Actions,
        &format!("SELECT ex_date, split_factor, known_as_of FROM ({sql}) ORDER BY ex_date"),
        &["2020-08-31 5.0 2024-02-06", "2022-08-25 3.0 2024-02-06"],
    )?;
    no_key_in(&lab.lake())
}
