//! The program `query` as it is called: what it leaves in the lake and elsewhere, how it ends, and
//! what it says where a question is too large, too deep or has no reader.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A lake in which nothing was ever written.
fn lake() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn query(lake: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_query"));
    command.arg("--lake").arg(lake).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

fn ask(lake: &Path, args: &[&str]) -> Output {
    query(lake).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answer(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Entries of a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A sort of four million numbers, 32 MB and more.
const SORT: &str = "SELECT count(*) AS n FROM (SELECT x, row_number() OVER (ORDER BY x DESC) AS r \
                    FROM (SELECT a.x * 2000 + b.x AS x FROM (SELECT unnest(range(0, 2000)) AS x) AS a, \
                    (SELECT unnest(range(0, 2000)) AS x) AS b)) WHERE r + x = 4000000";

#[test]
fn a_question_makes_nothing_in_the_lake_and_spills_elsewhere() {
    let (lake, temp) = (lake(), lake());
    let place = temp.path().join("spill");
    let words = ["--temp", place.to_str().unwrap(), "--memory", "16", "--format", "csv"];
    let output = query(lake.path()).args(words).args(["--sql", SORT]).output().unwrap();
    assert_eq!(answer(&output), "n\r\n4000000\r\n");
    assert_eq!(entries(lake.path()), Vec::<String>::new(), "not even a folder");
    assert_eq!(entries(&place), Vec::<String>::new(), "what was spilled is gone");
    // it did spill
    let explain = format!("EXPLAIN ANALYZE {SORT}");
    let output = query(lake.path()).args(words).args(["--sql", &explain]).output().unwrap();
    let plan = answer(&output);
    let spills = plan.match_indices("spill_count=").map(|(at, word)| &plan[at + word.len()..]);
    assert!(spills.into_iter().any(|rest| !rest.starts_with('0')), "{plan}");
}

#[test]
fn what_needs_more_memory_and_cannot_spill_is_told() {
    let lake = lake();
    let sql = "SELECT array_agg(x) FROM (SELECT unnest(range(0, 4000000)) AS x)";
    let output = ask(lake.path(), &["--memory", "16", "--sql", sql]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.starts_with("query: the query needs more than the 16 MiB"), "{said}");
    assert!(said.contains("--memory MIB") && !said.contains("panicked"), "{said}");
}

#[test]
fn deep_questions_are_answered_or_refused_and_never_end_the_program() {
    let lake = lake();
    let deep = |n: usize| {
        [
            format!("SELECT {}1{} AS x", "(".repeat(n), ")".repeat(n)),
            format!("SELECT 1 AS x WHERE 1 = 1{}", " OR 1 = 2".repeat(n / 2)),
            format!("SELECT 1{} AS x", " + 0".repeat(n)),
        ]
    };
    for sql in deep(900) {
        let output = ask(lake.path(), &["--format", "csv", "--sql", &sql]);
        assert_eq!(answer(&output), "x\r\n1\r\n", "{}", &sql[..40]);
    }
    for sql in deep(10_000) {
        let output = ask(lake.path(), &["--sql", &sql]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("query: the SQL nests deeper than 1000 at line 1"), "{said}");
    }
}

#[test]
fn null_is_null_in_every_form() {
    let lake = lake();
    let sql = "SELECT NULL AS a, CAST(NULL AS VARCHAR) AS b, arrow_cast(NULL, 'Dictionary(Int32, \
               Utf8)') AS c, [1, NULL] AS d";
    let json = answer(&ask(lake.path(), &["--format", "json", "--sql", sql]));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    for column in ["a", "b", "c"] {
        assert_eq!(rows[0][column], serde_json::Value::Null, "{json}");
    }
    let csv = answer(&ask(lake.path(), &["--format", "csv", "--sql", sql]));
    assert!(csv.ends_with("\r\n,,,\"[1, ]\"\r\n"), "{csv}");
}

#[test]
fn plans_are_shown_as_they_are_laid_out() {
    let lake = lake();
    for verb in ["EXPLAIN", "EXPLAIN ANALYZE"] {
        let sql =
            format!("{verb} SELECT symbol, max(price) FROM silver.trades GROUP BY 1 ORDER BY 1");
        let text = answer(&ask(lake.path(), &["--sql", &sql]));
        assert!(text.lines().count() > 3 && !text.contains('\u{fffd}'), "{text}");
        assert!(text.lines().any(|line| line.starts_with("    ")), "{text}");
        // no limit of rows is laid around it
        let text = answer(&ask(lake.path(), &["--limit", "1", "--sql", &sql]));
        assert!(text.lines().count() > 3, "{text}");
        let json = answer(&ask(lake.path(), &["--format", "json", "--sql", &sql]));
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert!(rows.iter().all(|row| row["plan"].as_str().is_some()), "{json}");
    }
    let output = ask(lake.path(), &["--sql", "EXPLAIN ANALYZE INSERT INTO ops.runs SELECT 1"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn a_full_disk_is_told_and_a_reader_may_leave() {
    let lake = lake();
    let sql = "SELECT unnest(range(0, 200000)) AS x";
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full");
        return;
    };
    let asked: &[&[&str]] = &[
        &["--format", "json", "--sql", sql],
        &["--format", "json", "--sql", "SELECT 1"],
        &["--list"],
        &["--render", "--sql", "SELECT 1"],
        &["--sql", "EXPLAIN SELECT 1"],
    ];
    for words in asked {
        let full = full.try_clone().unwrap();
        let output = query(lake.path()).args(*words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
        assert!(
            said(&output).starts_with("query: cannot write to standard output: No space left"),
            "{words:?}: {}",
            said(&output)
        );
    }
    let mut child = query(lake.path())
        .args(asked[0])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
}

/// Sends a signal to a question that takes long and has spilled; its exit code.
fn stopped_by(signal: &str, ignore: bool) -> (Option<i32>, Vec<String>) {
    let (lake, temp) = (lake(), lake());
    let sql = "SELECT count(*) FROM (SELECT unnest(range(0, 3000000)) AS x) AS a, \
               (SELECT unnest(range(0, 3000000)) AS x) AS b WHERE a.x + b.x = -1";
    let program = query(lake.path());
    let mut command = Command::new(if ignore { "nohup" } else { "env" });
    if !ignore {
        // whoever runs the tests may have switched signals off
        command.arg("--default-signal=HUP,INT,TERM");
    }
    let mut child = command
        .arg(program.get_program())
        .args(program.get_args())
        .args(["--memory", "16", "--temp", temp.path().to_str().unwrap()])
        .args(["--sql", if ignore { SORT } else { sql }])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // it is at work once it has a folder to spill to
    for _ in 0..600 {
        if !entries(temp.path()).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    std::thread::sleep(std::time::Duration::from_millis(400));
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    (code, entries(temp.path()))
}

#[test]
fn a_signal_ends_a_question_and_leaves_nothing() {
    for (signal, code) in [("-HUP", 129), ("-INT", 130), ("-TERM", 143)] {
        assert_eq!(stopped_by(signal, false), (Some(code), Vec::new()), "{signal}");
    }
    // whoever switched hang-ups off gets the answer
    assert_eq!(stopped_by("-HUP", true).0, Some(0));
}

#[test]
fn what_is_no_lake_is_told() {
    let lake = lake();
    let file = lake.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let output = ask(&file, &["--sql", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("expected a directory"), "{}", said(&output));
    let url = format!("file://{}/nowhere", lake.path().display());
    let output = query(Path::new(&url)).args(["--sql", "SELECT 1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!lake.path().join("nowhere").exists(), "a question makes no lake");
}
