//! Series of bars made at random, and those of real files.

use std::path::Path;

use series::bars::Bars;

use crate::units;

/// What a random walk is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) bars: usize,
    /// Its first close, in units of 1e-8.
    pub(crate) start: i64,
    /// The greatest change from bar to bar, in units of 1e-8.
    pub(crate) step: i64,
    /// How many of a hundred bars have a gap before them.
    pub(crate) gaps: u32,
    /// How many of a thousand bars state no volume, and as many no quote volume.
    pub(crate) silent: u32,
}

pub(crate) fn random(walk: Walk, rng: &mut fastrand::Rng) -> Bars {
    let mut bars = Bars { width_us: 3_600_000_000, ..Bars::default() };
    let (mut close, mut place) = (walk.start, 420_000);
    for _ in 0..walk.bars {
        let gap = rng.u32(0..100) < walk.gaps;
        place += if gap { rng.i64(2..80) } else { 1 };
        // a price leaps over a gap, and at times stands still
        let step = if gap { walk.step * 5 } else { walk.step };
        let change = if rng.u32(0..20) == 0 { 0 } else { rng.i64(-step..=step) };
        let open = close;
        close = (close + change).max(1);
        bars.open.push(open);
        bars.close.push(close);
        bars.high.push(open.max(close) + rng.i64(0..=walk.step));
        bars.low.push((open.min(close) - rng.i64(0..=walk.step)).max(1));
        let volume = i128::from(rng.i64(0..5_000_000_000_000));
        let silent = |rng: &mut fastrand::Rng| rng.u32(0..1000) < walk.silent;
        bars.volume.push((!silent(rng)).then_some(volume));
        let quote = volume * i128::from(open.midpoint(close)) / 100_000_000;
        bars.quote_volume.push((!silent(rng)).then_some(quote));
        bars.place.push(place);
        bars.session.push(place / 24);
        bars.open_us.push(place * bars.width_us);
    }
    bars
}

/// The hourly bars of an exchange's archives, one after the other.
pub(crate) fn archives(folder: &Path) -> Bars {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "csv")).collect();
    files.sort();
    let mut bars = Bars { width_us: 3_600_000_000, ..Bars::default() };
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let fields: Vec<&str> = line.split(',').collect();
            let open_ms: i64 = fields[0].parse().unwrap();
            bars.open_us.push(open_ms * 1000);
            bars.place.push(open_ms / 3_600_000);
            bars.session.push(open_ms / 86_400_000);
            bars.open.push(units(fields[1]));
            bars.high.push(units(fields[2]));
            bars.low.push(units(fields[3]));
            bars.close.push(units(fields[4]));
            bars.volume.push(Some(units(fields[5]).into()));
            bars.quote_volume.push(Some(units(fields[7]).into()));
        }
    }
    bars
}

/// The bars of a range.
pub(crate) fn part(bars: &Bars, range: std::ops::Range<usize>) -> Bars {
    Bars {
        open_us: bars.open_us[range.clone()].to_vec(),
        width_us: bars.width_us,
        place: bars.place[range.clone()].to_vec(),
        session: bars.session[range.clone()].to_vec(),
        open: bars.open[range.clone()].to_vec(),
        high: bars.high[range.clone()].to_vec(),
        low: bars.low[range.clone()].to_vec(),
        close: bars.close[range.clone()].to_vec(),
        volume: bars.volume[range.clone()].to_vec(),
        quote_volume: bars.quote_volume[range].to_vec(),
    }
}

/// Bars with nothing but closes: high and low are the close, one trade of one unit each, no gap, one session.
pub(crate) fn closes(close: &[i64]) -> Bars {
    let count = close.len() as i64;
    Bars {
        open_us: (0..count).map(|i| i * 60_000_000).collect(),
        width_us: 60_000_000,
        place: (0..count).collect(),
        session: vec![0; close.len()],
        open: close.to_vec(),
        high: close.to_vec(),
        low: close.to_vec(),
        close: close.to_vec(),
        volume: vec![Some(1); close.len()],
        quote_volume: vec![None; close.len()],
    }
}
