//! Each fault over HTTP: what an answer, a checksum file, an archive or its rows become, and
//! that everything else stays sound.

use std::time::Duration;

use exchange::Market;
use exchange::faults::{ChecksumForm, Corruption, Fault, Rows, Rule, TimeUnit};
use exchange::{ArchiveName, Handle};
use model::Timeframe;
use reqwest::Method;

use crate::common::{ask, client, csv, elements, get, members, options, sha256, start};

const TRADES: &str = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-31.zip";
const SUM: &str = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-31.zip.CHECKSUM";
const NEXT: &str = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2025-01-01.zip";
const AGGS: &str = "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-31.zip";
const BARS: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-31.zip";

fn small() -> Handle {
    start(&["spot:BTCUSDT,trades=2000"], "2024-12-31", "2025-01-01")
}

fn one(exchange: &Handle, path: &str, fault: Fault) {
    exchange.set_faults(vec![Rule::always(path, fault)]).unwrap();
}

#[tokio::test]
async fn statuses_with_and_without_retry_after() {
    let exchange = small();
    for (code, retry_after) in
        [(404, None), (500, None), (503, Some(2)), (429, Some(7)), (418, Some(120))]
    {
        let fault = Fault::Status { code, retry_after };
        exchange.set_faults(vec![Rule::always(TRADES, fault).times(1)]).unwrap();
        let answer = get(&exchange, TRADES).await;
        assert_eq!(answer.status, code);
        let retry = retry_after.map(|s: u64| s.to_string());
        assert_eq!(answer.header("retry-after"), retry.as_deref());
        assert_eq!(get(&exchange, TRADES).await.status, 200, "once only");
        assert_eq!(exchange.applied(), [1]);
    }
    one(&exchange, "list:**", Fault::Status { code: 503, retry_after: None });
    assert_eq!(get(&exchange, "?prefix=data/").await.status, 503);
    assert_eq!(get(&exchange, TRADES).await.status, 200);
    exchange.clear_faults();
    assert_eq!(get(&exchange, "?prefix=data/").await.status, 200);
}

#[tokio::test]
async fn a_cut_connection_leaves_exactly_so_many_bytes_and_can_be_resumed() {
    let exchange = small();
    let whole = get(&exchange, TRADES).await;
    for at in [0, 1, 5_000] {
        exchange.set_faults(vec![Rule::always(TRADES, Fault::Cut { at }).times(1)]).unwrap();
        let answer = get(&exchange, TRADES).await;
        assert!(answer.broken && answer.status == 200);
        assert_eq!(answer.body, whole.body[..at as usize]);
        let headers = [
            ("range", format!("bytes={at}-")),
            ("if-range", whole.header("etag").unwrap().to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let rest = ask(Method::GET, format!("{}/{TRADES}", exchange.url()), &headers).await;
        assert_eq!((rest.status, rest.broken), (206, false));
        assert_eq!([answer.body, rest.body].concat(), whole.body);
    }
    let log = exchange.requests();
    assert!(log.iter().any(|r| r.bytes == 5_000 && !r.complete), "{log:?}");
}

#[tokio::test]
async fn slow_answers_and_garbled_bytes() {
    let exchange = small();
    let whole = get(&exchange, TRADES).await.body;
    let url = || format!("{}/{TRADES}", exchange.url());
    one(&exchange, TRADES, Fault::Slow { delay_ms: 3_600_000, bytes_per_second: None });
    let patient = client().get(url()).timeout(Duration::from_millis(200));
    assert!(patient.send().await.unwrap_err().is_timeout());
    one(&exchange, TRADES, Fault::Slow { delay_ms: 1, bytes_per_second: Some(50) });
    let mut answer = client().get(url()).send().await.unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(first, whole[..first.len()]);
    // a tenth of a second's share is 5 bytes; a busy machine may hand over a few together
    assert!(first.len() % 5 == 0 && first.len() < whole.len() / 2, "{} bytes", first.len());
    drop(answer);
    exchange
        .set_faults(vec![Rule::always(TRADES, Fault::Garble { at: 10, bytes: 3 }).times(1)])
        .unwrap();
    let garbled = get(&exchange, TRADES).await.body;
    let differ: Vec<usize> = (0..whole.len()).filter(|i| whole[*i] != garbled[*i]).collect();
    assert_eq!(differ, [10, 11, 12]);
    assert_eq!(get(&exchange, TRADES).await.body, whole);
    one(&exchange, TRADES, Fault::IgnoreRange);
    let answer = ask(Method::GET, url(), &[("range", "bytes=5-")]).await;
    assert_eq!((answer.status, answer.body), (200, whole));
}

#[tokio::test]
async fn checksum_files_in_all_forms() {
    let exchange = small();
    let digest = sha256(&get(&exchange, TRADES).await.body);
    let name = "BTCUSDT-trades-2024-12-31.zip";
    let check = async |fault: Fault, expect: String| {
        one(&exchange, TRADES, fault.clone());
        assert_eq!(get(&exchange, SUM).await.text(), expect, "{fault:?}");
        assert!(!get(&exchange, &format!("{NEXT}.CHECKSUM")).await.text().ends_with('\n'));
    };
    check(Fault::ChecksumForm(ChecksumForm::Upper), format!("{}  {name}", digest.to_uppercase()))
        .await;
    check(Fault::ChecksumForm(ChecksumForm::Star), format!("{digest} *{name}")).await;
    check(Fault::ChecksumForm(ChecksumForm::Bare), digest.clone()).await;
    check(Fault::ChecksumForm(ChecksumForm::Newline), format!("{digest}  {name}\n")).await;
    check(Fault::ChecksumForm(ChecksumForm::Crlf), format!("{digest}  {name}\r\n")).await;
    one(&exchange, TRADES, Fault::WrongChecksum);
    let wrong = get(&exchange, SUM).await.text();
    assert!(wrong.len() == 64 + 2 + name.len() && !wrong.starts_with(&digest));
    assert_eq!(sha256(&get(&exchange, TRADES).await.body), digest, "the zip is sound");
}

#[tokio::test]
async fn missing_checksums_and_missing_archives() {
    let exchange = small();
    let listed =
        async || elements(&get(&exchange, "?prefix=data/spot/daily/trades/").await.text(), "Key");
    assert_eq!(listed().await.len(), 4);
    exchange.set_faults(vec![Rule::always(TRADES, Fault::MissingChecksum).times(1)]).unwrap();
    assert!(!listed().await.contains(&SUM.to_owned()));
    assert_eq!(get(&exchange, TRADES).await.status, 200);
    assert_eq!(get(&exchange, SUM).await.status, 404);
    one(&exchange, TRADES, Fault::Absent);
    assert_eq!(listed().await, [NEXT.to_owned(), format!("{NEXT}.CHECKSUM")]);
    assert_eq!(get(&exchange, TRADES).await.status, 404);
    assert_eq!(get(&exchange, SUM).await.status, 404);
}

#[tokio::test]
async fn zips_that_do_not_open() {
    let exchange = small();
    let sound = get(&exchange, TRADES).await.body;
    for how in [Corruption::Flip, Corruption::Truncate, Corruption::NotAZip] {
        for sound_checksum in [false, true] {
            one(&exchange, TRADES, Fault::CorruptZip { how, sound_checksum });
            let broken = get(&exchange, TRADES).await.body;
            let of = if sound_checksum { &sound } else { &broken };
            assert!(get(&exchange, SUM).await.text().starts_with(&sha256(of)), "{how:?}");
            let opens = zip::ZipArchive::new(std::io::Cursor::new(&broken)).is_ok_and(|mut zip| {
                let mut text = Vec::new();
                zip.by_index(0)
                    .is_ok_and(|mut m| std::io::Read::read_to_end(&mut m, &mut text).is_ok())
            });
            assert!(!opens, "{how:?}");
        }
    }
}

#[tokio::test]
async fn an_archive_is_published_again() {
    let exchange = small();
    let (old, old_sum) = (get(&exchange, TRADES).await, get(&exchange, SUM).await.text());
    let listing = async || get(&exchange, &format!("?prefix={TRADES}")).await.text();
    let before = listing().await;
    one(&exchange, "data/spot/*/*/BTCUSDT/**2024-12-31.zip", Fault::Republished { revision: 1 });
    let new = get(&exchange, TRADES).await;
    for name in ["etag", "last-modified"] {
        assert_ne!(old.header(name), new.header(name), "{name}");
    }
    assert_ne!(old_sum, get(&exchange, SUM).await.text());
    assert!(get(&exchange, SUM).await.text().starts_with(&sha256(&new.body)));
    assert_ne!(before, listing().await);
    let name = ArchiveName::parse(TRADES).unwrap();
    let truth = exchange.market().with_revision(1);
    assert_eq!(csv(&new.body).as_bytes(), truth.csv(&name).unwrap());
    assert_ne!(csv(&new.body), csv(&old.body));
    // its bars follow
    let bars = ArchiveName::parse(BARS)
        .map(|_| csv_of(&exchange, "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-31.zip"));
    let bars = bars.unwrap().await;
    assert_eq!(bars.as_bytes(), truth.csv(&ArchiveName::parse(BARS).unwrap()).unwrap());
    let url = format!("{}/{TRADES}", exchange.url());
    let headers = [("range", "bytes=100-"), ("if-range", old.header("etag").unwrap())];
    assert_eq!(
        ask(Method::GET, url, &headers).await.status,
        200,
        "no resuming into another version"
    );
    assert_eq!(get(&exchange, NEXT).await.status, 200);
    exchange.clear_faults();
    assert_eq!(get(&exchange, TRADES).await.body, old.body);
}

async fn csv_of(exchange: &Handle, key: &str) -> String {
    let zip = get(exchange, key).await;
    assert_eq!(zip.status, 200, "{key}: {}", zip.text());
    // whatever the rows are, the checksum is valid
    let sum = get(exchange, &format!("{key}.CHECKSUM")).await.text();
    assert!(sum.starts_with(&sha256(&zip.body)));
    csv(&zip.body)
}

#[tokio::test]
async fn a_second_csv_is_nested() {
    let exchange = small();
    let plain = csv_of(&exchange, TRADES).await;
    for first in [false, true] {
        one(&exchange, TRADES, Fault::NestedCsv { first });
        let mut all = members(&get(&exchange, TRADES).await.body);
        assert_eq!(all.len(), 2);
        let (right, stray) =
            if first { (all.remove(1), all.remove(0)) } else { (all.remove(0), all.remove(0)) };
        assert_eq!(right, ("BTCUSDT-trades-2024-12-31.csv".to_owned(), plain.clone()));
        assert_eq!(stray.0, "BTCUSDT-trades-2024-12-31/BTCUSDT-trades-2024-12-31.csv");
        assert_eq!(stray.1.lines().count(), plain.lines().count());
        let quantity = |line: &str| line.split(',').nth(2).unwrap().to_owned();
        assert!(stray.1.lines().zip(plain.lines()).all(|(a, b)| quantity(a) != quantity(b)));
    }
}

#[tokio::test]
async fn rows_are_spoiled_as_the_rule_says() {
    let exchange = small();
    let plain = csv_of(&exchange, TRADES).await;
    let rows: Vec<&str> = plain.lines().collect();
    let n = rows.len();
    let spoiled = async |fault: Fault| {
        one(&exchange, TRADES, fault);
        let text = csv_of(&exchange, TRADES).await;
        assert_eq!(csv_of(&exchange, NEXT).await.lines().next().unwrap().split(',').count(), 7);
        text
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let sorted = |text: &str| {
        let mut all = lines(text);
        all.sort_by_key(|l| l.split(',').next().unwrap().parse::<u64>().unwrap());
        all
    };

    let text = spoiled(Fault::Interleave { ways: 3, run: 10 }).await;
    assert_ne!(text, plain);
    assert_eq!(sorted(&text), rows);
    let text = spoiled(Fault::OutOfOrder { which: Rows::every(100), by: 7 }).await;
    assert_ne!(text, plain);
    assert_eq!(sorted(&text), rows);
    let text = spoiled(Fault::DuplicateRows { which: Rows::every(100), later: 5 }).await;
    assert_eq!(text.lines().count(), n + n / 100);
    let text = spoiled(Fault::ConflictingRows { which: Rows::these(&[3]) }).await;
    let three = lines(&text)[2..4].to_vec();
    let id = |line: &String| line.split(',').next().unwrap().to_owned();
    assert!(three[0] == rows[2] && three[1] != rows[2] && id(&three[0]) == id(&three[1]));
    let text = spoiled(Fault::FusedRows { which: Rows::these(&[5]) }).await;
    assert_eq!(lines(&text)[4], format!("{}{}", rows[4], rows[5]));
    let text = spoiled(Fault::MissingRows { which: Rows::span(10, 100) }).await;
    assert_eq!(lines(&text), [&rows[..9], &rows[109..]].concat());
    let text = spoiled(Fault::Truncated { keep: 20, mid_line: true }).await;
    assert!(
        !text.ends_with('\n') && lines(&text)[..20] == rows[..20] && text.lines().count() == 21
    );
    let text = spoiled(Fault::PartialDay { minutes: 720 }).await;
    let noon = 1_735_603_200_000_i64 + 43_200_000;
    let before = |l: &&str| l.split(',').nth(4).unwrap().parse::<i64>().unwrap() < noon;
    assert_eq!(lines(&text), rows.iter().copied().filter(before).collect::<Vec<_>>());
    let text = spoiled(Fault::MangledTimes { which: Rows::these(&[1]) }).await;
    assert_eq!(lines(&text)[0].split(',').nth(4).unwrap(), "1.7356E+12");
    let text = spoiled(Fault::OutsidePeriod { which: Rows::these(&[1]), days: 2 }).await;
    let time = |l: &str| l.split(',').nth(4).unwrap().parse::<i64>().unwrap();
    assert_eq!(time(&lines(&text)[0]), time(rows[0]) + 2 * 86_400_000);
    let text = spoiled(Fault::Times(TimeUnit::Us)).await;
    assert!(text.lines().all(|l| l.split(',').nth(4).unwrap().len() == 16));
    let text = spoiled(Fault::Crlf).await;
    assert_eq!(text, plain.replace('\n', "\r\n"));
    let text = spoiled(Fault::Header { present: true }).await;
    assert_eq!(text, format!("id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n{plain}"));
    let garbage = Fault::GarbageLines { which: Rows::these(&[1]), text: "<html>".to_owned() };
    assert_eq!(spoiled(garbage).await, format!("<html>\n{plain}"));
}

#[tokio::test]
async fn bars_are_spoiled_as_the_rule_says() {
    let exchange = small();
    let plain = csv_of(&exchange, BARS).await;
    let field = |text: &str, row: usize, column: usize| {
        text.lines().nth(row).unwrap().split(',').nth(column).unwrap().to_owned()
    };
    let number = |text: &str, row, column| field(text, row, column).parse::<i64>().unwrap();
    one(&exchange, BARS, Fault::OffGrid { which: Rows::span(10, 15), shift_ms: 1_694_789 });
    let text = csv_of(&exchange, BARS).await;
    assert_eq!(number(&text, 8, 0), number(&plain, 8, 0));
    assert_eq!(number(&text, 9, 0), number(&plain, 9, 0) + 1_694_789);
    assert_eq!(number(&text, 23, 6), number(&plain, 23, 6) + 1_694_789);
    one(&exchange, BARS, Fault::EarlyClose { which: Rows::these(&[9]), by_ms: 1_905_211 });
    let text = csv_of(&exchange, BARS).await;
    assert_eq!(number(&text, 8, 6), number(&plain, 8, 6) - 1_905_211);
    assert_eq!(number(&text, 8, 0), number(&plain, 8, 0));
    one(&exchange, BARS, Fault::IgnoreColumn { value: "7887.63551305".to_owned() });
    let text = csv_of(&exchange, BARS).await;
    assert!(text.lines().all(|l| l.ends_with(",7887.63551305")));
}

#[tokio::test]
async fn an_outage_concerns_all_datasets_alike() {
    let exchange = small();
    let (from, to) = ("2024-12-31T02:00:00Z", "2024-12-31T09:28:14.789Z");
    let fault = Fault::Outage { from: from.parse().unwrap(), to: to.parse().unwrap() };
    one(&exchange, "data/spot/**", fault);
    let micros =
        |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_micros();
    let truth = exchange.market().with_outage(micros(from), micros(to));
    for key in [TRADES, AGGS, BARS, NEXT] {
        let name = ArchiveName::parse(key).unwrap();
        assert_eq!(csv_of(&exchange, key).await.as_bytes(), truth.csv(&name).unwrap(), "{key}");
    }
    assert_eq!(csv_of(&exchange, BARS).await.lines().count(), 24 - 7);
}

#[tokio::test]
async fn a_delisted_symbol_keeps_flat_bars() {
    let exchange = small();
    one(&exchange, "data/spot/**", Fault::Delisted { on: "2024-12-31".parse().unwrap() });
    assert_eq!(get(&exchange, NEXT).await.status, 404);
    assert_eq!(get(&exchange, TRADES).await.status, 200);
    let bars = csv_of(&exchange, &BARS.replace("2024-12-31", "2025-01-01")).await;
    assert_eq!(bars.lines().count(), 24);
    assert!(bars.lines().all(|l| l.split(',').nth(8) == Some("0")));
}

#[tokio::test]
async fn days_are_missing_in_the_monthly_archive_but_not_in_the_daily_ones() {
    let exchange = start(&["usdm:ETHUSDT,trades=300"], "2024-01-01", "2024-01-31");
    let monthly = "data/futures/um/monthly/trades/ETHUSDT/ETHUSDT-trades-2024-01.zip";
    let whole = csv_of(&exchange, monthly).await;
    one(&exchange, monthly, Fault::MissingDays { days: vec!["2024-01-07".parse().unwrap()] });
    let less = csv_of(&exchange, monthly).await;
    let daily = "data/futures/um/daily/trades/ETHUSDT/ETHUSDT-trades-2024-01-07.zip";
    let day = csv_of(&exchange, daily).await;
    let header = "id,price,qty,quote_qty,time,is_buyer_maker\n";
    assert!(whole.starts_with(header) && less.starts_with(header) && day.starts_with(header));
    assert_eq!(whole.lines().count(), less.lines().count() + day.lines().count() - 1);
    assert_eq!(whole.replace(&day[header.len()..], ""), less);
    one(&exchange, monthly, Fault::Header { present: false });
    assert_eq!(csv_of(&exchange, monthly).await, whole[header.len()..]);
    // one run for the whole month, interleaved by its halves
    one(&exchange, monthly, Fault::Interleave { ways: 2, run: 100 });
    let mixed = csv_of(&exchange, monthly).await;
    assert_eq!(mixed.len(), whole.len());
    assert_ne!(mixed, whole);
}

#[tokio::test]
async fn rules_by_http_are_strict_and_tell_how_often_they_applied() {
    let exchange = small();
    let door = format!("{}/_control/faults", exchange.url());
    let client = client();
    let put = async |body: &str| {
        let answer = client.put(&door).body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let yaml = "rules:\n  - path: \"**/BTCUSDT-trades-*.zip\"\n    times: 1\n    each: true\n    fault: {status: {code: 500}}\n";
    assert_eq!(put(yaml).await.0, 200);
    for key in [TRADES, NEXT] {
        assert_eq!(get(&exchange, key).await.status, 500);
        assert_eq!(get(&exchange, key).await.status, 200);
    }
    let (status, message) = put("rules:\n  - path: a\n    fualt: crlf\n").await;
    assert_eq!(status, 400);
    assert!(message.contains("fualt"), "{message}");
    let (status, message) = put("rules: [{path: a, fault: {status: {code: 99}}}]").await;
    assert!(status == 400 && message.contains("expected 400 to 599"), "{message}");
    assert_eq!(exchange.applied(), [2], "the old rules stay");
    let shown: serde_json::Value = client
        .get(&door)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .map(|b| serde_json::from_slice(&b).unwrap())
        .unwrap();
    assert_eq!(shown["applied"], serde_json::json!([2]));
    assert_eq!(shown["faults"]["rules"][0]["times"], 1);
    assert_eq!(client.delete(&door).send().await.unwrap().status(), 200);
    assert!(exchange.applied().is_empty());
    let log = client.get(format!("{}/_control/requests", exchange.url())).send().await.unwrap();
    let log: serde_json::Value = serde_json::from_slice(&log.bytes().await.unwrap()).unwrap();
    assert_eq!(log.as_array().unwrap().len(), 4);
    let odd = client.get(format!("{}/_control/x", exchange.url())).send().await.unwrap();
    assert_eq!(odd.status(), 404);
}

#[tokio::test]
async fn every_fault_works_on_every_dataset() {
    let mut options = options(
        &["usdm:BTCUSDT,trades=400", "coinm:BTCUSD_PERP,trades=400"],
        "2024-12-31",
        "2024-12-31",
    );
    options.range.timeframes = vec![Timeframe::H1];
    let exchange = exchange::Exchange::start(&options).unwrap();
    let which = || Rows::every(7);
    let faults = [
        Fault::NestedCsv { first: false },
        Fault::Interleave { ways: 2, run: 3 },
        Fault::OutOfOrder { which: which(), by: 2 },
        Fault::DuplicateRows { which: which(), later: 1 },
        Fault::ConflictingRows { which: which() },
        Fault::FusedRows { which: which() },
        Fault::MissingRows { which: which() },
        Fault::MissingDays { days: vec!["2024-12-31".parse().unwrap()] },
        Fault::Truncated { keep: 5, mid_line: true },
        Fault::PartialDay { minutes: 600 },
        Fault::MangledTimes { which: which() },
        Fault::OutsidePeriod { which: which(), days: 1 },
        Fault::Times(TimeUnit::Us),
        Fault::Crlf,
        Fault::Republished { revision: 3 },
    ];
    for key in exchange.keys() {
        exchange.clear_faults();
        let plain = get(&exchange, &key).await.body;
        // a correction changes quantities, of which these tell nothing
        let has_quantities = !["PriceKlines/", "premiumIndexKlines/", "fundingRate/", "metrics/"]
            .iter()
            .any(|folder| key.contains(folder));
        let fits = |fault: &&Fault| has_quantities || !matches!(fault, Fault::Republished { .. });
        for fault in faults.iter().filter(fits) {
            one(&exchange, &key, fault.clone());
            let zip = get(&exchange, &key).await.body;
            assert_ne!(zip, plain, "{key} {fault:?}");
            assert_eq!(members(&zip)[0].0, members(&plain)[0].0);
            exchange.clear_faults();
            assert_eq!(get(&exchange, &key).await.body, plain, "{key} after {fault:?}");
        }
    }
    assert_eq!(exchange.market().instruments().filter(|i| i.market == Market::Coinm).count(), 1);
}
