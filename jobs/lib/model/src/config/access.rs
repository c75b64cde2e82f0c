//! How a source is to be reached that wants a key or counts requests: where the key is, and what may
//! be asked. The key itself is never in a configuration.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a source's key is. A program reads it there when it needs it, and never tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyPlace {
    /// In a variable of the environment: `env:TWELVEDATA_KEY`.
    Env(String),
    /// In a file that its owner alone may read: `file:/etc/market-lake/twelvedata`.
    File(PathBuf),
    /// In a parameter of Systems Manager: `ssm:/market-lake/twelvedata`.
    Ssm(String),
    /// In a secret of Secrets Manager, by its name or its ARN: `secretsmanager:market-lake/twelvedata`.
    SecretsManager(String),
}

/// A text that is no place of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad key, expected where it is and never the key itself: `env:NAME`, `file:/PATH`, `ssm:NAME` or \
     `secretsmanager:NAME`"
)]
pub struct BadKeyPlace;

impl TryFrom<String> for KeyPlace {
    type Error = BadKeyPlace;

    /// What is not understood may be the key itself, and is not repeated.
    fn try_from(text: String) -> Result<Self, BadKeyPlace> {
        let (kind, name) = text.split_once(':').ok_or(BadKeyPlace)?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "/_.-+=@:".contains(c);
        if name.is_empty() || name.len() > 512 {
            return Err(BadKeyPlace);
        }
        match kind {
            "env" if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                Ok(Self::Env(name.to_owned()))
            }
            "file" if name.starts_with('/') && !name.contains(char::is_control) => {
                Ok(Self::File(name.into()))
            }
            "ssm" if name.chars().all(is_word) => Ok(Self::Ssm(name.to_owned())),
            "secretsmanager" if name.chars().all(is_word) => {
                Ok(Self::SecretsManager(name.to_owned()))
            }
            _ => Err(BadKeyPlace),
        }
    }
}

impl From<KeyPlace> for String {
    fn from(place: KeyPlace) -> Self {
        place.to_string()
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Ssm(name) => write!(f, "ssm:{name}"),
            Self::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
        }
    }
}

/// What may be asked of a source. Where a section has it, all of it holds as it stands there, and what is
/// left out is not limited; where it has none, the limits of the provider's free plan hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestLimits {
    /// Requests a second, evenly spread.
    pub requests_per_second: Option<u32>,
    /// Credits in any 60 s.
    pub per_minute: Option<u32>,
    /// Credits a day.
    pub per_day: Option<u32>,
    /// Requests of a process at once.
    pub concurrency: Option<u32>,
    /// The zone whose midnight ends the provider's day, such as `America/New_York`.
    pub day_ends: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back_and_keys_are_not_repeated() {
        for text in [
            "env:KEY_1",
            "file:/run/secrets/my key",
            "ssm:/market-lake/dev/twelvedata",
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf",
        ] {
            let place = KeyPlace::try_from(text.to_owned()).expect(text);
            assert_eq!(String::from(place), text);
        }
        for text in [
            "",
            "0123456789abcdef",
            "env:",
            "env:A B",
            "file:key",
            "file:/a\nb",
            "ssm:a b",
            "vault:x",
        ] {
            assert_eq!(KeyPlace::try_from(text.to_owned()), Err(BadKeyPlace), "{text}");
        }
        assert!(!BadKeyPlace.to_string().contains("0123"));
    }
}
