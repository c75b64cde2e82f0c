//! A request as it goes out, and as people are told of it. Which parameters a provider takes is
//! not known here.

use std::fmt::Write as _;

use model::Timeframe;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::key::{Key, Secret};
use super::symbol::{BadSymbol, Kind};

/// What is encoded in a query: all but what a query may hold as it stands.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b',')
    .remove(b'/')
    .remove(b':');

/// Where a provider takes its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyIn {
    /// In the header `Authorization: apikey KEY`.
    Header,
    /// In the query, as the last parameter: `apikey=KEY`.
    Query,
    /// Nowhere: it takes none.
    Nowhere,
}

/// One GET request. It may be printed: the key does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    path: &'static str,
    query: String,
    key: Key,
    key_in: KeyIn,
    /// A header that is no secret, name in small letters.
    header: Option<(&'static str, &'static str)>,
}

/// What a provider cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unaskable {
    /// A symbol that is none of its kind.
    #[error(transparent)]
    Symbol(#[from] BadSymbol),
    /// No symbol at all.
    #[error("no symbol to ask for, expected one or more")]
    NoSymbol,
    /// A timeframe that the provider does not have.
    #[error("{provider} has no bars of {found}, expected one of {expected}")]
    Timeframe {
        /// The provider.
        provider: &'static str,
        /// The timeframe wanted.
        found: Timeframe,
        /// Those there are.
        expected: &'static str,
    },
    /// A stretch of time that the provider cannot be asked for.
    #[error("{provider} cannot be asked for {found} of {kind}, expected {expected}")]
    Span {
        /// The provider.
        provider: &'static str,
        /// The kind of market.
        kind: Kind,
        /// What was wanted.
        found: String,
        /// What would have done.
        expected: &'static str,
    },
    /// What has archives, and is asked for only where none is there yet.
    #[error("{provider} is asked for no more than what no archive of {found} holds yet")]
    NoTail {
        /// The provider.
        provider: &'static str,
        /// What was wanted.
        found: String,
    },
    /// A number of rows outside of what one answer holds.
    #[error("an answer of {found} rows, expected 1 to {most}")]
    Size {
        /// Rows wanted.
        found: usize,
        /// Most rows of an answer.
        most: usize,
    },
}

impl Request {
    pub(crate) fn new(
        path: &'static str,
        parameters: &[(&str, &str)],
        key: &Key,
        key_in: KeyIn,
    ) -> Self {
        let mut query = String::new();
        for (name, value) in parameters {
            let joint = if query.is_empty() { "" } else { "&" };
            // writing to a string cannot fail
            let _ = write!(query, "{joint}{name}={}", utf8_percent_encode(value, ENCODED));
        }
        Self { path, query, key: key.clone(), key_in, header: None }
    }

    /// The same with a header that is no secret.
    pub(crate) fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// The path, such as `/time_series`.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The query without the key, encoded, without `?`. It names what was asked for: two equal
    /// ones are the same request.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The URL to call at `base` (`https://api.example.com`), with the key where it belongs there.
    pub fn url(&self, base: &str) -> Secret {
        Secret::new(match self.key_in {
            KeyIn::Header | KeyIn::Nowhere => self.told(base),
            KeyIn::Query => format!("{}&apikey={}", self.bare(base), encoded(&self.key)),
        })
    }

    /// The URL for people: `***` stands for the key.
    pub fn told(&self, base: &str) -> String {
        let bare = self.bare(base);
        match self.key_in {
            KeyIn::Header | KeyIn::Nowhere => bare,
            KeyIn::Query => format!("{bare}&apikey={}", self.key),
        }
    }

    /// The headers to send, names in small letters.
    pub fn headers(&self) -> Vec<(&'static str, Secret)> {
        let mut headers = Vec::new();
        if self.key_in == KeyIn::Header {
            let value = format!("apikey {}", self.key.as_str());
            headers.push(("authorization", Secret::new(value)));
        }
        headers.extend(self.header.map(|(name, value)| (name, Secret::new(value.to_owned()))));
        headers
    }

    fn bare(&self, base: &str) -> String {
        format!("{}{}?{}", base.trim_end_matches('/'), self.path, self.query)
    }
}

fn encoded(key: &Key) -> String {
    utf8_percent_encode(key.as_str(), ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_where_it_belongs_and_nowhere_else() {
        let check = |key_in: KeyIn, url: &str, told: &str, headers: &[(&str, &str)]| {
            let key = Key::new("K&EY0123").expect("key");
            let parameters = [("symbol", "EUR/USD,A B"), ("from", "2024-01-01T00:00:00")];
            let request = Request::new("/series", &parameters, &key, key_in);
            let base = "https://api.example.com/";
            assert_eq!(request.url(base).reveal(), url);
            assert_eq!(request.told(base), told);
            let found = request.headers();
            let found: Vec<_> = found.iter().map(|(name, value)| (*name, value.reveal())).collect();
            assert_eq!(found, headers);
            assert!(!format!("{request:?} {:?}", request.headers()).contains("EY0123"));
        };
        let bare = "https://api.example.com/series?symbol=EUR/USD,A%20B&from=2024-01-01T00:00:00";
        check(KeyIn::Header, bare, bare, &[("authorization", "apikey K&EY0123")]);
        let [url, told] = ["K%26EY0123", "***"].map(|key| format!("{bare}&apikey={key}"));
        check(KeyIn::Query, &url, &told, &[]);
        check(KeyIn::Nowhere, bare, bare, &[]);
        let plain = Request::new("/x", &[("a", "b")], &Key::absent(), KeyIn::Nowhere);
        let headers = plain.with("x-unit", "MICROSECOND").headers();
        let [(name, value)] = headers.as_slice() else { panic!("{headers:?}") };
        assert_eq!((*name, value.reveal()), ("x-unit", "MICROSECOND"));
    }
}
