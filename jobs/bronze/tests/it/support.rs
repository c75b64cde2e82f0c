//! A small HTTP server that answers as a test says, down to the byte at which it cuts the
//! connection, and remembers what it was asked. And a lake to download into.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::fragment::BronzeFragment;
use model::plan::{Batch, Group, Origin, PlannedUnit, Remote};
use model::schema::Table;
use model::unit::sha256_hex;
use model::{RunId, Unit, layout};
use stage::{Clock, Context, Failure, Meter};
use store::Lake;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection is cut.
    pub cut: Option<usize>,
    /// Bytes of the body after which nothing more comes.
    pub stall: Option<usize>,
    /// A byte a time, ten times a second, without an end in sight.
    pub drip: bool,
    /// Without Content-Length: the end of the connection is the end of the body.
    pub unsized_body: bool,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    pub(crate) fn body(status: u16, body: &[u8]) -> Self {
        Self { status, body: body.to_vec(), ..Self::default() }
    }

    /// A file as real hosts serve it: with validators, and ranges where If-Range fits.
    pub(crate) fn file(request: &Request, body: &[u8], etag: &str) -> Self {
        let range = request
            .header("range")
            .filter(|_| request.header("if-range").is_none_or(|validator| validator == etag))
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let reply = match range {
            Some(first) => Self::body(206, &body[first..])
                .with("Content-Range", format!("bytes {first}-{}/{}", body.len() - 1, body.len())),
            None => Self::body(200, body),
        };
        reply.with("ETag", etag).with("Last-Modified", DATE)
    }
}

pub(crate) const DATE: &str = "Tue, 18 Jul 2023 04:11:20 GMT";

type Answer = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// The server. It ends with the test's process.
pub(crate) struct Server {
    pub url: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts; `answer` gets each request and how many came for the same path before.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let log: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, seen): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                // a client that goes away early is part of the tests
                std::thread::spawn(move || serve(stream, answer.as_ref(), &seen).ok());
            }
        });
        Self { url, log }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.lock().expect("log").clone()
    }

    /// The requests of paths that end so.
    pub(crate) fn of(&self, ending: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|r| r.path.ends_with(ending)).collect()
    }
}

fn serve(stream: TcpStream, answer: &Answer, log: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let request = Request { path, headers };
    let before = {
        let mut log = log.lock().expect("log");
        log.push(request.clone());
        log.iter().filter(|r| r.path == request.path).count() - 1
    };
    let reply = answer(&request, before);
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", reply.status);
    if !reply.unsized_body {
        let _ = write!(head, "Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if reply.drip {
        for byte in reply.body.chunks(1) {
            stream.write_all(byte)?;
            stream.flush()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let end = reply.cut.or(reply.stall).unwrap_or(reply.body.len()).min(reply.body.len());
    stream.write_all(&reply.body[..end])?;
    stream.flush()?;
    if reply.stall.is_some() {
        std::thread::sleep(Duration::from_secs(20));
    }
    stream.shutdown(Shutdown::Both)
}

/// A zip's frame around some bytes; silver reads what is inside.
pub(crate) fn zip(seed: u8, length: usize) -> Vec<u8> {
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend((0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)));
    let directory = zip.len() as u32;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(0_u32.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend(0_u16.to_le_bytes());
    zip
}

/// The n-th of three units.
pub(crate) fn unit(n: usize) -> Unit {
    format!("binance/spot/trades/BTCUSDT/2024-01-{n:02}").parse().expect("unit")
}

pub(crate) fn remote(server: &str, n: usize) -> Remote {
    let url = format!("{server}/{}", source::binance::archive::file_name(&unit(n)));
    Remote {
        checksum_url: Some(format!("{url}.CHECKSUM")),
        checksum_modified: None,
        odd_name: None,
        bytes: None,
        etag: None,
        last_modified: None,
        held: None,
        url,
        until: None,
    }
}

/// `<sha256>  <name>` of a body.
pub(crate) fn checksum(n: usize, body: &[u8]) -> Vec<u8> {
    format!("{}  {}", sha256_hex(body), source::binance::archive::file_name(&unit(n))).into_bytes()
}

pub(crate) struct Lab {
    pub context: Context,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// A lake whose configuration has these download limits.
    pub(crate) fn new(limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let text = format!(
            "environment: test\nsources:\n  binance:\n    url: http://127.0.0.1:1\n    markets:\n      \
             spot:\n        symbols: [BTCUSDT]\n        range: {{from: 2024-01-01, to: 2024-01-03}}\n        \
             datasets: {{trades: {{}}}}\nlimits:\n  download: {{backoff_ms: 1, {limits}}}\n"
        );
        let config = source::Providers::ALL.read("lake.yaml", &text).expect("configuration");
        let context = Context {
            lake: Lake::open(folder.path().to_str().expect("path"), None).expect("lake"),
            config: Arc::new(config),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(chrono::DateTime::UNIX_EPOCH, 1),
            clock: Clock::System,
            meter: Meter::new("bronze", false),
        };
        Self { context, _folder: folder }
    }

    pub(crate) async fn plan(&self, remotes: Vec<(Unit, Remote)>) {
        let groups = remotes
            .into_iter()
            .map(|(unit, remote)| Group {
                id: unit.to_string(),
                table: Table::Trades,
                partitions: Vec::new(),
                units: vec![PlannedUnit {
                    unit,
                    archive: Origin::Fetch(remote),
                    keeps: false,
                    before: None,
                }],
                reading: None,
                prices: None,
                tails: Vec::new(),
            })
            .collect();
        let run = self.context.run.clone();
        let batch = Batch { run: run.clone(), number: 1, groups };
        self.context.lake.write_json(&layout::batch(&run, 1), &batch).await.expect("batch");
    }

    pub(crate) async fn run(&self) -> Result<bronze::Report, Failure> {
        bronze::run(&self.context, &bronze::Options { batch: 1, proxy: None, time: None }).await
    }

    /// The fragment of the n-th unit, if it has one.
    pub(crate) async fn fragment(&self, n: usize) -> Option<BronzeFragment> {
        let fragments = self.context.lake.bronze_fragments(&self.context.run).await;
        fragments.expect("fragments").into_iter().find(|f| f.unit == unit(n))
    }

    /// All raw objects as `version/name`, and what is left in the temporary folder.
    pub(crate) async fn raw(&self, n: usize) -> Vec<String> {
        let folder = layout::raw_unit(&unit(n));
        let entries = self.context.lake.list(&folder).await.expect("list");
        entries.into_iter().map(|e| e.key[folder.len() + 1..].to_owned()).collect()
    }

    pub(crate) async fn object(&self, fragment: &BronzeFragment) -> Vec<u8> {
        let key = &fragment.archive.as_ref().expect("archive").object;
        self.context.lake.read(key).await.expect("object").to_vec()
    }

    /// Forgets what the run did, as if it had been killed before its fragments.
    pub(crate) async fn forget(&self) {
        let folder = layout::fragments(&self.context.run, "bronze");
        for entry in self.context.lake.list(&folder).await.expect("list") {
            self.context.lake.delete(&entry.key).await.expect("delete");
        }
    }

    pub(crate) async fn temporary(&self) -> usize {
        self.context.lake.list(layout::TEMP).await.expect("list").len()
    }
}
