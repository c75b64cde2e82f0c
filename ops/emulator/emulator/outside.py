"""What comes to an account from outside: its owner keeps secrets in it, and time makes schedules fire.

Schedules fire when they are told to, with the state, the role, the target and the input that they have.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from botocore.config import Config

from emulator import policies

SERVICE = "scheduler.amazonaws.com"
START = "states:StartExecution"


class CannotFire(ValueError):
    """A schedule that would start nothing on AWS either."""


class Outside:
    """Whoever comes to one region of the account at an endpoint."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint, self._region = endpoint, region

    def _client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self._endpoint, region_name=self._region, config=config, **keys)

    def keep(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager, as the owner does before the first run."""
        client = self._client("secretsmanager")
        try:
            client.create_secret(Name=name, SecretString=value)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=name, SecretString=value)

    def fire(self, name: str) -> dict[str, str]:
        """Start what the schedule starts, as EventBridge Scheduler would at its time."""
        scheduler = self._client("scheduler")
        pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=name)
        groups = [each["GroupName"] for page in pages for each in page["Schedules"] if each["Name"] == name]
        if not groups:
            raise CannotFire(f"no schedule {name} in {self._region}")
        schedule = scheduler.get_schedule(Name=name, GroupName=groups[0])
        if schedule["State"] != "ENABLED":
            raise CannotFire(f"schedule {name} is {schedule['State']}")
        target = schedule["Target"]
        self._judge(target["RoleArn"].rsplit("/", 1)[-1], target["Arn"])
        started = self._client("stepfunctions").start_execution(
            stateMachineArn=target["Arn"], name=str(uuid.uuid4()), input=target.get("Input") or "{}"
        )
        return {"execution_arn": started["executionArn"]}

    def _judge(self, role: str, machine: str) -> None:
        """Refuse a role that Scheduler cannot take on, or that may not start the machine."""
        iam = self._client("iam")
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        principals = [statement["Principal"].get("Service", []) for statement in trust["Statement"]]
        if not any(SERVICE in ([each] if isinstance(each, str) else each) for each in principals):
            raise CannotFire(f"role {role} does not trust {SERVICE}")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [json.dumps(iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]) for each in names]
        decision = policies.judge(documents, [], START, machine, {})
        if decision != policies.ALLOWED:
            raise CannotFire(f"role {role} may not {START} {machine}: {decision}")
