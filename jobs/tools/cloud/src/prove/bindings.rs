//! What the expressions of the state machines are evaluated with. Every expression has one case with
//! plain values, in which anything but nothing may come out; those in which an engine may differ from
//! another have cases of their own, with what must come out. Expressions are known by a piece of their
//! text, so that they may move.

use serde_json::{Map, Value, json};

/// A run's id.
const RUN: &str = "20240131T235959Z-0a1b2c3d";
/// An execution's ARN.
const EXECUTION: &str =
    "arn:aws:states:eu-central-1:111122223333:execution:market-lake-x-pipeline:y";
/// A task's ARN.
const TASK: &str =
    "arn:aws:ecs:eu-central-1:111122223333:task/market-lake-x/0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// What must come out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expect {
    /// Anything but nothing.
    Some,
    /// True or false.
    Boolean,
    /// A number from 0.
    Number,
    /// A run's id.
    Run,
    /// This.
    Value(Value),
}

impl Expect {
    /// For people.
    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Some => "a value",
            Self::Boolean => "true or false",
            Self::Number => "a number from 0",
            Self::Run => "a run's id",
            Self::Value(_) => "another value",
        }
    }
}

/// One evaluation.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// What is given, in words; empty for plain values.
    pub(super) name: String,
    /// What differs of the variables.
    pub(super) variables: Map<String, Value>,
    /// What differs of `$states`.
    pub(super) states: Value,
    pub(super) expect: Expect,
}

/// A case that is for expressions with a piece of text.
struct Special {
    piece: &'static str,
    name: &'static str,
    variables: Value,
    states: Value,
    expect: Expect,
}

/// The cases of an expression that fills a field.
pub(super) fn cases_of(text: &str, field: &str) -> Vec<Case> {
    let expect = match field {
        "Condition" => Expect::Boolean,
        "Seconds" | "TimeoutSeconds" => Expect::Number,
        _ => Expect::Some,
    };
    let plain = Case { name: String::new(), variables: Map::new(), states: json!({}), expect };
    let special = specials().into_iter().filter(|special| text.contains(special.piece));
    let special = special.map(|special| Case {
        name: special.name.to_owned(),
        variables: special.variables.as_object().cloned().unwrap_or_default(),
        states: special.states,
        expect: special.expect,
    });
    std::iter::once(plain).chain(special).collect()
}

/// Plain values of variables that no state sets to a plain value.
pub(super) fn variables() -> Map<String, Value> {
    let failure =
        json!({ "stage": "silver", "error": "States.TaskFailed", "cause": "it \"failed\"" });
    let variables = json!({
        "run": RUN, "batch_run": RUN, "symbol_run": RUN,
        "from": ["--from", "2024-01-01"], "to": ["--to", "2024-01-31"],
        "sources": ["binance"], "symbols": ["BTCUSDT"], "datasets": ["trades"],
        "resume": [], "retry_bad": ["--retry-bad"], "dry_run": ["--dry-run"],
        "batches": 1, "batch": 7, "batch_execution": EXECUTION,
        "market": "spot", "symbol": "BTCUSDT",
        "tries": 1, "batch_tries": 1, "symbol_tries": 1,
        "exit": 3, "batch_exit": 3, "symbol_exit": 3,
        "failure": failure, "batch_failure": failure, "symbol_failure": failure,
        "fetch_failure": failure,
    });
    variables.as_object().cloned().unwrap_or_default()
}

/// Plain values of `$states`.
pub(super) fn states() -> Value {
    json!({
        "input": {
            "run": RUN, "from": "2024-01-01", "to": "2024-01-31", "sources": ["binance"],
            "symbols": ["BTCUSDT"], "datasets": ["trades"], "retry_bad": true, "resume": true, "dry_run": true,
            "market": "spot", "symbol": "BTCUSDT", "batch": 7, "execution": EXECUTION,
        },
        "context": context(),
        "result": { "KeyCount": 1 },
        "errorOutput": { "Error": "States.TaskFailed", "Cause": ended(3) },
    })
}

fn context() -> Value {
    retried(0)
}

/// The context object of a state that was tried so many times more.
fn retried(times: u32) -> Value {
    json!({
        "Execution": { "Id": EXECUTION, "Name": "y", "StartTime": "2024-01-31T23:59:59.160Z" },
        "State": { "Name": "x", "EnteredTime": "2024-01-31T23:59:59.500Z", "RetryCount": times },
        "Map": { "Item": { "Index": 0, "Value": {
            "Key": format!("runs/{RUN}/batches/000007.json.zst"),
            "market": "spot", "symbol": "BTCUSDT",
        } } },
    })
}

/// What Step Functions tells of a task that ended with a code, as a text of JSON.
fn ended(code: u8) -> String {
    json!({
        "Attachments": [],
        "Containers": [{ "ContainerArn": TASK, "ExitCode": code, "LastStatus": "STOPPED", "Name": "x" }],
        "StopCode": "EssentialContainerExited",
        "StoppedReason": "Essential container in task exited",
        "TaskArn": TASK,
        "TaskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/market-lake-x:1",
    })
    .to_string()
}

/// What it tells of a task whose machine was taken away: no container has an exit code.
fn taken_away() -> String {
    json!({
        "Containers": [{ "LastStatus": "STOPPED", "Name": "x" }],
        "StopCode": "SpotInterruption", "StoppedReason": "Your Spot Task was interrupted.",
        "TaskArn": TASK,
    })
    .to_string()
}

fn failed_with(cause: &str) -> Value {
    json!({ "errorOutput": { "Error": "States.TaskFailed", "Cause": cause } })
}

fn specials() -> Vec<Special> {
    let none = || json!({});
    let special =
        |piece, name, variables, states, expect| Special { piece, name, variables, states, expect };
    let value = Expect::Value;
    let nothing_given = || json!({ "input": {} });
    let is_exit = "? $number($match($states.errorOutput.Cause, /ExitCode";
    let is_cause = "? 'exit ' & $match($states.errorOutput.Cause, /ExitCode";
    let scope = |source: &[&str], symbols: &[&str]| {
        json!({
            "from": [], "to": [], "sources": source, "symbols": symbols, "datasets": [],
            "retry_bad": [],
        })
    };
    vec![
        special(
            "$exists($states.input.run)",
            "nobody names the run",
            none(),
            nothing_given(),
            Expect::Run,
        ),
        special(
            "$exists($states.input.from)",
            "not given",
            none(),
            nothing_given(),
            value(json!([])),
        ),
        special(
            "$exists($states.input.from)",
            "given",
            none(),
            none(),
            value(json!(["--from", "2024-01-01"])),
        ),
        special(
            "$exists($states.input.symbols)",
            "not given",
            none(),
            nothing_given(),
            value(json!([])),
        ),
        special(
            "$exists($states.input.sources)",
            "not given",
            none(),
            nothing_given(),
            value(json!([])),
        ),
        special("$exists($states.input.sources)", "one", none(), none(), value(json!(["binance"]))),
        special("$exists($states.input.symbols)", "one", none(), none(), value(json!(["BTCUSDT"]))),
        special(
            "$exists($states.input.retry_bad)",
            "not given",
            none(),
            nothing_given(),
            value(json!([])),
        ),
        special(
            "$exists($states.input.retry_bad)",
            "false",
            none(),
            json!({ "input": { "retry_bad": false } }),
            value(json!([])),
        ),
        special(
            "$exists($states.input.retry_bad)",
            "true",
            none(),
            none(),
            value(json!(["--retry-bad"])),
        ),
        special(
            "$exists($states.input.resume)",
            "not given",
            none(),
            nothing_given(),
            value(json!([])),
        ),
        special("$reduce($symbols", "no scope", scope(&[], &[]), none(), value(json!([]))),
        special(
            "$reduce($symbols",
            "one symbol",
            scope(&[], &["BTCUSDT"]),
            none(),
            value(json!(["--symbol", "BTCUSDT"])),
        ),
        special(
            "$reduce($symbols",
            "one source, as a schedule of its own names it",
            scope(&["twelvedata"], &[]),
            none(),
            value(json!(["--source", "twelvedata"])),
        ),
        special(
            "$reduce($symbols",
            "all of it",
            json!({
                "sources": ["binance", "twelvedata"], "symbols": ["BTCUSDT", "ETHUSDT"],
                "datasets": ["trades", "klines"],
            }),
            none(),
            value(json!([
                "--from",
                "2024-01-01",
                "--to",
                "2024-01-31",
                "--source",
                "binance",
                "--source",
                "twelvedata",
                "--symbol",
                "BTCUSDT",
                "--symbol",
                "ETHUSDT",
                "--dataset",
                "trades",
                "--dataset",
                "klines",
                "--retry-bad",
            ])),
        ),
        special(
            "$reduce($symbols",
            "taken up",
            json!({ "resume": ["--resume"] }),
            none(),
            value(json!(["--resume"])),
        ),
        special(
            "? 'FARGATE_SPOT'",
            "first",
            json!({ "tries": 0, "batch_tries": 0 }),
            none(),
            value(json!("FARGATE_SPOT")),
        ),
        special(
            "? 'FARGATE_SPOT'",
            "again",
            json!({ "tries": 1, "batch_tries": 1 }),
            none(),
            value(json!("FARGATE")),
        ),
        special(
            "? 'FARGATE_SPOT'",
            "Spot has no place",
            json!({ "tries": 0, "batch_tries": 0 }),
            json!({ "context": retried(2) }),
            value(json!("FARGATE")),
        ),
        special(is_exit, "ended with 3", none(), failed_with(&ended(3)), value(json!(3))),
        special(is_exit, "killed, 137", none(), failed_with(&ended(137)), value(json!(137))),
        special(is_exit, "taken away", none(), failed_with(&taken_away()), value(json!(-1))),
        special(is_exit, "no JSON", none(), failed_with("Rate \"exceeded\""), value(json!(-1))),
        special(
            is_exit,
            "no cause",
            none(),
            json!({ "errorOutput": { "Error": "States.Timeout" } }),
            value(json!(-1)),
        ),
        special(
            is_cause,
            "ended with 3",
            none(),
            failed_with(&ended(3)),
            value(json!(format!("exit 3, Essential container in task exited, {TASK}"))),
        ),
        special(
            is_cause,
            "taken away",
            none(),
            failed_with(&taken_away()),
            value(json!(format!("exit , Your Spot Task was interrupted., {TASK}"))),
        ),
        special(
            is_cause,
            "no JSON",
            none(),
            failed_with("Rate \"exceeded\""),
            value(json!("Rate \"exceeded\"")),
        ),
        special(
            is_cause,
            "no cause",
            none(),
            json!({ "errorOutput": { "Error": "States.Timeout" } }),
            value(json!("")),
        ),
        special("'/batches/'), '.json'", "batch 7", none(), none(), value(json!(7))),
        special(
            "$power(2",
            "for the 20th time",
            json!({ "tries": 20, "batch_tries": 20, "symbol_tries": 20 }),
            none(),
            value(json!(900)),
        ),
        special("$states.input.dry_run", "not given", none(), nothing_given(), value(json!([]))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_a_piece_of_text() {
        let names = |text: &str, field: &str| -> Vec<String> {
            cases_of(text, field).into_iter().map(|case| case.name).collect()
        };
        assert_eq!(names("$batches > 0", "Condition"), [""]);
        let spot = "$tries = 0 ? 'FARGATE_SPOT' : 'FARGATE'";
        assert_eq!(names(spot, "x"), ["", "first", "again", "Spot has no place"]);
        assert_eq!(cases_of("$x", "Seconds")[0].expect, Expect::Number);
    }

    /// A case that no template has an expression for proves nothing.
    #[test]
    fn every_case_is_for_an_expression_that_there_is() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|above| above.join("infra/modules/pipeline"))
            .find(|folder| folder.is_dir())
            .unwrap();
        let mut text = std::fs::read_to_string(folder.join("states.tf")).unwrap();
        for entry in std::fs::read_dir(folder.join("states")).unwrap() {
            text += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        // variables of the templates are another text once they are filled in
        let text = text.replace("${read.tries}", "$tries").replace("${read.run}", "$run");
        for special in specials() {
            assert!(text.contains(special.piece), "no expression has `{}`", special.piece);
        }
    }
}
