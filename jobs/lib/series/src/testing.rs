//! Series for this crate's tests.

use crate::bars::Bars;

/// An hour in microseconds.
pub(crate) const HOUR_US: i64 = 3_600_000_000;

/// 2024-01-01, a Monday, in microseconds since the epoch.
pub(crate) const START_US: i64 = 1_704_067_200_000_000;

/// A value in units of 1e-8.
pub(crate) fn units(value: f64) -> i64 {
    (value * 1e8).round() as i64
}

/// A value of the standard normal distribution.
pub(crate) fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - random.f64())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * random.f64())
}

/// Hourly bars at one price, each with a volume of 100.
pub(crate) fn flat(count: usize, price: f64) -> Bars {
    let prices = vec![units(price); count];
    let mut bars = Bars {
        width_us: HOUR_US,
        open: prices.clone(),
        high: prices.clone(),
        low: prices.clone(),
        close: prices,
        volume: vec![Some(i128::from(units(100.0))); count],
        quote_volume: vec![Some(i128::from(units(100.0 * price))); count],
        ..Bars::default()
    };
    for at in 0..count as i64 {
        bars.open_us.push(START_US + at * HOUR_US);
        bars.place.push(at);
        bars.session.push(at / 24);
    }
    bars
}

/// Hourly bars of a random walk: normal log returns of that deviation, four steps a bar, volumes that are
/// normal about 100 with a deviation of 20.
pub(crate) fn walk(count: usize, deviation: f64, seed: u64) -> Bars {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bars = flat(count, 100.0);
    let mut price = 100.0;
    for at in 0..count {
        let mut path = vec![price];
        for _ in 0..4 {
            price *= libm::exp(normal(&mut random) * deviation / 2.0);
            path.push(price);
        }
        let path: Vec<i64> = path.into_iter().map(units).collect();
        bars.open[at] = path[0];
        bars.high[at] = *path.iter().max().unwrap();
        bars.low[at] = *path.iter().min().unwrap();
        bars.close[at] = path[4];
        let volume = (100.0 + 20.0 * normal(&mut random)).max(1.0);
        bars.volume[at] = Some(i128::from(units(volume)));
        bars.quote_volume[at] = Some(i128::from(units(volume * price)));
    }
    bars
}

/// Makes one bar differ: its close, and its highest and lowest price so that they hold it.
pub(crate) fn set_close(bars: &mut Bars, at: usize, close: f64) {
    let close = units(close);
    bars.close[at] = close;
    bars.high[at] = bars.high[at].max(close);
    bars.low[at] = bars.low[at].min(close);
}

/// Takes a bar out of a series: a gap where it was.
pub(crate) fn remove(bars: &mut Bars, at: usize) {
    bars.open_us.remove(at);
    bars.place.remove(at);
    bars.session.remove(at);
    for prices in [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close] {
        prices.remove(at);
    }
    bars.volume.remove(at);
    bars.quote_volume.remove(at);
}

/// The first bars of a series.
pub(crate) fn first(bars: &Bars, count: usize) -> Bars {
    Bars {
        open_us: bars.open_us[..count].to_vec(),
        width_us: bars.width_us,
        place: bars.place[..count].to_vec(),
        session: bars.session[..count].to_vec(),
        open: bars.open[..count].to_vec(),
        high: bars.high[..count].to_vec(),
        low: bars.low[..count].to_vec(),
        close: bars.close[..count].to_vec(),
        volume: bars.volume[..count].to_vec(),
        quote_volume: bars.quote_volume[..count].to_vec(),
    }
}
