//! The page out of a lake: it says what the tables say, is replaced as a whole, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::world::World;

/// The files of the page, without their folder.
fn files(lab: &Lab) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for folder in ["page", "page/data"] {
        for entry in fs::read_dir(lab.lake().join(folder)).into_iter().flatten() {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files.insert(format!("{folder}/{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    Ok(files)
}

#[test]
fn the_page_says_what_the_tables_say() -> Result<()> {
    let symbols = &["spot:BTCUSDT,trades=400", "usdm:ETHUSDT,trades=300"];
    let world = World::new(symbols, "2024-12-30", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    // of a lake without a run there is a page, too
    lab.job::<&str>("publish", &[])?.expect_code(0)?;
    let empty = fs::read_to_string(lab.lake().join("page/index.html"))?;
    ensure!(!empty.contains("BTCUSDT"), "there is nothing yet");
    lab.run_well()?;
    let made = lab.job("publish", &["--json"])?.expect_code(0)?;
    let summary: serde_json::Value = serde_json::from_str(&made.stdout)?;
    assert_eq!(summary["symbols"], 2, "{summary}");
    assert_eq!(summary["page"], "page/index.html", "{summary}");
    let page = fs::read_to_string(lab.lake().join("page/index.html"))?;
    let run = lab.lines("SELECT run FROM ops.runs")?;
    let close = lab.lines(
        "SELECT CAST(close AS varchar) FROM gold.daily WHERE symbol = 'BTCUSDT' ORDER BY date DESC LIMIT 1",
    )?;
    // a price is written with the digits that it has, a whole number of the least of them
    let digits = close[0].trim_end_matches('0').replace('.', "");
    for expected in ["BTCUSDT", "ETHUSDT", run[0].as_str(), digits.as_str()] {
        ensure!(page.contains(expected), "the page does not say {expected}");
    }
    let first = files(&lab)?;
    assert_eq!(first.len() as u64, summary["files"].as_u64().context("a count")?, "{first:?}");
    ensure!(
        first.iter().any(|file| file.starts_with("page/data/")),
        "no bars of minutes: {first:?}"
    );
    // with fewer symbols the files of the others are gone
    let fewer = lab.job("publish", &["--symbols", "1", "--json"])?.expect_code(0)?;
    let summary: serde_json::Value = serde_json::from_str(&fewer.stdout)?;
    assert_eq!(summary["symbols"], 1, "{summary}");
    assert_eq!(summary["left_out"], 1, "{summary}");
    ensure!(files(&lab)?.len() < first.len(), "{:?}", files(&lab)?);
    Ok(())
}
