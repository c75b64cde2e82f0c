//! One page of an S3-style listing (ListObjects v1), read as a stream of XML events.
//! Bytes in, entries out: nothing here asks for a page or knows what a key means.

use chrono::{DateTime, Utc};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Most characters of what a host says of itself.
const SHOWN: usize = 200;

/// What is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPage {
    /// Not a listing at all, such as a web page.
    #[error("starts with `{found}`, expected an S3 listing (<ListBucketResult>)")]
    NoListing {
        /// The first characters found.
        found: String,
    },
    /// The host refuses in S3's own form.
    #[error("the host answers {code}: {message}")]
    Refused {
        /// S3's code, such as `NoSuchBucket`.
        code: String,
        /// Its words.
        message: String,
    },
    /// Broken or cut XML.
    #[error("byte {at}: {what}")]
    Xml {
        /// Where.
        at: u64,
        /// What was found, or expected.
        what: String,
    },
}

/// One object of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Its ETag, quotes included.
    pub etag: Option<String>,
    /// When it was last changed.
    pub modified: Option<DateTime<Utc>>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Page {
    /// Its objects, in the host's order.
    pub objects: Vec<Object>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<String>,
}

/// The elements that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    ListBucketResult,
    Contents,
    Key,
    LastModified,
    ETag,
    Size,
    IsTruncated,
    NextMarker,
    EncodingType,
    CommonPrefixes,
    Prefix,
    Error,
    Code,
    Message,
    Other,
}

impl Element {
    fn of(name: &[u8]) -> Self {
        match name {
            b"ListBucketResult" => Self::ListBucketResult,
            b"Contents" => Self::Contents,
            b"Key" => Self::Key,
            b"LastModified" => Self::LastModified,
            b"ETag" => Self::ETag,
            b"Size" => Self::Size,
            b"IsTruncated" => Self::IsTruncated,
            b"NextMarker" => Self::NextMarker,
            b"EncodingType" => Self::EncodingType,
            b"CommonPrefixes" => Self::CommonPrefixes,
            b"Prefix" => Self::Prefix,
            b"Error" => Self::Error,
            b"Code" => Self::Code,
            b"Message" => Self::Message,
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct Parser {
    objects: Vec<Object>,
    object: Object,
    truncated: bool,
    next: Option<String>,
    encoded: bool,
    last_prefix: Option<String>,
    code: String,
    message: String,
}

impl Parser {
    /// Takes the text of an element, by the elements that it is in.
    fn take(&mut self, path: &[Element], text: &str) {
        use Element as E;
        let own = || (!text.is_empty()).then(|| text.to_owned());
        match path {
            [E::ListBucketResult, E::Contents, E::Key] => text.clone_into(&mut self.object.key),
            [E::ListBucketResult, E::Contents, E::Size] => self.object.bytes = text.parse().ok(),
            [E::ListBucketResult, E::Contents, E::ETag] => self.object.etag = own(),
            [E::ListBucketResult, E::Contents, E::LastModified] => {
                self.object.modified =
                    DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc));
            }
            [E::ListBucketResult, E::Contents] => {
                self.objects.push(std::mem::take(&mut self.object));
            }
            [E::ListBucketResult, E::IsTruncated] => self.truncated = text == "true",
            [E::ListBucketResult, E::NextMarker] => self.next = own(),
            [E::ListBucketResult, E::EncodingType] => self.encoded = text == "url",
            [E::ListBucketResult, E::CommonPrefixes, E::Prefix] => {
                self.last_prefix = Some(text.to_owned());
            }
            [E::Error, E::Code] => text.clone_into(&mut self.code),
            [E::Error, E::Message] => text.clone_into(&mut self.message),
            _ => {}
        }
    }

    fn page(mut self) -> Page {
        let decode = |text: String| if self.encoded { percent_decoded(&text) } else { text };
        for object in &mut self.objects {
            object.key = decode(std::mem::take(&mut object.key));
        }
        let next = self.truncated.then(|| {
            // without a delimiter S3 leaves NextMarker out: go on from the last entry
            self.next.map(decode).or_else(|| {
                let key = self.objects.last().map(|o| o.key.clone());
                key.max(self.last_prefix.map(decode))
            })
        });
        Page { objects: self.objects, next: next.flatten() }
    }
}

/// `%41+b` is `A b`.
fn percent_decoded(text: &str) -> String {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        match (bytes[i], hex(bytes.get(i + 1)), hex(bytes.get(i + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                i += 2;
            }
            (b'+', ..) => plain.push(b' '),
            (byte, ..) => plain.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Reads a page.
///
/// # Errors
/// [`BadPage`]; a page that is cut anywhere is an [`BadPage::Xml`].
pub(super) fn parse(body: &[u8]) -> Result<Page, BadPage> {
    let mut reader = Reader::from_reader(body);
    let mut parser = Parser::default();
    let mut path: Vec<Element> = Vec::new();
    let mut text = String::new();
    let mut seen_root = false;
    // what begins so and ends before its first element was cut
    let is_xml = body.starts_with(b"<?xml");
    loop {
        let at = reader.buffer_position();
        let broken = |what: String| BadPage::Xml { at, what };
        let event = reader.read_event().map_err(|error| {
            if seen_root || is_xml { broken(error.to_string()) } else { no_listing(body) }
        })?;
        match event {
            Event::Start(start) => {
                let element = Element::of(start.local_name().as_ref());
                if path.is_empty() {
                    if seen_root || !matches!(element, Element::ListBucketResult | Element::Error) {
                        return Err(no_listing(body));
                    }
                    seen_root = true;
                }
                path.push(element);
                text.clear();
            }
            Event::Empty(start) if path.is_empty() => {
                // `<ListBucketResult/>` is an empty listing
                if seen_root || start.local_name().as_ref() != b"ListBucketResult" {
                    return Err(no_listing(body));
                }
                seen_root = true;
            }
            Event::Text(piece) => {
                text.push_str(&piece.decode().map_err(|e| broken(e.to_string()))?);
            }
            Event::CData(piece) => {
                text.push_str(&piece.decode().map_err(|e| broken(e.to_string()))?);
            }
            Event::GeneralRef(entity) => {
                let name = entity.decode().map_err(|e| broken(e.to_string()))?;
                if let Some(c) = entity.resolve_char_ref().map_err(|e| broken(e.to_string()))? {
                    text.push(c);
                } else if let Some(plain) = resolve_predefined_entity(&name) {
                    text.push_str(plain);
                } else {
                    return Err(broken(format!("unknown entity `&{name};`")));
                }
            }
            Event::End(_) => {
                parser.take(&path, text.trim());
                path.pop();
                text.clear();
            }
            Event::Eof if !path.is_empty() => {
                return Err(broken("the page is cut, expected </ListBucketResult>".to_owned()));
            }
            Event::Eof if !seen_root && is_xml => {
                return Err(broken("the page is cut, expected <ListBucketResult>".to_owned()));
            }
            Event::Eof if !seen_root => return Err(no_listing(body)),
            Event::Eof => break,
            _ => {}
        }
    }
    if parser.code.is_empty() {
        Ok(parser.page())
    } else {
        let [code, message] = [parser.code, parser.message].map(|text| shown(&text));
        Err(BadPage::Refused { code, message })
    }
}

/// A host's words as they may stand on a terminal.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

fn no_listing(body: &[u8]) -> BadPage {
    let start = String::from_utf8_lossy(&body[..body.len().min(160)]);
    BadPage::NoListing { found: shown(&start.chars().take(40).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<ListBucketResult \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>"
        )
    }

    fn object(key: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2023-07-18T04:11:20.000Z</LastModified>\
             <ETag>&quot;x&quot;</ETag><Size>7</Size><Owner><ID>o</ID></Owner></Contents>"
        )
    }

    /// The keys, and `>` with the marker of the next page; or the error.
    fn check(body: &str, expect: &str) {
        let got = match parse(body.as_bytes()) {
            Ok(page) => {
                let mut words: Vec<String> = page.objects.into_iter().map(|o| o.key).collect();
                words.extend(page.next.map(|next| format!(">{next}")));
                words.join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expect, "{body}");
    }

    #[test]
    fn pages_of_every_form() {
        let cut = "<IsTruncated>true</IsTruncated>";
        check(&page(""), "");
        check("<ListBucketResult/>", "");
        check(&page(&object("a/b.zip")), "a/b.zip");
        check(&page(&(object("a") + &object("b") + cut)), "a b >b");
        check(&page(&format!("{cut}<NextMarker>c</NextMarker>{}", object("a"))), "a >c");
        check(&page(&format!("{}<NextMarker>c</NextMarker>", object("a"))), "a");
        check(
            &page(&format!(
                "{cut}{}<CommonPrefixes><Prefix>z/</Prefix></CommonPrefixes>",
                object("a")
            )),
            "a >z/",
        );
        check(
            &page(&format!("<EncodingType>url</EncodingType>{cut}{}", object("a%2Fb+%26%zz%"))),
            "a/b &%zz% >a/b &%zz%",
        );
        check(&page(&object("a&amp;b&#x41;<![CDATA[<&]]>")), "a&bA<&");
        check(&page("").replace("<ListB", "<s3:ListB").replace("</ListB", "</s3:ListB"), "");
        check(&page("<Prefix>data/</Prefix><Marker></Marker><Contents/>"), "");
    }

    #[test]
    fn what_is_no_listing_is_said() {
        check("", "starts with ``, expected an S3 listing (<ListBucketResult>)");
        check(
            "<!DOCTYPE html><html><body>hello</body></html>",
            "starts with `<!DOCTYPE html><html><body>hello</body><`, expected an S3 listing \
             (<ListBucketResult>)",
        );
        check(
            "<Error><Code>NoSuchBucket</Code><Message>no &quot;x&quot;</Message></Error>",
            "the host answers NoSuchBucket: no \"x\"",
        );
        check(
            &format!(
                "<Error><Code>A&#x1b;[31m</Code><Message>{}</Message></Error>",
                "x".repeat(999)
            ),
            &format!("the host answers A\\u{{1b}}[31m: {}", "x".repeat(SHOWN)),
        );
        let whole = page(&object("a"));
        for end in 5..whole.len() {
            let cut = parse(&whole.as_bytes()[..end]);
            assert!(matches!(cut, Err(BadPage::Xml { .. })), "cut at byte {end}: {cut:?}");
        }
        check(&page("&nbsp;"), "byte 88: unknown entity `&nbsp;`");
    }

    #[test]
    fn a_real_page() {
        #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
        let folder = std::env::var(model::env::SHARED).unwrap_or_else(|_| {
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared").to_owned()
        });
        let file = format!("{folder}/data/binance/listing/daily-page1.xml");
        let Ok(body) = std::fs::read(&file) else {
            #[expect(clippy::disallowed_methods, reason = "a test's switch")]
            let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
            assert!(!must, "no {file}");
            eprintln!("skipped: no {file}");
            return;
        };
        let page = parse(&body).expect("a page");
        assert_eq!(page.objects.len(), 12);
        assert_eq!(
            page.objects[0],
            Object {
                key: "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-17.zip".to_owned(),
                bytes: Some(29_761),
                etag: Some("\"014a8d177da3bf9839c293f341804d26\"".to_owned()),
                modified: "2023-07-18T04:11:20Z".parse().ok(),
            }
        );
        assert_eq!(
            page.next.as_deref(),
            Some("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-22.zip.CHECKSUM")
        );
    }

    const WORDS: &[&str] = &[
        "<ListBucketResult>",
        "<ListBucketResult xmlns:a='b'>",
        "</ListBucketResult>",
        "<Contents>",
        "</Contents>",
        "<Contents/>",
        "<Key>",
        "</Key>",
        "<Size>",
        "</Size>",
        "<IsTruncated>",
        "</IsTruncated>",
        "<NextMarker>",
        "</NextMarker>",
        "<EncodingType>url</EncodingType>",
        "<CommonPrefixes>",
        "</CommonPrefixes>",
        "<Prefix>",
        "</Prefix>",
        "<Error>",
        "</Error>",
        "<!-- ",
        " -->",
        "<![CDATA[",
        "]]>",
        "<?xml version='1.0'?>",
        "<!DOCTYPE a [",
        "&quot;",
        "&#0;",
        "&#x110000;",
        "&x;",
        "true",
        "99999999999999999999",
        "%4",
        "%ff",
        "é",
    ];

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&body);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..400, byte in any::<u8>(), end in 0_usize..500) {
            let mut body = page(&(object("a") + &object("b%20"))).into_bytes();
            let length = body.len();
            body[at % length] = byte;
            body.truncate(end);
            let _ = parse(&body);
        }

        #[test]
        fn no_order_of_its_words_makes_it_panic(
            words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60),
        ) {
            let _ = parse(words.concat().as_bytes());
        }

        #[test]
        fn any_key_reads_back(key in "[ -~é]{1,40}") {
            let escaped = quick_xml::escape::escape(key.as_str()).into_owned();
            let page = parse(page(&object(&escaped)).as_bytes()).expect("page");
            prop_assert_eq!(page.objects[0].key.as_str(), key.trim());
        }
    }
}
