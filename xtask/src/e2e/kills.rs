//! Executions whose tasks are killed at random, and which are done again until they did well: two at once, as
//! where a schedule and a person start one each.

use std::fs;

use anyhow::{Context as _, bail};

use super::{Args, begun_as, on, xtask};
use crate::aws::{self, EMULATED, emulator};
use crate::environment::Choice;

/// What the executions fetch, a day of a dataset each. Trades are left to the steps that follow.
const DAYS: [&str; 3] = ["2024-12-30", "2025-01-01", "2024-12-31"];
const DATASETS: [&str; 2] = ["agg_trades", "klines"];
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "PEPEUSDT"];

/// How many executions a round starts.
const AT_ONCE: usize = 2;

/// Runs, and does again what failed, until as many tasks were killed as was asked for. Each round
/// fetches what the ones before did not, so that every stage has work that a kill can hit.
pub(super) fn rounds(args: &Args) -> anyhow::Result<()> {
    let environment = Choice { env: Some(EMULATED.into()), ..Choice::default() }.open(None)?;
    let aws = environment.config.aws.as_ref().context("no section aws")?;
    let wish = |kills, containers| emulator::Wish {
        kills,
        containers: Some(containers),
        ..emulator::Wish::default()
    };
    emulator::up(EMULATED, &environment.file, aws, &wish(args.kills, false))?;
    let log = aws::folder(EMULATED).join("runner.log");
    let scopes: Vec<[&str; 8]> = DAYS
        .iter()
        .flat_map(|day| DATASETS.iter().map(move |set| (day, set)))
        .flat_map(|(day, set)| SYMBOLS.iter().map(move |symbol| scope(day, set, symbol)))
        .collect();
    for (round, scopes) in scopes.chunks(AT_ONCE).enumerate() {
        // an execution may fail: a task may be killed more often than it is tried again
        let run = |scope: &[&str; 8]| xtask(&on(&[&["run", "--wait"], scope.as_slice()].concat()));
        std::thread::scope(|threads| {
            let begun: Vec<_> = scopes.iter().map(|scope| threads.spawn(|| run(scope))).collect();
            begun.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| anyhow::anyhow!("a thread ended badly"))?.map(drop)
            })
        })?;
        xtask(&on(&["run", "--redrive", "--wait"]))?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        let kills = text.lines().filter(|line| line.ends_with("at random")).count();
        eprintln!("round {}: {kills} of {} tasks killed", round + 1, args.kills);
        if kills as u64 >= u64::from(args.kills) {
            // a runner that is started anew begins its log anew
            begun_as(false)?;
            emulator::up(EMULATED, &environment.file, aws, &wish(0, args.containers))?;
            return Ok(());
        }
    }
    bail!("fewer than {} tasks were killed while there was something to fetch", args.kills)
}

fn scope<'a>(day: &'a str, dataset: &'a str, symbol: &'a str) -> [&'a str; 8] {
    ["--from", day, "--to", day, "--dataset", dataset, "--symbol", symbol]
}
