"""The launcher: what Fargate and the ECS agent do on AWS, for a runner that lives in another process.

A task that was started with RunTask waits here until the runner claims it, then runs as long as the runner says, and
stops with the exit code that the runner reports. Its lines go to CloudWatch Logs as the awslogs driver would send them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.logs.models import logs_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

ESSENTIAL = "Essential container in task exited"
LOST = "The runner of the task is gone."
NO_SECRET = "ResourceInitializationError: unable to pull secrets or registry auth: "
# what a stopped reason begins with when the container never ran
NEVER_STARTED = ("CannotPull", "CannotStart", "CannotCreate", "ResourceInitializationError", "Timeout waiting")


class NoSuchTask(KeyError):
    """A task ARN that nobody started."""


class NoSecret(Exception):
    """A secret that ECS's agent cannot hand over: the task does not start."""


@dataclass
class Entry:
    """A task, the backend that made it, and how far it is."""

    task: Any
    backend: Any
    claimed: bool = False
    stop_asked: bool = False
    stopped: bool = False


class Launcher:
    """All tasks of all clusters, in the order in which they were started."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._changed = threading.Condition()
        # counts the calls for tasks: only the last one may be given any
        self._calls = 0

    def started(self, task: Any, backend: Any) -> None:
        """RunTask made a task: it waits for the runner."""
        task.last_status = "PROVISIONING"
        task.created_at = datetime.now(UTC)
        task.stop_code = None
        for container in task.containers:
            container.exitCode = None
            container.reason = None
            container.task_arn = task.task_arn
        with self._changed:
            self._entries[task.task_arn] = Entry(task, backend)
            self._changed.notify_all()

    def claim(self, at_work: Collection[str], wait: float) -> list[dict[str, Any]]:
        """The tasks that no runner has yet: each is handed out once. Waits when there are none.

        `at_work` are the tasks that the runner has. Whatever was handed out before and is not among them went with a
        runner that is gone, or with an answer that never reached one: it ends as a task whose machine was taken away.
        """
        deadline = time.monotonic() + wait
        with self._changed:
            self._calls += 1
            call = self._calls
            # a call that still waits is of somebody who may be gone: it gets nothing
            self._changed.notify_all()
            lost = [arn for arn, e in self._entries.items() if e.claimed and not e.stopped and arn not in at_work]
        for arn in lost:
            self.finish(arn, None, LOST)
        with self._changed:
            while True:
                if call != self._calls:
                    return []
                new = [each for each in self._entries.values() if not each.claimed and not each.stopped]
                left = deadline - time.monotonic()
                if new or left <= 0:
                    break
                self._changed.wait(left)
            for entry in new:
                entry.claimed = True
                entry.task.last_status = "RUNNING"
                entry.task.started_at = datetime.now(UTC)
                for container in entry.task.containers:
                    container.last_status = "RUNNING"
            return [task for task in map(self._described, new) if task is not None]

    def _described(self, entry: Entry) -> dict[str, Any] | None:
        try:
            return describe(entry)
        except NoSecret as error:
            self.finish(entry.task.task_arn, None, f"{NO_SECRET}{error}")
            return None

    def stops(self) -> list[str]:
        """The running tasks that were asked to stop: the runner ends them and reports it. Told until it has."""
        with self._changed:
            asked = [e for e in self._entries.values() if e.claimed and e.stop_asked and not e.stopped]
            return [entry.task.task_arn for entry in asked]

    def ask_to_stop(self, arn: str, reason: str) -> Any:
        """StopTask: a task that nobody runs yet ends at once, one that runs ends when the runner says so."""
        entry = self.find(arn)
        # claimed or not must not change in between
        with self._changed:
            entry.stop_asked = True
            entry.task.desired_status = "STOPPED"
            entry.task.stopped_reason = reason
            if not entry.claimed:
                self.finish(arn, None, reason)
        return entry.task

    def finish(self, arn: str, exit_code: int | None, reason: str = "", stop_code: str | None = None) -> None:
        """The task has ended. No exit code means that its container was taken away or never ran. Said twice, the first counts."""
        entry = self.find(arn)
        with self._changed:
            if entry.stopped:
                return
            task = entry.task
            if stop_code is None:
                stop_code = _stop_code(entry, exit_code, reason)
            for container in task.containers:
                container.exitCode = exit_code
                container.last_status = "STOPPED"
                container.reason = reason if reason and stop_code == "EssentialContainerExited" else None
            if not entry.stop_asked:
                task.stopped_reason = ESSENTIAL if stop_code == "EssentialContainerExited" else reason or stop_code
            task.stop_code = stop_code
            task.desired_status = "STOPPED"
            task.stopped_at = datetime.now(UTC)
            task.last_status = "STOPPED"
            entry.stopped = True
            self._changed.notify_all()

    def wait_stopped(self, arn: str, wait: float) -> bool:
        """Whether the task has ended, waiting for it a little."""
        entry = self._entries.get(arn)
        with self._changed:
            return entry is None or self._changed.wait_for(lambda: entry.stopped, wait)

    def status(self, arn: str) -> dict[str, Any]:
        """How far a task is."""
        entry = self.find(arn)
        code = entry.task.containers[0].exitCode
        return {
            "task_arn": arn,
            "last_status": entry.task.last_status,
            "desired_status": entry.task.desired_status,
            "exit_code": code,
        }

    def log(self, arn: str, lines: list[dict[str, Any]]) -> None:
        """Put lines (timestamp in ms, message) into the task's log stream; a task without the awslogs driver has none."""
        entry = self.find(arn)
        place = log_place(entry)
        if place is None or not lines:
            return
        group, stream = place
        logs = logs_backends[entry.backend.account_id][entry.backend.region_name]
        if group not in logs.groups:
            return
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        events = [{"timestamp": int(e["timestamp"]), "message": str(e["message"])} for e in lines]
        logs.put_log_events(group, stream, sorted(events, key=lambda e: e["timestamp"]))

    def find(self, arn: str) -> Entry:
        """The entry of a task."""
        if arn not in self._entries:
            raise NoSuchTask(arn)
        return self._entries[arn]


def describe(entry: Entry) -> dict[str, Any]:
    """All that a runner needs to start the task: the definition's command and environment under the overrides of RunTask."""
    task = entry.task
    definition = entry.backend.describe_task_definition(task.task_definition_arn)
    container = definition.container_definitions[0]
    overrides = task.overrides or {}
    override = next((o for o in overrides.get("containerOverrides", []) if o.get("name") == container["name"]), {})
    environment = secrets(entry, container)
    environment |= {e["name"]: e["value"] for e in [*container.get("environment", []), *override.get("environment", [])]}
    place = log_place(entry)
    return {
        "task_arn": task.task_arn,
        "family": definition.family,
        "stage": container["name"],
        "image": container.get("image", ""),
        "command": [str(c) for c in override.get("command") or container.get("command") or []],
        "environment": environment,
        "cpu": int(overrides.get("cpu") or definition.cpu or 0),
        "memory": int(overrides.get("memory") or definition.memory or 0),
        "user": container.get("user"),
        "read_only_root": bool(container.get("readonlyRootFilesystem")),
        "log_group": place[0] if place else None,
        "log_stream": place[1] if place else None,
    }


def secrets(entry: Entry, container: dict[str, Any]) -> dict[str, str]:
    """The container's secrets by their variables, read as ECS's agent does when it starts a task."""
    return {each["name"]: _secret(str(each["valueFrom"])) for each in container.get("secrets") or []}


def _secret(place: str) -> str:
    """What lies at the ARN of a parameter or a secret: all of it, or a field, which is named behind the ARN."""
    try:
        _, _, service, region, account, *rest = place.split(":")
        if service == "ssm":
            return _parameter(ssm_backends[account][region], rest[0].removeprefix("parameter"))
        arn, (field, stage, version) = ":".join(place.split(":")[:7]), (*rest[2:], "", "", "")[:3]
        value = secretsmanager_backends[account][region].get_secret_value(arn, version, stage)
        text = str(value["SecretString"])
        return str(json.loads(text)[field]) if field else text
    except (KeyError, ValueError, JsonRESTError) as error:
        raise NoSecret(f"{place}: {type(error).__name__}") from error


def _parameter(store: Any, name: str) -> str:
    # `/a` and `a` have the same ARN
    found = store.get_parameter(name) or store.get_parameter(name.removeprefix("/"))
    if found is None:
        raise KeyError(name)
    return str(found.decrypt(found.value))


def log_place(entry: Entry) -> tuple[str, str] | None:
    """The log group and the stream `<prefix>/<container>/<task id>` of the task, as the awslogs driver names them."""
    definition = entry.backend.describe_task_definition(entry.task.task_definition_arn)
    container = definition.container_definitions[0]
    configuration = container.get("logConfiguration") or {}
    options = configuration.get("options") or {}
    if configuration.get("logDriver") != "awslogs" or "awslogs-group" not in options:
        return None
    parts = [options.get("awslogs-stream-prefix"), container["name"], entry.task.id]
    return options["awslogs-group"], "/".join(part for part in parts if part)


def _stop_code(entry: Entry, exit_code: int | None, reason: str) -> str:
    if exit_code is not None:
        return "EssentialContainerExited"
    if entry.stop_asked:
        return "UserInitiated"
    if reason.startswith(NEVER_STARTED):
        return "TaskFailedToStart"
    return "SpotInterruption"


LAUNCHER = Launcher()
