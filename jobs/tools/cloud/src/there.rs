//! Whether the thing that an ARN names is there, by its own service. The index of tags goes on naming
//! what is gone, networks above all, for minutes to hours; ECS keeps what was deleted for ever.

use aws_sdk_cloudwatch::types::AlarmType;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use model::human;
use serde_json::json;

use crate::account::Cloud;
use crate::signed::{self, Answer, Question, element};
use crate::trouble::{is_absent, is_denied};

/// The kinds of alarms: who names none is told of the first alone.
pub(crate) const ALARMS: [AlarmType; 2] = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm];

/// What its service says of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum There {
    /// It is there.
    Yes,
    /// It is gone.
    No,
    /// Nobody can say, and why.
    Unknown(String),
}

impl From<bool> for There {
    fn from(is_there: bool) -> Self {
        if is_there { Self::Yes } else { Self::No }
    }
}

/// An ARN in parts: `arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0a1b`.
struct Arn<'a> {
    service: &'a str,
    /// All behind the account.
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let service = parts.nth(1)?;
        Some(Self { service, resource: parts.nth(2)? })
    }

    /// The kind and the name of a resource `kind/name`.
    fn kind(&self) -> (&'a str, &'a str) {
        self.resource.split_once('/').unwrap_or(("", self.resource))
    }
}

/// The call of EC2 for a kind of thing, and the parameter that takes its id.
fn of_network(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "vpc" => ("DescribeVpcs", "VpcId.1"),
        "subnet" => ("DescribeSubnets", "SubnetId.1"),
        "security-group" => ("DescribeSecurityGroups", "GroupId.1"),
        "security-group-rule" => ("DescribeSecurityGroupRules", "SecurityGroupRuleId.1"),
        "internet-gateway" => ("DescribeInternetGateways", "InternetGatewayId.1"),
        "natgateway" => ("DescribeNatGateways", "NatGatewayId.1"),
        "route-table" => ("DescribeRouteTables", "RouteTableId.1"),
        "vpc-endpoint" => ("DescribeVpcEndpoints", "VpcEndpointId.1"),
        "elastic-ip" => ("DescribeAddresses", "AllocationId.1"),
        "network-interface" => ("DescribeNetworkInterfaces", "NetworkInterfaceId.1"),
        "network-acl" => ("DescribeNetworkAcls", "NetworkAclId.1"),
        _ => return None,
    })
}

/// Asks the service of a thing whether it is there.
pub(crate) async fn look(cloud: &Cloud, arn: &str) -> There {
    let Some(parts) = Arn::parse(arn) else {
        return There::Unknown("it is no ARN".to_owned());
    };
    let (kind, name) = parts.kind();
    match (parts.service, kind) {
        ("ec2", _) => network(cloud, kind, name).await,
        ("ecs", "cluster" | "task" | "task-definition") => task_things(cloud, arn, kind).await,
        ("s3", "") => said(cloud.s3().head_bucket().bucket(name).send().await, |_| true),
        ("glue", "database") => said(cloud.glue().get_database().name(name).send().await, |_| true),
        ("glue", "table") => {
            let (database, table) = name.split_once('/').unwrap_or((name, ""));
            let call = cloud.glue().get_table().database_name(database).name(table);
            said(call.send().await, |_| true)
        }
        ("states", _) if parts.resource.starts_with("stateMachine:") => {
            let call = cloud.sfn().describe_state_machine().state_machine_arn(arn);
            said(call.send().await, |_| true)
        }
        ("ecr", "repository") => {
            let call = cloud.ecr().describe_repositories().repository_names(name);
            said(call.send().await, |_| true)
        }
        ("sqs", "") => said(cloud.sqs().get_queue_url().queue_name(name).send().await, |_| true),
        ("athena", "workgroup") => {
            said(cloud.athena().get_work_group().work_group(name).send().await, |found| {
                found.work_group().is_some()
            })
        }
        ("logs", _) if parts.resource.starts_with("log-group:") => {
            let name = parts.resource.trim_start_matches("log-group:").trim_end_matches(":*");
            let call = cloud.logs().describe_log_groups().log_group_name_prefix(name);
            said(call.send().await, |found| {
                found.log_groups().iter().any(|group| group.log_group_name() == Some(name))
            })
        }
        ("cloudwatch", _) if parts.resource.starts_with("alarm:") => {
            let name = parts.resource.trim_start_matches("alarm:");
            let call = cloud.cloudwatch().describe_alarms().alarm_names(name);
            said(call.set_alarm_types(Some(ALARMS.to_vec())).send().await, |found| {
                !found.metric_alarms().is_empty() || !found.composite_alarms().is_empty()
            })
        }
        ("iam", "role") => {
            // a role may stand in a folder
            let name = name.rsplit('/').next().unwrap_or(name);
            said(cloud.iam().get_role().role_name(name).send().await, |_| true)
        }
        ("sns", "") => {
            let parameter = ("TopicArn", arn);
            let question = Question::form("sns", "2010-03-31", "GetTopicAttributes", parameter);
            by_hand(cloud, &question, |_| true).await
        }
        ("budgets", "budget") => {
            let body = json!({ "AccountId": cloud.names.account, "BudgetName": name });
            let target = "AWSBudgetServiceGateway.DescribeBudget";
            let question = Question::json("budgets", target, &body).for_all_regions();
            by_hand(cloud, &question, |_| true).await
        }
        ("kms", "key") => {
            let question =
                Question::json("kms", "TrentService.DescribeKey", &json!({ "KeyId": arn }));
            // KMS keeps what was deleted for a week at least
            by_hand(cloud, &question, |text| !text.contains("\"PendingDeletion\"")).await
        }
        (service, kind) => {
            let kind =
                if kind.is_empty() { service.to_owned() } else { format!("{service} {kind}") };
            There::Unknown(format!("no call is known that tells whether a {kind} is there"))
        }
    }
}

/// What networks are made of. Gateways and endpoints are shown as deleted for an hour.
async fn network(cloud: &Cloud, kind: &str, id: &str) -> There {
    let Some((action, parameter)) = of_network(kind) else {
        return There::Unknown(format!("no call is known that tells whether a {kind} is there"));
    };
    let question = Question::form("ec2", "2016-11-15", action, (parameter, id));
    by_hand(cloud, &question, |text| {
        let is_over = element(text, "state").is_some_and(|state| state == "deleted");
        text.contains(&format!(">{id}<")) && !is_over
    })
    .await
}

/// What ECS keeps after it is gone: stopped tasks, inactive clusters and task definitions.
async fn task_things(cloud: &Cloud, arn: &str, kind: &str) -> There {
    let ecs = cloud.ecs();
    match kind {
        "cluster" => said(ecs.describe_clusters().clusters(arn).send().await, |found| {
            found.clusters().iter().any(|cluster| cluster.status() != Some("INACTIVE"))
        }),
        "task" => {
            // arn:…:task/<cluster>/<id>
            let cluster = arn.split('/').nth(1).unwrap_or_default();
            said(ecs.describe_tasks().cluster(cluster).tasks(arn).send().await, |found| {
                found.tasks().iter().any(|task| task.last_status() != Some("STOPPED"))
            })
        }
        _ => said(ecs.describe_task_definition().task_definition(arn).send().await, |found| {
            let status = found.task_definition().and_then(|definition| definition.status());
            status.is_some_and(|status| status.as_str() == "ACTIVE")
        }),
    }
}

/// What an answer of an SDK comes to.
fn said<T, E, R>(answer: Result<T, SdkError<E, R>>, is_there: impl FnOnce(&T) -> bool) -> There
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(found) => is_there(&found).into(),
        Err(error) if is_missing(error.code().unwrap_or_default()) || is_absent(&error) => {
            There::No
        }
        // what ECS says of a task definition that is gone
        Err(error)
            if error.message().is_some_and(|m| m.contains("Unable to describe task def")) =>
        {
            There::No
        }
        Err(error) => {
            let code = error.code().unwrap_or_default().to_owned();
            if is_denied(&code) {
                return There::Unknown(format!("these credentials may not ask ({code})"));
            }
            There::Unknown(crate::trouble::told("ask for it")(error).to_string())
        }
    }
}

/// What an answer to a question by hand comes to.
async fn by_hand(cloud: &Cloud, question: &Question, is_there: impl FnOnce(&str) -> bool) -> There {
    heard(signed::ask(cloud, question).await, is_there)
}

/// The same of the answer; a service that does not answer keeps back nothing of the others.
fn heard(answer: anyhow::Result<Answer>, is_there: impl FnOnce(&str) -> bool) -> There {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return There::Unknown(human::chain(error.as_ref())),
    };
    if answer.is_good {
        return is_there(&answer.text).into();
    }
    let code = answer.code();
    if is_missing(&code) {
        return There::No;
    }
    if is_denied(&code) {
        return There::Unknown(format!("these credentials may not ask ({code})"));
    }
    let code = if code.is_empty() { "no code".to_owned() } else { code };
    There::Unknown(format!("its service does not tell ({code})"))
}

/// Whether a code says that there is no such thing.
fn is_missing(code: &str) -> bool {
    ["NotFound", "NoSuch", "DoesNotExist", "NonExistent"].iter().any(|word| code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read_in_their_forms() {
        let check = |arn: &str, service: &str, kind: &str, name: &str| {
            let parts = Arn::parse(arn).unwrap();
            assert_eq!((parts.service, parts.kind()), (service, (kind, name)), "{arn}");
        };
        check("arn:aws:ec2:eu-central-1:1:vpc/vpc-0a", "ec2", "vpc", "vpc-0a");
        check("arn:aws:s3:::market-lake-dev", "s3", "", "market-lake-dev");
        check(
            "arn:aws:ecr:e:1:repository/market-lake/dev/gold",
            "ecr",
            "repository",
            "market-lake/dev/gold",
        );
        check("arn:aws:sqs:e:1:market-lake-dev-failed", "sqs", "", "market-lake-dev-failed");
        check("arn:aws:logs:e:1:log-group:/a/b:*", "logs", "log-group:", "a/b:*");
        assert!(Arn::parse("market-lake").is_none());
    }

    #[test]
    fn who_does_not_answer_is_named_and_stops_nothing() {
        let check = |answer: anyhow::Result<Answer>, expect: There| {
            assert_eq!(heard(answer, |text| text == "x"), expect);
        };
        let said = |is_good: bool, text: &str| Ok(Answer { is_good, text: text.to_owned() });
        let unknown = |why: &str| There::Unknown(why.to_owned());
        check(said(true, "x"), There::Yes);
        check(said(true, "y"), There::No);
        check(said(false, "<Code>InvalidVpcID.NotFound</Code>"), There::No);
        check(said(false, "x"), unknown("its service does not tell (no code)"));
        let error = anyhow::anyhow!("connection refused").context("cannot ask ec2");
        check(Err(error), unknown("cannot ask ec2: connection refused"));
    }
}
