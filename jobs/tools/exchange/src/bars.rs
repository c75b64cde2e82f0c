//! What follows from trades: aggregate trades and bars. Nothing is drawn here, everything is
//! summed, so bars equal their trades to the last digit.

use model::period::DAY_MICROS;
use model::{Day, Symbol, Timeframe};

use crate::instrument::Instrument;
use crate::market::Market;
use crate::trades::{SampleMarket, Trade, Trades, UnknownSymbol, in_micros};

/// Consecutive trades of one price, one side and one instant. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggTrade {
    /// The id; contiguous for a symbol, from 0 on its first day.
    pub id: u64,
    /// The price.
    pub price: i64,
    /// The sum of the quantities; COIN-M: contracts.
    pub quantity: i128,
    /// The first trade's id.
    pub first_trade: u64,
    /// The last trade's id.
    pub last_trade: u64,
    /// The instant, µs since the epoch.
    pub time: i64,
    /// Whether the buyer was the maker.
    pub buyer_maker: bool,
}

/// A bar. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// The first instant, µs since the epoch.
    pub open_time: i64,
    /// The first price.
    pub open: i64,
    /// The highest price.
    pub high: i64,
    /// The lowest price.
    pub low: i64,
    /// The last price.
    pub close: i64,
    /// The sum of the quantities; COIN-M: contracts.
    pub volume: i128,
    /// The last instant, µs since the epoch: `…999` ms, or `…999999` where archives have µs.
    pub close_time: i64,
    /// The sum of price × quantity; COIN-M: of the base quantities.
    pub quote_volume: i128,
    /// The number of trades.
    pub count: u64,
    /// The part of `volume` whose taker bought.
    pub taker_buy_volume: i128,
    /// The part of `quote_volume` whose taker bought.
    pub taker_buy_quote_volume: i128,
}

/// The aggregate trades of one symbol on one day.
#[derive(Debug, Clone)]
pub struct AggTrades {
    trades: std::iter::Peekable<Trades>,
    next_id: u64,
}

impl AggTrades {
    fn new(trades: Trades) -> Self {
        let next_id = trades.first_aggregate();
        Self { trades: trades.peekable(), next_id }
    }
}

impl Iterator for AggTrades {
    type Item = AggTrade;

    fn next(&mut self) -> Option<AggTrade> {
        let first = self.trades.next()?;
        let mut aggregate = AggTrade {
            id: self.next_id,
            price: first.price,
            quantity: first.quantity,
            first_trade: first.id,
            last_trade: first.id,
            time: first.time,
            buyer_maker: first.buyer_maker,
        };
        let same = |t: &Trade| {
            (t.price, t.time, t.buyer_maker) == (first.price, first.time, first.buyer_maker)
        };
        while let Some(trade) = self.trades.next_if(same) {
            aggregate.quantity += trade.quantity;
            aggregate.last_trade = trade.id;
        }
        self.next_id += 1;
        Some(aggregate)
    }
}

impl SampleMarket {
    /// The aggregate trades of a day.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn agg_trades(
        &self,
        market: Market,
        symbol: &Symbol,
        day: Day,
    ) -> Result<AggTrades, UnknownSymbol> {
        Ok(AggTrades::new(self.trades(market, symbol, day)?))
    }

    /// The bars of a day: one for each interval from the symbol's first trade on, flat and
    /// empty where nothing was traded, none where an outage covers the interval whole.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn klines(
        &self,
        market: Market,
        symbol: &Symbol,
        timeframe: Timeframe,
        day: Day,
    ) -> Result<Vec<Bar>, UnknownSymbol> {
        Ok(self.bars(self.instrument(market, symbol)?, timeframe, day))
    }

    pub(crate) fn agg_day(&self, instrument: &Instrument, day: Day) -> AggTrades {
        AggTrades::new(self.day(instrument, day))
    }

    pub(crate) fn bars(&self, instrument: &Instrument, timeframe: Timeframe, day: Day) -> Vec<Bar> {
        let start = day.start_micros();
        let length = timeframe.micros();
        let grain = if in_micros(instrument.market, day) { 1 } else { 1_000 };
        let mut bars = Vec::with_capacity((DAY_MICROS / length) as usize);
        let mut close = self.close_before(instrument, day);
        let mut trades = self.day(instrument, day).peekable();
        for open_time in (start..start + DAY_MICROS).step_by(length as usize) {
            let end = open_time + length;
            let mut bar: Option<Bar> = None;
            while let Some(trade) = trades.next_if(|t| t.time < end) {
                bar.get_or_insert_with(|| flat(open_time, end - grain, trade.price)).add(&trade);
            }
            if bar.is_none() && !self.is_closed(open_time, end) {
                bar = close.map(|price| flat(open_time, end - grain, price));
            }
            close = bar.map(|b| b.close).or(close);
            bars.extend(bar);
        }
        bars
    }

    /// Whether outages cover the span whole.
    fn is_closed(&self, from: i64, to: i64) -> bool {
        let mut at = from;
        while at < to {
            match self.outages().iter().find(|(a, b)| *a <= at && at < *b) {
                Some((_, end)) => at = *end,
                None => return false,
            }
        }
        true
    }
}

/// A bar without trades.
pub(crate) const fn flat(open_time: i64, close_time: i64, price: i64) -> Bar {
    Bar {
        open_time,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 0,
        close_time,
        quote_volume: 0,
        count: 0,
        taker_buy_volume: 0,
        taker_buy_quote_volume: 0,
    }
}

impl Bar {
    pub(crate) fn add(&mut self, trade: &Trade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += trade.quantity;
        self.quote_volume += trade.quote;
        self.count += 1;
        if !trade.buyer_maker {
            self.taker_buy_volume += trade.quantity;
            self.taker_buy_quote_volume += trade.quote;
        }
    }
}
