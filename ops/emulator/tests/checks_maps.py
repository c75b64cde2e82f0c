"""The proofs for the Distributed Map."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.checks_account import bucket
from tests.cloud import Cloud
from tests.proofs import proves


def distributed(states: dict[str, Any], **more: Any) -> dict[str, Any]:
    configuration = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": configuration, "StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **more}


KEEP: dict[str, Any] = {"Keep": {"Type": "Pass", "End": True}}
# an item {"fail": true} fails
JUDGE: dict[str, Any] = {
    "Judge": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.fail %}", "Next": "Fail"}],
        "Default": "Succeed",
    },
    "Fail": {"Type": "Fail", "Error": "Refused", "Cause": "as asked"},
    "Succeed": {"Type": "Succeed"},
}


@proves("stepfunctions.map_lists_objects")
def map_lists_objects(cloud: Cloud) -> None:
    s3, name = cloud.client("s3"), bucket(cloud)
    for number in range(3):
        s3.put_object(Bucket=name, Key=f"runs/r/batches/{number:06}.json", Body=b"{}")
    # MaxKeys makes pages of what would need a thousand objects
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Arguments": {"Bucket": name, "Prefix": "{% 'runs/' & $states.input.run & '/batches/' %}", "MaxKeys": 2},
    }
    selector = {"key": "{% $states.context.Map.Item.Value.Key %}", "index": "{% $states.context.Map.Item.Index %}"}
    states = {"Map": distributed(KEEP, ItemReader=reader, ItemSelector=selector, MaxConcurrency=2)}
    found = cloud.output(states, {"run": "r"})
    assert found == [{"key": f"runs/r/batches/{n:06}.json", "index": n} for n in range(3)]
    assert cloud.output(states, {"run": "nothing"}) == []
    modified = cloud.output({"Map": distributed(KEEP, ItemReader=reader)}, {"run": "r"})[0]["LastModified"]
    assert isinstance(modified, int)


@proves("stepfunctions.whole_percentages")
def whole_percentages(cloud: Cloud) -> None:
    items = [{"fail": False}]
    assert cloud.output({"Map": distributed(JUDGE, Items=items, ToleratedFailurePercentage=10)})


@proves("stepfunctions.tolerated_failures")
def tolerated_failures(cloud: Cloud) -> None:
    """Items come from a JSON file, as the gold stage's do."""
    s3, name = cloud.client("s3"), bucket(cloud)
    s3.put_object(Bucket=name, Key="dirty.json", Body=json.dumps([{"fail": n == 0} for n in range(4)]).encode())
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Arguments": {"Bucket": name, "Key": "dirty.json"},
    }

    def status(**limits: Any) -> tuple[str, str | None]:
        found = cloud.execute({"Map": distributed(JUDGE, ItemReader=reader, **limits)})
        return found["status"], found.get("error")

    exceeded = ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert status(ToleratedFailurePercentage=25.0) == ("SUCCEEDED", None)
    assert status(ToleratedFailurePercentage="{% 24 %}") == exceeded
    assert status(ToleratedFailureCount=1) == ("SUCCEEDED", None)
    assert status() == exceeded


@proves("stepfunctions.many_items")
def many_items(cloud: Cloud) -> None:
    # jsonata-python raises the limit of the whole process to 10,000; three hundred items prove it as well
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(250)
    try:
        states = {"Map": distributed(KEEP, Items=list(range(300)), MaxConcurrency=1)}
        assert len(cloud.output(states, wait=10)) == 300
    finally:
        sys.setrecursionlimit(before)


@proves("stepfunctions.map_counts")
def map_counts(cloud: Cloud) -> None:
    items = [{"fail": n == 0} for n in range(4)]
    map_state = distributed(JUDGE, Items=items, ToleratedFailurePercentage=50.0)
    execution = cloud.execute({"Map": map_state})["executionArn"]
    client = cloud.client("stepfunctions")
    run = client.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    found = client.describe_map_run(mapRunArn=run)
    for counts in (found["itemCounts"], found["executionCounts"]):
        shown = {key: counts[key] for key in ("total", "succeeded", "failed", "running", "pending")}
        assert shown == {"total": 4, "succeeded": 3, "failed": 1, "running": 0, "pending": 0}


@proves("stepfunctions.map_variables")
def map_variables(cloud: Cloud) -> None:
    children = {
        "Set": {"Type": "Pass", "Assign": {"run": "child"}, "Next": "Get"},
        "Get": {"Type": "Pass", "Output": "{% $states.input.run & ' ' & $run %}", "End": True},
    }
    selector = {"run": "{% $run %}"}
    states = {
        "Set": {"Type": "Pass", "Assign": {"run": "parent"}, "Next": "Map"},
        "Map": distributed(children, Items=[1, 2], ItemSelector=selector),
    }
    assert cloud.output(states) == ["parent child", "parent child"]
