//! The name of an instrument: which texts may be one. Not which form a market gives it, and not
//! whether a source has it.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory as Is};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};

use crate::percent;

/// Most characters of a symbol.
const LONGEST: usize = 30;
/// Most bytes of a symbol in paths, where a character that is not ASCII takes up to twelve: with
/// what stands around it (`symbol=`, `-aggTrades-2024-01-31.zip`) a name on disk has 255 at most.
const LONGEST_IN_PATHS: usize = 192;

/// The name of an instrument at its source, as the source writes it: `BTCUSDT`, `BTCUSD_PERP`, `BRK.B`,
/// `币安人生USDT`.
///
/// 1 to 30 letters and digits of any script, and `_` and `.` inside: with the marks that belong to
/// letters, composed (NFC), without ASCII's small letters, which no source uses. So no symbol
/// holds what is not seen, turns the direction of writing, or separates words, paths or fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(String);

/// A symbol that its source could not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad symbol `{}`: {problem}, expected {EXPECTED}", found.escape_debug())]
pub struct BadSymbol {
    /// The text found.
    pub found: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a symbol is, for messages.
const EXPECTED: &str = "1 to 30 letters and digits of any script, `_` and `.`, of ASCII's letters \
                        the capital ones, such as BTCUSDT, BTCUSD_PERP, BRK.B or 币安人生USDT";

impl Symbol {
    /// The symbol as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The symbol as a part of a path or URL: percent-encoded, ASCII only.
    pub fn encoded(&self) -> String {
        percent::encode(&self.0)
    }

    /// What two symbols have in common that people, or file systems that know no case and no
    /// Unicode forms, cannot tell apart.
    pub fn folded(&self) -> String {
        let nfkc = ComposingNormalizerBorrowed::new_nfkc();
        // down and up: capitals such as `ẞ` have no other capital, their small letter has one
        let one_case = nfkc.normalize(&self.0).to_uppercase().to_lowercase().to_uppercase();
        nfkc.normalize(&one_case).into_owned()
    }
}

impl FromStr for Symbol {
    type Err = BadSymbol;

    fn from_str(text: &str) -> Result<Self, BadSymbol> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(problem) => Err(BadSymbol { found: text.to_owned(), problem }),
        }
    }
}

/// What is wrong with a text that should be a symbol.
fn fault(text: &str) -> Option<String> {
    let length = text.chars().take(LONGEST + 1).count();
    if length == 0 {
        return Some("it is empty".to_owned());
    }
    if length > LONGEST {
        return Some(format!("it has more than {LONGEST} characters"));
    }
    if let Some(end) = [text.chars().next(), text.chars().next_back()]
        .into_iter()
        .flatten()
        .find(|c| matches!(c, '_' | '.'))
    {
        return Some(format!("`{end}` stands at an end of it"));
    }
    let mut before = None;
    for c in text.chars() {
        if !belongs(c, before) {
            // what is not seen is told by its number
            return Some(format!("U+{:04X} does not belong in it", u32::from(c)));
        }
        before = Some(c);
    }
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    if !nfc.is_normalized(text) {
        return Some(format!("it is not composed (NFC), as in `{}`", nfc.normalize(text)));
    }
    let bytes = percent::encode(text).len();
    (bytes > LONGEST_IN_PATHS)
        .then(|| format!("it has {bytes} bytes in paths, of at most {LONGEST_IN_PATHS}"))
}

/// Whether a character may stand in a symbol, after `before`.
fn belongs(c: char, before: Option<char>) -> bool {
    if c.is_ascii() {
        return c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    }
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) {
        return false;
    }
    match CodePointMapData::<Is>::new().get(c) {
        Is::UppercaseLetter
        | Is::LowercaseLetter
        | Is::TitlecaseLetter
        | Is::ModifierLetter
        | Is::OtherLetter
        | Is::DecimalNumber => true,
        // vowel signs and the like, which are nothing without a letter
        Is::NonspacingMark | Is::SpacingMark => {
            before.is_some_and(|before| !matches!(before, '_' | '.'))
        }
        _ => false,
    }
}

impl TryFrom<String> for Symbol {
    type Error = BadSymbol;

    fn try_from(text: String) -> Result<Self, BadSymbol> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_capitals_digits_and_what_stands_between_them() {
        let check = |text: &str, expect: bool| {
            assert_eq!(text.parse::<Symbol>().is_ok(), expect, "{text}");
        };
        for good in ["BTCUSDT", "1000SHIBUSDT", "BTCUSD_PERP", "BRK.B", "F"] {
            check(good, true);
        }
        for bad in ["btcusdt", "BTC/USDT", "", "_BTC", "BRK.", ".", "_"] {
            check(bad, false);
        }
    }

    #[test]
    fn symbols_are_of_any_script() {
        for text in
            ["币安人生USDT", "我踏马来了USDT", "ΩUSDT", "ДОЖUSDT", "हिन्दीUSDT", "٣USDT", "한국"]
        {
            let symbol: Symbol = text.parse().expect(text);
            assert_eq!(symbol.as_str(), text);
            assert!(symbol.encoded().is_ascii(), "{}", symbol.encoded());
        }
        let symbol: Symbol = "币USDT_230331".parse().expect("symbol");
        assert_eq!(symbol.encoded(), "%E5%B8%81USDT_230331");

        let bad = |text: &str, expect: &str| {
            let error = text.parse::<Symbol>().expect_err(text).to_string();
            assert!(error.contains(expect), "{error}");
            assert!(!error.contains(char::is_control), "{error}");
        };
        bad("", "it is empty");
        bad(&"币".repeat(31), "more than 30 characters");
        bad(&"币".repeat(22), "198 bytes in paths, of at most 192");
        bad("币USDT_", "stands at an end");
        // decomposed; and what only looks like nothing
        bad("A\u{308}USDT", "not composed (NFC), as in `ÄUSDT`");
        bad("\u{308}USDT", "U+0308 does not belong");
        bad("BTC_\u{94d}X", "U+094D does not belong");
        for c in [
            '\u{0}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{2028}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e000}',
            '\u{fffd}',
            '\u{10ffff}',
            '/',
            '\\',
            '%',
            '-',
            '=',
            '／',
            '．',
            '＝',
            '‐',
            '🐂',
            '½',
            '€',
        ] {
            let number = format!("U+{:04X} does not belong", u32::from(c));
            bad(&format!("BTC{c}USDT"), &number);
        }
    }

    #[test]
    fn symbols_that_look_alike_fold_to_one() {
        let check = |a: &str, b: &str, expect: bool| {
            let [a, b] = [a, b].map(|text| text.parse::<Symbol>().expect(text));
            assert_eq!(a.folded() == b.folded(), expect, "{a} {b}");
        };
        check("ΩUSDT", "ωUSDT", true);
        check("ΣΑΣ", "ΣΑς", true);
        check("ẞX", "SSX", true);
        check("ＢＴＣUSDT", "BTCUSDT", true);
        check("币安人生USDT", "币安人生USDC", false);
        check("ÄUSDT", "AUSDT", false);
        check("BTCUSDT", "BTCUSDC", false);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"\PC{0,40}", wild in proptest::prelude::any::<String>()) {
            for text in [text, wild] {
                if let Ok(symbol) = text.parse::<Symbol>() {
                    proptest::prop_assert_eq!(symbol.as_str(), &text);
                    let encoded = symbol.encoded();
                    proptest::prop_assert!(encoded.len() <= LONGEST_IN_PATHS);
                    proptest::prop_assert_eq!(percent::decode(&encoded), Some(text));
                    let _ = symbol.folded();
                }
            }
        }
    }
}
