//! The metrics that jobs report, once: their names, units, who reports them, and how the
//! dashboard shows them. Jobs write them as lines of CloudWatch's Embedded Metric Format;
//! dashboard and alarms are made from the same list (`metrics` in infra/contract.json).

use serde_json::{Map, Value, json};

use crate::RunId;
use crate::config::aws::STAGES;
use crate::words::words;

/// CloudWatch's namespace of all metrics.
pub const NAMESPACE: &str = "MarketLake";

/// What tells the series of a metric apart. Few on purpose: each combination is paid for.
pub const DIMENSIONS: [&str; 2] = ["Environment", "Stage"];

words! {
    /// A figure that a job reports at its end.
    Metric, "metric" {
        /// Rows made.
        Rows = "rows",
        /// Bytes received, read or written.
        Bytes = "bytes",
        /// How long the job took.
        Duration = "duration",
        /// Rows a second.
        RowsPerSecond = "rows_per_second",
        /// GB (10⁹ bytes) a minute.
        GbPerMinute = "gb_per_minute",
        /// Lines that silver could not take.
        Rejects = "rejects",
        /// Attempts beyond the first at the source.
        Retries = "retries",
        /// How long the source took to begin an answer, the mean of the job's requests.
        SourceLatency = "source_latency",
        /// Sources that did not answer, so that nothing of them was planned.
        SilentSources = "silent_sources",
        /// Partitions or groups built.
        Partitions = "partitions",
        /// From the end of the newest day that is whole to now, of the series that is furthest
        /// behind.
        Lag = "lag",
        /// 1 for a job that failed, 0 for one that did not.
        Failures = "failures",
    }
}

impl Metric {
    /// The unit, one of CloudWatch's.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Rows
            | Self::Rejects
            | Self::Retries
            | Self::SilentSources
            | Self::Partitions
            | Self::Failures => "Count",
            Self::Bytes => "Bytes",
            Self::Duration | Self::Lag => "Seconds",
            Self::RowsPerSecond => "Count/Second",
            Self::SourceLatency => "Milliseconds",
            // CloudWatch has no unit of it
            Self::GbPerMinute => "None",
        }
    }

    /// The stages that report it.
    pub const fn stages(self) -> &'static [&'static str] {
        match self {
            Self::Duration | Self::Failures => STAGES,
            Self::Rows | Self::RowsPerSecond | Self::Partitions => &["silver", "gold"],
            Self::Bytes | Self::GbPerMinute => &["bronze", "silver"],
            Self::Rejects => &["silver"],
            Self::Retries | Self::SourceLatency => &["plan", "bronze"],
            Self::SilentSources => &["plan"],
            Self::Lag => &["check"],
        }
    }

    /// How the dashboard sums it up: a statistic of CloudWatch.
    pub const fn statistic(self) -> &'static str {
        match self {
            Self::Rows
            | Self::Bytes
            | Self::Rejects
            | Self::Retries
            | Self::Partitions
            | Self::Failures => "Sum",
            Self::Duration | Self::SilentSources | Self::Lag => "Maximum",
            Self::RowsPerSecond | Self::GbPerMinute => "Average",
            Self::SourceLatency => "p90",
        }
    }

    /// The title of its graph.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rows => "Rows made",
            Self::Bytes => "Bytes received and read",
            Self::Duration => "Longest task, seconds",
            Self::RowsPerSecond => "Rows a second",
            Self::GbPerMinute => "GB a minute",
            Self::Rejects => "Lines rejected",
            Self::Retries => "Attempts at the source beyond the first",
            Self::SourceLatency => "Source latency, ms (p90)",
            Self::SilentSources => "Sources that did not answer a plan",
            Self::Partitions => "Partitions built",
            Self::Lag => "Newest whole day, seconds ago",
            Self::Failures => "Tasks that failed",
        }
    }

    /// Whether `stage` reports it.
    pub fn is_of(self, stage: &str) -> bool {
        self.stages().contains(&stage)
    }
}

/// A line of the Embedded Metric Format, without a line end: the figures of one job. Figures
/// that the stage does not report are left out.
pub fn line(
    environment: &str,
    stage: &str,
    run: &RunId,
    at_ms: i64,
    figures: &[(Metric, f64)],
) -> String {
    let mut object = Map::new();
    let mut metrics = Vec::new();
    for (metric, value) in figures.iter().filter(|(m, v)| m.is_of(stage) && v.is_finite()) {
        metrics.push(json!({ "Name": metric.as_str(), "Unit": metric.unit() }));
        object.insert(metric.as_str().to_owned(), json!(value));
    }
    let directive = json!({
        "Timestamp": at_ms,
        "CloudWatchMetrics": [
            { "Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": metrics }
        ],
    });
    object.insert("_aws".to_owned(), directive);
    object.insert(DIMENSIONS[0].to_owned(), json!(environment));
    object.insert(DIMENSIONS[1].to_owned(), json!(stage));
    object.insert("run".to_owned(), json!(run));
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_what_it_holds() {
        let run: RunId = "20240131T235959Z-0a1b2c3d".parse().expect("run");
        let figures = [
            (Metric::Rows, 3.0),
            (Metric::Rejects, 1.0),
            (Metric::Lag, 9.0),
            (Metric::Bytes, f64::NAN),
        ];
        let line = line("dev", "silver", &run, 17, &figures);
        let value: Value = serde_json::from_str(&line).expect("JSON");
        let directive = &value["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            directive["Metrics"],
            json!([{ "Name": "rows", "Unit": "Count" }, { "Name": "rejects", "Unit": "Count" }])
        );
        assert_eq!(directive["Dimensions"], json!([["Environment", "Stage"]]));
        assert_eq!((&value["rows"], &value["rejects"]), (&json!(3.0), &json!(1.0)));
        assert_eq!((&value["lag"], &value["bytes"]), (&Value::Null, &Value::Null));
        assert_eq!((&value["Environment"], &value["Stage"]), (&json!("dev"), &json!("silver")));
        assert_eq!(value["run"], json!(run));
    }

    #[test]
    fn every_metric_is_of_a_stage_and_shown() {
        for metric in Metric::ALL {
            assert!(!metric.stages().is_empty() && !metric.title().is_empty(), "{metric}");
            assert!(metric.stages().iter().all(|stage| STAGES.contains(stage)), "{metric}");
            assert!(metric.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
    }
}
