//! S3's ListObjects (version 1) as the host answers it: which keys a page has, and its XML.

use std::fmt::Write as _;

use crate::catalog::{Object, Objects};

/// The bucket's name on the real host.
pub(crate) const BUCKET: &str = "data.binance.vision";

/// What a listing request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    pub(crate) marker: String,
    pub(crate) delimiter: Option<String>,
    pub(crate) max_keys: usize,
}

impl Query {
    /// Reads the query of a request; what S3 has and this host does not need is passed over.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut found =
            Self { prefix: String::new(), marker: String::new(), delimiter: None, max_keys: 1_000 };
        for part in query.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = unescape(&value.replace('+', " "));
            match key {
                "prefix" => found.prefix = value,
                "marker" => found.marker = value,
                "delimiter" => found.delimiter = Some(value).filter(|v| !v.is_empty()),
                "max-keys" => {
                    let number: usize = value
                        .parse()
                        .map_err(|_| format!("max-keys is `{value}`, expected a whole number"))?;
                    found.max_keys = number.min(1_000);
                }
                "list-type" => return Err("only ListObjects version 1 is served".to_owned()),
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Undoes percent-encoding; what is no UTF-8 becomes the replacement character.
pub(crate) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).and_then(|d| u8::from_str_radix(d, 16).ok());
        match (bytes[at], digits) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The keys of one page, before their sizes are known.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) objects: Vec<Object>,
    pub(crate) prefixes: Vec<String>,
    /// The last key or common prefix, when more follows.
    pub(crate) next: Option<String>,
}

/// Chooses the keys of a page. `shown` tells whether a key is listed at all.
pub(crate) fn select(all: &Objects<'_>, query: &Query, shown: impl Fn(&Object) -> bool) -> Keys {
    let mut keys = Keys::default();
    if query.max_keys == 0 {
        return keys;
    }
    let common = |key: &str| {
        let delimiter = query.delimiter.as_deref()?;
        let rest = key.strip_prefix(&query.prefix)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(key[..query.prefix.len() + end].to_owned())
    };
    let mut last = None;
    let mut start = query.prefix.clone().max(query.marker.clone());
    // a marker that is a common prefix stands for all keys below it
    if common(&query.marker).is_some_and(|c| c == query.marker) {
        start = after(&query.marker);
    }
    'scan: loop {
        let mut jump = None;
        for object in all.from(&start) {
            if !object.key.starts_with(&query.prefix) {
                break 'scan;
            }
            if object.key <= query.marker || !shown(&object) {
                continue;
            }
            if keys.objects.len() + keys.prefixes.len() == query.max_keys {
                keys.next = last;
                return keys;
            }
            if let Some(common) = common(&object.key) {
                jump = Some(after(&common));
                last = Some(common.clone());
                keys.prefixes.push(common);
                break;
            }
            last = Some(object.key.clone());
            keys.objects.push(object);
        }
        match jump {
            Some(next) => start = next,
            None => break,
        }
    }
    keys
}

/// The first text after all that start with `prefix`.
fn after(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// One key as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    /// Seconds since the epoch.
    pub(crate) modified: i64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) size: u64,
}

/// The XML of a page.
pub(crate) fn xml(
    query: &Query,
    contents: &[Listed],
    prefixes: &[String],
    next: Option<&str>,
) -> String {
    let mut out = String::with_capacity(300 + contents.len() * 320);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n");
    element(&mut out, 1, "Name", BUCKET);
    element(&mut out, 1, "Prefix", &query.prefix);
    element(&mut out, 1, "Marker", &query.marker);
    element(&mut out, 1, "MaxKeys", &query.max_keys.to_string());
    if let Some(delimiter) = &query.delimiter {
        element(&mut out, 1, "Delimiter", delimiter);
    }
    element(&mut out, 1, "IsTruncated", if next.is_some() { "true" } else { "false" });
    if let Some(next) = next.filter(|_| query.delimiter.is_some()) {
        element(&mut out, 1, "NextMarker", next);
    }
    for listed in contents {
        out.push_str("  <Contents>\n");
        element(&mut out, 2, "Key", &listed.key);
        element(&mut out, 2, "LastModified", &iso(listed.modified));
        element(&mut out, 2, "ETag", &format!("\"{}\"", listed.etag));
        element(&mut out, 2, "Size", &listed.size.to_string());
        element(&mut out, 2, "StorageClass", "STANDARD");
        out.push_str("  </Contents>\n");
    }
    for prefix in prefixes {
        out.push_str("  <CommonPrefixes>\n");
        element(&mut out, 2, "Prefix", prefix);
        out.push_str("  </CommonPrefixes>\n");
    }
    out.push_str("</ListBucketResult>\n");
    out
}

/// The XML of an error, in S3's form.
pub(crate) fn error_xml(code: &str, message: &str, key: &str) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n");
    element(&mut out, 1, "Code", code);
    element(&mut out, 1, "Message", message);
    element(&mut out, 1, "Key", key);
    out.push_str("</Error>\n");
    out
}

fn element(out: &mut String, depth: usize, name: &str, text: &str) {
    let text =
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let _ = writeln!(out, "{:1$}<{name}>{text}</{name}>", "", depth * 2);
}

fn iso(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_read_as_s3_does() {
        let query =
            Query::parse("delimiter=%2F&prefix=data%2Fspot/&max-keys=5000&marker=a+b").unwrap();
        let expect = Query {
            prefix: "data/spot/".to_owned(),
            marker: "a b".to_owned(),
            delimiter: Some("/".to_owned()),
            max_keys: 1_000,
        };
        assert_eq!(query, expect);
        assert!(Query::parse("max-keys=x").is_err());
        assert!(Query::parse("list-type=2").is_err());
        assert_eq!(unescape("%zz%e"), "%zz%e");
    }
}
