//! A hostile host, the whole way: whatever it does, a run ends inside its limits with the exit code
//! of a source's trouble and remembers nothing against the archives; once the host is healthy the
//! next run is whole, without `--retry-bad`.

use anyhow::Result;
use e2e::lab::Lab;
use e2e::look;
use e2e::world::World;
use exchange::faults::{Fault, Rule};

const SYMBOLS: &[&str] = &["spot:BTCUSDT,trades=60"];

const LIMITS: &str = "{download: {attempts: 2, backoff_ms: 1, idle_timeout_seconds: 5, \
                      answer_timeout_seconds: 2, total_timeout_seconds: 3, archive_mib: 1, \
                      listing_idle_pages: 3}, run: {attempts: 1}}";

fn world() -> Result<World> {
    let mut world = World::new(SYMBOLS, "2024-12-31", "2025-01-01")?;
    LIMITS.clone_into(&mut world.limits);
    Ok(world)
}

/// A trouble, what is done to which answers, and what the run says of it.
type Case<'a> = (&'a str, Vec<(&'a str, Fault)>, &'a str);

#[test]
fn a_run_ends_and_the_next_one_is_whole() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let yaml = world.yaml_of(exchange.url(), "trades: {}, klines: {timeframes: [1h]}");
    let calm = Lab::new(&yaml)?;
    calm.run_well()?;
    let expected = look::files(&calm.lake(), look::DERIVED)?;

    let status = |code| Fault::Status { code, retry_after: None };
    let slow = || Fault::Slow { delay_ms: 0, bytes_per_second: Some(1) };
    let elsewhere = |to: &str| Fault::Redirect { to: to.to_owned() };
    let (listing, archives, one, sums) =
        ("list:**", "data/**.zip", "data/**2025-01-01.zip", "data/**.CHECKSUM");
    let cases: Vec<Case> = vec![
        ("endless listing", vec![(listing, Fault::EndlessListing)], "listing_idle_pages (3)"),
        ("dripping listing", vec![(listing, slow())], "answer_timeout_seconds (2 s)"),
        ("refused listing", vec![(listing, status(403))], "the source refuses"),
        ("refused for legal reasons", vec![(archives, status(451))], "answer 451"),
        ("dripping archives", vec![(archives, slow())], "total_timeout_seconds (3 s)"),
        ("endless archives", vec![(archives, Fault::EndlessBody)], "limits.download.archive_mib"),
        (
            "longer than allowed",
            vec![(archives, Fault::LyingLength { bytes: 1 << 50 })],
            "limits.download.archive_mib",
        ),
        (
            "shorter than it says",
            vec![(archives, Fault::LyingLength { bytes: 1_000_000 })],
            "could not be fetched",
        ),
        (
            "cut by its length, unverified",
            vec![(archives, Fault::LyingLength { bytes: 50 }), (sums, status(404))],
            "listed with",
        ),
        ("a page on the way", vec![("data/**", Fault::Html)], "listed with"),
        (
            "sizes that lie, unverified",
            vec![(listing, Fault::LyingSizes { bytes: u64::MAX }), (sums, status(404))],
            "listed with 18446744073709551615",
        ),
        ("to plain http", vec![(archives, elsewhere("http://example.org/"))], "expected https"),
        ("to this machine", vec![(archives, elsewhere("http://127.0.0.1:9/"))], "expected https"),
        // of these the other archive is taken
        ("one refused", vec![(one, status(403))], "answer 403 (Forbidden)"),
        ("one silent", vec![(one, status(503))], "answer 503"),
        ("round and round", vec![(one, elsewhere("BTCUSDT-trades-2025-01-01.zip"))], "redirects"),
    ];
    // one lake after the other trouble: nothing of them may stay
    let lab = Lab::new(&yaml)?;
    for (name, faults, expect) in cases {
        let rules = faults.into_iter().map(|(path, fault)| Rule::always(path, fault)).collect();
        exchange.set_faults(rules)?;
        let ended = lab.run(&[])?;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(3), "{name}: {said}");
        assert!(said.contains(expect), "{name}: expected `{expect}` in {said}");
    }
    exchange.set_faults(Vec::new())?;
    lab.run_well()?;
    let differences = look::differences(&look::files(&lab.lake(), look::DERIVED)?, &expected);
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(lab.lines("SELECT DISTINCT status FROM bronze.archives")?, ["ok"]);
    assert_eq!(lab.lines("SELECT DISTINCT status FROM ops.coverage")?, ["available"]);
    Ok(())
}

/// A body that is damaged on the way is no archive's fate: the next run fetches it again.
#[test]
fn damage_on_the_way_passes() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml_of(exchange.url(), "trades: {}"))?;
    let garbled = Rule::always("data/**.zip", Fault::Garble { at: 60, bytes: 1 });
    exchange.set_faults(vec![garbled])?;
    // all of it is committed, so that the ledger counts how often it was asked for
    let ended = lab.run(&[])?.expect_code(4)?;
    assert!(ended.stdout.contains("none of 2 fetched archives is of use"), "{}", ended.stdout);
    let statuses = "SELECT DISTINCT status FROM bronze.archives ORDER BY 1";
    assert_eq!(lab.lines(statuses)?, ["checksum_mismatch"]);
    exchange.set_faults(Vec::new())?;
    lab.run_well()?;
    assert_eq!(lab.lines(statuses)?, ["checksum_mismatch", "ok"]);
    let covered = lab.lines("SELECT count(*), min(status) FROM ops.coverage")?;
    assert_eq!(covered, ["2 available"]);
    Ok(())
}
