//! The rows of Binance's answers, from the market that the archives tell: the same trades, told
//! up to now. The bar that is not over is told with what was traded so far.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Datelike as _;
use model::{Day, Timeframe};

use super::super::{State, fixed};
use crate::amount;
use crate::bars::{AggTrade, Bar, flat};
use crate::instrument::Instrument;
use crate::market::Market;
use crate::trades::SampleMarket;

/// The length of a bar. Those longer than a day are of whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    Within(Timeframe),
    /// Counted from the epoch.
    ThreeDays,
    /// From Monday.
    Week,
    Month,
}

impl Interval {
    /// The futures have no seconds.
    pub(super) fn parse(text: &str, futures: bool) -> Option<Self> {
        match text {
            "3d" => Some(Self::ThreeDays),
            "1w" => Some(Self::Week),
            "1M" => Some(Self::Month),
            "1s" if futures => None,
            _ => text.parse().ok().map(Self::Within),
        }
    }

    const fn timeframe(self) -> Timeframe {
        match self {
            Self::Within(timeframe) => timeframe,
            _ => Timeframe::D1,
        }
    }

    /// The first day of the bar that has a day, and the first one after it.
    fn days(self, day: Day) -> (Day, Day) {
        match self {
            Self::Within(_) => (day, day.next()),
            Self::ThreeDays => {
                let first = day.minus(day.epoch_days().rem_euclid(3) as u32);
                (first, first.plus(3))
            }
            Self::Week => {
                let first = day.minus(day.date().weekday().num_days_from_monday());
                (first, first.plus(7))
            }
            Self::Month => (day.month().first(), day.month().last().next()),
        }
    }
}

/// The last day that has anything to tell.
fn day_of(micros: i64) -> Day {
    Day::of_micros(micros).unwrap_or_else(|| Day::new(chrono::NaiveDate::default()))
}

/// The bars of a day that have begun, oldest first.
fn day_bars(
    market: &SampleMarket,
    instrument: &Instrument,
    timeframe: Timeframe,
    day: Day,
    now: i64,
) -> Vec<Bar> {
    let mut bars = market.bars(instrument, timeframe, day);
    bars.retain(|bar| bar.open_time <= now);
    let is_open = bars.last().is_some_and(|bar| bar.open_time + timeframe.micros() > now);
    if is_open && let Some(last) = bars.pop() {
        let before = bars.last().map(|bar| bar.close);
        let before = before.or_else(|| market.close_before(instrument, day));
        let span = last.open_time..=now;
        let trades = market.day(instrument, day);
        let mut open: Option<Bar> = None;
        for trade in trades.take_while(|t| t.time <= now).filter(|t| span.contains(&t.time)) {
            open.get_or_insert_with(|| flat(last.open_time, last.close_time, trade.price))
                .add(&trade);
        }
        let quiet = || before.map(|price| flat(last.open_time, last.close_time, price));
        bars.extend(open.or_else(quiet));
    }
    bars
}

/// The bars that open between two instants (ms since the epoch, both included), oldest first: the
/// first ones where a start is given, else the last ones.
pub(super) fn bars(
    market: &SampleMarket,
    instrument: &Instrument,
    interval: Interval,
    (start, end): (Option<i64>, Option<i64>),
    limit: usize,
    now: i64,
) -> Vec<Bar> {
    let from = start.map_or(i64::MIN, |ms| ms.saturating_mul(1_000));
    let to = end.map_or(i64::MAX, |ms| ms.saturating_mul(1_000)).min(now);
    let listed = instrument.listed;
    if to < from || to < listed.start_micros() {
        return Vec::new();
    }
    let (first, last) = (day_of(from.max(listed.start_micros())).max(listed), day_of(to));
    let whole = |day: Day| -> (Option<Day>, Vec<Bar>) {
        let (begin, end) = interval.days(day);
        let timeframe = interval.timeframe();
        let days = begin.max(listed).to(end.minus(1).min(day_of(now)));
        let made: Vec<Bar> =
            days.flat_map(|day| day_bars(market, instrument, timeframe, day, now)).collect();
        let next = Some(end).filter(|end| end.start_micros() <= to);
        if matches!(interval, Interval::Within(_)) {
            return (next, made);
        }
        (next, merged(&made, begin, end).into_iter().collect())
    };
    let fits = |bar: &Bar| bar.open_time >= from && bar.open_time <= to;
    let mut found = Vec::new();
    if start.is_some() {
        let mut day = Some(first);
        while let Some(at) = day.filter(|_| found.len() < limit) {
            let (next, made) = whole(at);
            found.extend(made.into_iter().filter(fits));
            day = next;
        }
        found.truncate(limit);
        return found;
    }
    let mut day = last;
    loop {
        let mut made = whole(day).1;
        made.retain(fits);
        made.append(&mut found);
        found = made;
        let begin = interval.days(day).0;
        if found.len() >= limit || begin <= listed {
            break;
        }
        day = begin.minus(1);
    }
    found.split_off(found.len().saturating_sub(limit))
}

/// One bar of the bars of some days.
fn merged(bars: &[Bar], begin: Day, end: Day) -> Option<Bar> {
    let mut whole = *bars.first()?;
    whole.open_time = begin.start_micros();
    whole.close_time = end.start_micros() - 1;
    for bar in &bars[1..] {
        whole.high = whole.high.max(bar.high);
        whole.low = whole.low.min(bar.low);
        whole.close = bar.close;
        whole.volume += bar.volume;
        whole.quote_volume += bar.quote_volume;
        whole.count += bar.count;
        whole.taker_buy_volume += bar.taker_buy_volume;
        whole.taker_buy_quote_volume += bar.taker_buy_quote_volume;
    }
    Some(whole)
}

/// Which aggregate trades are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// From an id on.
    From(u64),
    /// Between two instants, ms since the epoch, both included: the first ones where a start is
    /// given, else the last ones.
    Between(Option<i64>, Option<i64>),
}

/// The aggregate trades of the days that were asked for last, since whoever reads a day reads it
/// in a thousand pieces.
#[derive(Debug, Default)]
pub(in super::super) struct Cache(Mutex<Vec<CachedDay>>);

#[derive(Debug)]
struct CachedDay {
    series: String,
    day: Day,
    trades: Arc<Vec<AggTrade>>,
}

impl Cache {
    const DAYS: usize = 4;

    fn day(&self, market: &SampleMarket, instrument: &Instrument, day: Day) -> Arc<Vec<AggTrade>> {
        let series = format!("{}:{}", instrument.market.as_str(), instrument.symbol.as_str());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.iter().position(|kept| kept.series == series && kept.day == day);
        let kept = if let Some(at) = kept {
            all.remove(at)
        } else {
            let trades = Arc::new(market.agg_day(instrument, day).collect());
            CachedDay { series, day, trades }
        };
        let trades = Arc::clone(&kept.trades);
        if all.len() == Self::DAYS {
            all.remove(0);
        }
        all.push(kept);
        trades
    }
}

/// Aggregate trades that have happened, oldest first.
pub(super) fn agg_trades(
    state: &State,
    instrument: &Instrument,
    wanted: Wanted,
    limit: usize,
    now: i64,
) -> Vec<AggTrade> {
    let (market, listed) = (&state.market, instrument.listed);
    let of_day = |day: Day| state.aggregates.day(market, instrument, day);
    let today = day_of(now);
    if today < listed {
        return Vec::new();
    }
    let mut found = Vec::new();
    match wanted {
        Wanted::From(id) => {
            // the last day that begins with that id or an earlier one
            let (mut low, mut high) = (0, listed.days_until(today));
            while low < high {
                let middle = low + (high - low + 1) / 2;
                let first = market.day(instrument, listed.plus(middle as u32)).first_aggregate();
                if first <= id { low = middle } else { high = middle - 1 }
            }
            for day in listed.plus(low as u32).to(today) {
                let all = of_day(day);
                let from = all.partition_point(|t| t.id < id);
                found.extend(all[from..].iter().take_while(|t| t.time <= now).copied());
                if found.len() >= limit {
                    break;
                }
            }
            found.truncate(limit);
        }
        Wanted::Between(start, end) => {
            let from = start.unwrap_or(0).saturating_mul(1_000).max(listed.start_micros());
            // the last ms belongs to it whole
            let to = end.map_or(now, |ms| ms.saturating_mul(1_000).saturating_add(999)).min(now);
            if to < from {
                return Vec::new();
            }
            let within = |all: &[AggTrade]| {
                let (a, b) =
                    (all.partition_point(|t| t.time < from), all.partition_point(|t| t.time <= to));
                all[a..b].to_vec()
            };
            if start.is_some() {
                for day in day_of(from).to(day_of(to)) {
                    found.extend(within(&of_day(day)));
                    if found.len() >= limit {
                        break;
                    }
                }
                found.truncate(limit);
            } else {
                let mut day = day_of(to);
                while day >= listed && found.len() < limit {
                    let mut all = within(&of_day(day));
                    all.append(&mut found);
                    found = all;
                    day = day.minus(1);
                }
                found = found.split_off(found.len().saturating_sub(limit));
            }
        }
    }
    found
}

/// Decimals of prices and quantities of trades.
fn decimals(instrument: &Instrument) -> (u8, u8) {
    if instrument.market == Market::Spot {
        (8, 8)
    } else {
        (instrument.price_decimals(), instrument.quantity_decimals())
    }
}

/// An amount with so many decimals, of which all that it has fit.
fn text(amount: i128, decimals: u8) -> String {
    i64::try_from(amount).map_or_else(
        |_| {
            let text = amount::text(amount);
            let cut = if decimals == 0 { 9 } else { 8 - usize::from(decimals.min(8)) };
            text[..text.len() - cut].to_owned()
        },
        |amount| fixed(amount, decimals),
    )
}

pub(super) fn klines_json(instrument: &Instrument, bars: &[Bar], micros: bool) -> String {
    let (price, quantity) = decimals(instrument);
    // bars of USD-M show prices with two decimals where the tick has fewer; those of COIN-M have
    // contracts, and what they are worth in the base asset
    let (price, quote) = match instrument.market {
        Market::Coinm => (price, 8),
        Market::Spot | Market::Usdm => (price.max(2), (price.max(2) + quantity).min(8)),
    };
    let unit = if micros { 1 } else { 1_000 };
    let mut out = "[".to_owned();
    for (n, bar) in bars.iter().enumerate() {
        let p = |amount: i64| fixed(amount, price);
        // archives tell the last ms where these tell the last µs
        let end = bar.close_time / 1_000 * 1_000 + 999;
        let _ = write!(
            out,
            r#"{}[{},"{}","{}","{}","{}","{}",{},"{}",{},"{}","{}","0"]"#,
            if n == 0 { "" } else { "," },
            bar.open_time / unit,
            p(bar.open),
            p(bar.high),
            p(bar.low),
            p(bar.close),
            text(bar.volume, quantity),
            end / unit,
            text(bar.quote_volume, quote),
            bar.count,
            text(bar.taker_buy_volume, quantity),
            text(bar.taker_buy_quote_volume, quote),
        );
    }
    out + "]"
}

pub(super) fn agg_trades_json(
    instrument: &Instrument,
    trades: &[AggTrade],
    micros: bool,
) -> String {
    let (price, quantity) = decimals(instrument);
    let unit = if micros { 1 } else { 1_000 };
    // every trade of spot is a best match
    let best = if instrument.market == Market::Spot { r#","M":true"# } else { "" };
    let mut out = "[".to_owned();
    for (n, trade) in trades.iter().enumerate() {
        let _ = write!(
            out,
            r#"{}{{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{}{best}}}"#,
            if n == 0 { "" } else { "," },
            trade.id,
            fixed(trade.price, price),
            text(trade.quantity, quantity),
            trade.first_trade,
            trade.last_trade,
            trade.time / unit,
            trade.buyer_maker,
        );
    }
    out + "]"
}
