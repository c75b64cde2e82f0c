//! A made-up lake: coverage, checks and runs of which none ever happened. It is the same each time.

mod market;

use market::{MARKETS, instrument};
use page::{
    Accounting, Check, Coverage, CoverageRow, Instrument, Outcome, Page, Reject, Rows, Run, State,
    Verdict,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;
/// 2023-11-29 00:00 UTC.
const FROM: i64 = 1_701_216_000;
/// 2026-11-28 00:00 UTC, the day after the last whole one.
const TO: i64 = 1_795_824_000;

/// Numbers that look like chance (xorshift).
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.uniform() * n as f64) as u64
    }
}

fn coverage(symbols: &[Instrument], chance: &mut Chance) -> Coverage {
    let days = u32::try_from((TO - FROM) / DAY + 1).expect("few days");
    let mut rows = Vec::new();
    for (which, instrument) in symbols.iter().enumerate() {
        for (dataset, timeframe) in
            [("trades", None), ("aggTrades", None), ("klines", Some("1m")), ("klines", Some("1h"))]
        {
            let mut became = vec![(State::Available, None); days as usize];
            for _ in 0..=chance.below(4) {
                let day = chance.below(u64::from(days) - 8) as usize;
                let n = 1 + chance.below(40);
                became[day] = match chance.below(6) {
                    0 => (State::Missing, Some("the source lists no archive".to_owned())),
                    1 => (
                        State::Corrupt,
                        Some("its checksum differs from the published one, twice".to_owned()),
                    ),
                    _ => (State::Degraded, Some(format!("{n} bars are not there"))),
                };
            }
            let end = days as usize;
            if timeframe.is_some() {
                became[end - 10] = (
                    State::Degraded,
                    Some("140 bars are not there: outage of the venue".to_owned()),
                );
            }
            if which == 1 && dataset == "aggTrades" {
                became[end - 120..end - 101]
                    .fill((State::Missing, Some("the source lists no archive".to_owned())));
            }
            if which == 2 {
                became[..160].fill((State::Outside, None));
            }
            became[end - 1] = (State::Pending, Some("due 2026-11-29 02:00 UTC".to_owned()));
            if dataset == "trades" {
                became[end - 2] = (
                    State::Partial,
                    Some("from the source's API, its archive is due today".to_owned()),
                );
            }
            let mut row = CoverageRow {
                symbol: instrument.symbol.clone(),
                market: instrument.market.clone(),
                dataset: dataset.into(),
                timeframe: timeframe.map(str::to_owned),
                spans: Vec::new(),
            };
            for (state, reason) in &became {
                row.push(*state, reason.as_deref());
            }
            rows.push(row);
        }
    }
    Coverage { from: FROM * SECOND, days, rows }
}

fn checks() -> Vec<Check> {
    let check =
        |name: &str, subject: &str, expected: &str, found: &str, detail: &str, past: &str| {
            let outcome = |letter| match letter {
                'p' => Some(Outcome::Pass),
                's' => Some(Outcome::Skip),
                'w' => Some(Outcome::Warn),
                'f' => Some(Outcome::Fail),
                _ => None,
            };
            let history: Vec<_> = past.chars().map(outcome).collect();
            Check {
                outcome: history.last().copied().flatten().unwrap_or(Outcome::Skip),
                name: name.into(),
                subject: subject.into(),
                expected: expected.into(),
                found: found.into(),
                detail: detail.into(),
                history,
            }
        };
    vec![
        check(
            "bars_equal_klines",
            "spot/ETHUSDT/1h",
            "high 3951.44",
            "high 3951.40",
            "2026-11-19 06:00, made from trades that lack 140 minutes",
            "pppppppppfffff",
        ),
        check(
            "trade_ids_contiguous",
            "spot/PEPEUSDT/trades",
            "0 holes",
            "31 ids",
            "2026-11-22, ids 98120331 … 98120361",
            "ppppppppwwwwww",
        ),
        check(
            "freshness",
            "gold.bars",
            "< 26 h",
            "26 h 14 min",
            "trades of 2026-11-27 are not published yet",
            "ppppppppppppww",
        ),
        check(
            "rows_add_up",
            "all archives",
            "read = silver + rejected + duplicate",
            "equal in 13,296 of 13,296",
            "",
            "pppppppppppppp",
        ),
        check(
            "bars_equal_klines",
            "spot/BTCUSDT/1m",
            "8 fields equal",
            "1,578,240 bars equal",
            "",
            "pppppppppppppp",
        ),
        check(
            "bars_equal_klines",
            "spot/BTCUSDT/1h",
            "8 fields equal",
            "26,304 bars equal",
            "",
            "ppppppfppppppp",
        ),
        check("duplicate_keys", "silver.trades", "0", "0", "", "--pppppppppppp"),
        check(
            "ohlc_relations",
            "gold.bars",
            "low ≤ open, close ≤ high",
            "0 rows break it",
            "",
            "pppppppppppppp",
        ),
        check(
            "rsi_within_bounds",
            "gold.indicators",
            "0 rows outside of 0 … 100",
            "0",
            "",
            "-----ppppppppp",
        ),
        check(
            "tails_equal_archives",
            "spot/ETHUSDT/trades",
            "no difference",
            "no tail to compare",
            "",
            "ppsspspssppsss",
        ),
    ]
}

/// Runs, the youngest first.
fn runs(chance: &mut Chance) -> Vec<Run> {
    let mut runs = Vec::new();
    for i in 0..30u64 {
        let first = i == 0;
        let read = if first { 1_804_118_772 } else { 3_450_000 + chance.below(900_000) };
        let duplicate = if first { 12_542 } else { chance.below(3) * 17 };
        let rejected = if first { 41 } else { 7 * u64::from(i == 25) };
        let failed = if first { 9 } else { 2 * u64::from(i == 20) };
        let seconds = if first { 1830 } else { 48 + chance.below(50) };
        let started = TO - (29 - i as i64) * DAY + 900 + chance.below(240) as i64;
        let day = page::words::day(started * SECOND).replace(' ', "-");
        runs.push(Run {
            id: format!("{day}-{:04x}", chance.below(65_536)),
            started_at: started * SECOND,
            took: (i != 22).then_some(seconds as i64 * SECOND),
            archives: if first { 13_140 } else { 12 - failed },
            archives_failed: failed,
            bytes: if first { 61_203_000_000 } else { 96_000_000 + chance.below(30_000_000) },
            rows: Rows { read, silver: read - duplicate - rejected, rejected, duplicate },
            cost: Some(if first { 812_000 } else { 21_000 + chance.below(9_000) as i64 }),
        });
    }
    runs.reverse();
    runs
}

/// A page of so many symbols, ten at most.
pub(crate) fn page(symbols: usize) -> Page {
    let mut chance = Chance(424_243);
    let seeds = [31, 77, 5, 11, 13, 17, 19, 23, 29, 41];
    let instruments: Vec<_> = MARKETS
        .iter()
        .zip(seeds)
        .take(symbols)
        .map(|(market, seed)| instrument(market, seed))
        .collect();
    let coverage = coverage(&instruments, &mut chance);
    let checks = checks();
    let runs = runs(&mut chance);
    let sum = |of: fn(&Rows) -> u64| runs.iter().map(|run| of(&run.rows)).sum();
    let accounting = Accounting {
        read: sum(|r| r.read),
        silver: sum(|r| r.silver),
        rejected: sum(|r| r.rejected),
        duplicate: sum(|r| r.duplicate),
        archives: runs.iter().map(|run| run.archives).sum(),
        bytes: runs.iter().map(|run| run.bytes).sum(),
    };
    let reject = |reason: &str, lines, first: &str| Reject {
        reason: reason.into(),
        lines,
        first: first.into(),
    };
    Page {
        environment: "demo".into(),
        version: "0.1.0".into(),
        made_at: (TO + 1140) * SECOND,
        run: runs.first().map(|run| run.id.clone()),
        verdict: Verdict::of(&coverage, &checks),
        accounting,
        instruments,
        coverage,
        checks,
        // text of a reject is text, whatever it looks like
        rejects: vec![
            reject(
                "unreadable",
                29,
                "BTCUSDT-trades-2024-03-11.csv:88231: 3392119912,71\u{fffd}02.01,0.0021",
            ),
            reject(
                "field_count",
                9,
                "PEPEUSDT-aggTrades-2025-01-02.csv:41: 55120,0.00001841</script><b>x",
            ),
            reject("outside_period", 10, "ETHUSDT-1m-2024-11.csv:43201: 1733011200000,3702.11"),
        ],
        runs,
        certificate: None,
    }
}
