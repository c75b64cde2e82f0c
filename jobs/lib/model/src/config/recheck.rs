//! For how long a source is asked again for what it may have corrected.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// For how long the answers of a source are asked for again, in case it has corrected them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recheck {
    /// A day or month is asked for again, a day after it was asked for last, until that was so many days
    /// after its end; 0: never.
    #[serde(deserialize_with = "days")]
    pub days: u32,
}

impl Recheck {
    /// The most days that can be configured.
    pub const MOST_DAYS: u32 = 366;
}

impl Default for Recheck {
    fn default() -> Self {
        Self { days: 1 }
    }
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    const MOST: u32 = Recheck::MOST_DAYS;
    let days = u32::deserialize(deserializer)?;
    let bad = || D::Error::custom(format!("bad days {days}, expected 0 to {MOST}"));
    (days <= MOST).then_some(days).ok_or_else(bad)
}
