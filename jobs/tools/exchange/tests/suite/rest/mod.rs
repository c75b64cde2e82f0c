//! The REST servers from outside.

mod alphavantage;
mod binance;
mod twelvedata;

use exchange::rest::{Rest, RestHandle, RestOptions};
use reqwest::Method;

use crate::common::{Answer, ask};

/// A made-up Wednesday, 12:34:30 in New York.
const NOW: &str = "2024-01-31T17:34:30Z";

/// Servers whose clock stands at an instant.
fn start(now: &str, options: RestOptions) -> RestHandle {
    Rest::start(&RestOptions { now: Some(now.parse().unwrap()), ..options }).unwrap()
}

async fn get(server: &RestHandle, path: &str) -> Answer {
    with(server, path, &[]).await
}

async fn with(server: &RestHandle, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(Method::GET, format!("{}/{path}", server.url()), headers).await
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.text()))
}
