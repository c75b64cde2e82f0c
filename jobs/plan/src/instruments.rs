//! What a run tells of its instruments: what their names say, the configuration, and what the source's
//! listing shows. How that becomes rows of `silver.instruments` is not decided here. Pure.

use std::collections::BTreeMap;

use model::config::{Discovery, Section, Series};
use model::instrument::{Facts, Seen, Statement, Told};
use model::plan::Gap;
use model::{Day, Market, Period, Source, Symbol};
use source::offer::{Offer, unit};
use source::{Provider, Takes};
use stage::Context;

use crate::asked::Asked;

/// Days up to the plan's within which something was offered of what goes on.
const RECENT: u32 = 62;

/// A series and what there is of it.
#[derive(Debug, Clone, Copy)]
struct Surveyed<'a> {
    series: &'a Series,
    offer: &'a Offer,
}

/// What is told of the instruments of all series, in their order.
pub(crate) fn told(
    context: &Context,
    series: &[Series],
    offers: &[Offer],
    gaps: &[Gap],
    asked: &Asked,
) -> Vec<Told> {
    let mut instruments: BTreeMap<(Source, Market, &Symbol), Vec<Surveyed<'_>>> = BTreeMap::new();
    for (series, offer) in series.iter().zip(offers) {
        let of = (series.source, series.market, &series.symbol);
        instruments.entry(of).or_default().push(Surveyed { series, offer });
    }
    let today = context.clock.today();
    let told = instruments.into_iter().filter_map(|((source, market, symbol), surveyed)| {
        let provider = context.providers.of(source).ok()?;
        let section = context.config.sources.get(&source)?;
        let end = surveyed.first().and_then(|of| of.series.last_day());
        let lists = provider.takes() == Takes::Archives
            && section.discovery.unwrap_or_default() == Discovery::Listing;
        let mut seen = lists.then(|| seen(&surveyed, gaps, today));
        let mut statements = statements(provider, section, market, symbol, end);
        if let Some(terms) = asked.terms(source, market, symbol) {
            statements = terms.beside(statements);
            // of a name that is given again the source tells the last listing's
            let is_listed_once = statements.iter().skip(1).all(|statement| statement.goes_on);
            if let Some(from) = terms.listed_from.filter(|_| is_listed_once) {
                // without a listing the source's word is all there is of an end, and it may take it back
                let goes_on = terms.listed_to.is_none();
                let seen = seen.get_or_insert(Seen { goes_on, ..Seen::default() });
                seen.first = Some(seen.first.map_or(from, |first| first.min(from)));
            }
        }
        Some(Told { source, market, symbol: symbol.clone(), statements, seen })
    });
    told.collect()
}

/// What the configuration says, else the name.
fn statements(
    provider: &dyn Provider,
    section: &Section,
    market: Market,
    symbol: &Symbol,
    end: Option<Day>,
) -> Vec<Statement> {
    let configured =
        section.markets.get(&market).and_then(|of| of.instruments.get(symbol.as_str()));
    let mut statements: Vec<Statement> = match configured {
        Some(told) => told.iter().map(|one| one.value.statement()).collect(),
        None => vec![Statement { from: None, goes_on: false, facts: Facts::default() }],
    };
    let named = provider.instrument(market, symbol);
    for statement in &mut statements {
        statement.facts = std::mem::take(&mut statement.facts).or(named.clone());
    }
    // of a name that is given again the end is the last one's
    if let Some(last) = statements.last_mut() {
        last.facts.listed_to = last.facts.listed_to.or(end);
    }
    statements
}

/// What a listing shows of an instrument, by all of its series.
fn seen(surveyed: &[Surveyed<'_>], gaps: &[Gap], today: Day) -> Seen {
    let newest =
        surveyed.iter().flat_map(|of| of.offer.archives.keys()).map(|period| period.last());
    let goes_on = surveyed.iter().any(|of| of.offer.later == Some(true))
        || newest.max().is_some_and(|newest| newest >= today.minus(RECENT));
    let last = if goes_on { None } else { last(surveyed, gaps) };
    Seen { first: first(surveyed), last, goes_on }
}

/// The first day on offer, where the listing shows that there is none before it. An archive of a month
/// does not say on which of its days it begins.
fn first(surveyed: &[Surveyed<'_>]) -> Option<Day> {
    let begun = || surveyed.iter().filter_map(|of| Some((of, of.offer.first?)));
    // before the days wanted nobody looked
    if begun().any(|(of, first)| first <= of.series.from) {
        return None;
    }
    let first_days = begun().filter_map(|(of, first)| days(of.offer, first).min());
    let day = first_days.min()?;
    begun().all(|(_, first)| first.month() >= day.month()).then_some(day)
}

/// The last day on offer of an instrument all of whose series have ended.
fn last(surveyed: &[Surveyed<'_>], gaps: &[Gap]) -> Option<Day> {
    let mut last = None;
    for of in surveyed {
        let name = unit(of.series, Period::Day(of.series.from)).series();
        let gap = gaps.iter().find(|gap| gap.to.is_none() && gap.series == name)?;
        last = last.max(Some(days(of.offer, gap.from.minus(1)).max()?));
    }
    last
}

/// The days of a day's month that have archives of their own.
fn days(offer: &Offer, of: Day) -> impl Iterator<Item = Day> {
    offer.archives.keys().chain(&offer.before).filter_map(move |period| match period {
        Period::Day(day) => (day.month() == of.month()).then_some(*day),
        Period::Month(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use model::config::PublicationLag;
    use model::{Dataset, config::Archives};
    use source::Providers;
    use source::offer::{Checksum, Listed};

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect(text)
    }

    const CONFIG: &str = "\
environment: dev
sources:
  binance:
    url: https://data.binance.vision
    markets:
      coinm:
        symbols: [BTCUSD_210625]
        range: {from: 2021-01-01}
        datasets: {trades: {}}
      spot:
        symbols: [BTCUSDT, LUNAUSDT]
        range: {from: 2021-01-01}
        datasets: {trades: {}}
        instruments:
          BTCUSDT: [{tick_size: 0.01}]
          LUNAUSDT:
            - {listed_to: 2022-05-13, renamed_to: LUNCUSDT}
            - {from: 2022-05-31, listed_from: 2022-05-31, quote: USDX}
";

    #[test]
    fn what_is_configured_counts_more_than_the_name() {
        let config = Providers::ALL.read("lake.yaml", CONFIG).expect("a configuration");
        let (source, section) = config.sources.iter().next().expect("a source");
        let provider = Providers::ALL.of(*source).expect("a provider");
        let check = |market: &str, symbol: &str, end: Option<&str>, expect: &str| {
            let symbol: Symbol = symbol.parse().expect(symbol);
            let market = Market::new(if market == "spot" { "spot" } else { "coinm" });
            let told = statements(provider, section, market, &symbol, end.map(day));
            assert_eq!(serde_json::to_string(&told).expect("json"), expect, "{symbol}");
        };
        check(
            "spot",
            "BTCUSDT",
            None,
            r#"[{"facts":{"base":"BTC","quote":"USDT","time_zone":"UTC","tick_size":"0.01"}}]"#,
        );
        check(
            "coinm",
            "BTCUSD_210625",
            Some("2021-06-25"),
            r#"[{"facts":{"base":"BTC","quote":"USD","currency":"USD","time_zone":"UTC","listed_to":"2021-06-25"}}]"#,
        );
        check(
            "spot",
            "LUNAUSDT",
            None,
            r#"[{"facts":{"base":"LUNA","quote":"USDT","time_zone":"UTC","listed_to":"2022-05-13","renamed_to":"LUNCUSDT"}},{"from":"2022-05-31","facts":{"base":"LUNA","quote":"USDX","time_zone":"UTC","listed_from":"2022-05-31"}}]"#,
        );
    }

    /// A series of a dataset, with its offer: the first day, days of archives, whether there are later
    /// ones.
    fn surveyed(
        dataset: Dataset,
        first: Option<&str>,
        archives: &[&str],
        later: Option<bool>,
    ) -> (Series, Offer) {
        let series = Series {
            source: Source::new("acme"),
            market: Market::new("spot"),
            dataset,
            symbol: "BTCUSDT".parse().expect("symbol"),
            timeframe: None,
            from: day("2022-01-01"),
            to: day("2022-12-31"),
            archives: Archives::Auto,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        };
        let listed = || Listed {
            path: None,
            bytes: None,
            etag: None,
            modified: None,
            checksum: Checksum::Absent,
            until: None,
        };
        let archives = archives.iter().map(|text| (text.parse().expect(text), listed())).collect();
        (series, Offer { archives, first: first.map(day), later, ..Offer::default() })
    }

    #[test]
    fn a_listing_shows_when_an_instrument_began_and_ended() {
        let check = |all: &[(Series, Offer)], ended: &[(&str, &str)], expect: &str| {
            let gap = |(dataset, from): &(&str, &str)| Gap {
                series: format!("acme/spot/{dataset}/BTCUSDT"),
                from: day(from),
                to: None,
            };
            let gaps: Vec<Gap> = ended.iter().map(gap).collect();
            let all: Vec<Surveyed<'_>> =
                all.iter().map(|(series, offer)| Surveyed { series, offer }).collect();
            let found = seen(&all, &gaps, day("2023-01-02"));
            assert_eq!(serde_json::to_string(&found).expect("json"), expect);
        };
        let trades = |archives: &[&str], later| {
            surveyed(Dataset::Trades, Some("2022-03-01"), archives, later)
        };
        let quotes = |first: &str, archives: &[&str]| {
            surveyed(Dataset::Quotes, Some(first), archives, Some(false))
        };
        let old = ["2022-03-14", "2022-05-12", "2022-05-13", "2022-03", "2022-05"];
        check(
            &[
                trades(&[&old[..], &["2022-12-30"]].concat(), Some(false)),
                quotes("2022-03-14", &old),
            ],
            &[("quotes", "2022-06-01")],
            r#"{"first":"2022-03-14","goes_on":true}"#,
        );
        check(
            &[trades(&old, Some(false)), quotes("2022-04-02", &["2022-04-02", "2022-05-11"])],
            &[("trades", "2022-06-01"), ("quotes", "2022-05-12")],
            r#"{"first":"2022-03-14","last":"2022-05-13"}"#,
        );
        // months alone tell no day
        check(&[trades(&["2022-03", "2022-05"], Some(false))], &[("trades", "2022-06-01")], "{}");
        let before = quotes("2022-02-01", &["2022-02"]);
        check(&[trades(&old, Some(false)), before], &[], "{}");
        // days of old: what came later was not looked at, and what came before the days wanted
        check(&[trades(&old, Some(true))], &[], r#"{"first":"2022-03-14","goes_on":true}"#);
        check(&[trades(&old, None)], &[], r#"{"first":"2022-03-14"}"#);
        check(&[quotes("2022-01-01", &["2022-01-01", "2022-01-02"])], &[], "{}");
        // nothing at all
        let none = surveyed(Dataset::Trades, None, &[], Some(false));
        check(&[none], &[("trades", "2022-01-01")], "{}");
    }
}
