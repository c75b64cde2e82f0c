//! Made-up prices of stocks, forex and coins: a pure function of (seed, symbol, minute), exact in
//! units of 1e-8. Longer bars are summed from minutes, so all of them agree. Binance's symbols
//! are not from here: those are the sample market's.

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime};

use super::assets::{ASSETS, Asset, Kind};
use super::hours::{local, open, zone};
use crate::amount::{ONE, TENS};
use crate::random::{Random, of_number, of_words};

/// How much the price swings about its mean, in parts of 1e9, over how many minutes.
const SWINGS: [(i64, i64); 10] = [
    (262_144, 250_000_000),
    (65_536, 100_000_000),
    (16_384, 40_000_000),
    (4_096, 20_000_000),
    (1_024, 10_000_000),
    (256, 5_000_000),
    (64, 2_500_000),
    (16, 1_200_000),
    (4, 600_000),
    (1, 250_000),
];

const BILLION: i64 = 1_000_000_000;

/// The length of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many minutes.
    Minutes(i64),
    Day,
    /// From Monday.
    Week,
    Month,
}

/// A bar. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    /// Its first instant, µs since the epoch.
    pub(super) start: i64,
    /// The same on the wall clock of the asset's zone; midnight for bars of a day and longer.
    pub(super) stamp: NaiveDateTime,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    /// Shares or coins; 0 for forex.
    pub(super) volume: i64,
}

/// What bars to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    pub(super) length: Length,
    /// Stocks: with the hours before and after the session.
    pub(super) extended: bool,
    /// Stocks: as if splits had always been.
    pub(super) adjusted: bool,
    /// Stocks: bars begin with the session, not with the hour.
    pub(super) from_open: bool,
    /// Nothing after this instant is known, µs since the epoch.
    pub(super) now: i64,
}

/// The prices of one asset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    asset: &'static Asset,
    series: u64,
}

/// The price at the beginning of minutes. It remembers between which knots it is, since the next
/// minute mostly is between the same.
#[derive(Debug)]
struct Levels {
    walk: Walk,
    /// For each swing: the number of the knot before, its level and that of the one after.
    knots: [(i64, i64, i64); SWINGS.len()],
}

impl Levels {
    const fn new(walk: Walk) -> Self {
        Self { walk, knots: [(i64::MIN, 0, 0); SWINGS.len()] }
    }

    /// The price at the beginning of a minute since the epoch.
    fn at(&mut self, minute: i64) -> i64 {
        let mut swing = 0;
        for ((period, reach), knots) in SWINGS.iter().zip(&mut self.knots) {
            let (n, part) = (minute.div_euclid(*period), minute.rem_euclid(*period));
            if knots.0 != n {
                let series = self.walk.series ^ *period as u64;
                let knot = |n: i64| Random::new(of_number(series, n)).around(BILLION);
                *knots = (n, knot(n), knot(n + 1));
            }
            let level = (knots.1 * (period - part) + knots.2 * part) / period;
            swing += level / 1_000 * (reach / 1_000) / 1_000;
        }
        let asset = self.walk.asset;
        // currencies swing less than companies
        let swing = if asset.kind == Kind::Forex { swing / 10 } else { swing };
        let price = i128::from(asset.price) * i128::from(BILLION + swing);
        let tick = self.walk.tick();
        (price / i128::from(BILLION)) as i64 / tick * tick
    }
}

/// A minute, before splits are undone. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minute {
    /// Since the epoch.
    pub(crate) number: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    volume: i64,
}

/// A pair of currencies that is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown pair `{found}`, expected one of {expected}")]
pub struct UnknownPair {
    /// What was asked for.
    pub found: String,
    /// What there is.
    pub expected: String,
}

/// Hands the minutes of a pair of currencies, `EURUSD`, on a date of UTC to `each`.
pub(crate) fn minutes_of(
    seed: u64,
    pair: &str,
    date: NaiveDate,
    mut each: impl FnMut(Minute),
) -> Result<(), UnknownPair> {
    let mut pairs = ASSETS.iter().filter(|asset| asset.kind == Kind::Forex);
    let Some(asset) = pairs.clone().find(|asset| asset.symbol.replace('/', "") == pair) else {
        let known: Vec<String> =
            pairs.by_ref().map(|asset| asset.symbol.replace('/', "")).collect();
        return Err(UnknownPair { found: pair.to_owned(), expected: known.join(", ") });
    };
    let want = Want {
        length: Length::Minutes(1),
        extended: false,
        adjusted: true,
        from_open: false,
        now: i64::MAX,
    };
    Walk::new(seed, asset).minutes(date, &want, |_, minute| each(minute));
    Ok(())
}

impl Walk {
    pub(super) fn new(seed: u64, asset: &'static Asset) -> Self {
        Self { asset, series: of_words(seed, &["rest", asset.symbol]) }
    }

    fn tick(&self) -> i64 {
        TENS[8 - usize::from(self.asset.decimals.min(8))]
    }

    /// A minute that goes from `open` to `whole`; the part of it, in 1e-6, that has passed.
    fn minute(&self, minute: i64, open: i64, whole: i64, passed: i64, extended: bool) -> Minute {
        let mut random = Random::new(of_number(self.series ^ 3, minute));
        let tick = self.tick();
        let close = open + (whole - open) / tick * passed / 1_000_000 * tick;
        // a ten-thousandth at most, and a few ticks at least
        let reach = (open / 10_000 / tick).max(3) as u64;
        let mut wick = || random.below(reach) as i64 * passed / 1_000_000 * tick;
        let (high, low) = (open.max(close) + wick(), open.min(close) - wick());
        let usual = match self.asset.kind {
            Kind::Forex => 0,
            Kind::Crypto => 60,
            Kind::Stock if extended => 400,
            Kind::Stock => 20_000,
        };
        let volume = random.below(usual) as i64 * passed / 1_000_000 * ONE;
        Minute { number: minute, open, high, low, close, volume }
    }

    /// Hands the minutes of a date to `each`, with whether they lie outside of the session.
    fn minutes(&self, date: NaiveDate, want: &Want, mut each: impl FnMut(i64, Minute)) {
        let kind = self.asset.kind;
        let Some((start, end)) = open(kind, date, want.extended) else { return };
        let session = open(kind, date, false).unwrap_or((start, end));
        let (last, part) = (want.now.div_euclid(60_000_000), want.now.rem_euclid(60_000_000));
        let mut levels = Levels::new(*self);
        let mut price = levels.at(start);
        for minute in start..end.min(last + 1) {
            let passed = if minute == last { part / 60 } else { 1_000_000 };
            let outside = minute < session.0 || minute >= session.1;
            let next = levels.at(minute + 1);
            let made = self.minute(minute, price, next, passed, outside);
            price = next;
            // outside of the session not every minute has a trade
            if outside && of_number(self.series ^ 5, minute).is_multiple_of(3) {
                continue;
            }
            each(minute, made);
        }
    }

    /// How many shares of today one share of a date has become.
    fn factor(&self, date: NaiveDate) -> i64 {
        let later = |day: &str| day.parse::<NaiveDate>().is_ok_and(|day| date < day);
        self.asset.splits.iter().filter(|(day, _)| later(day)).map(|(_, n)| n).product()
    }

    /// The bars of a date of the asset's zone, oldest first; at most one for a day and longer.
    fn date(&self, date: NaiveDate, want: &Want) -> Vec<Bar> {
        let zone = zone(self.asset.kind);
        let factor = if want.adjusted { 1 } else { self.factor(date) };
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        let mut bars: Vec<Bar> = Vec::new();
        let mut bin = None;
        let mut anchor = None;
        self.minutes(date, want, |minute, made| {
            let micros = minute * 60_000_000;
            let (this, stamp) = match want.length {
                Length::Minutes(length) => {
                    let now = local(zone, micros);
                    let into = (now - midnight).num_minutes();
                    let from = *anchor.get_or_insert(if want.from_open { into } else { 0 });
                    let back = (into - from).rem_euclid(length);
                    ((into - from).div_euclid(length), now - chrono::TimeDelta::minutes(back))
                }
                _ => (0, midnight),
            };
            if bin == Some(this)
                && let Some(bar) = bars.last_mut()
            {
                bar.high = bar.high.max(made.high * factor);
                bar.low = bar.low.min(made.low * factor);
                bar.close = made.close * factor;
                bar.volume += made.volume / factor / ONE * ONE;
                return;
            }
            bin = Some(this);
            bars.push(Bar {
                start: super::hours::instant(zone, stamp),
                stamp,
                open: made.open * factor,
                high: made.high * factor,
                low: made.low * factor,
                close: made.close * factor,
                volume: made.volume / factor / ONE * ONE,
            });
        });
        bars
    }

    /// The bars whose dates are from `first` to `last`, newest first, at most `limit` of those
    /// that `keep` keeps. Bars of a week or a month are of all their days.
    pub(super) fn newest(
        &self,
        want: &Want,
        first: NaiveDate,
        last: NaiveDate,
        limit: usize,
        keep: impl Fn(&Bar) -> bool,
    ) -> Vec<Bar> {
        let mut found: Vec<Bar> = Vec::new();
        let today = local(zone(self.asset.kind), want.now).date();
        // whatever was asked for, dates stay where they can be counted with
        let (first, last) = (first.max(epoch(self.asset.kind)), last.min(today));
        if first > last {
            return found;
        }
        let (first, mut date) = match want.length {
            Length::Week => (group(want.length, first), group(want.length, last) + Days::new(6)),
            Length::Month => (group(want.length, first), month_end(last)),
            _ => (first, last),
        };
        date = date.min(today);
        let mut open_group: Option<Bar> = None;
        while date >= first && found.len() < limit {
            for bar in self.date(date, want).into_iter().rev() {
                if matches!(want.length, Length::Minutes(_) | Length::Day) {
                    if keep(&bar) && found.len() < limit {
                        found.push(bar);
                    }
                    continue;
                }
                let stamp = group(want.length, date).and_time(chrono::NaiveTime::MIN);
                match &mut open_group {
                    Some(whole) if whole.stamp == stamp => whole.put_before(&bar),
                    _ => {
                        found.extend(open_group.take().filter(&keep));
                        open_group = Some(Bar { stamp, ..bar });
                    }
                }
            }
            let Some(before) = date.pred_opt() else { break };
            date = before;
        }
        if found.len() < limit {
            found.extend(open_group.filter(&keep));
        }
        found
    }
}

impl Bar {
    /// Widens a bar by the one before.
    fn put_before(&mut self, earlier: &Self) {
        self.start = earlier.start;
        self.open = earlier.open;
        self.high = self.high.max(earlier.high);
        self.low = self.low.min(earlier.low);
        self.volume += earlier.volume;
    }
}

/// The first date that anything is known of.
pub(super) const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// The first date of a kind: coins are younger.
fn epoch(kind: Kind) -> NaiveDate {
    if kind == Kind::Crypto { EPOCH + Days::new(5_479) } else { EPOCH }
}

/// The first date of the week or month that has a date.
fn group(length: Length, date: NaiveDate) -> NaiveDate {
    match length {
        Length::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
        Length::Month => date.with_day(1).unwrap_or(date),
        Length::Minutes(_) | Length::Day => date,
    }
}

fn month_end(date: NaiveDate) -> NaiveDate {
    let first = group(Length::Month, date);
    first.checked_add_months(chrono::Months::new(1)).and_then(|d| d.pred_opt()).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::super::assets::find;
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn bars(symbol: &str, length: Length, from: &str, to: &str, adjusted: bool) -> Vec<Bar> {
        let now = i64::MAX / 4;
        let want = Want { length, extended: false, adjusted, from_open: true, now };
        let walk = Walk::new(1, find(symbol).unwrap());
        walk.newest(&want, date(from), date(to), 100_000, |_| true)
    }

    #[test]
    fn longer_bars_are_sums_of_minutes() {
        let check = |symbol: &str, length: Length, from: &str, to: &str, count: usize| {
            let minutes = bars(symbol, Length::Minutes(1), from, to, true);
            let long = bars(symbol, length, from, to, true);
            assert_eq!(long.len(), count, "{symbol} {length:?}");
            assert!(long.windows(2).all(|w| w[0].stamp > w[1].stamp));
            let sum = |bars: &[Bar]| bars.iter().map(|b| b.volume).sum::<i64>();
            assert_eq!(sum(&minutes), sum(&long), "{symbol} {length:?}");
            let most = |bars: &[Bar]| bars.iter().map(|b| b.high).max();
            assert_eq!(most(&minutes), most(&long), "{symbol} {length:?}");
            assert_eq!(minutes[0].close, long[0].close);
            assert_eq!(minutes.last().unwrap().open, long.last().unwrap().open);
            for bar in &long {
                assert!(bar.low <= bar.open.min(bar.close) && bar.high >= bar.open.max(bar.close));
                assert!(bar.low > 0);
            }
        };
        // 390 minutes: six and a half hours from 09:30 on
        check("AAPL", Length::Minutes(60), "2024-01-31", "2024-01-31", 7);
        check("AAPL", Length::Minutes(5), "2024-01-31", "2024-01-31", 78);
        check("AAPL", Length::Day, "2024-01-01", "2024-01-31", 21);
        check("AAPL", Length::Week, "2024-01-01", "2024-01-28", 4);
        check("AAPL", Length::Month, "2024-01-01", "2024-02-29", 2);
        check("EUR/USD", Length::Day, "2024-02-01", "2024-02-05", 4);
        check("BTC/USD", Length::Minutes(240), "2024-02-01", "2024-02-02", 12);
    }

    #[test]
    fn splits_are_undone_on_demand() {
        let check = |day: &str, factor: i64| {
            let (raw, adjusted) = (
                bars("AAPL", Length::Day, day, day, false)[0],
                bars("AAPL", Length::Day, day, day, true)[0],
            );
            assert_eq!((raw.open, raw.low), (adjusted.open * factor, adjusted.low * factor));
            assert!(raw.volume % ONE == 0 && raw.volume <= adjusted.volume / factor);
        };
        check("2020-08-31", 1);
        check("2020-08-28", 4);
        check("2014-06-06", 28);
    }

    #[test]
    fn what_is_not_over_yet_grows() {
        let walk = Walk::new(1, find("BTC/USD").unwrap());
        let at = |seconds: i64| {
            let now = (1_706_700_000 + seconds) * 1_000_000;
            let length = Length::Minutes(5);
            let want = Want { length, extended: false, adjusted: true, from_open: false, now };
            walk.newest(&want, date("2024-01-31"), date("2024-01-31"), 1, |_| true)[0]
        };
        // 2024-01-31 11:20:00
        let bars: Vec<Bar> = [0, 30, 90, 299].map(at).to_vec();
        assert!(bars.iter().all(|b| b.stamp.to_string() == "2024-01-31 11:20:00"), "{bars:?}");
        assert!(bars.windows(2).all(|w| w[0].volume < w[1].volume && w[0].high <= w[1].high));
        assert_eq!(bars[0].open, bars[3].open);
        assert_eq!(at(300).stamp.to_string(), "2024-01-31 11:25:00");
    }
}
