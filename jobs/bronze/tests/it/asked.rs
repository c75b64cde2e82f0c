//! Units that are asked for page by page, against sample servers that count and refuse.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use exchange::faults::{Fault, Rule};
use exchange::rest::twelvedata::Habits;
use exchange::rest::{Limits, Rest, RestHandle, RestOptions};
use model::exit::Exit;
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::plan::{Batch, Group, Origin, PlannedUnit, Remote};
use model::schema::Table;
use model::{RunId, Unit, layout};
use source::questions;
use stage::{Clock, Context, Failure, ManualClock, Meter};
use store::Lake;

use crate::support::{Reply, Server};

pub(crate) const KEY: &str = "SECRET-0123456789abcdef";

/// A lake, a server, and a clock that both follow.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: RestHandle,
    clock: ManualClock,
}

impl Lab {
    pub(crate) fn new(habits: Habits) -> Self {
        let now: DateTime<Utc> = "2024-02-05T12:00:00Z".parse().expect("time");
        let options = RestOptions {
            twelvedata: habits,
            now: Some(now),
            keys: vec![KEY.to_owned()],
            ..RestOptions::default()
        };
        let folder = tempfile::tempdir().expect("folder");
        let lab = Self {
            folder,
            server: Rest::start(&options).expect("server"),
            clock: ManualClock::at(now),
        };
        lab.keep_key(KEY);
        lab
    }

    pub(crate) fn unlimited() -> Self {
        let limits = Limits { second: None, minute: None, day: None };
        Self::new(Habits { limits, ..Habits::default() })
    }

    fn keep_key(&self, key: &str) {
        let path = self.folder.path().join("key");
        std::fs::write(&path, key).expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.server.set_now(Some(Clock::Manual(self.clock.clone()).now()));
    }

    pub(crate) fn context(&self, run: u32, limits: &str) -> Context {
        let text = format!(
            "environment: test\nsources:\n  twelvedata:\n    url: {}\n    key: file:{}\n    \
             limits: {{{limits}}}\n    markets:\n      stocks:\n        symbols: [AAPL]\n        \
             range: {{from: 2024-01-01, to: 2024-01-31}}\n        datasets:\n          \
             klines: {{timeframes: [1m]}}\n  alphavantage:\n    url: {}\n    key: file:{}\n    \
             limits: {{{limits}}}\n    markets:\n      forex:\n        symbols: [EURUSD]\n        \
             range: {{from: 2024-01-01, to: 2024-01-31}}\n        datasets:\n          \
             klines: {{timeframes: [1d]}}\nlimits:\n  download: {{backoff_ms: 1, attempts: 3}}\n",
            self.server.url(),
            self.folder.path().join("key").display(),
            self.server.url(),
            self.folder.path().join("key").display()
        );
        let config = source::Providers::ALL.read("lake.yaml", &text).expect("configuration");
        let lake = self.folder.path().join("lake");
        Context {
            lake: Lake::open(lake.to_str().expect("path"), None).expect("lake"),
            config: Arc::new(config),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(DateTime::UNIX_EPOCH, run),
            clock: Clock::Manual(self.clock.clone()),
            meter: Meter::new("bronze", false),
        }
    }

    pub(crate) async fn fetch(
        &self,
        context: &Context,
        units: &[&str],
    ) -> (Result<bronze::Report, Failure>, Vec<BronzeFragment>) {
        fetch(self.server.url(), context, units).await
    }

    fn asked(&self) -> u64 {
        self.server.count("twelvedata", KEY).requests
    }
}

/// Fetches units of the API at `url`.
pub(crate) async fn fetch(
    url: &str,
    context: &Context,
    units: &[&str],
) -> (Result<bronze::Report, Failure>, Vec<BronzeFragment>) {
    let units: Vec<_> = units.iter().map(|unit| (*unit, Remote::asked(url))).collect();
    fetch_as(context, &units).await
}

/// Fetches units, each as it is planned.
async fn fetch_as(
    context: &Context,
    units: &[(&str, Remote)],
) -> (Result<bronze::Report, Failure>, Vec<BronzeFragment>) {
    plan(context, units).await;
    let options = bronze::Options { batch: 1, proxy: None, time: None };
    let outcome = bronze::run(context, &options).await;
    (outcome, context.lake.bronze_fragments(&context.run).await.expect("fragments"))
}

/// Plans units as the first batch of the run.
async fn plan(context: &Context, units: &[(&str, Remote)]) {
    let groups = units
        .iter()
        .map(|(unit, remote)| {
            let unit: Unit = unit.parse().expect(unit);
            let archive = Origin::Fetch(remote.clone());
            Group {
                id: unit.to_string(),
                table: Table::Klines,
                partitions: Vec::new(),
                units: vec![PlannedUnit { unit, archive, keeps: false, before: None }],
                reading: None,
                prices: None,
                tails: Vec::new(),
            }
        })
        .collect();
    let Context { lake, run, .. } = context;
    let batch = Batch { run: run.clone(), number: 1, groups };
    lake.write_json(&layout::batch(run, 1), &batch).await.expect("batch");
}

/// Fails where a file of a folder holds the key.
pub(crate) fn no_key_in(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            no_key_in(&path);
        } else {
            let bytes = std::fs::read(&path).expect("file");
            let has = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!has, "{} holds the key", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_as_received() {
    let lab = Lab::unlimited();
    let context = lab.context(1, "per_minute: 1000");
    let unit = "twelvedata/stocks/klines/AAPL/1m/2024-01";
    let (outcome, fragments) = lab.fetch(&context, &[unit]).await;
    outcome.expect("fetched");
    let [fragment] = fragments.as_slice() else { panic!("{fragments:?}") };
    assert_eq!(fragment.status, ArchiveStatus::Unverified);
    assert!(fragment.etag.as_ref().is_some_and(|etag| etag.starts_with("\"answers-")));
    assert!(fragment.url.contains("/time_series?symbol=AAPL&interval=1min"), "{}", fragment.url);
    let archive = fragment.archive.as_ref().expect("a raw object");
    assert!(archive.object.ends_with("/AAPL-1m-2024-01.zip"), "{}", archive.object);

    let object = context.lake.read(&archive.object).await.expect("object");
    assert_eq!(model::unit::sha256_hex(&object), archive.sha256);
    let kept = questions::unpack(&object).expect("answers");
    // 21 sessions of 390 minutes: two pages
    assert_eq!((kept.len() as u64, lab.asked()), (2, 2));
    let provider = context.providers.of(fragment.unit.source).expect("provider");
    let how = provider.questions().expect("it is asked");
    let lines = questions::lines(how, &fragment.unit, None, &kept).expect("lines");
    assert_eq!(lines.lines().count(), 21 * 390);
    no_key_in(&lab.folder.path().join("lake"));

    // asked again by another run, the same answers are the same raw object
    lab.advance(TimeDelta::hours(1));
    let (outcome, fragments) = lab.fetch(&lab.context(2, "per_minute: 1000"), &[unit]).await;
    outcome.expect("fetched");
    assert_eq!(fragments[0].archive.as_ref().map(|held| &held.sha256), Some(&archive.sha256));
    let folder = layout::raw_unit(&fragment.unit);
    assert_eq!(context.lake.list(&folder).await.expect("list").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_budget_is_kept_by_all_runs() {
    let lab = Lab::new(Habits {
        limits: Limits { second: None, minute: None, day: Some(3) },
        errors_as_200: true,
    });
    let days: Vec<String> = (2..=9)
        .filter(|day| ![6, 7].contains(day))
        .map(|day| format!("twelvedata/stocks/klines/AAPL/1m/2024-01-{day:02}"))
        .collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let (outcome, fragments) = lab.fetch(&lab.context(1, "per_day: 3"), &days).await;
    let report = outcome.expect("a clean end");
    assert_eq!(fragments.len(), 3);
    let text = report.text();
    let waiting = "3 units of twelvedata wait: the day's 3 credits of twelvedata are used up";
    assert!(text.contains(waiting), "{text}");
    assert!(text.contains("it can go on at 2024-02-06 00:00 UTC"), "{text}");
    let held: Vec<&str> = days
        .iter()
        .copied()
        .filter(|day| fragments.iter().any(|f| f.unit.to_string() == *day))
        .collect();
    let left: Vec<&str> = days.iter().copied().filter(|day| !held.contains(day)).collect();

    // another run on the same day asks nothing
    let (outcome, fragments) = lab.fetch(&lab.context(2, "per_day: 3"), &left).await;
    assert_eq!((outcome.expect("a clean end").waiting.len(), fragments.len()), (1, 0));
    assert_eq!(lab.asked(), 3);

    // and goes on with the next one
    lab.advance(TimeDelta::hours(13));
    let (outcome, fragments) = lab.fetch(&lab.context(3, "per_day: 3"), &left).await;
    outcome.expect("fetched");
    assert_eq!(fragments.len(), 3);
    let count = lab.server.count("twelvedata", KEY);
    assert_eq!((count.requests, count.refused), (6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_stop_what_they_concern() {
    let lab = Lab::unlimited();
    let context = lab.context(1, "concurrency: 1");
    let units =
        ["ABCDE", "AAPL"].map(|name| format!("twelvedata/stocks/klines/{name}/1m/2024-01-03"));
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let (outcome, fragments) = lab.fetch(&context, &units).await;
    outcome.expect("what is not there is on record");
    let told: Vec<_> = fragments.iter().map(|f| (f.unit.symbol.as_str(), f.status)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&("ABCDE", ArchiveStatus::Missing)), "{told:?}");
    assert!(told.contains(&("AAPL", ArchiveStatus::Unverified)), "{told:?}");
    let missing = fragments.iter().find(|f| f.status == ArchiveStatus::Missing);
    let detail = missing.and_then(|f| f.detail.as_deref()).unwrap_or_default();
    assert!(detail.starts_with("no such symbol"), "{detail}");

    // a wrong key is learnt once, and not repeated to people
    lab.keep_key("WRONG-0123456789");
    let units = [2, 3, 4].map(|day| format!("twelvedata/stocks/klines/AAPL/1m/2024-01-{day:02}"));
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let mut context = lab.context(2, "concurrency: 1");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    config.limits.download.concurrency = 1;
    let (outcome, fragments) = lab.fetch(&context, &units).await;
    let failure = outcome.expect_err("a wrong key");
    assert_eq!((failure.exit, fragments.len()), (Exit::SourceUnavailable, 0));
    let text = format!("{:#}", failure.error);
    assert!(text.contains("the key is wrong or missing"), "{text}");
    assert!(!text.contains("WRONG"), "{text}");
    assert_eq!(lab.server.count("twelvedata", "WRONG-0123456789").requests, 1);

    // without one nothing is asked
    std::fs::remove_file(lab.folder.path().join("key")).expect("remove");
    let (outcome, _) = lab.fetch(&lab.context(3, "concurrency: 4"), &units).await;
    assert_eq!(outcome.expect_err("no key").exit, Exit::Usage);
}

/// What is said of a fetch that fails.
pub(crate) fn failed(outcome: Result<bronze::Report, Failure>) -> String {
    let failure = outcome.expect_err("it cannot be had");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
    format!("{:#}", failure.error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_once_also_where_it_is_refused() {
    let lab = Lab::unlimited();
    // one answer has all days there are, and none before 2000
    let units = ["1998-01", "1998-02", "1998-03", "2024-01"];
    let units = units.map(|month| format!("alphavantage/forex/klines/EURUSD/1d/{month}"));
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let (outcome, fragments) = lab.fetch(&lab.context(1, "concurrency: 4"), &units).await;
    let report = outcome.expect("fetched");
    assert_eq!(report.by_status, [("missing", 3), ("unverified", 1)].into());
    assert_eq!((fragments.len(), lab.server.count("alphavantage", KEY).requests), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_damaged_stops_its_source_alone() {
    let lab = Lab::unlimited();
    let context = lab.context(1, "per_day: 9");
    let key = layout::limits("twelvedata".parse().expect("source"));
    context.lake.write(&key, "{").await.expect("write");
    let units = [
        "twelvedata/stocks/klines/AAPL/1m/2024-01-03",
        "alphavantage/stocks/klines/IBM/1h/2024-01",
        "twelvedata/stocks/klines/AAPL/1m/2024-01-04",
    ];
    let (outcome, fragments) = lab.fetch(&context, &units).await;
    let failure = outcome.expect_err("a damaged document");
    assert_eq!((failure.exit, lab.asked()), (Exit::DataRefused, 0));
    let text = format!("{:#}", failure.error);
    assert!(text.starts_with("`bronze/limits/twelvedata.json` does not tell"), "{text}");
    let [fragment] = fragments.as_slice() else { panic!("{fragments:?}") };
    assert_eq!(fragment.unit.to_string(), units[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_none() {
    let lab = Lab::unlimited();
    lab.server.set_faults(vec![Rule::always("**", Fault::EndlessBody)]).expect("rules");
    let unit = "alphavantage/forex/klines/EURUSD/1d/2024-01";
    let (outcome, fragments) = lab.fetch(&lab.context(1, "concurrency: 4"), &[unit]).await;
    let text = failed(outcome);
    assert!(text.contains("more than 33554432 bytes of one answer"), "{text}");
    assert_eq!((fragments.len(), lab.server.count("alphavantage", KEY).requests), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_always_refuses_is_left_alone() {
    let limits = Limits { second: None, minute: Some(0), day: None };
    let lab = Lab::new(Habits { limits, errors_as_200: false });
    let units: Vec<String> =
        (2..=5).map(|day| format!("twelvedata/stocks/klines/AAPL/1m/2024-01-{day:02}")).collect();
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let mut context = lab.context(1, "per_minute: 100, concurrency: 1");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    config.limits.download.concurrency = 1;
    let minutes = tokio::spawn({
        let clock = lab.clock.clone();
        async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                clock.advance(TimeDelta::seconds(8));
            }
        }
    });
    let (outcome, fragments) = lab.fetch(&context, &units).await;
    minutes.abort();
    let text = failed(outcome);
    assert!(text.contains("4 of 4 archives could not be fetched"), "{text}");
    assert!(text.contains("refused 3 times, each a window later"), "{text}");
    assert_eq!((fragments.len(), lab.asked()), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_asks_for_patience_gets_it() {
    let lab = Lab::unlimited();
    let busy = Fault::Status { code: 503, retry_after: Some(3_600) };
    lab.server.set_faults(vec![Rule::always("**", busy)]).expect("rules");
    let unit = "twelvedata/stocks/klines/AAPL/1m/2024-01-03";
    let (outcome, _) = lab.fetch(&lab.context(1, "concurrency: 4"), &[unit]).await;
    let text = failed(outcome);
    assert!(text.contains("the host asks to wait 3600 s"), "{text}");
    assert_eq!(lab.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_nowhere_else() {
    let lab = Lab::unlimited();
    let unit = "alphavantage/forex/klines/EURUSD/1d/2024-01";
    // sent on within the host, and to a place that is not gone to
    let server = Server::start(|request, _| match request.path.as_str() {
        path if path.starts_with("/query") => {
            Reply::status(302).with("Location", "/elsewhere").with("Set-Cookie", "a=b")
        }
        _ => Reply::status(302).with("Location", format!("http://example.org/?apikey={KEY}#{KEY}")),
    });
    let (outcome, _) = fetch(&server.url, &lab.context(1, "concurrency: 4"), &[unit]).await;
    let text = failed(outcome);
    assert!(text.contains("redirect to `http://example.org/`, expected https"), "{text}");
    assert!(!text.contains(KEY), "{text}");
    let seen = server.requests();
    assert!(seen.len() >= 2 && seen[0].path.contains(KEY), "{seen:?}");
    let gone_on = seen.iter().filter(|request| request.path == "/elsewhere");
    for request in gone_on {
        assert!(!format!("{request:?}").contains(KEY), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_repeats_the_key_is_read_as_what_it_is() {
    let lab = Lab::unlimited();
    let words = "and our standard API rate limit is 25 requests per day. Please subscribe to any of \
                 the premium plans to instantly remove all daily rate limits.";
    let notice = format!("{{\"Information\": \"We have detected your API key as {KEY} {words}\"}}");
    let server = Server::start(move |_, _| Reply::body(200, notice.as_bytes()));
    let units =
        ["EURUSD", "GBPUSD"].map(|pair| format!("alphavantage/forex/klines/{pair}/1d/2024-01"));
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let mut context = lab.context(1, "per_day: 100, concurrency: 1");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    config.limits.download.concurrency = 1;
    let (outcome, fragments) = fetch(&server.url, &context, &units).await;
    let report = outcome.expect("a clean end");
    assert_eq!((fragments.len(), server.requests().len()), (0, 1));
    let text = report.text();
    assert!(
        text.contains("2 units of alphavantage wait: alphavantage says that the day's"),
        "{text}"
    );
    assert!(!text.contains(KEY), "{text}");
    no_key_in(&lab.folder.path().join("lake"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_unit_that_is_not_whole_are_asked_for_once() {
    let unit = "twelvedata/stocks/klines/AAPL/1m/2024-01";
    let lab = Lab::unlimited();
    let (outcome, fragments) = lab.fetch(&lab.context(1, "per_day: 1"), &[unit]).await;
    assert_eq!((outcome.expect("a clean end").waiting.len(), fragments.len()), (1, 0));
    assert_eq!(lab.asked(), 1);
    no_key_in(&lab.folder.path().join("lake"));

    // the next day goes on with the second page
    lab.advance(TimeDelta::hours(13));
    let context = lab.context(2, "per_day: 1");
    let (outcome, fragments) = lab.fetch(&context, &[unit]).await;
    outcome.expect("fetched");
    assert_eq!((lab.asked(), fragments[0].attempts), (2, 1));
    let object = fragments[0].archive.as_ref().expect("a raw object").object.clone();
    let object = context.lake.read(&object).await.expect("object");
    let kept = questions::unpack_whole(&object).expect("answers");
    let times: Vec<_> = kept.iter().map(|(envelope, _)| envelope.received_at).collect();
    assert_eq!(times.len(), 2);
    assert!(times[1] - times[0] >= TimeDelta::hours(13), "{times:?}");

    // asked at once it is the same version
    let whole = Lab::unlimited();
    let (outcome, at_once) = whole.fetch(&whole.context(1, "per_day: 9"), &[unit]).await;
    outcome.expect("fetched");
    assert_eq!(at_once[0].etag, fragments[0].etag);

    // asked again, it is asked whole: what was kept was of another time of asking
    let mut remote = Remote::asked(lab.server.url());
    remote.held.clone_from(&fragments[0].archive);
    let context = lab.context(3, "per_day: 9");
    lab.advance(TimeDelta::hours(24));
    let (outcome, again) = fetch_as(&context, &[(unit, remote)]).await;
    outcome.expect("fetched");
    assert_eq!((lab.asked(), &again[0].etag), (4, &fragments[0].etag));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_page_that_is_spoiled_or_old_is_asked_for_again() {
    let unit = "twelvedata/stocks/klines/AAPL/1m/2024-01";
    let key = layout::page(&unit.parse().expect("unit"), "", 1);
    let lab = Lab::unlimited();
    lab.fetch(&lab.context(1, "per_day: 1"), &[unit]).await.0.expect("a clean end");
    let context = lab.context(2, "per_day: 9");
    context.lake.write(&key, "no zip").await.expect("write");
    lab.advance(TimeDelta::hours(13));
    let (outcome, fragments) = lab.fetch(&context, &[unit]).await;
    outcome.expect("fetched");
    assert_eq!((lab.asked(), fragments.len()), (3, 1));

    let lab = Lab::unlimited();
    lab.fetch(&lab.context(1, "per_day: 1"), &[unit]).await.0.expect("a clean end");
    lab.advance(TimeDelta::days(4));
    lab.fetch(&lab.context(2, "per_day: 9"), &[unit]).await.0.expect("fetched");
    assert_eq!(lab.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_goes_before_what_may_have_been_corrected() {
    let lab = Lab::unlimited();
    let (first, second) = (
        "twelvedata/stocks/klines/AAPL/1m/2024-01-03",
        "twelvedata/stocks/klines/AAPL/1m/2024-01-04",
    );
    let (outcome, fragments) = lab.fetch(&lab.context(1, "per_day: 9"), &[first]).await;
    outcome.expect("fetched");
    let new = Remote::asked(lab.server.url());
    let held = Remote { held: fragments[0].archive.clone(), ..new.clone() };
    let mut context = lab.context(2, "per_day: 2, concurrency: 1");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    config.limits.download.concurrency = 1;
    let (outcome, fragments) = fetch_as(&context, &[(first, held), (second, new)]).await;
    assert_eq!(outcome.expect("a clean end").waiting.len(), 1);
    let units: Vec<String> = fragments.iter().map(|f| f.unit.to_string()).collect();
    assert_eq!(units, [second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_time_asks_nothing_and_ends_well() {
    let lab = Lab::unlimited();
    let units = [3, 4].map(|day| format!("twelvedata/stocks/klines/AAPL/1m/2024-01-{day:02}"));
    let context = lab.context(1, "per_day: 9");
    let remote = Remote::asked(lab.server.url());
    let units: Vec<_> = units.iter().map(|unit| (unit.as_str(), remote.clone())).collect();
    plan(&context, &units).await;
    let time = Some(std::time::Duration::ZERO);
    let options = bronze::Options { batch: 1, proxy: None, time };
    let report = bronze::run(&context, &options).await.map_err(|f| f.error).expect("a clean end");
    assert_eq!(
        report.waiting,
        ["2 units of twelvedata wait: the job's time of 0 s is nearly over; the next run goes on"]
    );
    assert_eq!(lab.asked(), 0);
    let options = bronze::Options { time: None, ..options };
    let report = bronze::run(&context, &options).await.map_err(|f| f.error).expect("fetched");
    assert_eq!((report.waiting.len(), report.by_status["unverified"]), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_the_budget_is_not_slowness() {
    let lab = Lab::unlimited();
    let mut context = lab.context(1, "per_day: 9");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    // of archives alone
    config.limits.download.total_timeout_seconds = 0;
    let (outcome, fragments) =
        lab.fetch(&context, &["twelvedata/stocks/klines/AAPL/1m/2024-01-03"]).await;
    outcome.expect("fetched");
    assert_eq!(fragments.len(), 1);
}
