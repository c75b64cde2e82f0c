//! A panic anywhere in a job is a bug report for people, and exit 1; so is a job that never ends,
//! with its time limit for the reason. The job with the bugs is `examples/panics.rs`.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const RUN: &str = "20240131T235959Z-0a1b2c3d";

/// The example, which cargo builds with the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let folder = test.ancestors().nth(2).expect("the folder of programs");
    folder.join("examples/panics")
}

fn run(where_to: &str, form: &str, stdout: Stdio) -> Output {
    run_with(where_to, form, stdout, &[])
}

fn run_with(where_to: &str, form: &str, stdout: Stdio, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("folder");
    let config = folder.path().join("lake.yaml");
    std::fs::write(
        &config,
        "environment: test\nsources:\n  binance:\n    url: https://example.org\n    \
         markets:\n      spot:\n        symbols: [BTCUSDT]\n        \
         range: {from: 2024-01-01, to: 2024-01-02}\n        datasets: {trades: {}}\n",
    )
    .expect("configuration");
    let lake = folder.path().join("lake");
    Command::new(program())
        .args(["--where-to", where_to, "--log-format", form, "--run", RUN])
        .arg("--config")
        .arg(&config)
        .arg("--lake")
        .arg(&lake)
        .args(more)
        .env_remove("RUST_BACKTRACE")
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example")
        .wait_with_output()
        .expect("its end")
}

#[test]
fn a_panic_anywhere_is_one_report_and_exit_1() {
    for where_to in ["main", "task", "worker"] {
        let ended = run(where_to, "text", Stdio::null());
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{where_to}: {said}");
        assert_eq!(said.matches("stopped by a bug in panics itself").count(), 1, "{said}");
        assert!(said.contains("what    the index is 5\n"), "{said}");
        assert!(said.contains("jobs/lib/stage/examples/panics.rs:"), "{said}");
        assert!(said.contains(&format!("run     {RUN}\n")), "{said}");
        let at = match where_to {
            "worker" => "at      binance/spot/trades/BTCUSDT/2024-01-31\n",
            "task" => "at      group 3\n",
            _ => "at      step 7\n",
        };
        assert!(said.contains(at), "{where_to}: {said}");
        assert!(!said.contains("RUST_BACKTRACE") && !said.contains("panicked at"), "{said}");
    }
}

#[test]
fn programs_read_a_line_of_json() {
    let ended = run("task", "json", Stdio::null());
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    let line = said.lines().find(|line| line.contains("a bug in panics")).expect("a report");
    let bug: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&bug["what"], &bug["run"]), (&"the index is 5".into(), &RUN.into()), "{bug}");
    assert!(bug["timestamp"].as_str().is_some_and(|time| time.starts_with("20")), "{bug}");
}

/// As Step Functions does: what a stuck task must not wait for is to be stopped from outside.
#[test]
fn a_job_whose_time_is_over_ends_itself_and_says_so() {
    let ended = run_with("nowhere", "json", Stdio::null(), &["--time-limit", "1"]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("panics: stopped: its time limit of 1 s is over, at `step 7`"), "{said}");
    // the line of figures comes before it; no stage is called as this one, so it has none
    assert!(said.lines().any(|line| line.contains("_aws")), "{said}");
    let bad = run_with("nowhere", "json", Stdio::null(), &["--time-limit", "0"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn an_answer_that_cannot_be_written_is_no_bug() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full");
        return;
    };
    let ended = run("stdout", "text", full.into());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("panics: cannot write to standard output: No space left"), "{said}");
    assert!(!said.contains("bug"), "{said}");
}
