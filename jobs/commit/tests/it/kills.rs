//! The program killed at any moment and started again: the same tables in the end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use model::layout;

use crate::kit::{Run, World, ask, live, planned, world};

/// Lakes, and kills that each may suffer before its commit may end.
const LAKES: u32 = 4;
const KILLS: u32 = 8;

fn program(world: &World, run: &Run<'_>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_commit"));
    command
        .args(["--log", "warn", "--json", "--run", run.id.as_str(), "--config"])
        .arg(world.folder.path().join("lake.yaml"))
        .arg("--lake")
        .arg(world.folder.path().join("lake"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A lake in which a first run has been committed, and a second one corrects half of it.
async fn prepared(world: &World) -> Run<'_> {
    let first = planned(world, 1, 5).await;
    for day in 1..=5 {
        first.day(&format!("2024-01-0{day}"), &format!("x{day}"), 1).await;
    }
    first.commit().await;
    let second = planned(world, 2, 5).await;
    for day in 3..=7 {
        second.day(&format!("2024-01-0{day}"), &format!("b{}", 10 + day), 2).await;
    }
    second
}

/// Everything that must not depend on how often the commit was cut off.
async fn accounts(world: &World, run: &Run<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for paths in live(world).await.into_values() {
        lines.extend(paths);
    }
    for sql in [
        "select unit, status, sha256, run from bronze.archives order by 1, 3",
        "select group_id, inputs, rows_read, run from ops.builds order by 1, 4",
        "select run, groups, rows_read, rows_silver, files_added, files_removed from ops.runs \
         order by 1",
        "select date, count(*) from silver.trades group by 1 order by 1",
    ] {
        lines.extend(ask(world, sql).await);
    }
    let dirty = world.lake.read(&layout::dirty(&run.id)).await.unwrap();
    lines.push(String::from_utf8(dirty.to_vec()).unwrap());
    let (_, ledger) = world.lake.ledger().await.unwrap();
    lines.push(format!("{ledger:?}"));
    lines
}

#[tokio::test]
async fn killed_at_any_moment_and_repeated_it_ends_in_the_same_tables() {
    let undisturbed = world();
    let run = prepared(&undisturbed).await;
    let begin = Instant::now();
    assert!(program(&undisturbed, &run).status().unwrap().success());
    let whole = begin.elapsed();
    let expect = accounts(&undisturbed, &run).await;
    let mut killed = 0;
    for _ in 0..LAKES {
        let world = world();
        let run = prepared(&world).await;
        for _ in 0..KILLS {
            let mut child = program(&world, &run).spawn().unwrap();
            std::thread::sleep(whole.mul_f64(fastrand::f64()).max(Duration::from_millis(5)));
            killed += u32::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(program(&world, &run).status().unwrap().success());
        assert_eq!(accounts(&world, &run).await, expect);
    }
    assert!(killed > 0, "no process was cut off in {whole:?}");
    println!("{killed} of {} processes were killed at work", LAKES * KILLS);
}
