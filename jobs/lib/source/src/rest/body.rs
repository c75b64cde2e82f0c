//! An answer's bytes: whether they are JSON, text, a page of HTML or cut off. What the JSON or the
//! text say is the provider's folder's business.

use chrono_tz::Tz;

use super::json::Object;
use super::key::Key;
use super::refusal::{Refusal, Why};

/// An answer as it came.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// The header `Content-Type`, where there was one.
    pub content_type: Option<&'a str>,
    /// The bytes, whole as far as the transport knows.
    pub body: &'a [u8],
}

/// What the bytes are.
pub(crate) enum Body<'a> {
    /// A JSON object.
    Object(Object<'a>),
    /// Anything else that is text.
    Text(&'a str),
}

impl Answer<'_> {
    const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Tells what an answer is. A status that is not good refuses all but objects, which say more.
pub(crate) fn read<'a>(answer: &Answer<'a>, key: &Key, day: Tz) -> Result<Body<'a>, Refusal> {
    let refuse = |why: Why, words: &str| Refusal::new(why, words, key, day);
    let body = answer.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(answer.body);
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(_) if !answer.is_good() => return Err(by_status(answer, "", key, day)),
        // the first bytes of a character at the very end
        Err(error) if error.error_len().is_none() => {
            let words = format!("{} bytes that end inside of a character", body.len());
            return Err(refuse(Why::Cut, &words));
        }
        Err(error) => {
            let words = format!("byte {} is no UTF-8", error.valid_up_to() + 1);
            return Err(refuse(Why::NotUnderstood, &words));
        }
    };
    let start = text.trim_start();
    if is_page(answer, start) {
        let words = title(start);
        return Err(match why_of(answer.status) {
            Some(why) => refuse(why, &format!("status {}, {words}", answer.status)),
            None => refuse(Why::Page, &format!("status {}, {words}", answer.status)),
        });
    }
    if start.starts_with('{') {
        return match serde_json::from_str::<Object<'_>>(text) {
            Ok(object) => Ok(Body::Object(object)),
            // what a status says is surer than what half of an error says
            Err(_) if why_of(answer.status).is_some() => Err(by_status(answer, start, key, day)),
            Err(error) if error.is_eof() => {
                Err(refuse(Why::Cut, &format!("JSON of {} bytes: {error}", body.len())))
            }
            Err(error) => Err(refuse(Why::NotUnderstood, &format!("bad JSON: {error}"))),
        };
    }
    if !answer.is_good() {
        return Err(by_status(answer, start, key, day));
    }
    if start.is_empty() {
        return Err(refuse(Why::Cut, "an empty answer"));
    }
    Ok(Body::Text(text))
}

/// The refusal that a status alone means.
fn by_status(answer: &Answer<'_>, text: &str, key: &Key, day: Tz) -> Refusal {
    let why = why_of(answer.status).unwrap_or(Why::NotUnderstood);
    Refusal::new(why, format!("status {} {text}", answer.status).trim_end(), key, day)
}

/// The object, unless its status says that it holds no data.
pub(crate) fn good<'a>(
    answer: &Answer<'_>,
    object: Object<'a>,
    key: &Key,
    day: Tz,
) -> Result<Object<'a>, Refusal> {
    if answer.is_good() {
        return Ok(object);
    }
    Err(by_status(answer, &format!("with {}", object.names()), key, day))
}

const fn why_of(status: u16) -> Option<Why> {
    match status {
        401 => Some(Why::BadKey),
        414 => Some(Why::BatchTooLong),
        429 => Some(Why::MinuteLimit),
        408 | 425 | 500..=599 => Some(Why::ServerTrouble),
        _ => None,
    }
}

fn is_page(answer: &Answer<'_>, start: &str) -> bool {
    let html = answer.content_type.is_some_and(|t| t.to_ascii_lowercase().contains("text/html"));
    // Alpha Vantage and proxies may call anything text/html: the first byte decides with it
    start.starts_with('<') || (html && !start.starts_with('{') && start.contains("</"))
}

/// What a page calls itself.
fn title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let found = lower.find("<title>").and_then(|at| {
        let from = at + "<title>".len();
        let to = from + lower[from..].find("</title")?;
        Some(format!("a page `{}`", page[from..to].trim()))
    });
    found.unwrap_or_else(|| "a page without a title".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, content_type: Option<&str>, body: &[u8], expect: &str) {
        let key = Key::new("SECRET0123456789").expect("key");
        let found = match read(&Answer { status, content_type, body }, &key, Tz::UTC) {
            Ok(Body::Object(object)) => format!("object of {}", object.names()),
            Ok(Body::Text(text)) => format!("text {text}"),
            Err(refusal) => format!("{:?} {}", refusal.why, refusal.words),
        };
        assert_eq!(found, expect, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn bytes_tell_what_they_are() {
        check(200, Some("text/csv"), br#" {"a": 1}"#, "object of a");
        check(429, None, br#"{"code": 429}"#, "object of code");
        check(200, None, b"\xEF\xBB\xBFtime,a\n", "text time,a\n");
        check(200, Some("text/html"), b"time,a\n", "text time,a\n");
        check(200, None, b"[1]", "text [1]");
        let page = b"<!DOCTYPE html><html><title>Just a moment... SECRET0123456789</title></html>";
        check(200, Some("text/html"), page, "Page status 200, a page `Just a moment... ***`");
        check(502, None, b"<html>", "ServerTrouble status 502, a page without a title");
        check(200, None, b"", "Cut an empty answer");
        check(200, None, b"\r\n", "Cut an empty answer");
        check(
            200,
            None,
            br#"{"a": "b"#,
            "Cut JSON of 8 bytes: EOF while parsing a string at line 1 column 8",
        );
        check(200, None, b"{\"a\": \"\xE5\xB8", "Cut 9 bytes that end inside of a character");
        check(200, None, b"\xFFa", "NotUnderstood byte 1 is no UTF-8");
        check(200, None, b"{} x", "NotUnderstood bad JSON: trailing characters at line 1 column 4");
        check(
            400,
            None,
            b"{\"a",
            "Cut JSON of 3 bytes: EOF while parsing a string at line 1 column 3",
        );
        check(503, None, b"{\"a", "ServerTrouble status 503 {\"a");
        check(401, None, b"", "BadKey status 401");
        check(418, None, b"teapot", "NotUnderstood status 418 teapot");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            text in r#"[<{\[ "a:,}\]]{0,30}"#,
            status in 100..600_u16,
        ) {
            let key = Key::new("SECRET0123456789").expect("key");
            for body in [bytes.as_slice(), text.as_bytes()] {
                let answer = Answer { status, content_type: Some("text/html"), body };
                let _ = read(&answer, &key, Tz::UTC);
            }
        }
    }
}
