//! What stands beside the bars: funding rates, ratios of price and earnings, best bids and asks; each
//! with the time from which it was known.

/// Values in the order in which they became known. A value holds until the next one is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline<T> {
    /// When each became known, in microseconds since the epoch, and what it was; each time once.
    known: Vec<(i64, T)>,
}

// no bound on `T`: an empty timeline needs none
impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { known: Vec::new() }
    }
}

impl<T> Timeline<T> {
    /// Values with the times in microseconds since the epoch from which they were known, in any order. Of
    /// several at one time the last that is given holds.
    pub fn new(mut known: Vec<(i64, T)>) -> Self {
        known.reverse();
        known.sort_by_key(|(at, _)| *at);
        known.dedup_by_key(|(at, _)| *at);
        Self { known }
    }

    /// The value last known at a time, and since when; none before the first. What becomes known at that
    /// very moment is known.
    pub fn at(&self, time_us: i64) -> Option<(i64, &T)> {
        let after = self.known.partition_point(|(known, _)| *known <= time_us);
        self.known[..after].last().map(|(known, value)| (*known, value))
    }

    /// The value last known at a time, unless it was known for longer than `oldest_us` then.
    pub fn fresh(&self, time_us: i64, oldest_us: i64) -> Option<&T> {
        self.at(time_us).filter(|(known, _)| time_us - known <= oldest_us).map(|(_, value)| value)
    }

    /// The values last known at each of some times, which rise, each as of [`Timeline::at`].
    pub fn along(
        &self,
        times_us: impl Iterator<Item = i64>,
    ) -> impl Iterator<Item = Option<(i64, &T)>> {
        let mut after = 0;
        times_us.map(move |time_us| {
            while self.known.get(after).is_some_and(|(known, _)| *known <= time_us) {
                after += 1;
            }
            self.known[..after].last().map(|(known, value)| (*known, value))
        })
    }

    /// What of it was known at a time.
    #[must_use]
    pub fn until(&self, time_us: i64) -> Self
    where
        T: Clone,
    {
        let after = self.known.partition_point(|(known, _)| *known <= time_us);
        Self { known: self.known[..after].to_vec() }
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// What the best bids and asks were during one bar. Known when the bar has closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quotes {
    /// The sum of ask − bid by the sum of their middles, over the bar's valid quotes; a ratio, not a percentage. None
    /// of a bar without a valid quote.
    pub spread: Option<f64>,
    /// How many quotes of the bar had a bid above the ask.
    pub crossed: u64,
    /// How many quotes of the bar had a bid that equals the ask.
    pub locked: u64,
}

/// All that stands beside the bars of one instrument. Each part may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Funding rates of a perpetual contract, as ratios for one interval of funding; known when they are
    /// charged.
    pub funding: Timeline<f64>,
    /// Price by earnings of a company; none from when its source states none any more.
    pub price_earnings: Timeline<Option<f64>>,
    /// Best bids and asks, one summary a bar, known when that bar closed.
    pub quotes: Timeline<Quotes>,
}

impl Beside {
    /// What of it was known at a time in microseconds since the epoch.
    #[must_use]
    pub fn until(&self, time_us: i64) -> Self {
        Self {
            funding: self.funding.until(time_us),
            price_earnings: self.price_earnings.until(time_us),
            quotes: self.quotes.until(time_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_from_when_it_is_known_until_the_next() {
        let line = Timeline::new(vec![(20, "b"), (10, "a"), (20, "c"), (40, "d")]);
        let check = |time, expect| assert_eq!(line.at(time), expect, "{time}");
        check(9, None);
        check(10, Some((10, &"a")));
        check(19, Some((10, &"a")));
        check(20, Some((20, &"c")));
        check(39, Some((20, &"c")));
        check(i64::MAX, Some((40, &"d")));
        let times = [9, 9, 10, 19, 20, 39, 40, 41];
        let along: Vec<_> = line.along(times.into_iter()).collect();
        assert_eq!(along, times.map(|time| line.at(time)));
        assert_eq!(line.fresh(25, 5), Some(&"c"));
        assert_eq!(line.fresh(26, 5), None);
        assert_eq!(line.until(20), Timeline::new(vec![(10, "a"), (20, "c")]));
        assert!(line.until(9).is_empty());
        assert_eq!(Timeline::<i32>::default().at(0), None);
    }
}
