//! The one way out to a source over HTTP: a polite client that retries inside limits.
//!
//! A [`SourceClient`] bounds the requests at once and the time each may take, keeps everybody waiting
//! while the host asks for patience (`Retry-After`), tells people when the host is silent, follows
//! few redirects and never one to plain HTTP. [`Attempts`] counts what one piece of work may still
//! try. What the answers mean is the caller's business; the words for it stand in [`source::ask`].

mod redirect;
mod silence;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use model::Source;
use model::config::DownloadLimits;
use model::metrics::Metric;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Proxy, RequestBuilder, Response, StatusCode, Url};
use silence::Silence;
use source::ask::{Answer, Ask, Request, Unavailable, Usable, in_words, is_passing};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::meter::Meter;
use crate::retry::Backoff;

/// How often somebody who waits looks whether people are to be told.
const TICK: Duration = Duration::from_millis(500);

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadClient {
    /// The proxy's address is wrong.
    #[error("bad proxy `{found}`, expected such as http://proxy.example:3128")]
    Proxy {
        /// The address found.
        found: String,
        /// Why.
        source: reqwest::Error,
    },
    /// TLS or the system's certificates are not usable.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
}

/// Why one attempt failed, where another may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub why: String,
    /// How long the host asks to wait.
    pub asked: Option<Duration>,
    /// The answer's status, where it is the trouble.
    pub status: Option<u16>,
}

impl Trouble {
    /// A trouble without a wish of the host's.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), asked: None, status: None }
    }

    /// From a failure of the client: connection, timeout, a body that was cut.
    pub fn of_error(error: reqwest::Error) -> Self {
        // the URL is told once, by whoever gives up
        let error = error.without_url();
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(why, ": {error}");
            cause = error.source();
        }
        Self::new(why)
    }

    /// From a status that says `not now`; `None` for any definite answer.
    pub fn of_answer(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        is_passing(status.as_u16()).then(|| Self {
            why: format!("answer {}", status.as_u16()),
            asked: retry_after(headers, now),
            status: Some(status.as_u16()),
        })
    }
}

/// What `Retry-After` asks for: seconds or an HTTP date.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
    Some((at - now).to_std().unwrap_or(Duration::ZERO))
}

/// What time it is by the clock of the host that answered, to the second; `None` where it does not tell.
pub fn host_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    httpdate::parse_http_date(text.trim()).ok().map(DateTime::from)
}

/// The way out to one source. Cheap to clone; clones share their bounds.
#[derive(Debug, Clone)]
pub struct SourceClient {
    client: Client,
    limits: DownloadLimits,
    clock: Clock,
    // until when the host wants to be left alone
    closed: Arc<Mutex<Option<Instant>>>,
    permits: Arc<Semaphore>,
    count: Arc<Count>,
    silence: Arc<Mutex<Silence>>,
}

/// What became of the requests.
#[derive(Debug, Default)]
struct Count {
    /// Answers that began.
    answers: AtomicU64,
    /// Milliseconds until they did, all together.
    waited_ms: AtomicU64,
    /// Attempts after the first.
    retries: AtomicU64,
}

impl SourceClient {
    /// A client with the limits of the configuration. Proxies of the environment are not used;
    /// `proxy` is what the user named.
    ///
    /// # Errors
    /// [`BadClient`].
    pub fn new(
        limits: &DownloadLimits,
        clock: &Clock,
        proxy: Option<&str>,
    ) -> Result<Self, BadClient> {
        let idle = Duration::from_secs(limits.idle_timeout_seconds);
        let mut builder = Client::builder()
            .user_agent(concat!("market-lake/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(idle)
            .read_timeout(idle)
            .pool_max_idle_per_host(limits.concurrency as usize)
            .redirect(redirect::policy())
            // a URL may hold a key, which is nobody else's
            .referer(false)
            .no_proxy();
        if let Some(found) = proxy {
            let bad = |source| BadClient::Proxy { found: found.to_owned(), source };
            builder = builder.proxy(Proxy::all(found).map_err(bad)?);
        }
        Ok(Self {
            client: builder.build().map_err(BadClient::Tls)?,
            limits: limits.clone(),
            clock: clock.clone(),
            closed: Arc::default(),
            permits: Arc::new(Semaphore::new(limits.concurrency.max(1) as usize)),
            count: Arc::default(),
            silence: Arc::default(),
        })
    }

    /// The client, for whoever reads a body piece by piece.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The limits that it keeps.
    pub const fn limits(&self) -> &DownloadLimits {
        &self.limits
    }

    /// Sends a request of the client's, and notes how long its answer took to begin.
    ///
    /// # Errors
    /// A [`Trouble`] when there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let start = Instant::now();
        let (client, request) = request.build_split();
        let request = request.map_err(Trouble::of_error)?;
        let url = request.url().clone();
        self.silence().waits(start);
        let sent = self.patiently(&url, client.execute(request)).await;
        let response = sent.map_err(Trouble::of_error)?;
        if !is_passing(response.status().as_u16()) && self.silence().heard() {
            tracing::info!("{} answers again", host(&url));
        }
        let waited = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.count.answers.fetch_add(1, Ordering::Relaxed);
        self.count.waited_ms.fetch_add(waited, Ordering::Relaxed);
        Ok(response)
    }

    /// The time, UTC.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn silence(&self) -> std::sync::MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `work`, and tells people now and then where the host of `url` is silent.
    async fn patiently<T>(&self, url: &Url, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                value = &mut work => return value,
                () = tokio::time::sleep(TICK) => {
                    if let Some((lasts, why)) = self.silence().due(Instant::now()) {
                        tracing::warn!(
                            "nothing usable from {} for {} s: {why}; trying on, up to \
                             limits.download.attempts ({})",
                            host(url),
                            lasts.as_secs(),
                            self.limits.attempts
                        );
                    }
                }
            }
        }
    }

    /// Starts counting the attempts at `url`.
    pub fn attempts(&self, url: &str) -> Attempts<'_> {
        Attempts { client: self, url: url.to_owned(), made: 0 }
    }

    /// Sends a request once, for whoever counts attempts himself.
    ///
    /// # Errors
    /// A [`Trouble`] when there is no whole answer within the limits, or one that says `not now` and
    /// the request does not want those.
    pub async fn try_once(&self, request: &Request) -> Result<Answer, Trouble> {
        let seconds = self.limits.answer_timeout_seconds;
        let once = tokio::time::timeout(Duration::from_secs(seconds), self.once(request)).await;
        once.unwrap_or_else(|_| {
            Err(Trouble::new(format!(
                "not whole after limits.download.answer_timeout_seconds ({seconds} s)"
            )))
        })
    }

    async fn once(&self, request: &Request) -> Result<Answer, Trouble> {
        let mut sent = self.client.request(request.method.clone(), request.sent_to());
        for (name, value) in &request.headers {
            let mut value = HeaderValue::from_str(value.reveal())
                .map_err(|_| Trouble::new(format!("the header {name} cannot be sent")))?;
            value.set_sensitive(true);
            sent = sent.header(*name, value);
        }
        let response = self.send(sent).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if !request.any_status
            && let Some(trouble) = Trouble::of_answer(status, &headers, self.now())
        {
            return Err(trouble);
        }
        Ok(Answer { status, headers, body: body(response, request.limit).await? })
    }

    fn closed_for(&self) -> Option<Duration> {
        let until = self.closed.lock().ok().and_then(|closed| *closed)?;
        until.checked_duration_since(Instant::now())
    }

    fn close_for(&self, wait: Duration) {
        let Some(until) = Instant::now().checked_add(wait) else { return };
        if let Ok(mut closed) = self.closed.lock() {
            *closed = Some(closed.map_or(until, |already| already.max(until)));
        }
    }
}

/// The ways out, one a source: what one host asks for keeps nobody from another.
#[derive(Debug)]
pub struct Clients(BTreeMap<Source, SourceClient>);

impl Clients {
    /// A client for each source, however often it is named, as [`SourceClient::new`] makes them.
    ///
    /// # Errors
    /// [`BadClient`].
    pub fn new(
        sources: impl IntoIterator<Item = Source>,
        limits: &DownloadLimits,
        clock: &Clock,
        proxy: Option<&str>,
    ) -> Result<Self, BadClient> {
        let mut clients = BTreeMap::new();
        for source in sources {
            // each one reads the system's certificates: not one a unit
            if let Entry::Vacant(free) = clients.entry(source) {
                free.insert(SourceClient::new(limits, clock, proxy)?);
            }
        }
        Ok(Self(clients))
    }

    /// The client of a source; `None` of one that was not named.
    pub fn of(&self, source: Source) -> Option<&SourceClient> {
        self.0.get(&source)
    }

    /// Notes how the sources behaved: attempts after the first, and the mean latency.
    pub fn report(&self, meter: &Meter) {
        let sum = |of: fn(&Count) -> &AtomicU64| -> f64 {
            self.0.values().map(|client| of(&client.count).load(Ordering::Relaxed) as f64).sum()
        };
        meter.figure(Metric::Retries, sum(|count| &count.retries));
        let answers = sum(|count| &count.answers);
        if answers > 0.0 {
            meter.figure(Metric::SourceLatency, sum(|count| &count.waited_ms) / answers);
        }
    }
}

#[async_trait]
impl Ask for SourceClient {
    async fn ask(&self, request: &Request, usable: Usable<'_>) -> Result<Answer, Unavailable> {
        let mut attempts = self.attempts(&request.url);
        loop {
            let permit = attempts.begin().await?;
            let answer = self.try_once(request).await;
            drop(permit);
            let judged = answer.and_then(|answer| match usable(&answer) {
                Ok(()) => Ok(answer),
                Err(why) => Err(Trouble::new(why)),
            });
            match judged {
                Ok(answer) => return Ok(answer),
                Err(trouble) => attempts.failed(&trouble).await?,
            }
        }
    }

    fn limits(&self) -> &DownloadLimits {
        &self.limits
    }
}

async fn body(mut response: Response, limit: usize) -> Result<Bytes, Trouble> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Trouble::of_error)? {
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
        if body.len() == limit {
            break;
        }
    }
    Ok(body.freeze())
}

/// `https://host:port` of a URL, for messages.
fn host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The attempts at one piece of work.
#[derive(Debug)]
pub struct Attempts<'a> {
    client: &'a SourceClient,
    url: String,
    made: u32,
}

impl<'a> Attempts<'a> {
    /// Attempts begun so far.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// Begins an attempt as soon as there is room and the host wants to be asked. Keep the
    /// permit until the attempt is over.
    ///
    /// # Errors
    /// [`Unavailable`] when the host wants to be left alone for longer than the limits allow.
    pub async fn begin(&mut self) -> Result<SemaphorePermit<'a>, Unavailable> {
        let longest = Duration::from_millis(self.client.limits.max_backoff_ms);
        loop {
            let permit = self
                .client
                .permits
                .acquire()
                .await
                .map_err(|_| self.give_up("the client is closed".to_owned(), None))?;
            let Some(wait) = self.client.closed_for() else {
                self.made += 1;
                return Ok(permit);
            };
            drop(permit);
            if wait > longest {
                return Err(self.give_up(asks_too_much(wait, longest), None));
            }
            self.sleep(wait).await;
        }
    }

    /// Counts an attempt as failed and waits before the next one.
    ///
    /// # Errors
    /// [`Unavailable`] when none is left, or the host asks for more patience than the limits
    /// allow.
    pub async fn failed(&mut self, trouble: &Trouble) -> Result<(), Unavailable> {
        if let Some(asked) = trouble.asked {
            self.client.close_for(asked);
        }
        self.client.silence().failed(&trouble.why, Instant::now());
        let wait = self.wait(trouble)?;
        self.client.count.retries.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            url = self.url,
            attempt = self.made,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            why = trouble.why,
            "trying again"
        );
        self.sleep(wait).await;
        Ok(())
    }

    async fn sleep(&self, wait: Duration) {
        let sleep = tokio::time::sleep(wait);
        match self.url.parse() {
            Ok(url) => self.client.patiently(&url, sleep).await,
            Err(_) => sleep.await,
        }
    }

    fn wait(&self, trouble: &Trouble) -> Result<Duration, Unavailable> {
        let limits = &self.client.limits;
        let backoff = Backoff {
            first: Duration::from_millis(limits.backoff_ms),
            longest: Duration::from_millis(limits.max_backoff_ms),
        };
        let asked = trouble.asked.unwrap_or_default();
        if asked > backoff.longest {
            let why = format!("{}; {}", trouble.why, asks_too_much(asked, backoff.longest));
            return Err(self.give_up(why, trouble.status));
        }
        if self.made >= limits.attempts {
            return Err(self.give_up(trouble.why.clone(), trouble.status));
        }
        Ok(backoff.wait(self.made).max(asked))
    }

    /// The end of the attempts, for a reason of the caller's; `status` where an answer's status is
    /// the reason.
    pub fn give_up(&self, why: String, status: Option<u16>) -> Unavailable {
        Unavailable { url: self.url.clone(), attempts: self.made, why, status }
    }

    /// The end of the attempts, because the host refuses with a status.
    pub fn refused(&self, status: StatusCode) -> Unavailable {
        self.give_up(in_words(status), Some(status.as_u16()))
    }
}

fn asks_too_much(asked: Duration, longest: Duration) -> String {
    format!(
        "the host asks to wait {} s, more than limits.download.max_backoff_ms allows ({} s)",
        asked.as_secs_f64().ceil(),
        longest.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use source::ask::is_gone;

    use super::*;

    #[test]
    fn retry_after_in_both_forms() {
        let now = DateTime::from_timestamp(784_111_777, 0).expect("time");
        let check = |text: &str, expect: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("header"));
            assert_eq!(retry_after(&headers, now), expect.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:00 GMT", Some(23));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn which_answers_are_passing() {
        let now = DateTime::UNIX_EPOCH;
        for (code, expect) in [
            (200, false),
            (206, false),
            (403, false),
            (404, false),
            (410, false),
            (408, true),
            (418, true),
            (429, true),
            (500, true),
            (503, true),
        ] {
            let status = StatusCode::from_u16(code).expect("status");
            let trouble = Trouble::of_answer(status, &HeaderMap::new(), now);
            assert_eq!(trouble.is_some(), expect, "{code}");
        }
    }

    #[test]
    fn only_404_and_410_say_that_something_is_not_there() {
        for code in 100..600 {
            let status = StatusCode::from_u16(code).expect("status");
            assert_eq!(is_gone(status), matches!(code, 404 | 410), "{code}");
            let found = Unavailable {
                url: "https://example.org/a".to_owned(),
                attempts: 1,
                why: in_words(status),
                status: Some(code),
            };
            if matches!(code, 401 | 403 | 407 | 451) {
                let text = found.to_string();
                let start = format!("the source refuses https://example.org/a: answer {code} (");
                assert!(text.starts_with(&start), "{text}");
            }
        }
    }

    fn client(attempts: u32) -> SourceClient {
        let limits = DownloadLimits {
            attempts,
            backoff_ms: 1,
            max_backoff_ms: 1_000,
            ..DownloadLimits::default()
        };
        SourceClient::new(&limits, &Clock::System, None).expect("client")
    }

    #[tokio::test]
    async fn attempts_end() {
        let client = client(2);
        let mut attempts = client.attempts("https://example.org/");
        drop(attempts.begin().await.expect("first"));
        attempts.failed(&Trouble::new("cut")).await.expect("one left");
        drop(attempts.begin().await.expect("second"));
        let error = attempts.failed(&Trouble::new("cut")).await.expect_err("none left");
        assert_eq!(error.to_string(), "gave up on https://example.org/ after 2 attempts: cut");
    }

    #[tokio::test]
    async fn the_wait_is_what_the_host_asks_for() {
        let client = client(2);
        let mut attempts = client.attempts("https://example.org/");
        drop(attempts.begin().await.expect("first"));
        let wait = |ms: Option<u64>| {
            let asked = ms.map(Duration::from_millis);
            attempts.wait(&Trouble { asked, ..Trouble::new("answer 429") })
        };
        assert_eq!(wait(Some(700)), Ok(Duration::from_millis(700)));
        assert_eq!(wait(Some(1_000)), Ok(Duration::from_secs(1)));
        assert!(wait(Some(1_001)).is_err());
        assert!(wait(None).is_ok_and(|wait| wait <= Duration::from_millis(1)));
    }

    #[tokio::test]
    async fn a_host_that_asks_for_too_much_is_left_alone_by_everybody() {
        let client = client(9);
        let mut attempts = client.attempts("https://example.org/a");
        drop(attempts.begin().await.expect("first"));
        let asked = Some(Duration::from_secs(90));
        let trouble = Trouble { asked, ..Trouble::new("answer 418") };
        let error = attempts.failed(&trouble).await.expect_err("too long");
        assert!(error.why.starts_with("answer 418; the host asks to wait 90 s"), "{error}");
        let error =
            client.attempts("https://example.org/b").begin().await.map(drop).expect_err("too");
        assert_eq!(error.attempts, 0);
    }
}
