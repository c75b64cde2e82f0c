//! The only source of chance: numbers that follow from a seed and names, the same everywhere.
//! No clock, no operating system, no state shared between days.

/// Stirs a number until no bit tells its neighbours.
pub(crate) const fn stir(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number made of `seed` and `words`; the order of the words counts.
pub(crate) fn of_words(seed: u64, words: &[&str]) -> u64 {
    words.iter().fold(stir(seed), |hash, word| {
        let hash = word.bytes().fold(hash, |h, b| stir(h ^ u64::from(b)));
        stir(hash ^ 0x2F)
    })
}

/// A number made of `seed` and another number.
pub(crate) const fn of_number(seed: u64, number: i64) -> u64 {
    stir(seed ^ stir(number as u64))
}

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) const fn next(&mut self) -> u64 {
        let value = stir(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        value
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from `-reach` to `reach`.
    pub(crate) const fn around(&mut self, reach: i64) -> i64 {
        self.below(2 * reach as u64 + 1) as i64 - reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.next(), random.next(), random.below(10), random.below(0)]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(of_words(1, &["ab", "c"]), of_words(1, &["a", "bc"]));
        assert_ne!(of_number(1, 2), of_number(2, 1));
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut random = Random::new(3);
        let draws: Vec<i64> = (0..1000).map(|_| random.around(2)).collect();
        for value in -2..=2 {
            assert!(draws.contains(&value), "{value} never drawn");
        }
        assert!(draws.iter().all(|d| (-2..=2).contains(d)));
    }
}
