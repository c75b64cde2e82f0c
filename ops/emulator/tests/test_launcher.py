"""The endpoints for the runner: tasks, their ends, their logs."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.launcher import LAUNCHER
from tests.cloud import Cloud, unique


def described(cloud: Cloud, cluster: str, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
    return found


def claimed(cloud: Cloud, arn: str) -> dict[str, Any]:
    (task,) = [each for each in cloud.claim() if each["task_arn"] == arn]
    found: dict[str, Any] = task
    return found


def test_a_task_carries_all_that_a_runner_needs(cloud: Cloud) -> None:
    cluster, family = cloud.define_task("silver", user="65532", readonlyRootFilesystem=True)
    override = {"name": "silver", "command": ["--batch", "7"], "environment": [{"name": "A", "value": "override"}]}
    arn = cloud.run_task(cluster, family, overrides={"containerOverrides": [override], "memory": "4096"})
    task = claimed(cloud, arn)
    assert task == {
        "task_arn": arn,
        "family": family,
        "stage": "silver",
        "image": "registry/silver@sha256:00",
        "command": ["--batch", "7"],
        "environment": {"MARKET_LAKE_URI": "s3://lake", "A": "override"},
        "cpu": 1024,
        "memory": 4096,
        "user": "65532",
        "read_only_root": True,
        "log_group": f"/market-lake/test/{family}",
        "log_stream": f"task/silver/{arn.rsplit('/', 1)[1]}",
    }
    assert cloud.claim([arn], wait=0) == []


def test_a_task_is_handed_its_secrets(cloud: Cloud) -> None:
    secrets, ssm, name = cloud.client("secretsmanager"), cloud.client("ssm"), unique("market-lake/test/key")
    arn = secrets.create_secret(Name=name, SecretString="of the whole")["ARN"]
    fields = secrets.create_secret(Name=unique("fields"), SecretString='{"key": "of a field"}')["ARN"]
    plain = name.replace("/", ".")
    ssm.put_parameter(Name=f"/{name}", Value="of a parameter", Type="SecureString")
    ssm.put_parameter(Name=plain, Value="of a plain name", Type="String")
    account = arn.split(":")[4]
    places = {
        "BY_ARN": arn,
        # without the letters that Secrets Manager puts behind a name
        "BY_NAME": arn.rsplit("-", 1)[0],
        "FIELD": f"{fields}:key::",
        "PARAMETER": f"arn:aws:ssm:eu-west-1:{account}:parameter/{name}",
        "PLAIN": f"arn:aws:ssm:eu-west-1:{account}:parameter/{plain}",
    }
    cluster, family = cloud.define_task(secrets=[{"name": key, "valueFrom": place} for key, place in places.items()])
    task = cloud.run_task(cluster, family)
    environment = claimed(cloud, task)["environment"]
    assert {key: environment[key] for key in places} == {
        "BY_ARN": "of the whole",
        "BY_NAME": "of the whole",
        "FIELD": "of a field",
        "PARAMETER": "of a parameter",
        "PLAIN": "of a plain name",
    }
    cloud.post(f"tasks/{task}", {"exit_code": 0, "reason": ""})


@pytest.mark.parametrize("service", ["secretsmanager:eu-west-1:123456789012:secret:", "ssm:eu-west-1:123456789012:parameter/"])
def test_a_task_whose_secret_is_not_there_does_not_start(cloud: Cloud, service: str) -> None:
    place = f"arn:aws:{service}not-there"
    cluster, family = cloud.define_task(secrets=[{"name": "KEY", "valueFrom": place}])
    arn = cloud.run_task(cluster, family)
    assert cloud.claim(wait=0) == []
    task = described(cloud, cluster, arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].startswith("ResourceInitializationError: ") and place in task["stoppedReason"]
    assert task["containers"][0].get("exitCode") is None


def test_the_call_for_tasks_waits_for_one(cloud: Cloud) -> None:
    before = time.monotonic()
    assert cloud.claim(wait=0.3) == []
    assert time.monotonic() - before >= 0.3


def test_a_task_that_no_runner_has_any_more_ends(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    kept, lost = cloud.run_task(cluster, family), cloud.run_task(cluster, family)
    assert {each["task_arn"] for each in cloud.claim()} == {kept, lost}
    assert cloud.claim([kept], wait=0) == []
    assert described(cloud, cluster, kept)["lastStatus"] == "RUNNING"
    task = described(cloud, cluster, lost)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "SpotInterruption")
    assert task["containers"][0].get("exitCode") is None
    cloud.post(f"tasks/{kept}", {"exit_code": 0, "reason": ""})


def test_a_runner_that_is_gone_takes_no_task(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    before = time.monotonic()
    with ThreadPoolExecutor() as pool:
        calls = LAUNCHER._calls
        gone = pool.submit(cloud.claim, wait=8)
        assert eventually(lambda: LAUNCHER._calls > calls)
        # the next runner asks, and from then on only what it is given counts
        assert cloud.claim(wait=0) == []
        arn = cloud.run_task(cluster, family)
        assert gone.result() == []
    assert time.monotonic() - before < 8
    assert [each["task_arn"] for each in cloud.claim()] == [arn]
    cloud.post(f"tasks/{arn}", {"exit_code": 0, "reason": ""})


@pytest.mark.parametrize(
    ("end", "code", "stop_code", "reason"),
    [
        ({"exit_code": 0, "reason": ""}, 0, "EssentialContainerExited", "Essential container in task exited"),
        ({"exit_code": 137, "reason": "OutOfMemoryError"}, 137, "EssentialContainerExited", "Essential container in task exited"),
        (
            {"exit_code": None, "reason": "Your Spot Task was interrupted."},
            None,
            "SpotInterruption",
            "Your Spot Task was interrupted.",
        ),
        ({"exit_code": None, "reason": ""}, None, "SpotInterruption", "SpotInterruption"),
        (
            {"exit_code": None, "reason": "CannotPullContainerError: no"},
            None,
            "TaskFailedToStart",
            "CannotPullContainerError: no",
        ),
    ],
)
def test_an_end_looks_as_ecs_reports_it(cloud: Cloud, end: dict[str, Any], code: int | None, stop_code: str, reason: str) -> None:
    cluster, family = cloud.define_task()
    arn = cloud.run_task(cluster, family)
    claimed(cloud, arn)
    cloud.post(f"tasks/{arn}", end)
    cloud.post(f"tasks/{arn}", {"exit_code": 1, "reason": "too late"})
    task = described(cloud, cluster, arn)
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert (task["containers"][0].get("exitCode"), task["stopCode"], task["stoppedReason"]) == (code, stop_code, reason)


def test_a_stop_waits_for_the_runner(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    running, waiting = cloud.run_task(cluster, family), cloud.run_task(cluster, family)
    cloud.client("ecs").stop_task(cluster=cluster, task=waiting, reason="not needed")
    assert [each["task_arn"] for each in cloud.claim()] == [running]
    assert described(cloud, cluster, waiting)["stopCode"] == "UserInitiated"
    cloud.client("ecs").stop_task(cluster=cluster, task=running, reason="enough")
    assert described(cloud, cluster, running)["lastStatus"] == "RUNNING"
    # an answer may be lost: it is told until the runner has done it
    assert cloud.get("stops") == [running]
    assert cloud.get("stops") == [running]
    assert cloud.get(f"tasks/{running}")["desired_status"] == "STOPPED"
    cloud.post(f"tasks/{running}", {"exit_code": 143, "reason": ""})
    assert cloud.get("stops") == []
    task = described(cloud, cluster, running)
    assert (task["containers"][0]["exitCode"], task["stoppedReason"]) == (143, "enough")


def test_a_state_that_times_out_stops_its_task(cloud: Cloud) -> None:
    cluster, family = cloud.define_task()
    state = cloud.run_task_state(cluster, family, End=True)
    state["TimeoutSeconds"] = 1
    execution = cloud.start(cloud.create({"Run": state}))
    (task,) = cloud.claim(wait=3)
    found = cloud.wait(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    assert eventually(lambda: cloud.get("stops")) == [task["task_arn"]]


def eventually(ask: Any, within: float = 3.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_lines_go_to_the_stream_of_the_task(cloud: Cloud) -> None:
    cluster, family = cloud.define_task("gold")
    arn = cloud.run_task(cluster, family)
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + 1, "message": "second"}, {"timestamp": now, "message": json.dumps({"first": True})}]
    assert cloud.post(f"tasks/{arn}/logs", lines)["desired_status"] == "RUNNING"
    cloud.post(f"tasks/{arn}/logs", [])
    cloud.post(f"tasks/{arn}/logs", [{"timestamp": now + 2, "message": "third"}])
    events = cloud.client("logs").get_log_events(
        logGroupName=f"/market-lake/test/{family}",
        logStreamName=f"task/gold/{arn.rsplit('/', 1)[1]}",
        startFromHead=True,
    )["events"]
    assert [each["message"] for each in events] == ['{"first": true}', "second", "third"]
    cloud.client("ecs").stop_task(cluster=cluster, task=arn)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("tasks/arn:aws:ecs:eu-west-1:1:task/c/nothing", {"exit_code": 0}, 404, "no task arn:aws"),
        ("tasks/arn:aws:ecs:eu-west-1:1:task/c/nothing", {}, 400, "exit_code"),
        ("tasks/arn:aws:ecs:eu-west-1:1:task/c/nothing", {"exit_code": "0"}, 400, "expected a number or null"),
        ("claim", {}, 400, "at_work"),
        ("claim", {"at_work": "arn"}, 400, "expected a list of task ARNs"),
        ("nonsense", {}, 404, "no such endpoint"),
    ],
)
def test_a_wrong_call_is_told_so(cloud: Cloud, path: str, body: Any, status: int, message: str) -> None:
    got, error = cloud.post_fails(path, body)
    assert got == status
    assert message in error
