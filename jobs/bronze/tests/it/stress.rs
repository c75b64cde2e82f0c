//! The program itself against servers that count, with faults of all kinds: two runs at once, each
//! with a process for each provider, and processes that are killed at any moment. No limit is
//! exceeded, nothing is lost, nothing doubled, and no key is anywhere.
//!
//! A day's credits are fewer than what is needed, so that runs end and go on with the next day; the
//! servers begin a new day when the test says so. How many requests a provider gets is
//! `MARKET_LAKE_REQUESTS`; from 1,000 on a minute's limit binds as well.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exchange::faults::{Fault, Rule};
use exchange::rest::{Count, Limits, Rest, RestHandle, RestOptions, Windows};
use model::plan::{Batch, Group, Origin, PlannedUnit, Remote};
use model::schema::Table;
use model::{RunId, Unit, layout};
use source::questions;
use store::Lake;

/// Requests a provider where nobody asks for more.
const REQUESTS: usize = 160;
/// Kills where nobody asks for more.
const KILLS: usize = 12;
const RUNS: u32 = 2;
/// Requests that wait at once in a process, and are lost with it.
const CONCURRENCY: u32 = 4;
const KEY: &str = "SECRET-0123456789abcdef";
const SYMBOLS: [&str; 9] = ["AAPL", "AMZN", "BRK.B", "GOOGL", "IBM", "JPM", "MSFT", "NVDA", "TSLA"];

/// A number that the environment may set.
fn knob(name: &str, usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob, registered in model::env")]
    let set = std::env::var(name);
    set.ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// One provider: its units, and what may be asked of it.
struct Side {
    name: &'static str,
    units: Vec<Unit>,
    limits: Limits,
}

impl Side {
    /// The limits as they stand in the configuration, at a day that is the n-th.
    fn section(&self, url: &str, key: &Path, day: u64) -> String {
        let Limits { second, minute, day: credits } = self.limits;
        let limit = |name: &str, limit: Option<u64>| {
            limit.map_or_else(String::new, |limit| format!("{name}: {limit}, "))
        };
        let limits = limit("requests_per_second", second)
            + &limit("per_minute", minute)
            + &limit("per_day", credits.map(|credits| credits * day));
        format!(
            "  {}:\n    url: {url}\n    key: file:{}\n    limits: {{{limits}concurrency: \
             {CONCURRENCY}}}\n    markets:\n      stocks:\n        symbols: [AAPL]\n        range: \
             {{from: 2024-01-01, to: 2024-01-31}}\n        datasets:\n          klines: \
             {{timeframes: [1h]}}\n",
            self.name,
            key.display()
        )
    }
}

/// Units that are one request each: days of the one, months of the other.
fn sides(requests: usize) -> [Side; 2] {
    let count = requests / RUNS as usize;
    let is_long = requests >= 1_000;
    let series = ["1h", "30m", "15m", "5m"]
        .iter()
        .flat_map(|timeframe| SYMBOLS.map(|symbol| format!("{symbol}/{timeframe}")));
    let units = |name: &str, periods: &[String]| -> Vec<Unit> {
        let all = series.clone().flat_map(|series| {
            let unit = |period| format!("{name}/stocks/klines/{series}/{period}").parse();
            periods.iter().map(unit).collect::<Vec<_>>()
        });
        all.take(count).map(|unit| unit.expect("unit")).collect()
    };
    // Wednesdays in the middle of a month, of which none is a holiday
    let days: Vec<String> = (2004..2024)
        .flat_map(|year| (1..=12).map(move |month| (year, month)))
        .filter_map(|(year, month)| {
            chrono::NaiveDate::from_weekday_of_month_opt(year, month, chrono::Weekday::Wed, 3)
        })
        .map(|day| day.to_string())
        .collect();
    let months: Vec<String> = (2004..2024)
        .flat_map(|year| (1..=12).map(move |month| format!("{year}-{month:02}")))
        .collect();
    let half = Some((requests as u64 * 2).div_ceil(3));
    // what binds is the day in a short test, the minute or the second in a long one as well
    let twelvedata = if is_long {
        Limits { second: None, minute: Some(requests as u64 / 6), day: half }
    } else {
        Limits { second: Some(45), minute: Some(5_000), day: half }
    };
    let alphavantage =
        Limits { second: Some(if is_long { 36 } else { 45 }), minute: None, day: half };
    [
        Side { name: "twelvedata", units: units("twelvedata", &days), limits: twelvedata },
        Side { name: "alphavantage", units: units("alphavantage", &months), limits: alphavantage },
    ]
}

fn server(sides: &[Side; 2], faults: bool) -> RestHandle {
    let mut options = RestOptions {
        now: Some("2024-02-05T12:00:00Z".parse().expect("time")),
        windows: Windows::Wall,
        keys: vec![KEY.to_owned()],
        ..RestOptions::default()
    };
    options.twelvedata.errors_as_200 = true;
    (options.twelvedata.limits, options.alphavantage.limits) = if faults {
        (sides[0].limits, sides[1].limits)
    } else {
        (Limits::default(), Limits::default())
    };
    let server = Rest::start(&options).expect("server");
    if faults {
        let rule = |fault: Fault, likely: f64| Rule::always("**", fault).likely(likely);
        let slow = Fault::Slow { delay_ms: 400, bytes_per_second: None };
        let rules = vec![
            rule(Fault::Status { code: 500, retry_after: None }, 0.03),
            rule(Fault::Status { code: 503, retry_after: Some(1) }, 0.005),
            rule(Fault::Cut { at: 100 }, 0.04),
            rule(Fault::Html, 0.03),
            rule(Fault::Redirect { to: "/elsewhere".to_owned() }, 0.01),
            rule(Fault::Redirect { to: format!("http://localhost:1/?apikey={KEY}") }, 0.01),
            rule(Fault::LyingLength { bytes: 40_000_000 }, 0.01),
            rule(slow, 0.05),
        ];
        server.set_faults(rules).expect("rules");
    }
    server
}

/// A process of a run, which is started again until its batch is done.
struct Worker {
    run: RunId,
    batch: u32,
    output: PathBuf,
    child: Option<Child>,
    /// Requests of its provider before it was started.
    before: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Works,
    /// The day's credits are used up.
    Waits,
    Done,
}

struct World {
    folder: tempfile::TempDir,
    server: RestHandle,
    sides: [Side; 2],
    workers: Vec<Worker>,
    /// What the server counted on the days before.
    counted: Vec<Count>,
    kills: usize,
    starts: usize,
    /// What is logged: all there is, where that is not too much.
    log: &'static str,
}

impl World {
    async fn new(requests: usize) -> Self {
        let sides = sides(requests);
        let folder = tempfile::tempdir().expect("folder");
        let log = if requests < 1_000 { "trace" } else { "debug" };
        let server = server(&sides, true);
        let key = folder.path().join("key");
        std::fs::write(&key, KEY).expect("write");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("mode");
        let mut workers = Vec::new();
        let lake = lake(folder.path());
        for run in 1..=RUNS {
            let run = RunId::new(chrono::DateTime::UNIX_EPOCH, run);
            for (number, side) in (1..).zip(&sides) {
                let groups = side.units.iter().map(|unit| group(unit, server.url())).collect();
                let batch = Batch { run: run.clone(), number, groups };
                lake.write_json(&layout::batch(&run, number), &batch).await.expect("batch");
                let output = folder.path().join(format!("{run}-{number}.log"));
                let run = run.clone();
                workers.push(Worker {
                    run,
                    batch: number,
                    output,
                    child: None,
                    before: 0,
                    state: State::Works,
                });
            }
        }
        Self { folder, server, sides, workers, counted: Vec::new(), kills: 0, starts: 0, log }
    }

    fn configure(&self, day: u64) {
        let (url, key) = (self.server.url(), self.folder.path().join("key"));
        let sections = self.sides.each_ref().map(|side| side.section(url, &key, day));
        let text = format!(
            "environment: test\nsources:\n{}limits:\n  download: {{backoff_ms: 5, max_backoff_ms: \
             2000, attempts: 5, concurrency: 8}}\n",
            sections.concat()
        );
        std::fs::write(self.folder.path().join("lake.yaml"), text).expect("configuration");
    }

    /// Works until all is done or waits for the next day, with so many kills.
    fn day(&mut self, kills: usize) {
        let until = self.kills + kills;
        for worker in &mut self.workers {
            if worker.state == State::Waits {
                worker.state = State::Works;
            }
        }
        while self.workers.iter().any(|worker| worker.state == State::Works) {
            for worker in &mut self.workers {
                let side = &self.sides[worker.batch as usize - 1];
                let asked = self.server.count(side.name, KEY).requests;
                let Some(child) = &mut worker.child else {
                    if worker.state == State::Works {
                        worker.child = Some(start(self.folder.path(), worker, self.log));
                        worker.before = asked;
                        self.starts += 1;
                    }
                    continue;
                };
                if let Some(status) = child.try_wait().expect("state") {
                    worker.child = None;
                    let said = std::fs::read_to_string(&worker.output).expect("output");
                    worker.state = match status.code() {
                        Some(0 | 3) if said.contains("it can go on at") => State::Waits,
                        Some(0) => State::Done,
                        Some(3) => State::Works,
                        other => panic!("ended with {other:?}\n{}", tail(&said)),
                    };
                } else if self.kills < until && asked > worker.before + 3 && fastrand::u8(..) < 50 {
                    child.kill().expect("kill");
                    child.wait().expect("its end");
                    worker.child = None;
                    self.kills += 1;
                }
            }
            std::thread::sleep(Duration::from_millis(fastrand::u64(20..120)));
        }
    }

    /// Begins a day of the servers', when all that was sent has come.
    fn midnight(&mut self) {
        let mut before = 0;
        while before != self.server.requests().len() {
            before = self.server.requests().len();
            std::thread::sleep(Duration::from_millis(500));
        }
        self.counted.extend(self.server.counts());
        self.server.clear_counts();
    }
}

fn lake(folder: &Path) -> Lake {
    Lake::open(folder.join("lake").to_str().expect("path"), None).expect("lake")
}

fn group(unit: &Unit, url: &str) -> Group {
    let archive = Origin::Fetch(Remote::asked(url));
    Group {
        id: unit.to_string(),
        table: Table::Klines,
        partitions: Vec::new(),
        units: vec![PlannedUnit { unit: unit.clone(), archive, keeps: false, before: None }],
        reading: None,
        prices: None,
        tails: Vec::new(),
    }
}

fn start(folder: &Path, worker: &Worker, log: &str) -> Child {
    // what was said before stays: the key may be in none of it
    let mut kept = worker.output.clone();
    kept.set_extension(format!("{}.log", fastrand::u64(..)));
    std::fs::rename(&worker.output, kept).ok();
    let output: File =
        OpenOptions::new().create(true).append(true).open(&worker.output).expect("output");
    Command::new(env!("CARGO_BIN_EXE_bronze"))
        .args(["--log", log, "--log-format", "text"])
        .arg("--config")
        .arg(folder.join("lake.yaml"))
        .arg("--lake")
        .arg(folder.join("lake"))
        .args(["--run", &worker.run.to_string(), "--batch", &worker.batch.to_string()])
        .stdout(output.try_clone().expect("output"))
        .stderr(output)
        .stdin(Stdio::null())
        .spawn()
        .expect("bronze")
}

fn tail(text: &str) -> &str {
    let lines = text.rmatch_indices('\n').nth(20);
    lines.map_or(text, |(at, _)| &text[at..])
}

/// What the provider says of a unit, asked without faults and limits.
async fn truth(client: &reqwest::Client, url: &str, unit: &Unit) -> Vec<Vec<u8>> {
    let provider = source::Providers::ALL.of(unit.source).expect("provider");
    let key = source::rest::Key::new(KEY).expect("key");
    let mut inquiry =
        provider.questions().expect("asked").inquire(unit, None, &key).expect("inquiry");
    let mut bodies = Vec::new();
    while let Some(question) = inquiry.question().expect("askable") {
        let request = source::ask::Request::question(&question.request, url, 0);
        let mut sent = client.get(request.sent_to());
        for (name, value) in &request.headers {
            sent = sent.header(*name, value.reveal());
        }
        let answer = sent.send().await.expect("answer");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("body").to_vec();
        let received = questions::Received { status, content_type: None, body };
        inquiry.take(&received.answer()).expect("a page");
        bodies.push(received.body);
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_is_exceeded_and_nothing_is_lost_or_doubled() {
    let requests = knob(model::env::REQUESTS, REQUESTS);
    let kills = knob(model::env::KILLS, KILLS);
    let began = Instant::now();
    let first = stage::Clock::System.now().date_naive();
    let mut world = World::new(requests).await;
    let mut days = 0;
    while world.workers.iter().any(|worker| worker.state != State::Done) {
        days += 1;
        assert!(days < 12, "never done");
        world.configure(days);
        // half of those that are left, and all of them at last
        let left = kills - world.kills;
        tokio::task::block_in_place(|| world.day(if days > 1 { left } else { left / 2 }));
        world.midnight();
    }
    for side in &world.sides {
        counts_are_kept(&world, side);
    }
    let is_one_day = first == stage::Clock::System.now().date_naive();
    assert!(days > 1 || !is_one_day, "the day's limit never mattered");
    for side in &world.sides {
        all_is_there(&world, side).await;
    }
    let files = no_key_in(world.folder.path());
    eprintln!(
        "{} starts, {} kills, {days} days, {:?}; {files} files without a key; faults {:?}",
        world.starts,
        world.kills,
        began.elapsed(),
        world.server.applied()
    );
}

/// What the server counted, against the limits.
fn counts_are_kept(world: &World, side: &Side) {
    let counts = || world.counted.iter().filter(|count| count.provider == side.name);
    let spent = world.folder.path().join("lake").join(format!("bronze/limits/{}.json", side.name));
    let spent = std::fs::read_to_string(&spent).unwrap_or_default();
    let spent: serde_json::Value = serde_json::from_str(&spent).unwrap_or_default();
    let booked: Vec<String> = spent["days"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|day| format!("{} by {}", day["credits"], day["by"]))
        .collect();
    for count in counts() {
        eprintln!(
            "{}: {} requests, {} refused, most {} a second, {} a minute, {} a day; limits {:?}",
            side.name,
            count.requests,
            count.refused,
            count.second.most,
            count.minute.most,
            count.day.most,
            side.limits
        );
    }
    let asked: u64 = counts().map(|count| count.requests).sum();
    eprintln!("{}: {asked} requests for {} units; booked {booked:?}", side.name, side.units.len());
    assert!(asked >= (side.units.len() * RUNS as usize) as u64, "{asked} requests");
    for count in counts() {
        assert_eq!(count.refused, 0, "{} refused something", side.name);
        for (most, limit) in [
            (count.second.most, side.limits.second),
            (count.minute.most, side.limits.minute),
            (count.day.most, side.limits.day),
        ] {
            assert!(limit.is_none_or(|limit| most <= limit), "{}: {count:?}", side.name);
        }
    }
}

/// Each unit has one fragment in each run and one raw object, which is what the provider says.
async fn all_is_there(world: &World, side: &Side) {
    let lake = lake(world.folder.path());
    let (plain, client) = (server(&world.sides, false), reqwest::Client::new());
    let runs: BTreeSet<&RunId> = world.workers.iter().map(|worker| &worker.run).collect();
    let expected: BTreeSet<&Unit> = side.units.iter().collect();
    let mut objects = BTreeSet::new();
    for run in runs {
        let fragments = lake.bronze_fragments(run).await.expect("fragments");
        let ours: Vec<_> = fragments
            .iter()
            .filter(|fragment| fragment.unit.source.as_str() == side.name)
            .collect();
        assert_eq!(ours.len(), side.units.len());
        assert_eq!(ours.iter().map(|fragment| &fragment.unit).collect::<BTreeSet<_>>(), expected);
        for fragment in ours {
            let archive = fragment.archive.as_ref().expect("a raw object");
            objects.insert((archive.object.clone(), archive.sha256.clone()));
        }
    }
    assert_eq!(objects.len(), side.units.len(), "raw objects that the runs tell of");
    for unit in &side.units {
        let held = lake.list(&layout::raw_unit(unit)).await.expect("list");
        let [entry] = held.as_slice() else { panic!("{unit}: {held:?}") };
        let object = lake.read(&entry.key).await.expect("object");
        let told = (entry.key.clone(), model::unit::sha256_hex(&object));
        assert!(objects.contains(&told), "{unit}: {told:?}");
        let kept = questions::unpack(&object).expect("answers");
        let provider = source::Providers::ALL.of(unit.source).expect("provider");
        let lines = questions::lines(provider.questions().expect("asked"), unit, None, &kept);
        assert!(!lines.expect("lines").is_empty(), "{unit}");
        let bodies: Vec<Vec<u8>> = kept.into_iter().map(|received| received.body).collect();
        assert!(bodies == truth(&client, plain.url(), unit).await, "{unit}: other answers");
    }
}

/// How many files a folder has, none of which may hold the key but the one it is kept in.
fn no_key_in(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += no_key_in(&path);
        } else if path.file_name().is_some_and(|name| name != "key") {
            let bytes = std::fs::read(&path).expect("file");
            let text = String::from_utf8_lossy(&bytes);
            if let Some(at) = text.find(KEY) {
                let line = text[..at].lines().next_back().unwrap_or_default();
                panic!("{}: the key after `{line}`", path.display());
            }
            files += 1;
        }
    }
    files
}
