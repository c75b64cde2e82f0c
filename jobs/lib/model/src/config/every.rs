//! How often a source is asked for what it tells of now alone: `7d`, whole days of UTC.

use serde::{Deserialize, Serialize};

/// Most days.
const MOST: u32 = 366;

/// From one asking to the next: whole days, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Every(u32);

/// A text that is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad every `{}`, expected days such as 7d, from 1d to {MOST}d", found.escape_debug())]
pub struct BadEvery {
    /// The text found.
    pub found: String,
}

impl Every {
    /// How many days.
    pub const fn days(self) -> u32 {
        self.0
    }
}

impl TryFrom<String> for Every {
    type Error = BadEvery;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.strip_suffix('d').filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let days = digits.and_then(|n| n.parse().ok()).filter(|n| (1..=MOST).contains(n));
        days.map(Self).ok_or(BadEvery { found: text })
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        format!("{}d", every.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_days() {
        let check = |text: &str, expect: Option<u32>| {
            let found = Every::try_from(text.to_owned());
            assert_eq!(found.as_ref().ok().map(|every| every.days()), expect, "{text}");
            if let Ok(every) = found {
                assert_eq!(String::from(every), text);
            }
        };
        check("1d", Some(1));
        check("7d", Some(7));
        check("366d", Some(366));
        for bad in ["", "d", "0d", "367d", "7", "7h", "-1d", "+1d", "1.5d", "99999999999d"] {
            check(bad, None);
        }
        let error = Every::try_from("weekly".to_owned()).expect_err("no days").to_string();
        assert_eq!(error, "bad every `weekly`, expected days such as 7d, from 1d to 366d");
    }
}
