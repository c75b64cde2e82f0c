//! plan against the sample exchange: paging, probing, what is asked for and what is not,
//! repeated and republished, and sources that do not answer or are no source.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchange::faults::{Fault, Rule};
use exchange::{Exchange, Handle, Options as Market, Range, SymbolSpec};
use model::config::Scope;
use model::exit::Exit;
use model::fragment::ArchiveStatus;
use model::ledger::{BuildRow, Ledger, LedgerRow};
use model::metrics::Metric;
use model::plan::{Batch, Group, Origin};
use model::{Dataset, Period, RawArchive, RunId, Symbol, Timeframe, UnitId, layout};
use plan::Options;
use plan::report::Report;
use source::offer::{Checksum, Offer};
use stage::http::SourceClient;
use stage::{Context, Failure};

use crate::kit;

/// Two months of one symbol's trades and 1h bars.
fn exchange() -> Handle {
    let range = Range {
        from: "2024-02-01".parse().expect("day"),
        to: "2024-03-31".parse().expect("day"),
        timeframes: vec![Timeframe::H1],
        daily: Dataset::ALL.to_vec(),
        monthly: vec![Dataset::Trades, Dataset::AggTrades],
    };
    kit::exchange(40, range)
}

struct Lab {
    context: Context,
    text: String,
    _folder: tempfile::TempDir,
}

impl Lab {
    fn new(url: &str, symbols: &str, range: &str, datasets: &str, discovery: &str) -> Self {
        let text = format!(
            "environment: test\nsources:\n  binance:\n    url: {url}\n    discovery: {discovery}\n    \
             markets:\n      spot:\n        symbols: {symbols}\n        range: {range}\n        \
             datasets: {datasets}\nlimits:\n  download: {{backoff_ms: 1, attempts: 3}}\n  \
             batch: {{units: 25}}\n"
        );
        let (folder, context) = kit::context(&text);
        Self { context, text, _folder: folder }
    }

    fn next_run(&mut self) {
        let n = u32::from_str_radix(&self.context.run.as_str()[17..], 16).expect("number");
        self.context.run = RunId::new(self.context.clock.now(), n + 1);
    }

    async fn plan(&self) -> Report {
        plan::run(&self.context, &Options::default()).await.expect("plan")
    }

    async fn fails(&self) -> Failure {
        plan::run(&self.context, &Options::default()).await.expect_err(&self.text)
    }

    async fn batches(&self, report: &Report) -> Vec<Batch> {
        let mut batches = Vec::new();
        for line in &report.plan.batches {
            let batch = self.context.lake.batch(&report.plan.run, line.number).await;
            batches.push(batch.expect("batch"));
        }
        batches
    }

    /// Writes the ledger as if everything planned had been done.
    async fn done(&self, report: &Report) {
        let (_, mut ledger) = self.context.lake.ledger().await.expect("ledger");
        for group in self.batches(report).await.into_iter().flat_map(|b| b.groups) {
            done(&mut ledger, &group, self.context.clock.now());
        }
        // of a lake without tables: their logs have no version
        self.context.lake.write_ledger(0, &ledger).await.expect("ledger");
    }
}

fn done(ledger: &mut Ledger, group: &Group, now: chrono::DateTime<chrono::Utc>) {
    let mut inputs = Vec::new();
    for planned in &group.units {
        let id = planned.unit.id();
        if let Origin::Fetch(remote) = &planned.archive {
            let sha256 = format!("{id}{:?}", remote.etag);
            let archive = RawArchive {
                object: "o".to_owned(),
                sha256,
                bytes: remote.bytes.unwrap_or(1),
                fetched_at: now,
            };
            let row = LedgerRow {
                status: ArchiveStatus::Ok,
                etag: remote.etag.clone(),
                last_modified: remote.last_modified,
                published_sha256: None,
                checksum_modified: remote.checksum_modified,
                usable: None,
                tries: 0,
                checksum_refused: false,
                archive: Some(archive),
                fetched_at: now,
            };
            ledger.archives.insert(id.clone(), row);
        }
        let sha256 = ledger.archives[&id].archive.as_ref().expect("archive").sha256.clone();
        inputs.push((id, sha256));
    }
    let build = BuildRow {
        inputs: Group::inputs(inputs.iter().map(|(id, sha256)| (id, sha256.as_str()))),
        units: inputs.into_iter().map(|(id, _)| id).collect(),
        corrupt: BTreeMap::new(),
        spoiled: Vec::new(),
        short_days: Vec::new(),
        replaced: BTreeMap::new(),
    };
    ledger.builds.insert(group.id.clone(), build);
}

#[tokio::test]
async fn only_the_pages_that_are_needed() {
    let exchange = exchange();
    let lab = Lab::new(
        exchange.url(),
        "[BTCUSDT]",
        "{from: 2024-03-10, to: 2024-03-12}",
        "{trades: {archives: daily}}",
        "listing",
    );
    let report = lab.plan().await;
    assert_eq!(report.plan.totals.listed, 3);
    assert_eq!(report.plan.totals.fetch, 3);
    assert_eq!(report.warnings, Vec::<String>::new());
    let requests = exchange.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].marker, "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-03-10");
    let batch = &lab.batches(&report).await[0];
    let Origin::Fetch(remote) = &batch.groups[0].units[0].archive else { panic!("{batch:?}") };
    assert_eq!(remote.checksum_url, Some(format!("{}.CHECKSUM", remote.url)));
    assert!(remote.etag.as_ref().is_some_and(|etag| etag.starts_with('"')), "{remote:?}");
    assert!(remote.bytes.is_some_and(|bytes| bytes > 0) && remote.last_modified.is_some());
    // what the plan names is there
    let got = reqwest::get(&remote.url).await.expect("archive");
    assert_eq!(got.status().as_u16(), 200);
    assert_eq!(got.headers()["etag"].to_str().ok(), remote.etag.as_deref());
}

#[tokio::test]
async fn probing_finds_what_listing_finds() {
    let exchange = exchange();
    let offer = async |discovery: &str| {
        let lab = Lab::new(
            exchange.url(),
            "[BTCUSDT]",
            "{from: 2024-02-25, to: 2024-04-02}",
            "{trades: {}}",
            discovery,
        );
        let door = SourceClient::new(&lab.context.config.limits.download, &lab.context.clock, None);
        let door = door.expect("door");
        let Context { config, providers, clock, .. } = &lab.context;
        let series = providers.series(config, clock.today(), &Scope::default());
        let (source, section) = config.sources.iter().next().expect("a section");
        let survey = providers.of(*source).expect("provider").survey(section, &door, 4);
        let mut offer = survey.offer(&series[0]).await.expect("offer");
        for listed in offer.archives.values_mut() {
            listed.checksum = Checksum::Unknown;
        }
        offer
    };
    let listed = offer("listing").await;
    let days = listed.archives.keys().filter(|p| matches!(p, Period::Day(_))).count();
    assert_eq!((days, listed.archives.len()), (36, 38));
    assert_eq!(listed.later, Some(false));
    // heads tell nothing of what comes after the days wanted
    let expect = Offer { later: None, ..listed };
    assert_eq!(offer("probe").await, expect);
}

#[tokio::test]
async fn done_is_done_until_something_is_published_anew() {
    let exchange = exchange();
    let mut lab = Lab::new(
        exchange.url(),
        "[BTCUSDT]",
        "{from: 2024-02-01, to: 2024-03-31}",
        "{trades: {}, klines: {timeframes: [1h]}}",
        "listing",
    );
    let report = lab.plan().await;
    let totals = report.plan.totals;
    assert_eq!(totals.listed, 60 + 2 + 60);
    // months of trades are cheaper than their days; the bars have no monthly archives
    assert_eq!((totals.groups, totals.fetch), (4, 2 + 60));
    assert_eq!(totals.units, totals.fetch);
    assert_eq!(report.plan.batches.iter().map(|b| b.units).sum::<u64>(), totals.units);
    assert_eq!(report.plan.batches.len(), 3, "29, 31 and 2 units");
    assert_eq!(report.plan.absent, Vec::new());

    // the same run again keeps its plan, and another scope is refused
    exchange.clear_requests();
    let again = lab.plan().await;
    assert!(again.taken_up);
    assert_eq!(again.plan, report.plan);
    assert!(exchange.requests().is_empty());
    let scope = Scope { datasets: vec![Dataset::Trades], ..Scope::default() };
    let options = Options { scope, ..Options::default() };
    let failure = plan::run(&lab.context, &options).await.expect_err("another scope");
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.error.to_string().contains("a plan of another scope"), "{failure:?}");
    // a redrive takes the plan as it is, whatever the configuration says by now
    let configured = std::mem::take(&mut lab.context.config_sha256);
    let failure = plan::run(&lab.context, &Options::default()).await.expect_err("another file");
    assert!(failure.error.to_string().contains("another configuration"), "{failure:?}");
    let resume = Options { resume: true, ..Options::default() };
    let resumed = plan::run(&lab.context, &resume).await.expect("resume");
    assert!(resumed.taken_up);
    assert_eq!(resumed.plan, report.plan);
    lab.context.config_sha256 = configured;

    lab.done(&report).await;
    lab.next_run();
    let report = lab.plan().await;
    assert!(report.plan.batches.is_empty());
    assert_eq!(report.plan.totals.fetch, 0);
    assert!(report.text().ends_with(": nothing to do\n"), "{}", report.text());

    let anew = |path: &str| Rule::always(path, Fault::Republished { revision: 1 });
    exchange
        .set_faults(vec![
            anew("data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip"),
            anew("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-09.zip"),
            // its month is held, so this one is nobody's business
            anew("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-03-09.zip"),
        ])
        .expect("rules");
    lab.next_run();
    let report = lab.plan().await;
    let totals = report.plan.totals;
    assert_eq!((totals.fetch, totals.republished, totals.groups), (2, 2, 2));
    assert_eq!(totals.units, 1 + 31, "the bars' month is built whole");
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let exchange = exchange();
    exchange
        .set_faults(vec![Rule::always(
            "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-1?.zip",
            Fault::Absent,
        )])
        .expect("rules");
    let lab = Lab::new(
        exchange.url(),
        "[BTCUSDT, BTCUSTD]",
        "{from: 2024-01-20, to: 2024-03-31}",
        "{klines: {timeframes: [1h, 5m]}}",
        "listing",
    );
    let report = lab.plan().await;
    let absent: Vec<_> = report.plan.absent.iter().map(UnitId::as_str).collect();
    // January is before the first archive
    assert_eq!(absent.len(), 10, "{absent:?}");
    assert_eq!(absent[0], "binance/spot/klines/BTCUSDT/1h/2024-03-10");
    assert_eq!(
        report.warnings,
        [
            "the source lists nothing for binance/spot/klines/BTCUSDT/5m",
            "the source lists nothing for binance/spot BTCUSTD: is it spelt right?",
        ]
    );
    let line = report.series.iter().find(|l| l.series.ends_with("BTCUSDT/1h")).expect("line");
    assert_eq!((line.listed, line.fetch, line.absent), (50, 50, 10));
}

#[tokio::test]
async fn a_listing_in_many_pages_that_fails_at_times() {
    let symbol: Symbol = "BTCUSDT".parse().expect("symbol");
    let options = Market {
        symbols: vec![SymbolSpec::new(exchange::Market::Spot, symbol)],
        range: Range {
            from: "2020-01-01".parse().expect("day"),
            to: "2024-03-31".parse().expect("day"),
            timeframes: Vec::new(),
            daily: vec![Dataset::Trades],
            monthly: Vec::new(),
        },
        sizes: exchange::Sizes::Declared,
        ..Market::default()
    };
    let exchange = Exchange::start(&options).expect("exchange");
    let trouble = |code: u16| {
        let status = Fault::Status { code, retry_after: Some(0) };
        Rule::always("list:data/spot/daily/trades/**", status).times(1)
    };
    let cut = Rule::always("list:data/spot/daily/trades/**", Fault::Cut { at: 5_000 }).times(1);
    exchange.set_faults(vec![trouble(503), trouble(429), cut]).expect("rules");
    let lab = Lab::new(
        exchange.url(),
        "[BTCUSDT]",
        "{from: 2020-03-01, to: 2024-02-29}",
        "{trades: {}}",
        "listing",
    );
    let mut config = (*lab.context.config).clone();
    config.limits.download.attempts = 5;
    let context = Context { config: Arc::new(config), ..lab.context.clone() };
    let report = plan::run(&context, &Options::default()).await.expect("plan");
    assert_eq!(report.plan.totals.listed, 1461);
    assert_eq!(report.plan.totals.fetch, 1461);
    assert_eq!(exchange.applied(), [1, 1, 1]);
    let daily = exchange.requests().into_iter().filter(|r| r.path.contains("/daily/")).count();
    assert_eq!(daily, 3 + 3, "three pages, three failures");
}

#[tokio::test]
async fn sources_that_are_none() {
    let fails = async |url: &str| {
        let lab = Lab::new(
            url,
            "[BTCUSDT]",
            "{from: 2024-02-01, to: 2024-03-31}",
            "{trades: {}}",
            "listing",
        );
        let failure = lab.fails().await;
        let there = lab.context.lake.list(layout::RUNS).await.expect("list");
        assert!(there.is_empty(), "{there:?}");
        (failure.exit, format!("{:#}", failure.error))
    };
    let (exit, text) = fails("http://127.0.0.1:9").await;
    assert_eq!(exit, Exit::SourceUnavailable);
    assert!(text.contains("cannot survey binance/spot/trades/BTCUSDT: gave up on"), "{text}");
    assert!(text.contains("after 3 attempts"), "{text}");

    let exchange = exchange();
    let (exit, text) = fails(&format!("{}/nowhere", exchange.url())).await;
    assert_eq!(exit, Exit::Usage, "{text}");

    let status = Fault::Status { code: 418, retry_after: Some(7_200) };
    exchange.set_faults(vec![Rule::always("list:**", status)]).expect("rules");
    let (exit, text) = fails(exchange.url()).await;
    assert_eq!(exit, Exit::SourceUnavailable);
    assert!(text.contains("the host asks to wait 7200 s"), "{text}");
}

#[tokio::test]
async fn a_source_that_is_silent_among_others_is_left_out_and_counted() {
    let exchange = exchange();
    let dead = "http://127.0.0.1:9";
    let planned = async |url: &str| {
        let text = format!(
            "environment: test\nsources:\n  binance:\n    url: {url}\n    markets:\n      spot:\n        \
             symbols: [BTCUSDT]\n        range: {{from: 2024-02-01, to: 2024-03-31}}\n        \
             datasets: {{trades: {{}}}}\n  twelvedata:\n    url: {dead}\n    key: env:KEY\n    markets:\n      \
             stocks:\n        symbols: [AAPL]\n        range: {{from: 2024-02-01, to: 2024-02-29}}\n        \
             datasets: {{klines: {{timeframes: [1d]}}}}\nlimits:\n  \
             download: {{backoff_ms: 1, attempts: 3}}\n"
        );
        let (_folder, context) = kit::context(&text);
        let report = plan::run(&context, &Options::default()).await.expect("plan");
        let silent: Vec<String> =
            report.plan.unasked.iter().map(|unasked| unasked.source.to_string()).collect();
        let figures = context.meter.figures(std::time::Duration::from_secs(1), false);
        let counted = figures.into_iter().find(|(metric, _)| *metric == Metric::SilentSources);
        (silent, counted.map(|(_, value)| value.to_string()), report.plan.totals.units > 0)
    };
    assert_eq!(planned(dead).await, (vec!["binance".to_owned()], Some("1".to_owned()), true));
    // the figure is there too where all is well: an alarm ends by it
    assert_eq!(planned(exchange.url()).await, (vec![], Some("0".to_owned()), true));
}

#[tokio::test]
async fn a_source_that_refuses_is_no_wrong_configuration() {
    let exchange = exchange();
    let run = async |discovery: &str, path: &str, code: u16| {
        let status = Fault::Status { code, retry_after: None };
        exchange.set_faults(vec![Rule::always(path, status)]).expect("rules");
        let lab = Lab::new(
            exchange.url(),
            "[BTCUSDT]",
            "{from: 2024-02-01, to: 2024-02-05}",
            "{trades: {archives: daily}}",
            discovery,
        );
        plan::run(&lab.context, &Options::default()).await
    };
    for code in [400, 401, 403, 405, 407, 429, 451, 500, 503] {
        let failure = run("listing", "list:**", code).await.expect_err("refused");
        assert_eq!(failure.exit, Exit::SourceUnavailable, "{code}: {:?}", failure.error);
        let text = format!("{:#}", failure.error);
        assert!(text.contains(&format!("answer {code}")), "{text}");
        if matches!(code, 401 | 403 | 407 | 451) {
            assert!(text.starts_with("the source refuses http://127.0.0.1"), "{text}");
            assert!(text.ends_with("OnDemand: a fault on demand"), "the host's own words: {text}");
        }
    }
    // a listing that is not there is a wrong URL
    let failure = run("listing", "list:**", 404).await.expect_err("nothing there");
    assert_eq!(failure.exit, Exit::Usage, "{:?}", failure.error);

    let one = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-02-03.zip";
    for code in [400, 401, 405, 407, 451, 500, 503] {
        let failure = run("probe", one, code).await.expect_err("refused");
        assert_eq!(failure.exit, Exit::SourceUnavailable, "{code}: {:?}", failure.error);
        assert!(format!("{:#}", failure.error).contains(&format!("answer {code}")), "{failure:?}");
    }
    for code in [404, 410] {
        assert_eq!(run("probe", one, code).await.expect("plan").plan.totals.listed, 4, "{code}");
    }
}

#[tokio::test]
async fn a_forbidden_head_means_not_there_only_where_the_host_hides_what_it_lacks() {
    let exchange = exchange();
    let days =
        |days: &str| format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-{days}.zip");
    let forbidden =
        |path: String| Rule::always(path, Fault::Status { code: 403, retry_after: None });
    let run = async |rules: Vec<Rule>, range: &str| {
        exchange.set_faults(rules).expect("rules");
        let lab =
            Lab::new(exchange.url(), "[BTCUSDT]", range, "{trades: {archives: daily}}", "probe");
        plan::run(&lab.context, &Options::default()).await
    };
    // 403 wherever there is nothing, 200 else: a bucket that hides its listing
    let hides = vec![forbidden(days("01-??"))];
    let range = "{from: 2024-01-30, to: 2024-02-03}";
    let report = run(hides, range).await.expect("plan");
    assert_eq!(report.plan.totals.listed, 3);
    // 404 where there is nothing: then a 403 is a refusal
    let failure = run(vec![forbidden(days("02-02"))], range).await.expect_err("refused");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
    let text = format!("{:#}", failure.error);
    assert!(
        text.contains("2024-02-02.zip: answer 403 (Forbidden), though it answers 404"),
        "{text}"
    );
    // 403 for all: nobody can tell, so nothing is planned
    let failure = run(vec![forbidden("data/**".to_owned())], range).await.expect_err("refused");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
    assert!(format!("{:#}", failure.error).contains("to this and to all other heads"));
}

#[tokio::test]
async fn a_scope_outside_of_the_configuration_is_refused() {
    let lab = Lab::new(
        "http://127.0.0.1:9",
        "[BTCUSDT]",
        "{from: 2024-02-01, to: 2024-03-31}",
        "{trades: {}}",
        "listing",
    );
    let check = async |scope: Scope, expect: &str| {
        let options = Options { scope, ..Options::default() };
        let failure = plan::run(&lab.context, &options).await.expect_err(expect);
        assert_eq!(failure.exit, Exit::Usage);
        let text = failure.error.to_string();
        assert!(text.contains(expect), "{text}");
    };
    let symbols = vec!["ETHUSDT".parse().expect("symbol")];
    check(Scope { symbols, ..Scope::default() }, "--symbol ETHUSDT").await;
    let datasets = vec![Dataset::Klines];
    check(Scope { datasets, ..Scope::default() }, "--dataset klines").await;
    let from = "2024-04-01".parse().ok();
    check(Scope { from, ..Scope::default() }, "--from and --to leave no day").await;
}
