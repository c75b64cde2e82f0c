//! Alpha Vantage's CSV: a header that is checked and lines that are whole. The fields have no quotes
//! and are kept as received.

use super::notice::{refuse, strange};
use crate::rest::{Key, Refusal, Why};

/// A CSV whose header is known.
pub(super) struct Csv<'a> {
    /// Which of the headers it has.
    pub(super) header: usize,
    /// The lines after the header, without their ends.
    pub(super) lines: Vec<&'a str>,
}

/// Reads a text that must have one of these headers.
pub(super) fn csv<'a>(text: &'a str, headers: &[&str], key: &Key) -> Result<Csv<'a>, Refusal> {
    // a last line without its end may lack digits that nobody would miss
    let Some(whole) = text.strip_suffix('\n') else {
        let last = text.rsplit('\n').next().unwrap_or_default();
        let words = format!("{} bytes, the last line is not whole: {last}", text.len());
        let known = headers.iter().any(|header| header.starts_with(first_line(text)));
        let header = text.contains('\n') || known;
        return Err(refuse(if header { Why::Cut } else { Why::NotUnderstood }, &words, key));
    };
    let mut lines = whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let found = lines.next().unwrap_or_default();
    let Some(header) = headers.iter().position(|header| *header == found) else {
        let words = format!(
            "no bars: expected the columns {}, found {found}",
            headers.first().copied().unwrap_or_default()
        );
        return Err(strange(&words, key));
    };
    Ok(Csv { header, lines: lines.collect() })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
