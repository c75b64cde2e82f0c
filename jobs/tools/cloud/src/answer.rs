//! Answers of Athena as a table for people, CSV (RFC 4180) or JSON, in the same words as the
//! program `query` writes them: decimals to the last digit, instants as ISO 8601 in UTC.

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono::NaiveDateTime;
use clap::ValueEnum;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people.
    #[default]
    Table,
    /// Comma-separated, RFC 4180, with a header.
    Csv,
    /// An array of objects; decimals as text.
    Json,
}

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As text.
    Text,
    /// A decimal: as text in JSON too.
    Decimal,
    /// A number of JSON.
    Number,
    /// A double.
    Double,
    /// An instant.
    Instant,
}

impl Kind {
    /// The kind of a type of Athena's.
    pub(crate) fn of(name: &str) -> Self {
        match name.split('(').next().unwrap_or_default() {
            "tinyint" | "smallint" | "integer" | "int" | "bigint" | "boolean" => Self::Number,
            "decimal" => Self::Decimal,
            "double" | "float" | "real" => Self::Double,
            name if name.starts_with("timestamp") => Self::Instant,
            _ => Self::Text,
        }
    }

    /// A value of Athena's in our words.
    pub(crate) fn shown(self, text: &str) -> String {
        match self {
            Self::Instant => instant(text).unwrap_or_else(|| text.to_owned()),
            Self::Double => text.parse().map_or_else(|_| text.to_owned(), double),
            Self::Text | Self::Decimal | Self::Number => text.to_owned(),
        }
    }

    const fn stands_right(self) -> bool {
        matches!(self, Self::Decimal | Self::Number | Self::Double)
    }
}

/// `2024-12-31 23:59:59.000 UTC` as `2024-12-31T23:59:59Z`.
fn instant(text: &str) -> Option<String> {
    let plain = text.strip_suffix(" UTC").unwrap_or(text);
    let time = NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M:%S%.f").ok()?.and_utc();
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// The shortest text that reads back to the number.
fn double(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-6 || number.abs() >= 1e16) {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

/// An answer, read whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// Its columns.
    pub(crate) columns: Vec<(String, Kind)>,
    /// Its rows; `None` is null.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// Whether there are more rows.
    pub(crate) cut: bool,
}

impl Answer {
    /// Writes the answer.
    ///
    /// # Errors
    /// What `out` says.
    pub(crate) fn write(&self, format: Format, mut out: impl Write) -> io::Result<()> {
        match format {
            Format::Table => self.write_table(&mut out)?,
            Format::Csv => {
                write_csv_line(&mut out, self.columns.iter().map(|(name, _)| Some(name.as_str())))?;
                for row in &self.rows {
                    write_csv_line(&mut out, row.iter().map(Option::as_deref))?;
                }
            }
            Format::Json => self.write_json(&mut out)?,
        }
        out.flush()
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let mut widths: Vec<usize> =
            self.columns.iter().map(|(name, _)| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.as_ref().map_or(0, |text| text.chars().count()));
            }
        }
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for ((cell, width), (_, kind)) in cells.zip(&widths).zip(&self.columns) {
                // control characters of raw texts would break the lines of a terminal
                let cell = cell.replace(|c: char| c.is_control(), "\u{fffd}");
                let _ = if kind.stands_right() {
                    write!(text, " {cell:>width$} ")
                } else {
                    write!(text, " {cell:<width$} ")
                };
            }
            writeln!(out, "{}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|(name, _)| name.as_str()))?;
        let dashes: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        line(&mut dashes.iter().map(String::as_str))?;
        for row in &self.rows {
            line(&mut row.iter().map(|cell| cell.as_deref().unwrap_or_default()))?;
        }
        Ok(())
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"[")?;
        for (at, row) in self.rows.iter().enumerate() {
            out.write_all(if at == 0 { b"\n  {" } else { b",\n  {" })?;
            for (at, (cell, (name, kind))) in row.iter().zip(&self.columns).enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let value = match (cell, kind) {
                    (None, _) => "null".to_owned(),
                    (Some(text), Kind::Number) => text.clone(),
                    // JSON knows no infinity and no NaN
                    (Some(text), Kind::Double) => match text.parse::<f64>() {
                        Ok(number) if number.is_finite() => text.clone(),
                        _ => "null".to_owned(),
                    },
                    (Some(text), _) => serde_json::to_string(text)?,
                };
                write!(out, "{comma}{}: {value}", serde_json::to_string(name)?)?;
            }
            out.write_all(b"}")?;
        }
        out.write_all(if self.rows.is_empty() { b"]\n" } else { b"\n]\n" })
    }
}

/// One line of CSV: fields with a comma, quote or line end are quoted, null is empty, and the
/// empty text is `""`.
fn write_csv_line<'a>(
    out: &mut impl Write,
    fields: impl Iterator<Item = Option<&'a str>>,
) -> io::Result<()> {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        match field {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => out.write_all(text.as_bytes())?,
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let row = |symbol: &str, volume: Option<&str>, at: &str, ratio: &str| {
            vec![
                Some(symbol.to_owned()),
                volume.map(ToOwned::to_owned),
                Some(Kind::Instant.shown(at)),
                Some(Kind::Double.shown(ratio)),
            ]
        };
        Answer {
            columns: [
                ("symbol", "varchar"),
                ("volume", "decimal(28,8)"),
                ("at", "timestamp(3) with time zone"),
                ("ratio", "double"),
            ]
            .map(|(name, kind)| (name.to_owned(), Kind::of(kind)))
            .to_vec(),
            rows: vec![
                row("BTC,\"USDT", Some("1.20000000"), "2024-12-31 23:59:59.000 UTC", "1.5E-7"),
                row("", None, "2024-12-31 23:59:59.123 UTC", "NaN"),
            ],
            cut: false,
        }
    }

    fn check(format: Format, expect: &str) {
        let mut out = Vec::new();
        answer().write(format, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn answers_are_written_as_query_writes_them() {
        check(
            Format::Csv,
            "symbol,volume,at,ratio\r\n\"BTC,\"\"USDT\",1.20000000,2024-12-31T23:59:59Z,1.5e-7\r\n\
             \"\",,2024-12-31T23:59:59.123Z,NaN\r\n",
        );
        check(
            Format::Json,
            "[\n  {\"symbol\": \"BTC,\\\"USDT\", \"volume\": \"1.20000000\", \"at\": \
             \"2024-12-31T23:59:59Z\", \"ratio\": 1.5e-7},\n  {\"symbol\": \"\", \"volume\": null, \
             \"at\": \"2024-12-31T23:59:59.123Z\", \"ratio\": null}\n]\n",
        );
        let mut out = Vec::new();
        answer().write(Format::Table, &mut out).unwrap();
        let lines: Vec<String> =
            String::from_utf8(out).unwrap().lines().map(ToOwned::to_owned).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[2], " BTC,\"USDT  1.20000000  2024-12-31T23:59:59Z      1.5e-7");
    }
}
