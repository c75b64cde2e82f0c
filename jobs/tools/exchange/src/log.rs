//! What was asked and answered, so that tests can tell what was fetched.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// Requests remembered; older ones are forgotten.
const KEPT: usize = 1_000_000;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The key without a leading slash, or `list:` and the prefix.
    pub path: String,
    /// The `marker` of a listing, else nothing.
    pub marker: String,
    /// The `Range` header as sent.
    pub range: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of body handed to the connection so far.
    pub bytes: u64,
    /// Whether the whole body was handed to the connection.
    pub complete: bool,
}

/// How far the body of an answer is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) bytes: AtomicU64,
    pub(crate) complete: AtomicBool,
}

/// All requests.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<VecDeque<(Request, Arc<Progress>)>>);

impl RequestLog {
    pub(crate) fn add(&self, request: Request) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back((request, Arc::clone(&progress)));
        progress
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(request, progress)| Request {
                bytes: progress.bytes.load(Ordering::Relaxed),
                complete: progress.complete.load(Ordering::Relaxed),
                ..request.clone()
            })
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
