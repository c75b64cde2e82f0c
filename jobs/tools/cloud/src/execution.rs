//! Executions as they are: one, the newest, what went wrong with them in a few words, and the time
//! of day that they are measured by. Starting and following them is `run`'s.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use chrono::{DateTime, Utc};
use model::human;
use serde::Serialize;
use serde_json::Value;

use crate::account::Cloud;
use crate::trouble::{is_absent, told};

/// An execution as it is now.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Execution {
    /// Its name: the run's id, with `-r<n>` where it was taken up.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`.
    pub(crate) status: String,
    /// When it was started.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// What went wrong, where something did.
    pub(crate) error: Option<String>,
    /// Its page in the console; the emulated AWS has none.
    pub(crate) console: Option<String>,
}

impl Execution {
    /// How long it took, or takes until now.
    pub(crate) fn took(&self, now: DateTime<Utc>) -> Duration {
        let Some(start) = self.started_at else { return Duration::ZERO };
        (self.ended_at.unwrap_or(now) - start).to_std().unwrap_or_default()
    }
}

/// The time of day.
pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "no stage here; this is the one door")]
    Utc::now()
}

/// A time of the SDK's.
pub(crate) fn time(at: &aws_sdk_sfn::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

/// What to say where there is no such machine.
pub(crate) fn not_deployed(cloud: &Cloud) -> anyhow::Error {
    let environment = &cloud.names.environment;
    anyhow::anyhow!(
        "environment {environment} is not deployed in account {} and region {}; type `cargo xtask \
         deploy --env {environment}`",
        cloud.names.account,
        cloud.names.region
    )
}

/// An execution by its ARN.
pub(crate) async fn describe(cloud: &Cloud, arn: &str) -> anyhow::Result<Execution> {
    let found = cloud
        .sfn()
        .describe_execution()
        .execution_arn(arn)
        .send()
        .await
        .map_err(told("look at the execution"))?;
    let cause = found.cause().map(brief);
    let error = match (found.error(), cause) {
        (Some(error), Some(cause)) => Some(format!("{error}: {cause}")),
        (Some(text), None) => Some(text.to_owned()),
        (None, cause) => cause,
    };
    let ended = *found.status() != ExecutionStatus::Running;
    Ok(Execution {
        name: found.name().unwrap_or_default().to_owned(),
        arn: arn.to_owned(),
        status: found.status().as_str().to_owned(),
        started_at: time(found.start_date()),
        ended_at: found.stop_date().and_then(time).or_else(|| ended.then(now)),
        error,
        console: cloud.console(arn),
    })
}

/// The first words of a cause, which may be a whole task in JSON.
pub(crate) fn brief(cause: &str) -> String {
    let text = serde_json::from_str::<Value>(cause)
        .ok()
        .and_then(|value| {
            let of = |key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            let code =
                value.pointer("/Containers/0/ExitCode").map(|code| format!("exit code {code}"));
            match (of("StoppedReason"), code) {
                (Some(reason), Some(code)) => Some(format!("{reason} ({code})")),
                (reason, code) => reason.or(code),
            }
        })
        .unwrap_or_else(|| cause.to_owned());
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 300 {
        line.chars().take(300).collect::<String>() + "…"
    } else {
        line.to_owned()
    }
}

/// The exit code that a cause names: a whole task in JSON does, and `exit 3, …`, which the state
/// machine makes of one. A task that was killed, or ran into its state's time limit, has none.
pub(crate) fn exit_code(cause: &str) -> Option<i64> {
    if let Some(rest) = cause.strip_prefix("exit ") {
        return rest.split(',').next()?.trim().parse().ok();
    }
    serde_json::from_str::<Value>(cause).ok()?.pointer("/Containers/0/ExitCode")?.as_i64()
}

/// The newest executions, newest first.
pub(crate) async fn list(cloud: &Cloud, most: usize) -> anyhow::Result<Vec<Execution>> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let page = cloud
            .sfn()
            .list_executions()
            .state_machine_arn(cloud.names.machine())
            .set_next_token(next)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_absent(&error) => return Err(not_deployed(cloud)),
            Err(error) => return Err(told("list the executions")(error)),
        };
        for item in page.executions() {
            all.push(Execution {
                name: item.name().to_owned(),
                arn: item.execution_arn().to_owned(),
                status: item.status().as_str().to_owned(),
                started_at: time(item.start_date()),
                ended_at: item.stop_date().and_then(time),
                error: None,
                console: cloud.console(item.execution_arn()),
            });
        }
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() || all.len() >= most {
            break;
        }
    }
    all.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| b.name.cmp(&a.name)));
    all.truncate(most);
    Ok(all)
}

/// Executions as rows of a table.
pub(crate) fn rows(executions: &[Execution]) -> Vec<Vec<String>> {
    executions
        .iter()
        .map(|execution| {
            vec![
                execution.name.clone(),
                execution.status.to_lowercase().replace('_', " "),
                execution
                    .started_at
                    .map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
                human::span(execution.took(now())),
                execution.error.clone().unwrap_or_default(),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn causes_are_cut_to_what_matters() {
        let task = json!({
            "StoppedReason": "Essential container in task exited",
            "Containers": [{ "ExitCode": 3, "Name": "bronze" }], "Attachments": [],
        });
        assert_eq!(brief(&task.to_string()), "Essential container in task exited (exit code 3)");
        assert_eq!(exit_code(&task.to_string()), Some(3));
        assert_eq!(brief("plain words\nmore"), "plain words");
        assert_eq!(brief(&"x".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn exit_codes_are_read_where_a_cause_has_one() {
        let check = |cause: &str, expect: Option<i64>| {
            assert_eq!(exit_code(cause), expect, "{cause}");
        };
        check("exit 3, Essential container in task exited, arn:aws:ecs:x:1:task/lake/a", Some(3));
        check("exit 137, OutOfMemoryError, arn:aws:ecs:x:1:task/lake/a", Some(137));
        // taken away before it had one
        check("exit , Your Spot Task was interrupted., arn:aws:ecs:x:1:task/lake/a", None);
        check("3 is no code here", None);
        check("", None);
    }
}
