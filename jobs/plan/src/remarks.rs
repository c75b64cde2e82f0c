//! What looks wrong in what the source offers and stops nothing, in words. Each thing once a run.

use std::collections::BTreeMap;

use model::config::{Scope, Series};
use model::plan::Gap;
use model::{Market, Period, Source, Symbol};
use source::Providers;
use source::offer::{Offer, unit};

use crate::batches::Weighed;
use crate::kept_back::KeptBack;
use crate::report::bytes;

/// Disk that silver takes for each byte of archives: the archives, the files made of them, and as much
/// again for rows that wait for others.
const DISK_PER_BYTE: u64 = 3;

/// The remarks on the scope, on what was offered, on the gaps that were found, and on what is kept
/// back.
pub(crate) fn of(
    scope: &Scope,
    series: &[Series],
    offers: &[Offer],
    gaps: &[Gap],
    kept_back: &[KeptBack],
) -> Vec<String> {
    let mut remarks = Vec::from_iter(of_scope(scope, series));
    remarks.extend(of_symbols(series, offers));
    remarks.extend(series.iter().zip(offers).filter_map(|(s, offer)| strangers(s, offer)));
    remarks.extend(offers.iter().flat_map(|offer| &offer.remarks).cloned());
    remarks.extend(of_gaps(gaps));
    remarks.extend(kept_back.iter().map(ToString::to_string));
    for remark in &remarks {
        tracing::warn!("{remark}");
    }
    remarks
}

/// Markets of which days are wanted that their calendar does not know.
pub(crate) fn of_calendars(series: &[Series], providers: Providers) -> Vec<String> {
    let mut remarks: BTreeMap<(Source, Market), String> = BTreeMap::new();
    for series in series {
        let (source, market) = (series.source, series.market);
        let calendar = providers.calendar(source, market);
        let outside = [series.from, series.to].map(|day| calendar.session(day).err());
        if let Some(outside) = outside.into_iter().flatten().next() {
            remarks.entry((source, market)).or_insert_with(|| {
                format!(
                    "{source}/{market}: {outside}. Beyond it every day is taken for one of trading"
                )
            });
        }
    }
    for remark in remarks.values() {
        tracing::warn!("{remark}");
    }
    remarks.into_values().collect()
}

/// A batch that will not fit the disk of a task that builds it.
pub(crate) fn of_disk(batches: &[Weighed], storage_gib: u32) -> Option<String> {
    let largest = batches.iter().max_by_key(|weighed| weighed.line.read_bytes)?;
    let needed = largest.line.read_bytes.saturating_mul(DISK_PER_BYTE);
    if needed <= u64::from(storage_gib) << 30 {
        return None;
    }
    let first = largest.batch.groups.first().map_or("", |group| group.id.as_str());
    let remark = format!(
        "batch {} ({first}) reads {} of archives and needs about {} of disk, expected at most \
         {storage_gib}.0 GiB: raise `aws.tasks.silver.storage_gib`, or lower `limits.batch.mib` if the \
         batch has several groups",
        largest.line.number,
        bytes(largest.line.read_bytes),
        bytes(needed)
    );
    tracing::warn!("{remark}");
    Some(remark)
}

/// Days that were asked for and that the configuration does not want.
fn of_scope(scope: &Scope, series: &[Series]) -> Option<String> {
    let first = series.iter().map(|series| series.from).min()?;
    let from = scope.from.filter(|from| *from < first)?;
    Some(format!(
        "--from {from} lies before what the configuration wants, which begins with {first}: change \
         `range` there for more"
    ))
}

/// A symbol of which the source has nothing at all is likely a typo.
fn of_symbols(series: &[Series], offers: &[Offer]) -> Vec<String> {
    type Offered<'a> = Vec<(&'a Series, &'a Offer)>;
    let mut symbols: BTreeMap<(Source, Market, &Symbol), Offered<'_>> = BTreeMap::new();
    for (series, offer) in series.iter().zip(offers) {
        symbols
            .entry((series.source, series.market, &series.symbol))
            .or_default()
            .push((series, offer));
    }
    let mut remarks = Vec::new();
    for ((source, market, symbol), offers) in symbols {
        if offers.iter().all(|(_, offer)| offer.first.is_none()) {
            remarks.push(format!(
                "the source lists nothing for {source}/{market} {symbol}: is it spelt right?"
            ));
            continue;
        }
        for (series, offer) in offers {
            let name = unit(series, Period::Day(series.from)).series();
            match offer.first {
                None => remarks.push(format!("the source lists nothing for {name}")),
                Some(first) if offer.archives.is_empty() => remarks.push(format!(
                    "the source lists nothing for {name} from {} to {}; its first day is {first}",
                    series.from, series.to
                )),
                Some(_) => {}
            }
        }
    }
    remarks
}

/// Names that nobody understands: data that would be passed over unseen.
fn strangers(series: &Series, offer: &Offer) -> Option<String> {
    let strangers = &offer.strangers;
    if strangers.count == 0 {
        return None;
    }
    let more = strangers.count.saturating_sub(strangers.names.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "the source lists for {} what nobody understands, and it was not taken: `{}`{more}",
        unit(series, Period::Day(series.from)).series(),
        strangers.names.join("`, `")
    ))
}

/// Gaps; those of one symbol over the same days are told together.
fn of_gaps(gaps: &[Gap]) -> Vec<String> {
    type Key<'a> = (String, &'a Gap);
    let mut together: Vec<(Key<'_>, Vec<String>)> = Vec::new();
    for gap in gaps {
        let mut words = gap.series.split('/');
        let mut word = || words.next().unwrap_or_default();
        let (source, market, dataset, symbol) = (word(), word(), word(), word());
        let instrument = format!("{source}/{market} {symbol}");
        let what = words.next().map_or_else(|| dataset.to_owned(), |t| format!("{dataset} {t}"));
        let same = |(key, _): &&mut (Key<'_>, Vec<String>)| {
            key.0 == instrument && (key.1.from, key.1.to) == (gap.from, gap.to)
        };
        match together.iter_mut().find(same) {
            Some((_, whats)) => whats.push(what),
            None => together.push(((instrument, gap), vec![what])),
        }
    }
    let tell = |((instrument, gap), whats): ((String, &Gap), Vec<String>)| {
        let what = whats.join(", ");
        match gap.to {
            Some(to) => format!(
                "{instrument} ({what}): no archive from {} to {to}, {} days: it paused, or its name \
                 was given to another asset",
                gap.from,
                gap.from.days_until(to) + 1
            ),
            None => format!(
                "{instrument} ({what}): no archive since {}: it has ended, as it seems; `until: {}` \
                 in the symbol's overrides says so",
                gap.from,
                gap.from.minus(1)
            ),
        }
    };
    together.into_iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use model::RunId;
    use model::plan::{Batch, BatchRef, Group};
    use model::schema::Table;

    use super::*;

    #[test]
    fn days_before_the_configuration_are_told() {
        let series = |from: &str| Series {
            source: Source::new("binance"),
            market: Market::new("spot"),
            dataset: model::Dataset::Trades,
            symbol: "BTCUSDT".parse().expect("symbol"),
            timeframe: None,
            from: from.parse().expect(from),
            to: "2024-12-31".parse().expect("day"),
            archives: model::config::Archives::Auto,
            lag: model::config::PublicationLag::default(),
            end: None,
            tail: None,
        };
        let all = [series("2024-03-01"), series("2024-02-01")];
        let told = |from: Option<&str>| {
            let from = from.map(|from| from.parse().expect(from));
            of_scope(&Scope { from, ..Scope::default() }, &all)
        };
        let text = told(Some("2024-01-31")).expect("a remark");
        assert!(text.starts_with("--from 2024-01-31 lies before"), "{text}");
        assert!(text.contains("begins with 2024-02-01"), "{text}");
        assert_eq!(told(Some("2024-02-01")), None);
        assert_eq!(told(None), None);
    }

    #[test]
    fn days_that_a_calendar_does_not_know_are_told_once_a_market() {
        let series = |market: &'static str, symbol: &str, to: &str| Series {
            source: source::twelvedata::NAME,
            market: Market::new(market),
            dataset: model::Dataset::Klines,
            symbol: symbol.parse().expect("symbol"),
            timeframe: Some(model::Timeframe::D1),
            from: "2024-01-01".parse().expect("day"),
            to: to.parse().expect("day"),
            archives: model::config::Archives::Auto,
            lag: model::config::PublicationLag::default(),
            end: None,
            tail: None,
        };
        let told = of_calendars(
            &[
                series("crypto", "BTC", "2098-01-01"),
                series("stocks", "IBM", "2098-01-01"),
                series("stocks", "KO", "2098-01-01"),
                series("forex", "EURUSD", "2098-01-01"),
            ],
            Providers::ALL,
        );
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("twelvedata/stocks: calendar `xnys` vouches for "), "{told:?}");
        assert!(told[0].contains("not for 2098-01-01; "), "{told:?}");
        assert_eq!(of_calendars(&[series("stocks", "IBM", "2024-06-30")], Providers::ALL), [""; 0]);
    }

    #[test]
    fn a_batch_too_large_for_its_task_is_told() {
        let weighed = |number: u32, read_bytes: u64| Weighed {
            batch: Batch {
                run: RunId::new(chrono::DateTime::UNIX_EPOCH, 0),
                number,
                groups: vec![Group {
                    id: format!("group-{number}"),
                    table: Table::Trades,
                    partitions: Vec::new(),
                    units: Vec::new(),
                    reading: None,
                    prices: None,
                    tails: Vec::new(),
                }],
            },
            line: BatchRef {
                number,
                key: String::new(),
                groups: 1,
                units: 1,
                fetch_bytes: 0,
                read_bytes,
            },
        };
        // three bytes of disk for one of archives
        let fits = 20_u64 << 30;
        assert_eq!(of_disk(&[], 20), None);
        assert_eq!(of_disk(&[weighed(1, fits / 3)], 20), None);
        assert_eq!(of_disk(&[weighed(1, u64::MAX)], 20).map(|_| ()), Some(()));
        let text = of_disk(&[weighed(1, 1 << 30), weighed(2, 8 << 30), weighed(3, 1)], 20);
        let text = text.expect("a remark");
        assert!(text.starts_with("batch 2 (group-2) reads 8.0 GiB of archives and"), "{text}");
        assert!(text.contains("about 24.0 GiB of disk, expected at most 20.0 GiB"), "{text}");
        assert_eq!(of_disk(&[weighed(1, 8 << 30)], 24), None);
    }

    #[test]
    fn gaps_of_one_symbol_are_told_together() {
        let gap = |series: &str, from: &str, to: &str| Gap {
            series: series.to_owned(),
            from: from.parse().expect(from),
            to: to.parse().ok(),
        };
        let told = of_gaps(&[
            gap("binance/usdm/trades/LITUSDT", "2025-02-01", "2025-12-22"),
            gap("binance/usdm/klines/LITUSDT/1d", "2025-02-01", "2025-12-22"),
            gap("binance/spot/klines/LITUSDT/1d", "2025-02-01", ""),
        ]);
        assert_eq!(
            told,
            [
                "binance/usdm LITUSDT (trades, klines 1d): no archive from 2025-02-01 to 2025-12-22, \
                 325 days: it paused, or its name was given to another asset",
                "binance/spot LITUSDT (klines 1d): no archive since 2025-02-01: it has ended, as it \
                 seems; `until: 2025-01-31` in the symbol's overrides says so",
            ]
        );
    }
}
