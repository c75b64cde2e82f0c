//! Words that stand in paths, columns and configuration. Two macros: [`words!`](crate::words!) for
//! closed sets, where the word of a variant is written once, and `names!` for open ones, of which
//! only the form is known here. And the errors of a word that is none of them.

/// A word that belongs to none of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`, expected one of {}", .expected.join(", "))]
pub struct UnknownWord {
    /// What kind of word was wanted, such as `market`.
    pub what: &'static str,
    /// The word found.
    pub found: String,
    /// The words that would have done.
    pub expected: &'static [&'static str],
}

/// A text that does not have the form of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad {what} `{}`, expected 1 to {LONGEST} of a-z, 0-9 and _, a letter first", found.escape_debug())]
pub struct BadName {
    /// What kind of name was wanted, such as `market`.
    pub what: &'static str,
    /// The text found.
    pub found: String,
}

/// Most bytes of a name.
pub(crate) const LONGEST: usize = 16;

/// The bytes of a name, zeros behind them: `None` where the text does not have the form of one.
pub(crate) const fn name_bytes(text: &str) -> Option<[u8; LONGEST]> {
    let text = text.as_bytes();
    if text.is_empty() || text.len() > LONGEST || !text[0].is_ascii_lowercase() {
        return None;
    }
    let mut bytes = [0; LONGEST];
    let mut at = 0;
    while at < text.len() {
        if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return None;
        }
        bytes[at] = text[at];
        at += 1;
    }
    Some(bytes)
}

/// Declares an open set of short names, small enough to be copied, with `new` for constants, `as_str`,
/// `Display`, `FromStr` and serde as text. Their order is that of their texts.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; crate::words::LONGEST]);

        impl $name {
            /// A name that the code knows.
            ///
            /// # Panics
            /// When the text does not have the form of a name.
            pub const fn new(text: &str) -> Self {
                match crate::words::name_bytes(text) {
                    Some(bytes) => Self(bytes),
                    None => panic!("no name"),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                let length = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
                // only ASCII gets in
                std::str::from_utf8(&self.0[..length]).unwrap_or_default()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::words::BadName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                crate::words::name_bytes(text)
                    .map(Self)
                    .ok_or_else(|| crate::words::BadName { what: $what, found: text.to_owned() })
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::words::BadName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}
pub(crate) use names;

/// Declares a closed set of words with `as_str`, `ALL`, `Display`, `FromStr` and serde as text.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for this variant in paths, columns and configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::words::UnknownWord {
                        what: $what,
                        found: word.to_owned(),
                        expected: &[$($word),+],
                    }),
                }
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::market::Market;

    #[test]
    fn names_are_short_words() {
        let check = |text: &str, expect: bool| {
            let name = text.parse::<Market>();
            assert_eq!(name.as_ref().ok().map(Market::as_str), expect.then_some(text), "{text}");
        };
        for good in ["spot", "a", "x_1", "abcdefghijklmnop"] {
            check(good, true);
        }
        for bad in ["", "Spot", "1x", "_x", "a-b", "a/b", "ñ", "abcdefghijklmnopq", "a\0", "a b"] {
            check(bad, false);
        }
        let error = "Füture".parse::<Market>().expect_err("not a name").to_string();
        assert_eq!(
            error,
            "bad market `Füture`, expected 1 to 16 of a-z, 0-9 and _, a letter first"
        );
        assert!(Market::new("spot") < Market::new("spot2"));
        let json = serde_json::to_string(&Market::new("spot")).expect("text");
        assert_eq!(json, "\"spot\"");
        assert_eq!(serde_json::from_str::<Market>(&json).ok(), Some(Market::new("spot")));
    }
}
