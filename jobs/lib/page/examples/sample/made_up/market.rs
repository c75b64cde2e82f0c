//! Made-up markets: bars that wander, their indicators, and what is found in them.

use page::{
    Bar, Day, Direction, Event, EventKind, Indicator, IndicatorKind, Instrument, Month, Series,
    Severity,
};

use super::{Chance, DAY, FROM, SECOND, TO};

/// What a market is like: price at first and at last, deviation of a day, volume of a day.
pub(super) struct Market(&'static str, &'static str, u32, u32, f64, f64, f64, f64);

pub(super) const MARKETS: [Market; 10] = [
    Market("BTCUSDT", "BTC", 2, 5, 37_800.0, 104_000.0, 0.023, 28_000.0),
    Market("ETHUSDT", "ETH", 2, 4, 2_030.0, 3_900.0, 0.031, 410_000.0),
    Market("PEPEUSDT", "PEPE", 8, 0, 0.000_001_1, 0.000_009_4, 0.055, 7.0e12),
    Market("SOLUSDT", "SOL", 2, 3, 58.0, 190.0, 0.042, 3_400_000.0),
    Market("BNBUSDT", "BNB", 2, 3, 228.0, 640.0, 0.026, 310_000.0),
    Market("XRPUSDT", "XRP", 4, 0, 0.61, 2.3, 0.038, 4.1e8),
    Market("ADAUSDT", "ADA", 4, 1, 0.38, 0.8, 0.04, 2.2e8),
    Market("DOGEUSDT", "DOGE", 5, 0, 0.08, 0.21, 0.05, 1.3e9),
    Market("LTCUSDT", "LTC", 2, 3, 70.0, 96.0, 0.033, 520_000.0),
    Market("LINKUSDT", "LINK", 2, 2, 14.0, 18.0, 0.041, 3_900_000.0),
];

/// Bars of an hour up to the last 30 days, then of a minute.
fn walk(market: &Market, seed: u64) -> (Vec<Bar>, Vec<Bar>) {
    let &Market(_, _, digits, volume_digits, start, end, deviation, size) = market;
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..20 {
        chance.uniform();
    }
    let unit = 10f64.powi(digits as i32);
    let minutes_from = TO - 30 * DAY;
    let (mut level, mut heat, mut pull) = (start.ln(), 1.0f64, 0.0f64);
    let (mut hours, mut minutes) = (Vec::new(), Vec::new());
    let mut time = FROM;
    let mut last = (start * unit).round() as i64;
    while time < TO {
        let step = if time < minutes_from { 3600 } else { 60 };
        let share = step as f64 / DAY as f64;
        let done = (time - FROM) as f64 / (TO - FROM) as f64;
        let seasons = 0.34 * (done * 9.2 + seed as f64).sin() + 0.16 * (done * 23.0).sin();
        let aim = start.ln() + (end / start).ln() * done + seasons;
        pull += 0.000_9 * (aim - level) * share * 24.0 - pull * 0.03 * share * 24.0;
        heat += (1.0 - heat) * 0.25 * share + 0.22 * chance.normal() * share.sqrt();
        heat = heat.clamp(0.35, 3.0);
        let mut shock = chance.normal();
        if chance.uniform() < 0.012 * share {
            shock += 9.0 * chance.normal();
            heat = (heat + 1.2).min(3.0);
        }
        level += pull * share + heat * deviation * share.sqrt() * shock;
        let close = ((level.exp() * unit).round() as i64).max(1);
        let wick = heat * deviation * share.sqrt() * 0.55;
        let (above, below) = (last.max(close), last.min(close));
        let high = (above as f64 * (1.0 + wick * chance.normal().abs())).round() as i64;
        let low = (below as f64 * (1.0 - wick * chance.normal().abs())).round() as i64;
        let hour = ((time / 3600) % 24) as f64;
        let weekend = if (time / DAY + 4) % 7 >= 5 { 0.62 } else { 1.0 };
        let busy = (1.0 + 0.45 * ((hour - 14.5) / 24.0 * std::f64::consts::TAU).cos())
            * weekend
            * (0.55 + 0.4 * heat * heat.sqrt())
            * (0.6 + 0.5 * shock.abs());
        let volume = size * share * busy * (0.25 * chance.normal()).exp();
        let bar = Bar {
            time: time * SECOND,
            open: last,
            high: high.max(above),
            low: low.min(below).max(1),
            close,
            volume: (volume * 10f64.powi(volume_digits as i32)).round() as i64,
        };
        if step == 3600 {
            hours.push(bar);
        } else {
            minutes.push(bar);
        }
        last = close;
        time += step;
    }
    // an outage of the venue
    let outage = (TO - 9 * DAY + 5 * 3600) * SECOND..(TO - 9 * DAY + 7 * 3600 + 1200) * SECOND;
    minutes.retain(|bar| !outage.contains(&bar.time));
    (hours, minutes)
}

/// Longer bars of shorter ones.
fn roll(bars: &[Bar], step: i64) -> Vec<Bar> {
    let mut out: Vec<Bar> = Vec::new();
    for bar in bars {
        let time = bar.time - bar.time.rem_euclid(step * SECOND);
        match out.last_mut() {
            Some(last) if last.time == time => {
                last.high = last.high.max(bar.high);
                last.low = last.low.min(bar.low);
                last.close = bar.close;
                last.volume += bar.volume;
            }
            _ => out.push(Bar { time, ..*bar }),
        }
    }
    out
}

type Column = Vec<Option<f64>>;

fn mean(closes: &[f64], many: usize) -> Column {
    let of = |i: usize| {
        (i + 1 >= many).then(|| closes[i + 1 - many..=i].iter().sum::<f64>() / many as f64)
    };
    (0..closes.len()).map(of).collect()
}

fn smooth(values: &[Option<f64>], many: usize) -> Column {
    let weight = 2.0 / (many as f64 + 1.0);
    let (mut seen, mut sum, mut level) = (0, 0.0, 0.0);
    let step = |value: &Option<f64>| {
        let value = (*value)?;
        seen += 1;
        sum += value;
        level = if seen <= many { sum / seen as f64 } else { level + weight * (value - level) };
        (seen >= many).then_some(level)
    };
    values.iter().map(step).collect()
}

fn rsi(closes: &[f64]) -> Column {
    let (mut gain, mut loss) = (0.0, 0.0);
    let mut out = vec![None; closes.len()];
    for i in 1..closes.len() {
        let d = closes[i] - closes[i - 1];
        let (old, new) = if i <= 14 { (1.0, 1.0 / 14.0) } else { (13.0 / 14.0, 1.0 / 14.0) };
        gain = gain * old + d.max(0.0) * new;
        loss = loss * old + (-d).max(0.0) * new;
        if i >= 14 {
            out[i] = Some(if gain + loss == 0.0 { 50.0 } else { 100.0 * gain / (gain + loss) });
        }
    }
    out
}

fn indicators(bars: &[Bar], digits: u32) -> Vec<Indicator> {
    let closes: Vec<f64> =
        bars.iter().map(|b| b.close as f64 / 10f64.powi(digits as i32)).collect();
    let middle = mean(&closes, 20);
    let deviation = |i: usize| {
        let middle = middle[i]?;
        Some((closes[i - 19..=i].iter().map(|x| (x - middle).powi(2)).sum::<f64>() / 20.0).sqrt())
    };
    let band =
        |k: f64| (0..bars.len()).map(|i| Some(middle[i]? + k * deviation(i)?)).collect::<Column>();
    let some: Column = closes.iter().copied().map(Some).collect();
    let less = |a: &Column, b: &Column| {
        a.iter().zip(b).map(|(a, b)| Some((*a)? - (*b)?)).collect::<Column>()
    };
    let macd = less(&smooth(&some, 12), &smooth(&some, 26));
    let signal = smooth(&macd, 9);
    let histogram = less(&macd, &signal);
    let new = |group: &str, label: &str, kind, values| Indicator {
        group: group.into(),
        label: label.into(),
        kind,
        values,
    };
    vec![
        new("SMA", "SMA 20", IndicatorKind::Line, middle.clone()),
        new("SMA", "SMA 50", IndicatorKind::Line, mean(&closes, 50)),
        new("EMA", "EMA 20", IndicatorKind::Line, smooth(&some, 20)),
        new("Bollinger", "Upper 20", IndicatorKind::BandUpper, band(2.0)),
        new("Bollinger", "Lower 20", IndicatorKind::BandLower, band(-2.0)),
        new("RSI", "RSI 14", IndicatorKind::Rsi, rsi(&closes)),
        new("MACD", "MACD 12 26", IndicatorKind::Macd, macd),
        new("MACD", "signal 9", IndicatorKind::MacdSignal, signal),
        new("MACD", "histogram", IndicatorKind::MacdHistogram, histogram),
    ]
}

/// What is unusual, and what a trader waits for, in bars of a day.
fn events(bars: &[Bar], columns: &[Indicator], digits: u32) -> Vec<Event> {
    let column =
        |label: &str| &columns.iter().find(|c| c.label == label).expect("made above").values;
    let (s20, s50, rsi) = (column("SMA 20"), column("SMA 50"), column("RSI 14"));
    let (macd, signal) = (column("MACD 12 26"), column("signal 9"));
    let mut out = Vec::new();
    for i in 51..bars.len() {
        let mut put = |kind, name: &str, text: String| {
            let (name, timeframe) = (name.to_owned(), "1d".to_owned());
            out.push(Event { time: bars[i].time, timeframe, kind, name, text });
        };
        let change = |k: usize| (bars[k].close as f64 / bars[k - 1].close as f64).ln();
        let usual = ((i - 20..i).map(|k| change(k).powi(2)).sum::<f64>() / 20.0).sqrt();
        let times = change(i).abs() / usual;
        if times > 3.0 {
            let severity = if times > 4.0 { Severity::High } else { Severity::Medium };
            let percent = (change(i).exp() - 1.0) * 100.0;
            put(
                EventKind::Anomaly(severity),
                "Extreme price move",
                format!(
                    "{percent:+.1} % in a day, {times:.1}σ of the 20 days before; threshold 3σ"
                ),
            );
        }
        let before = bars[i - 20..i].iter().map(|b| b.volume as f64).sum::<f64>() / 20.0;
        let times = bars[i].volume as f64 / before;
        if times > 2.2 {
            let severity = if times > 3.0 { Severity::High } else { Severity::Medium };
            put(
                EventKind::Anomaly(severity),
                "Volume spike",
                format!("{times:.1}× the mean of the 20 days before; threshold 2.2×"),
            );
        }
        if let (Some(was), Some(now)) = (rsi[i - 1], rsi[i]) {
            if was < 30.0 && now >= 30.0 {
                put(
                    EventKind::Signal(Direction::Up),
                    "RSI rises through 30",
                    format!("RSI {now:.1}"),
                );
            } else if was > 70.0 && now <= 70.0 {
                put(
                    EventKind::Signal(Direction::Down),
                    "RSI falls through 70",
                    format!("RSI {now:.1}"),
                );
            }
        }
        for (a, b, what) in
            [(s20, s50, "SMA 20 crosses SMA 50"), (macd, signal, "MACD crosses its signal")]
        {
            let (Some(p), Some(q), Some(x), Some(y)) = (a[i - 1], b[i - 1], a[i], b[i]) else {
                continue;
            };
            let way = match (p <= q, x > y, p >= q, x < y) {
                (true, true, ..) => Direction::Up,
                (_, _, true, true) => Direction::Down,
                _ => continue,
            };
            if what.starts_with("MACD")
                && x.abs() < 0.012 * bars[i].close as f64 / 10f64.powi(digits as i32)
            {
                continue;
            }
            let over = if way == Direction::Up { "upwards" } else { "downwards" };
            put(EventKind::Signal(way), what, format!("{over}, at {x:.*}", digits as usize));
        }
    }
    out
}

pub(super) fn instrument(market: &Market, seed: u64) -> Instrument {
    let &Market(symbol, unit, digits, volume_digits, ..) = market;
    let (mut hours, minutes) = walk(market, seed);
    hours.extend(roll(&minutes, 3600));
    let days = roll(&hours, DAY);
    let year: Vec<Bar> =
        hours.into_iter().filter(|b| b.time >= (TO - 366 * DAY) * SECOND).collect();
    let columns = indicators(&days, digits);
    let mut months: Vec<Month> = Vec::new();
    let mut name = String::new();
    for bar in &days {
        let now = page::words::day(bar.time).split_once(' ').map(|(_, month)| month.to_owned());
        let now = now.unwrap_or_default();
        if now != name {
            months.push(Month { time: bar.time, volume: 0 });
            name = now;
        }
        months.last_mut().expect("just put").volume += bar.volume;
    }
    let change =
        |i: usize| (i > 0).then(|| 100.0 * (days[i].close as f64 / days[i - 1].close as f64 - 1.0));
    let figures = days.iter().enumerate().map(|(i, bar)| Day {
        time: bar.time,
        close: bar.close,
        change: change(i),
        volume: bar.volume,
    });
    let figures = figures.collect();
    let events = events(&days, &columns, digits);
    let series = |timeframe: &str, step: i64, bars: Vec<Bar>, indicators| Series {
        timeframe: timeframe.into(),
        step: step * SECOND,
        sessions: false,
        bars,
        indicators,
    };
    let hourly = indicators(&year, digits);
    Instrument {
        symbol: symbol.into(),
        market: "spot".into(),
        quote: "USDT".into(),
        unit: unit.into(),
        digits,
        volume_digits,
        series: vec![
            series("1d", DAY, days, columns),
            series("1h", 3600, year, hourly),
            series("1m", 60, minutes, Vec::new()),
        ],
        days: figures,
        months,
        events,
    }
}
