//! How a deployment is: the last runs, alarms, how fresh its data is, how large its tables are.

use aws_sdk_cloudwatch::types::StateValue;
use chrono::{DateTime, Utc};
use model::schema::Table;
use model::{human, layout};
use serde::Serialize;

use crate::account::Cloud;
use crate::execution::{self, Execution, now};
use crate::lake::{self, Size};
use crate::letters;
use crate::trouble::told;

/// Runs that are shown.
const SHOWN: usize = 5;

/// An alarm.
#[derive(Debug, Clone, Serialize)]
struct Alarm {
    name: String,
    state: String,
    why: String,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Status {
    environment: String,
    bucket: String,
    runs: Vec<Execution>,
    failed_batches: u64,
    alarms: Vec<Alarm>,
    fresh_at: Option<DateTime<Utc>>,
    is_stale: bool,
    tables: Vec<(String, Size)>,
    raw: Size,
}

/// `status`.
pub(crate) async fn status(cloud: &Cloud, json: bool) -> anyhow::Result<u8> {
    let runs = execution::list(cloud, 200).await?;
    let succeeded = |execution: &&Execution| execution.status == "SUCCEEDED";
    let fresh_at = runs.iter().filter(succeeded).filter_map(|e| e.ended_at).max();
    let hours = i64::from(cloud.aws.alarms.stale_hours.value);
    let is_stale = fresh_at.is_none_or(|at| (now() - at).num_hours() >= hours);
    let mut tables = Vec::new();
    for table in Table::ALL {
        tables.push((
            table.as_str().to_owned(),
            lake::size(cloud, &format!("{}/", layout::table(*table))).await?,
        ));
    }
    let status = Status {
        environment: cloud.names.environment.clone(),
        bucket: cloud.names.bucket(),
        runs: runs.into_iter().take(SHOWN).collect(),
        failed_batches: letters::count(cloud).await?,
        alarms: alarms(cloud).await?,
        fresh_at,
        is_stale,
        tables,
        raw: lake::size(cloud, "bronze/source=").await?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        show(cloud, &status);
    }
    Ok(0)
}

async fn alarms(cloud: &Cloud) -> anyhow::Result<Vec<Alarm>> {
    let mut pages = cloud
        .cloudwatch()
        .describe_alarms()
        .alarm_name_prefix(format!("{}-", cloud.names.prefix()))
        .into_paginator()
        .send();
    let mut alarms = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("read the alarms"))?;
        for alarm in page.metric_alarms() {
            alarms.push(Alarm {
                name: alarm.alarm_name().unwrap_or_default().to_owned(),
                state: alarm.state_value().map_or("UNKNOWN", StateValue::as_str).to_owned(),
                why: alarm.state_reason().unwrap_or_default().to_owned(),
            });
        }
    }
    alarms.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(alarms)
}

fn show(cloud: &Cloud, status: &Status) {
    println!("environment {} in s3://{}\n", status.environment, status.bucket);
    println!("last runs");
    if status.runs.is_empty() {
        println!("  none; type `cargo xtask run --env {} --wait`", status.environment);
    }
    for line in human::columns(&execution::rows(&status.runs)) {
        println!("  {line}");
    }
    if status.failed_batches > 0 {
        println!(
            "  {} failed for good; type `cargo xtask run --env {} --redrive --wait`",
            human::plural(status.failed_batches, "batch"),
            status.environment
        );
    }
    println!("\nalarms");
    if status.alarms.is_empty() {
        println!("  none");
    }
    for alarm in &status.alarms {
        let why = if alarm.state == "ALARM" { format!(": {}", alarm.why) } else { String::new() };
        let state = alarm.state.to_lowercase().replace('_', " ");
        println!("  {:<40} {state}{why}", alarm.name);
    }
    let hours = cloud.aws.alarms.stale_hours.value;
    match status.fresh_at {
        Some(at) => {
            let ago = human::span((now() - at).to_std().unwrap_or_default());
            let word = if status.is_stale { "STALE" } else { "fresh" };
            println!("\ndata {word}: the last good run ended {ago} ago (stale after {hours} h)");
        }
        None => println!("\ndata STALE: no run has succeeded yet"),
    }
    println!("\nwhat the lake holds, files that were replaced included");
    let row = |name: &str, size: &Size| {
        vec![format!("  {name}"), human::plural(size.objects, "object"), human::bytes(size.bytes)]
    };
    let mut rows = vec![row("raw archives", &status.raw)];
    rows.extend(status.tables.iter().map(|(name, size)| row(name, size)));
    for line in human::columns(&rows) {
        println!("{line}");
    }
}
