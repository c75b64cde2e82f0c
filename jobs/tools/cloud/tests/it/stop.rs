//! Nothing is emptied while a task may still write: `stop` ends when every task has ended, not when
//! every task was told to.

#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Mutex;

use serde_json::json;

use crate::aws::{ACCOUNT, Answer, Aws, Call, PREFIX, REGION};

fn task(id: &str) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{PREFIX}/{id}")
}

/// An ECS with two tasks: one at work, one that an execution's end has told to stop before. Each
/// ends so many looks after it was told to.
struct Ecs {
    looks: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_told: bool,
    looked: u32,
}

impl Ecs {
    fn answer(&self, call: &Call) -> Option<Answer> {
        let mut state = self.state.lock().unwrap();
        Some(Answer::Json(match call.name.as_str() {
            // whoever is told to stop is listed as one that is to be stopped, whatever it does
            "ListTasks" => match call.field("desiredStatus").as_str() {
                Some("RUNNING") if !state.is_told => json!({ "taskArns": [task("late")] }),
                Some("RUNNING") => json!({ "taskArns": [] }),
                _ => json!({ "taskArns": [task("before")] }),
            },
            "StopTask" => {
                assert_eq!(call.field("task"), json!(task("late")));
                state.is_told = true;
                json!({})
            }
            "DescribeTasks" => {
                state.looked += 1;
                let has_ended = state.is_told && state.looked > self.looks;
                let status = if has_ended { "STOPPED" } else { "DEPROVISIONING" };
                let tasks: Vec<_> = call.field("tasks").as_array().unwrap().clone();
                let tasks: Vec<_> = tasks
                    .iter()
                    .map(|arn| {
                        json!({ "taskArn": arn, "desiredStatus": "STOPPED", "lastStatus": status })
                    })
                    .collect();
                json!({ "tasks": tasks })
            }
            "ListTaskDefinitions" => {
                // the next step: by then nothing may be at work
                assert!(state.looked > self.looks, "not waited for");
                json!({ "taskDefinitionArns": [] })
            }
            _ => return None,
        }))
    }
}

fn ecs(looks: u32) -> impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static {
    let ecs = Ecs { looks, state: Mutex::default() };
    move |call| if call.service == "ecs" { ecs.answer(call) } else { None }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_stop_late_are_waited_for() {
    let aws = Aws::start(ecs(2)).await;
    let ended = aws.cloud(&["stop", "--confirm", "lab"]);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    assert_eq!(ended.out, "stopped 0 executions and 2 tasks\n");
    assert_eq!(aws.count("StopTask"), 1);
    assert_eq!(aws.count("DescribeTasks"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_without_sense_is_refused() {
    let aws = Aws::start(|_| None).await;
    for seconds in ["0", "86401", "18446744073709551615"] {
        let ended = aws.cloud(&["stop", "--confirm", "lab", "--within", seconds]);
        assert_eq!(ended.code, Some(2), "{seconds}: {}", ended.told);
        assert!(ended.told.contains("1..=86400"), "{}", ended.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_does_not_stop_is_named() {
    let aws = Aws::start(ecs(u32::MAX)).await;
    let ended = aws.cloud(&["stop", "--confirm", "lab", "--within", "1"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    for words in ["2 of 2 tasks not ended within 1.0 s", &task("before"), "type the same command"] {
        assert!(ended.told.contains(words), "expected `{words}` in: {}", ended.told);
    }
    assert_eq!(aws.count("ListTaskDefinitions"), 0);
}
