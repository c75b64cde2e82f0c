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
async fn trouble_is_no_answer_and_costs_one_section() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "ValidateStateMachineDefinition" => Some(Answer::Refused("ExpiredTokenException", "x")),
        "GetRole" => Some(Answer::RefusedXml(404, "NoSuchEntity")),
        _ => deployed(call),
    })
    .await;
    let ended = aws.cloud(&["prove", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.told.contains("log in again"), "{}", ended.told);
    let lines = lines(&ended.out);
    for about in ["definitions", "expressions", "tables"] {
        assert_eq!(verdicts(&lines, about), ["not_known"], "{about}: {}", ended.out);
    }
    assert_eq!(verdicts(&lines, "roles"), ["refuted"], "{}", ended.out);
    let page = aws.cloud(&["prove"]).out;
    assert!(page.contains("| all else of this section | not known here | cannot"), "{page}");
}

/// An IAM that gives one thing a page and allows all.
fn in_pages(call: &Call) -> Option<Answer> {
    let is_first = !call.body.contains("Marker=");
    let more = if is_first { "<IsTruncated>true</IsTruncated><Marker>m</Marker>" } else { "" };
    let result = match call.name.as_str() {
        "GetRole" => "<Role><Path>/</Path><RoleName>x</RoleName><RoleId>x</RoleId><Arn>x</Arn>\
                      <CreateDate>2024-01-31T00:00:00Z</CreateDate></Role>"
            .to_owned(),
        "ListRolePolicies" => {
            let name = if is_first { "first" } else { "second" };
            format!("<PolicyNames><member>{name}</member></PolicyNames>{more}")
        }
        "GetRolePolicy" => {
            let name = if call.body.contains("first") { "first" } else { "second" };
            format!(
                "<RoleName>x</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{name}\
                 </PolicyDocument>"
            )
        }
        "ListAttachedRolePolicies" => {
            let name = if is_first { "third" } else { "fourth" };
            format!(
                "<AttachedPolicies><member><PolicyArn>{name}</PolicyArn></member>\
                 </AttachedPolicies>{more}"
            )
        }
        "GetPolicy" => "<Policy><DefaultVersionId>v1</DefaultVersionId></Policy>".to_owned(),
        "GetPolicyVersion" => {
            let name = if call.body.contains("third") { "third" } else { "fourth" };
            format!("<PolicyVersion><Document>{name}</Document></PolicyVersion>")
        }
        "SimulateCustomPolicy" => {
            let count = |list: &str| call.body.matches(list).count();
            let all = count("ActionNames.member.") * count("ResourceArns.member.");
            let (answers, more) = match (is_first, all) {
                (true, 1) => (1, ""),
                (true, _) => (1, more),
                (false, all) => (all - 1, ""),
            };
            let one = "<member><EvalActionName>x</EvalActionName><EvalResourceName>y\
                       </EvalResourceName><EvalDecision>allowed</EvalDecision></member>";
            format!("<EvaluationResults>{}</EvaluationResults>{more}", one.repeat(answers))
        }
        _ => return deployed(call),
    };
    let name = &call.name;
    Some(Answer::Xml(format!(
        "<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"
    )))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_iam_gives_in_pages_is_read_to_its_end() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "ValidateStateMachineDefinition" | "TestState" => {
            Some(Answer::Refused("UnknownOperationException", "x"))
        }
        _ => in_pages(call),
    })
    .await;
    let ended = aws.cloud(&["prove", "--json"]);
    // what a role must not be able to, it may there
    assert_eq!(ended.code, Some(4), "{}", ended.told);
    let mut lines = lines(&ended.out);
    lines.retain(|line| line["what"].as_str().is_some_and(|what| !what.contains("` may not ")));
    assert_eq!(verdicts(&lines, "roles"), ["proven"], "{}", ended.out);
    for body in aws.bodies("SimulateCustomPolicy") {
        for (at, name) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
            let policy = format!("PolicyInputList.member.{}={name}", at + 1);
            assert!(body.contains(&policy), "expected {policy} in: {body}");
        }
    }
}
