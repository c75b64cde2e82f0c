//! Gathers what is known of each series and day: from the tables' logs where they say enough,
//! from the rows where they do not.
//!
//! The log of a table has exact statistics of each file: rows, least and greatest id and time,
//! how many rows have issues. A file whose rows are as many as its ids span, or as its grid has
//! places, and of which none has an issue, needs no look inside. So the cost of a check grows
//! with the defects and the number of files, not with the rows.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Context as _;
use chrono::Datelike as _;
use model::config::Series;
use model::ledger::BuiltUnit;
use model::period::DAY_MICROS;
use model::plan::Plan;
use model::schema::Table;
use model::whole::DayIds;
use model::{Day, Month, Period, RunId, Unit, UnitId, layout, partition};
use source::Providers;
use source::calendar::Calendar;
use table::datafusion::prelude::SessionContext;
use table::{FileFigures, LiveFile, Tables};

use crate::ask;
use crate::coverage::{self, ArchiveFacts, BarFacts, DayFacts, Facts};
use crate::grid::Grid;

/// Gathers the facts of these series of `providers`. `builds` are the rows of `ops.builds`, the latest
/// first.
///
/// # Errors
/// Whatever the lake says.
pub(crate) async fn gather(
    tables: &Tables,
    session: &SessionContext,
    builds: &ask::Rows,
    series: &[Series],
    providers: Providers,
    plan: Option<&Plan>,
) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let built = built(builds)?;
    let sources: BTreeSet<_> = series.iter().map(|s| s.source).collect();
    for source in sources {
        let source = ask::text("source", source.as_str());
        for row in ask::ARCHIVES.ask(session, &[], vec![source.clone()]).await?.iter() {
            let unit = unit(&row.word("unit")?)?;
            let archive = ArchiveFacts {
                status: row.word("status")?.parse()?,
                detail: row.text("detail")?,
                is_built: built.contains(&unit.id()),
                until: row.text("object")?.as_deref().and_then(layout::tail_until),
            };
            facts.archives.entry(unit.series()).or_default().insert(unit.period, archive);
        }
        for row in ask::REJECTS.ask(session, &[], vec![source]).await?.iter() {
            let unit = unit(&row.word("unit")?)?;
            let day = if row.text("date")?.is_some() { Some(row.day("date")?) } else { None };
            let (lines, lost) = (row.count("lines")?, row.count("lost")?);
            facts.reject(&unit, day, lines);
            if lost > 0 {
                let versions = facts.versions.entry(unit.series()).or_default();
                *versions.entry((unit.period, day)).or_default() += lost;
            }
        }
    }
    for id in plan.map_or(&[][..], |plan| &plan.absent) {
        let unit = Unit::try_from(UnitId::clone(id))?;
        facts.absent.entry(unit.series()).or_default().push(unit.period.first());
    }
    for gap in plan.map_or(&[][..], |plan| &plan.gaps) {
        facts.gaps.entry(gap.series.clone()).or_default().push((gap.from, gap.to));
    }
    for table in Table::SILVER.iter().copied() {
        let mut of_series: BTreeMap<String, Vec<LiveFile>> = BTreeMap::new();
        for file in tables.live_files(table, |_| true).await? {
            let Some(unit) = partition::unit(table, &file.partition) else { continue };
            of_series.entry(unit.series()).or_default().push(file);
        }
        for series in series.iter().filter(|s| Table::of_dataset(s.dataset) == table) {
            let name = coverage::name(series);
            let Some(files) = of_series.get(&name) else { continue };
            let calendar = providers.calendar(series.source, series.market);
            let days = match Grid::of(series) {
                _ if series.dataset.tells_now() => told(session, series, table).await,
                Some(grid) => on_grid(session, series, &grid, files).await,
                None if table == Table::Klines => klines(session, series, calendar, files).await,
                None => events(session, series, table, files).await,
            };
            // what cannot be looked at hides no other
            match days {
                Ok(days) => drop(facts.days.insert(name, days)),
                Err(error) => drop(facts.failed.insert(name, format!("{error:#}"))),
            }
        }
    }
    Ok(facts)
}

/// The units that silver was built from: those that the latest build of their group has read,
/// and replaced its partitions with. One that replaced nothing leaves the build before it in force.
fn built(builds: &ask::Rows) -> anyhow::Result<HashSet<UnitId>> {
    let mut built = HashSet::new();
    let mut settled: HashSet<String> = HashSet::new();
    for row in builds.iter() {
        let group = row.word("group_id")?;
        if settled.contains(&group) {
            continue;
        }
        let units = built_units(row, &group)?;
        let is_corrupt = units.iter().any(|unit| unit.corrupt.is_some());
        // silver withholds what it has read where another archive of the group is corrupt
        if !is_corrupt || row.count("rows_read")? > 0 {
            built.extend(units.into_iter().filter(|u| u.corrupt.is_none()).map(|u| u.unit));
            settled.insert(group);
        }
    }
    Ok(built)
}

/// The months of series that a run has built something of.
pub(crate) fn built_by(
    builds: &ask::Rows,
    run: &RunId,
) -> anyhow::Result<HashSet<(String, Month)>> {
    let mut months = HashSet::new();
    for row in builds.iter() {
        if row.word("run")? == run.as_str() {
            let group = unit(&row.word("group_id")?)?;
            months.insert((group.series(), group.period.month()));
        }
    }
    Ok(months)
}

impl Facts {
    /// Takes note of lines of an archive that were rejected, of a day or of none that they tell.
    fn reject(&mut self, unit: &Unit, day: Option<Day>, lines: u64) {
        let count = match (unit.period, day) {
            _ if lines == 0 => return,
            // a line that is of another archive's time is no loss of this one
            (period, Some(day)) if !period.contains(day) => return,
            (Period::Day(day), _) | (_, Some(day)) => {
                self.rejected.entry(unit.series()).or_default().entry(day).or_default()
            }
            (period, None) => {
                self.dayless.entry(unit.series()).or_default().entry(period).or_default()
            }
        };
        *count += lines;
    }
}

fn unit(id: &str) -> anyhow::Result<Unit> {
    Ok(id.parse::<Unit>()?)
}

/// Trades, aggregate trades or quotes, by day. Of quotes no id tells what is missing.
async fn events(
    session: &SessionContext,
    series: &Series,
    table: Table,
    files: &[LiveFile],
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let contiguous = series.dataset.contiguous_id();
    let id = contiguous.unwrap_or("update_id");
    let mut days: BTreeMap<Day, DayFacts> = BTreeMap::new();
    let mut doubtful: BTreeSet<Day> = BTreeSet::new();
    for file in files {
        let day: Day = file.partition.get("date").context("a file without a date")?.parse()?;
        let figures = FileFigures::of(file);
        let (ids, is_sure) = if let Some(id) = contiguous {
            figures.day_ids(id, file.rows)
        } else {
            let times = figures.longs("time_us");
            let is_sure = times.is_some() && figures.is_clean(file.rows);
            (DayIds { times, ..DayIds::default() }, is_sure)
        };
        let facts = days.entry(day).or_default();
        facts.rows = facts.rows.saturating_add(file.rows);
        facts.ids.join(ids);
        if !is_sure {
            doubtful.insert(day);
        }
    }
    if doubtful.is_empty() {
        return Ok(days);
    }
    let list: Vec<String> = doubtful.iter().map(|day| format!("DATE '{day}'")).collect();
    let list = list.join(", ");
    let words = [("table", table.as_str()), ("id", id), ("days", list.as_str())];
    for row in ask::ROW_ISSUES.ask(session, &words, of_series(series)).await?.iter() {
        let facts = days.entry(row.day("date")?).or_default();
        let ends = |first: &str, last: &str| -> anyhow::Result<Option<(i64, i64)>> {
            let is_there = row.text(first)?.is_some() && row.text(last)?.is_some();
            Ok(if is_there { Some((row.long(first)?, row.long(last)?)) } else { None })
        };
        facts.ids = DayIds {
            count: row.count("ids")?,
            ids: contiguous.and(ends("first_id", "last_id")?),
            times: ends("first_us", "last_us")?,
        };
        facts.invalid = row.count("invalid")?;
        facts.voided = row.count("voided")?;
        facts.repeating = row.count("repeating")?;
        facts.twins = row.count("twins")?;
        facts.conflicting = row.count("conflicting")?;
        facts.provisional = row.count("provisional")?;
    }
    Ok(days)
}

/// What a source tells of now alone, by the day on which it was asked. There are few rows.
async fn told(
    session: &SessionContext,
    series: &Series,
    table: Table,
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let kind = series.dataset.action();
    let also = kind.map_or_else(|| "true".to_owned(), |kind| format!("kind = '{kind}'"));
    let words = [("table", table.as_str()), ("also", also.as_str())];
    let mut days = BTreeMap::new();
    for row in ask::TOLD_DAYS.ask(session, &words, of_series(series)).await?.iter() {
        let facts = DayFacts {
            rows: row.count("row_count")?,
            invalid: row.count("invalid")?,
            conflicting: row.count("conflicting")?,
            ..DayFacts::default()
        };
        days.insert(row.day("as_of")?, facts);
    }
    Ok(days)
}

/// Klines, by day.
async fn klines(
    session: &SessionContext,
    series: &Series,
    calendar: Calendar,
    files: &[LiveFile],
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let closes = calendar != Calendar::Always;
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
            // of a file with as many rows as sessions have places some may be of other times
            [file] if !closes && whole(file, width, true, &mut days).is_some() => {}
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
            flat: row.count("traded")? == 0,
            in_session: closes.then_some(0),
            step: None,
        };
        let facts = DayFacts {
            rows: row.count("klines")?,
            invalid: row.count("invalid")?,
            conflicting: row.count("conflicting")?,
            provisional: row.count("provisional")?,
            ids: DayIds { times: Some((first, first)), ..DayIds::default() },
            bars: Some(bars),
            ..DayFacts::default()
        };
        days.insert(row.day("day")?, facts);
    }
    if closes {
        in_session(session, series, calendar, &doubtful, &mut days).await?;
    }
    Ok(days)
}

/// Counts the places of sessions that have a kline. A year at a time, for the hours of all days are part
/// of the question.
async fn in_session(
    session: &SessionContext,
    series: &Series,
    calendar: Calendar,
    months: &BTreeSet<Month>,
    days: &mut BTreeMap<Day, DayFacts>,
) -> anyhow::Result<()> {
    let timeframe = series.timeframe.context("klines without a timeframe")?;
    let months: Vec<Month> = months.iter().copied().collect();
    for year in months.chunk_by(|a, b| a.first().date().year() == b.first().date().year()) {
        let (Some(from), Some(to)) = (year.first(), year.last()) else { continue };
        let hours = calendar.hours(from.first().to(to.last()));
        if hours.is_empty() {
            continue;
        }
        let mut parameters = of_series(series);
        parameters.extend([
            ask::text("timeframe", timeframe.as_str()),
            ask::text("from_month", &from.to_string()),
            ask::text("to_month", &to.to_string()),
            ask::long("width_us", timeframe.micros()),
        ]);
        let words = [("hours", hours.as_str())];
        for row in ask::KLINE_SESSIONS.ask(session, &words, parameters).await?.iter() {
            let bars = days.get_mut(&row.day("day")?).and_then(|facts| facts.bars.as_mut());
            if let Some(bars) = bars {
                bars.in_session = Some(row.count("slots")?);
            }
        }
    }
    Ok(())
}

/// Rows that come at equal distances, by day.
async fn on_grid(
    session: &SessionContext,
    series: &Series,
    grid: &Grid,
    files: &[LiveFile],
) -> anyhow::Result<BTreeMap<Day, DayFacts>> {
    let mut days = BTreeMap::new();
    let mut seen: BTreeSet<Period> = BTreeSet::new();
    let mut doubtful: Vec<Period> = Vec::new();
    for file in files {
        let unit = partition::unit(Table::of_dataset(series.dataset), &file.partition);
        let period = unit.context("a file of no partition")?.period;
        let is_whole = match (series.timeframe, grid.fixed) {
            (Some(timeframe), _) => whole(file, timeframe.micros(), false, &mut days).is_some(),
            (None, Some(step)) => whole_day(file, period, step, &mut days).is_some(),
            (None, None) => false,
        };
        // two files of a partition, which a writer of another kind may have made, may hold the same
        if !seen.insert(period) || !is_whole {
            doubtful.push(period);
        }
    }
    let from = doubtful.iter().map(|period| period.first()).min();
    let to = doubtful.iter().map(|period| period.last()).max();
    let (Some(from), Some(to)) = (from, to) else { return Ok(days) };
    let words = grid.words(from, to);
    let words: Vec<(&str, &str)> =
        words.iter().map(|(name, word)| (*name, word.as_str())).collect();
    for row in ask::GRID_DAYS.ask(session, &words, of_series(series)).await?.iter() {
        let first = row.long("first_us")?;
        let bars = BarFacts {
            slots: row.count("places")?,
            off_grid: row.count("off_grid")?,
            early: row.count("early")?,
            flat: false,
            in_session: None,
            step: Some(row.long("step_us")?.max(1)),
        };
        let facts = DayFacts {
            rows: row.count("row_count")?,
            invalid: row.count("invalid")?,
            conflicting: row.count("conflicting")?,
            ids: DayIds { times: Some((first, first)), ..DayIds::default() },
            bars: Some(bars),
            ..DayFacts::default()
        };
        days.insert(row.day("day")?, facts);
    }
    Ok(days)
}

/// Adds the day of a file whose statistics show as many rows as the day has places, and none of which
/// there is anything to say.
fn whole_day(
    file: &LiveFile,
    period: Period,
    step: i64,
    days: &mut BTreeMap<Day, DayFacts>,
) -> Option<()> {
    let figures = FileFigures::of(file);
    let times = figures.longs("time_us")?;
    let Period::Day(day) = period else { return None };
    let ok = u64::try_from(DAY_MICROS / step) == Ok(file.rows) && figures.is_clean(file.rows);
    ok.then(|| {
        let bars = BarFacts { slots: file.rows, step: Some(step), ..BarFacts::default() };
        let ids = DayIds { times: Some(times), ..DayIds::default() };
        let facts = DayFacts { rows: file.rows, ids, bars: Some(bars), ..DayFacts::default() };
        days.insert(day, facts);
    })
}

/// Adds the days of a file of klines that its statistics show to be whole; `None` where they do
/// not: then somebody has to look inside.
fn whole(
    file: &LiveFile,
    width: i64,
    has_trades: bool,
    days: &mut BTreeMap<Day, DayFacts>,
) -> Option<()> {
    let stats = FileFigures::of(file);
    let (first, last) = stats.instants("open_time")?;
    // where none says how many trades it had, each may have had some
    let is_traded = stats
        .longs("trade_count")
        .map_or_else(|| stats.nulls("trade_count") == Some(file.rows), |(least, _)| least > 0);
    let (from, to) = (Day::of_micros(first)?, Day::of_micros(last)?);
    let a_day = DAY_MICROS / width;
    let rows = i64::from(to.epoch_days() - from.epoch_days() + 1) * a_day;
    let ok = stats.is_clean(file.rows)
        && (is_traded || !has_trades)
        && first == from.start_micros()
        && last == to.next().start_micros() - width
        && u64::try_from(rows) == Ok(file.rows);
    ok.then(|| {
        for day in from.to(to) {
            let start = day.start_micros();
            let slots = a_day.unsigned_abs();
            let facts = DayFacts {
                rows: slots,
                ids: DayIds {
                    times: Some((start, start + DAY_MICROS - width)),
                    ..DayIds::default()
                },
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

/// The units of a build, from its row.
pub(crate) fn built_units(row: ask::Row<'_>, group: &str) -> anyhow::Result<Vec<BuiltUnit>> {
    serde_json::from_str(&row.word("units")?)
        .with_context(|| format!("ops.builds: bad units of {group}"))
}
