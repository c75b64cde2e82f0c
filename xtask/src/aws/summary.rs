//! A plan of Terraform in few lines: what is made, changed and destroyed, what would be lost, and
//! what the result costs a month at rest.

use std::collections::BTreeMap;

use model::config::Aws;
use model::config::aws::Counts;
use model::human;
use model::prices::Prices;
use serde_json::Value;

/// Kinds of resources that data is lost with.
const PRECIOUS: &[&str] =
    &["aws_s3_bucket", "aws_sqs_queue", "aws_ecr_repository", "aws_cloudwatch_log_group"];
/// Zones that an interface endpoint stands in, each of which is paid for.
const ZONES: f64 = 2.0;
/// Hours a month.
const HOURS: f64 = 730.0;

/// A plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Made, by type.
    pub(crate) made: BTreeMap<String, usize>,
    /// Changed in place: addresses.
    pub(crate) changed: Vec<String>,
    /// Destroyed and made anew: addresses.
    pub(crate) replaced: Vec<String>,
    /// Destroyed: addresses.
    pub(crate) destroyed: Vec<String>,
    /// What data is lost with: addresses.
    pub(crate) lost: Vec<String>,
    /// All resources after the plan, by type.
    pub(crate) after: BTreeMap<String, usize>,
}

impl Changes {
    /// The changes of Terraform's JSON.
    pub(crate) fn of(plan: &Value) -> Self {
        let mut changes = Self::default();
        for change in plan["resource_changes"].as_array().into_iter().flatten() {
            if change["mode"] != "managed" {
                continue;
            }
            let kind = change["type"].as_str().unwrap_or_default().to_owned();
            let address = short(change["address"].as_str().unwrap_or_default());
            let actions: Vec<&str> = change["change"]["actions"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            match actions.as_slice() {
                ["create"] => *changes.made.entry(kind).or_default() += 1,
                ["update"] => changes.changed.push(address),
                ["delete"] | ["delete", "create"] | ["create", "delete"] => {
                    if PRECIOUS.contains(&kind.as_str()) {
                        changes.lost.push(address.clone());
                    }
                    if actions.len() == 1 {
                        changes.destroyed.push(address);
                    } else {
                        changes.replaced.push(address);
                    }
                }
                _ => {}
            }
        }
        count(&plan["planned_values"]["root_module"], &mut changes.after);
        changes
    }

    /// How many resources a plan touches; one that is made anew counts twice, as Terraform does.
    pub(crate) fn len(&self) -> usize {
        self.made.values().sum::<usize>()
            + self.changed.len()
            + 2 * self.replaced.len()
            + self.destroyed.len()
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For people.
    pub(crate) fn lines(&self) -> Vec<String> {
        if self.is_empty() {
            return vec!["nothing to change: what is deployed is what the code says".to_owned()];
        }
        let made: usize = self.made.values().sum();
        let mut lines = vec![format!(
            "{} to make, {} to change, {} to make anew, {} to destroy",
            made,
            self.changed.len(),
            self.replaced.len(),
            self.destroyed.len()
        )];
        if !self.made.is_empty() {
            let kinds: Vec<String> = self
                .made
                .iter()
                .map(|(kind, n)| {
                    let kind = kind.trim_start_matches("aws_");
                    if *n == 1 { kind.to_owned() } else { format!("{n} {kind}") }
                })
                .collect();
            lines.extend(wrapped("  make     ", &kinds));
        }
        for (word, addresses) in [
            ("  change   ", &self.changed),
            ("  anew     ", &self.replaced),
            ("  destroy  ", &self.destroyed),
            ("  LOST: the data in ", &self.lost),
        ] {
            lines.extend(addresses.iter().map(|address| format!("{word}{address}")));
        }
        lines
    }

    /// What it costs, in words.
    pub(crate) fn cost(&self, aws: &Aws) -> Vec<String> {
        let prices = Prices::known();
        let n = |kind: &str| self.after.get(kind).copied().unwrap_or(0) as f64;
        let rows = [
            ("alarms", n("aws_cloudwatch_metric_alarm") * prices.cloudwatch_alarm_month),
            ("NAT gateways", n("aws_nat_gateway") * prices.nat_gateway_hour * HOURS),
            ("endpoints", self.endpoints() * ZONES * prices.interface_endpoint_hour * HOURS),
            ("addresses", n("aws_eip") * prices.public_address_hour * HOURS),
            ("keys", n("aws_kms_key") * prices.kms_key_month),
        ];
        let sum: f64 = rows.iter().map(|(_, usd)| usd).sum();
        let parts: Vec<String> = rows
            .iter()
            .filter(|(_, usd)| *usd > 0.0)
            .map(|(name, usd)| format!("{name} ${usd:.2}"))
            .collect();
        let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        let silver = aws.task("silver");
        let share = if aws.spot { prices.fargate_spot_share } else { 1.0 };
        let hour = share
            * (f64::from(silver.cpu) / 1_024.0 * prices.fargate_arm_vcpu_hour
                + f64::from(silver.memory_mib) / 1_024.0 * prices.fargate_arm_gb_hour);
        let budget = match (aws.budget.enabled, aws.budget.counts) {
            (false, _) => "no budget warns: aws.budget.enabled is false".to_owned(),
            (true, counts) => {
                let of = if counts == Counts::Account { " of the whole account" } else { "" };
                format!("the budget warns at ${}{of}", aws.budget.monthly_usd.value)
            }
        };
        vec![
            format!("about ${sum:.2} a month at rest ({parts}); {budget}"),
            format!(
                "besides: ${:.4} a GB and month in S3, ${hour:.4} an hour for a batch at work, ${} a \
                 TB that queries scan",
                prices.s3_standard_gb_month, prices.athena_tb_scanned
            ),
            format!(
                "prices of {} in {}; one dashboard of three is free",
                prices.date, prices.region
            ),
        ]
    }

    /// Interface endpoints; those of gateways are free.
    fn endpoints(&self) -> f64 {
        self.after.get("aws_vpc_endpoint").copied().unwrap_or(0).saturating_sub(1) as f64
    }
}

fn short(address: &str) -> String {
    address.replace("module.environment.", "")
}

fn count(module: &Value, after: &mut BTreeMap<String, usize>) {
    for resource in module["resources"].as_array().into_iter().flatten() {
        if resource["mode"] == "managed" {
            let kind = resource["type"].as_str().unwrap_or_default().to_owned();
            *after.entry(kind).or_default() += 1;
        }
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        count(child, after);
    }
}

/// Words in lines of about 100 columns, all but the first indented.
fn wrapped(first: &str, words: &[String]) -> Vec<String> {
    let mut lines = vec![first.to_owned()];
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { ", " } else { "" };
        if lines.last().is_some_and(|line| line.len() + word.len() > 98) {
            lines.push(" ".repeat(first.len()));
        }
        if let Some(line) = lines.last_mut() {
            *line += word;
            *line += comma;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// `12 resources`.
pub(crate) fn resources(n: usize) -> String {
    human::plural(n as u64, "resource")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(changes: &[(&str, &str, &[&str])]) -> Value {
        let changes: Vec<Value> = changes
            .iter()
            .map(|(address, kind, actions)| {
                json!({ "address": address, "type": kind, "mode": "managed",
                        "change": { "actions": actions } })
            })
            .collect();
        json!({
            "resource_changes": changes,
            "planned_values": { "root_module": { "child_modules": [ { "resources": [
                { "mode": "managed", "type": "aws_cloudwatch_metric_alarm" },
                { "mode": "managed", "type": "aws_cloudwatch_metric_alarm" },
                { "mode": "managed", "type": "aws_nat_gateway" },
            ] } ] } },
        })
    }

    #[test]
    fn a_plan_reads_in_few_lines() {
        let plan = plan(&[
            ("module.environment.module.a.aws_sqs_queue.x", "aws_sqs_queue", &["create"]),
            ("a.y", "aws_sqs_queue", &["create"]),
            ("a.b", "aws_iam_role", &["update"]),
            ("module.environment.aws_s3_bucket.this", "aws_s3_bucket", &["delete", "create"]),
            ("a.d", "aws_iam_role", &["delete"]),
            ("a.e", "aws_iam_role", &["no-op"]),
        ]);
        let changes = Changes::of(&plan);
        assert_eq!(
            changes.lines(),
            [
                "2 to make, 1 to change, 1 to make anew, 1 to destroy",
                "  make     2 sqs_queue",
                "  change   a.b",
                "  anew     aws_s3_bucket.this",
                "  destroy  a.d",
                "  LOST: the data in aws_s3_bucket.this",
            ]
        );
        assert_eq!(changes.len(), 6);
    }

    #[test]
    fn the_cost_at_rest_is_that_of_what_is_paid_by_the_hour() {
        let changes = Changes::of(&plan(&[]));
        assert!(changes.is_empty());
        let cost = changes.cost(&Aws::defaults("eu-central-1"));
        assert!(
            cost[0].starts_with("about $38.16 a month at rest (alarms $0.20, NAT gateways $37.96)"),
            "{cost:?}"
        );
    }

    #[test]
    fn the_budget_is_told_or_that_there_is_none() {
        let check = |enabled: bool, counts: Counts, expect: &str| {
            let mut aws = Aws::defaults("eu-central-1");
            (aws.budget.enabled, aws.budget.counts) = (enabled, counts);
            let cost = Changes::of(&plan(&[])).cost(&aws);
            assert!(cost[0].ends_with(expect), "{cost:?}");
        };
        check(true, Counts::Environment, "; the budget warns at $20");
        check(true, Counts::Account, "; the budget warns at $20 of the whole account");
        check(false, Counts::Account, "; no budget warns: aws.budget.enabled is false");
    }
}
