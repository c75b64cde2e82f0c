//! The indicators against TA-Lib's, and where it has none against what numpy (realised volatility) and Python's
//! exact numbers (the session's VWAP, the bands' width) make of the same bars.
//!
//! TA-Lib's MACD begins its fast average late, so that both begin on one bar; ours begins it where an average
//! of that period begins. So MACD and its signal are held against TA-Lib's EMA from the first bar on, and
//! against its MACD from where nothing is left of the beginning.

use std::io::Write as _;
use std::process::{Command, Stdio};

use series::bars::Bars;
use series::indicators::{Bollinger, Settings, indicators};

use crate::walks::{Walk, archives, random};
use crate::{UNITS, columns, python, shared};

/// How far two figures may be apart, as a part of them.
const RELATIVE: f64 = 1e-9;
/// How far differences of two doubles may be apart, as a part of these: of a difference near 0 few digits are
/// left to compare.
const OF_A_DIFFERENCE: f64 = 1e-14;

/// Holds the indicators of each series against what Python makes of it.
fn compare(python: &str, cases: &[(String, Bars, Settings)]) {
    let peers = ask(python, cases);
    assert_eq!(peers.len(), cases.len());
    for ((case, bars, settings), peers) in cases.iter().zip(peers) {
        let found = indicators(bars, settings);
        let macd = ["macd", "macd_signal", "macd_histogram"];
        for (name, column) in columns(&found) {
            let of = |i: usize| match name {
                "macd" | "macd_signal" | "macd_histogram" => bars.close[i] as f64 / UNITS,
                "roc" => 100.0,
                _ => 0.0,
            };
            check(&format!("{name} of {case}"), column, &known(&peers[name]), 0, of);
            if macd.contains(&name) {
                let [fast, slow, signal] = settings.macd;
                let later = known(&peers[format!("later {name}")]);
                let from = slow + signal + 20 * fast.max(signal);
                check(&format!("later {name} of {case}"), column, &later, from, of);
            }
        }
        if let Some(balance) = peers.get("obv") {
            let found: Vec<_> = found.obv.iter().map(|o| o.map(|o| o as f64 / UNITS)).collect();
            check(&format!("obv of {case}"), &found, &known(balance), 0, |_| 0.0);
        }
    }
}

/// Holds one column against another's, from a bar on; what its values are differences of, if they are.
fn check(
    what: &str,
    found: &[Option<f64>],
    peer: &[Option<f64>],
    from: usize,
    of: impl Fn(usize) -> f64,
) {
    assert_eq!(found.len(), peer.len(), "{what}");
    for i in from..found.len() {
        assert_eq!(found[i].is_some(), peer[i].is_some(), "{what}: bar {i}");
        let Some((found, peer)) = found[i].zip(peer[i]) else { continue };
        let allowed = (RELATIVE * found.abs().max(peer.abs())).max(OF_A_DIFFERENCE * of(i));
        assert!((found - peer).abs() <= allowed, "{what}: bar {i}: {found}, the peer's {peer}");
    }
}

fn known(column: &serde_json::Value) -> Vec<Option<f64>> {
    column.as_array().unwrap().iter().map(serde_json::Value::as_f64).collect()
}

/// What Python makes of each series.
fn ask(python: &str, cases: &[(String, Bars, Settings)]) -> Vec<serde_json::Value> {
    let cases: Vec<_> = cases
        .iter()
        .map(|(_, bars, settings)| {
            serde_json::json!({
                "settings": settings,
                "session": bars.session,
                "high": bars.high,
                "low": bars.low,
                "close": bars.close,
                "volume": narrow(&bars.volume),
                "quote_volume": narrow(&bars.quote_volume),
            })
        })
        .collect();
    let mut peer = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/indicators/peers.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = peer.stdin.take().unwrap();
    // it prints when it has read everything
    input.write_all(serde_json::to_string(&cases).unwrap().as_bytes()).unwrap();
    drop(input);
    let output = peer.wait_with_output().unwrap();
    assert!(output.status.success(), "{python} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The volumes of these tests have place in 64 bits, and JSON's numbers are no longer.
fn narrow(volumes: &[Option<i128>]) -> Vec<Option<i64>> {
    volumes.iter().map(|volume| volume.map(|volume| volume.try_into().unwrap())).collect()
}

#[test]
fn random_walks() {
    let Some(python) = python() else { return };
    let mut rng = fastrand::Rng::with_seed(2026);
    let mut cases = Vec::new();
    // a coin of a millionth, one at par, shares, a coin of a hundred thousand
    for (start, step) in [
        (724, 3),
        (100_000_000, 900),
        (18_733_000_000, 40_000_000),
        (9_641_298_000_000, 9_000_000_000),
    ] {
        for gaps in [0, 4] {
            let walk = Walk { bars: 1500, start, step, gaps, silent: 0 };
            let case = format!("a walk from {start} with steps of {step} and {gaps} gaps in 100");
            cases.push((case, random(walk, &mut rng), Settings::default()));
        }
        let walk = Walk { bars: 1500, start, step, gaps: 2, silent: 5 };
        let settings = other(&mut rng);
        let case = format!("a walk from {start} with {}", settings.words());
        cases.push((case, random(walk, &mut rng), settings));
    }
    compare(&python, &cases);
}

/// Settings of which none is the default.
fn other(rng: &mut fastrand::Rng) -> Settings {
    let mut two = |from: usize| {
        let short = rng.usize(from..60);
        [short, short + rng.usize(1..60)]
    };
    let (sma, ema, [fast, slow], volatility) = (two(2), two(2), two(2), two(2));
    Settings {
        sma,
        ema,
        macd: [fast, slow, rng.usize(2..20)],
        rsi: rng.usize(2..60),
        bollinger: Bollinger { period: rng.usize(2..120), deviations: rng.f64() * 3.0 + 0.1 },
        atr: rng.usize(2..60),
        roc: rng.usize(1..60),
        volatility,
    }
}

#[test]
fn real_bars_with_gaps() {
    let Some((python, folder)) = python().zip(shared("binance/spot-klines-1h")) else { return };
    let bars = archives(&folder);
    let gaps = bars.place.windows(2).filter(|w| w[1] - w[0] > 1).count();
    assert!(bars.len() > 11_000 && gaps > 5, "{} bars, {gaps} gaps", bars.len());
    compare(&python, &[("an exchange's bars of 1h".to_owned(), bars, Settings::default())]);
}
