"""The emulated account as a test sees it: clients, state machines that are run to their end, and a runner for tasks."""

from __future__ import annotations

import functools
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::123456789012:role/test"
# what a fake task does: its exit code, or None for a container that was taken away
Behaviour = Callable[[dict[str, Any]], int | None]


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Cloud:
    """Everything at one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._stopping = threading.Event()
        self._runner: threading.Thread | None = None

    @functools.cache  # noqa: B019  a handful of clients for one test
    def client(self, service: str) -> Any:
        """A client that does not retry: an error of the emulator is one."""
        config = Config(
            retries={"total_max_attempts": 1}, read_timeout=20, s3={"addressing_style": "path"}, inject_host_prefix=False
        )
        return boto3.client(service, endpoint_url=self.endpoint, config=config)

    def close(self) -> None:
        self._stopping.set()
        if self._runner:
            self._runner.join(10)

    # --- the emulator's own endpoints

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.endpoint}/_emulator/{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(f"{self.endpoint}/_emulator/{path}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def claim(self, at_work: Sequence[str] = (), wait: float = 1) -> list[dict[str, Any]]:
        """New tasks, as a runner asks for them that has those at work."""
        found: list[dict[str, Any]] = self.post("claim", {"at_work": list(at_work), "wait": wait})
        return found

    def post_fails(self, path: str, body: Any) -> tuple[int, str]:
        try:
            self.post(path, body)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["error"]
        raise AssertionError(f"{path} answered")

    # --- tasks

    @functools.cache  # noqa: B019
    def network(self) -> dict[str, Any]:
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName=unique("g"), Description="g", VpcId=vpc)["GroupId"]
        return {"subnets": [subnet], "securityGroups": [group]}

    def define_task(self, stage: str = "bronze", **container: Any) -> tuple[str, str]:
        """A cluster and a task definition: (cluster, family)."""
        ecs, family, cluster = self.client("ecs"), unique(f"market-lake-test-{stage}"), unique("cluster")
        group = f"/market-lake/test/{family}"
        self.client("logs").create_log_group(logGroupName=group)
        ecs.create_cluster(clusterName=cluster)
        options = {"awslogs-group": group, "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "task"}
        definition = {
            "name": stage,
            "image": f"registry/{stage}@sha256:00",
            "environment": [{"name": "MARKET_LAKE_URI", "value": "s3://lake"}, {"name": "A", "value": "definition"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            **container,
        }
        ecs.register_task_definition(
            family=family,
            containerDefinitions=[definition],
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="1024",
            memory="2048",
        )
        return cluster, family

    def run_task(self, cluster: str, family: str, **kwargs: Any) -> str:
        answer = self.client("ecs").run_task(
            cluster=cluster,
            taskDefinition=family,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": self.network()},
            **kwargs,
        )
        arn: str = answer["tasks"][0]["taskArn"]
        return arn

    def run_tasks(self, behaviour: Behaviour) -> None:
        """Answer every task from now on, as a runner would."""

        def loop() -> None:
            while not self._stopping.is_set():
                for task in self.claim(wait=0.2):
                    code = behaviour(task)
                    self.post(f"tasks/{task['task_arn']}", {"exit_code": code, "reason": ""})

        self._runner = threading.Thread(target=loop, daemon=True)
        self._runner.start()

    def run_task_state(self, cluster: str, family: str, **more: Any) -> dict[str, Any]:
        """A state that runs a task and waits for its end."""
        network = self.network()
        arguments = {
            "Cluster": cluster,
            "TaskDefinition": family,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {"Subnets": network["subnets"], "SecurityGroups": network["securityGroups"]}
            },
            **more.pop("arguments", {}),
        }
        resource = "arn:aws:states:::ecs:runTask.sync"
        return {"Type": "Task", "Resource": resource, "Arguments": arguments, "TimeoutSeconds": 30, **more}

    # --- state machines

    def create(self, states: dict[str, Any], **more: Any) -> str:
        """A state machine in JSONata that starts with the first of these states."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **more}
        machine: str = self.client("stepfunctions").create_state_machine(
            name=unique("m"), definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        return machine

    def execute(self, states: dict[str, Any], given: Any = None, wait: float = 8.0, **more: Any) -> dict[str, Any]:
        """Run these states to their end and describe the execution; one that does not end is stopped."""
        return self.wait(self.start(self.create(states, **more), given), wait)

    def start(self, machine: str, given: Any = None, **more: Any) -> str:
        execution: str = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(given or {}), **more
        )["executionArn"]
        return execution

    def wait(self, execution: str, wait: float = 8.0) -> dict[str, Any]:
        client, deadline = self.client("stepfunctions"), time.monotonic() + wait
        while time.monotonic() < deadline:
            found: dict[str, Any] = client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.05)
        client.stop_execution(executionArn=execution)
        raise AssertionError(f"{execution} did not end within {wait} s")

    def output(self, states: dict[str, Any], given: Any = None, **more: Any) -> Any:
        """The output of an execution that must succeed."""
        found = self.execute(states, given, **more)
        assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
        return json.loads(found["output"])
