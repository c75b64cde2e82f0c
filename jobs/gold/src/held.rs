//! What silver holds of each day of a month, how whole that is, and by it the choice of what to
//! make bars from: the one place with that rule. No rows are read here.
//!
//! For each day and timeframe that which is **whole** goes first: trades, else aggregate trades,
//! else the shortest klines that divide the timeframe. Where nothing is whole, that which has the
//! greatest share of what it should have is taken, in the same order where shares are equal, and
//! the bars say so: `is_complete` is false.
//!
//! Trades and aggregate trades are whole where
//! * their ids are contiguous within the day, and no id is missing between it and its neighbours
//!   that belongs to it ([`model::whole`]); nor do they begin before those of the day before have
//!   ended, but for the one id that two trades around midnight are known to share,
//! * no row had to be left out for what it says (a row that the exchange itself voided leaves no
//!   hole),
//! * and the exchange's klines of the day do not count more trades and more volume.
//!
//! Klines are whole where each place of the day's grid has a valid one. A dated contract's last
//! day ends with the contract. Where a venue closes, the places are those of its hours, and one
//! without a kline may be a time without a trade: whether such a day has a hole, nobody can tell.

use std::collections::BTreeMap;

use model::period::DAY_MICROS;
use model::{Dataset, Day, Timeframe};
use source::calendar::Calendar;

/// Trades or aggregate trades of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events {
    /// Rows that bars are made from.
    pub present: u64,
    /// Ids missing, and rows left out for what they say.
    pub lacking: u64,
    /// Ids of the day that may be those of the day before, too: see [`model::whole::Edge`].
    pub overlap: u64,
    /// What the rows amount to; `None` before they are read.
    pub sums: Option<Sums>,
}

/// What a day amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Trades; `u64::MAX` where it is more.
    pub trades: u64,
    /// Volume in the base asset in units of 1e-8; `None` where it is not stated.
    pub volume: Option<i128>,
    /// The same in contracts.
    pub contracts: Option<i128>,
}

impl Sums {
    /// Adds what a bar or a day amounts to.
    pub fn add(&mut self, other: Self) {
        let sum = |a: Option<i128>, b: Option<i128>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.trades = self.trades.saturating_add(other.trades);
        self.volume = sum(self.volume, other.volume);
        self.contracts = sum(self.contracts, other.contracts);
    }

    /// Whether this is more: more trades, and of what both state more was traded. A trade that is
    /// missing is missing in both; aggregates that count their trades otherwise lack nothing.
    fn is_more_than(&self, other: &Self) -> bool {
        let traded = match (self.contracts, other.contracts) {
            (Some(a), Some(b)) => Some((a, b)),
            _ => self.volume.zip(other.volume),
        };
        self.trades > other.trades && traded.is_none_or(|(a, b)| a > b)
    }
}

/// Klines of one day and timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Klines {
    /// Valid klines.
    pub rows: u64,
    /// Places of the grid that have one, of those in which the venue is open.
    pub places: u64,
    /// How many there should be.
    pub expected: Expected,
    /// Klines that may have had a trade: all but those that say that they had none.
    pub traded: u64,
    /// Klines that stand only until the day's archive replaces them: such a day is not complete.
    pub provisional: u64,
    /// What they amount to; `None` where not all say how many trades they had.
    pub sums: Option<Sums>,
}

/// How many places of a day's grid should have a kline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// So many; what is missing is a hole.
    All(u64),
    /// So many at most: the venue closes, and its source has no bar of a time without a trade.
    AtMost(u64),
    /// Nobody can tell: the venue's calendar does not know the day.
    Unknown,
}

impl Default for Expected {
    fn default() -> Self {
        Self::All(0)
    }
}

impl Expected {
    /// Of a day and timeframe of an instrument that ends at `end` (µs since the epoch), on a market
    /// that is open by `calendar`.
    pub fn of(calendar: Calendar, end: Option<i64>, day: Day, timeframe: Timeframe) -> Self {
        let start = day.start_micros();
        let span = start..start + span(end, day);
        match calendar {
            // the last kline of an instrument that has ended is there, whatever it is of
            Calendar::Always => {
                let length = (span.end - span.start).max(1).unsigned_abs();
                Self::All(length.div_ceil(timeframe.micros().unsigned_abs()))
            }
            _ => calendar.expected(span, timeframe).map_or(Self::Unknown, Self::AtMost),
        }
    }
}

/// What silver holds of one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// Trades.
    pub trades: Events,
    /// Aggregate trades.
    pub agg_trades: Events,
    /// Klines, by timeframe.
    pub klines: BTreeMap<Timeframe, Klines>,
}

/// What to make the bars of one day and timeframe from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The day.
    pub day: Day,
    /// The timeframe wanted.
    pub timeframe: Timeframe,
    /// The timeframe of the base bars.
    pub base: Timeframe,
    /// What those were made from.
    pub made_from: Dataset,
    /// Whether that is whole on this day; `None` where nobody can tell.
    pub is_complete: Option<bool>,
}

/// Something that bars can be made from, and how much of it there is.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    made_from: Dataset,
    base: Timeframe,
    present: u64,
    expected: u64,
    /// Whether what is not there may never have been.
    is_doubtful: bool,
}

impl Candidate {
    /// Whether this is whole, as far as anybody can tell.
    fn is_complete(&self) -> Option<bool> {
        let is_whole = self.is_whole();
        (is_whole || !self.is_doubtful).then_some(is_whole)
    }

    const fn is_whole(&self) -> bool {
        self.present >= self.expected
    }

    /// Whether this has a greater share of what it should have.
    fn is_fuller(&self, other: &Self) -> bool {
        let (a, b) = (u128::from(self.present), u128::from(other.present));
        let left = a.min(u128::from(self.expected)) * u128::from(other.expected);
        left > b.min(u128::from(other.expected)) * u128::from(self.expected)
    }
}

/// How much of a day an instrument was traded that ends at `end` (µs since the epoch).
pub fn span(end: Option<i64>, day: Day) -> i64 {
    let left = |end: i64| end.saturating_sub(day.start_micros()).clamp(0, DAY_MICROS);
    end.map_or(DAY_MICROS, left)
}

impl Held {
    /// The trades or aggregate trades.
    pub const fn events(&self, dataset: Dataset) -> Option<&Events> {
        match dataset {
            Dataset::Trades => Some(&self.trades),
            Dataset::AggTrades => Some(&self.agg_trades),
            _ => None,
        }
    }

    /// What to make the bars of a timeframe from; `None` where there is nothing.
    pub fn choose(&self, day: Day, timeframe: Timeframe) -> Option<Choice> {
        let mut best: Option<Candidate> = None;
        for candidate in self.candidates(timeframe) {
            let is_better = best.as_ref().is_none_or(|best| {
                !best.is_whole() && (candidate.is_whole() || candidate.is_fuller(best))
            });
            if is_better {
                best = Some(candidate);
            }
        }
        best.map(|best| Choice {
            day,
            timeframe,
            base: best.base,
            made_from: best.made_from,
            is_complete: best.is_complete(),
        })
    }

    /// What there is to make a timeframe from, the preferred first.
    fn candidates(&self, timeframe: Timeframe) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for dataset in [Dataset::Trades, Dataset::AggTrades] {
            let Some(events) = self.events(dataset).filter(|events| events.present > 0) else {
                continue;
            };
            let present = events.sums.map_or(events.present, |sums| sums.trades);
            let should = present
                .saturating_add(events.lacking)
                .max(events.sums.map_or(0, |sums| self.counted_by_klines(&sums)))
                .saturating_add(events.overlap);
            let base = Timeframe::M1;
            candidates.push(Candidate {
                made_from: dataset,
                base,
                present,
                expected: should,
                is_doubtful: false,
            });
        }
        let mut fitting: Vec<(&Timeframe, &Klines)> = self
            .klines
            .iter()
            .filter(|(k, klines)| klines.traded > 0 && timeframe.micros() % k.micros() == 0)
            .collect();
        fitting.sort_by_key(|(k, _)| k.micros());
        for (base, klines) in fitting {
            let (base, present) = (*base, klines.places);
            // whatever is there, the archive may say more
            let to_come = u64::from(klines.provisional > 0);
            let (expected, is_doubtful) = match klines.expected {
                Expected::All(expected) if to_come > 0 => (expected.max(present) + to_come, false),
                Expected::All(expected) => (expected, false),
                // none within its hours: that is no time without a trade
                Expected::AtMost(expected) => (expected, present > 0),
                // the more there are, the likelier they are all
                Expected::Unknown => (present.saturating_add(1), true),
            };
            let made_from = Dataset::Klines;
            candidates.push(Candidate { made_from, base, present, expected, is_doubtful });
        }
        candidates
    }

    /// Trades that the exchange's klines count where they say that some of these are missing, else
    /// 0. Klines that lie upon each other are no witnesses, nor are those that do not count.
    fn counted_by_klines(&self, sums: &Sums) -> u64 {
        let single = self.klines.values().filter(|klines| klines.rows == klines.places);
        let counted = single.filter_map(|klines| klines.sums.as_ref());
        let more = counted.filter(|counted| counted.is_more_than(sums));
        more.map(|counted| counted.trades).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A volume of one for each trade.
    fn sums(trades: u64) -> Sums {
        Sums { trades, volume: Some(trades.into()), contracts: None }
    }

    fn events(present: u64, lacking: u64) -> Events {
        Events { present, lacking, overlap: 0, sums: Some(sums(present)) }
    }

    /// `1h:24:10` is 24 klines of an hour with 10 trades in all, `1h:24:10:p` the same before the day's
    /// archive is there.
    fn klines(text: &str) -> BTreeMap<Timeframe, Klines> {
        text.split_whitespace()
            .map(|word| {
                let parts: Vec<&str> = word.split(':').collect();
                let count = |at: usize| parts.get(at).map_or(1, |text| text.parse().unwrap());
                let timeframe: Timeframe = parts[0].parse().unwrap();
                let whole = (DAY_MICROS / timeframe.micros()).unsigned_abs();
                let places = if parts.len() > 1 { count(1) } else { whole };
                let traded = if parts.get(2) == Some(&"0") { 0 } else { places.max(1) };
                // `?` does not say how many trades there were
                let sums = (parts.get(2) != Some(&"?")).then(|| sums(count(2)));
                let expected = Expected::All(whole);
                let provisional = if parts.get(3) == Some(&"p") { places } else { 0 };
                (timeframe, Klines { rows: places, places, expected, traded, provisional, sums })
            })
            .collect()
    }

    fn check(trades: Events, agg_trades: Events, text: &str, expect: &str) {
        let held = Held { trades, agg_trades, klines: klines(text) };
        told(&held, expect);
    }

    fn told(held: &Held, expect: &str) {
        let day: Day = "2024-01-01".parse().unwrap();
        let choices = Timeframe::GOLD.iter().filter_map(|t| held.choose(day, *t));
        let found: Vec<String> = choices
            .map(|c| {
                let from = match c.made_from {
                    Dataset::Trades => "t".to_owned(),
                    Dataset::AggTrades => "a".to_owned(),
                    _ => c.base.to_string(),
                };
                let mark =
                    c.is_complete.map_or("?", |is_complete| if is_complete { "" } else { "!" });
                format!("{}<{from}{mark}", c.timeframe)
            })
            .collect();
        assert_eq!(found.join(" "), expect);
    }

    #[test]
    fn what_is_whole_goes_first() {
        let none = Events::default();
        let all =
            |of: &str| ["1m", "5m", "15m", "1h", "4h", "1d"].map(|t| format!("{t}<{of}")).join(" ");
        check(none, none, "", "");
        check(events(5, 0), events(3, 0), "1m:1440:5", &all("t"));
        check(events(5, 1), events(3, 0), "1m:1440:3", &all("a"));
        check(events(5, 1), events(3, 1), "1m:1440:5", &all("1m"));
        // nothing is whole: the greatest share, and the order where shares are equal
        check(events(5, 1), events(3, 1), "", &all("t!"));
        check(events(5, 5), events(9, 1), "", &all("a!"));
        check(events(5, 5), none, "1m:1400:5", &all("1m!"));
        check(events(1, 1), events(2, 2), "1m:720:2", &all("t!"));
        // klines count more trades than there are: some are missing, whatever the ids say
        check(events(5, 0), none, "1m:1440:6", &all("1m"));
        check(events(5, 0), none, "1h:23:6", "1m<t! 5m<t! 15m<t! 1h<1h! 4h<1h! 1d<1h!");
        check(events(5, 0), none, "1d:1:5", &all("t"));
        // overlapping ids, with nothing else to go by
        check(Events { overlap: 2, ..events(5, 0) }, none, "", &all("t!"));
        // each timeframe by itself: a whole day of 1d klines makes no hours
        check(none, events(2, 9), "1d:1:11", "1m<a! 5m<a! 15m<a! 1h<a! 4h<a! 1d<1d");
        check(none, none, "1m:1439:9 1h:24:9", "1m<1m! 5m<1m! 15m<1m! 1h<1h 4h<1h 1d<1h");
        // no valid row: no base
        check(events(0, 3), none, "1d:1:3", "1d<1d");
        check(none, none, "1d:1:0", "");
        // unknown until the rows are read: the ids are believed
        let unread = Events { sums: None, ..events(5, 0) };
        check(none, unread, "1m:1440:60", &all("a"));
    }

    #[test]
    fn a_trade_that_is_missing_is_missing_in_the_volume_too() {
        let all = |trades, volume, contracts| Sums { trades, volume, contracts };
        let check = |klines: Sums, found: Sums, expect: bool| {
            assert_eq!(klines.is_more_than(&found), expect, "{klines:?} {found:?}");
        };
        check(all(10, Some(7), None), all(4, Some(7), None), false);
        check(all(10, Some(8), None), all(4, Some(7), None), true);
        check(all(4, Some(8), None), all(4, Some(7), None), false);
        // contracts go first: aggregates of COIN-M state nothing else
        check(all(10, Some(8), Some(3)), all(4, None, Some(3)), false);
        check(all(10, Some(8), Some(4)), all(4, None, Some(3)), true);
        check(all(10, None, None), all(4, Some(7), None), true);
    }

    #[test]
    fn a_day_whose_archive_is_not_there_is_not_complete() {
        let none = Events::default();
        check(none, none, "1h:24:9:p", "1h<1h! 4h<1h! 1d<1h!");
        check(none, none, "1h:12:9:p", "1h<1h! 4h<1h! 1d<1h!");
        // an archive of other bars goes first
        check(none, none, "1h:24:9:p 4h:6:9", "1h<1h! 4h<4h 1d<4h");
        check(events(5, 0), none, "1m:1440:5:p", "1m<t 5m<t 15m<t 1h<t 4h<t 1d<t");
    }

    #[test]
    fn klines_make_what_they_divide() {
        let check = |text: &str, expect: &str| {
            check(Events::default(), Events::default(), text, expect);
        };
        check("1s", "1m<1s 5m<1s 15m<1s 1h<1s 4h<1s 1d<1s");
        check("1m 1h 1d", "1m<1m 5m<1m 15m<1m 1h<1m 4h<1m 1d<1m");
        check("1h 1d", "1h<1h 4h<1h 1d<1h");
        check("3m 5m", "5m<5m 15m<3m 1h<3m 4h<3m 1d<3m");
        check("6h", "1d<6h");
    }

    #[test]
    fn klines_upon_each_other_are_no_witnesses() {
        let sums = Some(sums(90));
        let twice = Klines { rows: 25, places: 24, traded: 25, sums, ..Klines::default() };
        let klines = [(Timeframe::H1, twice)].into();
        let held = Held { trades: events(5, 0), klines, ..Held::default() };
        told(&held, "1m<t 5m<t 15m<t 1h<t 4h<t 1d<t");
    }

    #[test]
    fn klines_that_do_not_count_make_bars_and_are_no_witnesses() {
        let none = Events::default();
        check(none, none, "1h:24:?", "1h<1h 4h<1h 1d<1h");
        check(none, none, "1h:23:?", "1h<1h! 4h<1h! 1d<1h!");
        check(events(5, 0), none, "1h:24:?", "1m<t 5m<t 15m<t 1h<t 4h<t 1d<t");
    }

    #[test]
    fn a_dated_contract_ends_in_the_morning() {
        let end = "2021-06-25".parse::<Day>().unwrap().start_micros() + DAY_MICROS / 3;
        let hours = |day: &str| span(Some(end), day.parse().unwrap()) / 3_600_000_000;
        assert_eq!((hours("2021-06-24"), hours("2021-06-25"), hours("2021-06-26")), (24, 8, 0));
        let of = |calendar, end, day: &str, text: &str| {
            let mut klines = klines(text);
            for (timeframe, klines) in &mut klines {
                klines.expected = Expected::of(calendar, end, day.parse().unwrap(), *timeframe);
            }
            Held { klines, ..Held::default() }
        };
        let last = |text: &str| of(Calendar::Always, Some(end), "2021-06-25", text);
        told(&last("1h:8:5"), "1h<1h 4h<1h 1d<1h");
        told(&last("1h:7:5"), "1h<1h! 4h<1h! 1d<1h!");
        told(&last("1d:1:5"), "1d<1d");
        // a venue that closes: of times within its hours without a kline nobody can tell
        let shares = |day: &str, text: &str| of(Calendar::Nyse, None, day, text);
        told(&shares("2024-01-12", "1h:7:5"), "1h<1h 4h<1h 1d<1h");
        told(&shares("2024-01-12", "1h:6:5"), "1h<1h? 4h<1h? 1d<1h?");
        told(&shares("2024-01-12", "1m:380:5 1d:1:5"), "1m<1m? 5m<1m? 15m<1m? 1h<1m? 4h<1m? 1d<1d");
        // none within its hours, a day on which it is closed, one that the calendar does not know
        told(&shares("2024-01-12", "1h:0:5"), "1h<1h! 4h<1h! 1d<1h!");
        told(&shares("2024-01-13", "1h:0:5"), "1h<1h 4h<1h 1d<1h");
        told(&shares("1950-01-12", "1h:7:5 1d:1:5"), "1h<1h? 4h<1h? 1d<1h?");
    }
}
