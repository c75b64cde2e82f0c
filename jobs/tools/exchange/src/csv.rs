//! How the host writes rows: columns, headers, booleans, time units and decimals of each
//! market and dataset. Nothing here knows of zips or HTTP.

use std::io;

use chrono::DateTime;
use model::{Dataset, Period};

use crate::amount::{self, push_fixed, push_int};
use crate::bars::{AggTrade, Bar};
use crate::derived::{Funding, Metrics, Quote};
use crate::instrument::Instrument;
use crate::market::Market;
use crate::name::ArchiveName;
use crate::random::of_words;
use crate::trades::{SampleMarket, Trade, UnknownSymbol, in_micros};

/// Rows are handed on in pieces of about this many bytes.
const PIECE: usize = 256 * 1024;

/// The header of a dataset, where there is one.
pub(crate) const fn header(market: Market, dataset: Dataset) -> &'static str {
    match (dataset, market) {
        (Dataset::Trades, Market::Spot) => {
            "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match"
        }
        (Dataset::Trades, Market::Usdm) => "id,price,qty,quote_qty,time,is_buyer_maker",
        (Dataset::Trades, Market::Coinm) => "id,price,qty,base_qty,time,is_buyer_maker",
        (Dataset::AggTrades, Market::Spot) => {
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
             is_buyer_maker,is_best_match"
        }
        (Dataset::AggTrades, _) => {
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
        }
        (Dataset::Funding, _) => "calc_time,funding_interval_hours,last_funding_rate",
        (Dataset::Quotes, _) => {
            "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,\
             transaction_time,event_time"
        }
        (Dataset::Metrics, _) => {
            "create_time,symbol,sum_open_interest,sum_open_interest_value,\
             count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,\
             count_long_short_ratio,sum_taker_long_short_vol_ratio"
        }
        (
            Dataset::Klines | Dataset::MarkKlines | Dataset::IndexKlines | Dataset::PremiumKlines,
            _,
        ) => {
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
             taker_buy_volume,taker_buy_quote_volume,ignore"
        }
        // the host has no archives of it
        _ => "",
    }
}

/// Whether the host's file of this name starts with a header. Spot: never. USD-M: trades and
/// aggregate trades since 2022-08-10, monthly klines since 2022-05; daily klines of May 2022
/// are known without one, so those follow the trades. COIN-M is mixed: its name decides.
pub fn has_header(name: &ArchiveName) -> bool {
    const AUGUST_10: i32 = 19_214;
    const MAY_1: i32 = 19_113;
    let last = name.period.last().epoch_days();
    match (name.market, name.dataset, name.period) {
        (Market::Spot, ..) => false,
        (_, Dataset::Funding | Dataset::Metrics, _) => true,
        (Market::Usdm, dataset, Period::Month(_)) if dataset.has_timeframe() => last >= MAY_1,
        (Market::Usdm, ..) => last >= AUGUST_10,
        (Market::Coinm, ..) => of_words(0, &["header", &name.stem()]).is_multiple_of(2),
    }
}

/// The decimals and the words with which rows of one series are written.
#[derive(Debug, Clone, Copy)]
struct Habit {
    spot: bool,
    price: u8,
    bar_price: u8,
    quantity: u8,
    quote: u8,
    bar_quote: u8,
}

impl Habit {
    fn of(instrument: &Instrument) -> Self {
        let (price, quantity) = (instrument.price_decimals(), instrument.quantity_decimals());
        match instrument.market {
            Market::Spot => {
                Self { spot: true, price: 8, bar_price: 8, quantity: 8, quote: 8, bar_quote: 8 }
            }
            Market::Usdm => {
                // bars show prices with two decimals where the tick has fewer
                let bar_price = price.max(2);
                Self {
                    spot: false,
                    price,
                    bar_price,
                    quantity,
                    quote: (price + quantity).min(8),
                    bar_quote: (bar_price + quantity).min(8),
                }
            }
            Market::Coinm => {
                Self { spot: false, price, bar_price: price, quantity, quote: 8, bar_quote: 8 }
            }
        }
    }

    fn flag(self, out: &mut Vec<u8>, value: bool) {
        out.extend_from_slice(match (self.spot, value) {
            (true, true) => b"True",
            (true, false) => b"False",
            (false, true) => b"true",
            (false, false) => b"false",
        });
    }

    fn tail(self, out: &mut Vec<u8>, buyer_maker: bool) {
        self.flag(out, buyer_maker);
        // every trade of the spot archives is a best match
        out.extend_from_slice(if self.spot { b",True\n" } else { b"\n" });
    }

    fn trade(self, out: &mut Vec<u8>, t: &Trade, unit: u64) {
        push_int(out, t.id);
        out.push(b',');
        push_fixed(out, t.price.into(), self.price);
        out.push(b',');
        push_fixed(out, t.quantity, self.quantity);
        out.push(b',');
        push_fixed(out, t.quote, self.quote);
        out.push(b',');
        push_int(out, t.time as u64 / unit);
        out.push(b',');
        self.tail(out, t.buyer_maker);
    }

    fn aggregate(self, out: &mut Vec<u8>, t: &AggTrade, unit: u64) {
        push_int(out, t.id);
        out.push(b',');
        push_fixed(out, t.price.into(), self.price);
        out.push(b',');
        push_fixed(out, t.quantity, self.quantity);
        for number in [t.first_trade, t.last_trade, t.time as u64 / unit] {
            out.push(b',');
            push_int(out, number);
        }
        out.push(b',');
        self.tail(out, t.buyer_maker);
    }

    fn bar(self, out: &mut Vec<u8>, bar: &Bar, unit: u64) {
        push_int(out, bar.open_time as u64 / unit);
        for price in [bar.open, bar.high, bar.low, bar.close] {
            out.push(b',');
            push_fixed(out, price.into(), self.bar_price);
        }
        out.push(b',');
        push_fixed(out, bar.volume, self.quantity);
        out.push(b',');
        push_int(out, bar.close_time as u64 / unit);
        out.push(b',');
        push_fixed(out, bar.quote_volume, self.bar_quote);
        out.push(b',');
        push_int(out, bar.count);
        out.push(b',');
        push_fixed(out, bar.taker_buy_volume, self.quantity);
        out.push(b',');
        push_fixed(out, bar.taker_buy_quote_volume, self.bar_quote);
        out.extend_from_slice(b",0\n");
    }
}

/// An amount of either sign in units of 1e-8, with all eight decimals.
fn signed(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}", amount::text(units.abs()))
}

/// All eight decimals, whatever tick and step.
fn quote_line(out: &mut Vec<u8>, quote: &Quote, unit: u64) {
    push_int(out, quote.id);
    for amount in [quote.bid.into(), quote.bid_quantity, quote.ask.into(), quote.ask_quantity] {
        out.push(b',');
        push_fixed(out, amount, 8);
    }
    for time in [quote.time, quote.event_time] {
        out.push(b',');
        push_int(out, time as u64 / unit);
    }
    out.push(b'\n');
}

fn funding_line(funding: &Funding, unit: u64) -> String {
    let Funding { time, hours, rate } = *funding;
    format!("{},{hours},{}\n", time as u64 / unit, signed(rate.into()))
}

/// Times as text, sixteen decimals, and a blank where there is no figure.
fn metrics_line(metrics: &Metrics, symbol: &str) -> String {
    const FINE: i128 = 10_i128.pow(16);
    let time = DateTime::from_timestamp_micros(metrics.time).unwrap_or_default();
    let value = format!("{}.{:016}", metrics.value / FINE, metrics.value % FINE);
    let ratios = metrics.ratios.map(|ratio| ratio.map_or("\"\"".to_owned(), amount::text));
    format!(
        "{},{symbol},{}00000000,{value},{}\n",
        time.format("%Y-%m-%d %H:%M:%S"),
        amount::text(metrics.interest),
        ratios.join(",")
    )
}

/// Writes the rows of an archive, without a header, to `sink` in pieces of whole lines.
pub(crate) fn rows(
    market: &SampleMarket,
    name: &ArchiveName,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<io::Result<()>, UnknownSymbol> {
    let instrument = market.instrument(name.market, &name.symbol)?;
    Ok(write_rows(market, instrument, name, sink))
}

fn write_rows(
    market: &SampleMarket,
    instrument: &Instrument,
    name: &ArchiveName,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let habit = Habit::of(instrument);
    let mut out = Vec::with_capacity(PIECE + 1_024);
    for day in name.period.first().to(name.period.last()) {
        let unit = if in_micros(name.market, day) { 1 } else { 1_000 };
        let mut flush = |out: &mut Vec<u8>| {
            if out.len() < PIECE {
                return Ok(());
            }
            let done = sink(out);
            out.clear();
            done
        };
        match (name.dataset, name.timeframe) {
            (Dataset::Trades, _) => {
                for trade in market.day(instrument, day) {
                    habit.trade(&mut out, &trade, unit);
                    flush(&mut out)?;
                }
            }
            (Dataset::AggTrades, _) => {
                for aggregate in market.agg_day(instrument, day) {
                    habit.aggregate(&mut out, &aggregate, unit);
                    flush(&mut out)?;
                }
            }
            (Dataset::Quotes, _) => {
                for quote in market.quote_day(instrument, day) {
                    quote_line(&mut out, &quote, unit);
                    flush(&mut out)?;
                }
            }
            (Dataset::Funding, _) => {
                for funding in market.funding_day(instrument, day) {
                    out.extend_from_slice(funding_line(&funding, unit).as_bytes());
                }
            }
            (Dataset::Metrics, _) => {
                for metrics in market.metrics_day(instrument, day) {
                    let line = metrics_line(&metrics, name.symbol.as_str());
                    out.extend_from_slice(line.as_bytes());
                }
            }
            (Dataset::MarkKlines | Dataset::IndexKlines | Dataset::PremiumKlines, timeframe) => {
                // all eight decimals, whatever the tick
                let fine = Habit { bar_price: 8, quantity: 0, bar_quote: 0, ..habit };
                let bars = |t| market.price_bars(instrument, name.dataset, t, day);
                for bar in timeframe.into_iter().flat_map(bars) {
                    fine.bar(&mut out, &bar, unit);
                    flush(&mut out)?;
                }
            }
            (Dataset::Klines, timeframe) => {
                for bar in timeframe.into_iter().flat_map(|t| market.bars(instrument, t, day)) {
                    habit.bar(&mut out, &bar, unit);
                    flush(&mut out)?;
                }
            }
            // the host has no archives of it
            _ => {}
        }
    }
    if out.is_empty() { Ok(()) } else { sink(&out) }
}

impl SampleMarket {
    /// The CSV of an archive as the host has it, header included where the host has one.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have the symbol.
    pub fn csv(&self, name: &ArchiveName) -> Result<Vec<u8>, UnknownSymbol> {
        let mut csv = Vec::new();
        if has_header(name) {
            csv.extend_from_slice(header(name.market, name.dataset).as_bytes());
            csv.push(b'\n');
        }
        let written = rows(self, name, &mut |piece| {
            csv.extend_from_slice(piece);
            Ok(())
        })?;
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        Ok(csv)
    }
}
