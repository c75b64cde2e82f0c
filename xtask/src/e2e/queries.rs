//! What the end-to-end test asks: every named query of Athena and of the local engine on the same
//! lake, a query over the workgroup's limit, a query of one partition.

use std::process::Command;

use anyhow::{Context as _, bail};
use model::Day;

use super::{bounded, on, scheduled};
use crate::aws::{self, EMULATED};
use crate::environment::Choice;
use crate::executor::now;
use crate::sample::SOURCE;
use crate::workspace::{self, root};

/// Reads every column that a query could want, of every partition.
const ALL: &str = "SELECT count(*), sum(price), sum(quantity), max(time_us) FROM silver.trades";
/// The same of one partition.
const ONE: &str = " WHERE market = 'spot' AND symbol = 'BTCUSDT' AND date = DATE '2024-12-31' \
                   AND source = ";

/// An answer and what the command told beside it.
struct Answer {
    code: u8,
    rows: Vec<String>,
    told: String,
}

/// Asks; `lake` is read by the local engine, else Athena is asked.
fn ask(question: &[&str], lake: Option<&str>) -> anyhow::Result<Answer> {
    let mut words = vec!["query"];
    words.extend(question);
    words.extend(["--format", "csv"]);
    let mut words = on(&words);
    let mut variables = Vec::new();
    if let Some(lake) = lake {
        words.extend(["--lake", lake]);
        variables = site()?.variables;
    }
    let mut command = Command::new(workspace::me()?);
    command.args(&words).envs(variables);
    let ended = bounded(&mut command, &format!("cargo xtask {}", words.join(" ")), true)?;
    let mut rows: Vec<String> = ended.stdout.lines().map(ToOwned::to_owned).collect();
    // rows that a query leaves in any order are compared as a set; the header stays first
    if let Some(data) = rows.get_mut(1..) {
        data.sort();
    }
    Ok(Answer { code: ended.code, rows, told: ended.stderr })
}

fn site() -> anyhow::Result<aws::Site> {
    aws::Site::open(&Choice { env: Some(EMULATED.into()), ..Choice::default() }, None)
}

/// Queries that have no row on a day on which nobody was asked about companies.
const OF_COMPANIES: [&str; 2] = ["actions", "fundamentals"];

/// A named query, with what it takes to have rows of the emulated lake.
fn question(name: &str) -> Vec<&str> {
    let of: &[&str] = match name {
        "actions" | "fundamentals" => &["symbol=NVDA"],
        "pe" => &["symbol=AAPL"],
        // the lake has three days
        "correlations" => &["least=2"],
        _ => &[],
    };
    [name].into_iter().chain(of.iter().flat_map(|of| ["--param", *of])).collect()
}

/// Where the lake lies that was deployed.
pub(super) fn lake() -> anyhow::Result<String> {
    let lake = aws::output(&site()?, "environment")?["lake_uri"].take();
    Ok(lake.as_str().context("the lake's URI is no text")?.to_owned())
}

/// Every named query gives the same rows, to the last digit, and Athena tells what it cost.
pub(super) fn compared(lake: &str) -> anyhow::Result<()> {
    let mut names: Vec<String> = std::fs::read_dir(root().join("sql/queries"))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".sql").map(str::to_owned))
        .collect();
    names.sort();
    let scheduled = scheduled::sources()?;
    let of_companies = scheduled::of_companies(Day::new(now().date_naive()))?;
    for name in &names {
        let question = question(name);
        let there = ask(&question, None)?;
        let here = ask(&question, Some(lake))?;
        if there.code != 0 || here.code != 0 {
            bail!("{name} fails:\n{}\n{}", there.told, here.told);
        }
        if there.rows != here.rows {
            let different = there
                .rows
                .iter()
                .zip(&here.rows)
                .find(|(a, b)| a != b)
                .map_or_else(String::new, |(a, b)| format!("\nAthena  {a}\nhere    {b}"));
            bail!(
                "{name}: {} rows of Athena differ from {} rows here{different}",
                there.rows.len(),
                here.rows.len()
            );
        }
        if !there.told.contains("scanned ") || !there.told.contains('$') {
            bail!("{name} does not tell what was scanned and what it costs: {}", there.told);
        }
        // an answer without a row would compare well whatever the engines do
        let may_be_empty = !of_companies && OF_COMPANIES.contains(&name.as_str());
        if there.rows.len() < 2 && !may_be_empty {
            bail!("{name} gives no row");
        }
        // what came by its schedule is there too
        for source in &scheduled {
            let is_its = |row: &String| row.starts_with(&format!("{source},"));
            if name == "sources" && !there.rows.iter().any(is_its) {
                bail!("{name} has no row of {source}\n{}", there.rows.join("\n"));
            }
        }
        eprintln!("  {name}: the same {} rows", there.rows.len().saturating_sub(1));
    }
    Ok(())
}

/// A query that would read more than the workgroup's limit is refused in words.
pub(super) fn limited() -> anyhow::Result<()> {
    // the lake of a test is small: the same again and again is more than the least limit
    let often = vec![ALL; 40].join(" UNION ALL ");
    let answer = ask(&["--sql", &often], None)?;
    if answer.code == 0 || !answer.told.contains("would scan more than") {
        bail!("not refused (exit {}): {}", answer.code, answer.told);
    }
    eprintln!("  {}", answer.told.lines().last().unwrap_or_default());
    Ok(())
}

/// A query of one partition scans a small part of what a query of all scans.
pub(super) fn pruned() -> anyhow::Result<()> {
    let of = |sql: &str| -> anyhow::Result<f64> {
        let answer = ask(&["--sql", sql], None)?;
        scanned(&answer.told).with_context(|| format!("no bytes scanned in: {}", answer.told))
    };
    let (one, all) = (of(&format!("{ALL}{ONE}'{SOURCE}'"))?, of(ALL)?);
    eprintln!("  one partition: {one:.0} bytes, all: {all:.0} bytes");
    if one <= 0.0 || one * 3.0 > all {
        bail!("one partition scans {one:.0} bytes of {all:.0}");
    }
    Ok(())
}

/// The bytes in `1 row, scanned 1.5 KiB in 0.3 s, $0.0000`.
fn scanned(told: &str) -> Option<f64> {
    let mut words = told.split("scanned ").nth(1)?.split_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let factor = match words.next()? {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanned_bytes_are_read() {
        assert_eq!(scanned("1 row, scanned 1.5 KiB in 0.3 s, $0.00"), Some(1536.0));
        assert_eq!(scanned("1 row, scanned 12 B in"), Some(12.0));
        assert_eq!(scanned("nothing"), None);
    }
}
