//! The exchange beside real files: it serves them as they are, and its own look like them.

use std::path::Path;

use exchange::faults::{Fault, Rows, Rule};
use exchange::{ArchiveName, Exchange, Handle, Options, zip_csv};

use crate::common::{ask, csv, elements, get, members, options, sha256, shared};

/// The key of a real file.
fn key(folder: &str, file: &str) -> String {
    let (head, series) = match folder {
        "spot-klines-1h" => ("data/spot/monthly", "klines/BTCUSDT/1h"),
        "spot-trades" => ("data/spot/daily", "trades/BTCUSDT"),
        _ if file.contains("-5m-") => ("data/futures/um/monthly", "klines/BTCUSDT/5m"),
        _ => ("data/futures/um/daily", "klines/BTCUSDT/1m"),
    };
    let stem = file.trim_end_matches(".csv").trim_end_matches(".first-171-rows");
    format!("{head}/{series}/{stem}.zip")
}

/// All real files as keys, texts and paths.
fn real_files(root: &Path) -> Vec<(String, String, std::path::PathBuf)> {
    let mut found = Vec::new();
    for folder in ["spot-klines-1h", "spot-trades", "usdm-klines"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
            let file = entry.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            found.push((key(folder, &file), text, entry.path()));
        }
    }
    assert!(found.len() > 20);
    found
}

fn serve(folder: &Path) -> Handle {
    Exchange::start(&Options {
        symbols: Vec::new(),
        folder: Some(folder.to_owned()),
        ..Options::default()
    })
    .unwrap()
}

#[tokio::test]
async fn real_files_are_served_as_they_are() {
    let Some(root) = shared("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let real = real_files(&root);
    for (key, _, path) in &real {
        zip_csv(folder.path(), path, key).unwrap();
    }
    let exchange = serve(folder.path());
    let xml = get(&exchange, "?prefix=data/").await.text();
    assert_eq!(elements(&xml, "Key").len(), 2 * real.len());
    for (key, text, _) in &real {
        let zip = get(&exchange, key).await;
        let name = ArchiveName::parse(key).unwrap();
        assert_eq!(members(&zip.body), [(format!("{}.csv", name.stem()), text.clone())]);
        let sum = get(&exchange, &format!("{key}.CHECKSUM")).await.text();
        assert_eq!(sum, format!("{}  {}.zip", sha256(&zip.body), name.stem()));
        let at = elements(&xml, "Key").iter().position(|k| k == key).unwrap();
        assert_eq!(elements(&xml, "Size")[at], zip.body.len().to_string());
        assert_eq!(elements(&xml, "ETag")[at], zip.header("etag").unwrap());
    }
    // a checksum file that is there wins, and a file is seen when it comes later
    let key = &real[0].0;
    std::fs::write(folder.path().join(format!("{key}.CHECKSUM")), "mine").unwrap();
    assert_eq!(get(&exchange, &format!("{key}.CHECKSUM")).await.text(), "mine");
    std::fs::write(folder.path().join("data/note.txt"), "hello").unwrap();
    assert_eq!(get(&exchange, "data/note.txt").await.text(), "hello");
    for outside in ["../secret", "data/../../secret", "data//note.txt", "%2e%2e/secret"] {
        assert_eq!(get(&exchange, outside).await.status, 404, "{outside}");
    }
}

#[tokio::test]
async fn real_files_are_spoiled_like_made_ones() {
    let Some(root) = shared("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (key, text, path) = real_files(&root)
        .into_iter()
        .find(|f| f.0.contains("usdm") || f.0.contains("um/monthly"))
        .unwrap();
    zip_csv(folder.path(), &path, &key).unwrap();
    let exchange = serve(folder.path());
    let sound = get(&exchange, &key).await;
    let spoil = async |fault: Fault| {
        exchange.set_faults(vec![Rule::always(key.as_str(), fault)]).unwrap();
        get(&exchange, &key).await
    };
    let answer = spoil(Fault::MissingRows { which: Rows::these(&[1]) }).await;
    assert_eq!(csv(&answer.body), text.split_once('\n').unwrap().1);
    assert_ne!(answer.header("etag"), sound.header("etag"));
    let answer = spoil(Fault::Header { present: true }).await;
    assert!(csv(&answer.body).starts_with("open_time,open,high,"));
    let answer = spoil(Fault::Republished { revision: 1 }).await;
    assert_eq!(csv(&answer.body), text, "the rows of real files stay");
    assert_ne!(answer.header("etag"), sound.header("etag"));
    assert_ne!(answer.header("last-modified"), sound.header("last-modified"));
    let answer = spoil(Fault::Delisted { on: "2020-01-01".parse().unwrap() }).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("can only be made by the generator"));
    let answer = spoil(Fault::Status { code: 503, retry_after: None }).await;
    assert_eq!(answer.status, 503);
}

/// How a row is written: the decimals of each number, or the word; where decimals vary in the
/// real files themselves, nothing.
fn shape(line: &str) -> Vec<String> {
    line.split(',')
        .map(|field| match field.split_once('.') {
            Some((_, part)) => format!("{} decimals", part.len()),
            None if field.bytes().all(|b| b.is_ascii_digit()) => "whole".to_owned(),
            None => "True or False".to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn made_files_look_like_real_ones() {
    let Some(root) = shared("") else { return };
    let spot = options(
        &["spot:BTCUSDT,trades=500", "usdm:BTCUSDT,trades=500"],
        "2017-08-17",
        "2022-05-06",
    );
    let exchange = Exchange::start(&spot).unwrap();
    for (key, text, _) in real_files(&root) {
        let name = ArchiveName::parse(&key).unwrap();
        let mut market = name.clone();
        if market.market == exchange::Market::Usdm {
            // the same header habit, whatever the date
            assert!(!text.starts_with("open_time"));
        }
        market.timeframe = name.timeframe;
        let made = String::from_utf8(exchange.market().csv(&market).unwrap()).unwrap();
        // 2017's bars have a filled last column, a defect of its own
        let columns = |line: &str| {
            let mut all = shape(line);
            if name.timeframe.is_some() {
                all.pop();
            }
            all
        };
        assert_eq!(
            columns(made.lines().next().unwrap()),
            columns(text.lines().next().unwrap()),
            "{key}"
        );
        assert_eq!(made.ends_with('\n'), text.ends_with('\n'), "{key}");
        assert_eq!(made.contains('\r'), text.contains('\r'), "{key}");
        let digits = |t: &str| t.lines().next().unwrap().split(',').next().unwrap().len();
        if name.timeframe.is_some() {
            assert_eq!(digits(&made), digits(&text), "{key}");
        }
    }
}

#[tokio::test]
async fn a_page_has_the_form_of_a_real_page() {
    let Some(file) = shared("listing/daily-page1.xml") else { return };
    let real = std::fs::read_to_string(file).unwrap();
    let mut options = options(&["spot:BTCUSDT,trades=50"], "2017-08-17", "2017-08-30");
    options.range.timeframes = vec![model::Timeframe::M1];
    let exchange = Exchange::start(&options).unwrap();
    let query = "?prefix=data/spot/daily/klines/BTCUSDT/1m/&delimiter=/&max-keys=12";
    let answer = ask(reqwest::Method::GET, format!("{}/{query}", exchange.url()), &[]).await;
    assert_eq!(answer.header("content-type"), Some("application/xml"));
    let page = answer.text();
    // the same but for sizes, tags and dates
    let form = |xml: &str| {
        xml.lines()
            .map(|line| {
                let element = line.trim_start().split(['<', '>']).nth(1).unwrap_or("");
                match element {
                    "Size" | "ETag" | "LastModified" => element.to_owned(),
                    _ => line.to_owned(),
                }
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(form(&page), form(&real));
    assert_eq!(elements(&page, "Size")[1], "91", "a checksum file of this name has 91 bytes");
    let tags = |xml: &str| elements(xml, "ETag").iter().map(String::len).collect::<Vec<_>>();
    assert_eq!(tags(&page), tags(&real));
    let dates =
        |xml: &str| elements(xml, "LastModified").iter().map(String::len).collect::<Vec<_>>();
    assert_eq!(dates(&page), dates(&real));
}

#[test]
fn a_checksum_file_has_the_form_of_a_real_one() {
    let Some(file) = shared("listing/BTCUSDT-1h-2024-12-31.zip.CHECKSUM") else { return };
    let real = std::fs::read(file).unwrap();
    let made = format!("{}  BTCUSDT-1h-2024-12-31.zip", sha256(b"x"));
    assert_eq!(real.len(), made.len());
    assert_eq!(real[64..], made.as_bytes()[64..]);
}
