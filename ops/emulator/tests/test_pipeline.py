"""A run from its start to its end, as the lake's state machine does it: a Distributed Map over the plan's batches, tasks
by a runner, one batch that fails once, and one that fails for good and is set aside in a queue."""

from __future__ import annotations

import json
import threading
from typing import Any

from tests.checks_account import bucket
from tests.cloud import Cloud, unique

AGAIN = "{% $exit = 3 and $tries < 3 %}"
EXIT_CODE = "{% $number($match($states.errorOutput.Cause, /ExitCode[^0-9]{1,3}([0-9]+)/)[0].groups[0]) %}"


def batch_states(cloud: Cloud, cluster: str, family: str, queue: str) -> dict[str, Any]:
    override = {
        "Name": "bronze",
        "Command": ["--batch", "{% $string($batch) %}"],
        "Environment": [{"Name": "MARKET_LAKE_RUN", "Value": "{% $run %}"}],
    }
    catch = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {
            "tries": "{% $tries + 1 %}",
            "exit": EXIT_CODE,
            "cause": "{% $substring($states.errorOutput.Cause, 0, 4000) %}",
        },
        "Next": "Again?",
    }
    fetch = cloud.run_task_state(
        cluster,
        family,
        arguments={"Overrides": {"ContainerOverrides": [override]}, "Group": "{% $run %}"},
        Catch=[catch],
        Output={},
        Next="Done",
    )
    message = {
        "run": "{% $run %}",
        "batch": "{% $batch %}",
        "stage": "bronze",
        "exit": "{% $exit %}",
        "cause": "{% $cause %}",
        "failed_at": "{% $states.context.State.EnteredTime %}",
    }
    return {
        "Take the batch": {
            "Type": "Pass",
            "Assign": {"run": "{% $states.input.run %}", "batch": "{% $states.input.batch %}", "tries": 0},
            "Output": {},
            "Next": "Fetch batch",
        },
        "Fetch batch": fetch,
        "Again?": {
            "Type": "Choice",
            "Choices": [{"Condition": AGAIN, "Next": "Wait"}],
            "Default": "Set the batch aside",
        },
        "Wait": {"Type": "Wait", "Seconds": "{% $min([1, $tries]) %}", "Next": "Fetch batch"},
        "Set the batch aside": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Arguments": {"QueueUrl": queue, "MessageBody": message},
            "Output": {},
            "Next": "Batch failed",
        },
        "Batch failed": {"Type": "Fail", "Error": "BatchFailed", "Cause": "{% 'batch ' & $batch %}"},
        "Done": {"Type": "Succeed", "Output": "{% $batch %}"},
    }


def pipeline(cloud: Cloud, lake: str, states: dict[str, Any], tolerated: int) -> dict[str, Any]:
    prefix = "{% 'runs/' & $run & '/batches/' %}"
    key = "$states.context.Map.Item.Value.Key"
    return {
        "Name the run": {
            "Type": "Pass",
            "Assign": {
                "run": "{% $exists($states.input.run) ? $states.input.run : "
                "$replace($substring($states.context.Execution.StartTime, 0, 10), '-', '') & "
                "'-' & $substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 8) %}"
            },
            "Next": "Look for batches",
        },
        "Look for batches": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
            "Arguments": {"Bucket": lake, "Prefix": prefix, "MaxKeys": 1},
            "Assign": {"batches": "{% $states.result.KeyCount %}"},
            "Next": "Anything to do?",
        },
        "Anything to do?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $batches > 0 %}", "Next": "Fetch and parse"}],
            "Default": "Nothing to do",
        },
        "Nothing to do": {"Type": "Succeed", "Output": {"run": "{% $run %}", "outcome": "nothing"}},
        "Fetch and parse": {
            "Type": "Map",
            "Label": "batches",
            "MaxConcurrency": 3,
            "ToleratedFailurePercentage": tolerated,
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:listObjectsV2",
                "Arguments": {"Bucket": lake, "Prefix": prefix},
            },
            "ItemSelector": {
                "run": "{% $run %}",
                "batch": "{% $number($substringBefore($substringAfter(" + key + ", '/batches/'), '.json')) %}",
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": next(iter(states)),
                "States": states,
            },
            "Catch": [
                {
                    "ErrorEquals": ["States.ExceedToleratedFailureThreshold"],
                    "Output": {"outcome": "failed", "run": "{% $run %}"},
                    "Next": "Tell",
                }
            ],
            "Output": {"outcome": "done", "run": "{% $run %}"},
            "Next": "Tell",
        },
        "Tell": {"Type": "Succeed"},
    }


class Runner:
    """Batch 1 fails once, batch 2 for good."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, task: dict[str, Any]) -> int:
        assert task["environment"]["MARKET_LAKE_RUN"] == "20260101T000000Z-0a1b2c3d"
        number = task["command"][1]
        with self._lock:
            self.commands.append(number)
            again = self.commands.count(number) > 1
        return {"1": 0 if again else 3, "2": 4}.get(number, 0)


def test_a_run(cloud: Cloud) -> None:
    lake, run = bucket(cloud), "20260101T000000Z-0a1b2c3d"
    queue = cloud.client("sqs").create_queue(QueueName=unique("failed-batches"))["QueueUrl"]
    for number in range(5):
        cloud.client("s3").put_object(Bucket=lake, Key=f"runs/{run}/batches/{number:06}.json.zst", Body=b"{}")
    cluster, family = cloud.define_task()
    runner = Runner()
    cloud.run_tasks(runner)
    states = batch_states(cloud, cluster, family, queue)

    # one of five is within 20 percent
    found = cloud.output(pipeline(cloud, lake, states, tolerated=20), {"run": run}, wait=20)
    assert found == {"run": run, "outcome": "done"}
    assert sorted(runner.commands) == ["0", "1", "1", "2", "3", "4"]
    (message,) = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    body = json.loads(message["Body"])
    assert (body["run"], body["batch"], body["exit"]) == (run, 2, 4)
    assert json.loads(body["cause"])["Containers"][0]["ExitCode"] == 4

    # and beyond 19
    runner.commands.clear()
    found = cloud.output(pipeline(cloud, lake, states, tolerated=19), {"run": run}, wait=20)
    assert found == {"run": run, "outcome": "failed"}

    # a run that nobody names gets a name, and has nothing to do
    found = cloud.output(pipeline(cloud, lake, states, tolerated=0))
    assert found["outcome"] == "nothing"
    assert len(found["run"]) == 17
