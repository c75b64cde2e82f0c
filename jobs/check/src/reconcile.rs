//! Reconciliation: bars made from trades (or aggregate trades) must equal the exchange's own
//! klines in every field, to the last digit.
//!
//! Only days that are whole on both sides are compared: a day that lacks trades cannot give the
//! exchange's bars, and coverage says so already.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use anyhow::Context as _;
use model::dirty::Dirty;
use model::{Dataset, Day, Market, Month, Source, Symbol, Timeframe};
use table::datafusion::prelude::SessionContext;

use crate::ask::{self, Row};
use crate::findings::{Finding, Findings, Status};
use crate::{Judged, coverage};

/// The name of the check.
pub const CHECK: &str = "reconciliation";

/// The fields compared: all that bars and klines share.
const FIELDS: [&str; 11] = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "contract_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "taker_buy_contract_volume",
];

type Instrument = (Source, Market, Symbol);

/// Days by what they are good for.
#[derive(Debug, Default)]
struct Ready {
    /// Days with klines at all, by timeframe.
    there: BTreeMap<Timeframe, BTreeSet<Day>>,
    /// Of them, those that are whole on both sides.
    whole: HashSet<(Timeframe, Day)>,
}

/// Compares the bars of the months that are dirty.
///
/// # Errors
/// Whatever the lake says.
pub async fn check(
    session: &SessionContext,
    judged: &[Judged],
    dirty: &[Dirty],
    findings: &mut Findings,
) -> anyhow::Result<Compared> {
    let mut compared = Compared::default();
    for piece in dirty {
        // what cannot be compared hides no other
        if let Err(error) = of_piece(session, judged, piece, &mut compared, findings).await {
            let detail = format!("cannot be compared: {error:#}");
            findings.summary(CHECK, Status::Fail, &piece.id(), detail);
        }
    }
    Ok(compared)
}

/// Compares the dirty months of one instrument.
async fn of_piece(
    session: &SessionContext,
    judged: &[Judged],
    piece: &Dirty,
    compared: &mut Compared,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let instrument = (piece.source, piece.market, piece.symbol.clone());
    let mut ready = ready(judged, &instrument);
    let mut totals: BTreeMap<Timeframe, Total> = BTreeMap::new();
    for month in &piece.months {
        let days = month.days().collect::<BTreeSet<_>>();
        if ready.whole.iter().any(|(_, day)| days.contains(day)) {
            doubted(session, &instrument, *month, &mut ready, &mut totals, findings).await?;
            compare(session, &instrument, *month, &ready, &mut totals, findings).await?;
        }
        for (timeframe, there) in &ready.there {
            let total = totals.entry(*timeframe).or_default();
            for day in there.intersection(&days) {
                total.whole += u64::from(ready.whole.contains(&(*timeframe, *day)));
                total.not_whole += u64::from(!ready.whole.contains(&(*timeframe, *day)));
            }
        }
    }
    for (timeframe, total) in totals {
        compared.bars += total.bars;
        compared.differ += total.differing;
        if total.whole + total.not_whole > 0 {
            let (status, detail) = total.told();
            findings.summary(CHECK, status, &subject(&instrument, timeframe), detail);
        }
    }
    Ok(())
}

/// What was compared, all in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Bars that were held against the exchange's own.
    pub bars: u64,
    /// Of them, those that differ.
    pub differ: u64,
}

#[derive(Debug, Default)]
struct Total {
    whole: u64,
    not_whole: u64,
    /// Of those that are not whole: days whose klines count more trades than there are.
    doubted: u64,
    bars: u64,
    differing: u64,
}

impl Total {
    /// How it ended, in words. Where nothing was compared, nothing passed.
    fn told(&self) -> (Status, String) {
        let mut detail = if self.whole > 0 {
            format!(
                "{} bars of {} days compared in every field, {} differ",
                self.bars, self.whole, self.differing
            )
        } else {
            "nothing compared".to_owned()
        };
        if self.not_whole > 0 {
            let _ = write!(
                detail,
                "; {} days not compared, for trades or klines of them are not whole",
                self.not_whole
            );
        }
        if self.doubted > 0 {
            let _ = write!(
                detail,
                ", on {} of them klines count more trades than there are",
                self.doubted
            );
        }
        let status = match self {
            Self { differing: 0, doubted: 0, whole: 0, .. } => Status::Skip,
            Self { differing: 0, doubted: 0, .. } => Status::Pass,
            _ => Status::Warn,
        };
        (status, detail)
    }
}

fn subject((source, market, symbol): &Instrument, timeframe: Timeframe) -> String {
    format!("{source}/{market}/{symbol}/{timeframe}")
}

/// Which days of an instrument can be compared.
fn ready(judged: &[Judged], instrument: &Instrument) -> Ready {
    let of_instrument = judged.iter().filter(|j| {
        (j.series.source, j.series.market, &j.series.symbol)
            == (instrument.0, instrument.1, &instrument.2)
    });
    // as gold chooses: what is whole, trades before aggregate trades
    let mut traded: BTreeMap<Day, (Dataset, bool)> = BTreeMap::new();
    let mut ready = Ready::default();
    for judged in of_instrument.clone() {
        let there = judged.days.iter().filter(|day| day.rows > 0);
        for day in there.filter(|_| judged.series.dataset.contiguous_id().is_some()) {
            let found = (judged.series.dataset, is_whole(day));
            let kept = traded.entry(day.day).or_insert(found);
            if (!found.1, found.0) < (!kept.1, kept.0) {
                *kept = found;
            }
        }
    }
    for judged in of_instrument {
        let Some(timeframe) = judged.series.timeframe.filter(|t| Timeframe::GOLD.contains(t))
        else {
            continue;
        };
        if judged.series.dataset != Dataset::Klines {
            continue;
        }
        for day in judged.days.iter().filter(|day| day.rows > 0) {
            let Some((_, traded_whole)) = traded.get(&day.day) else { continue };
            ready.there.entry(timeframe).or_default().insert(day.day);
            if *traded_whole && is_whole(day) {
                ready.whole.insert((timeframe, day.day));
            }
        }
    }
    ready
}

fn is_whole(day: &coverage::Coverage) -> bool {
    day.status == coverage::Status::Available && day.missing == 0
}

/// Takes days out whose bars gold made from klines though their trades have all ids: the klines
/// count more trades. Such bars cannot be held against what they are made from.
async fn doubted(
    session: &SessionContext,
    instrument: &Instrument,
    month: Month,
    ready: &mut Ready,
    totals: &mut BTreeMap<Timeframe, Total>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for row in ask::FROM_KLINES.ask(session, &[], parameters_of(instrument, month)).await?.iter() {
        let timeframe: Timeframe = row.word("timeframe")?.parse()?;
        let day = row.day("day")?;
        if !ready.whole.remove(&(timeframe, day)) {
            continue;
        }
        totals.entry(timeframe).or_default().doubted += 1;
        findings.detail(Finding {
            time: Some(day.start_micros()),
            field: Some("trade_count".to_owned()),
            expected: row.text("trades")?,
            detail: Some(
                "klines count more trades than there are, though no id is missing: the day's bars \
                 are made from klines"
                    .to_owned(),
            ),
            ..Finding::new(CHECK, Status::Warn, &subject(instrument, timeframe))
        });
    }
    Ok(())
}

fn parameters_of(instrument: &Instrument, month: Month) -> Vec<ask::Parameter> {
    vec![
        ask::text("source", instrument.0.as_str()),
        ask::text("market", instrument.1.as_str()),
        ask::text("symbol", instrument.2.as_str()),
        ask::text("month", &month.to_string()),
    ]
}

async fn compare(
    session: &SessionContext,
    instrument: &Instrument,
    month: Month,
    ready: &Ready,
    totals: &mut BTreeMap<Timeframe, Total>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let parameters = parameters_of(instrument, month);
    let counted = ask::RECONCILE.after(ask::JOINED, session, parameters.clone()).await?;
    let counted = ask::Rows { batches: counted.collect().await? };
    let mut differing = 0;
    for row in counted.iter() {
        let timeframe: Timeframe = row.word("timeframe")?.parse()?;
        let day = Day::of_micros(row.long("day_us")?).context("a bar outside of all days")?;
        if ready.whole.contains(&(timeframe, day)) {
            let total = totals.entry(timeframe).or_default();
            total.bars += row.count("bars")?;
            total.differing += row.count("differing")?;
            differing += row.count("differing")?;
        }
    }
    if differing == 0 {
        return Ok(());
    }
    let mut listed = 0;
    let mut batches =
        ask::DIFFERENCES.after(ask::JOINED, session, parameters).await?.execute_stream().await?;
    while let Some(batch) = futures::StreamExt::next(&mut batches).await {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            let row = Row { batch: &batch, at };
            let timeframe: Timeframe = row.word("timeframe")?.parse()?;
            let open_us = row.long("open_us")?;
            let day = Day::of_micros(open_us).context("a bar outside of all days")?;
            if !ready.whole.contains(&(timeframe, day)) {
                continue;
            }
            if findings.room() == 0 {
                // the summary has the number of all
                findings.left_out += differing - listed;
                return Ok(());
            }
            listed += 1;
            list(&row, &subject(instrument, timeframe), open_us, findings)?;
        }
    }
    Ok(())
}

/// Lists the fields in which a bar and a kline differ.
fn list(row: &Row<'_>, subject: &str, open_us: i64, findings: &mut Findings) -> anyhow::Result<()> {
    let finding = Finding { time: Some(open_us), ..Finding::new(CHECK, Status::Warn, subject) };
    let made_from = row.text("made_from")?;
    let one_sided = match (&made_from, row.text("kline_open")?) {
        (None, _) => Some("a kline with trades and no bar"),
        (_, None) => Some("a bar and no kline with trades"),
        _ => None,
    };
    if let Some(detail) = one_sided {
        findings.detail(Finding { detail: Some(detail.to_owned()), ..finding });
        return Ok(());
    }
    for field in FIELDS {
        let found = row.text(&format!("bar_{field}"))?;
        let expected = row.text(&format!("kline_{field}"))?;
        // what a kline does not state is not compared
        if expected.is_some() && found != expected {
            findings.detail(Finding {
                field: Some(field.to_owned()),
                expected,
                found,
                detail: made_from.as_deref().map(|from| format!("made from {from}")),
                ..finding.clone()
            });
        }
    }
    Ok(())
}
