//! Jobs that ask a provider and are killed at any moment never ask more than its limits together,
//! and the next one goes on. The job is `examples/spends.rs`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

const PER_MINUTE: usize = 40;
const PER_DAY: usize = 160;
/// A minute takes three seconds.
const SPEED: i32 = 20;

/// The example, which cargo builds with the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let folder = test.ancestors().nth(2).expect("the folder of programs");
    folder.join("examples/spends")
}

struct World<'a> {
    folder: &'a Path,
    began: DateTime<Utc>,
    runs: u32,
}

impl World<'_> {
    /// Starts a job, whose clock shows `later` than that of the others.
    fn start(&mut self, later: TimeDelta, more: &[&str]) -> Child {
        self.runs += 1;
        let begins: DateTime<Utc> = "2026-12-01T00:10:00Z".parse().expect("time");
        let limits =
            format!(r#"{{"per_minute": {PER_MINUTE}, "per_day": {PER_DAY}, "concurrency": 2}}"#);
        Command::new(program())
            .arg("--lake")
            .arg(self.folder.join("lake"))
            .arg("--log")
            .arg(self.folder.join("log"))
            .args(["--run", &format!("20261201T001000Z-{:08x}", self.runs)])
            .args(["--limits", &limits])
            .args(["--began", &self.began.to_rfc3339()])
            .args(["--begins", &(begins + later).to_rfc3339()])
            .args(["--speed", &SPEED.to_string()])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example")
    }

    fn sent(&self) -> Vec<i64> {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let mut sent: Vec<i64> =
            log.lines().map(|line| line.parse().expect("a whole line")).collect();
        sent.sort_unstable();
        sent
    }
}

fn end(job: Child) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = job.wait_with_output().expect("its end");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn those_who_are_killed_never_exceed_a_limit_together() {
    let folder = tempfile::tempdir().expect("folder");
    let began = stage::Clock::System.now();
    let mut world = World { folder: folder.path(), began, runs: 0 };
    let mut jobs: Vec<Child> = (0..3).map(|_| world.start(TimeDelta::zero(), &[])).collect();
    let mut kills = 0;
    let (mut over, mut kept) = (None, None);
    while over.is_none() {
        std::thread::sleep(Duration::from_millis(fastrand::u64(50..600)));
        for job in &mut jobs {
            let is_over = job.try_wait().expect("state").is_some();
            if !is_over && (kills > 20 || fastrand::u8(..) < 128) {
                continue;
            }
            let next = world.start(TimeDelta::zero(), &[]);
            let mut old = std::mem::replace(job, next);
            if is_over {
                over = Some(end(old));
            } else {
                old.kill().expect("kill");
                old.wait().expect("its end");
                kills += 1;
            }
        }
        kept = Some(world.sent().len());
    }
    let (code, said) = over.expect("one that ended");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.starts_with("the day's 160 credits of acme are used up (by runs 2026"), "{said}");
    assert!(said.contains("it can go on at 2026-12-02 00:00 UTC"), "{said}");
    // the others may be in the midst of it
    for job in jobs {
        let (code, said) = end(job);
        assert_eq!(code, Some(3), "{said}");
    }
    let sent = world.sent();
    let most = (0..sent.len())
        .map(|n| sent[n..].iter().take_while(|at| **at - sent[n] < 60_000).count())
        .max()
        .unwrap_or(0);
    eprintln!("{} of {PER_DAY} sent, {kills} kills, {most} in a minute", sent.len());
    assert!(sent.len() <= PER_DAY, "{} sent", sent.len());
    assert!(most <= PER_MINUTE, "{most} in a minute");
    assert!(Some(sent.len()) >= kept && sent.len() >= PER_DAY / 4, "{} sent", sent.len());
    // the next day
    let (code, said) = end(world.start(TimeDelta::days(1), &["--most", "4"]));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.sent().len(), sent.len() + 4);
}
