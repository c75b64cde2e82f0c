//! Tests of the market: what every day must be, whatever the seed.

use std::collections::BTreeMap;

use model::period::DAY_MICROS;
use model::{Day, Symbol, Timeframe};

use crate::amount::ONE;
use crate::bars::Bar;
use crate::instrument::SymbolSpec;
use crate::market::Market;
use crate::trades::{SampleMarket, Trade};

fn market() -> SampleMarket {
    let mut specs = SymbolSpec::defaults();
    specs.push("spot:THINUSDT,trades=9,listed=2024-12-30".parse().unwrap());
    SampleMarket::new(7, &specs).unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

#[test]
fn a_day_joins_the_day_before_it() {
    let market = market();
    for instrument in market.instruments() {
        let of = |d: &str| market.day(instrument, day(d)).collect::<Vec<Trade>>();
        let (first, second) = (of("2024-12-30"), of("2024-12-31"));
        assert_eq!(first.last().unwrap().id + 1, second[0].id, "{}", instrument.symbol);
        let aggregates: Vec<_> = market.agg_day(instrument, day("2024-12-30")).collect();
        let next = market.agg_day(instrument, day("2024-12-31")).next().unwrap();
        assert_eq!(aggregates.last().unwrap().id + 1, next.id);
        let close = market.close_before(instrument, day("2024-12-31")).unwrap();
        assert_eq!(close, first.last().unwrap().price);
        assert_eq!(of("2024-12-30"), first, "a day is the same each time");
    }
}

#[test]
fn trades_are_in_order_and_exact() {
    let market = market();
    for instrument in market.instruments() {
        for date in ["2024-12-31", "2025-01-01"] {
            let trades: Vec<Trade> = market.day(instrument, day(date)).collect();
            let span = day(date).start_micros()..day(date).start_micros() + DAY_MICROS;
            for pair in trades.windows(2) {
                assert_eq!(pair[0].id + 1, pair[1].id);
                assert!(pair[0].time <= pair[1].time);
            }
            for t in &trades {
                assert!(span.contains(&t.time), "{t:?}");
                assert!(t.price > 0 && t.price % instrument.tick == 0, "{t:?}");
                assert!(t.quantity > 0 && t.quantity % i128::from(instrument.step) == 0);
                if instrument.market != Market::Coinm {
                    let exact = i128::from(t.price) * t.quantity;
                    assert_eq!(t.quote * i128::from(ONE), exact, "{t:?}");
                }
                let micros = instrument.market == Market::Spot && date >= "2025";
                assert!(micros || t.time % 1_000 == 0, "{t:?}");
            }
            let largest = i128::from(instrument.largest) * i128::from(instrument.step);
            assert!(trades.iter().any(|t| t.quantity == largest), "{}", instrument.symbol);
        }
    }
}

#[test]
fn trades_cluster() {
    let market = market();
    let trades: Vec<Trade> =
        market.trades(Market::Spot, &symbol("BTCUSDT"), day("2025-01-02")).unwrap().collect();
    let together = trades.windows(2).filter(|p| p[0].time == p[1].time).count();
    assert!(together * 3 > trades.len(), "{together} of {} share an instant", trades.len());
    let bars =
        market.klines(Market::Spot, &symbol("BTCUSDT"), Timeframe::M1, day("2025-01-02")).unwrap();
    let quiet = bars.iter().filter(|b| b.count == 0).count();
    assert!((50..400).contains(&quiet), "{quiet} quiet minutes");
    let same_milli = trades
        .windows(2)
        .filter(|p| p[0].time != p[1].time && p[0].time / 1_000 == p[1].time / 1_000)
        .count();
    assert!(same_milli > 0, "microseconds tell trades of one millisecond apart");
}

#[test]
fn aggregates_are_maximal_runs() {
    let market = market();
    for instrument in market.instruments() {
        let trades: Vec<Trade> = market.day(instrument, day("2025-01-01")).collect();
        let mut at = 0;
        let mut last = None;
        let mut number = 0;
        for a in market.agg_day(instrument, day("2025-01-01")) {
            let part = &trades[at..=at + (a.last_trade - a.first_trade) as usize];
            assert_eq!(part[0].id, a.first_trade);
            assert_eq!(part.iter().map(|t| t.quantity).sum::<i128>(), a.quantity);
            let key = (a.price, a.time, a.buyer_maker);
            assert!(part.iter().all(|t| (t.price, t.time, t.buyer_maker) == key));
            assert_ne!(last, Some(key), "two neighbours are one");
            last = Some(key);
            at += part.len();
            number += 1;
        }
        assert_eq!(at, trades.len());
        assert_eq!(number, market.day(instrument, day("2025-01-01")).count_aggregates());
    }
}

/// Bars made the slow way: all trades from the listing on, grouped in a map, holes filled.
fn naive(
    market: &SampleMarket,
    name: (Market, &str),
    timeframe: Timeframe,
    days: [&str; 2],
) -> Vec<Bar> {
    let mut groups: BTreeMap<i64, Vec<Trade>> = BTreeMap::new();
    let length = timeframe.micros();
    for d in day(days[0]).to(day(days[1])) {
        for t in market.trades(name.0, &symbol(name.1), d).unwrap() {
            groups.entry(t.time / length * length).or_default().push(t);
        }
    }
    let grain =
        |at: i64| if name.0 == Market::Spot && at >= 1_735_689_600_000_000 { 1 } else { 1_000 };
    let first = *groups.keys().next().unwrap();
    let mut close = 0;
    let mut bars = Vec::new();
    for open_time in (first..day(days[1]).next().start_micros()).step_by(length as usize) {
        let trades = groups.get(&open_time).map_or(&[][..], Vec::as_slice);
        let sum = |f: &dyn Fn(&Trade) -> i128| trades.iter().map(f).sum::<i128>();
        let open = trades.first().map_or(close, |t| t.price);
        close = trades.last().map_or(close, |t| t.price);
        bars.push(Bar {
            open_time,
            open,
            high: trades.iter().map(|t| t.price).max().unwrap_or(close),
            low: trades.iter().map(|t| t.price).min().unwrap_or(close),
            close,
            volume: sum(&|t| t.quantity),
            close_time: open_time + length - grain(open_time),
            quote_volume: sum(&|t| t.quote),
            count: trades.len() as u64,
            taker_buy_volume: sum(&|t| if t.buyer_maker { 0 } else { t.quantity }),
            taker_buy_quote_volume: sum(&|t| if t.buyer_maker { 0 } else { t.quote }),
        });
    }
    bars
}

#[test]
fn bars_follow_from_trades() {
    let market = market();
    let check = |name: (Market, &str), timeframe, days: [&str; 2]| {
        let mut got: Vec<Bar> = Vec::new();
        for d in day(days[0]).to(day(days[1])) {
            got.extend(market.klines(name.0, &symbol(name.1), timeframe, d).unwrap());
        }
        let mut expect = naive(&market, name, timeframe, days);
        if name.1 != "THINUSDT" {
            // the listing is years back: the bars before the first trade are flat, not absent
            let missing = got.len() - expect.len();
            assert!(got[..missing].iter().all(|b| b.count == 0 && b.open == b.close));
            expect.splice(..0, got[..missing].iter().copied());
        }
        assert_eq!(got, expect, "{name:?} {timeframe}");
    };
    let days = ["2024-12-30", "2025-01-02"];
    for timeframe in [Timeframe::M1, Timeframe::M5, Timeframe::H1, Timeframe::H4, Timeframe::D1] {
        check((Market::Spot, "THINUSDT"), timeframe, days);
        check((Market::Spot, "PEPEUSDT"), timeframe, days);
        check((Market::Usdm, "BTCUSDT"), timeframe, days);
        check((Market::Coinm, "BTCUSD_PERP"), timeframe, days);
    }
    check((Market::Spot, "THINUSDT"), Timeframe::S1, days);
}

#[test]
fn a_thin_symbol_has_flat_bars_and_none_before_its_listing() {
    let market = market();
    let thin = symbol("THINUSDT");
    let bars = |d| market.klines(Market::Spot, &thin, Timeframe::H1, day(d)).unwrap();
    assert!(bars("2024-12-29").is_empty());
    assert!(bars("2024-12-30").len() <= 24 && !bars("2024-12-30").is_empty());
    assert_eq!(bars("2024-12-31").len(), 24);
    let flat: Vec<Bar> = bars("2024-12-31").into_iter().filter(|b| b.count == 0).collect();
    assert!(!flat.is_empty());
    assert!(flat.iter().all(|b| b.volume == 0 && b.open == b.close && b.high == b.low));
}

#[test]
fn after_a_delisting_bars_are_flat_and_trades_absent() {
    let market = market().with_delisting(day("2024-12-31"));
    let btc = symbol("BTCUSDT");
    assert!(market.trades(Market::Spot, &btc, day("2024-12-31")).unwrap().count_trades() > 0);
    for d in ["2025-01-01", "2025-01-09"] {
        assert_eq!(market.trades(Market::Spot, &btc, day(d)).unwrap().count(), 0);
        let bars = market.klines(Market::Spot, &btc, Timeframe::H1, day(d)).unwrap();
        let last = market.trades(Market::Spot, &btc, day("2024-12-31")).unwrap().last().unwrap();
        assert_eq!(bars.len(), 24);
        assert!(bars.iter().all(|b| b.count == 0 && b.volume == 0 && b.close == last.price));
    }
}

const HOUR: i64 = 3_600_000_000;

#[test]
fn an_outage_leaves_no_trade_and_no_bar() {
    let btc = symbol("BTCUSDT");
    let check = |date: &str, from: i64, to: i64, bars_1h: usize| {
        let start = day(date).start_micros();
        let market = market().with_outage(start + from, start + to);
        let trades: Vec<Trade> = market.trades(Market::Spot, &btc, day(date)).unwrap().collect();
        let plain = self::market().trades(Market::Spot, &btc, day(date)).unwrap();
        if from > 0 || to < DAY_MICROS {
            assert_eq!(trades.len() as u64, plain.count_trades(), "ids stay contiguous");
            assert_eq!(trades[0].id, plain.clone().next().unwrap().id);
        }
        assert!(trades.iter().all(|t| !(start + from..start + to).contains(&t.time)));
        let bars = market.klines(Market::Spot, &btc, Timeframe::H1, day(date)).unwrap();
        assert_eq!(bars.len(), bars_1h, "{date} {from} {to}");
    };
    check("2024-12-31", 2 * HOUR, 5 * HOUR, 21);
    check("2025-01-01", 2 * HOUR + 1, 5 * HOUR - 1, 21);
    check("2025-01-01", HOUR / 2, 9 * HOUR + 1_694_789_000, 16);
    check("2025-01-01", 0, DAY_MICROS, 0);
    check("2025-01-01", 0, DAY_MICROS - 1_000, 1);
}

#[test]
fn a_revision_changes_some_quantities_and_nothing_else() {
    let (plain, revised) = (market(), market().with_revision(2));
    for instrument in plain.instruments() {
        let old: Vec<Trade> = plain.day(instrument, day("2025-01-01")).collect();
        let new: Vec<Trade> = revised.day(instrument, day("2025-01-01")).collect();
        let changed = old.iter().zip(&new).filter(|(a, b)| a != b).count();
        assert!(changed >= 1 && changed <= old.len() / 40 + 2, "{changed}");
        assert!(
            old.iter().zip(&new).all(|(a, b)| (a.id, a.price, a.time) == (b.id, b.price, b.time))
        );
    }
}

#[test]
fn seeds_and_symbols_differ() {
    let other = SampleMarket::new(8, &SymbolSpec::defaults()).unwrap();
    let btc = symbol("BTCUSDT");
    let first =
        |m: &SampleMarket, market| m.trades(market, &btc, day("2025-01-01")).unwrap().nth(3);
    assert_ne!(first(&market(), Market::Spot), first(&other, Market::Spot));
    assert_ne!(first(&other, Market::Usdm), first(&other, Market::Spot));
    assert!(market().trades(Market::Spot, &symbol("NOUSDT"), day("2025-01-01")).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever a symbol is called and however it trades: ids count on, quotes are exact, and
    /// the day's bar is the sum of its trades.
    #[test]
    fn any_symbol_makes_sound_days(
        name in "[A-Z0-9]{2,12}",
        quote in proptest::sample::select(vec!["USDT", "BTC", "TRY", ""]),
        trades in 1_u64..400,
        seed in proptest::num::u64::ANY,
        n in 17_400_i32..21_000,
    ) {
        let day = Day::of_epoch_days(n).unwrap();
        let mut spec = SymbolSpec::new(Market::Spot, symbol(&format!("{name}{quote}")));
        spec.trades = Some(trades);
        let market = SampleMarket::new(seed, std::slice::from_ref(&spec)).unwrap();
        let all: Vec<Trade> = market.trades(Market::Spot, &spec.symbol, day).unwrap().collect();
        let next = market.trades(Market::Spot, &spec.symbol, day.next()).unwrap().next().unwrap();
        proptest::prop_assert_eq!(all.last().unwrap().id + 1, next.id);
        for t in &all {
            proptest::prop_assert_eq!(t.quote * i128::from(ONE), i128::from(t.price) * t.quantity);
        }
        let bars = market.klines(Market::Spot, &spec.symbol, Timeframe::D1, day).unwrap();
        proptest::prop_assert_eq!(bars.len(), 1);
        proptest::prop_assert_eq!(bars[0].count, all.len() as u64);
        proptest::prop_assert_eq!(bars[0].volume, all.iter().map(|t| t.quantity).sum::<i128>());
        proptest::prop_assert_eq!(bars[0].quote_volume, all.iter().map(|t| t.quote).sum::<i128>());
        proptest::prop_assert_eq!(bars[0].high, all.iter().map(|t| t.price).max().unwrap());
    }
}
