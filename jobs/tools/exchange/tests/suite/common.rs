//! What the tests of the exchange share: a client, zips opened, listings read.

use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use exchange::{Exchange, Handle, Options, Range, SymbolSpec};
use reqwest::header::HeaderMap;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body broke off.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// One client for all tests, since making one is slow. It keeps no connection: each test has a
/// runtime of its own, and a connection ends with its runtime.
pub(crate) fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap()
    })
}

/// Sends a request with headers and reads as much as arrives.
pub(crate) async fn ask(method: reqwest::Method, url: String, headers: &[(&str, &str)]) -> Answer {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.send().await.unwrap();
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: Vec::new(),
        broken: false,
    };
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => answer.body.extend_from_slice(&piece),
            Ok(None) => return answer,
            Err(_) => {
                answer.broken = true;
                return answer;
            }
        }
    }
}

pub(crate) async fn get(exchange: &Handle, path: &str) -> Answer {
    ask(reqwest::Method::GET, format!("{}/{path}", exchange.url()), &[]).await
}

/// An exchange of these symbols and days.
pub(crate) fn start(symbols: &[&str], from: &str, to: &str) -> Handle {
    Exchange::start(&options(symbols, from, to)).unwrap()
}

pub(crate) fn options(symbols: &[&str], from: &str, to: &str) -> Options {
    let default = Options::default();
    Options {
        symbols: symbols.iter().map(|s| s.parse::<SymbolSpec>().unwrap()).collect(),
        range: Range { from: from.parse().unwrap(), to: to.parse().unwrap(), ..default.range },
        ..default
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    model::unit::sha256_hex(bytes)
}

/// The members of a zip, by name.
pub(crate) fn members(zip: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..zip.len())
        .map(|n| {
            let mut member = zip.by_index(n).unwrap();
            let name = member.name().unwrap().into_owned();
            let mut text = String::new();
            member.read_to_string(&mut text).unwrap();
            (name, text)
        })
        .collect()
}

/// The only member of a zip.
pub(crate) fn csv(zip: &[u8]) -> String {
    let mut members = members(zip);
    assert_eq!(members.len(), 1);
    members.remove(0).1
}

/// All texts of an element.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .map(|rest| rest.split(&close).next().unwrap().replace("&quot;", "\""))
        .collect()
}

/// A folder of real files of the exchange, or nothing and the reason why the test is skipped.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    shared_path(&format!("binance/{part}"))
}

/// The bytes of a provider's real file, or nothing and the reason why the test is skipped.
pub(crate) fn shared_file(part: &str) -> Option<Vec<u8>> {
    shared_path(part).map(|path| std::fs::read(path).unwrap())
}

fn shared_path(part: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
    let folder = std::env::var(model::env::SHARED)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared").to_owned());
    let path = PathBuf::from(folder).join("data").join(part);
    if path.exists() {
        return Some(path);
    }
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "no {}", path.display());
    eprintln!("skipped: no {}", path.display());
    None
}
