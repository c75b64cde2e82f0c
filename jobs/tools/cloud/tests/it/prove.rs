//! What an account refutes is told with exit code 4; what nobody could tell is never told as proven.

use serde_json::{Value, json};

use crate::aws::{Answer, Aws, Call};

fn definition() -> String {
    json!({
        "QueryLanguage": "JSONata", "StartAt": "Name the run",
        "States": { "Name the run": {
            "Type": "Pass", "Assign": { "tries": 0, "more": "{% $tries + 1 %}" }, "End": true,
        } },
    })
    .to_string()
}

/// Step Functions with that definition, in which nothing has run.
fn deployed(call: &Call) -> Option<Answer> {
    match call.name.as_str() {
        "DescribeStateMachine" => Some(Answer::Json(json!({
            "stateMachineArn": call.field("stateMachineArn"), "name": "pipeline",
            "definition": definition(), "roleArn": "x", "type": "STANDARD", "creationDate": 1.0,
        }))),
        "ListExecutions" => Some(Answer::Json(json!({ "executions": [] }))),
        _ => None,
    }
}

fn lines(out: &str) -> Vec<Value> {
    let page: Value = serde_json::from_str(out).expect(out);
    page["lines"].as_array().cloned().unwrap_or_default()
}

fn verdicts(lines: &[Value], about: &str) -> Vec<String> {
    let mut all: Vec<String> = lines
        .iter()
        .filter(|line| line["about"] == about)
        .map(|line| line["verdict"].as_str().unwrap_or_default().to_owned())
        .collect();
    all.dedup();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_refutes_is_told() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "ValidateStateMachineDefinition" => Some(Answer::Json(json!({
            "result": "FAIL",
            "diagnostics": [{ "severity": "ERROR", "code": "X", "message": "no state" }],
        }))),
        "TestState" => {
            // whole and in a state of its own, with the values of its variables
            assert!(call.body.contains("{% $tries + 1 %}"), "{}", call.body);
            assert!(call.field("variables").as_str().is_some_and(|v| v.contains("\"tries\":1")));
            Some(Answer::Json(json!({
                "status": "FAILED", "error": "States.QueryEvaluationError", "cause": "y",
            })))
        }
        "GetRole" => Some(Answer::RefusedXml(404, "NoSuchEntity")),
        _ => deployed(call),
    })
    .await;
    let ended = aws.cloud(&["prove", "--json"]);
    assert_eq!(ended.code, Some(4), "{}", ended.told);
    let lines = lines(&ended.out);
    for about in ["definitions", "expressions", "roles"] {
        assert_eq!(verdicts(&lines, about), ["refuted"], "{about}: {}", ended.out);
    }
    assert!(ended.out.contains("States.QueryEvaluationError: y"), "{}", ended.out);
    assert!(!ended.out.contains("111122223333"), "{}", ended.out);
    let page = aws.cloud(&["prove"]);
    assert!(page.out.contains("| pipeline | **refuted** | ERROR X: no state |"), "{}", page.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_not_proven() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "ValidateStateMachineDefinition" | "TestState" => {
            Some(Answer::Refused("UnknownOperationException", "x"))
        }
        "GetRole" => Some(Answer::RefusedXml(403, "AccessDenied")),
        _ => deployed(call),
    })
    .await;
    let ended = aws.cloud(&["prove", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    let lines = lines(&ended.out);
    for about in ["definitions", "expressions", "roles", "tables"] {
        assert_eq!(verdicts(&lines, about), ["not_known"], "{about}: {}", ended.out);
    }
    assert!(ended.out.contains("cargo xtask run --env lab --wait"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_no_answer() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "ValidateStateMachineDefinition" => Some(Answer::Refused("ExpiredTokenException", "x")),
        _ => deployed(call),
    })
    .await;
    let ended = aws.cloud(&["prove"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.told.contains("log in again"), "{}", ended.told);
}
