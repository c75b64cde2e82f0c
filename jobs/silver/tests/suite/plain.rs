//! A provider that does not exist, whose raw objects are plain files: lines of another kind are translated,
//! bars of days are told by their dates.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use arrow::array::AsArray as _;
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use chrono::NaiveDateTime;
use model::fragment::{RowCounts, SilverFragment};
use model::schema::RejectReason;
use model::{Dataset, Market, Source, Symbol, Timeframe, Unit};
use silver::file::{self, Files};
use source::form::{Fault, Form, Kind, MadeOf, SameKey};
use source::rows::Slots;
use source::translation::{Received, Translation};
use source::{Packing, Provider, Takes};
use stage::{Clock, Meter};
use store::Lake;

use crate::common::read;

/// Bars of minutes, `31.01.2024 23:55;1.1;1.2;1.0;1.15` (UTC), and of days, `2024-01-31,1.1,1.2,1.0,1.15`.
#[derive(Debug)]
struct Plainly;

const FX: Market = Market::new("fx");

/// The columns of `silver.klines`, of which the source tells times and prices.
const COLUMNS: &[MadeOf] = &[
    MadeOf::Instant(0),
    MadeOf::Price(0),
    MadeOf::Price(1),
    MadeOf::Price(2),
    MadeOf::Price(3),
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Null,
    MadeOf::Valid,
    MadeOf::Issues,
    MadeOf::Raw,
];

static DAYS: Form = Form {
    fields: &[
        ("date", Kind::Day(0)),
        ("open", Kind::Price(0)),
        ("high", Kind::Price(1)),
        ("low", Kind::Price(2)),
        ("close", Kind::Price(3)),
    ],
    columns: COLUMNS,
    has: Slots { longs: 1, prices: 4, amounts: 0, flags: 0 },
    time: 0,
    same_key: SameKey::First,
    repeats: None,
    fast: |_, _, _| (0, 0),
    judge: source::rest::judge_bar,
};

static MINUTES: Form = Form {
    fields: &[
        ("time", Kind::Instant(0)),
        ("open", Kind::Price(0)),
        ("high", Kind::Price(1)),
        ("low", Kind::Price(2)),
        ("close", Kind::Price(3)),
    ],
    ..DAYS
};

const STAMP: &str = "%d.%m.%Y %H:%M";

/// The lines of minutes, as those of their form; counts them in both passes.
#[derive(Debug, Default)]
struct Minutes {
    seen: usize,
    made: usize,
    beside: Option<String>,
}

impl Translation for Minutes {
    fn see(&mut self, line: &[u8]) {
        assert!(!line.ends_with(b"\r") && !line.starts_with(b"\xEF"), "{line:?}");
        self.seen += 1;
    }

    fn beside(&self) -> Option<String> {
        self.beside.clone()
    }

    fn translate(&mut self, line: &[u8], into: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(line);
        let made = text.split_once(';').and_then(|(stamp, rest)| {
            let stamp = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?;
            let micros = stamp.and_utc().timestamp_micros();
            Some(format!("{micros:016},{}", rest.replace(';', ",")))
        });
        match made {
            Some(made) => into.extend(made.as_bytes()),
            None if text.starts_with("time;") => {}
            None => into.extend(line),
        }
        into.push(b'\n');
        self.made += 1;
    }

    fn notes(&self) -> Vec<String> {
        vec![format!("{} lines seen, {} made", self.seen, self.made)]
    }
}

static OF_MINUTES: Received = Received {
    line: |made| {
        let text = String::from_utf8_lossy(made).into_owned();
        let stamp = text.split_once(',').and_then(|(micros, rest)| {
            let time = chrono::DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some(format!("{};{}", time.format(STAMP), rest.replace(',', ";")))
        });
        stamp.unwrap_or(text).into_bytes()
    },
    fault: |line| Fault {
        reason: RejectReason::Unreadable,
        field: Some("line"),
        found: String::from_utf8_lossy(line).into_owned(),
        expected: Cow::Borrowed("31.01.2024 23:55;open;high;low;close"),
    },
};

impl Provider for Plainly {
    fn name(&self) -> Source {
        Source::new("plainly")
    }

    fn markets(&self) -> &'static [Market] {
        &[FX]
    }

    fn datasets(&self, _: Market) -> &'static [Dataset] {
        &[Dataset::Klines]
    }

    fn takes(&self) -> Takes {
        Takes::Archives
    }

    fn expected_symbol(&self, _: Market, _: &Symbol) -> Option<Cow<'static, str>> {
        None
    }

    fn file_name(&self, unit: &Unit) -> String {
        let timeframe = unit.timeframe.map_or("", |timeframe| timeframe.as_str());
        format!("{} {timeframe} {}.txt", unit.symbol, unit.period)
    }

    fn unit_of(&self, market: Market, dataset: Dataset, name: &str) -> Option<Unit> {
        let [symbol, timeframe, period] =
            name.strip_suffix(".txt")?.split(' ').collect::<Vec<_>>().try_into().ok()?;
        format!("plainly/{market}/{dataset}/{symbol}/{timeframe}/{period}").parse().ok()
    }

    fn packing(&self, _: &Unit, _: &str) -> Packing {
        Packing::Plain(|_| None)
    }

    fn translation(
        &self,
        unit: &Unit,
        _: &str,
        _: Option<&str>,
    ) -> Result<Option<Box<dyn Translation>>, String> {
        let beside = (unit.symbol.as_str() == "BESIDE").then(|| "notes.txt".to_owned());
        let minutes = Minutes { beside, ..Minutes::default() };
        Ok((unit.timeframe == Some(Timeframe::M1)).then(|| Box::new(minutes) as _))
    }

    fn received(&self, _: &Unit) -> Option<&'static Received> {
        Some(&OF_MINUTES)
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        Some(if unit.timeframe == Some(Timeframe::M1) { &MINUTES } else { &DAYS })
    }
}

fn run(folder: &Path, name: &str, text: &[u8]) -> anyhow::Result<SilverFragment> {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let lake = Lake::open(folder.join("out").to_str().unwrap(), None).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let files = Files {
        provider: &Plainly,
        market: FX,
        dataset: Dataset::Klines,
        clock: None,
        zips: vec![path],
        workers: 1,
        memory_mib: 1,
    };
    let meter = Meter::new("silver", false);
    let mut fragments = file::run(runtime.handle(), &lake, &Clock::System, &meter, &files)?;
    assert_eq!(fragments.len(), 1);
    assert!(fragments[0].counts.add_up());
    Ok(fragments.remove(0))
}

/// Open times and closes (1e-8), and the rejects in order: line and text.
type Told = (Vec<(i64, i128)>, Vec<(i64, String)>);

fn told(folder: &Path, fragment: &SilverFragment) -> Told {
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    for file in &fragment.files {
        for batch in read(&folder.join("out/silver/klines").join(&file.path)) {
            let times = batch["open_time"].as_primitive::<TimestampMicrosecondType>().values();
            let closes = batch["close"].as_primitive::<Decimal128Type>().values();
            rows.extend(times.iter().copied().zip(closes.iter().copied()));
        }
    }
    for file in &fragment.rejects {
        for batch in read(&folder.join("out/silver/rejects").join(&file.path)) {
            let lines = batch["line"].as_primitive::<Int64Type>().values();
            let texts = batch["raw_text"].as_string::<i32>();
            let text = |row| texts.value(row).to_owned();
            rejects.extend(lines.iter().copied().enumerate().map(|(row, line)| (line, text(row))));
        }
    }
    rejects.sort();
    (rows, rejects)
}

#[test]
fn a_plain_file_is_translated() {
    let folder = tempfile::tempdir().unwrap();
    let minute = |n: i64| (1_704_153_600 + 60 * n) * 1_000_000;
    // a byte-order mark, names, CRLF, and the last line without an end
    let text = "\u{feff}time;open;high;low;close\r\n02.01.2024 00:00;1.1;1.2;1.0;1.15\r\n\
                02.01.2024 00:01;1.1;1.2;1.0;x\r\nnonsense\r\n02.01.2024 00:02;1.1;1.4;1.0;1.25\r\n\
                02.01.2024 00:02;1.1;1.4;1.0;1.35";
    let fragment = run(folder.path(), "EURUSD 1m 2024-01-02.txt", text.as_bytes()).unwrap();
    let (rows, rejects) = told(folder.path(), &fragment);
    assert_eq!(rows, [(minute(0), 115_000_000), (minute(2), 125_000_000)]);
    let lines = [
        (3, "02.01.2024 00:01;1.1;1.2;1.0;x".to_owned()),
        (4, "nonsense".to_owned()),
        (6, "02.01.2024 00:02;1.1;1.4;1.0;1.35".to_owned()),
    ];
    assert_eq!(rejects, lines);
    let counts = RowCounts {
        read: 5,
        silver: 2,
        rejected: 2,
        duplicate: 1,
        conflicting: 1,
        ..RowCounts::default()
    };
    assert_eq!(fragment.counts, counts);
    assert_eq!(fragment.units[0].notes, ["6 lines seen, 6 made"]);
}

#[test]
fn a_plain_file_of_many_blocks_is_translated() {
    let folder = tempfile::tempdir().unwrap();
    let start = "2024-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let times: Vec<_> = (0..44_640).map(|n| start + chrono::TimeDelta::minutes(n)).collect();
    let mut text = String::new();
    for at in &times {
        writeln!(text, "{};1.10000;1.20000;1.00000;1.15000", at.format(STAMP)).unwrap();
    }
    assert!(text.len() > 2 << 20, "several blocks");
    let fragment = run(folder.path(), "EURUSD 1m 2024-01.txt", text.as_bytes()).unwrap();
    let (rows, rejects) = told(folder.path(), &fragment);
    let expect: Vec<_> = times.iter().map(|at| (at.timestamp_micros(), 115_000_000)).collect();
    assert_eq!((rows == expect, rejects.len()), (true, 0));
    assert_eq!(fragment.units[0].notes, ["44640 lines seen, 44640 made"]);
}

#[test]
fn a_member_beside_the_lines_of_a_plain_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(folder.path(), "BESIDE 1m 2024-01-02.txt", b"02.01.2024 00:00;1;1;1;1\n");
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("`notes.txt` is to be read beside the lines"), "{error}");
}

#[test]
fn bars_of_days_are_told_by_their_dates() {
    let folder = tempfile::tempdir().unwrap();
    let text = "date,open,high,low,close\n2024-01-30,1,2,1,1.5\n2024-01-32,1,2,1,1.5\n\
                2024-02-01,1,2,1,1.5\n2024-01-31,1,2,1,1.75\n";
    let fragment = run(folder.path(), "EURUSD 1d 2024-01.txt", text.as_bytes()).unwrap();
    let (rows, rejects) = told(folder.path(), &fragment);
    let day = |n: i64| n * 86_400_000_000;
    assert_eq!(rows, [(day(19_752), 150_000_000), (day(19_753), 175_000_000)]);
    // nothing was translated: lines and what is wrong with them are told as they are
    let lines = [(3, "2024-01-32,1,2,1,1.5"), (4, "2024-02-01,1,2,1,1.5")];
    assert_eq!(rejects, lines.map(|(line, text)| (line, text.to_owned())));
    assert_eq!(fragment.counts.rejected, 2);
}
