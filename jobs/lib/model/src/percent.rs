//! Percent-encoding of single names in paths and URLs, as Hive's and Delta's partition folders
//! have it: letters, digits, `-`, `_` and `.` stand for themselves, every other byte of UTF-8 is
//! `%XX`. Whole paths are not encoded here: their slashes would go.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What does not stand for itself.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A name as it stands in a path or URL.
pub(crate) fn encode(name: &str) -> String {
    encode_ref(name).into_owned()
}

/// The same without a copy where nothing is to be encoded.
pub fn encode_ref(name: &str) -> Cow<'_, str> {
    utf8_percent_encode(name, ENCODED).into()
}

/// The name of a part of a path; `None` where it is no UTF-8.
pub(crate) fn decode(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let check = |name: &str, expect: &str| {
            assert_eq!(encode(name), expect);
            assert_eq!(decode(expect).as_deref(), Some(name));
        };
        check("BTCUSD_PERP", "BTCUSD_PERP");
        check("2024-01-31.zip", "2024-01-31.zip");
        check("币安", "%E5%B8%81%E5%AE%89");
        check("a/b=c%d e", "a%2Fb%3Dc%25d%20e");
        assert_eq!(decode("%E5%B8"), None);
    }
}
