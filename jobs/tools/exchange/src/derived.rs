//! What futures have beside trades and bars: quotes, funding rates, open interest, and bars of prices
//! that nobody trades at. All of it follows from the trades, so that whoever has both can compare them
//! to the last digit. Spot has none of it.

use model::{Cadence, Dataset, Day, Symbol, Timeframe};

use crate::amount::ONE;
use crate::bars::Bar;
use crate::instrument::Instrument;
use crate::market::Market;
use crate::random::{of_number, of_words};
use crate::trades::{SampleMarket, Trade, UnknownSymbol};

/// Hours between funding rates.
const FUNDING_HOURS: i64 = 8;
/// An hour in µs.
const HOUR: i64 = 3_600_000_000;

/// The best bid and ask at a trade. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The id; rising, with gaps.
    pub id: u64,
    /// The trade's instant, µs since the epoch.
    pub time: i64,
    /// When it was sent, µs since the epoch.
    pub event_time: i64,
    /// The best bid, the trade's price where its taker sold.
    pub bid: i64,
    /// The quantity there.
    pub bid_quantity: i128,
    /// The best ask, the trade's price where its taker bought.
    pub ask: i64,
    /// The quantity there.
    pub ask_quantity: i128,
}

/// A funding rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funding {
    /// When it was worked out, µs since the epoch: a full hour, and some milliseconds.
    pub time: i64,
    /// Hours that it is for.
    pub hours: u64,
    /// The rate, in units of 1e-8; of either sign.
    pub rate: i64,
}

/// Open interest and ratios of five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    /// The five minutes as the host names them, µs since the epoch.
    pub time: i64,
    /// Open interest in units of 1e-8; COIN-M: contracts.
    pub interest: i128,
    /// Its value at the last price, in units of 1e-16; COIN-M: in the base asset.
    pub value: i128,
    /// The ratios in units of 1e-8, in the order of the columns. The last is volume bought to volume
    /// sold, and `None` where nothing was sold.
    pub ratios: [Option<i128>; 4],
}

/// Whether the host has archives of a dataset and a cadence at all.
pub(crate) const fn is_published(market: Market, dataset: Dataset, cadence: Cadence) -> bool {
    match dataset {
        Dataset::Trades | Dataset::AggTrades | Dataset::Klines => true,
        dataset if dataset.tells_now() => false,
        _ if matches!(market, Market::Spot) => false,
        Dataset::Funding => matches!(cadence, Cadence::Monthly),
        Dataset::Metrics => matches!(cadence, Cadence::Daily),
        _ => true,
    }
}

/// A price that nobody trades at, made of the last trade's.
const fn price(dataset: Dataset, last: i64, tick: i64) -> i64 {
    match dataset {
        // never a trade's own price: whoever takes one file for the other is found out
        Dataset::MarkKlines => last + 3,
        Dataset::IndexKlines => last - last / 1_000,
        // part of the index, of either sign
        _ => (last / tick % 401 - 200) * 1_000,
    }
}

impl SampleMarket {
    /// The quotes of a day, one at each trade.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn quotes(
        &self,
        market: Market,
        symbol: &Symbol,
        day: Day,
    ) -> Result<impl Iterator<Item = Quote>, UnknownSymbol> {
        Ok(self.quote_day(self.instrument(market, symbol)?, day))
    }

    /// The bars of the mark, index or premium of a day, as long as there are klines.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn price_klines(
        &self,
        market: Market,
        symbol: &Symbol,
        dataset: Dataset,
        timeframe: Timeframe,
        day: Day,
    ) -> Result<Vec<Bar>, UnknownSymbol> {
        Ok(self.price_bars(self.instrument(market, symbol)?, dataset, timeframe, day))
    }

    /// The funding rates of a day.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn funding(
        &self,
        market: Market,
        symbol: &Symbol,
        day: Day,
    ) -> Result<Vec<Funding>, UnknownSymbol> {
        Ok(self.funding_day(self.instrument(market, symbol)?, day))
    }

    /// The open interest of a day.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn metrics(
        &self,
        market: Market,
        symbol: &Symbol,
        day: Day,
    ) -> Result<Vec<Metrics>, UnknownSymbol> {
        Ok(self.metrics_day(self.instrument(market, symbol)?, day))
    }

    pub(crate) fn quote_day(
        &self,
        instrument: &Instrument,
        day: Day,
    ) -> impl Iterator<Item = Quote> + use<> {
        let tick = instrument.tick;
        let usual = i128::from(instrument.typical) * i128::from(instrument.step);
        self.day(instrument, day).map(move |trade: Trade| {
            // at the least price there is nothing below
            let sold = trade.buyer_maker || trade.price <= tick;
            let bid = if sold { trade.price } else { trade.price - tick };
            let (bid_quantity, ask_quantity) =
                if sold { (trade.quantity, usual) } else { (usual, trade.quantity) };
            Quote {
                id: 1_000 + trade.id * 3 + trade.id % 2,
                time: trade.time,
                event_time: trade.time + 5_000,
                bid,
                bid_quantity,
                ask: bid + tick,
                ask_quantity,
            }
        })
    }

    pub(crate) fn price_bars(
        &self,
        instrument: &Instrument,
        dataset: Dataset,
        timeframe: Timeframe,
        day: Day,
    ) -> Vec<Bar> {
        let of = |last: i64| price(dataset, last, instrument.tick);
        let bars = self.bars(instrument, timeframe, day).into_iter();
        bars.map(|bar| {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(of);
            Bar {
                open: prices[0],
                high: prices.into_iter().max().unwrap_or(prices[0]),
                low: prices.into_iter().min().unwrap_or(prices[0]),
                close: prices[3],
                volume: 0,
                quote_volume: 0,
                // of updates, one a second
                count: (timeframe.micros() / 1_000_000).unsigned_abs(),
                taker_buy_volume: 0,
                taker_buy_quote_volume: 0,
                ..bar
            }
        })
        .collect()
    }

    pub(crate) fn funding_day(&self, instrument: &Instrument, day: Day) -> Vec<Funding> {
        if day < instrument.listed || instrument.delisted.is_some_and(|last| last < day) {
            return Vec::new();
        }
        let series = of_words(
            self.seed(),
            &["funding", &instrument.market.to_string(), instrument.symbol.as_str()],
        );
        (0..24 / FUNDING_HOURS)
            .map(|n| {
                let draw = of_number(series, i64::from(day.epoch_days()) * 24 + n);
                Funding {
                    time: day.start_micros()
                        + n * FUNDING_HOURS * HOUR
                        + (draw % 12) as i64 * 1_000,
                    hours: FUNDING_HOURS.unsigned_abs(),
                    rate: ((draw >> 8) % 601) as i64 * 100 - 30_000,
                }
            })
            .collect()
    }

    pub(crate) fn metrics_day(&self, instrument: &Instrument, day: Day) -> Vec<Metrics> {
        /// The first day on which USD-M names five minutes by their start: 2026-06-25.
        const BY_START: i32 = 20_629;
        let by_start = instrument.market == Market::Coinm || day.epoch_days() >= BY_START;
        let step = Timeframe::M5.micros();
        let usual = i128::from(instrument.typical) * i128::from(instrument.step);
        let bars = self.bars(instrument, Timeframe::M5, day).into_iter();
        bars.map(|bar| {
            let n = (bar.open_time - day.start_micros()) / step;
            let interest = usual * 1_000 + i128::from(instrument.step) * i128::from(n);
            let (close, one) = (i128::from(bar.close), i128::from(ONE));
            let value = match instrument.market {
                Market::Coinm => interest * i128::from(instrument.contract) * one / close,
                _ => interest * close,
            };
            let sold = bar.volume - bar.taker_buy_volume;
            let ratio = |of: i64| Some(one + i128::from((n * of) % 99_999_999));
            Metrics {
                time: if by_start { bar.open_time } else { bar.open_time + step },
                interest,
                value,
                ratios: [
                    ratio(12_345_677),
                    ratio(7_654_321),
                    ratio(1_000_003),
                    (sold > 0).then(|| bar.taker_buy_volume * one / sold),
                ],
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use model::period::DAY_MICROS;

    use super::*;

    #[test]
    fn what_is_derived_follows_from_the_trades() {
        let specs = ["usdm:BTCUSDT,trades=500", "coinm:BTCUSD_PERP,trades=200"];
        let specs: Vec<_> = specs.iter().map(|s| s.parse().unwrap()).collect();
        let market = SampleMarket::new(1, &specs).unwrap();
        let day: Day = "2024-12-31".parse().unwrap();
        for instrument in market.instruments() {
            let trades: Vec<_> = market.day(instrument, day).collect();
            let quotes: Vec<_> = market.quote_day(instrument, day).collect();
            assert_eq!(quotes.len(), trades.len());
            assert!(quotes.windows(2).all(|pair| pair[0].id < pair[1].id));
            for (quote, trade) in quotes.iter().zip(&trades) {
                assert!(quote.bid < quote.ask && quote.bid > 0);
                assert!(quote.bid == trade.price || quote.ask == trade.price);
            }
            for dataset in [Dataset::MarkKlines, Dataset::IndexKlines, Dataset::PremiumKlines] {
                let bars = market.price_bars(instrument, dataset, Timeframe::H1, day);
                assert_eq!(bars.len(), market.bars(instrument, Timeframe::H1, day).len());
                assert!(bars.iter().all(|b| b.low <= b.open && b.close <= b.high && b.volume == 0));
                let is_negative = bars.iter().any(|b| b.low < 0);
                assert_eq!(is_negative, dataset == Dataset::PremiumKlines, "{dataset}");
            }
            let funding = market.funding_day(instrument, day);
            assert_eq!(funding.len(), 3);
            let late = |f: &Funding| (f.time - day.start_micros()) % (8 * HOUR);
            assert!(funding.iter().all(|f| late(f) < 12_000 && f.rate.abs() <= 30_000));
            let metrics = market.metrics_day(instrument, day);
            let last = metrics.last().unwrap();
            let ends_with = if instrument.market == Market::Usdm {
                DAY_MICROS
            } else {
                DAY_MICROS - 300_000_000
            };
            assert_eq!((metrics.len(), last.time), (288, day.start_micros() + ends_with));
            assert!(metrics.iter().all(|m| m.interest > 0 && m.value > 0));
        }
        assert!(!is_published(Market::Spot, Dataset::Quotes, Cadence::Daily));
        assert!(!is_published(Market::Usdm, Dataset::Funding, Cadence::Daily));
    }
}
