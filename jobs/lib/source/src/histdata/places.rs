//! The place of a tick among those of its millisecond. Ticks have no number, and several may share a
//! millisecond: their instant and their place are what tells them apart, and the order of their lines is
//! kept. A tick that says what the one before it in the same millisecond says has that one's place: it is
//! the same tick again, and no change.
//!
//! Places are counted anew where the instants go back by more than lines are out of order: a stretch that
//! was copied gives its ticks the places that they had, so that none of them is taken for another.

use std::collections::BTreeMap;

use super::line::Tick;

/// Lines may be out of order by so much, in µs. All instants of so long are remembered: a
/// minute has 60,000 of them.
const SLIP: i64 = 60_000_000;

/// Places that a millisecond has. As many µs are in it: so instant and place together are one number.
/// Ticks beyond them share the last place.
const PLACES: i64 = 1_000;

/// The places of a file's ticks, line by line.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By instant, the place of its last tick and what that says.
    last: BTreeMap<i64, (i64, [i64; 2])>,
}

impl Places {
    /// The key of the next tick, whose instant is `micros`, a whole millisecond: instant and place.
    pub(super) fn key(&mut self, micros: i64, tick: &Tick) -> i64 {
        let says = [tick.bid, tick.ask];
        if let Some((place, said)) = self.last.get_mut(&micros) {
            if *said != says {
                *place = (*place + 1).min(PLACES - 1);
                *said = says;
            }
            return micros + *place;
        }
        if self.last.last_key_value().is_some_and(|(newest, _)| micros < newest - SLIP) {
            self.last.clear();
        }
        self.last.insert(micros, (0, says));
        while self.last.first_entry().is_some_and(|first| *first.key() < micros - SLIP) {
            self.last.pop_first();
        }
        micros
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histdata::line::Stamp;

    /// Ticks as (ms, bid); their keys as (ms, place).
    fn check(ticks: &[(i64, i64)], expect: &[(i64, i64)]) -> usize {
        let mut places = Places::default();
        let keys = ticks.iter().map(|(ms, bid)| {
            let stamp = Stamp::from_micros(0);
            let key = places.key(ms * 1000, &Tick { stamp, bid: *bid, ask: 9, volume: 0 });
            (key.div_euclid(1000), key.rem_euclid(1000))
        });
        assert_eq!(keys.collect::<Vec<_>>(), expect, "{ticks:?}");
        places.last.len()
    }

    #[test]
    fn ticks_of_a_millisecond_have_places_and_the_same_again_has_none_of_its_own() {
        check(&[(1, 5), (2, 5), (2, 5), (2, 6)], &[(1, 0), (2, 0), (2, 0), (2, 1)]);
        // there and back are three changes
        check(&[(1, 5), (1, 6), (1, 5)], &[(1, 0), (1, 1), (1, 2)]);
        check(&[(-1, 5), (-1, 6)], &[(-1, 0), (-1, 1)]);
        // lines out of order count on
        check(&[(5, 1), (2, 1), (5, 2), (5, 2)], &[(5, 0), (2, 0), (5, 1), (5, 1)]);
    }

    #[test]
    fn a_copy_has_the_places_of_its_original() {
        let hour = 3_600_000;
        let first = [(0, 5), (0, 6), (0, 5), (hour - 1, 7), (hour - 1, 8)];
        let keys = [(0, 0), (0, 1), (0, 2), (hour - 1, 0), (hour - 1, 1)];
        check(&[first, first].concat(), &[keys, keys].concat());
    }

    #[test]
    fn what_is_remembered_and_how_many_places_there_are_is_bounded() {
        let many: Vec<(i64, i64)> = (0..200_000).map(|ms| (ms, 1)).collect();
        let keys: Vec<(i64, i64)> = many.iter().map(|(ms, _)| (*ms, 0)).collect();
        assert_eq!(check(&many, &keys), 60_001);
        let same: Vec<(i64, i64)> = (0..1_002).map(|n| (7, n)).collect();
        let keys: Vec<(i64, i64)> = (0..1_002).map(|n| (7, n.min(999))).collect();
        assert_eq!(check(&same, &keys), 1);
    }
}
