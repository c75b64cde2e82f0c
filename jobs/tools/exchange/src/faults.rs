//! Faults on demand: the rules and their file. How often a rule has applied is in `rules`, what
//! a data defect does to the rows in `damage`, what a fault does to an answer in `server`.

use model::Day;
use serde::{Deserialize, Serialize};

/// The rules of an exchange. As a file, YAML or JSON:
///
/// ```yaml
/// rules:
///   - path: data/spot/daily/trades/BTCUSDT/*2024-01-02.zip
///     times: 2
///     fault: {status: {code: 503}}
///   - path: "**/*.CHECKSUM"
///     probability: 0.1
///     fault: missing_checksum
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// What rules with a probability are drawn from.
    #[serde(default)]
    pub seed: u64,
    /// The rules. Every one that fits applies, in this order; of several answers with a
    /// status the first one wins.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which keys: `*` is anything within one folder, `**` anything, `?` one character. A
    /// listing request is matched as `list:` and its prefix. Faults of an archive and of its
    /// checksum file are both given with the path of the `.zip`; `status`, `slow`, `cut`,
    /// `garble` and `ignore_range` with the path that is asked for.
    pub path: String,
    /// How often; always when absent. Faults of the answer count requests; faults of the
    /// archive or checksum file count the GET answers that start at byte 0, and when they are
    /// used up the archive is as if there were no rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Count `times` for each path on its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// How likely, 0 to 1. Faults of the answer are drawn for each request, faults of the
    /// archive once for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What happens.
    pub fault: Fault,
}

/// Which rows of a file, counted from 1 without the header. The choices add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Every n-th row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// These rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u64>,
    /// The rows from this one on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How many rows `from` there on; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Rows {
    /// Every n-th row.
    pub fn every(n: u64) -> Self {
        Self { every: Some(n), ..Self::default() }
    }

    /// These rows.
    pub fn these(rows: &[u64]) -> Self {
        Self { rows: rows.to_vec(), ..Self::default() }
    }

    /// `count` rows from one on.
    pub fn span(from: u64, count: u64) -> Self {
        Self { from: Some(from), count: Some(count), ..Self::default() }
    }

    pub(crate) fn has(&self, row: u64) -> bool {
        self.rows.contains(&row)
            || self.every.is_some_and(|n| row.is_multiple_of(n))
            || self.from.is_some_and(|from| {
                row >= from && self.count.is_none_or(|count| row - from < count)
            })
    }
}

/// How a checksum file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumForm {
    /// The digest in upper case.
    Upper,
    /// `<digest> *<name>`, the mark of binary mode.
    Star,
    /// The digest alone.
    Bare,
    /// With a line feed at the end.
    Newline,
    /// With a carriage return and a line feed at the end.
    Crlf,
}

/// How a zip is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Sixteen bytes in the middle are flipped.
    Flip,
    /// The last third is missing.
    Truncate,
    /// It is a page of HTML.
    NotAZip,
}

/// The unit of a file's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Milliseconds, 13 digits.
    Ms,
    /// Microseconds, 16 digits.
    Us,
}

/// What happens to an answer, a checksum file, an archive or its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Answer: this status instead: 404, 429, 418, 5xx.
    Status {
        /// The status code, 400 to 599.
        code: u16,
        /// Seconds in the `Retry-After` header, if it shall have one.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Answer: late or slowly.
    Slow {
        /// Milliseconds before the first byte.
        #[serde(default)]
        delay_ms: u64,
        /// Bytes a second of the body; no limit when absent.
        #[serde(default)]
        bytes_per_second: Option<u64>,
    },
    /// Answer: the connection is cut after so many bytes of its body.
    Cut {
        /// Bytes of this answer's body that still arrive.
        at: u64,
    },
    /// Answer: bytes are flipped on the way; the archive itself is sound.
    Garble {
        /// The first byte of this answer's body that is flipped.
        at: u64,
        /// How many.
        bytes: u64,
    },
    /// Answer: the `Range` header is ignored, the whole body comes with status 200.
    IgnoreRange,
    /// Answer: a page of HTML with status 200, as somebody on the way has one.
    Html,
    /// Answer: sent on to another place, status 302.
    Redirect {
        /// Where to; a path stays on this host.
        to: String,
    },
    /// Answer: says that it has so many bytes, and has what it has.
    LyingLength {
        /// How many.
        bytes: u64,
    },
    /// Answer: says no length, and goes on for ever when its body is over.
    EndlessBody,
    /// Answer to a listing: a page without a key, with a next page after it, for ever.
    EndlessListing,
    /// Answer to a listing: says that each object has so many bytes.
    LyingSizes {
        /// How many.
        bytes: u64,
    },

    /// Checksum file: the digest of something else.
    WrongChecksum,
    /// Checksum file: neither served nor listed.
    MissingChecksum,
    /// Checksum: the same text, written again long after its archive.
    TouchedChecksum {
        /// How many days after it.
        days: u32,
    },
    /// Checksum file: in another of the forms seen.
    ChecksumForm(ChecksumForm),

    /// Archive: neither served nor listed.
    Absent,
    /// Archive: a zip that does not open.
    CorruptZip {
        /// How it is broken.
        how: Corruption,
        /// Whether the checksum file is of the sound zip; else of the broken one.
        #[serde(default)]
        sound_checksum: bool,
    },
    /// Archive: published again, so content, ETag, Last-Modified and checksum are new. The
    /// quantities of every fiftieth trade are corrected, and all that follows from them.
    Republished {
        /// 1 for the first time.
        revision: u32,
    },
    /// Archive: a second CSV in a sub-folder of the zip, with other quantities.
    NestedCsv {
        /// Whether it comes before the right one.
        #[serde(default)]
        first: bool,
    },
    /// Rows: no trades in a span; bars within it are absent, other days keep their ids.
    Outage {
        /// The first instant, RFC 3339.
        from: chrono::DateTime<chrono::Utc>,
        /// The first instant after, RFC 3339.
        to: chrono::DateTime<chrono::Utc>,
    },
    /// Rows: the symbol's last day of trading; later bars are flat, later trades absent.
    Delisted {
        /// The day.
        on: Day,
    },
    /// Rows: the file is cut into equal parts whose rows are dealt in turn.
    Interleave {
        /// How many parts.
        ways: u64,
        /// How many rows each part deals at a time.
        run: u64,
    },
    /// Rows: some come later than they should.
    OutOfOrder {
        /// Which ones.
        which: Rows,
        /// By how many rows.
        by: u64,
    },
    /// Rows: some come twice.
    DuplicateRows {
        /// Which ones.
        which: Rows,
        /// How many rows later the copy comes; 0 is at once.
        #[serde(default)]
        later: u64,
    },
    /// Rows: some come twice, the copy with another price (bars: another volume).
    ConflictingRows {
        /// Which ones.
        which: Rows,
    },
    /// Rows: some have lost their line end, so the next one is on the same line.
    FusedRows {
        /// Which ones.
        which: Rows,
    },
    /// Rows: some are missing, ids and all.
    MissingRows {
        /// Which ones.
        which: Rows,
    },
    /// Rows: whole days are missing.
    MissingDays {
        /// The days.
        days: Vec<Day>,
    },
    /// Rows: the file ends early, the checksum is valid.
    Truncated {
        /// How many rows are whole.
        keep: u64,
        /// Whether half of the next one follows.
        #[serde(default)]
        mid_line: bool,
    },
    /// Rows: the last day ends early.
    PartialDay {
        /// Minutes of the last day that are there.
        minutes: u32,
    },
    /// Rows: the times of some bars are off the grid.
    OffGrid {
        /// Which ones.
        which: Rows,
        /// By how many milliseconds.
        shift_ms: i64,
    },
    /// Rows: some bars close early.
    EarlyClose {
        /// Which ones.
        which: Rows,
        /// By how many milliseconds.
        by_ms: i64,
    },
    /// Rows: the `ignore` column of bars is not zero.
    IgnoreColumn {
        /// What it is.
        value: String,
    },
    /// Rows: times as a spreadsheet leaves them, `1.70027E+12`.
    MangledTimes {
        /// Which ones.
        which: Rows,
    },
    /// Rows: a header where none is expected, or none where one is.
    Header {
        /// Whether there is one.
        present: bool,
    },
    /// Rows: the times of some are days away, outside of the period.
    OutsidePeriod {
        /// Which ones.
        which: Rows,
        /// By how many days.
        days: i64,
    },
    /// Rows: times in the other unit.
    Times(TimeUnit),
    /// Rows: lines end with CR LF.
    Crlf,
    /// Rows: an unreadable line stands before some rows.
    GarbageLines {
        /// Before which ones.
        which: Rows,
        /// The line.
        text: String,
    },
}

/// What a fault spoils.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// One answer, on the way.
    Answer,
    /// The checksum file.
    Checksum,
    /// The archive.
    Archive,
}

impl Fault {
    pub(crate) const fn target(&self) -> Target {
        match self {
            Self::Status { .. }
            | Self::Slow { .. }
            | Self::Cut { .. }
            | Self::Garble { .. }
            | Self::IgnoreRange
            | Self::Html
            | Self::Redirect { .. }
            | Self::LyingLength { .. }
            | Self::EndlessBody
            | Self::EndlessListing
            | Self::LyingSizes { .. } => Target::Answer,
            Self::WrongChecksum
            | Self::MissingChecksum
            | Self::TouchedChecksum { .. }
            | Self::ChecksumForm(_) => Target::Checksum,
            _ => Target::Archive,
        }
    }

    fn rows(&self) -> Option<&Rows> {
        match self {
            Self::OutOfOrder { which, .. }
            | Self::DuplicateRows { which, .. }
            | Self::ConflictingRows { which }
            | Self::FusedRows { which }
            | Self::MissingRows { which }
            | Self::OffGrid { which, .. }
            | Self::EarlyClose { which, .. }
            | Self::MangledTimes { which }
            | Self::OutsidePeriod { which, .. }
            | Self::GarbageLines { which, .. } => Some(which),
            _ => None,
        }
    }
}

/// Rules that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum BadFaults {
    /// Not the YAML or JSON of [`Faults`].
    #[error("fault rules cannot be read")]
    Syntax(#[source] Box<serde_saphyr::Error>),
    /// A rule that makes no sense.
    #[error("fault rule {number} for `{path}`: {field} is {found}, expected {expected}")]
    Rule {
        /// The rule's number, from 1.
        number: usize,
        /// Its path.
        path: String,
        /// What is wrong.
        field: &'static str,
        /// What was found.
        found: String,
        /// What would have done.
        expected: &'static str,
    },
}

impl Faults {
    /// These rules, with seed 0.
    pub const fn of(rules: Vec<Rule>) -> Self {
        Self { seed: 0, rules }
    }

    /// Reads YAML or JSON. Unknown keys and senseless values are refused.
    ///
    /// # Errors
    /// [`BadFaults`], with line and column where the text cannot be read.
    pub fn parse(text: &str) -> Result<Self, BadFaults> {
        let faults: Self =
            serde_saphyr::from_str(text).map_err(|e| BadFaults::Syntax(Box::new(e)))?;
        faults.check()?;
        Ok(faults)
    }

    /// Looks for values that make no sense.
    ///
    /// # Errors
    /// [`BadFaults::Rule`] for the first one.
    pub fn check(&self) -> Result<(), BadFaults> {
        for (number, rule) in (1..).zip(&self.rules) {
            let bad = |field, found: String, expected| {
                Err(BadFaults::Rule { number, path: rule.path.clone(), field, found, expected })
            };
            if rule.path.is_empty() || rule.path.starts_with('/') {
                return bad("path", format!("`{}`", rule.path), "a key such as data/spot/**");
            }
            if let Some(p) = rule.probability.filter(|p| !(0.0..=1.0).contains(p)) {
                return bad("probability", p.to_string(), "0 to 1");
            }
            if rule.each && rule.times.is_none() {
                return bad("each", "given without times".to_owned(), "both or none");
            }
            if rule.fault.rows().is_some_and(|rows| *rows == Rows::default()) {
                return bad("which", "empty".to_owned(), "every, rows or from");
            }
            if rule.fault.rows().is_some_and(|rows| rows.every == Some(0)) {
                return bad("every", "0".to_owned(), "1 or more");
            }
            match &rule.fault {
                Fault::Status { code, .. } if !(400..600).contains(code) => {
                    return bad("code", code.to_string(), "400 to 599");
                }
                Fault::Interleave { ways, run } if *ways < 2 || *ways > 1_000 || *run == 0 => {
                    return bad("interleave", format!("{ways} ways of {run}"), "2 to 1000 ways");
                }
                Fault::Slow { bytes_per_second: Some(0), .. } => {
                    return bad("bytes_per_second", "0".to_owned(), "1 or more");
                }
                Fault::Outage { from, to } if from >= to => {
                    return bad("outage", format!("{from} to {to}"), "an end after its start");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Rule {
    /// A rule that always applies.
    pub fn always(path: impl Into<String>, fault: Fault) -> Self {
        Self { path: path.into(), times: None, each: false, probability: None, fault }
    }

    /// The same rule, the first `n` times only.
    #[must_use]
    pub const fn times(mut self, n: u64) -> Self {
        self.times = Some(n);
        self
    }

    /// The same rule, the first `n` times for each path.
    #[must_use]
    pub const fn times_each(mut self, n: u64) -> Self {
        self.times = Some(n);
        self.each = true;
        self
    }

    /// The same rule, with a probability from 0 to 1.
    #[must_use]
    pub const fn likely(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_strictly() {
        let check = |text: &str, expect: Result<Fault, &str>| {
            let got = Faults::parse(text);
            match expect {
                Ok(fault) => assert_eq!(got.unwrap().rules[0].fault, fault),
                Err(part) => {
                    let error = got.expect_err(text);
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    let all = format!("{error}: {}", source.unwrap_or_default());
                    assert!(all.contains(part), "{all}");
                }
            }
        };
        let status = Fault::Status { code: 503, retry_after: None };
        check("rules: [{path: a, fault: {status: {code: 503}}}]", Ok(status.clone()));
        check(r#"{"rules":[{"path":"a","fault":{"status":{"code":503}}}]}"#, Ok(status));
        check("rules: [{path: a, fault: crlf}]", Ok(Fault::Crlf));
        check(
            "rules: [{path: a, fault: {fused_rows: {which: {rows: [3]}}}}]",
            Ok(Fault::FusedRows { which: Rows::these(&[3]) }),
        );
        check(
            "rules: [{path: a, fault: {missing_days: {days: [2024-01-02]}}}]",
            Ok(Fault::MissingDays { days: vec!["2024-01-02".parse().unwrap()] }),
        );
        check("rules: [{path: a, fault: {status: {code: 503, x: 1}}}]", Err("x"));
        check("rules: [{path: a, fault: crlfs}]", Err("crlfs"));
        check("rules: [{path: a, tims: 1, fault: crlf}]", Err("tims"));
        check("rules: [{path: a, fault: {status: {code: 200}}}]", Err("400 to 599"));
        check("rules: [{path: /a, fault: crlf}]", Err("`/a`"));
        check("rules: [{path: a, each: true, fault: crlf}]", Err("both or none"));
        check("rules: [{path: a, probability: 2, fault: crlf}]", Err("0 to 1"));
        check("rules: [{path: a, fault: {fused_rows: {which: {}}}}]", Err("every, rows or from"));
    }
}
