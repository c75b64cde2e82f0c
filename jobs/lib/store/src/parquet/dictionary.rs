//! A table of the distinct numbers of a column chunk, in the order of their first appearance.

/// Most entries of a dictionary. More would not stay in a core's cache, and their indexes would
/// hardly be shorter than the values.
pub(super) const MOST: usize = 1 << 16;
/// Slots of an empty table.
const SLOTS: usize = 1 << 10;

/// Distinct numbers and their indexes.
#[derive(Debug)]
pub(super) struct Dictionary {
    values: Vec<i64>,
    /// Open addressing: a value and its index plus one; zero where the slot is free.
    slots: Vec<(i64, u32)>,
    shift: u32,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), slots: vec![(0, 0); SLOTS], shift: 64 - SLOTS.ilog2() }
    }

    /// The entries, by index.
    pub(super) fn values(&self) -> &[i64] {
        &self.values
    }

    /// Forgets all entries.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.slots.fill((0, 0));
    }

    /// Forgets the entries from `len` on; the table is then no longer fit for
    /// [`Dictionary::indexes`].
    pub(super) fn cut(&mut self, len: usize) {
        self.values.truncate(len);
    }

    /// Replaces `out` by the indexes of values, new ones added; `false` when there would be too
    /// many.
    pub(super) fn indexes(&mut self, values: &[i64], out: &mut Vec<u32>) -> bool {
        out.clear();
        out.reserve(values.len());
        let mut last = None;
        for value in values {
            let index = match last {
                Some((before, index)) if before == *value => index,
                _ => self.index(*value),
            };
            last = Some((*value, index));
            out.push(index);
            if self.values.len() > MOST {
                return false;
            }
        }
        true
    }

    #[inline]
    fn index(&mut self, value: i64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = slot(value, self.shift);
        loop {
            match self.slots[at & mask] {
                (_, 0) => break,
                (held, index) if held == value => return index - 1,
                _ => at += 1,
            }
        }
        self.values.push(value);
        let index = self.values.len() as u32;
        self.slots[at & mask] = (value, index);
        if self.values.len() * 2 > self.slots.len() {
            self.grow();
        }
        index - 1
    }

    #[cold]
    fn grow(&mut self) {
        let slots = self.slots.len() * 4;
        self.shift = 64 - slots.ilog2();
        self.slots.clear();
        self.slots.resize(slots, (0, 0));
        for (i, value) in self.values.iter().enumerate() {
            let mut at = slot(*value, self.shift);
            while self.slots[at & (slots - 1)].1 != 0 {
                at += 1;
            }
            self.slots[at & (slots - 1)] = (*value, i as u32 + 1);
        }
    }
}

/// The slot where the search for a value starts. Amounts end in many decimal zeros, so the high
/// bits of a product decide.
const fn slot(value: i64, shift: u32) -> usize {
    ((value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_follow_first_appearance() {
        let mut dictionary = Dictionary::new();
        let mut out = Vec::new();
        assert!(dictionary.indexes(&[7, 7, -1, 0, 7, i64::MIN, 0], &mut out));
        assert_eq!(out, [0, 0, 1, 2, 0, 3, 2]);
        assert_eq!(dictionary.values(), [7, -1, 0, i64::MIN]);
        dictionary.clear();
        assert!(dictionary.indexes(&[0], &mut out));
        assert_eq!((out.as_slice(), dictionary.values()), (&[0][..], &[0][..]));
    }

    #[test]
    fn it_grows_to_its_limit() {
        let mut dictionary = Dictionary::new();
        let mut out = Vec::new();
        let values: Vec<i64> = (0..MOST as i64).map(|n| n * 100_000_000).collect();
        assert!(dictionary.indexes(&values, &mut out));
        assert!(dictionary.indexes(&values, &mut out));
        assert!(out.iter().enumerate().all(|(i, index)| i == *index as usize));
        assert!(!dictionary.indexes(&[-5], &mut out));
        dictionary.cut(MOST);
        assert_eq!(dictionary.values(), values);
    }
}
