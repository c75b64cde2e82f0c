//! HTTP: objects with ranges and conditions, listings, faults of answers, the control door.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::archive::ArchiveError;
use crate::body::{self, Body, Manner, full};
use crate::catalog::is_zip;
use crate::faults::{Fault, Faults};
use crate::listing::{self, BUCKET, Query, error_xml, unescape};
use crate::log;
use crate::running::accept;
use crate::state::{Content, Served, State};

/// The path below which the exchange is controlled.
const CONTROL: &str = "_control/";

/// Answers until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>) {
    accept(listener, move |_, request| {
        let state = Arc::clone(&state);
        async move { answer(&state, request).await }
    })
    .await;
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Body> {
    let path = unescape(request.uri().path().trim_start_matches('/'));
    if let Some(door) = path.strip_prefix(CONTROL) {
        return control(state, door, request).await;
    }
    let is_head = request.method() == Method::HEAD;
    if request.method() != Method::GET && !is_head {
        return error(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "only GET and HEAD",
            &path,
        );
    }
    let is_listing = path.is_empty() || path.trim_end_matches('/') == BUCKET;
    let query = is_listing.then(|| Query::parse(request.uri().query().unwrap_or_default()));
    let (target, marker) = match &query {
        Some(Ok(query)) => (format!("list:{}", query.prefix), query.marker.clone()),
        Some(Err(_)) => ("list:".to_owned(), String::new()),
        None => (path.clone(), String::new()),
    };
    let faults = state.faults().answer(&target);
    let manner = Manner::of(&faults);
    tokio::time::sleep(manner.delay).await;
    let mut entry = log::Request {
        method: request.method().to_string(),
        path: target,
        marker,
        range: text(request.headers(), header::RANGE).map(str::to_owned),
        status: 200,
        bytes: 0,
        complete: false,
    };
    let plain = |entry: log::Request, response: Response<Body>| {
        // short bodies are handed over at once
        let progress = state.log.add(log::Request { status: response.status().as_u16(), ..entry });
        progress.complete.store(true, std::sync::atomic::Ordering::Relaxed);
        response
    };
    if let Some((status, retry_after)) = faults.iter().find_map(|fault| match fault {
        Fault::Status { code, retry_after } => {
            Some((StatusCode::from_u16(*code).ok()?, *retry_after))
        }
        _ => None,
    }) {
        let mut response = error(status, "OnDemand", "a fault on demand", &path);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        return plain(entry, response);
    }
    if faults.contains(&Fault::Html) {
        return plain(
            entry,
            Response::new(full("<!DOCTYPE html><html><body>Welcome</body></html>\n")),
        );
    }
    if let Some(to) = faults.iter().find_map(|fault| match fault {
        Fault::Redirect { to } => Some(to),
        _ => None,
    }) {
        let mut response = error(StatusCode::FOUND, "Redirect", "elsewhere", &path);
        insert(response.headers_mut(), header::LOCATION, to);
        return plain(entry, response);
    }
    let served = match query {
        Some(Err(message)) => {
            let response = error(StatusCode::BAD_REQUEST, "InvalidArgument", &message, &path);
            return plain(entry, response);
        }
        Some(Ok(query)) => listed(state, &query, &faults).await.map(|xml| {
            Some(Served {
                etag: String::new(),
                modified: 0,
                size: xml.len() as u64,
                content: Content::Text(xml.into()),
            })
        }),
        None => state.object(&path).await,
    };
    let served = match served {
        Ok(Some(served)) => served,
        Ok(None) => {
            let message = "The specified key does not exist.";
            let response = error(StatusCode::NOT_FOUND, "NoSuchKey", message, &path);
            return plain(entry, response);
        }
        Err(failure) => {
            let mut message = failure.to_string();
            let mut cause = std::error::Error::source(&failure);
            while let Some(error) = cause {
                message = format!("{message}: {error}");
                cause = error.source();
            }
            tracing::error!(key = path, message, "cannot serve");
            let response =
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &message, &path);
            return plain(entry, response);
        }
    };
    let mut response = Response::new(full(""));
    let headers = response.headers_mut();
    if is_listing {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    } else {
        object_headers(headers, &served, &path);
        if matches!(served.content, Content::None) && !is_head {
            let message = "this exchange declares sizes only (listing benchmark), it has no bodies";
            return plain(entry, error(StatusCode::NOT_FOUND, "NoSuchKey", message, &path));
        }
        if let Some(status) = condition(request.headers(), &served) {
            *response.status_mut() = status;
            return plain(entry, response);
        }
    }
    let whole = faults.contains(&Fault::IgnoreRange) || is_listing;
    let wanted = if whole { Wanted::All } else { wanted(request.headers(), &served) };
    let (start, length) = match wanted {
        Wanted::All => (0, served.size),
        Wanted::Part(start, end) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {start}-{end}/{}", served.size);
            insert(response.headers_mut(), header::CONTENT_RANGE, &range);
            (start, end - start + 1)
        }
        Wanted::Nothing => {
            let message = "The requested range is not satisfiable";
            let mut response =
                error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message, &path);
            let range = format!("bytes */{}", served.size);
            insert(response.headers_mut(), header::CONTENT_RANGE, &range);
            return plain(entry, response);
        }
    };
    let told = faults.iter().rev().find_map(|fault| match fault {
        Fault::LyingLength { bytes } => Some(*bytes),
        _ => None,
    });
    if !manner.endless {
        let length = HeaderValue::from(told.unwrap_or(length));
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    if is_head {
        return plain(log::Request { status: response.status().as_u16(), ..entry }, response);
    }
    if start == 0 && !is_listing {
        state.count_served(&path);
    }
    entry.status = response.status().as_u16();
    let progress = state.log.add(entry);
    match body::of(&served.content, start, length, manner, progress).await {
        Ok(body) => response.map(|_| body),
        Err(failure) => {
            let message = failure.to_string();
            error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &message, &path)
        }
    }
}

/// A page of the listing, as its faults have it.
async fn listed(state: &State, query: &Query, faults: &[Fault]) -> Result<String, ArchiveError> {
    if faults.contains(&Fault::EndlessListing) {
        // always a little further on, and always before the next archive
        let next = format!("{}0", query.prefix.as_str().max(&query.marker));
        return Ok(listing::xml(query, &[], &[], Some(&next)));
    }
    let sizes = faults.iter().rev().find_map(|fault| match fault {
        Fault::LyingSizes { bytes } => Some(*bytes),
        _ => None,
    });
    state.list(query, sizes).await
}

fn object_headers(headers: &mut HeaderMap, served: &Served, path: &str) {
    insert(headers, header::ETAG, &format!("\"{}\"", served.etag));
    let modified =
        SystemTime::from(DateTime::<Utc>::from_timestamp(served.modified, 0).unwrap_or_default());
    insert(headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let kind = if is_zip(path) { "application/zip" } else { "binary/octet-stream" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
}

/// Header texts of ours are ASCII; what is not is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn error(status: StatusCode, code: &str, message: &str, key: &str) -> Response<Body> {
    let mut response = Response::new(full(error_xml(code, message, key)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Whether a list of entity tags (`"a", W/"b"` or `*`) has this one.
fn has_tag(list: &str, etag: &str) -> bool {
    list.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == etag)
}

fn seconds(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    Some(DateTime::<Utc>::from(time).timestamp())
}

/// 304 or 412 where a condition of the request asks for it.
fn condition(headers: &HeaderMap, served: &Served) -> Option<StatusCode> {
    if let Some(tags) = text(headers, header::IF_MATCH) {
        return (!has_tag(tags, &served.etag)).then_some(StatusCode::PRECONDITION_FAILED);
    }
    if let Some(tags) = text(headers, header::IF_NONE_MATCH) {
        return has_tag(tags, &served.etag).then_some(StatusCode::NOT_MODIFIED);
    }
    let since = text(headers, header::IF_MODIFIED_SINCE).and_then(seconds)?;
    (served.modified <= since).then_some(StatusCode::NOT_MODIFIED)
}

/// The bytes a request wants; the last one is included.
enum Wanted {
    All,
    Part(u64, u64),
    Nothing,
}

/// One range of bytes; anything else asks for all of it, as the standard has it.
fn wanted(headers: &HeaderMap, served: &Served) -> Wanted {
    let Some(range) = text(headers, header::RANGE) else { return Wanted::All };
    if let Some(unless) = text(headers, header::IF_RANGE) {
        let same = if unless.starts_with('"') {
            unless.trim_matches('"') == served.etag
        } else {
            seconds(unless) == Some(served.modified)
        };
        if !same {
            return Wanted::All;
        }
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Wanted::All;
    };
    let size = served.size;
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size => Wanted::Nothing,
        (Ok(first), Ok(last)) if first <= last => Wanted::Part(first, last.min(size - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Wanted::Part(first, size - 1),
        (Err(_), Ok(0)) if first.is_empty() => Wanted::Nothing,
        (Err(_), Ok(tail)) if first.is_empty() && size > 0 => {
            Wanted::Part(size.saturating_sub(tail), size - 1)
        }
        _ => Wanted::All,
    }
}

/// `GET`, `PUT` and `DELETE` of `faults`; `GET` and `DELETE` of `requests`; `PUT` and `DELETE`
/// of `now`. Never logged, never spoiled.
async fn control(state: &State, door: &str, request: Request<Incoming>) -> Response<Body> {
    let method = request.method().clone();
    let body = match Limited::new(request.into_body(), 16 << 20).collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(failure) => return words(StatusCode::BAD_REQUEST, &failure.to_string()),
    };
    match (door, method.as_str()) {
        ("faults", "GET") => {
            let live = state.faults();
            let shown = serde_json::json!({ "faults": live.faults(), "applied": live.applied() });
            json(&shown)
        }
        ("faults", "PUT") => {
            match Faults::parse(&body).and_then(|faults| state.set_faults(faults)) {
                Ok(()) => words(StatusCode::OK, "done"),
                Err(failure) => {
                    let cause = std::error::Error::source(&failure);
                    let cause = cause.map_or(String::new(), |c| format!(": {c}"));
                    words(StatusCode::BAD_REQUEST, &format!("{failure}{cause}"))
                }
            }
        }
        ("faults", "DELETE") => match state.set_faults(Faults::default()) {
            Ok(()) => words(StatusCode::OK, "done"),
            Err(failure) => words(StatusCode::BAD_REQUEST, &failure.to_string()),
        },
        ("requests", "GET") => json(&state.log.all()),
        ("requests", "DELETE") => {
            state.log.clear();
            words(StatusCode::OK, "done")
        }
        ("now", "PUT") => {
            if let Ok(now) = body.trim().parse::<DateTime<Utc>>() {
                state.set_now(Some(now));
                words(StatusCode::OK, "done")
            } else {
                let message = format!("bad instant `{}`, expected RFC 3339", body.trim());
                words(StatusCode::BAD_REQUEST, &message)
            }
        }
        ("now", "DELETE") => {
            state.set_now(None);
            words(StatusCode::OK, "done")
        }
        ("faults" | "requests" | "now", _) => {
            words(StatusCode::METHOD_NOT_ALLOWED, "expected GET, PUT or DELETE")
        }
        _ => words(StatusCode::NOT_FOUND, "expected /_control/ faults, requests or now"),
    }
}

pub(crate) fn words(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{message}\n")));
    *response.status_mut() = status;
    response
}

pub(crate) fn json(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            let mut response = Response::new(full(bytes));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(failure) => words(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}
