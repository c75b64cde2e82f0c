//! Tests of whole groups: zips in, Parquet out. A plain and slow model of what must come out
//! stands beside the real thing.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use source::binance;
use zip::write::SimpleFileOptions;

use super::*;

pub(super) const DAY_1: &str = "binance/spot/trades/BTCUSDT/2024-01-01";
const DAY_2: &str = "binance/spot/trades/BTCUSDT/2024-01-02";
pub(super) const MONTH: &str = "binance/spot/trades/BTCUSDT/2024-01";
const SHA: [&str; 3] = ["aaaa", "bbbb", "cccc"];

/// Milliseconds of 2024-01-01T00:00:00Z.
pub(super) const START: i64 = 1_704_067_200_000;
pub(super) const DAY: i64 = 86_400_000;

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).expect("member");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("zip").into_inner()
}

/// The CSV in a unit's zip.
fn member_name(unit: &Unit) -> String {
    binance::archive::file_name(unit).replace(".zip", ".csv")
}

/// The zip of a unit as the exchange would make it.
pub(super) fn archive_of(id: &str, csv: &str) -> Vec<u8> {
    let unit: Unit = id.parse().expect(id);
    zip_of(&[(&member_name(&unit), csv.as_bytes())])
}

pub(super) struct Lab {
    _folder: tempfile::TempDir,
    lake: Lake,
    pub(super) limits: Limits,
}

/// A group of a table, of which nothing else counts.
fn group_of(table: Table) -> Group {
    let (partitions, units) = (Vec::new(), Vec::new());
    Group {
        id: "group".to_owned(),
        table,
        partitions,
        units,
        reading: None,
        prices: None,
        tails: Vec::new(),
    }
}

impl Lab {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("tempdir");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        let limits = Limits { memory: 8 << 20, row_group_rows: 1_000, block: BLOCK };
        Self { _folder: folder, lake, limits }
    }

    fn inputs(&self, archives: &[(&str, Vec<u8>)]) -> Vec<Input> {
        archives
            .iter()
            .enumerate()
            .map(|(place, (id, bytes))| {
                let path = self.lake.temp().join(format!("{place}.zip"));
                std::fs::write(&path, bytes).expect("write");
                let archive = RawArchive {
                    object: "somewhere".to_owned(),
                    sha256: SHA[place % SHA.len()].to_owned(),
                    bytes: bytes.len() as u64,
                    fetched_at: "2024-03-01T00:00:00Z".parse().expect("instant"),
                };
                Input { unit: id.parse().expect(id), archive, path, _copy: None }
            })
            .collect()
    }

    pub(super) fn build(&self, archives: &[(&str, Vec<u8>)]) -> Built {
        let inputs = self.inputs(archives);
        let table = Table::of_dataset(inputs[0].unit.dataset);
        let built = build(
            &self.lake,
            &binance::Binance,
            &group_of(table),
            &inputs,
            &self.limits,
            &Meter::new("silver", false),
        )
        .expect("build");
        for unit in &built.units {
            assert!(unit.counts.add_up(), "{:?}", unit.counts);
        }
        built
    }
}

/// Rows of a trades file: id, time (µs), issues, archive.
type Seen = Vec<(i64, i64, String, String)>;

fn read(finished: &Finished) -> Seen {
    let file = File::open(finished.staged.path()).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
    let mut seen = Vec::new();
    for batch in reader.expect("reader") {
        let batch = batch.expect("batch");
        let ids = batch["trade_id"].as_primitive::<Int64Type>();
        let times = batch["time"].as_primitive::<TimestampMicrosecondType>();
        let issues = batch["issues"].as_string::<i32>();
        let raws = batch["raw_sha256"].as_string::<i32>();
        let valid = batch["is_valid"].as_boolean();
        for row in 0..batch.num_rows() {
            let words = if issues.is_null(row) { "" } else { issues.value(row) };
            assert_eq!(
                valid.value(row),
                words.split(',').all(|w| w.is_empty() || w == "conflicting_duplicate")
            );
            seen.push((
                ids.value(row),
                times.value(row),
                words.to_owned(),
                raws.value(row).to_owned(),
            ));
        }
    }
    assert_eq!(seen.len() as u64, finished.rows);
    seen
}

pub(super) fn trade(id: i64, millis: i64) -> String {
    format!("{id},10.00000000,0.50000000,5.00000000,{millis},True,True\n")
}

pub(super) fn other_trade(id: i64, millis: i64) -> String {
    format!("{id},10.00000000,0.60000000,6.00000000,{millis},True,True\n")
}

pub(super) fn counts(built: &Built) -> Vec<RowCounts> {
    built.units.iter().map(|u| u.counts).collect()
}

pub(super) fn of(
    read: u64,
    silver: u64,
    rejected: u64,
    duplicate: u64,
    conflicting: u64,
) -> RowCounts {
    RowCounts { read, silver, rejected, duplicate, conflicting, invalid: 0 }
}

/// What a group becomes: ids with their issues and archives by partition, and counts by unit.
fn check(
    archives: &[(&str, Vec<u8>)],
    expect_sorted: bool,
    expect: &[&[(i64, &str, &str)]],
    expect_counts: &[RowCounts],
) {
    let lab = Lab::new();
    let built = lab.build(archives);
    let found: Vec<Vec<(i64, String, String)>> = built
        .files
        .iter()
        .map(|(_, file)| {
            read(file).into_iter().map(|(id, _, issues, raw)| (id, issues, raw)).collect()
        })
        .collect();
    let expect: Vec<Vec<(i64, String, String)>> = expect
        .iter()
        .map(|rows| {
            rows.iter()
                .map(|(id, issues, raw)| (*id, (*issues).to_owned(), (*raw).to_owned()))
                .collect()
        })
        .collect();
    assert_eq!(found, expect);
    assert_eq!(counts(&built), expect_counts);
    assert_eq!(built.sorted, expect_sorted);
    drop(built);
    let left = std::fs::read_dir(lab.lake.temp()).expect("temp").count();
    assert_eq!(left, archives.len(), "only the archives may be left");
}

#[test]
fn rows_in_order_go_to_their_days() {
    let csv = trade(1, START) + &trade(2, START + DAY - 1) + &trade(3, START + DAY);
    let a = SHA[0];
    check(
        &[(MONTH, archive_of(MONTH, &csv))],
        false,
        &[&[(1, "", a), (2, "", a)], &[(3, "", a)]],
        &[of(3, 3, 0, 0, 0)],
    );
}

#[test]
fn nothing_in_an_archive_is_an_answer() {
    for csv in ["", "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n"] {
        check(&[(DAY_1, archive_of(DAY_1, csv))], false, &[], &[of(0, 0, 0, 0, 0)]);
    }
    check(&[(DAY_1, archive_of(DAY_1, "x\n"))], false, &[], &[of(1, 0, 1, 0, 0)]);
}

#[test]
fn repeated_rows() {
    let a = SHA[0];
    let same = trade(1, START) + &trade(1, START) + &trade(2, START) + &trade(2, START);
    check(
        &[(DAY_1, archive_of(DAY_1, &same))],
        false,
        &[&[(1, "", a), (2, "", a)]],
        &[of(4, 2, 0, 2, 0)],
    );
    let other = trade(1, START) + &other_trade(1, START) + &trade(1, START) + &trade(2, START);
    check(
        &[(DAY_1, archive_of(DAY_1, &other))],
        false,
        &[&[(1, "conflicting_duplicate", a), (2, "", a)]],
        &[of(4, 2, 0, 2, 1)],
    );
    // the same, but far apart
    let apart = trade(1, START) + &trade(2, START) + &other_trade(1, START) + &trade(1, START);
    check(
        &[(DAY_1, archive_of(DAY_1, &apart))],
        true,
        &[&[(1, "conflicting_duplicate", a), (2, "", a)]],
        &[of(4, 2, 0, 2, 1)],
    );
}

#[test]
fn a_key_repeated_across_days_is_one_row() {
    let a = SHA[0];
    let csv = trade(1, START + DAY) + &trade(2, START) + &trade(2, START + DAY);
    check(
        &[(MONTH, archive_of(MONTH, &csv))],
        true,
        &[&[(2, "conflicting_duplicate", a)], &[(1, "", a)]],
        &[of(3, 2, 0, 1, 1)],
    );
}

#[test]
fn the_later_unit_of_a_group_wins() {
    let (a, b) = (SHA[0], SHA[1]);
    let month = trade(1, START) + &trade(2, START) + &trade(3, START + 5);
    let day = other_trade(2, START) + &trade(3, START + 5) + &trade(4, START + 6);
    check(
        &[(MONTH, archive_of(MONTH, &month)), (DAY_1, archive_of(DAY_1, &day))],
        true,
        &[&[(1, "", a), (2, "conflicting_duplicate", b), (3, "", b), (4, "", b)]],
        &[of(3, 1, 0, 2, 1), of(3, 3, 0, 0, 0)],
    );
    // the rows meet where one unit ends and the next starts
    let first = trade(1, START) + &trade(2, START);
    let second = other_trade(2, START) + &trade(3, START);
    check(
        &[(MONTH, archive_of(MONTH, &first)), (DAY_1, archive_of(DAY_1, &second))],
        true,
        &[&[(1, "", a), (2, "conflicting_duplicate", b), (3, "", b)]],
        &[of(2, 1, 0, 1, 1), of(2, 2, 0, 0, 0)],
    );
}

#[test]
fn units_that_follow_each_other_need_no_sorting() {
    let (a, b) = (SHA[0], SHA[1]);
    let hour = 3_600_000;
    let bar = |open: i64| format!("{open},1,2,1,2,5,{},9,3,1,2,0\n", open + hour - 1);
    let days: Vec<String> =
        (0..2).map(|d| (0..24).map(|h| bar(START + d * DAY + h * hour)).collect()).collect();
    let ids =
        ["binance/spot/klines/BTCUSDT/1h/2024-01-01", "binance/spot/klines/BTCUSDT/1h/2024-01-02"];
    let lab = Lab::new();
    let built = lab
        .build(&[(ids[0], archive_of(ids[0], &days[0])), (ids[1], archive_of(ids[1], &days[1]))]);
    assert!(!built.sorted);
    assert_eq!(counts(&built), [of(24, 24, 0, 0, 0), of(24, 24, 0, 0, 0)]);
    let [(_, file)] = built.files.as_slice() else { panic!("one month, one file") };
    let file = File::open(file.staged.path()).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
    let mut raws = Vec::new();
    for batch in reader.expect("reader") {
        let batch = batch.expect("batch");
        raws.extend(
            batch["raw_sha256"].as_string::<i32>().iter().map(|v| v.unwrap_or("").to_owned()),
        );
    }
    assert_eq!(raws, [vec![a; 24], vec![b; 24]].concat());
}

#[test]
fn times_that_go_back_over_midnight_are_dealt_out() {
    let a = SHA[0];
    let csv =
        trade(1, START) + &trade(2, START + DAY) + &trade(3, START + 1) + &trade(4, START + DAY);
    check(
        &[(MONTH, archive_of(MONTH, &csv))],
        true,
        &[&[(1, "", a), (3, "", a)], &[(2, "", a), (4, "", a)]],
        &[of(4, 4, 0, 0, 0)],
    );
}

#[test]
fn rejects_tell_their_line_and_text() {
    let lab = Lab::new();
    let csv =
        trade(1, START) + "\n" + "\"\n" + &trade(2, START + DAY) + "torn,1\nx5,1,1,1,1,True,True\n";
    let built = lab.build(&[(DAY_1, archive_of(DAY_1, &csv))]);
    assert_eq!(counts(&built), [of(5, 1, 4, 0, 0)]);
    let mut seen = Vec::new();
    for (reason, finished) in &built.units[0].rejects {
        let file = File::open(finished.staged.path()).expect("open");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
        for batch in reader.expect("reader") {
            let batch = batch.expect("batch");
            let lines = batch["line"].as_primitive::<Int64Type>();
            let raw = batch["raw_text"].as_string::<i32>();
            let unit = batch["unit"].as_string::<i32>();
            for row in 0..batch.num_rows() {
                assert_eq!(unit.value(row), DAY_1);
                seen.push((reason.as_str(), lines.value(row), raw.value(row).to_owned()));
            }
        }
    }
    let late = trade(2, START + DAY).trim_end().to_owned();
    assert_eq!(
        seen,
        [
            ("unreadable", 6, "x5,1,1,1,1,True,True".to_owned()),
            ("field_count", 3, "\"".to_owned()),
            ("field_count", 5, "torn,1".to_owned()),
            ("outside_period", 4, late),
        ]
    );
}

/// What is said of an archive that cannot be read; the unit beside it is built all the same.
fn check_corrupt(bytes: Vec<u8>, expect: &str) {
    let lab = Lab::new();
    let good = archive_of(DAY_2, &(trade(7, START + DAY) + &trade(8, START + DAY)));
    let built = lab.build(&[(DAY_1, bytes), (DAY_2, good)]);
    let reason = built.units[0].corrupt.as_deref().expect(expect);
    assert!(reason.contains(expect), "{reason}");
    assert_eq!(counts(&built), [RowCounts::default(), of(2, 2, 0, 0, 0)]);
    assert!(built.units[0].rejects.is_empty());
    assert_eq!(built.files.len(), 1);
}

#[test]
fn corrupt_archives_are_left_out() {
    let csv = (0..20_000).map(|n| trade(n, START)).collect::<String>();
    let csv = csv + "a reject\n";
    let name = "BTCUSDT-trades-2024-01-01.csv";
    let good = archive_of(DAY_1, &csv);
    let (middle, len) = (good.len() / 2, good.len());

    check_corrupt(Vec::new(), "0 bytes");
    check_corrupt(b"<html>".to_vec(), "does not open");
    check_corrupt(good[..len - 10].to_vec(), "does not open");
    check_corrupt(zip_of(&[]), "no member");
    check_corrupt(zip_of(&[("x.csv", b"1")]), "no member `BTCUSDT-trades-2024-01-01.csv`");
    let two = zip_of(&[(&format!("a/{name}"), b"1"), (&format!("b/{name}"), b"1")]);
    check_corrupt(two, "2 members");

    let mut damaged = good.clone();
    damaged[middle] ^= 0xff;
    check_corrupt(damaged, "the ");
    // a CRC in the directory that the bytes do not have; every row before the end is fine
    let mut wrong_crc = good.clone();
    let directory = good.windows(4).rposition(|w| w == b"PK\x01\x02").expect("directory");
    wrong_crc[directory + 16] ^= 0xff;
    check_corrupt(wrong_crc, "CRC-32");
    // a declared size that the bytes do not have
    for change in [-1_i64, 1] {
        let mut wrong_size = good.clone();
        let size = u32::from_le_bytes(good[directory + 24..directory + 28].try_into().expect("4"));
        let size = (i64::from(size) + change) as u32;
        wrong_size[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        check_corrupt(wrong_size, "bytes, expected");
    }
    let mut encrypted = good.clone();
    encrypted[directory + 8] |= 1;
    check_corrupt(encrypted, "encrypted");
}

#[test]
fn a_bomb_is_not_read() {
    let unit: Unit = DAY_1.parse().expect("unit");
    let zeros = vec![b'0'; 70 << 20];
    let bomb = zip_of(&[(&member_name(&unit), &zeros)]);
    check_corrupt(bomb, "times as many");
}

#[test]
fn an_archive_cut_after_it_was_fetched_is_corrupt() {
    let lab = Lab::new();
    let mut inputs = lab.inputs(&[(DAY_1, archive_of(DAY_1, &trade(1, START)))]);
    inputs[0].archive.bytes += 1;
    let meter = Meter::new("silver", false);
    let group = group_of(Table::Trades);
    let built =
        build(&lab.lake, &binance::Binance, &group, &inputs, &lab.limits, &meter).expect("build");
    assert!(built.files.is_empty());
    assert!(built.units[0].corrupt.as_deref().expect("corrupt").contains("the raw object has"));
}

#[test]
fn other_members_are_passed_over() {
    let csv = trade(1, START);
    let name = "BTCUSDT-trades-2024-01-01.csv";
    let other = other_trade(1, START);
    for members in [
        // seen: the same name in a folder, with other quantities
        vec![("x/BTCUSDT-trades-2024-01-01.csv", other.as_bytes()), (name, csv.as_bytes())],
        vec![(name, csv.as_bytes()), ("x/BTCUSDT-trades-2024-01-01.csv", other.as_bytes())],
        vec![("x/", &[]), ("readme.txt", b"9,9"), (name, csv.as_bytes())],
        vec![("x/BTCUSDT-trades-2024-01-01.csv", csv.as_bytes())],
    ] {
        let lab = Lab::new();
        let built = lab.build(&[(DAY_1, zip_of(&members))]);
        assert_eq!(counts(&built), [of(1, 1, 0, 0, 0)]);
        let file = File::open(built.files[0].1.staged.path()).expect("open");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
        let batch = reader.expect("reader").next().expect("rows").expect("batch");
        assert_eq!(batch["quantity"].as_primitive::<Decimal128Type>().value(0), 50_000_000);
    }
}

/// Any rows, with any sizes of blocks and memory: the result is what a plain model says.
fn check_model(units: &[Vec<(i64, i64, bool)>], block: usize, memory: usize) {
    let ids = [MONTH, DAY_1, DAY_2];
    let mut lab = Lab::new();
    lab.limits = Limits { memory, row_group_rows: 7, block };
    let archives: Vec<(&str, Vec<u8>)> = units
        .iter()
        .enumerate()
        .map(|(place, rows)| {
            // days are units of the second and third; the first may hold any of both
            let csv: String = rows
                .iter()
                .map(|(id, millis, other)| {
                    let within = if place == 0 { *millis } else { millis % DAY };
                    let time = START + within + if place == 2 { DAY } else { 0 };
                    if *other { other_trade(*id, time) } else { trade(*id, time) }
                })
                .collect();
            (ids[place], archive_of(ids[place], &csv))
        })
        .collect();
    let built = lab.build(&archives);

    // (key, rank from the latest, place) → (time, other)
    let mut all = Vec::new();
    for (place, rows) in units.iter().enumerate() {
        for (line, (id, millis, other)) in rows.iter().enumerate() {
            let within = if place == 0 { *millis } else { millis % DAY };
            let time = START + within + if place == 2 { DAY } else { 0 };
            all.push((*id, std::cmp::Reverse(place), line, time, *other));
        }
    }
    all.sort_unstable();
    let mut expect: BTreeMap<i64, Seen> = BTreeMap::new();
    let mut counts = vec![RowCounts::default(); units.len()];
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let (id, place, _, time, other) = group[0];
        let mut issues = "";
        for (_, dropped, _, t, o) in &group[1..] {
            counts[dropped.0].duplicate += 1;
            if (*t, *o) != (time, other) {
                counts[dropped.0].conflicting += 1;
                issues = "conflicting_duplicate";
            }
        }
        counts[place.0].silver += 1;
        expect.entry((time - START).div_euclid(DAY)).or_default().push((
            id,
            time * 1_000,
            issues.to_owned(),
            SHA[place.0].to_owned(),
        ));
    }
    for (counts, rows) in counts.iter_mut().zip(units) {
        counts.read = rows.len() as u64;
    }
    assert_eq!(built.units.iter().map(|u| u.counts).collect::<Vec<_>>(), counts);
    let found: Vec<Seen> = built.files.iter().map(|(_, file)| read(file)).collect();
    assert_eq!(found, expect.into_values().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_gives_what_the_model_says(
        units in prop::collection::vec(
            prop::collection::vec((0..60_i64, 0..2 * DAY, any::<bool>()), 0..80), 1..4),
        in_order in any::<bool>(),
        block in 0..6_000_usize,
    ) {
        let mut units = units;
        if in_order {
            for rows in &mut units {
                rows.sort_unstable();
            }
        }
        check_model(&units, block, 0);
    }

    #[test]
    fn many_runs_give_what_the_model_says(
        rows in prop::collection::vec((0..20_000_i64, 0..2 * DAY, any::<bool>()), 2_000..6_000),
    ) {
        // the least memory holds less than a thousand rows
        check_model(&[rows], BLOCK, 0);
    }
}
