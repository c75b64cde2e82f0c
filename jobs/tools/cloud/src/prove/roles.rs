//! What the roles may do, as IAM itself judges the policies that are deployed: the calls of `calls`,
//! each simulated with the role's policies and its boundary. Nothing is called. Of an AWS on this
//! machine the calls that tasks made are judged too (`witness`).

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};
use model::human;
use percent_encoding::percent_decode_str;

use super::calls::{self, Call};
use super::page::{About, Page, Verdict};
use super::unknown;
use super::witness::{self, Witnessed};
use crate::account::Cloud;
use crate::trouble::{is_absent, told};

/// ARNs that IAM takes at once.
const AT_ONCE: usize = 50;

/// The policies of a role.
#[derive(Debug, Clone, Default)]
struct Policies {
    own: Vec<String>,
    boundary: Option<String>,
}

/// What is known of a role.
enum Found {
    Policies(Policies),
    Absent,
    Unknown(String),
}

/// All that is proven of the roles.
pub(super) async fn prove(cloud: &Cloud, page: &mut Page) -> anyhow::Result<()> {
    let mut roles: BTreeMap<String, Found> = BTreeMap::new();
    let mut calls = calls::all(&cloud.names)?;
    let Witnessed { calls: seen, unknown } = witness::calls(cloud).await?;
    calls.extend(seen);
    for (role, action) in unknown {
        let what = format!("`{role}` may call {action}, as its tasks did");
        let why = "`known` in jobs/tools/cloud/src/prove/calls.rs lacks it, so nobody was asked";
        page.add(About::Roles, what, Verdict::NotKnown, why);
    }
    // listings are a call for each prefix, and one line for all of them
    for same in calls.chunk_by(|a, b| (&a.role, a.what, a.may) == (&b.role, b.what, b.may)) {
        let call = &same[0];
        if !roles.contains_key(&call.role) {
            roles.insert(call.role.clone(), look(cloud, &call.role).await?);
        }
        let what = words(call);
        match &roles[&call.role] {
            Found::Absent => page.judge(About::Roles, what, false, "there is no such role"),
            Found::Unknown(why) => page.add(About::Roles, what, Verdict::NotKnown, why.clone()),
            Found::Policies(policies) => {
                if let Err(why) = judge(cloud, page, &what, same, policies).await? {
                    // what is not known of one call is not known of the others
                    page.add(About::Roles, what, Verdict::NotKnown, why.clone());
                    page.add(About::Roles, "all other calls", Verdict::NotKnown, why);
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// `gold-task may write data of gold`.
fn words(call: &Call) -> String {
    let may = if call.may { "may" } else { "may not" };
    format!("`{}` {may} {}", call.role, call.what)
}

/// Judges calls of one kind; why not, where nobody can.
async fn judge(
    cloud: &Cloud,
    page: &mut Page,
    what: &str,
    calls: &[Call],
    policies: &Policies,
) -> anyhow::Result<Result<(), String>> {
    let (mut answers, mut wrong) = (0, Vec::new());
    for call in calls {
        for resources in call.resources.chunks(AT_ONCE) {
            let results = match simulate(cloud, call, resources, policies).await? {
                Ok(results) => results,
                Err(why) => return Ok(Err(why)),
            };
            for Decision { action, resource, said } in results {
                answers += 1;
                if (said == PolicyEvaluationDecisionType::Allowed) != call.may {
                    wrong.push(format!("{} of {action} on {resource}", said.as_str()));
                }
            }
        }
    }
    let (verdict, found) = concluded(calls, answers, &wrong);
    page.add(About::Roles, what, verdict, found);
    Ok(Ok(()))
}

/// What so many answers about calls of one kind come to, and those of them that are wrong.
fn concluded(calls: &[Call], answers: usize, wrong: &[String]) -> (Verdict, String) {
    let expected: usize = calls.iter().map(|c| c.actions.len() * c.resources.len()).sum();
    if let Some(first) = wrong.first() {
        let found = format!("{} of {answers} otherwise, such as {first}", wrong.len());
        return (Verdict::Refuted, found);
    }
    // what was not answered is neither so nor otherwise
    if answers != expected {
        return (Verdict::NotKnown, format!("{answers} answers to {expected} questions"));
    }
    let mut actions: Vec<&str> = calls.iter().flat_map(|call| call.actions).copied().collect();
    actions.sort_unstable();
    actions.dedup();
    let asked = human::plural(answers as u64, "question");
    let found = format!("{} {}, {asked}", actions.join(", "), word(calls[0].may));
    (Verdict::Proven, found)
}

/// Asks IAM for a call on some resources; why not, where it does not tell.
async fn simulate(
    cloud: &Cloud,
    call: &Call,
    resources: &[String],
    policies: &Policies,
) -> anyhow::Result<Result<Vec<Decision>, String>> {
    let context = call.context.iter().map(|(name, value)| {
        ContextEntry::builder()
            .context_key_name(*name)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(value)
            .build()
    });
    let boundary = policies.boundary.clone().map(|boundary| vec![boundary]);
    let results = cloud
        .iam()
        .simulate_custom_policy()
        .set_policy_input_list(Some(policies.own.clone()))
        .set_permissions_boundary_policy_input_list(boundary)
        .set_action_names(Some(call.actions.iter().map(ToString::to_string).collect()))
        .set_resource_arns(Some(resources.to_vec()))
        .set_context_entries(Some(context.collect()))
        .max_items(1_000)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await;
    match results {
        Ok(results) => Ok(Ok(results.iter().flat_map(decisions).collect())),
        Err(error) => Ok(Err(unknown("simulate a policy", error)?)),
    }
}

/// What IAM decided of one action on one resource.
#[derive(Debug, Clone, PartialEq)]
struct Decision {
    action: String,
    resource: String,
    said: PolicyEvaluationDecisionType,
}

/// The decisions of a result, which may be of several resources.
fn decisions(result: &EvaluationResult) -> Vec<Decision> {
    let of = |resource: Option<&str>, said: &PolicyEvaluationDecisionType| Decision {
        action: result.eval_action_name().to_owned(),
        resource: resource.unwrap_or("*").to_owned(),
        said: said.clone(),
    };
    let each = result.resource_specific_results();
    if each.is_empty() {
        return vec![of(result.eval_resource_name(), result.eval_decision())];
    }
    each.iter().map(|r| of(Some(r.eval_resource_name()), r.eval_resource_decision())).collect()
}

const fn word(may: bool) -> &'static str {
    if may { "allowed" } else { "denied" }
}

/// The policies of a role as they are deployed.
async fn look(cloud: &Cloud, role: &str) -> anyhow::Result<Found> {
    let iam = cloud.iam();
    let found = match iam.get_role().role_name(role).send().await {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(Found::Absent),
        Err(error) => return Ok(Found::Unknown(unknown("look at a role", error)?)),
    };
    let boundary = found
        .role()
        .and_then(|role| role.permissions_boundary())
        .and_then(|boundary| boundary.permissions_boundary_arn());
    let mut policies = Policies::default();
    if let Some(arn) = boundary {
        match managed(cloud, arn).await? {
            Ok(document) => policies.boundary = Some(document),
            Err(why) => return Ok(Found::Unknown(why)),
        }
    }
    let names = iam.list_role_policies().role_name(role).into_paginator().items().send();
    let names = match names.try_collect().await {
        Ok(names) => names,
        Err(error) => return Ok(Found::Unknown(unknown("list a role's policies", error)?)),
    };
    for name in names {
        match iam.get_role_policy().role_name(role).policy_name(name).send().await {
            Ok(found) => policies.own.push(decoded(found.policy_document())?),
            Err(error) => return Ok(Found::Unknown(unknown("read a role's policy", error)?)),
        }
    }
    let attached =
        iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let attached = match attached.try_collect().await {
        Ok(attached) => attached,
        Err(error) => return Ok(Found::Unknown(unknown("list a role's policies", error)?)),
    };
    for policy in attached {
        match managed(cloud, policy.policy_arn().unwrap_or_default()).await? {
            Ok(document) => policies.own.push(document),
            Err(why) => return Ok(Found::Unknown(why)),
        }
    }
    Ok(Found::Policies(policies))
}

/// The document of a policy that has an ARN; why not, where nobody can say.
async fn managed(cloud: &Cloud, arn: &str) -> anyhow::Result<Result<String, String>> {
    let iam = cloud.iam();
    let found = match iam.get_policy().policy_arn(arn).send().await {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Err(told("look at a policy")(error)),
        Err(error) => return Ok(Err(unknown("look at a policy", error)?)),
    };
    let version = found
        .policy()
        .and_then(|policy| policy.default_version_id())
        .with_context(|| format!("policy {arn} has no version"))?
        .to_owned();
    match iam.get_policy_version().policy_arn(arn).version_id(version).send().await {
        Ok(found) => {
            let document = found.policy_version().and_then(|version| version.document());
            Ok(Ok(decoded(document.unwrap_or_default())?))
        }
        Err(error) => Ok(Err(unknown("read a policy", error)?)),
    }
}

/// A document as IAM gives it: encoded as in a URL.
fn decoded(document: &str) -> anyhow::Result<String> {
    let text = percent_decode_str(document).decode_utf8().context("a policy is no text")?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_without_an_answer_refute_nothing() {
        let calls = [Call {
            role: "x-task".into(),
            what: "read",
            may: true,
            actions: &["s3:GetObject", "s3:GetObjectVersion"],
            resources: vec!["a".into(), "b".into()],
            context: Vec::new(),
        }];
        let check = |answers: usize, wrong: &[&str], expect: Verdict, words: &str| {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            let found = concluded(&calls, answers, &wrong);
            assert_eq!(found, (expect, words.to_owned()));
        };
        check(4, &[], Verdict::Proven, "s3:GetObject, s3:GetObjectVersion allowed, 4 questions");
        check(3, &[], Verdict::NotKnown, "3 answers to 4 questions");
        check(5, &[], Verdict::NotKnown, "5 answers to 4 questions");
        check(3, &["denied of b"], Verdict::Refuted, "1 of 3 otherwise, such as denied of b");
    }
}
