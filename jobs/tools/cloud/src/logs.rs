//! What the jobs of a deployment log, of one stage or all, merged by time.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use model::RunId;
use model::config::aws::STAGES;
use serde_json::Value;

use crate::account::{Cloud, Wrong};
use crate::execution::{self, now};
use crate::trouble::{is_absent, told};

/// How often `--follow` asks.
const POLL: Duration = Duration::from_secs(2);
/// What is looked at again, for lines come late.
const LATE: TimeDelta = TimeDelta::seconds(10);

/// The arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// This stage only: plan, bronze, silver, commit, gold or check
    #[arg(long)]
    stage: Option<String>,

    /// This run only: the lines from its start to its end
    #[arg(long)]
    run: Option<RunId>,

    /// From so many minutes ago
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    since: u32,

    /// Go on until Ctrl-C
    #[arg(long)]
    follow: bool,

    /// Lines with figures too
    #[arg(long)]
    metrics: bool,
}

/// A line and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    at_ms: i64,
    stage: String,
    stream: String,
    text: String,
}

/// `logs`.
pub(crate) async fn logs(cloud: &Cloud, args: &Args, json: bool) -> anyhow::Result<u8> {
    let stages: Vec<&str> = match &args.stage {
        Some(stage) => match STAGES.iter().find(|known| *known == stage) {
            Some(stage) => vec![stage],
            None => bail!(Wrong(format!(
                "unknown stage `{stage}`, expected one of {}",
                STAGES.join(", ")
            ))),
        },
        None => STAGES.to_vec(),
    };
    let (mut from, until) = span(cloud, args).await?;
    let mut shown: HashSet<String> = HashSet::new();
    loop {
        let mut lines = Vec::new();
        for stage in &stages {
            lines.extend(read(cloud, stage, from, until, &mut shown).await?);
        }
        lines.sort();
        for line in &lines {
            if let Some(text) = show(line, json, args.metrics) {
                println!("{text}");
            }
        }
        if !args.follow || until.is_some_and(|until| until < now()) {
            if shown.is_empty() && !json {
                eprintln!("no lines in that time; see --since");
            }
            return Ok(0);
        }
        from = from.max(now() - LATE);
        tokio::time::sleep(POLL).await;
    }
}

/// The time that is asked for.
async fn span(
    cloud: &Cloud,
    args: &Args,
) -> anyhow::Result<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let Some(wanted) = &args.run else {
        return Ok((now() - TimeDelta::minutes(i64::from(args.since)), None));
    };
    let of_run = |execution: &execution::Execution| execution.name.starts_with(wanted.as_str());
    let executions: Vec<_> =
        execution::list(cloud, 1_000).await?.into_iter().filter(of_run).collect();
    let start = executions.iter().filter_map(|e| e.started_at).min();
    let Some(start) = start else {
        // the schedule's executions have names of their own: their runs are found by their time
        if let Some(found) = by_time(cloud, wanted).await? {
            return Ok(found);
        }
        bail!("there is no run {wanted}; see `cargo xtask runs --env {}`", cloud.names.environment)
    };
    let is_over = executions.iter().all(|e| e.ended_at.is_some());
    let end = executions.iter().filter_map(|e| e.ended_at).max().filter(|_| is_over);
    Ok((start, end.map(|end| end + LATE)))
}

/// The time of the execution that was at work when a run got its id.
async fn by_time(
    cloud: &Cloud,
    wanted: &RunId,
) -> anyhow::Result<Option<(DateTime<Utc>, Option<DateTime<Utc>>)>> {
    let stamp = wanted.as_str().get(..16).unwrap_or_default();
    let Ok(at) = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ") else { return Ok(None) };
    let at = at.and_utc();
    let found = execution::list(cloud, 1_000).await?.into_iter().find(|execution| {
        let begun = execution.started_at.is_some_and(|start| start - LATE <= at);
        begun && execution.ended_at.is_none_or(|end| end >= at)
    });
    Ok(found.and_then(|e| Some((e.started_at?, e.ended_at.map(|end| end + LATE)))))
}

async fn read(
    cloud: &Cloud,
    stage: &str,
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    shown: &mut HashSet<String>,
) -> anyhow::Result<Vec<Line>> {
    let group = cloud.names.log_group(stage);
    let mut lines = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let answer = cloud
            .logs()
            .filter_log_events()
            .log_group_name(&group)
            .start_time(from.timestamp_millis())
            .set_end_time(until.map(|until| until.timestamp_millis()))
            .set_next_token(next.clone())
            .send()
            .await;
        let page = match answer {
            Ok(page) => page,
            Err(error) if is_absent(&error) => bail!(
                "there is no log group {group}; is environment {} deployed?",
                cloud.names.environment
            ),
            Err(error) => return Err(told(&format!("read the log group {group}"))(error)),
        };
        for event in page.events() {
            let text = event.message().unwrap_or_default().trim_end().to_owned();
            let stream = event.log_stream_name().unwrap_or_default().to_owned();
            let at_ms = event.timestamp().unwrap_or_default();
            let id = event.event_id().unwrap_or_default();
            if shown.insert(format!("{stream} {id} {at_ms} {text}")) {
                lines.push(Line { at_ms, stage: stage.to_owned(), stream, text });
            }
        }
        let after = page.next_token().map(ToOwned::to_owned);
        if after.is_none() || after == next {
            return Ok(lines);
        }
        next = after;
    }
}

/// A line for people: time, stage, level, message, fields. `None` for one that is not wanted.
fn show(line: &Line, json: bool, metrics: bool) -> Option<String> {
    let value: Option<Value> = serde_json::from_str(&line.text).ok();
    if value.as_ref().is_some_and(|v| v.get("_aws").is_some()) && !metrics {
        return None;
    }
    if json {
        let object = serde_json::json!({
            "time": DateTime::from_timestamp_millis(line.at_ms), "stage": line.stage,
            "stream": line.stream, "line": value.unwrap_or(Value::String(line.text.clone())),
        });
        return Some(object.to_string());
    }
    let at = DateTime::from_timestamp_millis(line.at_ms).unwrap_or_default();
    let (time, stage) = (at.format("%H:%M:%S%.3f"), &line.stage);
    let Some(Value::Object(object)) = value else {
        return Some(format!("{time} {stage:6} {}", line.text));
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut words = vec![format!("{time} {stage:6} {:5} {}", text("level"), text("message"))];
    let dull = ["level", "message", "timestamp", "target", "span", "spans", "_aws"];
    for (key, value) in object.iter().filter(|(key, _)| !dull.contains(&key.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        words.push(format!("{key}={value}"));
    }
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_well() {
        let line = |text: &str| Line {
            at_ms: 1_000,
            stage: "plan".into(),
            stream: "s".into(),
            text: text.into(),
        };
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(show(&line(text), false, false).as_deref(), expect, "{text}");
        };
        check("plain", Some("00:00:01.000 plan   plain"));
        check(
            r#"{"timestamp":"x","level":"INFO","message":"hello","series":3,"span":{"run":"r"}}"#,
            Some("00:00:01.000 plan   INFO  hello series=3"),
        );
        check(r#"{"_aws":{},"rows":3}"#, None);
        assert!(show(&line(r#"{"_aws":{},"rows":3}"#), false, true).unwrap().contains("rows=3"));
    }
}
