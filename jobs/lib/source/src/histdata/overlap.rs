//! Hours that a file holds twice. The same stamps with the same prices are a copy, made where the
//! provider joined its pieces; the same stamps with other prices are an hour that the clock lived
//! twice. To tell them apart takes one sum for each minute of the last day, however long the file is.

use super::line::Stamp;

const MINUTE: i64 = 60_000_000;

/// Minutes that are remembered: a day of them, more than any clock is set back.
const REMEMBERED: usize = 24 * 60;

/// A stretch of stamps that occurs twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// The first line of the week of trading in which it lies, from 1.
    pub week: u64,
    /// The first line of the second pass.
    pub line: u64,
    /// The lines of the second pass; in M1 files that is the number of doubled stamps.
    pub lines: u64,
    /// The first stamp that occurs again.
    pub from: Stamp,
    /// The last stamp that occurs again.
    pub to: Stamp,
    /// Minutes of the second pass that read like those of the first.
    pub same: u32,
    /// Minutes that read otherwise. Of ticks, the minutes at both edges may be cut and differ.
    pub different: u32,
    /// Minutes of the second pass that the first does not have.
    pub lone: u32,
}

impl Overlap {
    /// The last line of the second pass.
    pub const fn last_line(&self) -> u64 {
        self.line + self.lines.saturating_sub(1)
    }

    /// Whether the second pass is a copy of the first: most of its minutes read the same.
    pub const fn is_copy(&self) -> bool {
        self.same > 0 && self.same >= self.different
    }

    /// Whether the hour was lived twice: most of its minutes read otherwise.
    pub const fn is_lived(&self) -> bool {
        self.different > self.same
    }
}

/// The lines of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Minute {
    number: i64,
    lines: u32,
    sum: u64,
}

impl Minute {
    const fn new(number: i64) -> Self {
        Self { number, lines: 0, sum: 0 }
    }

    /// The order of lines counts.
    const fn add(&mut self, content: u64) {
        self.lines = self.lines.saturating_add(1);
        self.sum = self.sum.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(content) ^ 1;
    }
}

/// Watches the lines of a file for stretches that occur twice.
#[derive(Debug, Clone)]
pub(crate) struct Overlaps {
    /// The minutes of the first pass, each in the place of its number modulo the length.
    ring: Vec<Minute>,
    /// The stretch that occurs again just now, and its minute that is not complete.
    now: Option<(Overlap, Minute)>,
}

impl Overlaps {
    pub(crate) fn new() -> Self {
        Self { ring: vec![Minute::new(i64::MIN); REMEMBERED], now: None }
    }

    fn place(&self, minute: i64) -> usize {
        minute.rem_euclid(self.ring.len() as i64) as usize
    }

    /// The clock went back at this line from `to` to `from`. The caller ends the stretch before.
    pub(crate) fn begin(&mut self, week: u64, line: u64, from: Stamp, to: Stamp) {
        let overlap = Overlap { week, line, lines: 0, from, to, same: 0, different: 0, lone: 0 };
        self.now = Some((overlap, Minute::new(from.micros().div_euclid(MINUTE))));
    }

    /// The stamp at which the stretch of just now ends.
    pub(crate) fn until(&self) -> Option<Stamp> {
        self.now.map(|(overlap, _)| overlap.to)
    }

    /// The next line; gives a stretch that ended before it.
    pub(crate) fn push(&mut self, stamp: Stamp, content: u64) -> Option<Overlap> {
        let number = stamp.micros().div_euclid(MINUTE);
        let done = if self.until().is_some_and(|to| stamp > to) { self.end() } else { None };
        if let Some((mut overlap, mut minute)) = self.now.take() {
            if minute.number != number {
                self.compare(&mut overlap, minute);
                minute = Minute::new(number);
            }
            minute.add(content);
            overlap.lines += 1;
            self.now = Some((overlap, minute));
        } else {
            let place = self.place(number);
            let minute = &mut self.ring[place];
            if minute.number != number {
                *minute = Minute::new(number);
            }
            minute.add(content);
        }
        done
    }

    /// Ends the stretch of just now.
    pub(crate) fn end(&mut self) -> Option<Overlap> {
        let (mut overlap, minute) = self.now.take()?;
        self.compare(&mut overlap, minute);
        Some(overlap)
    }

    fn compare(&self, overlap: &mut Overlap, minute: Minute) {
        if minute.lines == 0 {
            return;
        }
        let first = self.ring[self.place(minute.number)];
        if first.number != minute.number {
            overlap.lone += 1;
        } else if first == minute {
            overlap.same += 1;
        } else {
            overlap.different += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told_from_hours_lived_twice() {
        // (minute, content) of the first pass, of the second, then same, different and lone minutes
        let check = |first: &[(i64, u64)], second: &[(i64, u64)], expect: (u32, u32, u32)| {
            let mut overlaps = Overlaps::new();
            let stamp = |minute: i64| Stamp::from_micros(minute * MINUTE);
            for (minute, content) in first {
                assert_eq!(overlaps.push(stamp(*minute), *content), None);
            }
            overlaps.begin(1, 10, stamp(second[0].0), stamp(first[first.len() - 1].0));
            for (minute, content) in second {
                assert_eq!(overlaps.push(stamp(*minute), *content), None);
            }
            let found = overlaps.push(stamp(1_000_000), 0).expect("an overlap");
            assert_eq!((found.same, found.different, found.lone), expect);
            assert_eq!(found.last_line(), 9 + second.len() as u64);
            assert_eq!(found.is_copy(), expect.0 > 0 && expect.0 >= expect.1);
            assert_eq!(found.is_lived(), expect.1 > expect.0);
        };
        check(&[(-1, 7), (0, 8), (1, 9)], &[(0, 8), (1, 9)], (2, 0, 0));
        check(&[(0, 8), (1, 9)], &[(0, 9), (1, 8)], (0, 2, 0));
        check(&[(0, 8), (2, 9)], &[(0, 8), (1, 8), (2, 9)], (2, 0, 1));
        // ticks: their number and order count
        check(&[(0, 1), (0, 2), (1, 3)], &[(0, 2), (0, 1), (1, 3)], (1, 1, 0));
        check(&[(0, 1), (0, 1), (1, 3)], &[(0, 1), (1, 3)], (1, 1, 0));
    }
}
