//! HTTP for the REST servers: which provider answers, faults of answers, the control door. What
//! the answers are is the providers'.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::{Ask, Params, Reply, State, alphavantage, binance, twelvedata};
use crate::body::{self, Body, Manner, full};
use crate::faults::{Fault, Faults};
use crate::listing::unescape;
use crate::log;
use crate::running::accept;
use crate::server::{insert, json, words};
use crate::state::Content;

const HTML: &str = "text/html; charset=utf-8";

/// Answers until the task is dropped.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    accept(listener, move |peer, request| {
        let state = Arc::clone(&state);
        async move { answer(&state, peer, request).await }
    })
    .await;
}

async fn answer(
    state: &Arc<State>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = unescape(request.uri().path().trim_start_matches('/'));
    if path == "_counts" {
        return counts(state, request.method());
    }
    if let Some(door) = path.strip_prefix("_control/") {
        return control(state, door, request).await;
    }
    let text = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let ask = Ask {
        params: Params::parse(request.uri().query().unwrap_or_default()),
        authorization: text("authorization"),
        time_unit: text("x-mbx-time-unit"),
        address: peer.ip().to_string(),
        now: state.clock.now(),
        window: state.clock.window(state.options.windows),
        path,
    };
    let target = ask.params.shown(&ask.path);
    let faults = state.faults().answer(&target);
    let method = request.method().clone();
    // counted before it waits: the window is that in which a request arrives
    let reply = if method == Method::GET { provided(state, ask).await } else { refused(405) };
    let manner = Manner::of(&faults);
    tokio::time::sleep(manner.delay).await;
    let (reply, retry_after) = spoiled(reply, &faults, &target);
    let mut response = Response::new(full(""));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    head(headers, &reply);
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for fault in &faults {
        if let Fault::Redirect { to } = fault {
            insert(headers, header::LOCATION, to);
        }
    }
    let size = reply.body.len() as u64;
    let told = faults.iter().rev().find_map(|fault| match fault {
        Fault::LyingLength { bytes } => Some(*bytes),
        _ => None,
    });
    if !manner.endless {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(told.unwrap_or(size)));
    }
    let progress = state.log.add(log::Request {
        method: method.to_string(),
        path: target,
        marker: String::new(),
        range: None,
        status: reply.status,
        bytes: 0,
        complete: false,
    });
    if size == 0 {
        progress.complete.store(true, Ordering::Relaxed);
    }
    match body::of(&Content::Text(reply.body.into()), 0, size, manner, progress).await {
        Ok(body) => response.map(|_| body),
        Err(failure) => words(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}

fn head(headers: &mut HeaderMap, reply: &Reply) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    for (name, value) in &reply.headers {
        if let Ok(name) = HeaderName::try_from(*name) {
            insert(headers, name, value);
        }
    }
}

/// The answer of the provider whose path it is. Bars of years take a while, so it is made where
/// it holds nobody up.
async fn provided(state: &Arc<State>, ask: Ask) -> Reply {
    let state = Arc::clone(state);
    let made = tokio::task::spawn_blocking(move || route(&state, &ask));
    made.await.unwrap_or_else(|_| refused(500))
}

pub(super) fn route(state: &State, ask: &Ask) -> Reply {
    match ask.path.as_str() {
        "time_series" => twelvedata::answer(state, ask),
        "splits" | "dividends" => twelvedata::actions(state, ask),
        "query" => alphavantage::answer(state, ask),
        _ => binance::answer(state, ask).unwrap_or_else(|| refused(404)),
    }
}

/// A page such as the machines before a provider have.
fn refused(status: u16) -> Reply {
    let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let title = format!("{status} {}", reason.unwrap_or("Error"));
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>\
         </center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Reply { status, kind: HTML, headers: Vec::new(), body }
}

/// The answer as faults have it, and how long to wait. A refusal of the provider's own stands.
fn spoiled(reply: Reply, faults: &[Fault], target: &str) -> (Reply, Option<u64>) {
    if matches!(reply.status, 418 | 429) {
        return (reply, None);
    }
    for fault in faults {
        match fault {
            Fault::Status { code, retry_after } => {
                let twelve = target.starts_with("time_series");
                let made = twelvedata::failure(*code).filter(|_| twelve);
                return (made.unwrap_or_else(|| refused(*code)), *retry_after);
            }
            Fault::Html => {
                let body = "<!DOCTYPE html><html><body>Welcome</body></html>\n".to_owned();
                return (Reply { status: 200, kind: HTML, headers: Vec::new(), body }, None);
            }
            Fault::Redirect { .. } => return (refused(302), None),
            _ => {}
        }
    }
    (reply, None)
}

fn counts(state: &State, method: &Method) -> Response<Body> {
    match method.as_str() {
        "GET" => json(&state.counter.all()),
        "DELETE" => {
            state.clear_counts();
            words(StatusCode::OK, "done")
        }
        _ => words(StatusCode::METHOD_NOT_ALLOWED, "expected GET or DELETE"),
    }
}

/// `GET`, `PUT` and `DELETE` of `faults`; `GET` and `DELETE` of `requests`; `PUT` and `DELETE`
/// of `now`. Never logged, never counted, never spoiled.
async fn control(state: &State, door: &str, request: Request<Incoming>) -> Response<Body> {
    let method = request.method().clone();
    let body = match Limited::new(request.into_body(), 16 << 20).collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(failure) => return words(StatusCode::BAD_REQUEST, &failure.to_string()),
    };
    let done = |result: Result<(), String>| match result {
        Ok(()) => words(StatusCode::OK, "done"),
        Err(message) => words(StatusCode::BAD_REQUEST, &message),
    };
    match (door, method.as_str()) {
        ("faults", "GET") => {
            let live = state.faults();
            json(&serde_json::json!({ "faults": live.faults(), "applied": live.applied() }))
        }
        ("faults", "PUT") => {
            let set = Faults::parse(&body).and_then(|faults| state.set_faults(faults));
            done(set.map_err(|failure| {
                let cause = std::error::Error::source(&failure);
                format!("{failure}{}", cause.map_or(String::new(), |c| format!(": {c}")))
            }))
        }
        ("faults", "DELETE") => {
            done(state.set_faults(Faults::default()).map_err(|failure| failure.to_string()))
        }
        ("requests", "GET") => json(&state.log.all()),
        ("requests", "DELETE") => {
            state.log.clear();
            done(Ok(()))
        }
        ("now", "PUT") => done(match body.trim().parse::<DateTime<Utc>>() {
            Ok(now) => {
                state.clock.set(Some(now));
                Ok(())
            }
            Err(_) => Err(format!("bad instant `{}`, expected RFC 3339", body.trim())),
        }),
        ("now", "DELETE") => {
            state.clock.set(None);
            done(Ok(()))
        }
        ("faults" | "requests" | "now", _) => {
            words(StatusCode::METHOD_NOT_ALLOWED, "expected GET, PUT or DELETE")
        }
        _ => words(StatusCode::NOT_FOUND, "expected /_counts, /_control/ faults, requests or now"),
    }
}
