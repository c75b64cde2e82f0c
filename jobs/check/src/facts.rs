//! Gathers what is known of each series and day: from the tables' logs where they say enough,
//! from the rows where they do not.
//!
//! The log of a table has exact statistics of each file: rows, least and greatest id and time,
//! how many rows have issues. A file whose rows are as many as its ids span, or as its grid has
//! places, and of which none has an issue, needs no look inside. So the cost of a check grows
//! with the defects and the number of files, not with the rows.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::DateTime;
use model::config::Series;
use model::period::DAY_MICROS;
use model::plan::Plan;
use model::schema::Table;
use model::{Day, Month, Unit, UnitId};
use table::datafusion::prelude::SessionContext;
use table::{LiveFile, Tables};

use crate::ask;
use crate::coverage::{self, ArchiveFacts, BarFacts, DayFacts, Facts};

/// Gathers the facts of these series.
///
/// # Errors
/// Whatever the lake says.
pub async fn gather(
    tables: &Tables,
    session: &SessionContext,
    series: &[Series],
    plan: Option<&Plan>,
) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let sources: BTreeSet<_> = series.iter().map(|s| s.source).collect();
    for source in sources {
        let source = ask::text("source", source.as_str());
        for row in ask::ARCHIVES.ask(session, &[], vec![source.clone()]).await?.iter() {
            let unit = unit(&row.word("unit")?)?;
            let archive =
                ArchiveFacts { status: row.word("status")?.parse()?, detail: row.text("detail")? };
            facts.archives.entry(unit.series()).or_default().insert(unit.period, archive);
        }
        for row in ask::REJECTS.ask(session, &[], vec![source]).await?.iter() {
            let unit = unit(&row.word("unit")?)?;
            let lines = row.count("lines")?;
            facts.rejected.entry(unit.series()).or_default().insert(unit.period, lines);
        }
    }
    for id in plan.map_or(&[][..], |plan| &plan.absent) {
        let unit = Unit::try_from(UnitId::clone(id))?;
        facts.absent.entry(unit.series()).or_default().push(unit.period.first());
    }
    for table in [Table::Trades, Table::AggTrades, Table::Klines] {
        let mut of_series: BTreeMap<String, Vec<LiveFile>> = BTreeMap::new();
        for file in tables.live_files(table, |_| true).await? {
            of_series.entry(series_of(table, &file)).or_default().push(file);
        }
        for series in series.iter().filter(|s| Table::of_dataset(s.dataset) == table) {
            let name = coverage::name(series);
            let Some(files) = of_series.get(&name) else { continue };
            let days = if table == Table::Klines {
                klines(session, series, files).await
            } else {
                events(session, series, table, files).await
            };
            let days = days.with_context(|| format!("cannot look at {name}"))?;
            facts.days.insert(name, days);
        }
    }
    Ok(facts)
}

fn unit(id: &str) -> anyhow::Result<Unit> {
    Ok(id.parse::<Unit>()?)
}

/// The series that a data file belongs to, as [`Unit::series`] writes it.
fn series_of(table: Table, file: &LiveFile) -> String {
    let of = |column: &str| file.partition.get(column).map_or("", String::as_str);
    let mut name = format!("{}/{}/{}/{}", of("source"), of("market"), table.name(), of("symbol"));
    if let Some(timeframe) = file.partition.get("timeframe") {
        name.push('/');
        name.push_str(timeframe);
    }
    name
}

/// The statistics of a file in the log.
struct Stats(serde_json::Value);

impl Stats {
    fn of(file: &LiveFile) -> Self {
        let stats = file.stats().and_then(|text| serde_json::from_str(&text).ok());
        Self(stats.unwrap_or_default())
    }

    fn longs(&self, column: &str) -> Option<(i64, i64)> {
        let of = |bound: &str| self.0[bound][column].as_i64();
        Some((of("minValues")?, of("maxValues")?))
    }

    /// Instants in µs; exact where they are whole milliseconds.
    fn instants(&self, column: &str) -> Option<(i64, i64)> {
        let of = |bound: &str| {
            let time = DateTime::parse_from_rfc3339(self.0[bound][column].as_str()?).ok()?;
            Some(time.timestamp_micros())
        };
        Some((of("minValues")?, of("maxValues")?))
    }

    fn nulls(&self, column: &str) -> Option<u64> {
        self.0["nullCount"][column].as_u64()
    }

    /// Whether no row has an issue.
    fn is_clean(&self, rows: u64) -> bool {
        self.nulls("issues") == Some(rows)
    }
}

/// Trades or aggregate trades, by day.
async fn events(
    session: &SessionContext,
    series: &Series,
    table: Table,
    files: &[LiveFile],
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let id = if table == Table::Trades { "trade_id" } else { "agg_trade_id" };
    let mut days: BTreeMap<Day, DayFacts> = BTreeMap::new();
    let mut doubtful: BTreeSet<Day> = BTreeSet::new();
    for file in files {
        let day: Day = file.partition.get("date").context("a file without a date")?.parse()?;
        let stats = Stats::of(file);
        let facts = days.entry(day).or_default();
        facts.rows += file.rows;
        facts.ids = wider(facts.ids, stats.longs(id));
        facts.times = wider(facts.times, stats.longs("time_us"));
        if !stats.is_clean(file.rows) {
            doubtful.insert(day);
        }
    }
    let (Some(from), Some(to)) = (doubtful.first(), doubtful.last()) else { return Ok(days) };
    let mut parameters = of_series(series);
    parameters.extend([ask::day("from", *from), ask::day("to", *to)]);
    let words = [("table", table.as_str())];
    for row in ask::ROW_ISSUES.ask(session, &words, parameters).await?.iter() {
        let facts = days.entry(row.day("date")?).or_default();
        facts.invalid = row.count("invalid")?;
        facts.conflicting = row.count("conflicting")?;
    }
    Ok(days)
}

fn wider(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((a_min, a_max)), Some((b_min, b_max))) => Some((a_min.min(b_min), a_max.max(b_max))),
        (a, b) => a.or(b),
    }
}

/// Klines, by day.
async fn klines(
    session: &SessionContext,
    series: &Series,
    files: &[LiveFile],
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let width = series.timeframe.context("klines without a timeframe")?.micros();
    let mut months: BTreeMap<Month, Vec<&LiveFile>> = BTreeMap::new();
    for file in files {
        let month = file.partition.get("month").context("a file without a month")?.parse()?;
        months.entry(month).or_default().push(file);
    }
    let mut days = BTreeMap::new();
    let mut doubtful: BTreeSet<Month> = BTreeSet::new();
    for (month, files) in &months {
        match files.as_slice() {
            [file] if whole(file, width, &mut days).is_some() => {}
            _ => {
                doubtful.insert(*month);
            }
        }
    }
    let (Some(from), Some(to)) = (doubtful.first(), doubtful.last()) else { return Ok(days) };
    let mut parameters = of_series(series);
    parameters.extend([
        ask::text("timeframe", series.timeframe.map_or("", model::Timeframe::as_str)),
        ask::text("from_month", &from.to_string()),
        ask::text("to_month", &to.to_string()),
        ask::long("width_us", width),
    ]);
    for row in ask::KLINE_DAYS.ask(session, &[], parameters).await?.iter() {
        let first = row.long("first_us")?;
        let bars = BarFacts {
            slots: row.count("slots")?,
            off_grid: row.count("off_grid")?,
            early: row.count("early")?,
            flat: row.long("most_trades")? == 0,
        };
        let facts = DayFacts {
            rows: row.count("klines")?,
            invalid: row.count("invalid")?,
            conflicting: row.count("conflicting")?,
            ids: None,
            times: Some((first, first)),
            bars: Some(bars),
        };
        days.insert(row.day("day")?, facts);
    }
    Ok(days)
}

/// Adds the days of a file of klines that its statistics show to be whole; `None` where they do
/// not: then somebody has to look inside.
fn whole(file: &LiveFile, width: i64, days: &mut BTreeMap<Day, DayFacts>) -> Option<()> {
    let stats = Stats::of(file);
    let (first, last) = stats.instants("open_time")?;
    let (least_trades, _) = stats.longs("trade_count")?;
    let (from, to) = (Day::of_micros(first)?, Day::of_micros(last)?);
    let a_day = DAY_MICROS / width;
    let rows = i64::from(to.epoch_days() - from.epoch_days() + 1) * a_day;
    let ok = stats.is_clean(file.rows)
        && least_trades > 0
        && first == from.start_micros()
        && last == to.next().start_micros() - width
        && u64::try_from(rows) == Ok(file.rows);
    ok.then(|| {
        for day in from.to(to) {
            let start = day.start_micros();
            let slots = a_day.unsigned_abs();
            let facts = DayFacts {
                rows: slots,
                times: Some((start, start + DAY_MICROS - width)),
                bars: Some(BarFacts { slots, ..BarFacts::default() }),
                ..DayFacts::default()
            };
            days.insert(day, facts);
        }
    })
}

/// The parameters that name a series.
pub(crate) fn of_series(series: &Series) -> Vec<ask::Parameter> {
    vec![
        ask::text("source", series.source.as_str()),
        ask::text("market", series.market.as_str()),
        ask::text("symbol", series.symbol.as_str()),
    ]
}
