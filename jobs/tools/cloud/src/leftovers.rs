//! Looks for what a teardown left: by tag, and by name where a service has no tags to ask by. What
//! the index of tags names is confirmed by its own service (`there`): the index goes on naming what is
//! gone, for minutes to hours.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_resourcegroupstagging::types::TagFilter;
use aws_sdk_sfn::types::StateMachineListItem;
use futures::StreamExt as _;
use model::human;
use serde::Serialize;

use crate::account::Cloud;
use crate::empty;
use crate::there::{self, ALARMS, There};
use crate::trouble::{is_absent, told};

/// Things that are asked for at once.
const AT_ONCE: usize = 8;

/// What was found.
#[derive(Debug, Serialize)]
struct Receipt {
    environment: String,
    account: String,
    region: String,
    /// The places that were looked into.
    looked: Vec<&'static str>,
    /// ARNs or names of what is there.
    left: BTreeSet<String>,
    /// ARNs of what has its tags and nobody can say whether it is there, with the reason.
    unconfirmed: BTreeMap<String, String>,
    /// ARNs that the index of tags still names; their services say that they are gone.
    lagging: BTreeSet<String>,
}

/// `leftovers`: exit code 0 where nothing is there.
pub(crate) async fn leftovers(cloud: &Cloud, json: bool) -> anyhow::Result<u8> {
    let mut receipt = Receipt {
        environment: cloud.names.environment.clone(),
        account: cloud.names.account.clone(),
        region: cloud.names.region.clone(),
        looked: Vec::new(),
        left: BTreeSet::new(),
        unconfirmed: BTreeMap::new(),
        lagging: BTreeSet::new(),
    };
    receipt.looked.push("tags");
    for (arn, there) in confirmed(cloud, by_tag(cloud).await?).await {
        match there {
            There::Yes => receipt.left.extend([arn]),
            There::No => receipt.lagging.extend([arn]),
            There::Unknown(why) => receipt.unconfirmed.extend([(arn, why)]),
        }
    }
    by_name(cloud, &mut receipt).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&receipt)?);
    } else {
        show(&receipt);
    }
    Ok(u8::from(!receipt.left.is_empty() || !receipt.unconfirmed.is_empty()))
}

/// What has a name of the environment's, service by service.
async fn by_name(cloud: &Cloud, receipt: &mut Receipt) -> anyhow::Result<()> {
    let Receipt { looked, left, .. } = receipt;
    looked.push("buckets");
    left.extend(buckets(cloud).await?);
    looked.push("state machines");
    left.extend(machines(cloud).await?);
    looked.push("clusters");
    left.extend(clusters(cloud).await?);
    looked.push("task definitions");
    left.extend(task_definitions(cloud).await?);
    looked.push("image repositories");
    left.extend(empty::repositories(cloud).await?.into_iter().map(|name| format!("ecr {name}")));
    looked.push("databases");
    left.extend(databases(cloud).await?);
    looked.push("workgroups");
    left.extend(workgroups(cloud).await?);
    looked.push("queues");
    left.extend(queues(cloud).await?);
    looked.push("log groups");
    left.extend(log_groups(cloud).await?);
    looked.push("alarms and dashboards");
    left.extend(alarms(cloud).await?);
    Ok(())
}

fn show(receipt: &Receipt) {
    println!("looked for {}", receipt.looked.join(", "));
    for name in &receipt.left {
        println!("  LEFT  {name}");
    }
    for (arn, why) in &receipt.unconfirmed {
        println!("  NOT CONFIRMED  {arn}: {why}");
    }
    let count = |n: usize| human::plural(n as u64, "thing");
    if !receipt.lagging.is_empty() {
        println!(
            "  the index of tags still names {} that their services say are gone; it forgets them \
             within hours",
            count(receipt.lagging.len())
        );
    }
    let environment = &receipt.environment;
    match (receipt.left.len(), receipt.unconfirmed.len()) {
        (0, 0) => println!("nothing of environment {environment} is left"),
        (0, n) => println!("{} of environment {environment} may be left", count(n)),
        (n, _) => println!("{} of environment {environment} left", count(n)),
    }
}

/// What the services themselves say of things that have the environment's tags.
async fn confirmed(cloud: &Cloud, arns: Vec<String>) -> Vec<(String, There)> {
    futures::stream::iter(arns)
        .map(|arn| async move {
            let there = there::look(cloud, &arn).await;
            (arn, there)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn by_tag(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let tag = |key: &str, value: &str| TagFilter::builder().key(key).values(value).build();
    let mut pages = cloud
        .tagging()
        .get_resources()
        .tag_filters(tag("Project", "market-lake"))
        .tag_filters(tag("Environment", &cloud.names.environment))
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("look for resources by their tags"))?;
        let found = page.resource_tag_mapping_list().iter().filter_map(|r| r.resource_arn());
        arns.extend(found.map(ToOwned::to_owned));
    }
    Ok(arns)
}

async fn buckets(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let found = cloud.s3().list_buckets().send().await.map_err(told("list the buckets"))?;
    let wanted = cloud.names.bucket();
    let ours = found.buckets().iter().filter_map(|bucket| bucket.name());
    Ok(ours.filter(|name| *name == wanted).map(|name| format!("s3://{name}")).collect())
}

async fn machines(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut pages = cloud.sfn().list_state_machines().into_paginator().send();
    let mut arns = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("list the state machines"))?;
        let found = page.state_machines().iter().map(StateMachineListItem::state_machine_arn);
        let ours = [cloud.names.machine(), cloud.names.maintenance()];
        arns.extend(found.filter(|arn| ours.iter().any(|our| our == arn)).map(ToOwned::to_owned));
    }
    Ok(arns)
}

async fn clusters(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let name = cloud.names.prefix();
    let found = cloud
        .ecs()
        .describe_clusters()
        .clusters(&name)
        .send()
        .await
        .map_err(told("list the clusters"))?;
    let there = found.clusters().iter().filter(|c| c.status() != Some("INACTIVE"));
    Ok(there.filter_map(|c| c.cluster_arn()).map(ToOwned::to_owned).collect())
}

/// The revisions of the stages' task definitions that are there.
pub(crate) async fn task_definitions(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut pages = cloud.ecs().list_task_definitions().into_paginator().send();
    let prefix = format!(":task-definition/{}-", cloud.names.prefix());
    let mut arns = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("list the task definitions"))?;
        let found = page.task_definition_arns().iter();
        arns.extend(found.filter(|arn| arn.contains(&prefix)).cloned());
    }
    Ok(arns)
}

async fn databases(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for schema in ["bronze", "silver", "gold", "ops"] {
        let name = cloud.names.database(schema);
        match cloud.glue().get_database().name(&name).send().await {
            Ok(_) => names.push(format!("glue {name}")),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(told("look for the databases")(error)),
        }
    }
    Ok(names)
}

async fn workgroups(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut next = None;
    loop {
        let page = cloud
            .athena()
            .list_work_groups()
            .set_next_token(next)
            .send()
            .await
            .map_err(told("list Athena's workgroups"))?;
        let ours = page.work_groups().iter().filter_map(|group| group.name());
        names.extend(
            ours.filter(|name| *name == cloud.names.workgroup()).map(|n| format!("athena {n}")),
        );
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(names);
        }
    }
}

async fn queues(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let found = cloud
        .sqs()
        .list_queues()
        .queue_name_prefix(format!("{}-", cloud.names.prefix()))
        .send()
        .await
        .map_err(told("list the queues"))?;
    Ok(found.queue_urls().to_vec())
}

async fn log_groups(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for prefix in [
        format!("/market-lake/{}/", cloud.names.environment),
        format!("/aws/vendedlogs/states/{}-", cloud.names.prefix()),
    ] {
        let mut pages = cloud
            .logs()
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(told("list the log groups"))?;
            let found = page.log_groups().iter().filter_map(|group| group.log_group_name());
            names.extend(found.map(|name| format!("logs {name}")));
        }
    }
    Ok(names)
}

async fn alarms(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let prefix = format!("{}-", cloud.names.prefix());
    let cloudwatch = cloud.cloudwatch();
    let mut pages = cloudwatch
        .describe_alarms()
        .alarm_name_prefix(&prefix)
        .set_alarm_types(Some(ALARMS.to_vec()))
        .into_paginator()
        .send();
    let mut names: Vec<String> = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("list the alarms"))?;
        let metrics = page.metric_alarms().iter().filter_map(|alarm| alarm.alarm_arn());
        let composites = page.composite_alarms().iter().filter_map(|alarm| alarm.alarm_arn());
        names.extend(metrics.chain(composites).map(ToOwned::to_owned));
    }
    let mut pages = cloudwatch
        .list_dashboards()
        .dashboard_name_prefix(cloud.names.prefix())
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told("list the dashboards"))?;
        // dev is not a prefix of development
        let ours = page.dashboard_entries().iter().filter_map(|board| board.dashboard_name());
        names.extend(
            ours.filter(|name| *name == cloud.names.prefix() || name.starts_with(&prefix))
                .map(|name| format!("dashboard {name}")),
        );
    }
    Ok(names)
}
