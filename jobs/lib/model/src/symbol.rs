//! The name of an instrument, and what it says of itself. Not whether a source has it.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory as Is};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};

use crate::market::Market;
use crate::percent;
use crate::period::Day;

/// When dated contracts are delivered, in µs after midnight UTC: 08:00.
const DELIVERY_MICROS: i64 = 8 * 3_600_000_000;

/// Most characters of a symbol.
const LONGEST: usize = 30;
/// Most bytes of a symbol in paths, where a character that is not ASCII takes up to twelve: with
/// what stands around it (`symbol=`, `-aggTrades-2024-01-31.zip`) a name on disk has 255 at most.
const LONGEST_IN_PATHS: usize = 192;

/// The name of an instrument at its source, as the source writes it: `BTCUSDT`, `BTCUSD_PERP`,
/// `币安人生USDT`.
///
/// 2 to 30 letters and digits of any script, and `_` inside: with the marks that belong to
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
const EXPECTED: &str = "2 to 30 letters and digits of any script and `_`, of ASCII's letters the \
                        capital ones, such as BTCUSDT, BTCUSD_PERP or 币安人生USDT";

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

    /// Whether this symbol has the form that `market` uses. Spot knows no `_`; COIN-M always
    /// has one (`BTCUSD_PERP`); USD-M has one for dated contracts only (`BTCUSDT_250328`).
    pub fn fits(&self, market: Market) -> bool {
        match market {
            Market::Spot => !self.0.contains('_'),
            Market::Usdm => true,
            Market::Coinm => self.0.contains('_'),
        }
    }

    /// When the contract ends by its name: a dated one (`BTCUSD_210625`, `BTCUSDT_230331`) is
    /// delivered at 08:00 UTC on that day. In µs since the epoch, the first instant after its last
    /// trade; `None` for what has no date.
    pub fn expiry(&self) -> Option<i64> {
        let (_, date) = self.0.rsplit_once('_')?;
        if date.len() != 6 || !date.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let day: Day = format!("20{}-{}-{}", &date[..2], &date[2..4], &date[4..]).parse().ok()?;
        Some(day.start_micros() + DELIVERY_MICROS)
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
    if length < 2 {
        return Some("it is too short".to_owned());
    }
    if length > LONGEST {
        return Some(format!("it has more than {LONGEST} characters"));
    }
    if text.starts_with('_') || text.ends_with('_') {
        return Some("`_` stands at an end of it".to_owned());
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
        return c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
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
        Is::NonspacingMark | Is::SpacingMark => before.is_some_and(|before| before != '_'),
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
    fn symbols_have_the_form_of_their_market() {
        let check = |text: &str, expect: Option<[bool; 3]>| {
            let fits = text
                .parse::<Symbol>()
                .ok()
                .map(|s| [s.fits(Market::Spot), s.fits(Market::Usdm), s.fits(Market::Coinm)]);
            assert_eq!(fits, expect, "{text}");
        };
        check("BTCUSDT", Some([true, true, false]));
        check("1000SHIBUSDT", Some([true, true, false]));
        check("BTCUSD_PERP", Some([false, true, true]));
        check("btcusdt", None);
        check("BTC/USDT", None);
        check("", None);
        check("_BTC", None);
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
        assert!(symbol.expiry().is_some());

        let bad = |text: &str, expect: &str| {
            let error = text.parse::<Symbol>().expect_err(text).to_string();
            assert!(error.contains(expect), "{error}");
            assert!(!error.contains(char::is_control), "{error}");
        };
        bad("币", "too short");
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
            '.',
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
                    let _ = (symbol.expiry(), symbol.folded());
                }
            }
        }
    }

    #[test]
    fn dated_contracts_expire_at_eight() {
        let check = |text: &str, expect: Option<&str>| {
            let symbol: Symbol = text.parse().expect(text);
            let expect = expect.map(|time| {
                chrono::DateTime::parse_from_rfc3339(time).expect(time).timestamp_micros()
            });
            assert_eq!(symbol.expiry(), expect, "{text}");
        };
        check("BTCUSD_210625", Some("2021-06-25T08:00:00Z"));
        check("BTCUSDT_230331", Some("2023-03-31T08:00:00Z"));
        check("BTCUSD_PERP", None);
        check("BTCUSDT", None);
        // no date, or none in the calendar
        check("BTCUSD_2106", None);
        check("BTCUSD_211325", None);
        check("BTCUSD_230229", None);
        check("BTC210625", None);
    }
}
