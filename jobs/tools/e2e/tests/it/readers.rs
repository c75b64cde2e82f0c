//! The tables open in DuckDB, Polars and delta-rs (Python), and row counts and sums agree, those
//! of a symbol in Chinese by its name.
//! Needs a Python that has them: `cargo xtask test` makes one and names it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::world::{self, World};
use serde_json::Value;

#[test]
fn other_engines_agree() -> Result<()> {
    let Some(python) = world::python() else { return Ok(()) };
    let world = World::new(
        &[
            "spot:BTCUSDT,trades=400",
            "spot:PEPEUSDT,price=0.00000001,largest=1000000000000,trades=300",
            "usdm:ETHUSDT,trades=300",
            "usdm:币安人生USDT,trades=200",
        ],
        "2024-12-30",
        "2025-01-01",
    )?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers.py");
    let output = Command::new(&python).arg(script).arg(lab.lake()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let tables = found.as_object().context("no tables")?;
    ensure!(tables.len() == 10, "{found}");
    for (subject, engines) in tables {
        // `silver.trades` or `silver.trades 币安人生USDT`
        let (table, symbol) = subject.split_once(' ').unwrap_or((subject, ""));
        let only =
            if symbol.is_empty() { String::new() } else { format!(" WHERE symbol = '{symbol}'") };
        let column = if table.contains("trades") { "quantity" } else { "volume" };
        let line = lab.lines(&format!(
            "SELECT count(*), CAST(sum({column}) AS DECIMAL(38, 8)) FROM {table}{only}"
        ))?;
        let (rows, sum) = line[0].split_once(' ').context("two values")?;
        ensure!(rows != "0", "{subject} is empty");
        for (engine, answer) in engines.as_object().context("no engines")? {
            ensure!(
                answer[0].as_u64() == rows.parse().ok() && answer[1].as_str() == Some(sum),
                "{subject} by {engine}: {answer}, ours: {rows} {sum}"
            );
        }
    }
    Ok(())
}

/// The example of the docs, as a reader would call it.
#[test]
fn the_example_trains_on_the_lakes_features() -> Result<()> {
    let Some(python) = world::python() else { return Ok(()) };
    let symbols = &["spot:BTCUSDT,trades=4000", "spot:ETHUSDT,trades=4000"];
    let world = World::new(symbols, "2024-12-26", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/examples/train.py");
    let output = Command::new(&python).arg(example).arg(lab.lake()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    for expected in ["bars learnt from", "direction right: ", "weighs most: "] {
        ensure!(said.contains(expected), "{said}");
    }
    Ok(())
}
