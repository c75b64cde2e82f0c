//! Every known defect of the public archives, one symbol each, all in one lake: what the ledger,
//! silver, the rejects and the coverage say of it. None is silent; none stops another unit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::world::{World, day};
use exchange::Market;
use exchange::faults::{ChecksumForm, Corruption, Fault, Rows, Rule};

/// The day that the defects fall on; it has two neighbours on each side.
const DAY: &str = "2024-12-31";

/// What the lake says of one symbol's archive of [`DAY`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// Status in `bronze.archives`.
    ledger: &'static str,
    /// Rows in silver beyond (or short of) those of the sound archive.
    silver: i64,
    /// Lines rejected, with their reason.
    rejected: (&'static str, i64),
    /// Rows counted as duplicates, and those of them that conflict.
    duplicate: (i64, i64),
    /// Whether the rows had to be sorted.
    sorted: bool,
    /// Status in `ops.coverage`.
    coverage: &'static str,
}

/// What a sound archive would say.
const SOUND: Said = Said {
    ledger: "ok",
    silver: 0,
    rejected: ("", 0),
    duplicate: (0, 0),
    sorted: false,
    coverage: "available",
};

struct Case {
    name: &'static str,
    dataset: &'static str,
    fault: Option<Fault>,
    said: Said,
}

const fn trades(name: &'static str, fault: Fault, said: Said) -> Case {
    Case { name, dataset: "trades", fault: Some(fault), said }
}

const fn klines(name: &'static str, fault: Fault, said: Said) -> Case {
    Case { name, dataset: "klines", fault: Some(fault), said }
}

/// All rows of the sound archive are gone.
const NONE: i64 = i64::MIN;

fn cases() -> Vec<Case> {
    let rows = Rows::these;
    vec![
        Case { name: "SOUND", dataset: "trades", fault: None, said: SOUND },
        trades(
            "CHECKSUM",
            Fault::WrongChecksum,
            Said { ledger: "checksum_mismatch", silver: NONE, coverage: "corrupt", ..SOUND },
        ),
        trades("NOCHECKSUM", Fault::MissingChecksum, Said { ledger: "unverified", ..SOUND }),
        trades("UPPER", Fault::ChecksumForm(ChecksumForm::Upper), SOUND),
        trades(
            "NOZIP",
            Fault::CorruptZip { how: Corruption::NotAZip, sound_checksum: false },
            Said { ledger: "corrupt", silver: NONE, coverage: "corrupt", ..SOUND },
        ),
        trades(
            "CUTZIP",
            Fault::CorruptZip { how: Corruption::Truncate, sound_checksum: false },
            Said { ledger: "corrupt", silver: NONE, coverage: "corrupt", ..SOUND },
        ),
        trades(
            "FLIPPED",
            Fault::CorruptZip { how: Corruption::Flip, sound_checksum: false },
            Said { ledger: "corrupt", silver: NONE, coverage: "corrupt", ..SOUND },
        ),
        trades(
            "ABSENT",
            Fault::Status { code: 404, retry_after: None },
            Said { ledger: "missing", silver: NONE, coverage: "missing", ..SOUND },
        ),
        trades("NESTED", Fault::NestedCsv { first: true }, SOUND),
        trades(
            "INTERLEAVED",
            Fault::Interleave { ways: 3, run: 5 },
            Said { sorted: true, ..SOUND },
        ),
        trades(
            "DISORDERED",
            Fault::OutOfOrder { which: rows(&[10, 20]), by: 7 },
            Said { sorted: true, ..SOUND },
        ),
        trades(
            "DOUBLED",
            Fault::DuplicateRows { which: rows(&[3, 9]), later: 0 },
            Said { duplicate: (2, 0), ..SOUND },
        ),
        trades(
            "DOUBLEDLATER",
            Fault::DuplicateRows { which: rows(&[3, 9]), later: 20 },
            Said { duplicate: (2, 0), sorted: true, ..SOUND },
        ),
        trades(
            "CONFLICTING",
            Fault::ConflictingRows { which: rows(&[5]) },
            Said { duplicate: (1, 1), coverage: "degraded", ..SOUND },
        ),
        trades(
            "FUSED",
            Fault::FusedRows { which: rows(&[4]) },
            Said { silver: -2, rejected: ("field_count", 1), coverage: "degraded", ..SOUND },
        ),
        trades(
            "MISSINGIDS",
            Fault::MissingRows { which: Rows::span(11, 5) },
            Said { silver: -5, coverage: "degraded", ..SOUND },
        ),
        trades(
            "TRUNCATED",
            Fault::Truncated { keep: 2, mid_line: false },
            Said { ledger: "truncated_suspect", silver: NONE + 2, coverage: "degraded", ..SOUND },
        ),
        trades(
            "TORN",
            Fault::Truncated { keep: 60, mid_line: true },
            Said { silver: NONE + 60, rejected: ("field_count", 1), coverage: "degraded", ..SOUND },
        ),
        trades(
            "MANGLED",
            Fault::MangledTimes { which: rows(&[6, 7]) },
            Said { silver: -2, rejected: ("unreadable", 2), coverage: "degraded", ..SOUND },
        ),
        trades(
            "STRAYS",
            Fault::OutsidePeriod { which: rows(&[8]), days: 3 },
            Said { silver: -1, rejected: ("outside_period", 1), coverage: "degraded", ..SOUND },
        ),
        trades("HEADER", Fault::Header { present: true }, SOUND),
        trades("CRLF", Fault::Crlf, SOUND),
        trades(
            "GARBAGE",
            Fault::GarbageLines { which: rows(&[2]), text: "<html>".to_owned() },
            Said { rejected: ("field_count", 1), coverage: "degraded", ..SOUND },
        ),
        klines("IGNORE", Fault::IgnoreColumn { value: "7887.63551305".to_owned() }, SOUND),
        klines(
            "OFFGRID",
            Fault::OffGrid { which: rows(&[30]), shift_ms: 14_789 },
            Said { coverage: "degraded", ..SOUND },
        ),
        klines(
            "EARLYCLOSE",
            Fault::EarlyClose { which: rows(&[30]), by_ms: 20_000 },
            Said { coverage: "degraded", ..SOUND },
        ),
        klines(
            "OUTAGE",
            Fault::Outage {
                from: "2024-12-31T10:00:00Z".parse().unwrap_or_default(),
                to: "2024-12-31T11:00:00Z".parse().unwrap_or_default(),
            },
            Said { silver: -60, coverage: "degraded", ..SOUND },
        ),
        klines(
            "PARTIAL",
            Fault::PartialDay { minutes: 600 },
            Said { silver: -840, coverage: "degraded", ..SOUND },
        ),
    ]
}

#[test]
fn no_defect_is_silent_and_none_stops_another() -> Result<()> {
    let cases = cases();
    let symbols: Vec<String> =
        cases.iter().map(|c| format!("spot:{}USDT,trades=240", c.name)).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let world = World::new(&names, "2024-12-29", "2025-01-02")?;
    let exchange = world.start()?;
    let mut rules = Vec::new();
    for case in &cases {
        let Some(fault) = &case.fault else { continue };
        let folder = if case.dataset == "klines" { "klines/*" } else { "trades" };
        let (name, dataset) = (case.name, folder.split('/').next().unwrap_or_default());
        let file = if dataset == "klines" { "1m" } else { dataset };
        let folder = folder.replace("klines/*", &format!("klines/{name}USDT/1m"));
        let folder = folder.replace("trades", &format!("trades/{name}USDT"));
        rules.push(Rule::always(
            format!("data/spot/daily/{folder}/{name}USDT-{file}-{DAY}.zip"),
            fault.clone(),
        ));
    }
    exchange.set_faults(rules)?;
    let lab = Lab::new(&world.yaml_of(exchange.url(), "trades: {}, klines: {timeframes: [1m]}"))?;
    let summary = lab.run_well()?;

    let mut found: BTreeMap<&str, Said> = BTreeMap::new();
    for case in &cases {
        found.insert(case.name, said(&lab, case).with_context(|| case.name.to_owned())?);
    }
    let mut differences = String::new();
    for case in &cases {
        let symbol = format!("{}USDT", case.name).parse()?;
        let sound = if case.dataset == "klines" {
            1440
        } else {
            let trades = exchange.market().trades(Market::Spot, &symbol, day(DAY))?;
            i64::try_from(trades.count_trades())?
        };
        let mut expect = case.said.clone();
        expect.silver =
            if expect.silver < -1_000_000 { expect.silver - NONE } else { sound + expect.silver };
        if found[case.name] != expect {
            let _ = writeln!(
                differences,
                "{}:\n  expected {expect:?}\n  found    {:?}",
                case.name, found[case.name]
            );
        }
    }
    ensure!(differences.is_empty(), "{differences}\n{summary:#}");

    // the neighbours of every defect are whole: no unit stopped another
    let neighbours = lab.lines(&format!(
        "SELECT count(*), count(DISTINCT symbol) FROM ops.coverage \
         WHERE dataset = 'trades' AND date <> '{DAY}' AND status = 'available'"
    ))?;
    let others = lab.lines(&format!(
        "SELECT symbol, date, status, reason FROM ops.coverage \
         WHERE dataset = 'trades' AND date <> '{DAY}' AND status <> 'available'"
    ))?;
    // a hole at the end of a day shows on the next day's first id
    let whole = cases.len() * 4;
    let words: Vec<&str> = neighbours[0].split(' ').collect();
    ensure!(words[1] == cases.len().to_string(), "{neighbours:?}\n{others:#?}");
    ensure!(words[0].parse::<usize>()? + others.len() == whole, "{neighbours:?}\n{others:#?}");
    for line in &others {
        ensure!(
            ["TRUNCATED", "TORN", "MISSINGIDS"].iter().any(|n| line.starts_with(n)),
            "a neighbour is not whole: {line}"
        );
    }

    // what was rejected is there with its text, its line and what was expected
    let fused =
        lab.lines("SELECT line, field, raw_text FROM silver.rejects WHERE symbol = 'FUSEDUSDT'")?;
    ensure!(fused.len() == 1 && fused[0].starts_with("4 "), "{fused:?}");
    ensure!(fused[0].matches("True").count() + fused[0].matches("False").count() >= 4, "{fused:?}");
    // so is the row that lost against another of its key, though it counts as a duplicate
    let lost = lab.lines(
        "SELECT symbol, date, raw_text FROM silver.rejects WHERE reason = 'conflicting_duplicate'",
    )?;
    ensure!(lost.len() == 1 && lost[0].starts_with("CONFLICTINGUSDT 2024-12-"), "{lost:?}");
    let issues = lab.lines(
        "SELECT symbol, issues, count(*) FROM ( \
           SELECT symbol, issues FROM silver.klines WHERE issues IS NOT NULL UNION ALL \
           SELECT symbol, issues FROM silver.trades WHERE issues IS NOT NULL) \
         GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    ensure!(
        issues
            == [
                "CONFLICTINGUSDT conflicting_duplicate 1",
                "EARLYCLOSEUSDT early_close 1",
                "OFFGRIDUSDT off_grid 1",
            ],
        "{issues:?}"
    );
    // every row is accounted for
    let off = lab.lines(
        "SELECT count(*) FROM ops.builds WHERE rows_read <> rows_silver + rows_rejected + rows_duplicate",
    )?;
    ensure!(off == ["0"], "{off:?}");
    // bytes that differ from their checksum may have been damaged on the way: the next run asks once
    // more, and says that it brought nothing
    exchange.clear_requests();
    let again = lab.run(&[])?.expect_code(4)?;
    ensure!(again.stdout.contains("none of 1 fetched archive is of use"), "{}", again.stdout);
    let asked = exchange.count("data/**.zip");
    ensure!(
        asked > 0 && asked == exchange.count("data/**/CHECKSUMUSDT-*.zip"),
        "asked again: {:?}",
        exchange.requests()
    );
    // what is known to be bad is not asked for again while it stays as it is
    exchange.clear_requests();
    lab.run_well()?;
    ensure!(exchange.count("data/**.zip") == 0, "asked again: {:?}", exchange.requests());
    Ok(())
}

/// What the lake says of a case's archive.
fn said(lab: &Lab, case: &Case) -> Result<Said> {
    let name = case.name;
    let (series, table, here) = if case.dataset == "klines" {
        ("klines", "silver.klines", "CAST(open_time AS DATE)")
    } else {
        ("trades", "silver.trades", "date")
    };
    let one = |sql: String| -> Result<String> {
        Ok(lab.lines(&sql)?.into_iter().next().unwrap_or_default())
    };
    let ledger = one(format!(
        "SELECT status FROM bronze.archives WHERE symbol = '{name}USDT' AND dataset = '{series}' \
         AND period = '{DAY}'"
    ))?;
    let silver = one(format!(
        "SELECT count(*) FROM {table} WHERE symbol = '{name}USDT' AND {here} = DATE '{DAY}'"
    ))?;
    let rejected = one(format!(
        "SELECT reason, count(*) FROM silver.rejects WHERE symbol = '{name}USDT' \
         AND dataset = '{series}' AND reason <> 'conflicting_duplicate' GROUP BY 1"
    ))?;
    let (reason, count) = rejected.split_once(' ').unwrap_or(("", "0"));
    let group = if case.dataset == "klines" {
        format!("binance/spot/klines/{name}USDT/1m/2024-12")
    } else {
        format!("binance/spot/trades/{name}USDT/{DAY}")
    };
    let build = one(format!(
        "SELECT rows_duplicate, rows_conflicting, sorted FROM ops.builds \
         WHERE group_id = '{group}'"
    ))?;
    let build: Vec<&str> = build.split(' ').collect();
    let number = |at: usize| build.get(at).and_then(|w| w.parse().ok()).unwrap_or(0);
    let coverage = one(format!(
        "SELECT status FROM ops.coverage WHERE symbol = '{name}USDT' AND dataset = '{series}' \
         AND date = DATE '{DAY}'"
    ))?;
    Ok(Said {
        ledger: leak(&ledger),
        silver: silver.parse()?,
        rejected: (leak(reason), count.parse()?),
        duplicate: (number(0), number(1)),
        sorted: build.get(2) == Some(&"true"),
        coverage: leak(&coverage),
    })
}

/// Texts that are compared with literals live as long as the test.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
