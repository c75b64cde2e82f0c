//! Instruments: their bars with indicators, daily figures, anomalies and signals. Prices become whole numbers
//! of their own least digit, exactly; volumes are rounded where a page could not count them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use model::config::Gold;
use model::period::DAY_MICROS;
use model::schema::Table;
use model::{Day as CalendarDay, Timeframe};
use page::{
    Bar, Day, Direction, Event, EventKind, Indicator, IndicatorKind, Instrument, Month, Series,
    Severity,
};

use source::Providers;
use source::calendar::Calendar;
use stage::Context;

use crate::read::{Answer, Reader};

/// For how many days back, from its last one, a timeframe's bars are shown. Days and longer: all of them.
const SHOWN: [(Timeframe, i32); 3] =
    [(Timeframe::D1, i32::MAX), (Timeframe::H1, 366), (Timeframe::M1, 31)];
/// Days of turnover by which symbols are chosen.
const OF_LATE: i32 = 30;
/// So many bars are enough to look at.
const ENOUGH: usize = 60;
/// Anomalies and signals of a symbol that are shown, the latest.
const EVENTS: usize = 2_000;
/// The greatest number that every JavaScript counts exactly.
const EXACT: i128 = 1 << 53;
/// Digits after the point in the lake.
const DIGITS: u32 = 8;

/// What a page shows of markets.
pub(crate) struct Market {
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) left_out: u64,
}

/// One that is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: String,
    market: String,
    symbol: String,
}

impl Key {
    /// Which rows are its.
    fn condition(&self) -> String {
        let quoted = |text: &str| text.replace('\'', "''");
        format!(
            "source = '{}' AND market = '{}' AND symbol = '{}'",
            quoted(&self.source),
            quoted(&self.market),
            quoted(&self.symbol)
        )
    }
}

/// Those with the largest turnover of late, at most `most`.
pub(crate) async fn of(reader: &Reader, context: &Context, most: u32) -> anyhow::Result<Market> {
    let keys = chosen(reader).await?;
    let left_out = (keys.len() as u64).saturating_sub(most.into());
    let keys: Vec<Key> = keys.into_iter().take(most as usize).collect();
    let mut instruments = Vec::with_capacity(keys.len());
    for key in &keys {
        let made = instrument(reader, context.providers, key, &keys, &context.config.gold).await;
        instruments.push(made.with_context(|| key.symbol.clone())?);
    }
    Ok(Market { instruments, left_out })
}

async fn chosen(reader: &Reader) -> anyhow::Result<Vec<Key>> {
    let sql = format!(
        "WITH last AS (SELECT max(date) AS day FROM gold.daily) \
         SELECT source, market, symbol, sum(CASE WHEN CAST(last.day AS int) - CAST(date AS int) < {OF_LATE} \
         THEN turnover ELSE 0 END) AS of_late FROM gold.daily CROSS JOIN last \
         GROUP BY source, market, symbol ORDER BY of_late DESC NULLS LAST, source, market, symbol"
    );
    let Some(answer) = reader.ask(Table::Daily, &sql).await? else { return Ok(Vec::new()) };
    let (sources, markets) = (answer.words("source")?, answer.words("market")?);
    let all = sources.into_iter().zip(markets).zip(answer.words("symbol")?);
    Ok(all.map(|((source, market), symbol)| Key { source, market, symbol }).collect())
}

/// A name that a page has once in a market: the symbol, and where another source has it too, whose it is.
fn name(key: &Key, all: &[Key]) -> String {
    let is_other = |other: &&Key| {
        (&other.market, &other.symbol) == (&key.market, &key.symbol) && other.source != key.source
    };
    match all.iter().find(is_other) {
        Some(_) => format!("{}-{}", key.symbol, key.source),
        None => key.symbol.clone(),
    }
}

async fn instrument(
    reader: &Reader,
    providers: Providers,
    key: &Key,
    all: &[Key],
    gold: &Gold,
) -> anyhow::Result<Instrument> {
    let of = key.condition();
    let days =
        format!("SELECT date, close, volume, pct_change FROM gold.daily WHERE {of} ORDER BY date");
    let days = reader.ask(Table::Daily, &days).await?.context("no daily figures")?;
    let dates = days.days("date")?;
    let last = dates.last().copied().unwrap_or_default();
    let mut looks = Vec::new();
    for (timeframe, back) in SHOWN {
        let from = CalendarDay::of_epoch_days(last.saturating_sub(back).max(0)).context("a day")?;
        let sql = format!(
            "SELECT open_time, open, high, low, close, coalesce(volume, contract_volume) AS volume \
             FROM gold.bars WHERE {of} AND timeframe = '{timeframe}' AND month >= '{}' AND \
             open_time >= TIMESTAMP '{from} 00:00:00Z' ORDER BY open_time",
            from.month()
        );
        match reader.ask(Table::Bars, &sql).await? {
            Some(answer) if answer.rows() > 0 => looks.push((timeframe, from, answer)),
            _ => {}
        }
    }
    let mut prices = days.units("close")?;
    let mut volumes = days.units("volume")?;
    for (_, _, answer) in &looks {
        for column in ["open", "high", "low", "close"] {
            prices.extend(answer.units(column)?);
        }
        volumes.extend(answer.units("volume")?);
    }
    let months = months(&dates, &days.units("volume")?);
    volumes.extend(months.values().copied());
    let calendar = providers.calendar(key.source.parse()?, key.market.parse()?);
    let sessions = calendar != Calendar::Always;
    let digits = Digits { price: digits_of(&prices), volume: digits_that_count(&volumes) };
    let mut series = Vec::with_capacity(looks.len());
    for (timeframe, from, answer) in &looks {
        let bars = bars(answer, digits)?;
        let indicators = indicators(reader, &of, *timeframe, *from, &bars, gold).await?;
        let (timeframe, step) = (timeframe.to_string(), timeframe.micros());
        series.push(Series { timeframe, step, sessions, bars, indicators });
    }
    first_look_first(&mut series);
    let mut told = told(reader, &of).await?;
    if !series.is_empty() && days.units("volume")?.iter().all(|volume| *volume == 0) {
        // such a market counts in contracts, and its days state no volume
        "contracts".clone_into(&mut told.1);
    }
    let changes = days.doubles("pct_change")?;
    let (closes, of_days) = (days.units("close")?, days.units("volume")?);
    Ok(Instrument {
        symbol: name(key, all),
        market: key.market.clone(),
        quote: told.0,
        unit: told.1,
        digits: digits.price,
        volume_digits: digits.volume,
        days: (0..days.rows())
            .map(|row| {
                Ok(Day {
                    time: i64::from(dates[row]) * DAY_MICROS,
                    close: digits.price(closes[row])?,
                    change: changes[row],
                    volume: digits.volume(of_days[row])?,
                })
            })
            .collect::<anyhow::Result<_>>()?,
        months: months
            .into_iter()
            .map(|(time, volume)| Ok(Month { time, volume: digits.volume(volume)? }))
            .collect::<anyhow::Result<_>>()?,
        events: events(reader, &of, &series).await?,
        series,
    })
}

/// The longest timeframe that has bars enough to look at stands first, else the one with the most.
fn first_look_first(series: &mut [Series]) {
    series.sort_by_key(|of| std::cmp::Reverse(of.step));
    let most = series.iter().map(|of| of.bars.len()).max().unwrap_or_default();
    let first = series.iter().position(|of| of.bars.len() >= ENOUGH.min(most)).unwrap_or_default();
    if let Some(looked_at) = series.get_mut(..=first) {
        looked_at.rotate_right(1);
    }
}

/// What prices and volumes are in.
async fn told(reader: &Reader, of: &str) -> anyhow::Result<(String, String)> {
    let sql = format!(
        "SELECT quote, base, currency FROM silver.instruments WHERE {of} AND valid_to IS NULL"
    );
    let Some(answer) = reader.ask(Table::Instruments, &sql).await? else {
        return Ok((String::new(), String::new()));
    };
    let first = |name: &str| -> anyhow::Result<String> {
        Ok(answer.words(name)?.into_iter().next().unwrap_or_default())
    };
    let (quote, base, currency) = (first("quote")?, first("base")?, first("currency")?);
    let quote = if quote.is_empty() { currency } else { quote };
    Ok((quote, if base.is_empty() { "shares".to_owned() } else { base }))
}

/// How many digits after the point a page counts with.
#[derive(Debug, Clone, Copy)]
struct Digits {
    price: u32,
    volume: u32,
}

impl Digits {
    fn price(self, units: i128) -> anyhow::Result<i64> {
        let price = units / 10_i128.pow(DIGITS - self.price);
        i64::try_from(price).context("a price that no page can count")
    }

    fn volume(self, units: i128) -> anyhow::Result<i64> {
        let one = 10_i128.pow(DIGITS - self.volume);
        i64::try_from((units + one / 2) / one).context("a volume that no page can count")
    }
}

/// The digits after the point that any of the numbers has.
fn digits_of(units: &[i128]) -> u32 {
    let fits = |digits: &u32| units.iter().all(|n| n % 10_i128.pow(DIGITS - digits) == 0);
    (0..DIGITS).find(fits).unwrap_or(DIGITS)
}

/// So many of them that all of the numbers, rounded, are counted exactly.
fn digits_that_count(units: &[i128]) -> u32 {
    let most = units.iter().copied().max().unwrap_or_default();
    let fits = |digits: &u32| most / 10_i128.pow(DIGITS - digits) < EXACT / 2;
    (0..=digits_of(units)).rev().find(fits).unwrap_or(0)
}

fn months(dates: &[i32], volumes: &[i128]) -> BTreeMap<i64, i128> {
    let mut months: BTreeMap<i64, i128> = BTreeMap::new();
    for (date, volume) in dates.iter().zip(volumes) {
        if let Some(day) = CalendarDay::of_epoch_days(*date) {
            *months.entry(day.month().first().start_micros()).or_default() += volume;
        }
    }
    months
}

fn bars(answer: &Answer, digits: Digits) -> anyhow::Result<Vec<Bar>> {
    let times = answer.micros("open_time")?;
    let [open, high, low, close] = ["open", "high", "low", "close"].map(|name| answer.units(name));
    let (open, high, low, close) = (open?, high?, low?, close?);
    let volume = answer.units("volume")?;
    (0..answer.rows())
        .map(|row| {
            Ok(Bar {
                time: times[row].context("a bar without a time")?,
                open: digits.price(open[row])?,
                high: digits.price(high[row])?,
                low: digits.price(low[row])?,
                close: digits.price(close[row])?,
                volume: digits.volume(volume[row])?,
            })
        })
        .collect()
}

/// The indicators beside bars; none where gold makes none of the timeframe.
async fn indicators(
    reader: &Reader,
    of: &str,
    timeframe: Timeframe,
    from: CalendarDay,
    bars: &[Bar],
    gold: &Gold,
) -> anyhow::Result<Vec<Indicator>> {
    let periods = &gold.indicators;
    let [fast, slow, signal] = periods.macd;
    let bollinger = format!("Bollinger {}", periods.bollinger.period);
    let shown: [(&str, &str, String, IndicatorKind); 10] = [
        ("sma_short", "SMA", format!("SMA {}", periods.sma[0]), IndicatorKind::Line),
        ("sma_long", "SMA", format!("SMA {}", periods.sma[1]), IndicatorKind::Line),
        ("ema_short", "EMA", format!("EMA {}", periods.ema[0]), IndicatorKind::Line),
        ("ema_long", "EMA", format!("EMA {}", periods.ema[1]), IndicatorKind::Line),
        ("bollinger_upper", "Bollinger", format!("{bollinger} upper"), IndicatorKind::BandUpper),
        ("bollinger_lower", "Bollinger", format!("{bollinger} lower"), IndicatorKind::BandLower),
        ("rsi", "RSI", format!("RSI {}", periods.rsi), IndicatorKind::Rsi),
        ("macd", "MACD", format!("MACD {fast}-{slow}"), IndicatorKind::Macd),
        ("macd_signal", "MACD", format!("signal {signal}"), IndicatorKind::MacdSignal),
        ("macd_histogram", "MACD", "histogram".to_owned(), IndicatorKind::MacdHistogram),
    ];
    let columns: Vec<&str> = shown.iter().map(|(column, ..)| *column).collect();
    let sql = format!(
        "SELECT open_time, {} FROM gold.indicators WHERE {of} AND timeframe = '{timeframe}' AND \
         month >= '{}' ORDER BY open_time",
        columns.join(", "),
        from.month()
    );
    let Some(answer) = reader.ask(Table::Indicators, &sql).await? else { return Ok(Vec::new()) };
    let times: BTreeMap<i64, usize> = answer
        .micros("open_time")?
        .into_iter()
        .enumerate()
        .filter_map(|(row, time)| Some((time?, row)))
        .collect();
    let rows: Vec<Option<usize>> = bars.iter().map(|bar| times.get(&bar.time).copied()).collect();
    shown
        .into_iter()
        .map(|(column, group, label, kind)| {
            let of_rows = answer.doubles(column)?;
            let values = rows.iter().map(|row| row.and_then(|row| of_rows[row])).collect();
            Ok(Indicator { group: group.to_owned(), label, kind, values })
        })
        .collect()
}

/// Anomalies and signals of the bars that are shown, the oldest first.
async fn events(reader: &Reader, of: &str, series: &[Series]) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    let sql = format!(
        "SELECT open_time, timeframe, anomaly_type, severity, description FROM gold.anomalies WHERE {of} \
         ORDER BY open_time DESC, timeframe, anomaly_type LIMIT {EVENTS}"
    );
    if let Some(answer) = reader.ask(Table::Anomalies, &sql).await? {
        take(&mut events, &answer, "anomaly_type", "severity", |word| {
            EventKind::Anomaly(match word {
                "low" => Severity::Low,
                "high" => Severity::High,
                _ => Severity::Medium,
            })
        })?;
    }
    let sql = format!(
        "SELECT open_time, timeframe, signal_type, direction, description FROM gold.signals WHERE {of} \
         AND direction <> 'neutral' ORDER BY open_time DESC, timeframe, signal_type LIMIT {EVENTS}"
    );
    if let Some(answer) = reader.ask(Table::Signals, &sql).await? {
        take(&mut events, &answer, "signal_type", "direction", |word| {
            EventKind::Signal(if word == "bearish" { Direction::Down } else { Direction::Up })
        })?;
    }
    let shown: BTreeSet<(&str, i64)> = series
        .iter()
        .flat_map(|series| series.bars.iter().map(|bar| (series.timeframe.as_str(), bar.time)))
        .collect();
    events.retain(|event| shown.contains(&(event.timeframe.as_str(), event.time)));
    events.sort_by(|a, b| (a.time, &a.timeframe, &a.name).cmp(&(b.time, &b.timeframe, &b.name)));
    Ok(events)
}

fn take(
    events: &mut Vec<Event>,
    answer: &Answer,
    name: &str,
    word: &str,
    kind: fn(&str) -> EventKind,
) -> anyhow::Result<()> {
    let (times, timeframes) = (answer.micros("open_time")?, answer.words("timeframe")?);
    let (names, words) = (answer.words(name)?, answer.words(word)?);
    let texts = answer.words("description")?;
    for row in 0..answer.rows() {
        events.push(Event {
            time: times[row].unwrap_or_default(),
            timeframe: timeframes[row].clone(),
            kind: kind(&words[row]),
            name: names[row].replace('_', " "),
            text: texts[row].clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_their_digits_and_volumes_those_that_count() {
        let price = |units: &[i128], expect: u32| assert_eq!(digits_of(units), expect, "{units:?}");
        price(&[], 0);
        price(&[100_000_000, 250_000_000], 1);
        price(&[1_234_000_000, 1], 8);
        let volume = |units: &[i128], expect: u32| {
            assert_eq!(digits_that_count(units), expect, "{units:?}");
        };
        volume(&[150_000_000], 1);
        volume(&[123_456_789], 8);
        // 10^13 pieces of something that is worth little
        volume(&[1_000_000_000_000_012_345_678], 2);
        let digits = Digits { price: 2, volume: 2 };
        assert_eq!(digits.price(1_234_000_000).unwrap(), 1_234);
        assert_eq!(digits.volume(1_500_000).unwrap(), 2);
        assert_eq!(digits.volume(1_499_999).unwrap(), 1);
    }

    #[test]
    fn the_first_look_is_the_longest_timeframe_with_bars_enough() {
        let check = |counts: &[(i64, usize)], expect: &[i64]| {
            let of = |(step, bars): &(i64, usize)| Series {
                step: *step,
                bars: vec![Bar::default(); *bars],
                ..Series::default()
            };
            let mut series: Vec<Series> = counts.iter().map(of).collect();
            first_look_first(&mut series);
            assert_eq!(series.iter().map(|of| of.step).collect::<Vec<_>>(), expect, "{counts:?}");
        };
        check(&[], &[]);
        check(&[(1, 3)], &[1]);
        check(&[(1, 40_000), (60, 700), (1_440, 365)], &[1_440, 60, 1]);
        check(&[(1_440, 3), (60, 72), (1, 4_320)], &[60, 1_440, 1]);
        check(&[(1_440, 1), (60, 7), (1, 9)], &[1, 1_440, 60]);
    }

    #[test]
    fn names_are_told_apart() {
        let key = |source: &str, market: &str, symbol: &str| Key {
            source: source.to_owned(),
            market: market.to_owned(),
            symbol: symbol.to_owned(),
        };
        let all = [
            key("a", "spot", "BTCUSDT"),
            key("a", "usdm", "BTCUSDT"),
            key("a", "stocks", "AAPL"),
            key("b", "stocks", "AAPL"),
            key("a", "spot", "ETHUSDT"),
        ];
        let names: Vec<String> = all.iter().map(|key| name(key, &all)).collect();
        assert_eq!(names, ["BTCUSDT", "BTCUSDT", "AAPL-a", "AAPL-b", "ETHUSDT"]);
    }
}
