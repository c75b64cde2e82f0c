//! Numbers and days in words, and the verdict: what stands in the page's head and in its pictures.

use crate::figures::{Check, Coverage, Outcome, State, Verdict};

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Verdict {
    /// Counts a map of coverage and results of checks.
    pub fn of(coverage: &Coverage, checks: &[Check]) -> Self {
        let mut verdict = Self { series: coverage.rows.len() as u64, ..Self::default() };
        let mut symbols: Vec<_> = coverage.rows.iter().map(|r| (&r.market, &r.symbol)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        verdict.symbols = symbols.len() as u64;
        for span in coverage.rows.iter().flat_map(|row| &row.spans) {
            let days = u64::from(span.days);
            let of = match span.state {
                State::Available => &mut verdict.whole,
                State::Partial => &mut verdict.partial,
                State::Degraded => &mut verdict.degraded,
                State::Missing => &mut verdict.missing,
                State::Corrupt => &mut verdict.corrupt,
                State::Outside | State::Closed | State::Pending => continue,
            };
            *of += days;
            verdict.due += days;
        }
        let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count() as u64;
        verdict.failed = count(Outcome::Fail);
        verdict.warned = count(Outcome::Warn);
        verdict
    }

    /// The first sentence of the page.
    pub fn sentence(&self) -> String {
        let days = match (self.due, self.whole) {
            (0, _) => "No day is due yet".to_owned(),
            (1, 1) => "The one day that is due is whole".to_owned(),
            (1, _) => "The one day that is due is not whole".to_owned(),
            (due, whole) if due == whole => {
                format!("All {} days that are due are whole", grouped(due))
            }
            (due, whole) => {
                format!("{} of the {} days that are due are whole", grouped(whole), grouped(due))
            }
        };
        let checks = match (self.failed, self.warned) {
            (0, 0) => "no check fails".to_owned(),
            (0, 1) => "no check fails, one warns".to_owned(),
            (0, n) => format!("no check fails, {} warn", small(n)),
            (1, _) => "one check fails".to_owned(),
            (n, _) => format!("{} checks fail", small(n)),
        };
        format!("{days}; {checks}.")
    }

    /// What is not whole, and how much was looked at.
    pub fn more(&self) -> String {
        let parts: Vec<String> = [
            (self.partial, "partial"),
            (self.degraded, "degraded"),
            (self.missing, "missing"),
            (self.corrupt, "corrupt"),
        ]
        .iter()
        .filter(|(days, _)| *days > 0)
        .map(|(days, state)| format!("{} {state}", grouped(*days)))
        .collect();
        let over = format!(
            "{} of {}",
            plural(self.series, "series", "series"),
            plural(self.symbols, "symbol", "symbols")
        );
        if parts.is_empty() { over } else { format!("{}, over {over}", parts.join(", ")) }
    }
}

/// A number with its noun.
fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A small number in words.
fn small(n: u64) -> String {
    const WORDS: [&str; 10] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    usize::try_from(n)
        .ok()
        .and_then(|n| WORDS.get(n))
        .map_or_else(|| grouped(n), |word| (*word).to_owned())
}

/// A whole number, its digits in groups of three: `1,956,410`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A price from a whole number of its smallest units, exact: `price(16_108_827, 2)` is `161,088.27`.
pub fn price(value: i64, digits: u32) -> String {
    let sign = if value < 0 { "−" } else { "" };
    let text = format!("{:0>width$}", value.unsigned_abs(), width = digits as usize + 1);
    let (whole, rest) = text.split_at(text.len() - digits as usize);
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// A number in short, for axes: `1.2M`. It is rounded.
pub fn compact(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        x if x >= 1e12 => (value / 1e12, "T"),
        x if x >= 1e9 => (value / 1e9, "B"),
        x if x >= 1e6 => (value / 1e6, "M"),
        x if x >= 1e3 => (value / 1e3, "K"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Bytes in short: `61 GB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < 4 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 10.0 && unit > 0);
    format!("{value:.digits$} {}", ["B", "KB", "MB", "GB", "TB"][unit])
}

/// How long something took, from µs: `48 s`, `30 min 30 s`, `2 h 5 min`.
pub fn duration(micros: i64) -> String {
    match micros.div_euclid(1_000_000) {
        s @ ..90 => format!("{s} s"),
        s @ 90..5400 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// Millionths of a US dollar, to a hundredth of a cent where that matters: `$0.0214`, `$1.08`.
pub fn dollars(millionths: i64) -> String {
    let (digits, unit) = if millionths.abs() < 100_000 { (4, 100) } else { (2, 10_000) };
    let half = if millionths < 0 { -unit / 2 } else { unit / 2 };
    format!("${}", price((millionths + half) / unit, digits))
}

/// Year, month from 1 and day of a time in seconds since the epoch.
pub(crate) fn civil(seconds: i64) -> (i64, usize, i64) {
    // days from 1 March of the year 0, in eras of 400 years (H. Hinnant, chrono-compatible low-level date
    // algorithms)
    let z = seconds.div_euclid(DAY) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month as usize, doy - (153 * mp + 2) / 5 + 1)
}

/// A day in words: `28 Nov 2026`. `time` is in µs since the epoch.
pub fn day(time: i64) -> String {
    let (year, month, day) = civil(time.div_euclid(1_000_000));
    format!("{day} {} {year}", MONTHS[month - 1])
}

/// A month's name in short, from 1.
pub(crate) fn month(month: usize) -> &'static str {
    MONTHS[month - 1]
}

/// An instant in words, to the minute: `28 Nov 2026 00:19 UTC`.
pub fn instant(time: i64) -> String {
    let seconds = time.div_euclid(1_000_000).rem_euclid(DAY);
    format!("{} {:02}:{:02} UTC", day(time), seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::CoverageRow;

    #[test]
    fn numbers_in_words() {
        for (n, expect) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_956_410_233, "1,956,410,233")]
        {
            assert_eq!(grouped(n), expect);
        }
        for (n, digits, expect) in [
            (16_108_827, 2, "161,088.27"),
            (1_199, 8, "0.00001199"),
            (-5, 1, "−0.5"),
            (7, 0, "7"),
            (0, 2, "0.00"),
            (9_007_199_254_740_993, 8, "90,071,992.54740993"),
        ] {
            assert_eq!(price(n, digits), expect);
        }
        for (x, expect) in
            [(0.0, "0"), (12.5, "12.5"), (1200.0, "1.2K"), (-3e9, "−3B"), (2e13, "20T")]
        {
            assert_eq!(compact(x).replace('-', "−"), expect);
        }
    }

    #[test]
    fn sizes_times_and_sums_in_words() {
        for (n, expect) in [(999, "999 B"), (1500, "1.5 KB"), (61_203_000_000, "61 GB")] {
            assert_eq!(size(n), expect);
        }
        for (s, expect) in [(0, "0 s"), (89, "89 s"), (1830, "30 min 30 s"), (7500, "2 h 5 min")] {
            assert_eq!(duration(s * 1_000_000), expect);
        }
        for (n, expect) in
            [(0, "$0.0000"), (21_449, "$0.0214"), (21_450, "$0.0215"), (1_084_999, "$1.08")]
        {
            assert_eq!(dollars(n), expect);
        }
    }

    #[test]
    fn days_in_words() {
        for (seconds, expect) in [
            (0, "1 Jan 1970"),
            (951_782_400, "29 Feb 2000"),
            (1_795_824_000, "28 Nov 2026"),
            (-86_400, "31 Dec 1969"),
        ] {
            assert_eq!(day(seconds * 1_000_000), expect);
        }
        assert_eq!(instant(1_795_825_140_000_000), "28 Nov 2026 00:19 UTC");
    }

    #[test]
    fn the_verdict_counts_what_is_due() {
        let mut row = CoverageRow { symbol: "A".into(), ..CoverageRow::default() };
        for (state, days) in [
            (State::Outside, 3),
            (State::Available, 5),
            (State::Closed, 2),
            (State::Degraded, 1),
            (State::Missing, 2),
            (State::Pending, 1),
        ] {
            for _ in 0..days {
                row.push(state, None);
            }
        }
        let coverage = Coverage { from: 0, days: 14, rows: vec![row.clone(), row] };
        let verdict = Verdict::of(&coverage, &[]);
        assert_eq!((verdict.due, verdict.whole, verdict.series, verdict.symbols), (16, 10, 2, 1));
        assert_eq!(verdict.sentence(), "10 of the 16 days that are due are whole; no check fails.");
        assert_eq!(verdict.more(), "2 degraded, 4 missing, over 2 series of 1 symbol");
    }

    #[test]
    fn the_verdict_in_words() {
        let check = |due, whole, failed, warned, expect: &str| {
            let verdict = Verdict { due, whole, failed, warned, ..Verdict::default() };
            assert_eq!(verdict.sentence(), expect);
        };
        check(0, 0, 0, 0, "No day is due yet; no check fails.");
        check(1, 1, 0, 1, "The one day that is due is whole; no check fails, one warns.");
        check(1, 0, 1, 1, "The one day that is due is not whole; one check fails.");
        check(
            1234,
            1234,
            0,
            3,
            "All 1,234 days that are due are whole; no check fails, three warn.",
        );
        check(1234, 1000, 12, 0, "1,000 of the 1,234 days that are due are whole; 12 checks fail.");
    }
}
