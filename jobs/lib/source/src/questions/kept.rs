//! The raw object of a unit that was asked for: a zip with every answer as received, and beside each
//! an envelope that says what was asked, when, and what the provider said of its answer. Anybody can
//! open it. The key is in neither.
//!
//! `001-answer.json` (or `.txt`), `001-envelope.json`, `002-answer.json` …, in the order of asking.
//! The same answers and envelopes make the same bytes.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use chrono::{DateTime, Utc};
use model::unit::sha256_hex;
use serde::{Deserialize, Serialize};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::Received;

/// Headers that an envelope keeps.
pub const HEADERS: &[&str] = &["content-type", "date", "etag", "last-modified", "retry-after"];

/// Answers of one unit at most.
pub const MOST_ANSWERS: usize = 9_999;
/// Bytes that all answers of a unit may have together.
pub const MOST_BYTES: u64 = 256 << 20;
/// How the names of answers end: of JSON, and of others.
const ENDINGS: [&str; 2] = ["json", "txt"];
/// Bytes of an envelope at most.
const ENVELOPE: u64 = 64 << 10;

/// What is known of an answer beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The source, as the configuration names it.
    pub source: String,
    /// What was asked, without the key.
    pub request: String,
    /// When the answer was there, UTC.
    pub received_at: DateTime<Utc>,
    /// Its status.
    pub status: u16,
    /// The headers that matter, names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

impl Envelope {
    /// Of an answer with these bytes, of which nothing else is known yet.
    pub fn of(
        source: &str,
        request: &str,
        received_at: DateTime<Utc>,
        received: &Received,
    ) -> Self {
        let content_type = received.content_type.clone();
        Self {
            source: source.to_owned(),
            request: request.to_owned(),
            received_at,
            status: received.status,
            headers: content_type
                .map(|value| ("content-type".to_owned(), value))
                .into_iter()
                .collect(),
            bytes: received.body.len() as u64,
            sha256: sha256_hex(&received.body),
        }
    }
}

/// Why a raw object is none of answers.
#[derive(Debug, thiserror::Error)]
pub enum BadKept {
    /// It is no zip, or a damaged one.
    #[error("the zip of answers does not open")]
    Zip(#[from] ZipError),
    /// It cannot be read or written.
    #[error("the zip of answers cannot be read")]
    Io(#[from] std::io::Error),
    /// A member is missing, too large or not what its envelope says.
    #[error("answer {number}: {problem}")]
    Answer {
        /// Its number, from 1.
        number: usize,
        /// What is wrong.
        problem: String,
    },
}

fn bad(number: usize, problem: impl Into<String>) -> BadKept {
    BadKept::Answer { number, problem: problem.into() }
}

/// The raw object of answers, in the order of asking.
///
/// # Errors
/// [`BadKept`] for more than a raw object holds.
pub fn pack(answers: &[(Envelope, Received)]) -> Result<Vec<u8>, BadKept> {
    if answers.len() > MOST_ANSWERS {
        let problem = format!("expected at most {MOST_ANSWERS} answers");
        return Err(bad(MOST_ANSWERS + 1, problem));
    }
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, (envelope, received)) in answers.iter().enumerate() {
        let number = at + 1;
        let is_json = received
            .body
            .iter()
            .find(|b| !b.is_ascii_whitespace())
            .is_some_and(|b| b"{[".contains(b));
        let [json, other] = ENDINGS;
        let ending = if is_json { json } else { other };
        zip.start_file(format!("{number:03}-answer.{ending}"), options)?;
        zip.write_all(&received.body)?;
        zip.start_file(format!("{number:03}-envelope.json"), options)?;
        let text = serde_json::to_string_pretty(envelope)
            .map_err(|error| bad(number, error.to_string()))?;
        zip.write_all(text.as_bytes())?;
        zip.write_all(b"\n")?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The answers in a raw object, each the one that its envelope tells of.
///
/// # Errors
/// [`BadKept`].
pub fn unpack(object: &[u8]) -> Result<Vec<Received>, BadKept> {
    Ok(unpack_whole(object)?.into_iter().map(|(_, received)| received).collect())
}

/// The same with the envelopes.
///
/// # Errors
/// [`BadKept`].
pub fn unpack_whole(object: &[u8]) -> Result<Vec<(Envelope, Received)>, BadKept> {
    let mut zip = ZipArchive::new(Cursor::new(object))?;
    let mut left = MOST_BYTES;
    let mut answers = Vec::new();
    for number in 1..=zip.len().div_ceil(2) {
        let mut names = ENDINGS.map(|ending| format!("{number:03}-answer.{ending}")).into_iter();
        let name = names.find(|name| zip.index_for_name(name).is_some());
        let name = name.ok_or_else(|| bad(number, "it is not there"))?;
        let body = member(&mut zip, &name, left).map_err(|problem| bad(number, problem))?;
        left -= body.len() as u64;
        let envelope = member(&mut zip, &format!("{number:03}-envelope.json"), ENVELOPE)
            .map_err(|problem| bad(number, problem))?;
        let envelope: Envelope = serde_json::from_slice(&envelope)
            .map_err(|error| bad(number, format!("its envelope does not read: {error}")))?;
        let found = sha256_hex(&body);
        if found != envelope.sha256 {
            let expected = envelope.sha256;
            return Err(bad(number, format!("sha256 {found}, its envelope says {expected}")));
        }
        let content_type = envelope.headers.get("content-type").cloned();
        let received = Received { status: envelope.status, content_type, body };
        answers.push((envelope, received));
    }
    Ok(answers)
}

fn member(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let file = zip.by_name(name).map_err(|error| format!("`{name}`: {error}"))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("`{name}`: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("`{name}` has more than {most} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Vec<(Envelope, Received)> {
        let at = DateTime::UNIX_EPOCH;
        [(200, Some("application/json"), &b"{\"a\": 1}"[..]), (200, None, b"time,open\n1,2\n")]
            .map(|(status, content_type, body)| Received {
                status,
                content_type: content_type.map(str::to_owned),
                body: body.to_vec(),
            })
            .into_iter()
            .map(|received| (Envelope::of("acme", "https://api/x?y", at, &received), received))
            .collect()
    }

    #[test]
    fn answers_read_back_and_make_the_same_bytes() {
        let kept = answers();
        let object = pack(&kept).expect("zip");
        assert_eq!(object, pack(&kept).expect("zip"));
        assert_eq!(unpack_whole(&object).expect("answers"), kept);
        let found = unpack(&object).expect("answers");
        assert_eq!(found, kept.into_iter().map(|(_, received)| received).collect::<Vec<_>>());
        let zip = ZipArchive::new(Cursor::new(&object)).expect("zip");
        let mut names: Vec<_> = zip.file_names().map(|name| name.expect("a name")).collect();
        names.sort_unstable();
        let expect =
            ["001-answer.json", "001-envelope.json", "002-answer.txt", "002-envelope.json"];
        assert_eq!(names, expect);
    }

    #[test]
    fn what_is_not_what_its_envelope_says_is_refused() {
        let mut kept = answers();
        kept[1].1.body[0] = b'T';
        let error = unpack(&pack(&kept).expect("zip")).expect_err("other bytes").to_string();
        assert!(error.starts_with("answer 2: sha256"), "{error}");
        let object = pack(&answers()).expect("zip");
        for cut in [0, 10, object.len() / 2, object.len() - 1] {
            assert!(unpack(&object[..cut]).is_err(), "{cut}");
        }
        assert!(unpack(&pack(&[]).expect("zip")).expect("nothing").is_empty());
    }
}
