//! JSON as it was written: objects keep the order and the doubles of their fields, numbers keep
//! their digits. Not what the fields mean.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an object in the order of the text; a name may come twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    /// The object of a value, where it is one.
    pub(crate) fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// All fields.
    pub(crate) fn fields(&self) -> &[(String, &'a RawValue)] {
        &self.0
    }

    /// The first field of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    /// The text of a field: see [`text`].
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    /// The object in a field.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::of)
    }

    /// The fields of a bar as lines have them, where it has all prices: open, high, low, close and,
    /// where there is one, the volume. `plain` tells the name without what a provider adds to it.
    pub(crate) fn bar(&self, plain: fn(&str) -> &str) -> Option<[Cow<'a, str>; 5]> {
        let field = |name: &str| {
            self.0.iter().find(|(n, _)| plain(n) == name).map(|(_, value)| as_field(value))
        };
        let volume = field("volume").unwrap_or_default();
        Some([field("open")?, field("high")?, field("low")?, field("close")?, volume])
    }

    /// Whether a name comes twice.
    pub(crate) fn has_doubles(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The names, for messages: the first few.
    pub(crate) fn names(&self) -> String {
        let mut names: Vec<&str> = self.0.iter().take(8).map(|(n, _)| n.as_str()).collect();
        if self.0.len() > names.len() {
            names.push("…");
        }
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields).map(Object)
    }
}

/// The text of a value: what a string holds, the digits of a number, `true` or `false`. `None` for
/// `null`, objects and lists.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    let raw = value.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(raw.to_owned()),
    }
}

/// A value as a field of a line of CSV: its text as received. What cannot stand there (a comma, a
/// quote, a line end) is told in JSON's own letters, which no reader takes for a number.
pub(crate) fn as_field(value: &RawValue) -> Cow<'_, str> {
    let raw = value.get();
    let plain = |text: &str| !text.contains([',', '"', '\n', '\r']);
    match text(value) {
        Some(text) if plain(&text) => Cow::Owned(text),
        _ if raw.contains(['\n', '\r']) => Cow::Owned(raw.replace(['\n', '\r'], " ")),
        _ => Cow::Borrowed(raw),
    }
}

/// The values of a list, where it is one.
pub(crate) fn items(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_as_written() {
        let text = r#"{"b": 1e-5, "a": "12.3400", "b": null, "c": ["x", 7], "d": {"e": 0.10}}"#;
        let object: Object<'_> = serde_json::from_str(text).expect("object");
        assert!(object.has_doubles());
        assert_eq!(object.names(), "b, a, b, c, d");
        assert_eq!(object.text("b").as_deref(), Some("1e-5"));
        assert_eq!(object.text("a").as_deref(), Some("12.3400"));
        assert_eq!(object.text("c"), None);
        assert_eq!(items(object.get("c").expect("c")).expect("list").len(), 2);
        assert_eq!(object.object("d").and_then(|d| d.text("e")).as_deref(), Some("0.10"));
    }

    #[test]
    fn fields_stand_in_lines() {
        let check = |json: &str, expect: &str| {
            let value: &RawValue = serde_json::from_str(json).expect(json);
            assert_eq!(as_field(value), expect);
        };
        check(r#""127.63990""#, "127.63990");
        check("127.63990000000000000001", "127.63990000000000000001");
        check(r#""NaN""#, "NaN");
        check(r#""""#, "");
        check("null", "null");
        check(r#""1,5""#, r#""1,5""#);
        check(r#""1\n2""#, r#""1\n2""#);
        check("[1,\n2]", "[1, 2]");
    }
}
