//! File statistics as the log holds them. Written by hand, because the library passes decimals
//! through f64: here a decimal keeps all its digits, an instant is cut to milliseconds (the
//! greatest one rounded up), and what has no exact bound is left away.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use model::fragment::{DataFile, Stat};
use model::period::Day;
use model::schema::{ColumnType, Table};

/// The statistics of a data file, JSON.
pub(crate) fn json(table: Table, file: &DataFile) -> String {
    let (mut least, mut greatest, mut nulls) = (String::new(), String::new(), String::new());
    for column in table.schema().file_columns() {
        let Some(stats) = file.stats.get(column.name) else { continue };
        let put = |text: &mut String, value: &str| {
            if !text.is_empty() {
                text.push(',');
            }
            let _ = write!(text, "\"{}\":{value}", column.name);
        };
        if let Some(value) = stats.min.as_ref().and_then(|s| bound(column.kind, s, false)) {
            put(&mut least, &value);
        }
        if let Some(value) = stats.max.as_ref().and_then(|s| bound(column.kind, s, true)) {
            put(&mut greatest, &value);
        }
        put(&mut nulls, &stats.nulls.to_string());
    }
    format!(
        "{{\"numRecords\":{},\"minValues\":{{{least}}},\"maxValues\":{{{greatest}}},\
         \"nullCount\":{{{nulls}}}}}",
        file.rows
    )
}

/// A bound as JSON; `None` where it cannot be said exactly.
fn bound(kind: ColumnType, stat: &Stat, is_max: bool) -> Option<String> {
    Some(match (kind, stat) {
        (ColumnType::Long | ColumnType::Int, Stat::Long(value)) => value.to_string(),
        (ColumnType::Date, Stat::Long(days)) => {
            format!("\"{}\"", Day::of_epoch_days(i32::try_from(*days).ok()?)?)
        }
        (ColumnType::Decimal(..), Stat::Decimal(digits)) => plain_number(digits)?,
        (ColumnType::Timestamp, Stat::Micros(micros)) => {
            let up = if is_max { 999 } else { 0 };
            let at = DateTime::from_timestamp_millis(micros.checked_add(up)?.div_euclid(1000))?;
            format!("\"{}\"", at.to_rfc3339_opts(SecondsFormat::Millis, true))
        }
        (ColumnType::Text, Stat::Text(text)) => serde_json::to_string(text).ok()?,
        (ColumnType::Double, Stat::Double(text)) => {
            let value: f64 = text.parse().ok()?;
            // NaN and the infinities have no JSON
            if !value.is_finite() {
                return None;
            }
            serde_json::to_string(&value).ok()?
        }
        _ => return None,
    })
}

/// The digits where they are a JSON number.
fn plain_number(digits: &str) -> Option<String> {
    let body = digits.strip_prefix('-').unwrap_or(digits);
    let (whole, part) = body.split_once('.').unwrap_or((body, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let ok = all_digits(whole) && all_digits(part) && (whole == "0" || !whole.starts_with('0'));
    ok.then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use model::schema::{PRICE, SUM};

    use super::*;

    #[test]
    fn bounds_are_exact() {
        let check = |kind, stat: Stat, least: Option<&str>, greatest: Option<&str>| {
            assert_eq!(bound(kind, &stat, false).as_deref(), least, "least of {stat:?}");
            assert_eq!(bound(kind, &stat, true).as_deref(), greatest, "greatest of {stat:?}");
        };
        let both = |kind, stat: Stat, expect: Option<&str>| check(kind, stat, expect, expect);
        both(ColumnType::Long, Stat::Long(i64::MAX), Some("9223372036854775807"));
        both(PRICE, Stat::Decimal("0.00000001".into()), Some("0.00000001"));
        both(
            SUM,
            Stat::Decimal("-123456789012345678901234567890.12345678".into()),
            Some("-123456789012345678901234567890.12345678"),
        );
        both(PRICE, Stat::Decimal("1e5".into()), None);
        both(PRICE, Stat::Decimal("007.1".into()), None);
        both(ColumnType::Date, Stat::Long(19_723), Some("\"2024-01-01\""));
        both(ColumnType::Text, Stat::Text("a\"b\n".into()), Some(r#""a\"b\n""#));
        both(ColumnType::Double, Stat::Double("0.1".into()), Some("0.1"));
        both(ColumnType::Double, Stat::Double("NaN".into()), None);
        both(ColumnType::Double, Stat::Double("inf".into()), None);
        both(ColumnType::Long, Stat::Text("1".into()), None);
        let at = |micros: i64| Stat::Micros(1_704_067_200_000_000 + micros);
        check(
            ColumnType::Timestamp,
            at(1),
            Some("\"2024-01-01T00:00:00.000Z\""),
            Some("\"2024-01-01T00:00:00.001Z\""),
        );
        both(ColumnType::Timestamp, at(5_000), Some("\"2024-01-01T00:00:00.005Z\""));
        check(
            ColumnType::Timestamp,
            Stat::Micros(-1),
            Some("\"1969-12-31T23:59:59.999Z\""),
            Some("\"1970-01-01T00:00:00.000Z\""),
        );
    }
}
