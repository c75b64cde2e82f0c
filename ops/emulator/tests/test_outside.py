"""Secrets that are kept from outside, and schedules that are told to fire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import Cloud, unique

REGION = {"region": "eu-west-1"}


def scheduled(cloud: Cloud, service: str = "scheduler.amazonaws.com", may: str = "*", state: str = "ENABLED") -> str:
    """A schedule that starts a state machine with an input, by a role of its own."""
    iam, name = cloud.client("iam"), unique("schedule")
    version = {"Version": "2012-10-17"}
    trust = version | {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = version | {"Statement": [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": may}]}
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=json.dumps(policy))
    machine = cloud.create({"Done": {"Type": "Succeed"}})
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="cron(0 6 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State=state,
        Target={"Arn": machine, "RoleArn": role, "Input": json.dumps({"sources": ["twelvedata"]})},
    )
    return name


def test_a_schedule_fires_with_its_input(cloud: Cloud) -> None:
    execution = cloud.post(f"schedules/{scheduled(cloud)}", REGION)["execution_arn"]
    done: Any = cloud.wait(execution)
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["input"]) == {"sources": ["twelvedata"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"state": "DISABLED"}, "is DISABLED"),
        ({"service": "states.amazonaws.com"}, "does not trust scheduler.amazonaws.com"),
        ({"may": "arn:aws:states:eu-west-1:123456789012:stateMachine:other"}, "implicitDeny"),
    ],
)
def test_one_that_would_start_nothing_is_refused(cloud: Cloud, given: dict[str, str], expected: str) -> None:
    code, error = cloud.post_fails(f"schedules/{scheduled(cloud, **given)}", REGION)
    assert (code, expected in error) == (409, True), error


def test_one_that_is_not_there_is_named(cloud: Cloud) -> None:
    assert cloud.post_fails("schedules/no-such", REGION) == (409, "no schedule no-such in eu-west-1")


def test_a_secret_is_kept_and_replaced(cloud: Cloud) -> None:
    name = unique("market-lake/test/key")
    for value in ["first", "second"]:
        cloud.post(f"secrets/{name}", {**REGION, "value": value})
        assert cloud.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == value
