//! The program: what it prints, writes and refuses, and when it ends.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use exchange::{Exchange, Options};
use reqwest::Method;

use crate::common::{ask, elements, get, sha256};

fn exchange(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exchange"));
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    exchange(args).output().unwrap()
}

fn files(folder: &Path, prefix: &str, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push((name, std::fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
}

#[tokio::test]
async fn it_serves_until_standard_input_closes() {
    let folder = tempfile::tempdir().unwrap();
    let url_file = folder.path().join("url");
    let mut child = exchange(&["serve", "--until-stdin-closes", "--print-url"])
        .arg(&url_file)
        .args(["--market", "spot,usdm", "--symbol", "BTCUSDT,trades=100", "--dataset", "trades"])
        .args(["--from", "2024-01-01", "--to", "2024-01-02", "--cadence", "daily"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").unwrap().trim_end().to_owned();
    assert_eq!(std::fs::read_to_string(&url_file).unwrap(), url);
    let listing = ask(Method::GET, format!("{url}/?prefix=data/"), &[]).await.text();
    assert_eq!(elements(&listing, "Key").len(), 8);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn rest_servers_serve_at_a_made_up_time() {
    let mut child = exchange(&["rest", "--until-stdin-closes", "--now", "2024-01-31T17:34:00Z"])
        .args(["--key", "k", "--twelvedata-minute", "1", "--symbol", "spot:BTCUSDT,trades=100"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").unwrap().trim_end().to_owned();
    let get = async |path: &str| ask(Method::GET, format!("{url}/{path}"), &[]).await;
    let series = "time_series?symbol=AAPL&interval=1min&apikey=k";
    assert!(get(series).await.text().contains(r#"{"datetime":"2024-01-31 12:34:00""#));
    assert_eq!(get(series).await.status, 429);
    assert!(get("query?function=OVERVIEW&symbol=IBM").await.text().contains("apikey is invalid"));
    // 2024-01-31 12:00
    let bars = get("api/v3/klines?symbol=BTCUSDT&interval=12h&limit=1").await.text();
    assert!(bars.starts_with("[[1706702400000,"), "{bars}");
    let counts = get("_counts").await.text();
    assert!(counts.contains(r#""provider":"twelvedata","key":"k","requests":2,"refused":1"#));
    let asked = get("_control/requests").await.text();
    assert!(asked.contains("time_series?symbol=AAPL&interval=1min\"") && !asked.contains("apikey"));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn what_it_writes_is_what_it_serves() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&a, &b] {
        let out = exchange(&["write", "--symbol", "PEPEUSDT,trades=300", "--timeframes", "1h"])
            .args([
                "--from",
                "2024-01-01",
                "--to",
                "2024-01-31",
                "--no-daily",
                "agg_trades",
                "--out",
            ])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        // 31 days of trades and of bars, three months
        assert!(String::from_utf8(out.stdout).unwrap().starts_with("65 archives, "));
    }
    let (mut written, mut again) = (Vec::new(), Vec::new());
    files(a.path(), "", &mut written);
    files(b.path(), "", &mut again);
    assert_eq!(written.len(), 130);
    assert!(written == again, "the same bytes each time");

    let served = Exchange::start(&Options {
        symbols: Vec::new(),
        folder: Some(a.path().to_owned()),
        ..Options::default()
    })
    .unwrap();
    let made = Exchange::start(&Options {
        symbols: vec!["spot:PEPEUSDT,trades=300".parse().unwrap()],
        range: exchange::Range {
            from: "2024-01-01".parse().unwrap(),
            to: "2024-01-31".parse().unwrap(),
            ..Options::default().range
        },
        ..Options::default()
    })
    .unwrap();
    for (key, bytes) in &written {
        let (one, two) = (get(&served, key).await, get(&made, key).await);
        assert!(one.body == *bytes && two.body == *bytes, "{key}");
        assert_eq!(one.header("etag"), two.header("etag"), "{key}");
        if !key.ends_with("CHECKSUM") {
            assert_eq!(one.header("last-modified"), two.header("last-modified"), "{key}");
        }
    }
    let list = |xml: String| elements(&xml, "Key");
    let all = list(get(&served, "?prefix=data/").await.text());
    assert_eq!(all, written.iter().map(|f| f.0.clone()).collect::<Vec<_>>());
}

#[test]
fn faults_are_written_too() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.yaml");
    std::fs::write(
        &faults,
        "rules:\n  - {path: '**-2024-01-01.zip', fault: wrong_checksum}\n  \
         - {path: '**-2024-01-02.zip', fault: missing_checksum}\n  \
         - {path: '**-2024-01-03.zip', fault: absent}\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let done = exchange(&["write", "--symbol", "BTCUSDT,trades=100", "--dataset", "trades"])
        .args(["--from", "2024-01-01", "--to", "2024-01-04", "--faults"])
        .arg(&faults)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let mut found = Vec::new();
    files(&out, "", &mut found);
    let ends: Vec<&str> = found.iter().map(|f| &f.0[f.0.find("2024").unwrap()..]).collect();
    let expect = [
        "2024-01-01.zip",
        "2024-01-01.zip.CHECKSUM",
        "2024-01-02.zip",
        "2024-01-04.zip",
        "2024-01-04.zip.CHECKSUM",
    ];
    assert_eq!(ends, expect);
    let holds =
        |zip: usize| String::from_utf8_lossy(&found[zip + 1].1).starts_with(&sha256(&found[zip].1));
    assert!(!holds(0) && holds(3));
}

#[test]
fn wrong_options_are_refused_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, "rules:\n  - path: a\n    fault: {status: {cod: 1}}\n").unwrap();
    let bad = bad.to_str().unwrap();
    let check = |args: &[&str], parts: &[&str]| {
        let out = run(args);
        let message = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{args:?}: {message}");
        for part in parts {
            assert!(message.contains(part), "{args:?}: {message}");
        }
    };
    check(&["serve", "--symbol", "btc"], &["expected a symbol such as BTCUSDT"]);
    check(&["serve", "--symbol", "spot:BTCUSDT", "--symbol", "BTCUSDT"], &["once"]);
    check(
        &["serve", "--market", "futures", "--symbol", "BTCUSDT"],
        &["futures", "spot, usdm, coinm"],
    );
    check(&["serve", "--from", "2024-01-02", "--to", "2024-01-01"], &["2024-01-02 to 2024-01-01"]);
    check(&["serve", "--from", "2024"], &["expected a day such as 2024-01-31"]);
    check(&["serve", "--folder", "/no/such/folder"], &["no folder /no/such/folder"]);
    check(&["serve", "--faults", bad], &["bad.yaml", "cod", "line 3"]);
    check(&["serve", "--level", "12"], &["12"]);
    check(&["zip", "x.csv", "--key", "data/x.zip", "--out", "."], &["`data/x.zip` is no archive"]);
}
