"""Checks: what becomes of tasks that find no place."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

from emulator.patching import Patcher
from emulator.settings import SETTINGS
from tests.cloud import Cloud
from tests.proofs import proves

# the Retry and the choice of the pipeline's tasks (infra/modules/pipeline/states/job.json.tftpl)
RETRY = [{"ErrorEquals": ["AmazonECS.Unknown"], "IntervalSeconds": 1, "MaxDelaySeconds": 2, "MaxAttempts": 5}]
CHOICE = "{% $states.context.State.RetryCount < 2 ? 'FARGATE_SPOT' : 'FARGATE' %}"


@proves("ecs.capacity")
def capacity(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    SETTINGS.without_capacity = 1
    try:
        answer = cloud.client("ecs").run_task(cluster=cluster, taskDefinition=family, launchType="FARGATE")
        assert not answer["tasks"]
        assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time")
        assert SETTINGS.without_capacity == 0
    finally:
        SETTINGS.without_capacity = 0


@proves("stepfunctions.ecs_failures")
def ecs_failures(cloud: Cloud) -> None:
    """Without a place it is tried again, the third time on demand; without a Retry the state fails by the error's name."""
    cluster, family = cloud.define_task()
    cloud.run_tasks(lambda task: 0)
    run = cloud.run_task_state(cluster, family, Retry=RETRY, End=True)
    del run["Arguments"]["LaunchType"]
    run["Arguments"]["CapacityProviderStrategy"] = [{"CapacityProvider": CHOICE, "Weight": 1}]
    SETTINGS.max_backoff = 0.1
    try:
        for refused, provider in [(0, "FARGATE_SPOT"), (1, "FARGATE_SPOT"), (3, "FARGATE")]:
            SETTINGS.without_capacity = refused
            assert cloud.output({"Run": run})["CapacityProviderName"] == provider
        SETTINGS.without_capacity = 6
        found = cloud.execute({"Run": run})
        assert (found["status"], found["error"]) == ("FAILED", "AmazonECS.Unknown")
        assert "Capacity is unavailable at this time" in found["cause"]
        # without a task and without a word why it is another trouble, and no full Fargate
        SETTINGS.without_capacity = 0
        p = Patcher()
        p.set(EC2ContainerServiceResponse, "run_task", lambda self: ActionResult({"tasks": [], "failures": []}))
        try:
            found = cloud.execute({"Run": run})
        finally:
            p.undo()
        assert found["status"] == "FAILED"
        assert found.get("error") != "AmazonECS.Unknown"
    finally:
        SETTINGS.max_backoff, SETTINGS.without_capacity = None, 0
