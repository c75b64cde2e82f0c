//! Keys of providers, and texts that hold one. Neither is ever printed: `Debug` and `Display` show
//! `***`, and only [`Secret::reveal`] gives the text, to whoever sends it.

use std::fmt;

/// What stands for a secret wherever people look.
const HIDDEN: &str = "***";

/// Most characters of a key.
const LONGEST: usize = 200;

/// Shorter texts are no secrets; to hide them would spoil the words around them.
const SHORTEST_HIDDEN: usize = 6;

/// A provider's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// A text that holds a key: a URL or the value of a header.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A text that can be no key. It is not shown: it may be one with a slip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad key of {length} characters: {problem}, expected 1 to {LONGEST} visible ASCII characters"
)]
pub struct BadKey {
    /// Characters found.
    pub length: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Key {
    /// A key from its text; spaces and line ends around it, as files have them, do not belong.
    ///
    /// # Errors
    /// [`BadKey`] for a text that no header or URL could carry.
    pub fn new(text: &str) -> Result<Self, BadKey> {
        let key = text.trim();
        let length = key.chars().count();
        let problem = if key.is_empty() {
            "it is empty"
        } else if length > LONGEST {
            "it is too long"
        } else if !key.bytes().all(|b| b.is_ascii_graphic()) {
            "it has a space, a control character or one that is not ASCII inside"
        } else {
            return Ok(Self(key.to_owned()));
        };
        Err(BadKey { length, problem })
    }

    /// No key: for reading what was answered.
    pub const fn absent() -> Self {
        Self(String::new())
    }

    /// Whether a text holds the key.
    pub fn is_in(&self, text: &[u8]) -> bool {
        !self.0.is_empty() && memchr::memmem::find(text, self.0.as_bytes()).is_some()
    }

    /// The key itself, for a [`Secret`].
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A text without the key, where a provider repeats it.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.0.len() >= SHORTEST_HIDDEN {
            text = text.replace(&self.0, HIDDEN);
        }
        // Alpha Vantage tells which key it saw, in its own letters
        let told = "API key as ";
        if let Some(at) = text.find(told) {
            let from = at + told.len();
            let to = text[from..].find(char::is_whitespace).map_or(text.len(), |n| from + n);
            text.replace_range(from..to, HIDDEN);
        }
        text
    }
}

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text with the key: for the wire, never for a log, a message or a file.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_and_not_shown() {
        let check = |text: &str, expect: &str| {
            let shown = match Key::new(text) {
                Ok(key) => format!("{key} {key:?} {}", key.as_str().len()),
                Err(bad) => {
                    assert!(text.trim().is_empty() || !bad.to_string().contains(text.trim()));
                    format!("{} {}", bad.length, bad.problem)
                }
            };
            assert_eq!(shown, expect, "{text:?}");
        };
        check("0123456789abcdef", "*** *** 16");
        check(" 0123456789abcdef\r\n", "*** *** 16");
        check("", "0 it is empty");
        check("ab cd", "5 it has a space, a control character or one that is not ASCII inside");
        check("schlüssel", "9 it has a space, a control character or one that is not ASCII inside");
        check(&"k".repeat(201), "201 it is too long");
        assert_eq!(format!("{0} {0:?}", Secret::new("u?apikey=K".to_owned())), "*** ***");
    }

    #[test]
    fn words_lose_the_key() {
        let key = Key::new("SECRET0123456789").expect("key");
        let check = |text: &str, expect: &str| assert_eq!(key.hide(text), expect);
        check("the key SECRET0123456789, SECRET0123456789", "the key ***, ***");
        check(
            "We have detected your API key as other and our",
            "We have detected your API key as *** and our",
        );
        check("your API key as OTHER", "your API key as ***");
        check("nothing", "nothing");
        assert_eq!(Key::new("demo").expect("key").hide("The 'demo' key"), "The 'demo' key");
    }
}
