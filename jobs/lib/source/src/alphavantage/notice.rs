//! The notices that Alpha Vantage sends instead of data, with status 200: what each of its sentences
//! means.

use chrono_tz::Tz;

use crate::rest::{Answer, Body, Concerns, Key, Object, Refusal, Why, good, read};

/// The zone whose midnight is taken for the end of the provider's day.
pub(super) const DAY: Tz = Tz::US__Eastern;

/// What an answer is, where it is no notice.
pub(super) fn whole<'a>(answer: &Answer<'a>, key: &Key) -> Result<Body<'a>, Refusal> {
    match read(answer, key, DAY)? {
        Body::Object(object) => match refusal_of(&object, key) {
            Some(refusal) => Err(refusal),
            None => Ok(Body::Object(good(answer, object, key, DAY)?)),
        },
        text @ Body::Text(_) => Ok(text),
    }
}

/// The object of an answer that must be one.
pub(super) fn object<'a>(answer: &Answer<'a>, key: &Key) -> Result<Object<'a>, Refusal> {
    match whole(answer, key)? {
        Body::Object(object) => Ok(object),
        Body::Text(text) => Err(strange(&format!("expected an object, found {text}"), key)),
    }
}

pub(super) fn refuse(why: Why, words: &str, key: &Key) -> Refusal {
    Refusal::new(why, words, key, DAY)
}

pub(super) fn strange(words: &str, key: &Key) -> Refusal {
    refuse(Why::NotUnderstood, words, key)
}

/// The refusal that an object is, where it is one.
fn refusal_of(object: &Object<'_>, key: &Key) -> Option<Refusal> {
    let (name, notice) = object.fields().iter().find_map(|(name, value)| {
        let notice = ["information", "note", "error message", "message"];
        let known = notice.iter().any(|notice| name.trim().eq_ignore_ascii_case(notice));
        known.then(|| (name, crate::rest::text(value).unwrap_or_default()))
    })?;
    let lower = notice.to_lowercase();
    let refusal = refuse(why(&lower), &format!("{name}: {notice}"), key);
    // other words of a bad call speak of its parameters, which are those of every symbol
    let of_all = refusal.why == Why::BadRequest && !lower.contains("invalid api call");
    Some(if of_all { refusal.concerning(Concerns::Function) } else { refusal })
}

/// The kind of a notice in small letters. The order matters: notices of a burst and of plans also
/// tell the limit of the day.
fn why(notice: &str) -> Why {
    let says = |words: &[&str]| words.iter().any(|word| notice.contains(word));
    if says(&["artificial", "illustration purposes"]) {
        Why::Artificial
    } else if says(&["demo** api key", "demo api key"]) {
        Why::DemoKey
    } else if says(&["apikey is invalid", "apikey is missing", "api key is invalid"]) {
        Why::BadKey
    } else if says(&["burst", "per second", "spreading out", "sparingly"]) {
        Why::BurstLimit
    } else if says(&["premium endpoint", "premium feature", "premium function"])
        && !says(&["rate limit is"])
    {
        Why::PremiumOnly
    } else if says(&["per minute"]) {
        Why::MinuteLimit
    } else if says(&["per day", "daily rate limit"]) {
        Why::DayLimit
    } else if says(&["invalid api call", "invalid input", "parameter"]) {
        Why::BadRequest
    } else {
        Why::NotUnderstood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_apart() {
        let key = Key::new("SECRET0123456789").expect("key");
        let check = |field: &str, words: &str, expect: &str| {
            let body = format!("{{\"{field}\": \"{words}\"}}");
            let answer = Answer { status: 200, content_type: None, body: body.as_bytes() };
            let Err(refusal) = whole(&answer, &key) else { panic!("{body} is no refusal") };
            let Refusal { why, concerns, again, words } = refusal;
            assert_eq!(format!("{why:?} {concerns:?} {again:?}"), expect, "{body}");
            assert!(words.starts_with(field) && !words.contains("SECRET"), "{words}");
        };
        check(
            "Information",
            "We have detected your API key as SECRET0123456789 and our standard API rate limit is \
             25 requests per day. Please subscribe to any of the premium plans",
            "DayLimit Key AfterDay(US/Eastern)",
        );
        check(
            "Note",
            "Our standard API call frequency is 5 calls per minute and 500 calls per day.",
            "MinuteLimit Key AfterMinute",
        );
        check(
            "Information",
            "Please consider spreading out your free API requests more sparingly (1 request per \
             second) to lift the free key rate limit (25 requests per day)",
            "BurstLimit Key AfterSecond",
        );
        check(
            "Information",
            "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY \
             endpoint.",
            "PremiumOnly Function Never",
        );
        check(
            "Information",
            "The **demo** API key is for demo purposes only. Please claim your free API key",
            "DemoKey Key Never",
        );
        check(
            "Error Message",
            "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY.",
            "BadRequest Symbol Never",
        );
        check("Error Message", "Invalid inputs. Please refer to it", "BadRequest Function Never");
        check("Information", "Something new", "NotUnderstood Symbol Never");
        check(
            "message",
            "This is a premium endpoint. THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL",
            "Artificial Function Never",
        );
    }
}
