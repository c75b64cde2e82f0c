//! bronze against the sample exchange: each of its faults, and a network that fails at random.

use exchange::faults::{ChecksumForm, Corruption, Fault, Rule};
use exchange::{Exchange, Handle, Options, Range, SymbolSpec};
use model::Dataset;
use model::exit::Exit;
use model::fragment::ArchiveStatus;

use crate::support::{Lab, remote, unit};

/// Days of the sample symbol.
const DAYS: usize = 6;

fn exchange() -> Handle {
    let mut spec = SymbolSpec::new(exchange::Market::Spot, "BTCUSDT".parse().expect("symbol"));
    spec.trades = Some(400);
    let options = Options {
        symbols: vec![spec],
        range: Range {
            from: "2024-01-01".parse().expect("day"),
            to: "2024-01-06".parse().expect("day"),
            timeframes: Vec::new(),
            daily: vec![Dataset::Trades],
            monthly: Vec::new(),
        },
        ..Options::default()
    };
    Exchange::start(&options).expect("exchange")
}

async fn planned(exchange: &Handle, limits: &str) -> Lab {
    let lab = Lab::new(limits);
    let folder = format!("{}/data/spot/daily/trades/BTCUSDT", exchange.url());
    lab.plan((1..=DAYS).map(|n| (unit(n), remote(&folder, n))).collect()).await;
    lab
}

/// What becomes of the first day under a fault; the other days must not care.
async fn check(fault: Fault, status: ArchiveStatus, detail: &str) {
    let exchange = exchange();
    let path = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip";
    let name = format!("{fault:?}");
    exchange.set_faults(vec![Rule::always(path, fault)]).expect("rule");
    let lab = planned(&exchange, "attempts: 2").await;
    lab.run().await.expect("run");
    for n in 1..=DAYS {
        let fragment = lab.fragment(n).await.expect("fragment");
        let expect = if n == 1 { status } else { ArchiveStatus::Ok };
        assert_eq!(fragment.status, expect, "{name}: {fragment:?}");
        let told = fragment.detail.as_deref().unwrap_or_default();
        if n == 1 && !detail.is_empty() {
            assert!(told.contains(detail), "{name}: {told}");
        } else {
            assert_eq!(told, "", "{name}");
        }
    }
}

#[tokio::test]
async fn each_fault_is_told_and_stops_only_itself() {
    use ArchiveStatus::{ChecksumMismatch, Corrupt, Missing, Ok, Unverified};
    let corrupt = |how, sound_checksum| Fault::CorruptZip { how, sound_checksum };
    check(Fault::Status { code: 404, retry_after: None }, Missing, "answer 404").await;
    check(Fault::Absent, Missing, "answer 404").await;
    check(Fault::WrongChecksum, ChecksumMismatch, "published").await;
    check(Fault::MissingChecksum, Unverified, "no checksum published").await;
    check(Fault::ChecksumForm(ChecksumForm::Star), Ok, "").await;
    check(Fault::ChecksumForm(ChecksumForm::Upper), Ok, "").await;
    check(Fault::ChecksumForm(ChecksumForm::Bare), Ok, "").await;
    check(Fault::ChecksumForm(ChecksumForm::Crlf), Ok, "").await;
    check(corrupt(Corruption::NotAZip, false), Corrupt, "no zip").await;
    check(corrupt(Corruption::Truncate, false), Corrupt, "no whole zip").await;
    check(corrupt(Corruption::Truncate, true), ChecksumMismatch, "published").await;
    // the frame is whole and the checksum right: silver finds the broken member
    check(corrupt(Corruption::Flip, false), Ok, "").await;
}

#[tokio::test]
async fn a_network_that_fails_at_random_changes_nothing() {
    let exchange = exchange();
    let calm = planned(&exchange, "attempts: 1").await;
    calm.run().await.expect("run");
    for seed in 0..4_u64 {
        let rule = |path: &str, fault, n| Rule::always(path, fault).likely(n);
        let garble = Fault::Garble { at: 100 + seed, bytes: 3 };
        exchange
            .set_faults(vec![
                rule("data/**", Fault::Status { code: 503, retry_after: None }, 0.2),
                rule("data/**", Fault::Status { code: 429, retry_after: Some(0) }, 0.1),
                rule("data/**.zip", Fault::Cut { at: 700 * seed }, 0.3),
                rule("data/**.zip", Fault::Cut { at: 3_000 }, 0.3),
                rule("data/**.zip", Fault::IgnoreRange, 0.3),
                Rule::always("data/**.zip", garble).times_each(1),
            ])
            .expect("rules");
        let lab = planned(&exchange, "attempts: 4").await;
        let mut runs = 0;
        while let Err(failure) = lab.run().await {
            assert_eq!(failure.exit, Exit::SourceUnavailable, "{:?}", failure.error);
            runs += 1;
            assert!(runs < 50, "it never ends: {:?}", failure.error);
        }
        for n in 1..=DAYS {
            let (got, expect) = (lab.fragment(n).await, calm.fragment(n).await);
            let (got, expect) = (got.expect("fragment"), expect.expect("fragment"));
            assert_eq!(got.status, ArchiveStatus::Ok, "{got:?}");
            let place = |f: &model::fragment::BronzeFragment| {
                f.archive.as_ref().map(|a| (a.object.clone(), a.sha256.clone(), a.bytes))
            };
            assert_eq!(place(&got), place(&expect));
            assert_eq!(lab.object(&got).await, calm.object(&expect).await);
            assert_eq!(lab.raw(n).await.len(), 1);
        }
        assert_eq!(lab.temporary().await, 0);
    }
}
