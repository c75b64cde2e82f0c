//! How far an execution is: its states in the order in which they were entered, and the batches
//! of its maps. On a terminal the table is drawn anew in place; elsewhere what changed is told.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use aws_sdk_sfn::types::HistoryEvent;
use chrono::{DateTime, Utc};
use model::human;

use crate::account::Cloud;
use crate::execution::{Execution, now, time};
use crate::trouble::told;

/// One state of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// Its name.
    pub(crate) name: String,
    /// How often it was entered.
    entered: u32,
    /// How often it was left.
    pub(crate) left: u32,
    /// When first.
    since: Option<DateTime<Utc>>,
    /// When last.
    until: Option<DateTime<Utc>>,
    /// Attempts that failed.
    failed: u32,
}

/// The items of a distributed map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Items {
    total: i64,
    succeeded: i64,
    failed: i64,
    running: i64,
}

/// How far an execution is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Its states, in the order in which they were entered.
    pub(crate) states: Vec<State>,
    maps: Vec<Items>,
}

impl Progress {
    /// Looks at an execution.
    pub(crate) async fn look(cloud: &Cloud, execution: &Execution) -> anyhow::Result<Self> {
        let mut events = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = cloud
                .sfn()
                .get_execution_history()
                .execution_arn(&execution.arn)
                .max_results(1_000)
                .include_execution_data(false)
                .set_next_token(next.clone())
                .send()
                .await
                .map_err(told("read the execution's history"))?;
            events.extend_from_slice(page.events());
            let after = page.next_token().map(ToOwned::to_owned);
            if after.is_none() || after == next {
                break;
            }
            next = after;
        }
        let states = states(&events);
        Ok(Self { states, maps: maps(cloud, &execution.arn).await? })
    }
}

async fn maps(cloud: &Cloud, arn: &str) -> anyhow::Result<Vec<Items>> {
    let sfn = cloud.sfn();
    let runs = sfn
        .list_map_runs()
        .execution_arn(arn)
        .send()
        .await
        .map_err(told("list the execution's maps"))?;
    let mut maps = Vec::new();
    for run in runs.map_runs() {
        let found = sfn
            .describe_map_run()
            .map_run_arn(run.map_run_arn())
            .send()
            .await
            .map_err(told("look at the execution's map"))?;
        if let Some(counts) = found.item_counts() {
            maps.push(Items {
                total: counts.total(),
                succeeded: counts.succeeded(),
                failed: counts.failed() + counts.timed_out() + counts.aborted(),
                running: counts.running(),
            });
        }
    }
    Ok(maps)
}

/// The states of a history.
fn states(events: &[HistoryEvent]) -> Vec<State> {
    let mut states: Vec<State> = Vec::new();
    let mut last: HashMap<i64, usize> = HashMap::new();
    for event in events {
        let at = time(event.timestamp());
        // the state an event belongs to is that of the event before it
        let parent = last.get(&event.previous_event_id()).copied();
        let mut belongs = parent;
        if let Some(details) = event.state_entered_event_details() {
            let index = states.iter().position(|s| s.name == details.name()).unwrap_or_else(|| {
                states.push(State {
                    name: details.name().to_owned(),
                    entered: 0,
                    left: 0,
                    since: at,
                    until: None,
                    failed: 0,
                });
                states.len() - 1
            });
            states[index].entered += 1;
            belongs = Some(index);
        } else if let Some(details) = event.state_exited_event_details() {
            if let Some(index) = states.iter().position(|s| s.name == details.name()) {
                states[index].left += 1;
                states[index].until = at;
                belongs = Some(index);
            }
        } else if (event.task_failed_event_details().is_some()
            || event.task_timed_out_event_details().is_some())
            && let Some(index) = parent
        {
            states[index].failed += 1;
        }
        if let Some(index) = belongs {
            last.insert(event.id(), index);
        }
    }
    states
}

/// The lines of a table.
fn lines(progress: &Progress, now: DateTime<Utc>, ended: bool) -> Vec<String> {
    let mut rows = Vec::new();
    for state in &progress.states {
        let is_open = state.entered > state.left;
        let word = match (is_open, ended) {
            (false, _) => "done",
            (true, false) => "at work",
            (true, true) => "stopped",
        };
        let mut what = word.to_owned();
        if state.entered > 1 {
            what = format!("{word}, {} of {}", state.left, state.entered);
        }
        if state.failed > 0 {
            let _ = write!(what, ", {} failed", human::plural(u64::from(state.failed), "attempt"));
        }
        let end = if is_open { now } else { state.until.unwrap_or(now) };
        let took = state.since.and_then(|since| (end - since).to_std().ok()).unwrap_or_default();
        rows.push(vec![format!("  {}", state.name), what, span(took)]);
    }
    for items in &progress.maps {
        let Items { total, succeeded, failed, running } = items;
        let mut what = format!("{succeeded} of {total} done, {running} at work");
        if *failed > 0 {
            let _ = write!(what, ", {failed} failed");
        }
        rows.push(vec!["  batches".to_owned(), what, String::new()]);
    }
    human::columns(&rows)
}

fn span(took: Duration) -> String {
    human::span(took)
}

/// Shows progress on standard error.
#[derive(Debug)]
pub(crate) struct Board {
    speaks: bool,
    in_place: bool,
    drawn: usize,
    told: Option<Progress>,
}

impl Board {
    /// A board; one that does not speak shows nothing.
    pub(crate) fn new(speaks: bool) -> Self {
        let in_place = std::io::stderr().is_terminal();
        Self { speaks, in_place, drawn: 0, told: None }
    }

    /// Shows how far it is now.
    pub(crate) fn show(&mut self, progress: &Progress, ended: bool) {
        if !self.speaks || (!self.in_place && self.told.as_ref() == Some(progress)) {
            return;
        }
        let lines = lines(progress, now(), ended);
        let mut out = std::io::stderr().lock();
        // a terminal that is gone is no reason to stop
        let _ = if self.in_place {
            let mut text = String::new();
            if self.drawn > 0 {
                let _ = write!(text, "\u{1b}[{}A", self.drawn);
            }
            for line in &lines {
                let _ = writeln!(text, "\u{1b}[2K{line}");
            }
            self.drawn = lines.len();
            out.write_all(text.as_bytes())
        } else {
            let before = self.told.as_ref().map_or_else(Vec::new, words);
            let now = words(progress);
            let news: Vec<&String> = now.iter().filter(|line| !before.contains(line)).collect();
            news.iter().try_for_each(|line| writeln!(out, "{line}"))
        };
        self.told = Some(progress.clone());
    }
}

/// What of a progress is worth a line: no spans of time, which change all the time.
fn words(progress: &Progress) -> Vec<String> {
    let mut words: Vec<String> = progress
        .states
        .iter()
        .map(|state| {
            let word = if state.entered > state.left { "begins" } else { "done" };
            let times = if state.entered > 1 {
                format!(" ({} of {})", state.left, state.entered)
            } else {
                String::new()
            };
            let failed = if state.failed > 0 {
                format!(", {} failed", human::plural(u64::from(state.failed), "attempt"))
            } else {
                String::new()
            };
            format!("  {}: {word}{times}{failed}", state.name)
        })
        .collect();
    words.extend(progress.maps.iter().map(|items| {
        format!("  batches: {} of {} done, {} failed", items.succeeded, items.total, items.failed)
    }));
    words
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime as At;
    use aws_sdk_sfn::types::{
        HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
    };

    use super::*;

    fn event(id: i64, before: i64, kind: &HistoryEventType, name: &str) -> HistoryEvent {
        let event = HistoryEvent::builder()
            .id(id)
            .previous_event_id(before)
            .timestamp(At::from_secs(id))
            .r#type(kind.clone());
        let event = match kind {
            HistoryEventType::TaskStateEntered => event.state_entered_event_details(
                StateEnteredEventDetails::builder().name(name).build().unwrap(),
            ),
            HistoryEventType::TaskStateExited => event.state_exited_event_details(
                StateExitedEventDetails::builder().name(name).build().unwrap(),
            ),
            _ => event.task_failed_event_details(
                TaskFailedEventDetails::builder()
                    .resource_type("ecs")
                    .resource("runTask.sync")
                    .build()
                    .unwrap(),
            ),
        };
        event.build().unwrap()
    }

    #[test]
    fn a_history_becomes_a_table() {
        use HistoryEventType::{TaskFailed, TaskStateEntered, TaskStateExited};
        let events = [
            event(1, 0, &TaskStateEntered, "Plan the run"),
            event(2, 1, &TaskFailed, ""),
            event(4, 2, &TaskStateExited, "Plan the run"),
            event(5, 4, &TaskStateEntered, "Build bars"),
            event(6, 4, &TaskStateEntered, "Build bars"),
            event(7, 5, &TaskStateExited, "Build bars"),
        ];
        let items = Items { total: 9, succeeded: 3, failed: 1, running: 2 };
        let progress = Progress { states: states(&events), maps: vec![items] };
        let now = DateTime::from_timestamp(15, 0).unwrap();
        assert_eq!(
            lines(&progress, now, false),
            [
                "  Plan the run  done, 1 attempt failed            3.0 s",
                "  Build bars    at work, 1 of 2                   10 s",
                "  batches       3 of 9 done, 2 at work, 1 failed",
            ]
        );
        assert!(lines(&progress, now, true)[1].contains("stopped"));
        assert_eq!(words(&progress)[1], "  Build bars: begins (1 of 2)");
    }
}
