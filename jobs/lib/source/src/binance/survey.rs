//! What the source offers of each series: by its listing, page by page, or by asking for the
//! head of each archive. Nothing here knows the ledger or decides anything.
//!
//! Only 404 and 410 say that something is not there; whatever else is no success is the source's
//! refusal or trouble, and no plan is made of it. One status is ambiguous: a bucket that hides its
//! listing answers 403 to the head of what it does not have. So a 403 stands for `not there` only
//! where the same survey found some archive, and no 404 or 410 at all; else it is a refusal.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use model::config::{Archives, Discovery, Section, Series};
use model::{Cadence, Day, Period};
use url::Url;

use super::archive;
use super::listing::{self, BadPage, Page};
use super::names::{self, Keys};
use crate::ask::{Answer, Ask, Request, in_words, is_gone};
use crate::offer::{self, Listed, Offer, OfferError, unit};

/// Keys that S3 gives on one page at most.
const PAGE_KEYS: usize = 1_000;
/// Bytes of a page that are read at most: a thousand keys of the greatest length are 3 MiB.
const PAGE_BYTES: usize = 16 << 20;
/// Days before those wanted in which a series is looked for that has nothing within them.
const LOOK_BACK: u32 = 62;

/// The archive host that can be asked what it has.
pub(super) struct Survey<'a> {
    ask: &'a dyn Ask,
    url: &'a str,
    listing: &'a str,
    discovery: Discovery,
    probes: usize,
    heads: Mutex<Heads>,
}

/// What the heads of archives came to, to judge 403 by.
#[derive(Debug, Default)]
struct Heads {
    found: u64,
    gone: u64,
    /// The first that was forbidden.
    forbidden: Option<String>,
}

impl<'a> Survey<'a> {
    /// A survey of the host of `section`; `at_once` is how many heads of one series are asked for at
    /// once.
    pub(super) fn new(section: &'a Section, ask: &'a dyn Ask, at_once: usize) -> Self {
        Self {
            ask,
            url: section.url(),
            listing: section.listing_url.as_ref().map_or(section.url(), |url| &url.value),
            discovery: section.discovery.unwrap_or_default(),
            probes: at_once.max(1),
            heads: Mutex::default(),
        }
    }
}

#[async_trait]
impl offer::Survey for Survey<'_> {
    /// [`OfferError::Refused`] where 403 was no `not there`.
    fn judge(&self) -> Result<(), OfferError> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(url) = &heads.forbidden else { return Ok(()) };
        let why = match (heads.found, heads.gone) {
            (1.., 0) => return Ok(()),
            (0, 0) => "answer 403 (Forbidden) to this and to all other heads",
            _ => "answer 403 (Forbidden), though it answers 404 or 410 for what is not there",
        };
        Err(OfferError::Refused { url: url.clone(), why: why.to_owned() })
    }

    async fn offer(&self, series: &Series) -> Result<Offer, OfferError> {
        let cadences: &[Cadence] = match series.archives {
            Archives::Auto => &[Cadence::Daily, Cadence::Monthly],
            Archives::Daily => &[Cadence::Daily],
            Archives::Monthly => &[Cadence::Monthly],
        };
        let mut offer = Offer::default();
        for cadence in cadences {
            match self.discovery {
                Discovery::Listing => {
                    let keys = self.listed(series, *cadence).await?;
                    offer.archives.extend(keys.archives);
                    offer.strangers.extend(keys.strangers);
                    offer.later = Some(offer.later == Some(true) || keys.later);
                }
                Discovery::Probe => offer.archives.extend(self.probed(series, *cadence).await?),
            }
        }
        offer.first = offer.archives.keys().map(|p| p.first()).min();
        let may_start_earlier = offer.first.is_none_or(|first| first > series.from);
        if self.discovery == Discovery::Listing && may_start_earlier {
            for cadence in cadences {
                let first = self.first(series, *cadence).await?;
                offer.first = [offer.first, first].into_iter().flatten().min();
            }
        }
        if offer.archives.is_empty() && offer.first.is_some_and(|first| first < series.from) {
            let (from, to) = (series.from.minus(LOOK_BACK), series.from.minus(1));
            let earlier = Series { from, to, ..series.clone() };
            for cadence in cadences {
                let keys = self.listed(&earlier, *cadence).await?;
                let newest = keys.archives.into_keys().next_back();
                offer.before = newest.into_iter().chain(offer.before).max_by_key(|p| p.last());
            }
        }
        Ok(offer)
    }
}

impl Survey<'_> {
    /// What the listing shows of one cadence within the days wanted.
    async fn listed(&self, series: &Series, cadence: Cadence) -> Result<Keys, OfferError> {
        let window = window(series, cadence);
        let ends = window.first().copied().zip(window.last().copied());
        let mut keys = Keys::new(series, cadence, ends);
        let Some((first, last)) = ends else { return Ok(keys) };
        let (mut marker, end) = names::bounds(series, first, last);
        let most = (2 * names::span(first, last) + 2).min(PAGE_KEYS);
        let limits = self.ask.limits();
        let (mut pages, mut idle) = (0, 0);
        loop {
            let known = keys.archives.len();
            let (url, page) = self.page(series, keys.prefix(), Some(&marker), most).await?;
            let past_end = page.objects.iter().any(|object| object.key >= end);
            for object in page.objects {
                keys.take(object);
            }
            pages += 1;
            idle = if keys.archives.len() > known { 0 } else { idle + 1 };
            match page.next {
                Some(next) if next <= marker => return Err(OfferError::Stuck { url, next }),
                Some(next) if !past_end && next < end => {
                    let (found, name, limit) = if pages >= limits.listing_pages {
                        (format!("{pages} pages"), "listing_pages", limits.listing_pages)
                    } else if idle >= limits.listing_idle_pages {
                        let found =
                            format!("{idle} pages in a row without an archive of the series");
                        (found, "listing_idle_pages", limits.listing_idle_pages)
                    } else {
                        marker = next;
                        continue;
                    };
                    let limit = format!("limits.download.{name} ({limit})");
                    return Err(OfferError::Endless { url, found, limit });
                }
                next => {
                    // what comes after is not looked at: it may well be an archive
                    keys.later |= next.is_some();
                    break;
                }
            }
        }
        Ok(keys)
    }

    /// The first day of the first archive that the listing shows at all.
    async fn first(&self, series: &Series, cadence: Cadence) -> Result<Option<Day>, OfferError> {
        let mut keys = Keys::new(series, cadence, None);
        let (_, page) = self.page(series, keys.prefix(), None, 10).await?;
        for object in page.objects {
            keys.take(object);
        }
        Ok(keys.archives.keys().next().map(|period| period.first()))
    }

    async fn page(
        &self,
        series: &Series,
        prefix: &str,
        marker: Option<&str>,
        keys: usize,
    ) -> Result<(String, Page), OfferError> {
        let mut url = Url::parse(self.listing)
            .map_err(|source| OfferError::BadUrl { found: self.listing.to_owned(), source })?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("delimiter", "/").append_pair("prefix", prefix);
            if let Some(marker) = marker {
                query.append_pair("marker", marker);
            }
            query.append_pair("max-keys", &keys.to_string());
        }
        let url = url.to_string();
        let mut page = None;
        // a page that is cut is worth another attempt
        let mut usable = |answer: &Answer| {
            page = Some(read_page(answer)?);
            Ok(())
        };
        let asked = self.ask.ask(&Request::get(&url, PAGE_BYTES), &mut usable).await;
        let answer =
            asked.map_err(|source| OfferError::Unavailable { series: name(series), source })?;
        let unread = || {
            let xml = |what| Err((answer.status, BadPage::Xml { at: 0, what }));
            read_page(&answer).unwrap_or_else(xml)
        };
        let page = page.unwrap_or_else(unread);
        match page {
            Ok(page) => Ok((url, page)),
            Err((status, error)) if is_refusal(status, &error) => {
                let words = match error {
                    BadPage::Refused { code, message } => format!(", {code}: {message}"),
                    _ => String::new(),
                };
                let why = format!("{}{words}", in_words(status));
                Err(OfferError::Refused { url, why })
            }
            Err((status, BadPage::NoListing { .. })) if status != StatusCode::OK => {
                let status = status.as_u16();
                Err(OfferError::BadStatus { url, status, expected: "200 with a listing" })
            }
            Err((_, source)) => Err(OfferError::BadAnswer {
                what: "listing",
                url,
                hint: format!("is sources.{}.listing_url right?", series.source),
                source: Box::new(source),
            }),
        }
    }

    /// The archives of one cadence whose head the source gives.
    async fn probed(
        &self,
        series: &Series,
        cadence: Cadence,
    ) -> Result<BTreeMap<Period, Listed>, OfferError> {
        let found: Vec<Option<(Period, Listed)>> = futures::stream::iter(window(series, cadence))
            .map(|period| async move {
                let path = archive::url_path(&archive::path(&unit(series, period)));
                let url = format!("{}/{path}", self.url);
                let answer =
                    self.ask.ask(&Request::head(&url), &mut |_| Ok(())).await.map_err(
                        |source| OfferError::Unavailable { series: name(series), source },
                    )?;
                let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
                match answer.status {
                    StatusCode::OK => {
                        heads.found += 1;
                        Ok(Some((period, Listed::of_head(&answer.headers))))
                    }
                    status if is_gone(status) => {
                        heads.gone += 1;
                        Ok(None)
                    }
                    // what that means is seen when all is asked
                    StatusCode::FORBIDDEN => {
                        heads.forbidden.get_or_insert(url);
                        Ok(None)
                    }
                    status if status.is_client_error() => {
                        Err(OfferError::Refused { url, why: in_words(status) })
                    }
                    status => {
                        let status = status.as_u16();
                        Err(OfferError::BadStatus { url, status, expected: "200, 404 or 410" })
                    }
                }
            })
            .buffered(self.probes)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// Whether an answer without a page is the source's refusal, and not a listing that is none.
fn is_refusal(status: StatusCode, error: &BadPage) -> bool {
    match error {
        // S3 says so in its own form, even under status 200
        BadPage::Refused { code, .. } if status.is_success() => {
            !matches!(code.as_str(), "NoSuchBucket" | "NoSuchKey" | "InvalidBucketName")
        }
        _ => status.is_client_error() && !is_gone(status),
    }
}

fn name(series: &Series) -> String {
    unit(series, Period::Day(series.from)).series()
}

/// The periods of a cadence that touch the days wanted, in order.
fn window(series: &Series, cadence: Cadence) -> Vec<Period> {
    match cadence {
        Cadence::Daily => series.from.to(series.to).map(Period::Day).collect(),
        Cadence::Monthly => series.from.month().to(series.to.month()).map(Period::Month).collect(),
    }
}

/// A page, or what its answer was instead; `Err` for one that is cut.
fn read_page(answer: &Answer) -> Result<Result<Page, (StatusCode, BadPage)>, String> {
    match listing::parse(&answer.body) {
        Ok(page) if answer.status == StatusCode::OK => Ok(Ok(page)),
        Ok(_) => Ok(Err((answer.status, BadPage::NoListing { found: String::new() }))),
        Err(error @ BadPage::Xml { .. }) if answer.status == StatusCode::OK => {
            Err(format!("bad listing: {error}"))
        }
        Err(error) => Ok(Err((answer.status, error))),
    }
}
