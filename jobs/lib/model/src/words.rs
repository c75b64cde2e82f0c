//! One macro, for enums whose variants are words that stand in paths, columns and configuration: the
//! word of a variant is written once. And the error of a word that is none of them.

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

/// Declares a closed set of words with `as_str`, `ALL`, `Display`, `FromStr` and serde as text.
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
            type Err = crate::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(crate::words::UnknownWord {
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
