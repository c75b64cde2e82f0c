//! A runner of the emulated AWS that is killed leaves its tasks at work; the next one ends them
//! before it takes any.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn runner(emulator: &str, folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cloud"))
        .args(["run-tasks", "--emulator", emulator, "--lock"])
        .arg(folder.join("runner.lock"))
        .arg("--programs")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for something to come true.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lives(pid: &str) -> bool {
    let output = Command::new("ps").args(["-p", pid, "-o", "stat="]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_a_killed_runner_are_ended_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let program = folder.path().join("silver");
    let script = format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 120\n", pid_file.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();

    let server = MockServer::start().await;
    let task =
        serde_json::json!([{ "task_arn": "arn:aws:ecs:x:1:task/lake/abc", "stage": "silver" }]);
    // one task, once; then none
    Mock::given(method("POST"))
        .and(path("/_emulator/claim"))
        .respond_with(ResponseTemplate::new(200).set_body_json(task))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let none = ResponseTemplate::new(200)
        .set_body_json(serde_json::json!([]))
        .set_delay(Duration::from_millis(100));
    Mock::given(method("POST"))
        .and(path("/_emulator/claim"))
        .respond_with(none.clone())
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/_emulator/stops"))
        .respond_with(none)
        .mount(&server)
        .await;

    let mut first = runner(&server.uri(), folder.path());
    let pid = || std::fs::read_to_string(&pid_file).unwrap_or_default().trim().to_owned();
    wait("the task begins", || !pid().is_empty());
    let notes = folder.path().join("runner.tasks");
    let is_noted = || std::fs::read_dir(&notes).is_ok_and(|entries| entries.count() == 1);
    wait("the task is noted", is_noted);
    let task = pid();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(lives(&task), "a killed runner ends nothing");

    let mut second = runner(&server.uri(), folder.path());
    wait("the next runner ends it", || !lives(&task));
    wait("and its note is done with", || !is_noted());
    assert!(second.try_wait().unwrap().is_none(), "it is at work");
    second.kill().unwrap();
    second.wait().unwrap();
}
