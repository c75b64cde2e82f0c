//! The header of a query file: comment lines before the SQL.
//!
//! ```text
//! -- purpose: what it answers
//! -- grain: what one row of the answer is
//! -- param: symbol text = BTCUSDT "the instrument"
//! -- param: day date "the day"
//! ```
//!
//! A parameter without `= value` must be given. `''` is the empty text.

use super::kind::Kind;
use crate::words::UnknownWord;

/// The header of a query file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What it answers.
    pub purpose: String,
    /// What one row of the answer is.
    pub grain: String,
    /// Its parameters, in order.
    pub params: Vec<Param>,
}

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name; it stands as `:name` in the text.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Its value where none is given; `None`: one must be given.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// What is wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// A line that cannot be read.
    #[error("line {line}: found `{found}`, expected {expected}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// What would have done.
        expected: &'static str,
    },
    /// A type that no parameter has.
    #[error("line {line}")]
    Type {
        /// The line, from 1.
        line: usize,
        /// Why.
        source: UnknownWord,
    },
    /// A line that every header has is not there.
    #[error("found no `-- {0}:` line, expected one before the SQL")]
    Absent(&'static str),
}

const PARAM_FORM: &str = "a form such as `-- param: symbol text = BTCUSDT \"the instrument\"`";

impl Header {
    /// Reads the header of a query's text.
    ///
    /// # Errors
    /// [`BadHeader`].
    pub fn parse(text: &str) -> Result<Self, BadHeader> {
        let (mut purpose, mut grain, mut params) = (None, None, Vec::<Param>::new());
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let Some(comment) = line.strip_prefix("--") else { break };
            let bad = |expected| BadHeader::Line { line: at + 1, found: line.to_owned(), expected };
            match comment.trim().split_once(':') {
                Some(("purpose", words)) => purpose = Some(words.trim().to_owned()),
                Some(("grain", words)) => grain = Some(words.trim().to_owned()),
                Some(("param", words)) => {
                    let param = parse_param(words.trim(), at + 1, bad)?;
                    if params.iter().any(|p| p.name == param.name) {
                        return Err(bad("a parameter once"));
                    }
                    params.push(param);
                }
                // other comments are for readers
                _ => {}
            }
        }
        Ok(Self {
            purpose: purpose.ok_or(BadHeader::Absent("purpose"))?,
            grain: grain.ok_or(BadHeader::Absent("grain"))?,
            params,
        })
    }
}

fn parse_param(
    words: &str,
    line: usize,
    bad: impl Fn(&'static str) -> BadHeader,
) -> Result<Param, BadHeader> {
    let form = || bad(PARAM_FORM);
    let (head, doc) = words.strip_suffix('"').and_then(|w| w.split_once('"')).ok_or_else(form)?;
    let (head, default) = match head.split_once('=') {
        Some((head, value)) => (head, Some(value.trim())),
        None => (head, None),
    };
    let mut head = head.split_whitespace();
    let (Some(name), Some(kind), None) = (head.next(), head.next(), head.next()) else {
        return Err(form());
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_name || default == Some("") {
        return Err(form());
    }
    let kind: Kind = kind.parse().map_err(|source| BadHeader::Type { line, source })?;
    let default = default.map(|value| if value == "''" { "" } else { value }.to_owned());
    if let Some(value) = &default
        && kind.literal(value).is_none()
    {
        return Err(bad("a default value of the parameter's type"));
    }
    Ok(Param { name: name.to_owned(), kind, default, doc: doc.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expect: Result<&str, &str>) {
        let text = format!("-- purpose: p\n-- grain: g\n{lines}\nSELECT 1 -- param: x\n");
        let found = Header::parse(&text)
            .map(|h| {
                h.params
                    .iter()
                    .map(|p| format!("{} {} {:?} {}", p.name, p.kind, p.default, p.doc))
                    .collect::<Vec<_>>()
                    .join("; ")
            })
            .map_err(|e| e.to_string());
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{lines}"),
            (Err(found), Err(part)) => assert!(found.contains(part), "{lines}: {found}"),
            (found, expect) => panic!("{lines}: {found:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn headers_read() {
        check("", Ok(""));
        check("-- any remark: is fine", Ok(""));
        check("-- param: day date \"the day\"", Ok("day date None the day"));
        check(
            "-- param: symbol text = BTCUSDT \"it = x\"\n\n-- param: n int = 3 \"n\"",
            Ok("symbol text Some(\"BTCUSDT\") it = x; n int Some(\"3\") n"),
        );
        check("-- param: s text = '' \"s\"", Ok("s text Some(\"\") s"));
        check("-- param: day date", Err("line 3"));
        check("-- param: day date = \"d\"", Err("expected a form such as"));
        check("-- param: day date = 2024 \"d\"", Err("of the parameter's type"));
        check("-- param: day dates \"d\"", Err("line 3"));
        check("-- param: Day date \"d\"", Err("expected a form such as"));
        check("-- param: a int \"d\"\n-- param: a int \"d\"", Err("line 4"));
        assert_eq!(Header::parse("SELECT 1"), Err(BadHeader::Absent("purpose")));
        assert_eq!(Header::parse("-- purpose: p\nSELECT 1"), Err(BadHeader::Absent("grain")));
    }
}
