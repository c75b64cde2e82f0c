"""Policies are judged as IAM judges them, and what is not known is no yes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.policies import ALLOWED, DENIED, NOT_ALLOWED, UnknownPolicyError, judge

TASK = "arn:aws:ecs:eu-west-1:1:task-definition/lake-gold:7"


def decide(*statements: dict[str, Any], boundary: list[dict[str, Any]] | None = None, **context: str) -> str:
    policies = [json.dumps({"Statement": list(statements)})]
    bounds = [json.dumps({"Statement": boundary})] if boundary else []
    keys = {name.replace("_", ":"): [value] for name, value in context.items()}
    return judge(policies, bounds, "ecs:RunTask", TASK, keys)


def allow(condition: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": TASK.replace(":7", ":*"), **more}
    return {**statement, "Condition": condition} if condition else statement


def test_conditions() -> None:
    on = {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:eu-west-1:1:cluster/lake"}}
    assert decide(allow(on), ecs_cluster="arn:aws:ecs:eu-west-1:1:cluster/lake") == ALLOWED
    assert decide(allow(on), ecs_cluster="arn:aws:ecs:eu-west-1:1:cluster/lake-2") == NOT_ALLOWED
    # what is not sent equals nothing, unless the operator says so
    assert decide(allow(on)) == NOT_ALLOWED
    assert decide(allow({"ArnEqualsIfExists": on["ArnEquals"]})) == ALLOWED
    other = {"StringNotEquals": {"aws:x": ["a", "b"]}}
    assert [decide(allow(other), aws_x=x) for x in ("a", "c")] == [NOT_ALLOWED, ALLOWED]
    assert decide(allow(other)) == ALLOWED
    # all of several conditions must hold
    assert decide(allow({**on, **other}), ecs_cluster="arn:aws:ecs:eu-west-1:1:cluster/lake", aws_x="a") == NOT_ALLOWED


def test_statements() -> None:
    assert decide(allow(Action="ECS:run*")) == ALLOWED
    assert decide(allow(Resource="arn:aws:ecs:eu-west-1:1:task-definition/lake:7")) == NOT_ALLOWED
    assert decide(allow(), allow(Effect="Deny")) == DENIED
    assert decide(allow(), boundary=[allow(Action="s3:*")]) == NOT_ALLOWED
    assert decide(allow(), boundary=[allow(), allow(Effect="Deny")]) == DENIED


def test_what_is_not_known_is_an_error() -> None:
    with pytest.raises(UnknownPolicyError, match="NumericLessThan"):
        decide(allow({"NumericLessThan": {"a": "1"}}))
    with pytest.raises(UnknownPolicyError, match="NotAction"):
        decide(allow(NotAction="s3:*"))
