//! How far a job is, and what it reports at its end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::metrics::Metric;
use model::progress::Progress;

/// Counts how far a job is, and tells it where somebody listens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    stage: String,
    speaks: bool,
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
    at: Mutex<String>,
    figures: Mutex<BTreeMap<Metric, f64>>,
}

impl Meter {
    /// A meter of a stage; `speaks` where somebody reads its lines.
    pub fn new(stage: &str, speaks: bool) -> Self {
        Self(Arc::new(Counts {
            stage: stage.to_owned(),
            speaks,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            at: Mutex::new(String::new()),
            figures: Mutex::default(),
        }))
    }

    /// Notes a figure that the job reports at its end, besides those that are counted here.
    pub fn figure(&self, metric: Metric, value: f64) {
        self.0.figures.lock().unwrap_or_else(PoisonError::into_inner).insert(metric, value);
    }

    /// All figures of a job that took so long: what was noted, counted, and how fast it was.
    pub fn figures(&self, took: Duration, failed: bool) -> Vec<(Metric, f64)> {
        let progress = self.progress();
        let (rows, bytes) = (progress.rows as f64, progress.bytes as f64);
        let seconds = took.as_secs_f64();
        let mut figures = BTreeMap::from([
            (Metric::Duration, seconds),
            (Metric::Failures, f64::from(u8::from(failed))),
            (Metric::Rows, rows),
            (Metric::Bytes, bytes),
        ]);
        if seconds > 0.0 && rows > 0.0 {
            figures.insert(Metric::RowsPerSecond, rows / seconds);
        }
        if seconds > 0.0 && bytes > 0.0 {
            figures.insert(Metric::GbPerMinute, bytes / 1e9 / (seconds / 60.0));
        }
        figures.extend(self.0.figures.lock().unwrap_or_else(PoisonError::into_inner).iter());
        figures.into_iter().collect()
    }

    /// Says how much there is to do.
    pub fn total(&self, units: u64) {
        self.0.total.store(units, Ordering::Relaxed);
        self.speak();
    }

    /// Counts units or groups as done, and says so.
    pub fn done(&self, units: u64) {
        self.0.done.fetch_add(units, Ordering::Relaxed);
        self.speak();
    }

    /// Counts bytes read or received.
    pub fn bytes(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts rows made.
    pub fn rows(&self, rows: u64) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Says what is at work.
    pub fn at(&self, what: &str) {
        if let Ok(mut at) = self.0.at.lock() {
            what.clone_into(&mut at);
        }
        self.speak();
    }

    /// The counts so far.
    pub fn progress(&self) -> Progress {
        Progress {
            progress: self.0.stage.clone(),
            done: self.0.done.load(Ordering::Relaxed),
            total: self.0.total.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
            rows: self.0.rows.load(Ordering::Relaxed),
            at: self.0.at.lock().map_or_else(|_| String::new(), |at| at.clone()),
        }
    }

    /// Writes the progress line now, where somebody listens. Long work calls it now and then.
    pub fn speak(&self) {
        if self.0.speaks {
            // whoever listened may be gone
            let _ = writeln!(std::io::stderr(), "{}", self.progress().line());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_counted_noted_and_divided() {
        let meter = Meter::new("silver", false);
        meter.rows(600);
        meter.bytes(3_000_000_000);
        meter.figure(Metric::Rejects, 2.0);
        let figures: BTreeMap<_, _> =
            meter.figures(Duration::from_mins(2), true).into_iter().collect();
        assert_eq!(figures[&Metric::RowsPerSecond].to_bits(), 5.0_f64.to_bits());
        assert_eq!(figures[&Metric::GbPerMinute].to_bits(), 1.5_f64.to_bits());
        assert_eq!(figures[&Metric::Failures].to_bits(), 1.0_f64.to_bits());
        assert_eq!(figures[&Metric::Rejects].to_bits(), 2.0_f64.to_bits());
        // what was not counted is no speed
        let figures = Meter::new("plan", false).figures(Duration::from_secs(1), false);
        assert!(figures.iter().all(|(m, _)| *m != Metric::RowsPerSecond));
    }
}
