//! State machines as Step Functions reads them: their definitions are valid, and each JSONata
//! expression in them is evaluated by the service itself, in a `Pass` state of its own. The engine
//! of the emulated AWS is another one: what it proves is our syntax, what an account proves is AWS's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use aws_sdk_sfn::operation::test_state::TestStateError;
use aws_sdk_sfn::types::{TestExecutionStatus, ValidateStateMachineDefinitionResultCode};
use model::RunId;
use serde_json::{Map, Value, json};

use super::bindings::{self, Case, Expect};
use super::page::{About, Page, Verdict};
use super::unknown;
use crate::account::Cloud;
use crate::execution::not_deployed;
use crate::trouble::{is_absent, told};

/// An expression of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expression {
    /// Where it stands first: `Plan the run, Catch.Assign.tries`.
    place: String,
    /// The field that it fills.
    field: String,
    /// How often it stands in the definitions.
    times: usize,
}

/// The definitions as they are deployed; the page gets whether each is valid.
pub(super) async fn definitions(cloud: &Cloud, page: &mut Page) -> anyhow::Result<Vec<Value>> {
    let mut definitions = Vec::new();
    for arn in [cloud.names.machine(), cloud.names.maintenance()] {
        let answer = cloud.sfn().describe_state_machine().state_machine_arn(&arn).send().await;
        let found = match answer {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Err(not_deployed(cloud)),
            Err(error) => return Err(told("look at the state machine")(error)),
        };
        let name = found.name().to_owned();
        validate(cloud, page, &name, found.definition()).await?;
        let definition: Value = serde_json::from_str(found.definition())
            .with_context(|| format!("the definition of {name} is no JSON"))?;
        definitions.push(definition);
    }
    Ok(definitions)
}

/// All that is proven of the expressions of these definitions.
pub(super) async fn expressions(
    cloud: &Cloud,
    page: &mut Page,
    definitions: &[Value],
) -> anyhow::Result<()> {
    let mut expressions: BTreeMap<String, Expression> = BTreeMap::new();
    let mut variables = Map::new();
    for definition in definitions {
        collect(definition, &mut Vec::new(), &mut expressions);
        assigned(definition, &mut variables);
    }
    variables.extend(bindings::variables());
    for (text, expression) in &expressions {
        for case in bindings::cases_of(text, &expression.field) {
            if !evaluate(cloud, page, text, expression, &variables, &case).await? {
                let n = expressions.len();
                let what = format!("{n} expressions");
                page.add(About::Expressions, what, Verdict::NotKnown, "asked no further");
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn validate(
    cloud: &Cloud,
    page: &mut Page,
    name: &str,
    definition: &str,
) -> anyhow::Result<()> {
    let call = cloud.sfn().validate_state_machine_definition().definition(definition);
    match call.send().await {
        Ok(answer) => {
            let is_good = *answer.result() == ValidateStateMachineDefinitionResultCode::Ok;
            let told: Vec<String> = answer
                .diagnostics()
                .iter()
                .map(|d| format!("{} {}: {}", d.severity().as_str(), d.code(), d.message()))
                .collect();
            let found = if told.is_empty() { "valid".to_owned() } else { told.join("; ") };
            page.judge(About::Definitions, name, is_good, found);
        }
        Err(error) => {
            let why = unknown("validate a definition", error)?;
            page.add(About::Definitions, name, Verdict::NotKnown, why);
        }
    }
    Ok(())
}

/// Evaluates an expression in one case; whether it is of use to go on.
async fn evaluate(
    cloud: &Cloud,
    page: &mut Page,
    text: &str,
    expression: &Expression,
    variables: &Map<String, Value>,
    case: &Case,
) -> anyhow::Result<bool> {
    let mut what = expression.place.clone();
    if expression.times > 1 {
        let _ = write!(what, ", and {} more", expression.times - 1);
    }
    if !case.name.is_empty() {
        let _ = write!(what, " ({})", case.name);
    }
    let mut variables = variables.clone();
    variables.extend(case.variables.clone());
    if let Some(name) = unbound(text, &variables) {
        let why = format!("`{name}` has no value in jobs/tools/cloud/src/prove/bindings.rs");
        page.add(About::Expressions, what, Verdict::NotKnown, why);
        return Ok(true);
    }
    let mut given = bindings::states();
    if let (Some(given), Some(more)) = (given.as_object_mut(), case.states.as_object()) {
        given.extend(more.clone());
    }
    let endpoint = cloud.identity().endpoint.clone();
    let call = cloud
        .sfn()
        .test_state()
        .definition(state(text).to_string())
        .variables(Value::Object(variables).to_string())
        .input(given.to_string())
        .customize()
        // AWS has a host of its own for this call, sync-states; an AWS on this machine has one for all
        .mutate_request(move |request| {
            if let Some(endpoint) = &endpoint {
                // one that is no URI was not reached before either
                let _ = request.set_uri(endpoint.as_str());
            }
        });
    let answer = match call.send().await {
        Ok(answer) => answer,
        // an expression that cannot even be parsed is refused as a definition
        Err(error)
            if error.as_service_error().is_some_and(TestStateError::is_invalid_definition) =>
        {
            let said = aws_sdk_sts::error::ProvideErrorMetadata::message(&error);
            page.judge(About::Expressions, what, false, said.unwrap_or("an invalid definition"));
            return Ok(true);
        }
        Err(error) => {
            let why = unknown("test a state", error)?;
            page.add(About::Expressions, what, Verdict::NotKnown, why);
            return Ok(false);
        }
    };
    if answer.status() != Some(&TestExecutionStatus::Succeeded) {
        let why = [answer.error(), answer.cause()].into_iter().flatten().collect::<Vec<_>>();
        page.judge(About::Expressions, what, false, why.join(": "));
        return Ok(true);
    }
    let output: Value = serde_json::from_str(answer.output().unwrap_or("null"))
        .context("the output of a state is no JSON")?;
    let (is_so, found) = judged(&output["value"], &case.expect);
    page.judge(About::Expressions, what, is_so, found);
    Ok(true)
}

/// A state that does nothing but evaluate. A `Pass` state has no result and no error: what an
/// expression reads of `$states` lies in its input.
fn state(text: &str) -> Value {
    let text = text.replace("$states.", "$states.input.");
    json!({
        "Type": "Pass", "QueryLanguage": "JSONata",
        "Output": { "value": format!("{{%{text}%}}") }, "End": true,
    })
}

/// Whether a value is what it must be; what it is, in words.
fn judged(value: &Value, expect: &Expect) -> (bool, String) {
    let is_so = match expect {
        Expect::Some => !value.is_null(),
        Expect::Boolean => value.is_boolean(),
        Expect::Number => value.as_f64().is_some_and(|n| n >= 0.0),
        Expect::Run => value.as_str().is_some_and(|text| text.parse::<RunId>().is_ok()),
        Expect::Value(wanted) => is_equal(value, wanted),
    };
    let found = format!("`{value}`");
    match expect {
        _ if is_so => (true, found),
        Expect::Value(wanted) => (false, format!("{found}, expected `{wanted}`")),
        other => (false, format!("{found}, expected {}", other.words())),
    }
}

/// Whether two values are the same: 1 and 1.0 are.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        _ => a == b,
    }
}

/// The expressions of a definition: texts in `{% %}`.
fn collect(value: &Value, path: &mut Vec<String>, to: &mut BTreeMap<String, Expression>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push(name.clone());
                collect(value, path, to);
                path.pop();
            }
        }
        // the items of a list count as one
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, to)),
        Value::String(text) => {
            if let Some(text) = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
                let expression = to.entry(text.to_owned()).or_insert_with(|| Expression {
                    place: place(path),
                    field: path.last().cloned().unwrap_or_default(),
                    times: 0,
                });
                expression.times += 1;
            }
        }
        _ => {}
    }
}

/// Where an expression stands: the state, and the way to the field in it.
fn place(path: &[String]) -> String {
    let at = path.iter().rposition(|part| part == "States").unwrap_or(0);
    let state = path.get(at + 1).map_or("", String::as_str);
    let rest = path.get(at + 2..).unwrap_or_default().join(".");
    format!("{state}, {rest}")
}

/// The variables that states set to plain values, which are as good as any to evaluate with.
fn assigned(value: &Value, to: &mut Map<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("Assign", Value::Object(assigned)) = (name.as_str(), value) {
                    let plain = assigned.iter().filter(|(_, v)| !v.to_string().contains("{%"));
                    for (name, value) in plain {
                        to.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
                assigned(value, to);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| assigned(item, to)),
        _ => {}
    }
}

/// The first variable of an expression that has no value.
fn unbound(text: &str, variables: &Map<String, Value>) -> Option<String> {
    // parameters of functions are bound where they stand
    let own: Vec<&str> = text
        .split("function(")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().trim_start_matches('$'))
        .collect();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, follows) = after.split_at(end);
        let is_call = follows.starts_with('(');
        let is_known = name.is_empty() || name == "states" || own.contains(&name);
        if !is_call && !is_known && !variables.contains_key(name) {
            return Some(format!("${name}"));
        }
        rest = follows;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Value {
        json!({
            "StartAt": "Name", "States": {
                "Name": {
                    "Type": "Pass",
                    "Assign": { "run": "{% $states.input.run %}", "tries": 0 },
                    "Next": "Map",
                },
                "Map": {
                    "Type": "Map",
                    "ItemProcessor": { "States": { "Fetch": {
                        "Catch": [{ "Assign": { "tries": "{% $tries + 1 %}" } }, { "Assign": { "tries": "{% $tries + 1 %}" } }],
                    } } },
                },
            },
        })
    }

    #[test]
    fn every_expression_is_found_with_its_place() {
        let mut found = BTreeMap::new();
        collect(&definition(), &mut Vec::new(), &mut found);
        let shown: Vec<(&str, &str, usize)> =
            found.iter().map(|(text, e)| (text.as_str(), e.place.as_str(), e.times)).collect();
        assert_eq!(
            shown,
            [
                (" $states.input.run ", "Name, Assign.run", 1),
                (" $tries + 1 ", "Fetch, Catch.Assign.tries", 2),
            ]
        );
        let mut variables = Map::new();
        assigned(&definition(), &mut variables);
        assert_eq!(Value::Object(variables), json!({ "tries": 0 }));
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        let variables = json!({ "run": "x", "all": [] });
        let variables = variables.as_object().unwrap();
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(unbound(text, variables).as_deref(), expect, "{text}");
        };
        check("$string($run) & $states.context.Execution.Id", None);
        check("$reduce($all, function($a, $one) { $append($a, [$one]) }, [])", None);
        check("$run & $nobody", Some("$nobody"));
        check("/x$/ ~> $run", None);
    }

    #[test]
    fn what_comes_out_is_judged() {
        let check = |value: Value, expect: Expect, is_so: bool| {
            assert_eq!(judged(&value, &expect).0, is_so, "{value} {expect:?}");
        };
        check(json!(3.0), Expect::Value(json!(3)), true);
        check(json!([]), Expect::Value(json!([])), true);
        check(Value::Null, Expect::Value(json!([])), false);
        check(Value::Null, Expect::Some, false);
        check(json!("20240131T235959Z-0a1b2c3d"), Expect::Run, true);
        check(json!("20240131"), Expect::Run, false);
        check(json!("true"), Expect::Boolean, false);
        check(json!(-1), Expect::Number, false);
    }
}
