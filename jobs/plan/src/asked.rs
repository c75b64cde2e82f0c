//! What sources say of their instruments, where they are asked: once a day and market, kept in bronze as
//! received, and read in the order of days. A source that does not say it stops nothing: what it said
//! last holds on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use model::config::Series;
use model::exit::Exit;
use model::instrument::known::{Known, Terms};
use model::layout;
use model::{Day, Market, Source, Symbol};
use source::Provider;
use source::ask::{Ask as _, Request, in_words};
use stage::http::Clients;
use stage::{Context, Failure};
use store::StoreError;

/// Bytes of an answer that are read at most: the largest had 20 MB in 2025.
const LONGEST: usize = 128 << 20;
/// How long a source that was asked in vain is left alone: who goes on asking is shut out for longer, and
/// a host that does not answer would hold up each plan.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// Instruments that could not be understood that are told by name.
const TOLD: usize = 3;

/// What is known of instruments because sources were asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    known: BTreeMap<(Source, Market), Known>,
    /// What a person should know of the asking.
    pub(crate) remarks: Vec<String>,
}

impl Asked {
    /// What is known of an instrument.
    pub(crate) fn terms(&self, source: Source, market: Market, symbol: &Symbol) -> Option<&Terms> {
        self.known.get(&(source, market))?.instruments.get(symbol)
    }

    fn remark(&mut self, text: String) {
        tracing::warn!("{text}");
        self.remarks.push(text);
    }
}

/// Asks the sources of `series` that are configured to be asked.
pub(crate) async fn ask(
    context: &Context,
    proxy: Option<&str>,
    series: &[Series],
) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    let markets: BTreeSet<(Source, Market)> =
        series.iter().map(|series| (series.source, series.market)).collect();
    for (source, market) in markets {
        let provider =
            context.providers.of(source).map_err(|error| Failure::new(Exit::Usage, error))?;
        let section = context.config.sources.get(&source);
        let (Some(how), Some(place)) = (
            section.and_then(|section| section.instruments.as_ref()),
            provider.where_instruments(market),
        ) else {
            continue;
        };
        let host = how.urls.get(&market).map_or(place.host, String::as_str);
        let this = Place { context, proxy, provider, source, market, host, path: place.path };
        let known = this.known(&mut asked).await?;
        asked.known.insert((source, market), known);
    }
    Ok(asked)
}

/// A market whose instruments are asked for.
struct Place<'a> {
    context: &'a Context,
    proxy: Option<&'a str>,
    provider: &'a dyn Provider,
    source: Source,
    market: Market,
    host: &'a str,
    path: &'a str,
}

impl Place<'_> {
    async fn known(&self, asked: &mut Asked) -> Result<Known, Failure> {
        let Self { source, market, .. } = *self;
        let lake = &self.context.lake;
        let key = layout::known_instruments(source, market);
        let before: Known = match lake.read_json(&key, "list of instruments").await {
            Ok(known) => known,
            Err(error) if error.is_not_found() => Known::default(),
            Err(error) => {
                // it is made again of the answers
                tracing::warn!("{:#}", anyhow::Error::from(error));
                Known::default()
            }
        };
        let mut known = before.clone();
        let entries = lake.list(&layout::instruments(source, market)).await?;
        let days: BTreeSet<Day> =
            entries.iter().filter_map(|entry| layout::parse_instruments_of(&entry.key)).collect();
        for day in days.into_iter().filter(|day| before.as_of < Some(*day)) {
            let answer =
                match lake.read_compressed(&layout::instruments_of(source, market, day)).await {
                    Ok(answer) => answer,
                    // nothing can be made of it any more, and the other days do not need it
                    Err(error @ StoreError::Document { .. }) => {
                        asked.remark(format!("{:#}", anyhow::Error::from(error)));
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
            if let Err(why) = self.learn(&mut known, day, &answer, asked) {
                asked.remark(format!("what {source} said of {market} on {day} is not used: {why}"));
            }
        }
        let (now, today) = (self.context.clock.now(), self.context.clock.today());
        let mut said = Ok(());
        if known.as_of < Some(today) {
            let waits = known.in_vain_at.filter(|at| (*at..*at + AGAIN).contains(&now));
            said = if let Some(at) = waits {
                Err(format!("asked in vain at {at:?}, it is asked again an hour after"))
            } else {
                let said = self.ask(&mut known, today, asked).await?;
                known.in_vain_at = said.is_err().then_some(now);
                said
            };
        }
        if let Err(why) = said {
            let last = known.as_of.map_or_else(
                || "nothing is known of their steps".to_owned(),
                |day| format!("what it said on {day} stays in force"),
            );
            asked.remark(format!(
                "{source} does not say what the instruments of {market} are, {last}: {why}"
            ));
        }
        if known != before {
            lake.write_json(&key, &known).await?;
        }
        Ok(known)
    }

    /// Asks, and keeps the answer where it is one.
    async fn ask(
        &self,
        known: &mut Known,
        today: Day,
        asked: &mut Asked,
    ) -> Result<Result<(), String>, Failure> {
        let limits = &self.context.config.limits.download;
        let clients = Clients::new([self.source], limits, &self.context.clock, self.proxy)
            .map_err(|error| Failure::new(Exit::Usage, error))?;
        let Some(client) = clients.of(self.source) else { return Ok(Ok(())) };
        // a refusal is not tried again at once
        let url = format!("{}{}", self.host, self.path);
        let request = Request { any_status: true, ..Request::get(url, LONGEST) };
        let answer = client.ask(&request, &mut |_| Ok(())).await;
        clients.report(&self.context.meter);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if !answer.status.is_success() {
            let words: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
            let why = format!("{}: {}", in_words(answer.status), words.escape_debug());
            return Ok(Err(format!("{why}, from {}", request.url)));
        }
        let mut learnt = known.clone();
        if let Err(why) = self.learn(&mut learnt, today, &answer.body, asked) {
            return Ok(Err(format!("{why}, from {}", request.url)));
        }
        let key = layout::instruments_of(self.source, self.market, today);
        if self.context.lake.keep_compressed(&key, &answer.body).await? {
            *known = learnt;
            return Ok(Ok(()));
        }
        // another plan was quicker, and its answer is the day's
        match self.context.lake.read_compressed(&key).await {
            Ok(answer) => Ok(self.learn(known, today, &answer, asked)),
            // it is damaged, and stays the day's
            Err(error @ StoreError::Document { .. }) => {
                Ok(Err(format!("{:#}", anyhow::Error::from(error))))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn learn(
        &self,
        known: &mut Known,
        day: Day,
        answer: &[u8],
        asked: &mut Asked,
    ) -> Result<(), String> {
        let Self { source, market, .. } = *self;
        let told = self.provider.instruments(market, answer)?;
        if !told.bad.is_empty() {
            let shown: Vec<&str> = told.bad.iter().take(TOLD).map(String::as_str).collect();
            asked.remark(format!(
                "of the instruments of {market} that {source} told of on {day}, {} are not understood, \
                 such as {}",
                told.bad.len(),
                shown.join("; ")
            ));
        }
        known.learn(day, told.facts);
        Ok(())
    }
}
