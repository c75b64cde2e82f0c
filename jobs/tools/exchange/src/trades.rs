//! The sample market: its trades, made one day at a time. A day is a pure function of (seed,
//! market, symbol, day), so any day can be made without the days before it; ids still count on
//! and prices still join, because both follow from numbers that are cheap to compute.
//! Bars and aggregate trades are derived from these in `bars`; nothing here knows of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::period::DAY_MICROS;
use model::{Day, Symbol};

use crate::amount::ONE;
use crate::instrument::{BadSymbolSpec, Instrument, SymbolSpec, base};
use crate::market::Market;
use crate::random::{Random, of_number, of_words};

/// One trade. Amounts are in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The id; contiguous for a symbol, from 0 on its first day.
    pub id: u64,
    /// The instant, µs since the epoch; whole milliseconds where the archive has milliseconds.
    pub time: i64,
    /// The price.
    pub price: i64,
    /// The quantity; COIN-M: contracts.
    pub quantity: i128,
    /// Price × quantity, exact; COIN-M: the base quantity, rounded half up.
    pub quote: i128,
    /// Whether the buyer was the maker, that is, whether the taker sold.
    pub buyer_maker: bool,
}

/// A symbol that the sample exchange does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no symbol {symbol} on {market}")]
pub struct UnknownSymbol {
    /// The kind of market.
    pub market: Market,
    /// The symbol.
    pub symbol: Symbol,
}

/// What made a market differ from the undisturbed one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Twist {
    /// Spans without trades, µs since the epoch.
    pub(crate) outages: Vec<(i64, i64)>,
    /// The number of times that history was corrected.
    pub(crate) revision: u32,
    /// The last day of trading of every symbol.
    pub(crate) delisted: Option<Day>,
}

/// The deterministic market.
#[derive(Debug, Clone)]
pub struct SampleMarket {
    seed: u64,
    instruments: Arc<BTreeMap<(Market, Symbol), Instrument>>,
    twist: Arc<Twist>,
}

impl SampleMarket {
    /// The market of a seed.
    ///
    /// # Errors
    /// [`BadSymbolSpec`] when a symbol cannot be served as asked, or is named twice.
    pub fn new(seed: u64, symbols: &[SymbolSpec]) -> Result<Self, BadSymbolSpec> {
        let mut instruments = BTreeMap::new();
        for spec in symbols {
            let key = (spec.market, spec.symbol.clone());
            if instruments.insert(key, Instrument::new(spec)?).is_some() {
                return Err(BadSymbolSpec {
                    symbol: spec.symbol.to_string(),
                    field: "name",
                    found: format!("{}:{}", spec.market, spec.symbol),
                    expected: "each symbol once a market",
                });
            }
        }
        Ok(Self { seed, instruments: Arc::new(instruments), twist: Arc::default() })
    }

    /// All instruments, by market and symbol.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.values()
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The same market with no trades in `from..to` (µs since the epoch): the day's trades
    /// happen in the rest of the day.
    #[must_use]
    pub fn with_outage(&self, from: i64, to: i64) -> Self {
        let mut twist = (*self.twist).clone();
        twist.outages.push(whole_millis(from, to));
        self.twisted(twist)
    }

    /// The same market after `revision` corrections of its history: the quantity of every
    /// fiftieth trade is larger by `revision` steps, and all that follows from it.
    #[must_use]
    pub fn with_revision(&self, revision: u32) -> Self {
        self.twisted(Twist { revision, ..(*self.twist).clone() })
    }

    /// The same market with every symbol's last day of trading on `day` at the latest.
    #[must_use]
    pub fn with_delisting(&self, day: Day) -> Self {
        self.twisted(Twist { delisted: Some(day), ..(*self.twist).clone() })
    }

    pub(crate) fn twisted(&self, twist: Twist) -> Self {
        Self { twist: Arc::new(twist), ..self.clone() }
    }

    pub(crate) fn outages(&self) -> &[(i64, i64)] {
        &self.twist.outages
    }

    /// One instrument.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn instrument(
        &self,
        market: Market,
        symbol: &Symbol,
    ) -> Result<&Instrument, UnknownSymbol> {
        self.instruments
            .get(&(market, symbol.clone()))
            .ok_or_else(|| UnknownSymbol { market, symbol: symbol.clone() })
    }

    /// The trades of a day in the order of their ids; none before the listing and after the
    /// delisting.
    ///
    /// # Errors
    /// [`UnknownSymbol`] when the market does not have it.
    pub fn trades(
        &self,
        market: Market,
        symbol: &Symbol,
        day: Day,
    ) -> Result<Trades, UnknownSymbol> {
        Ok(self.day(self.instrument(market, symbol)?, day))
    }

    pub(crate) fn day(&self, instrument: &Instrument, day: Day) -> Trades {
        let series = self.series(instrument);
        let (trades, aggregates) = self.counts(series, instrument, day);
        let before = instrument.listed.to(day).filter(|d| *d < day);
        let (first_id, first_aggregate) = before.fold((0, 0), |(ids, aggs), d| {
            let (t, a) = self.counts(series, instrument, d);
            (ids + t, aggs + a)
        });
        let seed = of_number(series, i64::from(day.epoch_days()));
        let micros = in_micros(instrument.market, day);
        let mut random = Random::new(seed);
        let minutes = self.minutes(seed, day, micros, aggregates);
        let open = self.anchor(instrument, day);
        let mut swings = [0; 25];
        for swing in &mut swings[1..24] {
            *swing = random.around((open / 100).max(1));
        }
        Trades {
            price_unit: instrument.tick,
            quantity_unit: i128::from(instrument.step),
            quote_unit: i128::from(instrument.tick) * i128::from(instrument.step) / i128::from(ONE),
            contract: (instrument.market == Market::Coinm).then_some(instrument.contract),
            typical: instrument.typical,
            largest: instrument.largest,
            largest_at: first_id + random.below(trades),
            revision: u64::from(self.twist.revision),
            first_id,
            first_aggregate,
            next_id: first_id,
            total: trades,
            aggregates,
            left: trades,
            aggregates_left: aggregates,
            open,
            close: self.anchor(instrument, day.next()),
            swings,
            stride: (open / 20_000).max(1),
            minutes,
            times: Vec::new(),
            time_at: 0,
            micros,
            random,
            current: Current { price: open, ..Current::default() },
        }
    }

    /// What everything about one series is drawn from.
    fn series(&self, instrument: &Instrument) -> u64 {
        of_words(self.seed, &[instrument.market.as_str(), instrument.symbol.as_str()])
    }

    /// The trades and the aggregate trades of a day.
    fn counts(&self, series: u64, instrument: &Instrument, day: Day) -> (u64, u64) {
        let last = [instrument.delisted, self.twist.delisted].into_iter().flatten().min();
        if day < instrument.listed || last.is_some_and(|last| day > last) || self.is_out(day) {
            return (0, 0);
        }
        let mut random = Random::new(of_number(series ^ 1, day.epoch_days().into()));
        let trades = (instrument.trades * 3 / 4 + random.below(instrument.trades / 2 + 1)).max(1);
        let aggregates = (trades * (45 + random.below(31)) / 100).max(1);
        (trades, aggregates)
    }

    /// Whether an outage covers the whole day.
    fn is_out(&self, day: Day) -> bool {
        let (start, end) = (day.start_micros(), day.start_micros() + DAY_MICROS);
        // outages may join, so the spans are walked rather than looked at one by one
        let mut at = start;
        while at < end {
            match self.twist.outages.iter().find(|(from, to)| *from <= at && at < *to) {
                Some((_, to)) => at = *to,
                None => return false,
            }
        }
        true
    }

    /// The price, in ticks, at which a day opens and the day before closes.
    fn anchor(&self, instrument: &Instrument, day: Day) -> i64 {
        const MILLION: i64 = 1_000_000;
        // spot and futures of one coin go together
        let series = of_words(self.seed, &["price", base(instrument.symbol.as_str())]);
        let day = i64::from(day.epoch_days());
        let swing: i64 = [(256, 250_000), (64, 120_000), (16, 60_000), (4, 30_000), (1, 15_000)]
            .into_iter()
            .map(|(period, reach)| {
                let knot =
                    |n: i64| Random::new(of_number(series ^ period as u64, n)).around(MILLION);
                let (n, part) = (day.div_euclid(period), day.rem_euclid(period));
                let level = (knot(n) * (period - part) + knot(n + 1) * part) / period;
                level * reach / MILLION
            })
            .sum();
        let ticks = i128::from(instrument.price / instrument.tick);
        (ticks * i128::from(MILLION + swing) / i128::from(MILLION)).max(1) as i64
    }

    /// The price of the last trade before a day; `None` when there was none.
    pub(crate) fn close_before(&self, instrument: &Instrument, day: Day) -> Option<i64> {
        let series = self.series(instrument);
        let mut before = day;
        while before > instrument.listed {
            before = before.minus(1);
            if self.counts(series, instrument, before).0 > 0 {
                return Some(self.anchor(instrument, before.next()) * instrument.tick);
            }
        }
        None
    }

    /// What outages leave of a span: its longest piece.
    fn free(&self, from: i64, to: i64) -> (i64, i64) {
        let mut pieces = vec![(from, to)];
        for (out, back) in &self.twist.outages {
            pieces = pieces
                .into_iter()
                .flat_map(|(a, b)| [(a, b.min(*out)), (a.max(*back), b)])
                .filter(|(a, b)| a < b)
                .collect();
        }
        pieces.into_iter().max_by_key(|(a, b)| b - a).unwrap_or((from, from))
    }

    /// The minutes of a day that have trades, with how many aggregate trades each has. Some
    /// minutes are quiet, some are busy, and an outage leaves nothing.
    fn minutes(&self, seed: u64, day: Day, micros: bool, aggregates: u64) -> Vec<Minute> {
        const LENGTH: i64 = 60_000_000;
        let grain = if micros { 1 } else { 1_000 };
        let mut random = Random::new(seed ^ 3);
        let spans: Vec<(i64, i64, u64)> = (0..1_440)
            .map(|minute| {
                let start = day.start_micros() + minute * LENGTH;
                let weight = match random.below(100) {
                    0..12 => 0,
                    12..90 => 20 + random.below(80),
                    _ => 100 + random.below(900),
                };
                let (from, to) = self.free(start, start + LENGTH);
                // whole grains only: a trade must not be rounded into the outage
                let (from, to) = ((from + grain - 1) / grain * grain, to / grain * grain);
                (from, to, if to > from { weight } else { 0 })
            })
            .collect();
        let quiet = spans.iter().all(|s| s.2 == 0);
        let weight = |span: &(i64, i64, u64)| if quiet && span.1 > span.0 { 1 } else { span.2 };
        let total: u128 = spans.iter().map(|s| u128::from(weight(s))).sum();
        let mut minutes = Vec::new();
        let (mut sum, mut done) = (0_u128, 0);
        for span in &spans {
            sum += u128::from(weight(span));
            let until = (u128::from(aggregates) * sum).checked_div(total).unwrap_or(0) as u64;
            if until > done {
                minutes.push(Minute { from: span.0, to: span.1, aggregates: until - done });
                done = until;
            }
        }
        minutes.reverse();
        minutes
    }
}

/// Whether a day's archives carry microseconds: spot does from 2025-01-01 on.
pub(crate) fn in_micros(market: Market, day: Day) -> bool {
    const FIRST: i32 = 20_089; // 2025-01-01
    market == Market::Spot && day.epoch_days() >= FIRST
}

/// A span widened to whole milliseconds, so that what it leaves of a day can hold a trade.
pub(crate) const fn whole_millis(from: i64, to: i64) -> (i64, i64) {
    (from.div_euclid(1_000) * 1_000, (to + 999).div_euclid(1_000) * 1_000)
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    from: i64,
    to: i64,
    aggregates: u64,
}

/// The aggregate trade that is being dealt out.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    time: i64,
    price: i64,
    buyer_maker: bool,
    left: u64,
}

/// The trades of one symbol on one day, in the order of their ids.
#[derive(Debug, Clone)]
pub struct Trades {
    price_unit: i64,
    quantity_unit: i128,
    quote_unit: i128,
    contract: Option<i64>,
    typical: u64,
    largest: u64,
    largest_at: u64,
    revision: u64,
    first_id: u64,
    first_aggregate: u64,
    next_id: u64,
    total: u64,
    aggregates: u64,
    left: u64,
    aggregates_left: u64,
    open: i64,
    close: i64,
    swings: [i64; 25],
    stride: i64,
    /// Last first, so that the next one is popped.
    minutes: Vec<Minute>,
    times: Vec<i64>,
    time_at: usize,
    micros: bool,
    random: Random,
    current: Current,
}

impl Trades {
    /// How many trades the day has.
    pub const fn count_trades(&self) -> u64 {
        self.total
    }

    /// How many aggregate trades the day has.
    pub const fn count_aggregates(&self) -> u64 {
        self.aggregates
    }

    /// The id of the day's first aggregate trade.
    pub(crate) const fn first_aggregate(&self) -> u64 {
        self.first_aggregate
    }

    /// Draws the instants of the next minute that has trades. Four of ten gaps are nothing:
    /// an order that takes several prices trades them all in one instant.
    fn next_minute(&mut self) {
        let Some(minute) = self.minutes.pop() else { return };
        self.times.clear();
        self.time_at = 0;
        let mut sum = 0_u64;
        for _ in 0..minute.aggregates {
            let draw = self.random.next();
            if draw % 10 >= 4 {
                // gaps of every magnitude, so that microseconds tell some instants apart
                sum += ((128 + (draw >> 56)) << ((draw >> 32) & 15)) >> 7;
            }
            self.times.push(sum as i64);
        }
        let total = i128::from(sum + 1 + self.random.below(10_000));
        let grain = if self.micros { 1 } else { 1_000 };
        let length = i128::from((minute.to - minute.from) / grain);
        for time in &mut self.times {
            *time = minute.from + (i128::from(*time) * length / total) as i64 * grain;
        }
    }

    fn next_aggregate(&mut self) {
        if self.time_at == self.times.len() {
            self.next_minute();
        }
        let time = self.times[self.time_at];
        self.time_at += 1;
        let last = self.current;
        let done = self.aggregates - self.aggregates_left;
        let same = done > 0 && time == last.time;
        let draw = self.random.next();
        let (mut price, mut buyer_maker) = if same {
            // the same taker goes on to the next price
            (last.price + if last.buyer_maker { -1 } else { 1 }, last.buyer_maker)
        } else {
            let position =
                |n: i64| (i128::from(done) * i128::from(n) / i128::from(self.aggregates)) as i64;
            let drift = position(self.close - self.open);
            let hour = position(24) as usize;
            let part = position(24 * 64) % 64;
            let swing = (self.swings[hour] * (64 - part) + self.swings[hour + 1] * part) / 64;
            let target = self.open + drift + swing;
            let step = self.random.around(self.stride) + (target - last.price) / 32;
            (last.price + step, draw & 1 == 1)
        };
        price = price.max(1);
        if self.aggregates_left == 1 {
            price = self.close;
        }
        if same && price == last.price && buyer_maker == last.buyer_maker {
            // else the two would be one aggregate trade
            buyer_maker = !buyer_maker;
        }
        let spare = self.left - self.aggregates_left;
        let more = if self.aggregates_left == 1 {
            spare
        } else if draw & 2 == 0 {
            0
        } else {
            self.random.below(4 * spare / self.aggregates_left + 2).min(spare)
        };
        self.aggregates_left -= 1;
        self.current = Current { time, price, buyer_maker, left: 1 + more };
    }

    /// A quantity in steps: mostly about the usual one, one in sixteen up to sixteen times it.
    fn quantity(&mut self, id: u64) -> u64 {
        let draw = self.random.next();
        if id == self.largest_at {
            return self.largest;
        }
        let usual = ((u128::from(self.typical) * u128::from(draw >> 48)) >> 15) as u64;
        let steps = if draw.is_multiple_of(16) { usual << (1 + ((draw >> 4) & 3)) } else { usual };
        steps.clamp(1, self.largest)
    }
}

impl Iterator for Trades {
    type Item = Trade;

    fn next(&mut self) -> Option<Trade> {
        if self.left == 0 {
            return None;
        }
        if self.current.left == 0 {
            self.next_aggregate();
        }
        let id = self.next_id;
        let mut steps = self.quantity(id);
        if self.revision > 0 && (id.is_multiple_of(50) || id == self.first_id) {
            steps += self.revision;
        }
        self.current.left -= 1;
        self.next_id += 1;
        self.left -= 1;
        let price = self.current.price * self.price_unit;
        let quantity = i128::from(steps) * self.quantity_unit;
        let quote = match self.contract {
            None => i128::from(self.current.price) * i128::from(steps) * self.quote_unit,
            Some(value) => {
                let price = i128::from(price);
                (2 * quantity * i128::from(value) + price) / (2 * price)
            }
        };
        Some(Trade {
            id,
            time: self.current.time,
            price,
            quantity,
            quote,
            buyer_maker: self.current.buyer_maker,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Trades {}
