//! Run ids: sortable by time to the millisecond, unique by chance.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The id of one run: `20240131T235959Z-0a1b2c3d`. Text order is time order: the first three of
/// the eight hexadecimal digits are the milliseconds, for a run may begin in the second in which
/// the one before it ended; the other five are drawn by chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A text that is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad run id `{found}`, expected a form such as 20240131T235959Z-0a1b2c3d")]
pub struct BadRunId {
    /// The text found.
    pub found: String,
}

impl RunId {
    /// An id from the time a run starts and a number drawn by chance, of which 20 bits are taken.
    pub fn new(now: DateTime<Utc>, chance: u32) -> Self {
        let millis = now.timestamp_subsec_millis();
        let chance = chance & 0xf_ffff;
        Self(format!("{}-{millis:03x}{chance:05x}", now.format("%Y%m%dT%H%M%SZ")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = BadRunId;

    fn from_str(text: &str) -> Result<Self, BadRunId> {
        let bytes = text.as_bytes();
        let ok = bytes.len() == 25
            && bytes[8] == b'T'
            && &bytes[15..17] == b"Z-"
            && bytes[..8].iter().chain(&bytes[9..15]).all(u8::is_ascii_digit)
            && bytes[17..].iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
        if ok { Ok(Self(text.to_owned())) } else { Err(BadRunId { found: text.to_owned() }) }
    }
}

impl TryFrom<String> for RunId {
    type Error = BadRunId;

    fn try_from(text: String) -> Result<Self, BadRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_second_are_in_order_of_time() {
        let at = |millis| DateTime::from_timestamp_millis(millis).expect("a time");
        let (older, younger) = (RunId::new(at(41), u32::MAX), RunId::new(at(42), 0));
        assert_eq!(older.as_str(), "19700101T000000Z-029fffff");
        assert_eq!(younger.as_str(), "19700101T000000Z-02a00000");
        assert!(older < younger);
        assert!(RunId::new(at(999), u32::MAX) < RunId::new(at(1000), 0));
    }

    #[test]
    fn ids_read_back() {
        let run = RunId::new(DateTime::UNIX_EPOCH, 255);
        assert_eq!(run.as_str(), "19700101T000000Z-000000ff");
        assert_eq!(run.as_str().parse::<RunId>(), Ok(run));
        assert!("19700101T000000Z-000000FF".parse::<RunId>().is_err());
    }
}
