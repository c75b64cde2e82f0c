//! Tests of groups of what is told of now: answers as kept in, Parquet out, to the last digit.

use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use chrono::DateTime;
use model::unit::sha256_hex;
use model::{RawArchive, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use source::alphavantage::AlphaVantage;
use source::questions::{Envelope, Received, pack};

use super::*;

/// A day's answer: the unit's id and the body.
type Answer<'a> = (&'a str, &'a str);

/// The raw object of an answer.
fn kept(body: &str) -> Vec<u8> {
    let received = Received { status: 200, content_type: None, body: body.as_bytes().to_vec() };
    let envelope =
        Envelope::of("alphavantage", "https://host/query", DateTime::UNIX_EPOCH, &received);
    pack(&[(envelope, received)]).expect("a zip")
}

/// What the answers of a series are built into: rows as `column=value`, only what is there but the
/// archive's hash; the group; and the folder in which its files are.
fn build_of(
    answers: &[Answer<'_>],
    damage: Option<usize>,
) -> (Vec<Vec<String>>, Built, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
    let mut inputs = Vec::new();
    for (place, (id, body)) in answers.iter().enumerate() {
        let mut bytes = kept(body);
        let (sha256, length) = (sha256_hex(&bytes), bytes.len() as u64);
        if damage == Some(place) {
            bytes.truncate(bytes.len() - 1);
        }
        let path = lake.temp().join(format!("{place}.zip"));
        std::fs::write(&path, &bytes).expect("write");
        let fetched_at = DateTime::UNIX_EPOCH;
        let archive = RawArchive { object: "a.zip".to_owned(), sha256, bytes: length, fetched_at };
        let unit: Unit = id.parse().expect(id);
        inputs.push(Input { unit, archive, path, _copy: None });
    }
    let table = Table::of_dataset(inputs[0].unit.dataset);
    let (partitions, units) = (Vec::new(), Vec::new());
    let group = Group {
        id: "group".to_owned(),
        table,
        partitions,
        units,
        reading: None,
        prices: None,
        tails: Vec::new(),
    };
    let limits = Limits::new(32, 1);
    let meter = Meter::new("silver", false);
    let built = build(&lake, &AlphaVantage, &group, &inputs, &limits, &meter).expect("a group");
    assert!(built.units.iter().all(|unit| unit.counts.add_up()));
    let rows = built.files.iter().flat_map(|(_, file)| rows(file.staged.path())).collect();
    (rows, built, folder)
}

/// The rows of a file.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let file = File::open(path).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
    let mut rows = Vec::new();
    for batch in reader.expect("reader") {
        let batch = batch.expect("batch");
        for row in 0..batch.num_rows() {
            let mut words = Vec::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if !column.is_null(row) && field.name() != "raw_sha256" {
                    let text = array_value_to_string(column, row).expect("a value");
                    words.push(format!("{}={text}", field.name()));
                }
            }
            rows.push(words);
        }
    }
    rows
}

/// The rejects of a group: reason and text.
fn rejects(built: &Built) -> Vec<String> {
    let mut texts = Vec::new();
    for (reason, file) in built.units.iter().flat_map(|unit| &unit.rejects) {
        let file = File::open(file.staged.path()).expect("open");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
        for batch in reader.expect("reader") {
            let batch = batch.expect("batch");
            let raw = batch["raw_text"].as_string::<i32>();
            let field = batch["field"].as_string::<i32>();
            for row in 0..batch.num_rows() {
                let field = if field.is_null(row) { "-" } else { field.value(row) };
                texts.push(format!("{reason} {field} {}", raw.value(row)));
            }
        }
    }
    texts
}

/// A real answer, or nothing where there is none here.
fn real(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
    let folder = std::env::var(model::env::SHARED)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let path = PathBuf::from(folder).join("data/alphavantage").join(name);
    if path.exists() {
        return Some(std::fs::read_to_string(path).expect("text"));
    }
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "no {}", path.display());
    eprintln!("skipped: no {}", path.display());
    None
}

/// A decimal as its column prints it: zeros up to the scale.
fn padded(text: &str, scale: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}.{fraction:0<scale$}")
}

#[test]
fn a_real_overview_is_kept_to_the_last_digit() {
    let Some(body) = real("OVERVIEW_b1e86153.json") else { return };
    let id = "alphavantage/stocks/fundamentals/IBM/2026-05-18";
    let (rows, built, _folder) = build_of(&[(id, &body)], None);
    let row = &rows[0];
    assert_eq!(rows.len(), 1);
    let counts = built.units[0].counts;
    assert_eq!((counts.read, counts.silver, counts.invalid), (1, 1, 0));
    // every figure that the answer has is in the row with the digits that it has there
    let answer: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&body).expect("an object");
    let left_out = [
        "Symbol",
        "Description",
        "Address",
        "OfficialSite",
        "AnalystRatingStrongBuy",
        "AnalystRatingBuy",
        "AnalystRatingHold",
        "AnalystRatingSell",
        "AnalystRatingStrongSell",
    ];
    let told: Vec<&str> = answer
        .iter()
        .filter(|(name, _)| !left_out.contains(&name.as_str()))
        .map(|(_, value)| value.as_str().expect("a text"))
        .collect();
    let values: Vec<&str> =
        row.iter().map(|word| word.split_once('=').expect("a value").1).collect();
    for text in &told {
        let is_there = values.iter().any(|found| *found == *text || *found == padded(text, 8));
        assert!(is_there, "{text} is not in {row:?}");
    }
    // and nothing beside them but the day and that it is valid
    assert_eq!(row.len(), told.len() + 2, "{row:?}");
    for expect in [
        "as_of=2026-05-18",
        "latest_quarter=2026-03-31",
        "name=International Business Machines",
        "currency=USD",
        "market_capitalization=206116848000.00000000",
        "eps=11.29000000",
        "pe_ratio=19.42000000",
        "ev_to_revenue=3.97600000",
        "percent_institutions=65.31500000",
        "ex_dividend_date=2026-05-08",
        "is_valid=true",
    ] {
        assert!(row.iter().any(|word| word == expect), "{expect} is not in {row:?}");
    }
}

#[test]
fn a_real_quote_is_kept_to_the_last_digit() {
    let Some(body) = real("GLOBAL_QUOTE_db7544f0.csv") else { return };
    let (rows, ..) = build_of(&[("alphavantage/stocks/last_quotes/IBM/2026-05-18", &body)], None);
    let expect = [
        "as_of=2026-05-18",
        "latest_day=2026-05-15",
        "open=218.20000000",
        "high=220.91000000",
        "low=217.61500000",
        "price=219.30000000",
        "volume=6154450.00000000",
        "previous_close=218.37000000",
        "change=0.93000000",
        "change_percent=0.42590000",
        "is_valid=true",
    ];
    assert_eq!(rows, [expect]);
}

#[test]
fn what_is_not_told_is_null_and_what_does_not_fit_is_a_reject() {
    let id = |day: u32| format!("alphavantage/stocks/fundamentals/IBM/2026-05-{day:02}");
    let days = [id(18), id(19), id(20), id(21)];
    let body = |eps: &str| format!(r#"{{"Symbol": "IBM", "EPS": "{eps}", "PERatio": "None"}}"#);
    let bodies = [body("-"), body("0.123456789"), body("-1.5"), body("n/a")];
    let answers: Vec<Answer<'_>> =
        days.iter().zip(&bodies).map(|(id, body)| (id.as_str(), body.as_str())).collect();
    let (rows, built, _folder) = build_of(&answers, None);
    assert_eq!(
        rows,
        [
            vec!["as_of=2026-05-18", "is_valid=true"],
            vec!["as_of=2026-05-20", "eps=-1.50000000", "is_valid=true"],
        ]
    );
    assert_eq!(built.files.len(), 1, "a month is one partition");
    let found = rejects(&built);
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("out_of_range eps {\"latest_quarter\":null,"), "{found:?}");
    assert!(found[1].starts_with("unreadable eps {"), "{found:?}");
}

#[test]
fn rows_of_a_list_are_sorted_settled_and_counted() {
    let dividend = |day: &str, amount: &str, paid: &str| {
        format!(
            r#"{{"ex_dividend_date": "{day}", "payment_date": "{paid}", "amount": "{amount}"}}"#
        )
    };
    let data = [
        dividend("2024-11-12", "1.67", "2024-12-10"),
        dividend("2024-08-09", "1.67", "None"),
        // the same again, the same day with another payment, and a second one of the day
        dividend("2024-11-12", "1.67", "2024-12-10"),
        dividend("2024-11-12", "1.67", "2024-12-11"),
        dividend("2024-11-12", "0.5", "2024-12-10"),
        r#"{"ex_dividend_date": "None", "amount": "1"}"#.to_owned(),
    ];
    let body = format!(r#"{{"symbol": "IBM", "data": [{}]}}"#, data.join(","));
    let (rows, built, _folder) =
        build_of(&[("alphavantage/stocks/dividends/IBM/2026-05-18", &body)], None);
    let as_of = "as_of=2026-05-18";
    let (amount, paid) = ("amount=1.67000000", "payment_date=2024-12-10");
    assert_eq!(
        rows,
        [
            vec![as_of, "ex_date=2024-08-09", amount, "is_valid=true"],
            vec![as_of, "ex_date=2024-11-12", "amount=0.50000000", paid, "is_valid=true"],
            vec![
                as_of,
                "ex_date=2024-11-12",
                amount,
                paid,
                "is_valid=true",
                "issues=conflicting_duplicate"
            ],
        ]
    );
    let counts = built.units[0].counts;
    assert_eq!((counts.read, counts.silver, counts.rejected), (6, 3, 1));
    assert_eq!((counts.duplicate, counts.conflicting), (2, 1));
    let found = rejects(&built);
    assert_eq!(found[0], r#"unreadable - {"ex_dividend_date": "None", "amount": "1"}"#);
    assert!(found[1].starts_with("conflicting_duplicate ex_date {\"ex_date\":\"2024-11-12\""));
    assert!(found[1].contains("2024-12-11"), "{found:?}");
}

#[test]
fn months_are_files_and_an_empty_list_is_no_row() {
    let split = r#"{"symbol": "IBM", "data": [{"effective_date": "1999-05-27", "split_factor": "2.0000"}]}"#;
    let none = r#"{"symbol": "IBM", "data": []}"#;
    let (rows, built, _folder) = build_of(
        &[
            ("alphavantage/stocks/splits/IBM/2026-05-18", split),
            ("alphavantage/stocks/splits/IBM/2026-05-25", none),
            ("alphavantage/stocks/splits/IBM/2026-06-01", split),
        ],
        None,
    );
    let row = |day: &str| {
        let rest = ["ex_date=1999-05-27", "shares_new=2.00000000", "shares_old=1.00000000"];
        let mut row = vec![format!("as_of={day}")];
        row.extend(rest.map(str::to_owned));
        row.push("is_valid=true".to_owned());
        row
    };
    assert_eq!(rows, [row("2026-05-18"), row("2026-06-01")]);
    assert_eq!(built.files.len(), 2);
    assert_eq!(built.units[1].counts, RowCounts::default());
    assert!(built.units.iter().all(|unit| unit.corrupt.is_none() && unit.notes.is_empty()));
}

#[test]
fn a_damaged_archive_is_left_out_and_leaves_the_others() {
    let body = r#"{"Symbol": "IBM", "EPS": "11.29"}"#;
    let days = [18, 19].map(|day| format!("alphavantage/stocks/fundamentals/IBM/2026-05-{day}"));
    let answers = [(days[0].as_str(), body), (days[1].as_str(), body)];
    let (rows, built, _folder) = build_of(&answers, Some(0));
    assert_eq!(rows, [["as_of=2026-05-19", "eps=11.29000000", "is_valid=true"]]);
    let reason = built.units[0].corrupt.as_deref().unwrap_or_default();
    assert!(reason.starts_with("the raw object has"), "{reason}");
    assert!(built.units[1].corrupt.is_none());
    // the same answers make the same bytes
    let sums = |built: &Built| -> Vec<u32> { built.files.iter().map(|(_, f)| f.crc32).collect() };
    let (_, again, _folder) = build_of(&answers, Some(0));
    assert_eq!(sums(&built), sums(&again));
}

#[test]
fn prices_and_texts_have_the_types_of_the_table() {
    let body = r#"{"Symbol": "IBM", "EPS": "11.29", "RevenueTTM": "68910998000"}"#;
    let (_, built, _folder) =
        build_of(&[("alphavantage/stocks/fundamentals/IBM/2026-05-18", body)], None);
    let file = File::open(built.files[0].1.staged.path()).expect("open");
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").schema().clone();
    let kind = |name: &str| schema.field_with_name(name).expect(name).data_type().clone();
    assert_eq!(kind("eps"), DataType::Decimal128(18, 8));
    assert_eq!(kind("revenue"), DataType::Decimal128(28, 8));
    assert_eq!((kind("as_of"), kind("name")), (DataType::Date32, DataType::Utf8));
}
