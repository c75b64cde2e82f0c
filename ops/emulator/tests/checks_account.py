"""The proofs for everything but Step Functions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from moto.iam.models import IAMBackend

from emulator.patching import Patcher
from tests.cloud import Cloud, unique
from tests.proofs import proves


def bucket(cloud: Cloud) -> str:
    name = unique("bucket")
    configuration = {"LocationConstraint": "eu-west-1"}
    cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    return name


@proves("s3.policy_conditions")
def policy_conditions(cloud: Cloud) -> None:
    s3, name = cloud.client("s3"), bucket(cloud)
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    conditions: list[dict[str, Any]] = [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "1"}},
    ]
    statements = [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": condition}
        for condition in conditions
    ]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"a"


@proves("s3.eventbridge_notification")
def eventbridge_notification(cloud: Cloud) -> None:
    s3, name = cloud.client("s3"), bucket(cloud)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=name)["EventBridgeConfiguration"] == {}


@proves("sqs.redrive_policy_text")
def redrive_policy_text(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    dead = sqs.create_queue(QueueName=unique("dead"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sent = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}, separators=(",", ":"))
    url = sqs.create_queue(QueueName=unique("queue"), Attributes={"RedrivePolicy": sent})["QueueUrl"]
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"]
    assert got == sent


@proves("core.unknown_calls")
def unknown_calls(cloud: Cloud) -> None:
    # one service for each of the protocols in which refusals are written
    with pytest.raises(ClientError, match="UnknownOperationException"):
        cloud.client("iam").simulate_principal_policy(PolicySourceArn="arn:aws:iam::123456789012:role/x", ActionNames=["a:B"])
    with pytest.raises(ClientError, match="UnknownOperationException"):
        cloud.client("service-quotas").get_aws_default_service_quota(ServiceCode="fargate", QuotaCode="L-3032A538")

    # one that is there and meets what it cannot do is no unknown one
    def unable(*_: Any, **__: Any) -> None:
        raise NotImplementedError("a filter that is not there")

    p = Patcher()
    p.set(IAMBackend, "list_users", unable)
    try:
        with pytest.raises(ResponseParserError, match="Internal Server Error"):
            cloud.client("iam").list_users()
    finally:
        p.undo()


@proves("iam.simulate_custom_policy")
def simulate_custom_policy(cloud: Cloud) -> None:
    def decisions(resource: str, prefix: str | None = None, **more: Any) -> list[str]:
        context = [{"ContextKeyName": "s3:prefix", "ContextKeyType": "string", "ContextKeyValues": [prefix]}] if prefix else []
        answer = cloud.client("iam").simulate_custom_policy(
            PolicyInputList=[json.dumps(policy)],
            ActionNames=["s3:GetObject", "s3:ListBucket"],
            ResourceArns=[resource],
            ContextEntries=context,
            **more,
        )
        return [each["EvalDecision"] for each in answer["EvaluationResults"]]

    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::lake/runs/*/plan.json"]},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/runs/secret/*"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::lake",
                "Condition": {"StringLikeIfExists": {"s3:prefix": ["runs/*"]}},
            },
        ],
    }
    assert decisions("arn:aws:s3:::lake/runs/x/plan.json") == ["allowed", "implicitDeny"]
    assert decisions("arn:aws:s3:::lake/runs/secret/plan.json") == ["explicitDeny", "explicitDeny"]
    assert decisions("arn:aws:s3:::lake", "runs/x") == ["implicitDeny", "allowed"]
    assert decisions("arn:aws:s3:::lake", "silver/x") == ["implicitDeny", "implicitDeny"]
    assert decisions("arn:aws:s3:::lake") == ["implicitDeny", "allowed"]
    boundary = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}})
    within = decisions("arn:aws:s3:::lake/runs/x/plan.json", PermissionsBoundaryPolicyInputList=[boundary])
    assert within == ["implicitDeny", "implicitDeny"]
    policy["Statement"] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"IpAddress": {"a": "b"}}}
    with pytest.raises(ClientError, match="IpAddress"):
        decisions("arn:aws:s3:::lake/x")


def budget(cloud: Cloud, **more: Any) -> str:
    name = unique("budget")
    details = {
        "BudgetName": name,
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "10", "Unit": "USD"},
    }
    cloud.client("budgets").create_budget(AccountId="123456789012", Budget=details, **more)
    return name


@proves("budgets.tags")
def budget_tags(cloud: Cloud) -> None:
    budgets = cloud.client("budgets")
    name = budget(cloud, ResourceTags=[{"Key": "Project", "Value": "market-lake"}])
    arn = f"arn:aws:budgets::123456789012:budget/{name}"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "Owner", "Value": "me"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["Project"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "Owner", "Value": "me"}]


@proves("budgets.subscribers")
def budget_subscribers(cloud: Cloud) -> None:
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "a@example.com"}]
    alarm = {"Notification": notification, "Subscribers": subscribers}
    name = budget(cloud, NotificationsWithSubscribers=[alarm])
    answer = cloud.client("budgets").describe_subscribers_for_notification(
        AccountId="123456789012", BudgetName=name, Notification=notification
    )
    assert answer["Subscribers"] == subscribers


@proves("ce.anomaly_monitors")
def anomaly_monitors(cloud: Cloud) -> None:
    ce = cloud.client("ce")
    monitor = {"MonitorName": "lake", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    arn = ce.create_anomaly_monitor(AnomalyMonitor=monitor)["MonitorArn"]
    assert ce.get_anomaly_monitors(MonitorArnList=[arn])["AnomalyMonitors"][0]["MonitorName"] == "lake"
    ce.delete_anomaly_monitor(MonitorArn=arn)
    assert ce.get_anomaly_monitors(MonitorArnList=[arn])["AnomalyMonitors"] == []


@proves("cloudwatch.composite_alarms")
def composite_alarms(cloud: Cloud) -> None:
    cloudwatch, name = cloud.client("cloudwatch"), unique("alarm")
    cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="ALARM(other)")
    answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    assert [each["AlarmName"] for each in answer["CompositeAlarms"]] == [name]


@proves("ecs.task_lifecycle")
def task_lifecycle(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    arn = cloud.run_task(cluster, family)

    def task() -> dict[str, Any]:
        found: dict[str, Any] = cloud.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
        return found

    assert {task()["lastStatus"] for _ in range(20)} == {"PROVISIONING"}
    assert [each["task_arn"] for each in cloud.claim() if each["task_arn"] == arn] == [arn]
    assert {task()["lastStatus"] for _ in range(20)} == {"RUNNING"}
    cloud.post(f"tasks/{arn}", {"exit_code": 3, "reason": ""})
    assert task()["lastStatus"] == "STOPPED"
    assert task()["containers"][0]["exitCode"] == 3


@proves("ecs.task_level_memory")
def task_level_memory(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    cloud.client("ecs").stop_task(cluster=cluster, task=cloud.run_task(cluster, family))
    definition = cloud.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    # else Terraform would find a drift after the first run
    assert "memory" not in definition["containerDefinitions"][0]


@proves("ecs.no_host_names")
def no_host_names(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    cloud.client("ecs").stop_task(cluster=cluster, task=cloud.run_task(cluster, family))


def tagged(cloud: Cloud, value: str) -> list[str]:
    answer = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "Test", "Values": [value]}])
    return [each["ResourceARN"] for each in answer["ResourceTagMappingList"]]


@proves("ecs.what_is_gone")
def what_is_gone(cloud: Cloud) -> None:
    ecs, name = cloud.client("ecs"), unique("cluster")
    arn = ecs.create_cluster(clusterName=name, tags=[{"key": "Test", "value": name}])["cluster"]["clusterArn"]
    assert arn in ecs.list_clusters()["clusterArns"]
    assert tagged(cloud, name) == [arn]
    _, family = cloud.define_task()
    task = cloud.run_task(name, family, tags=[{"key": "Test", "value": name}])
    assert tagged(cloud, name) == [arn, task]
    ecs.stop_task(cluster=name, task=task)
    ecs.delete_cluster(cluster=name)
    assert arn not in ecs.list_clusters()["clusterArns"]
    assert tagged(cloud, name) == []


@proves("glue.tags_of_deleted_databases")
def tags_of_deleted_databases(cloud: Cloud) -> None:
    glue, name = cloud.client("glue"), unique("database")
    glue.create_database(DatabaseInput={"Name": name}, Tags={"Test": name})
    assert len(tagged(cloud, name)) == 1
    glue.delete_database(Name=name)
    assert tagged(cloud, name) == []


@proves("glue.data_quality_rulesets")
def data_quality_rulesets(cloud: Cloud) -> None:
    glue, name = cloud.client("glue"), unique("rules")
    glue.create_data_quality_ruleset(Name=name, Ruleset='Rules = [ IsComplete "a" ]', Tags={"a": "b"})
    glue.update_data_quality_ruleset(Name=name, Ruleset='Rules = [ IsComplete "b" ]')
    assert glue.get_data_quality_ruleset(Name=name)["Ruleset"] == 'Rules = [ IsComplete "b" ]'
    glue.delete_data_quality_ruleset(Name=name)
    with pytest.raises(ClientError, match="EntityNotFound"):
        glue.get_data_quality_ruleset(Name=name)


@proves("logs.embedded_metrics")
def embedded_metrics(cloud: Cloud) -> None:
    logs, namespace, now = cloud.client("logs"), unique("MarketLake"), int(time.time() * 1000)
    group = unique("/group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    metrics = [{"Name": "Rows", "Unit": "Count"}, {"Name": "NotThere"}]
    head = {
        "Timestamp": now,
        "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [["Stage"], []], "Metrics": metrics}],
    }
    lines = [json.dumps({"_aws": head, "Stage": "silver", "Rows": rows}) for rows in (5, [1, 2])]
    lines += ["plain text", '{"_aws": "broken"}']
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now, "message": each} for each in lines])
    start, end, dimensions = time.time() - 300, time.time() + 300, [{"Name": "Stage", "Value": "silver"}]
    cloudwatch = cloud.client("cloudwatch")
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName="Rows",
        Dimensions=dimensions,
        StartTime=start,
        EndTime=end,
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    assert [(each["Sum"], each["SampleCount"], each["Unit"]) for each in points] == [(8.0, 3.0, "Count")]
    metric = {"Namespace": namespace, "MetricName": "Rows", "Dimensions": dimensions}
    query = {"Id": "rows", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end)
    assert sum(answer["MetricDataResults"][0]["Values"]) == 8.0
    listed = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert {len(each["Dimensions"]) for each in listed} == {0, 1}


@proves("logs.query_definitions")
def query_definitions(cloud: Cloud) -> None:
    logs, name = cloud.client("logs"), unique("query")
    key = logs.put_query_definition(name=name, queryString="fields @message")["queryDefinitionId"]
    found = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    assert [each["queryString"] for each in found] == ["fields @message"]
    assert logs.delete_query_definition(queryDefinitionId=key)["success"]
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"] == []


@proves("athena.tags")
def athena_tags(cloud: Cloud) -> None:
    name = unique("group")
    cloud.client("athena").create_work_group(Name=name, Configuration={})
    arn = f"arn:aws:athena:eu-west-1:123456789012:datacatalog/{name}"
    assert cloud.client("athena").list_tags_for_resource(ResourceARN=arn)["Tags"] == []


@proves("athena.deletes")
def athena_deletes(cloud: Cloud) -> None:
    athena, name = cloud.client("athena"), unique("query")
    key = athena.create_named_query(Name=name, Database="d", QueryString="SELECT 1")["NamedQueryId"]
    athena.create_data_catalog(Name=name, Type="GLUE", Parameters={"catalog-id": "123456789012"})
    athena.create_prepared_statement(StatementName="s", WorkGroup="primary", QueryStatement="SELECT 1")
    athena.delete_named_query(NamedQueryId=key)
    athena.delete_data_catalog(Name=name)
    athena.delete_prepared_statement(StatementName="s", WorkGroup="primary")
    assert key not in athena.list_named_queries()["NamedQueryIds"]
    assert name not in [each["CatalogName"] for each in athena.list_data_catalogs()["DataCatalogsSummary"]]


@proves("athena.workgroup_updates")
def workgroup_updates(cloud: Cloud) -> None:
    athena, name = cloud.client("athena"), unique("group")
    location = {"OutputLocation": "s3://lake/results/"}
    configuration = {"ResultConfiguration": location, "BytesScannedCutoffPerQuery": 10_000_000}
    athena.create_work_group(Name=name, Configuration=configuration)
    updates = {
        "BytesScannedCutoffPerQuery": 20_000_000,
        "ResultConfigurationUpdates": {"OutputLocation": "s3://lake/other/"},
    }
    athena.update_work_group(WorkGroup=name, Description="new", ConfigurationUpdates=updates)
    found = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    assert found["Description"] == "new"
    assert found["Configuration"]["BytesScannedCutoffPerQuery"] == 20_000_000
    assert found["Configuration"]["ResultConfiguration"]["OutputLocation"] == "s3://lake/other/"


@proves("athena.statements")
def athena_statements(cloud: Cloud) -> None:
    """Where there is no engine, the call says so; with one, tests/test_athena.py proves the rest."""
    with pytest.raises(ClientError, match=r"not installed: run `python3 -m emulator install --trino`"):
        cloud.client("athena").start_query_execution(
            QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://lake/results/"}
        )


@proves("iam.boundaries")
def role_boundaries(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), unique("boundary")
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = f"arn:aws:iam::123456789012:policy/{name}"
    role = {"RoleName": unique("role"), "AssumeRolePolicyDocument": document, "PermissionsBoundary": arn}
    with pytest.raises(ClientError, match=r"NoSuchEntity.*not attachable"):
        iam.create_role(**role)
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    iam.create_policy(PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    made = iam.create_role(**role)["Role"]
    assert iam.get_role(RoleName=made["RoleName"])["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn


@proves("ecs.service_linked_role")
def ecs_own_role(cloud: Cloud) -> None:
    iam, path = cloud.client("iam"), "/aws-service-role/ecs.amazonaws.com/"
    # of the clusters of other tests
    for role in iam.list_roles(PathPrefix=path)["Roles"]:
        iam.delete_service_linked_role(RoleName=role["RoleName"])
    cloud.client("ecs").create_cluster(clusterName=unique("cluster"))
    before = iam.list_roles(PathPrefix=path)["Roles"]
    assert len(before) == 1
    with pytest.raises(ClientError):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    cloud.client("ecs").create_cluster(clusterName=unique("cluster"))
    assert iam.list_roles(PathPrefix=path)["Roles"] == before
