//! Figures and messages as people read them: counts with thousands, sizes, spans of time, the
//! chain of an error.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

/// A whole number with commas: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes: `3.4 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A number in few signs: `1.2 M`.
pub fn short(n: f64) -> String {
    if n >= 1e9 {
        format!("{:.1} G", n / 1e9)
    } else if n >= 1e6 {
        format!("{:.1} M", n / 1e6)
    } else if n >= 1e4 {
        format!("{:.0} k", n / 1e3)
    } else {
        format!("{n:.0}")
    }
}

/// A span of time: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 10 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3_600 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60)
    }
}

/// A word of a command line as it is typed: quoted where a shell would take it for several, or
/// for something else.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Whether a process ignores a signal, by what Linux tells of it in `/proc/<pid>/status`: whoever
/// started it with `nohup` wants it so.
pub fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal).ok().and_then(|n| n.checked_sub(1));
    bit.and_then(|bit| mask.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
}

/// `1 archive`, `2 archives`: `noun` is the singular.
pub fn plural(n: u64, noun: &str) -> String {
    let ending = match noun {
        _ if n == 1 || noun.ends_with("series") => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", count(n))
}

/// An error and its causes in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Rows of cells as lines, columns padded to their widest cell.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_stay_one() {
        assert_eq!(word("s3://bucket/a-b_c=d"), "s3://bucket/a-b_c=d");
        assert_eq!(word("/tmp/my lake"), "'/tmp/my lake'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1_023, 1_536, 5 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!([9_999.0, 12_345.0, 1.25e6].map(short), ["9999", "12 k", "1.2 M"]);
        assert_eq!(
            [400, 12_000, 185_000, 7_620_000].map(|ms| span(Duration::from_millis(ms))),
            ["0.4 s", "12 s", "3 min 05 s", "2 h 07 min"]
        );
        assert_eq!(plural(1, "batch"), "1 batch");
        assert_eq!(plural(2_000, "batch"), "2,000 batches");
        assert_eq!(plural(2, "group"), "2 groups");
        assert_eq!(plural(2, "series"), "2 series");
    }

    #[test]
    fn ignored_signals_are_known() {
        let status = "Name:\tx\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\n";
        let check = |signal: i32, expect: bool| assert_eq!(ignores(status, signal), expect);
        check(1, true);
        check(13, true);
        check(2, false);
        check(0, false);
        check(999, false);
        assert!(!ignores("", 1));
    }

    #[test]
    fn columns_are_padded() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(columns(&rows), ["a    b", "ccc  d"]);
    }
}
