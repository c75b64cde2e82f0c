//! Values of parameters: checked by their type, then written into the SQL as literals.
//!
//! A value never reaches the SQL as it was given: it is read as its type, and what is written
//! is made anew from that. Placeholders inside of texts, quoted names and comments are left
//! alone.

use std::collections::BTreeMap;

use super::header::Param;
use super::kind::Kind;

/// What is wrong with the parameters given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParam {
    /// Not of the form `name=value`.
    #[error("bad parameter `{found}`, expected a form such as --param symbol=BTCUSDT")]
    Form {
        /// What was given.
        found: String,
    },
    /// Given twice.
    #[error("parameter `{name}` is given twice, expected once")]
    Twice {
        /// The parameter.
        name: String,
    },
    /// The query has no such parameter.
    #[error("unknown parameter `{name}`, expected one of: {expected}")]
    Unknown {
        /// The parameter given.
        name: String,
        /// The parameters there are, with an example each.
        expected: String,
    },
    /// A parameter without default was not given.
    #[error("parameter `{name}` ({doc}) is not given, expected such as --param {name}={example}")]
    Missing {
        /// The parameter.
        name: String,
        /// What it means.
        doc: String,
        /// A value that would do.
        example: &'static str,
    },
    /// The value is none of the parameter's type.
    #[error("bad value `{found}` of parameter `{name}`, expected a {kind} such as {}", kind.example())]
    Value {
        /// The parameter.
        name: String,
        /// The value given.
        found: String,
        /// The type wanted.
        kind: Kind,
    },
    /// The text has a placeholder that the header does not declare.
    #[error("the query uses `:{name}`, which its header does not declare")]
    Undeclared {
        /// The placeholder.
        name: String,
    },
}

/// Splits `name=value` texts.
///
/// # Errors
/// [`BadParam::Form`], [`BadParam::Twice`].
pub fn split(given: &[String]) -> Result<BTreeMap<&str, &str>, BadParam> {
    let mut values = BTreeMap::new();
    for text in given {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| BadParam::Form { found: text.clone() })?;
        if values.insert(name, value).is_some() {
            return Err(BadParam::Twice { name: name.to_owned() });
        }
    }
    Ok(values)
}

/// The parameters as a user would give them.
pub fn usage(params: &[Param]) -> String {
    if params.is_empty() {
        return "none, it has no parameters".to_owned();
    }
    let one = |p: &Param| {
        // an empty text is a value too, and often means all
        let value = p.default.as_deref().unwrap_or(p.kind.example());
        format!("--param {}={value} ({})", p.name, p.doc)
    };
    params.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Fills the parameters of a query's text in.
///
/// # Errors
/// [`BadParam`].
pub fn render(text: &str, params: &[Param], given: &[String]) -> Result<String, BadParam> {
    let given = split(given)?;
    if let Some(name) = given.keys().find(|name| params.iter().all(|p| p.name != **name)) {
        let expected = usage(params);
        return Err(BadParam::Unknown { name: (*name).to_owned(), expected });
    }
    let mut literals = BTreeMap::new();
    for Param { name, kind, default, doc } in params {
        let value = given.get(name.as_str()).copied().or(default.as_deref());
        let value = value.ok_or_else(|| BadParam::Missing {
            name: name.clone(),
            doc: doc.clone(),
            example: kind.example(),
        })?;
        let literal = kind.literal(value).ok_or_else(|| BadParam::Value {
            name: name.clone(),
            found: value.to_owned(),
            kind: *kind,
        })?;
        literals.insert(name.as_str(), literal);
    }
    substitute(text, |name| literals.get(name).cloned())
}

/// Fills parameters into free SQL: each value is a number, a day or else a text.
///
/// # Errors
/// [`BadParam`].
pub fn render_free(text: &str, given: &[String]) -> Result<String, BadParam> {
    let given = split(given)?;
    let literal = |value: &str| {
        [Kind::Int, Kind::Decimal, Kind::Date, Kind::Text].iter().find_map(|k| k.literal(value))
    };
    let mut literals = BTreeMap::new();
    for (name, value) in &given {
        let literal = literal(value).ok_or_else(|| BadParam::Value {
            name: (*name).to_owned(),
            found: (*value).to_owned(),
            kind: Kind::Text,
        })?;
        literals.insert(*name, literal);
    }
    let names = placeholders(text);
    if let Some(name) = given.keys().find(|name| !names.iter().any(|n| n == *name)) {
        let expected = if names.is_empty() {
            "none, the SQL has no `:name`".to_owned()
        } else {
            names.join(", ")
        };
        return Err(BadParam::Unknown { name: (*name).to_owned(), expected });
    }
    let sql = substitute(text, |name| literals.get(name).cloned());
    sql.map_err(|error| match error {
        BadParam::Undeclared { name } => {
            BadParam::Missing { name, doc: "in the SQL".to_owned(), example: "BTCUSDT" }
        }
        other => other,
    })
}

/// The names of the placeholders of a text, once each, in order of first use.
pub fn placeholders(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in pieces(text) {
        if let Token::Placeholder(name) = piece
            && !names.iter().any(|n| n == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn substitute(text: &str, literal: impl Fn(&str) -> Option<String>) -> Result<String, BadParam> {
    let mut sql = String::with_capacity(text.len() + 64);
    for piece in pieces(text) {
        match piece {
            Token::Plain(plain) => sql.push_str(plain),
            Token::Placeholder(name) => sql.push_str(
                &literal(name).ok_or_else(|| BadParam::Undeclared { name: name.to_owned() })?,
            ),
        }
    }
    Ok(sql)
}

/// A piece of SQL text.
enum Token<'a> {
    Plain(&'a str),
    Placeholder(&'a str),
}

/// Cuts SQL into placeholders and everything else. A colon that follows a colon (`a::int`) or
/// that no name follows is no placeholder.
fn pieces(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    // the index after the next `end` at or after `from`
    let after = |from: usize, end: &str| {
        text.get(from..).and_then(|t| t.find(end)).map_or(text.len(), |i| from + i + end.len())
    };
    while at < bytes.len() {
        let next = bytes.get(at + 1);
        match bytes[at] {
            // a doubled quote inside opens the next piece at once, which comes to the same
            b'\'' => at = after(at + 1, "'"),
            b'"' => at = after(at + 1, "\""),
            b'-' if next == Some(&b'-') => at = after(at, "\n"),
            b'/' if next == Some(&b'*') => at = after(at + 2, "*/"),
            b':' if next == Some(&b':') => at += 2,
            b':' if next.is_some_and(u8::is_ascii_lowercase) => {
                let end = (at + 1..bytes.len())
                    .find(|i| {
                        let b = bytes[*i];
                        !(b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                    })
                    .unwrap_or(bytes.len());
                pieces.push(Token::Plain(&text[start..at]));
                pieces.push(Token::Placeholder(&text[at + 1..end]));
                (start, at) = (end, end);
            }
            _ => at += 1,
        }
    }
    pieces.push(Token::Plain(&text[start..]));
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn param(name: &str, kind: Kind, default: Option<&str>) -> Param {
        Param {
            name: name.to_owned(),
            kind,
            default: default.map(str::to_owned),
            doc: "doc".to_owned(),
        }
    }

    #[test]
    fn literals_are_made_from_the_type() {
        let check = |kind: Kind, value: &str, expect: Option<&str>| {
            assert_eq!(kind.literal(value).as_deref(), expect, "{kind} {value}");
        };
        check(Kind::Text, "BTCUSDT", Some("'BTCUSDT'"));
        check(Kind::Text, "' OR 1=1 --", Some("''' OR 1=1 --'"));
        check(Kind::Text, "a\0b", None);
        check(Kind::Date, "2024-02-29", Some("DATE '2024-02-29'"));
        check(Kind::Date, "2024-02-30", None);
        check(Kind::Date, "2024-02-29' OR '", None);
        check(Kind::Month, "2024-02", Some("'2024-02'"));
        check(Kind::Month, "2024-2", None);
        check(Kind::Int, "-12", Some("-12"));
        check(Kind::Int, "1; DROP", None);
        check(Kind::Int, "9223372036854775808", None);
        check(Kind::Decimal, "-0.00000001", Some("CAST('-0.00000001' AS decimal(38, 8))"));
        check(Kind::Decimal, "1", Some("CAST('1' AS decimal(38, 8))"));
        for bad in ["", "-", ".5", "1.", "1e5", "0.000000001", "1 OR 1"] {
            check(Kind::Decimal, bad, None);
        }
        check(Kind::Timeframe, "4h", Some("'4h'"));
        check(Kind::Timeframe, "9h", None);
    }

    #[test]
    fn placeholders_stand_only_where_values_do() {
        let check = |text: &str, expect: &str| {
            let params = [param("a", Kind::Int, Some("7"))];
            assert_eq!(render(text, &params, &[]).as_deref(), Ok(expect), "{text}");
        };
        check("SELECT :a, :a", "SELECT 7, 7");
        check("x = ':a' AND y = :a", "x = ':a' AND y = 7");
        check("'it''s :a' || :a", "'it''s :a' || 7");
        check("\":a\" = :a", "\":a\" = 7");
        check("1 -- :a\n + :a", "1 -- :a\n + 7");
        check("1 /* :a */ + :a", "1 /* :a */ + 7");
        check("x::a", "x::a");
        check("'open :a", "'open :a");
        check("a[1: 2]", "a[1: 2]");
        check("é:a", "é7");
    }

    #[test]
    fn wrong_parameters_are_told() {
        let params = [param("symbol", Kind::Text, Some("BTCUSDT")), param("day", Kind::Date, None)];
        let check = |given: &[&str], part: &str| {
            let given: Vec<String> = given.iter().map(|s| (*s).to_owned()).collect();
            let error = render("SELECT :symbol, :day", &params, &given).expect_err(part);
            assert!(error.to_string().contains(part), "{error}");
        };
        check(&[], "--param day=2024-01-31");
        check(&["dya=2024-01-31"], "--param symbol=BTCUSDT (doc), --param day=2024-01-31 (doc)");
        check(&["day=yesterday"], "bad value `yesterday` of parameter `day`, expected a date");
        check(&["day"], "bad parameter `day`");
        check(&["day=2024-01-31", "day=2024-01-30"], "twice");
        assert_eq!(
            render("SELECT :other", &[], &[]),
            Err(BadParam::Undeclared { name: "other".to_owned() })
        );
    }

    #[test]
    fn free_text_takes_parameters_too() {
        let check = |given: &[&str], expect: Result<&str, &str>| {
            let given: Vec<String> = given.iter().map(|s| (*s).to_owned()).collect();
            match (render_free("SELECT :a", &given), expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect),
                (Err(found), Err(part)) => {
                    assert!(found.to_string().contains(part), "{found}");
                }
                (found, expect) => panic!("{found:?}, expected {expect:?}"),
            }
        };
        check(&["a=1"], Ok("SELECT 1"));
        check(&["a=1.5"], Ok("SELECT CAST('1.5' AS decimal(38, 8))"));
        check(&["a=2024-01-31"], Ok("SELECT DATE '2024-01-31'"));
        check(&["a=it's"], Ok("SELECT 'it''s'"));
        check(&["b=1", "a=1"], Err("unknown parameter `b`"));
        check(&[], Err("--param a="));
    }

    proptest! {
        #[test]
        fn no_text_value_ends_its_literal(value in "\\PC{0,40}") {
            let literal = Kind::Text.literal(&value).unwrap();
            // every quote inside is doubled: taken away in pairs, only the outer two are left
            prop_assert_eq!(literal.replace("''", "").matches('\'').count() % 2, 0);
            let inner = &literal[1..literal.len() - 1];
            prop_assert_eq!(inner.replace("''", "'"), value);
        }

        #[test]
        fn text_without_placeholders_is_unchanged(text in "[^:]{0,60}") {
            prop_assert_eq!(render(&text, &[], &[]), Ok(text));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,60}", given in "\\PC{0,20}") {
            let _ = render_free(&text, &[given]);
        }
    }
}
