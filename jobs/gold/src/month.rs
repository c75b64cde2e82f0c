//! One month of a symbol: what silver holds of its days, and the bars made of it. What to make them
//! from is chosen in [`crate::held`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{Array as _, AsArray as _, Decimal128Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use futures::{StreamExt as _, TryStreamExt as _};
use model::config::Venues as _;
use model::dirty::Dirty;
use model::schema::Table;
use model::whole::{self, DayIds};
use model::{Dataset, Day, Month, Timeframe, layout};
use source::calendar::Calendar;
use stage::Meter;
use table::datafusion::common::ScalarValue;
use table::datafusion::prelude::SessionContext;
use table::{FileFigures, LiveFile, verify};

use crate::base::{self, Base};
use crate::columns::{column, counts, dates, texts};
use crate::day::fold_day;
use crate::fold::{self, Bar};
use crate::held::{Events, Expected, Held, Klines, Sums};
use crate::models::{self, Engine};
use crate::piece::{Workshop, parameters_of, text};

/// What is known of the trades of one day.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    ids: DayIds,
    /// Rows that are valid.
    valid: u64,
    /// Rows left out for what they say.
    damaged: u64,
}

impl Workshop {
    /// The bars of a month, of all timeframes and in order.
    ///
    /// # Errors
    /// Whatever the lake or the engine says.
    pub(crate) async fn bars_of_month(
        &self,
        memory: &SessionContext,
        dirty: &Dirty,
        month: Month,
        meter: &Meter,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        let base = self.base(dirty, month, meter).await?;
        self.bars(memory, base).await
    }

    /// The base bars of a month.
    async fn base(&self, dirty: &Dirty, month: Month, meter: &Meter) -> anyhow::Result<Base> {
        let (held, sound) = self.held(dirty, month).await?;
        let mut base = Base::new(held, sound);
        loop {
            let mut was_whole = true;
            for dataset in [Dataset::Trades, Dataset::AggTrades] {
                let wanted = base.wanted(dataset);
                if wanted.is_empty() {
                    continue;
                }
                match self.engine {
                    Engine::Fold => self.fold(&mut base, dirty, dataset, &wanted, meter).await?,
                    Engine::Sql => self.sql(&mut base, dirty, dataset, &wanted).await?,
                }
                was_whole = false;
            }
            if was_whole {
                break;
            }
            // what the rows amount to is known now: the choice may be another one
        }
        for timeframe in base.klines_needed() {
            let width = timeframe.micros().max(fold::MINUTE);
            let mut parameters = parameters_of(dirty);
            parameters.push(("month", text(&month.to_string())));
            parameters.push(("timeframe", text(timeframe.as_str())));
            parameters.push(("width_us", ScalarValue::Int64(Some(width))));
            let bars = models::BARS_FROM_KLINES.run(&self.session, parameters).await?;
            base.add_model(&bars, timeframe, Dataset::Klines)?;
        }
        Ok(base)
    }

    /// What silver holds of each day of a month, and the days whose files were read and found to
    /// be what was committed.
    async fn held(
        &self,
        dirty: &Dirty,
        month: Month,
    ) -> anyhow::Result<(BTreeMap<Day, Held>, BTreeSet<(Day, Dataset)>)> {
        let mut days: BTreeMap<Day, Held> = BTreeMap::new();
        let mut sound = BTreeSet::new();
        for dataset in [Dataset::Trades, Dataset::AggTrades] {
            let (looked, read) = self.look(dirty, dataset, month).await?;
            sound.extend(read.into_iter().map(|day| (day, dataset)));
            let ids: BTreeMap<Day, DayIds> =
                looked.iter().map(|(day, of)| (*day, of.ids)).collect();
            let edges = whole::edges(&ids);
            for (day, of) in looked.iter().filter(|(day, _)| day.month() == month) {
                let edge = edges.get(day).copied().unwrap_or_default();
                let lacking = of.ids.missing_within().saturating_add(edge.missing());
                let events = Events {
                    present: of.valid,
                    lacking: lacking.saturating_add(of.damaged),
                    overlap: edge.overlap,
                    sums: None,
                };
                let held = days.entry(*day).or_default();
                match dataset {
                    Dataset::Trades => held.trades = events,
                    _ => held.agg_trades = events,
                }
            }
        }
        if self.sources.has(Table::Klines, dirty, month) {
            let files = self.sources.month_files(Table::Klines, dirty, month);
            self.verify(Table::Klines, files.cloned().collect()).await?;
            let mut parameters = parameters_of(dirty);
            parameters.push(("month", text(&month.to_string())));
            for batch in models::KLINE_DAYS.run(&self.session, parameters).await? {
                let timeframes = texts(&batch, "timeframe")?;
                let dates = dates(&batch, "day")?;
                let rows = counts(&batch, "klines")?;
                let places = counts(&batch, "places")?;
                let traded = counts(&batch, "traded")?;
                let provisional = counts(&batch, "provisional")?;
                let sums = sums(&batch)?;
                let counts = batch.column_by_name("trade_count").context("no `trade_count`")?;
                for row in 0..batch.num_rows() {
                    let timeframe = timeframes.value(row).parse::<Timeframe>()?;
                    let klines = Klines {
                        rows: rows[row],
                        places: places[row],
                        expected: Expected::default(),
                        traded: traded[row],
                        provisional: provisional[row],
                        sums: counts.is_valid(row).then_some(sums[row]),
                    };
                    days.entry(dates[row]).or_default().klines.insert(timeframe, klines);
                }
            }
        }
        let calendar = self.providers.calendar(dirty.source, dirty.market);
        if calendar != Calendar::Always {
            self.in_session(dirty, month, calendar, &mut days).await?;
        }
        // by its name alone: bars are the same whatever the configuration says today
        let end = self.providers.expiry(dirty.source, dirty.market, &dirty.symbol);
        for (day, held) in &mut days {
            for (timeframe, klines) in &mut held.klines {
                klines.expected = Expected::of(calendar, end, *day, *timeframe);
            }
        }
        Ok((days, sound))
    }

    /// Counts the places within a venue's hours alone.
    async fn in_session(
        &self,
        dirty: &Dirty,
        month: Month,
        calendar: Calendar,
        days: &mut BTreeMap<Day, Held>,
    ) -> anyhow::Result<()> {
        // days that the calendar does not know keep what they have
        let known = days.iter_mut().filter(|(day, _)| calendar.session(**day).is_ok());
        for klines in known.flat_map(|(_, held)| held.klines.values_mut()) {
            klines.places = 0;
        }
        let hours = calendar.hours(month.days());
        if hours.is_empty() || !self.sources.has(Table::Klines, dirty, month) {
            return Ok(());
        }
        let mut parameters = parameters_of(dirty);
        parameters.push(("month", text(&month.to_string())));
        let words = [("hours", hours.as_str())];
        for batch in models::KLINE_SESSIONS.run_with(&self.session, &words, parameters).await? {
            let timeframes = texts(&batch, "timeframe")?;
            let (dates, places) = (dates(&batch, "day")?, counts(&batch, "places")?);
            for row in 0..batch.num_rows() {
                let timeframe = timeframes.value(row).parse::<Timeframe>()?;
                let held = days.get_mut(&dates[row]);
                if let Some(klines) = held.and_then(|held| held.klines.get_mut(&timeframe)) {
                    klines.places = places[row];
                }
            }
        }
        Ok(())
    }

    /// Fails where a file that is about to be asked by SQL is not what was committed.
    async fn verify(&self, table: Table, files: Vec<LiveFile>) -> anyhow::Result<()> {
        futures::stream::iter(files)
            .map(async |file| {
                let _permit = self.permits.acquire().await?;
                verify::sound(self.tables.lake(), table, &file).await?;
                anyhow::Ok(())
            })
            .buffered(self.cores)
            .try_collect()
            .await
    }

    /// What the files of a month's days say of their rows, and those of the days beside the
    /// month; where that is not enough, what the rows say: the days of which that was asked come with
    /// it, their files are what was committed.
    async fn look(
        &self,
        dirty: &Dirty,
        dataset: Dataset,
        month: Month,
    ) -> anyhow::Result<(BTreeMap<Day, Looked>, BTreeSet<Day>)> {
        let table = Table::of_dataset(dataset);
        let id = if dataset == Dataset::Trades { "trade_id" } else { "agg_trade_id" };
        let mut days: BTreeMap<Day, Looked> = BTreeMap::new();
        let mut doubtful: BTreeSet<Day> = BTreeSet::new();
        let beside = month.first().minus(1)..=month.last().next();
        for (day, file) in self.sources.day_files(table, dirty) {
            if !beside.contains(&day) {
                continue;
            }
            let (ids, is_sure) = FileFigures::of(file).day_ids(id, file.rows);
            let of = days.entry(day).or_default();
            of.ids.join(ids);
            of.valid = of.valid.saturating_add(file.rows);
            if !is_sure {
                doubtful.insert(day);
            }
        }
        if doubtful.is_empty() {
            return Ok((days, doubtful));
        }
        let files = self.sources.day_files(table, dirty);
        let files = files.filter(|(day, _)| doubtful.contains(day)).map(|(_, file)| file.clone());
        self.verify(table, files.collect()).await?;
        let list: Vec<String> = doubtful.iter().map(|day| format!("DATE '{day}'")).collect();
        let days_word = list.join(", ");
        let words = [("table", table.as_str()), ("id", id), ("days", days_word.as_str())];
        let rows = models::EVENT_DAYS.run_with(&self.session, &words, parameters_of(dirty)).await?;
        for batch in rows {
            let dates = dates(&batch, "date")?;
            let [ids, valid, damaged] = ["ids", "valid", "damaged"].map(|c| counts(&batch, c));
            let (ids, valid, damaged) = (ids?, valid?, damaged?);
            let long = |name: &str| -> anyhow::Result<Int64Array> {
                let column = batch.column_by_name(name).context("a column that is not there")?;
                Ok(column.as_primitive::<Int64Type>().clone())
            };
            let (first_id, last_id) = (long("first_id")?, long("last_id")?);
            let (first_us, last_us) = (long("first_us")?, long("last_us")?);
            for row in 0..batch.num_rows() {
                let ends = |first: &Int64Array, last: &Int64Array| {
                    (first.is_valid(row) && last.is_valid(row))
                        .then(|| (first.value(row), last.value(row)))
                };
                let ids = DayIds {
                    count: ids[row],
                    ids: ends(&first_id, &last_id),
                    times: ends(&first_us, &last_us),
                };
                let looked = Looked { ids, valid: valid[row], damaged: damaged[row] };
                days.insert(dates[row], looked);
            }
        }
        Ok((days, doubtful))
    }

    /// Adds days folded from their files.
    async fn fold(
        &self,
        base: &mut Base,
        dirty: &Dirty,
        dataset: Dataset,
        wanted: &BTreeSet<Day>,
        meter: &Meter,
    ) -> anyhow::Result<()> {
        let (table, lake) = (Table::of_dataset(dataset), self.tables.lake());
        let mut days = self.sources.days(table, dirty);
        days.retain(|day, _| wanted.contains(day));
        let known = &*base;
        let folded: Vec<(Day, Vec<Bar>)> = futures::stream::iter(days)
            .map(async |(day, files)| {
                let _permit = self.permits.acquire().await?;
                let mut copies = Vec::with_capacity(files.len());
                for file in &files {
                    let key = format!("{}/{}", layout::table(table), file.path);
                    let copy = if known.is_sound(day, dataset) {
                        lake.local_copy(&key).await?
                    } else {
                        verify::sound_copy(lake, table, file).await?
                    };
                    copies.push((key, copy));
                }
                let bars = tokio::task::spawn_blocking(move || fold_day(day, dataset, &copies));
                let bars = bars.await.context("the worker ended early")??;
                meter.rows(files.iter().map(|file| file.rows).sum());
                anyhow::Ok((day, bars))
            })
            .buffered(self.cores)
            .try_collect()
            .await?;
        let mut amounts: BTreeMap<Day, Sums> =
            wanted.iter().map(|day| (*day, Sums::default())).collect();
        for (day, bars) in &folded {
            base.add_folded(dataset, bars)?;
            let sum = amounts.entry(*day).or_default();
            for bar in bars {
                let [volume, _, contracts] = bar.volume;
                let trades = bar.trades.max(0).unsigned_abs();
                sum.add(Sums { trades, volume, contracts });
            }
        }
        base.made(dataset, &amounts);
        Ok(())
    }

    /// Adds days made by SQL.
    async fn sql(
        &self,
        base: &mut Base,
        dirty: &Dirty,
        dataset: Dataset,
        wanted: &BTreeSet<Day>,
    ) -> anyhow::Result<()> {
        let model = match dataset {
            Dataset::Trades => models::BARS_FROM_TRADES,
            _ => models::BARS_FROM_AGG_TRADES,
        };
        let mut amounts: BTreeMap<Day, Sums> =
            wanted.iter().map(|day| (*day, Sums::default())).collect();
        let table = Table::of_dataset(dataset);
        let files = self.sources.day_files(table, dirty);
        let unknown = |day: &Day| wanted.contains(day) && !base.is_sound(*day, dataset);
        let files = files.filter(|(day, _)| unknown(day)).map(|(_, file)| file.clone()).collect();
        self.verify(table, files).await?;
        for (from, to) in stretches(wanted) {
            let date = |day: Day| ScalarValue::Date32(Some(day.epoch_days()));
            let mut parameters = parameters_of(dirty);
            parameters.extend([("from", date(from)), ("to", date(to))]);
            let bars = model.run(&self.session, parameters).await?;
            base.add_model(&bars, Timeframe::M1, dataset)?;
            for batch in &bars {
                let opens = batch.column_by_name("open_us").context("no column `open_us`")?;
                let opens = opens.as_primitive::<Int64Type>().values();
                for (open_us, bar) in opens.iter().zip(sums(batch)?) {
                    let day = Day::of_micros(*open_us).context("a bar outside of all days")?;
                    amounts.entry(day).or_default().add(bar);
                }
            }
        }
        base.made(dataset, &amounts);
        Ok(())
    }

    /// The bars of all timeframes, in order.
    async fn bars(&self, memory: &SessionContext, base: Base) -> anyhow::Result<Vec<RecordBatch>> {
        let choices = base.choices();
        if choices.is_empty() {
            return Ok(Vec::new());
        }
        let choices = base::choice_batch(&choices)?;
        models::put(memory, "choice", Arc::clone(&base::CHOICE), vec![choices])?;
        models::put(memory, "base", Arc::clone(&base::BASE), base.batches)?;
        let bars = models::BARS.run(memory, Vec::new()).await?;
        models::put(memory, "base", Arc::clone(&base::BASE), Vec::new())?;
        Ok(bars)
    }
}

/// Days as stretches without a hole.
fn stretches(days: &BTreeSet<Day>) -> Vec<(Day, Day)> {
    let mut stretches: Vec<(Day, Day)> = Vec::new();
    for day in days {
        match stretches.last_mut() {
            Some((_, last)) if last.next() == *day => *last = *day,
            _ => stretches.push((*day, *day)),
        }
    }
    stretches
}

/// What each row amounts to.
fn sums(batch: &RecordBatch) -> anyhow::Result<Vec<Sums>> {
    let amounts = |name: &str| -> anyhow::Result<Decimal128Array> {
        let column = arrow::compute::cast(column(batch, name)?, &DataType::Decimal128(38, 8))?;
        Ok(column.as_primitive::<Decimal128Type>().clone())
    };
    let trades = counts(batch, "trade_count")?;
    let (volume, contracts) = (amounts("volume")?, amounts("contract_volume")?);
    let of = |array: &Decimal128Array, row: usize| array.is_valid(row).then(|| array.value(row));
    let all = trades.iter().enumerate();
    Ok(all
        .map(|(row, trades)| Sums {
            trades: *trades,
            volume: of(&volume, row),
            contracts: of(&contracts, row),
        })
        .collect())
}
