//! Answers as a table for people, CSV (RFC 4180) or JSON (an array of objects).
//!
//! Numbers are exact: decimals to the last digit, as text in JSON, for many readers take JSON
//! numbers for doubles. Instants are ISO 8601 in UTC.

use std::io::{self, Write};

use anyhow::Context as _;
use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use model::Day;

use crate::catalog::Catalog;
use crate::params;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
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
enum Kind {
    /// As text; quoted in JSON.
    Text,
    /// A decimal: as text in JSON too.
    Decimal,
    /// A number of JSON.
    Number,
    /// A double.
    Double,
    /// True or false.
    Boolean,
}

impl Kind {
    fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Decimal,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Double,
            DataType::Boolean => Self::Boolean,
            kind if kind.is_integer() => Self::Number,
            _ => Self::Text,
        }
    }

    fn stands_right(self) -> bool {
        matches!(self, Self::Decimal | Self::Number | Self::Double)
    }
}

/// Rows of a table that are laid out together; a longer one goes on under another head, so that no
/// answer has to fit the memory.
const BLOCK: usize = 10_000;

/// Writes an answer batch by batch.
pub struct Printer<W> {
    format: Format,
    columns: Vec<(String, Kind)>,
    table: Table,
    out: W,
    rows: u64,
}

impl<W: Write> Printer<W> {
    /// Starts an answer with these columns.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(format: Format, schema: &Schema, mut out: W) -> io::Result<Self> {
        let columns: Vec<_> =
            schema.fields().iter().map(|f| (f.name().clone(), Kind::of(f.data_type()))).collect();
        match format {
            Format::Table => {}
            Format::Csv => {
                write_csv_line(&mut out, columns.iter().map(|(name, _)| Some(name.as_str())))?;
            }
            Format::Json => out.write_all(b"[")?,
        }
        let table = empty_table(&columns);
        Ok(Self { format, columns, table, out, rows: 0 })
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// What `out` says, or a column of a type that cannot be shown.
    pub fn print(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let texts: Vec<Texts> = batch
            .columns()
            .iter()
            .zip(&self.columns)
            .map(|(column, (name, _))| {
                Texts::new(column).with_context(|| format!("cannot show column `{name}`"))
            })
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<Option<String>> = texts.iter().map(|t| t.get(row)).collect();
            match self.format {
                Format::Table => {
                    let cells = cells.into_iter().zip(&self.columns);
                    self.table.add_row(cells.map(|(text, (_, kind))| {
                        aligned(text.as_deref().unwrap_or_default(), *kind)
                    }));
                    if self.table.row_count() == BLOCK {
                        let block = std::mem::replace(&mut self.table, empty_table(&self.columns));
                        writeln!(self.out, "{}", block.trim_fmt())?;
                    }
                }
                Format::Csv => {
                    write_csv_line(&mut self.out, cells.iter().map(Option::as_deref))?;
                }
                Format::Json => self.write_json_row(cells)?,
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn write_json_row(&mut self, cells: Vec<Option<String>>) -> anyhow::Result<()> {
        self.out.write_all(if self.rows == 0 { b"\n  {" } else { b",\n  {" })?;
        for (at, (text, (name, kind))) in cells.into_iter().zip(&self.columns).enumerate() {
            if at > 0 {
                self.out.write_all(b", ")?;
            }
            serde_json::to_writer(&mut self.out, name)?;
            self.out.write_all(b": ")?;
            match (text, kind) {
                (None, _) => self.out.write_all(b"null")?,
                (Some(text), Kind::Number | Kind::Boolean) => {
                    self.out.write_all(text.as_bytes())?;
                }
                // JSON knows no infinity and no NaN
                (Some(text), Kind::Double) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => self.out.write_all(text.as_bytes())?,
                    _ => self.out.write_all(b"null")?,
                },
                (Some(text), Kind::Text | Kind::Decimal) => {
                    serde_json::to_writer(&mut self.out, &text)?;
                }
            }
        }
        self.out.write_all(b"}")?;
        Ok(())
    }

    /// Ends the answer and tells its rows.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self) -> io::Result<u64> {
        match self.format {
            // a whole number of blocks leaves nothing but a head
            Format::Table if self.rows > 0 && self.table.is_empty() => {}
            Format::Table => writeln!(self.out, "{}", self.table.trim_fmt())?,
            Format::Csv => {}
            Format::Json if self.rows == 0 => self.out.write_all(b"]\n")?,
            Format::Json => self.out.write_all(b"\n]\n")?,
        }
        self.out.flush()?;
        Ok(self.rows)
    }
}

/// A table of these columns without rows.
fn empty_table(columns: &[(String, Kind)]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    // lines around the answer and under its head, none between rows
    for line in [
        TableComponent::HorizontalLines,
        TableComponent::MiddleIntersections,
        TableComponent::LeftBorderIntersections,
        TableComponent::RightBorderIntersections,
    ] {
        table.remove_style(line);
    }
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(name, kind)| aligned(name, *kind)));
    table
}

/// Writes what EXPLAIN answers for people: each plan under its name, line by line as the engine
/// laid it out.
///
/// # Errors
/// What `out` says, or an answer that is none of EXPLAIN.
pub fn plan(batch: &RecordBatch, out: &mut impl Write) -> anyhow::Result<()> {
    let names = Texts::new(batch.column(0))?;
    let plans = Texts::new(batch.columns().last().context("a plan without text")?)?;
    for row in 0..batch.num_rows() {
        writeln!(out, "{}", names.get(row).unwrap_or_default())?;
        for line in plans.get(row).unwrap_or_default().trim_end().lines() {
            writeln!(out, "  {}", line.replace(|c: char| c.is_control(), "\u{fffd}"))?;
        }
    }
    Ok(())
}

fn aligned(text: &str, kind: Kind) -> Cell {
    // control characters of raw texts would break the lines of a terminal
    let text = text.replace(|c: char| c.is_control(), "\u{fffd}");
    let side = if kind.stands_right() { CellAlignment::Right } else { CellAlignment::Left };
    Cell::new(text).set_alignment(side)
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

/// The values of a column as texts.
enum Texts {
    /// Instants in µs, UTC.
    Instant(ArrayRef),
    /// Days.
    Day(ArrayRef),
    /// Whole numbers that fit 64 bits.
    Long(ArrayRef),
    /// Doubles.
    Double(ArrayRef),
    /// Everything else, as Arrow writes it (decimals to the last digit).
    Other(Vec<Option<String>>),
}

impl Texts {
    fn new(column: &ArrayRef) -> anyhow::Result<Self> {
        let cast = |kind: &DataType| arrow::compute::cast(column, kind);
        Ok(match column.data_type() {
            DataType::Timestamp(_, zone) => {
                Self::Instant(cast(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?)
            }
            DataType::Date32 | DataType::Date64 => Self::Day(cast(&DataType::Date32)?),
            DataType::UInt64 => Self::shown(column)?,
            kind if kind.is_integer() => Self::Long(cast(&DataType::Int64)?),
            kind if kind.is_floating() => Self::Double(cast(&DataType::Float64)?),
            _ => Self::shown(column)?,
        })
    }

    fn shown(column: &ArrayRef) -> anyhow::Result<Self> {
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(column, &options)?;
        // a column of nothing but NULL has no mask of its own, and one of words by number has
        // another
        let nulls = column.logical_nulls();
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let texts = (0..column.len())
            .map(|row| (!is_null(row)).then(|| shown.value(row).to_string()))
            .collect();
        Ok(Self::Other(texts))
    }

    fn get(&self, row: usize) -> Option<String> {
        let column = match self {
            Self::Other(texts) => return texts[row].clone(),
            Self::Instant(c) | Self::Day(c) | Self::Long(c) | Self::Double(c) => c,
        };
        column.is_valid(row).then(|| match self {
            Self::Instant(c) => instant(c.as_primitive::<TimestampMicrosecondType>().value(row)),
            Self::Day(c) => {
                let days = c.as_primitive::<Date32Type>().value(row);
                Day::of_epoch_days(days).map_or_else(|| days.to_string(), |day| day.to_string())
            }
            Self::Long(c) => c.as_primitive::<Int64Type>().value(row).to_string(),
            Self::Double(c) => double(c.as_primitive::<Float64Type>().value(row)),
            Self::Other(_) => String::new(),
        })
    }
}

/// An instant as `2024-01-31T23:59:59Z`, with as many decimals as it needs (none, 3 or 6).
fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).map_or_else(
        || micros.to_string(),
        |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
    )
}

/// The shortest text that reads back to the number.
fn double(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-6 || number.abs() >= 1e16) {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

/// Writes the list of queries.
///
/// # Errors
/// What `out` says.
pub fn list(catalog: &Catalog, format: Format, mut out: impl Write) -> anyhow::Result<()> {
    if format != Format::Table {
        let schema = Schema::new(
            ["query", "purpose", "grain", "params"]
                .map(|name| arrow::datatypes::Field::new(name, DataType::Utf8, false))
                .to_vec(),
        );
        let schema = SchemaRef::new(schema);
        let mut columns = vec![Vec::new(); 4];
        for (name, query) in &catalog.queries {
            columns[0].push(name.clone());
            columns[1].push(query.header.purpose.clone());
            columns[2].push(query.header.grain.clone());
            columns[3].push(params::usage(&query.header.params));
        }
        let columns = columns
            .into_iter()
            .map(|texts| {
                ArrayRef::from(Box::new(arrow::array::StringArray::from(texts)) as Box<dyn Array>)
            })
            .collect();
        let batch = RecordBatch::try_new(SchemaRef::clone(&schema), columns)?;
        let mut printer = Printer::new(format, &schema, out)?;
        printer.print(&batch)?;
        printer.finish()?;
        return Ok(());
    }
    for (name, query) in &catalog.queries {
        writeln!(out, "{name}: {}", query.header.purpose)?;
        writeln!(out, "    {}", query.header.grain)?;
        for param in &query.header.params {
            let default = match param.default.as_deref() {
                None => "must be given".to_owned(),
                Some("") => "default empty".to_owned(),
                Some(value) => format!("default {value}"),
            };
            writeln!(
                out,
                "    --param {}=…  {} ({}, {default})",
                param.name, param.doc, param.kind
            )?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Field;

    use super::*;

    fn answer() -> RecordBatch {
        let decimals = Decimal128Array::from(vec![
            Some(1),
            Some(-99_999_999_999_999_999_999_999_999_999_999_999_999),
            None,
        ])
        .with_precision_and_scale(38, 8)
        .unwrap();
        let times = TimestampMicrosecondArray::from(vec![
            Some(1_735_689_600_000_000),
            Some(1_735_689_599_999_999),
            None,
        ])
        .with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None]))),
            ("exact", Arc::new(decimals)),
            ("n", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(0), None]))),
            ("ratio", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), None]))),
            ("yes", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(20_089), Some(-1), None]))),
            ("time", Arc::new(times)),
        ];
        let schema = Schema::new(
            columns
                .iter()
                .map(|(name, c)| Field::new(*name, c.data_type().clone(), true))
                .collect::<Vec<_>>(),
        );
        let columns = columns.into_iter().map(|(_, c)| c).collect();
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    fn printed(format: Format, batch: &RecordBatch) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(format, &batch.schema(), &mut out).unwrap();
        // in two pieces: how an answer is cut must leave no trace
        let half = batch.num_rows() / 2;
        printer.print(&batch.slice(0, half)).unwrap();
        printer.print(&batch.slice(half, batch.num_rows() - half)).unwrap();
        assert_eq!(printer.finish().unwrap(), batch.num_rows() as u64);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_is_rfc_4180() {
        assert_eq!(
            printed(Format::Csv, &answer()),
            "text,exact,n,ratio,yes,day,time\r\n\
             \"a,\"\"b\"\"\",0.00000001,9223372036854775807,0.1,true,2025-01-01,2025-01-01T00:00:00Z\r\n\
             \"\",-999999999999999999999999999999.99999999,0,NaN,false,1969-12-31,2024-12-31T23:59:59.999999Z\r\n\
             ,,,,,,\r\n"
        );
    }

    #[test]
    fn json_reads_back_with_exact_decimals() {
        let text = printed(Format::Json, &answer());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0]["exact"], "0.00000001");
        assert_eq!(rows[1]["exact"], "-999999999999999999999999999999.99999999");
        assert_eq!(rows[0]["n"].as_i64(), Some(i64::MAX));
        assert_eq!(rows[0]["text"], "a,\"b\"");
        assert_eq!(rows[1]["time"], "2024-12-31T23:59:59.999999Z");
        assert!(rows[1]["ratio"].is_null());
        assert!(rows[2].as_object().unwrap().values().all(serde_json::Value::is_null));
        assert_eq!(printed(Format::Json, &answer().slice(0, 0)), "[]\n");
    }

    #[test]
    fn tables_align_numbers_right() {
        let text = printed(Format::Table, &answer());
        let lines: Vec<&str> = text.lines().collect();
        let end = |line: &str, part: &str| {
            let at = line.find(part).unwrap_or_else(|| panic!("{part} in {line}"));
            line[..at].chars().count() + part.chars().count()
        };
        let first = lines.iter().find(|l| l.contains("0.00000001")).unwrap();
        let second = lines.iter().find(|l| l.contains("99999999.99999999")).unwrap();
        assert_eq!(end(first, "0.00000001"), end(second, ".99999999"));
        assert!(lines.iter().all(|l| l.trim_end() == *l), "{text}");
    }

    #[test]
    fn doubles_are_short_and_read_back() {
        for (number, expect) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (1e-9, "1e-9"),
            (93_576.123, "93576.123"),
            (1.5e300, "1.5e300"),
            (-2.5e-7, "-2.5e-7"),
        ] {
            assert_eq!(double(number), expect);
            assert_eq!(double(number).parse::<f64>(), Ok(number));
        }
    }

    #[test]
    fn lists_in_every_form() {
        let catalog = Catalog::built_in().unwrap();
        for format in [Format::Table, Format::Csv, Format::Json] {
            let mut out = Vec::new();
            list(&catalog, format, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for name in catalog.queries.keys() {
                assert!(text.contains(name), "{format:?} {name}");
            }
        }
    }
}
