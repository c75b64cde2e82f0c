"""The proofs for Step Functions: executions, tasks, JSONata."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from emulator.settings import SETTINGS
from tests.checks_account import bucket
from tests.cloud import Cloud, unique
from tests.proofs import proves

PASS: dict[str, Any] = {"Pass": {"Type": "Pass", "End": True}}


def sdk(service: str, action: str, **arguments: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::aws-sdk:{service}:{action}"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}


@proves("stepfunctions.execute")
def execute(cloud: Cloud) -> None:
    assert cloud.execute(PASS, {"a": 1}, wait=5)["output"] == '{"a": 1}'


@proves("stepfunctions.validate_definition")
def validate_definition(cloud: Cloud) -> None:
    validate = cloud.client("stepfunctions").validate_state_machine_definition
    assert validate(definition=json.dumps({"StartAt": "Pass", "States": PASS}))["result"] == "OK"
    wrong = validate(definition=json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Nonsense"}}}))
    assert wrong["result"] == "FAIL"
    assert wrong["diagnostics"]


@proves("stepfunctions.test_state")
def test_one_state(cloud: Cloud) -> None:
    def evaluate(expression: str) -> dict[str, Any]:
        state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"value": expression}, "End": True}
        found: dict[str, Any] = cloud.client("stepfunctions").test_state(
            definition=json.dumps(state), input='{"more": 1}', variables='{"some": {"n": 2}}'
        )
        return found

    good = evaluate("{% $some.n + $states.input.more %}")
    assert (good["status"], json.loads(good["output"])) == ("SUCCEEDED", {"value": 3})
    assert json.loads(evaluate("{% $append([], []) %}")["output"]) == {"value": []}
    bad = evaluate("{% $number('x') %}")
    assert (bad["status"], bad["error"]) == ("FAILED", "States.QueryEvaluationError")
    with pytest.raises(ClientError, match="InvalidDefinition"):
        cloud.client("stepfunctions").test_state(definition='{"Type": "Nonsense"}')


@proves("stepfunctions.list_versions")
def list_versions(cloud: Cloud) -> None:
    machine = cloud.create(PASS)
    answer = cloud.client("stepfunctions").list_state_machine_versions(stateMachineArn=machine)
    assert answer["stateMachineVersions"] == []


@proves("stepfunctions.execution_names")
def execution_names(cloud: Cloud) -> None:
    machine = cloud.create(PASS)
    first, second = cloud.start(machine, {"a": 1}), cloud.start(machine, {"a": 2})
    assert first != second
    assert not first.endswith("None")


@proves("stepfunctions.output_times")
def output_times(cloud: Cloud) -> None:
    name = bucket(cloud)
    cloud.client("s3").put_object(Bucket=name, Key="a")
    found = cloud.output({"List": sdk("s3", "listObjectsV2", Bucket=name)})
    assert isinstance(found["Contents"][0]["LastModified"], str)


@proves("stepfunctions.environment_first")
def environment_first(cloud: Cloud) -> None:
    parse = ExecutionWorker._get_evaluation_entrypoint

    def slowly(self: ExecutionWorker) -> Any:
        time.sleep(0.3)
        return parse(self)

    ExecutionWorker._get_evaluation_entrypoint = slowly
    try:
        execution = cloud.start(cloud.create(PASS))
        assert cloud.client("stepfunctions").list_map_runs(executionArn=execution)["mapRuns"] == []
        assert cloud.wait(execution, 5)["status"] == "SUCCEEDED"
    finally:
        ExecutionWorker._get_evaluation_entrypoint = parse


@proves("stepfunctions.context_times")
def context_times(cloud: Cloud) -> None:
    output = {
        "start": "{% $states.context.Execution.StartTime %}",
        "entered": "{% $states.context.State.EnteredTime %}",
    }
    found = cloud.output({"Pass": {"Type": "Pass", "Output": output, "End": True}})
    for each in found.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each)


@proves("stepfunctions.timed_out_stop_date")
def timed_out_stop_date(cloud: Cloud) -> None:
    machine = cloud.create({"Wait": {"Type": "Wait", "Seconds": 4, "End": True}}, TimeoutSeconds=1)
    found = cloud.wait(cloud.start(machine))
    assert found["status"] == "TIMED_OUT"
    assert found["stopDate"]
    listed = cloud.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="TIMED_OUT")
    assert listed["executions"][0]["stopDate"]


@proves("stepfunctions.history_order")
def history_order(cloud: Cloud) -> None:
    execution = cloud.execute(PASS)["executionArn"]
    history = cloud.client("stepfunctions").get_execution_history
    last = history(executionArn=execution, reverseOrder=True, maxResults=1)
    assert [each["type"] for each in last["events"]] == ["ExecutionSucceeded"]
    following = history(executionArn=execution, reverseOrder=True, maxResults=1, nextToken=last["nextToken"])
    assert [each["type"] for each in following["events"]] == ["PassStateExited"]


@proves("stepfunctions.client_cache")
def client_cache(cloud: Cloud) -> None:
    assert boto_client_for("eu-west-1", "sqs") is boto_client_for("eu-west-1", "sqs")
    assert boto_client_for("eu-west-1", "sqs") is not boto_client_for("eu-west-2", "sqs")


@proves("stepfunctions.backoff_limit")
def backoff_limit(cloud: Cloud) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 1}]
    state = {**sdk("sqs", "sendMessage", QueueUrl="http://nowhere/", MessageBody="a"), "Retry": retry}
    SETTINGS.max_backoff = 0.1
    try:
        assert cloud.execute({"Send": state}, wait=2)["status"] == "FAILED"
        assert cloud.execute({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}, wait=3)["status"] == "SUCCEEDED"
    finally:
        SETTINGS.max_backoff = None


@proves("stepfunctions.argument_names")
def argument_names(cloud: Cloud) -> None:
    s3, sqs, name = cloud.client("s3"), cloud.client("sqs"), bucket(cloud)
    url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    topic = cloud.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    s3.put_object(Bucket=name, Key="plan.json", Body=b'{"items": [1, 2]}')
    read = {**sdk("s3", "getObject", Bucket=name, Key="plan.json"), "Next": "Send"}
    read["Output"] = "{% $parse($states.result.Body) %}"
    del read["End"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": url, "MessageBody": {"items": "{% $states.input.items %}"}},
        "Output": "{% {'id': $states.result.MessageId} %}",
        "Next": "Publish",
    }
    publish = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Arguments": {"TopicArn": topic, "Subject": "done", "Message": "{% $string($states.input) %}"},
        "End": True,
    }
    assert "MessageId" in cloud.output({"Read": read, "Send": send, "Publish": publish})
    messages = [sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] for _ in range(2)]
    assert json.loads(messages[0]) == {"items": [1, 2]}
    assert json.loads(messages[1])["Subject"] == "done"


@proves("stepfunctions.retry_token")
def retry_token(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    codes = iter([1, 0])
    cloud.run_tasks(lambda task: next(codes))
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    found = cloud.output({"Run": cloud.run_task_state(cluster, family, Retry=retry, End=True)})
    assert found["Containers"][0]["ExitCode"] == 0


@proves("stepfunctions.states_errors_in_map")
def states_errors_in_map(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    cloud.run_tasks(lambda task: 4)
    run = cloud.run_task_state(cluster, family, End=True)
    states = {
        "Map": {
            "Type": "Map",
            "Items": [1],
            "ItemProcessor": {"StartAt": "Run", "States": {"Run": run}},
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "Output": {"caught": True}, "End": True},
    }
    assert cloud.output(states) == {"caught": True}


@proves("stepfunctions.ecs_arguments")
def ecs_arguments(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    cloud.run_tasks(lambda task: 0)
    run = cloud.run_task_state(cluster, family, End=True)
    del run["Arguments"]["LaunchType"]
    run["Arguments"]["CapacityProviderStrategy"] = [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
    run["Arguments"]["Tags"] = [{"Key": "Run", "Value": "r"}]
    assert cloud.output({"Run": run})["CapacityProviderName"] == "FARGATE_SPOT"


@proves("stepfunctions.ecs_sync")
def ecs_sync(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    cloud.run_tasks(lambda task: 4)
    found = cloud.execute({"Run": cloud.run_task_state(cluster, family, End=True)})
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    task = json.loads(found["cause"])
    assert task["Containers"][0]["ExitCode"] == 4
    assert (task["LastStatus"], task["StopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["StoppedReason"] == "Essential container in task exited"
    assert isinstance(task["StoppedAt"], int)


@proves("stepfunctions.athena_sync")
def athena_sync(cloud: Cloud) -> None:
    """The statement itself fails where there is no engine, and the state with it."""
    arguments = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://lake/"}}
    resource = "arn:aws:states:::athena:startQueryExecution.sync"
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
    found = cloud.execute({"Query": state})
    assert found["status"] == "FAILED"
    assert "install --trino" in found["cause"]


@proves("jsonata.engine")
def jsonata_engine(cloud: Cloud) -> None:
    """With what expressions of the pipeline use: the input, the context, null, choices, variables."""
    states = {
        "Set": {
            "Type": "Pass",
            "Assign": {"run": "{% $states.input.run ? $states.input.run : $states.context.Execution.Name %}"},
            "Next": "Any?",
        },
        "Any?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $count($states.input.symbols) > 1 %}", "Next": "Many"}],
            "Default": "Few",
        },
        "Many": {
            "Type": "Pass",
            "Output": {
                "run": "{% $run %}",
                "start": "{% $states.context.Execution.StartTime %}",
                "command": "{% $append(['plan'], $reduce($map($states.input.symbols, "
                "function($s) { ['--symbol', $s] }), $append)) %}",
                "null": "{% null %}",
                "missing": "{% $exists($states.input.missing) %}",
                "null_is_there": "{% $exists($states.input.none) %}",
            },
            "End": True,
        },
        "Few": {"Type": "Fail"},
    }
    found = cloud.output(states, {"run": "r1", "symbols": ["A", "B"], "none": None})
    start = found.pop("start")
    assert time.strptime(start[:19], "%Y-%m-%dT%H:%M:%S")
    assert found == {
        "run": "r1",
        "command": ["plan", "--symbol", "A", "--symbol", "B"],
        "null": None,
        "missing": False,
        "null_is_there": True,
    }


@proves("jsonata.values")
def jsonata_values(cloud: Cloud) -> None:
    text = 'a "quoted" cause,\nwith {"json": "\\u00e9 \\\\"} and $variables'
    states = {
        "Set": {"Type": "Pass", "Assign": {"cause": "{% $states.input.text %}"}, "Next": "Get"},
        "Get": {"Type": "Pass", "Output": {"cause": "{% $cause %}"}, "End": True},
    }
    assert cloud.output(states, {"text": text}) == {"cause": text}


@proves("jsonata.functions")
def jsonata_functions(cloud: Cloud) -> None:
    output = {
        "hash": "{% $substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 8) %}",
        "uuid": "{% $length($uuid()) %}",
        "parsed": "{% $parse($states.input.text).Containers[0].ExitCode %}",
        "partition": "{% $partition([1, 2, 3], 2) %}",
        "range": "{% $range(0, 10, 5) %}",
        "seeded": "{% $random(7) = $random(7) %}",
    }
    given = {"text": json.dumps({"Containers": [{"ExitCode": 4}]})}
    found = cloud.output({"Pass": {"Type": "Pass", "Output": output, "End": True}}, given)
    assert len(found.pop("hash")) == 8
    wanted = {"uuid": 36, "parsed": 4, "partition": [[1, 2], [3]], "range": [0, 5, 10], "seeded": True}
    assert found == wanted


@proves("jsonata.errors")
def jsonata_errors(cloud: Cloud) -> None:
    found = cloud.execute({"Pass": {"Type": "Pass", "Output": "{% $parse('no json') %}", "End": True}})
    assert found["error"] == "States.QueryEvaluationError"
    assert "$parse('no json')" in found["cause"]
