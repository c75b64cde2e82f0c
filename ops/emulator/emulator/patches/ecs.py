"""ECS: tasks that live as long as the runner says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.moto_api import state_manager

from emulator.launcher import LAUNCHER, NoSuchTask
from emulator.patching import Patcher, patch
from emulator.settings import SETTINGS


@patch("ecs.task_lifecycle")
def task_lifecycle(p: Patcher) -> None:
    """moto's tasks stop by themselves after a few looks at them, with exit code 0. Here they go to the launcher instead."""
    p.item(state_manager._transitions, "ecs::task", {"progression": "manual", "times": 10**9})

    def make_run(original: Any) -> Any:
        def run_task(self: Any, *args: Any, **kwargs: Any) -> Any:
            tasks = original(self, *args, **kwargs)
            for task in tasks:
                LAUNCHER.started(task, self)
            return tasks

        return run_task

    def make_stop(original: Any) -> Any:
        def stop_task(self: Any, cluster_str: str, task_str: str, reason: str) -> Any:
            cluster = self._get_cluster(cluster_str)
            name = task_str.split("/")[-1]
            for task in self.tasks.get(cluster.name, {}).values():
                if task.id == name:
                    try:
                        return LAUNCHER.ask_to_stop(task.task_arn, reason or "Task stopped by user")
                    except NoSuchTask:
                        break
            return original(self, cluster_str, task_str, reason)

        return stop_task

    p.wrap(EC2ContainerServiceBackend, "run_task", make_run)
    p.wrap(EC2ContainerServiceBackend, "stop_task", make_stop)


@patch("ecs.capacity")
def capacity(p: Patcher) -> None:
    """Fargate may have no place for a task: RunTask then answers, with failures and without a task. moto always has one."""
    reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

    def make(original: Any) -> Any:
        def run_task(self: Any) -> Any:
            if SETTINGS.without_capacity > 0:
                SETTINGS.without_capacity -= 1
                return ActionResult({"tasks": [], "failures": [{"reason": reason}]})
            return original(self)

        return run_task

    p.wrap(EC2ContainerServiceResponse, "run_task", make)


@patch("ecs.task_level_memory")
def task_level_memory(p: Patcher) -> None:
    """Fargate needs memory only for the task; moto adds up what the containers say and fails where they say nothing."""

    def make(original: Any) -> Any:
        def calculate(task_definition: Any) -> Any:
            said = {"memory", "memoryReservation", "Memory", "MemoryReservation"}
            memory = {"memory": int(task_definition.memory or 512)}
            # a copy: what DescribeTaskDefinition gives must stay as it was sent
            containers = [c if said & set(c) else {**c, **memory} for c in task_definition.container_definitions]
            return original(SimpleNamespace(container_definitions=containers))

        return calculate

    p.wrap(EC2ContainerServiceBackend, "_calculate_task_resource_requirements", make)


@patch("ecs.no_host_names")
def no_host_names(p: Patcher) -> None:
    """A task in a VPC without DNS host names makes moto's RunTask crash: the interface lacks the attribute altogether."""
    p.set(NetworkInterface, "private_dns_name", "")


@patch("ecs.what_is_gone")
def what_is_gone(p: Patcher) -> None:
    """moto goes on listing deleted clusters, and finds them and stopped tasks by their tags: a teardown would never be clean."""

    def list_clusters(self: Any) -> list[str]:
        return [cluster.arn for cluster in self.clusters.values() if cluster.status != "INACTIVE"]

    def make(original: Any) -> Any:
        def iter_tagged_resources(self: Any) -> Any:
            clusters = {each.arn for each in self.clusters.values() if each.status == "INACTIVE"}
            tasks = {t.task_arn for each in self.tasks.values() for t in each.values() if t.last_status == "STOPPED"}
            return (each for each in original(self) if each.arn not in clusters | tasks)

        return iter_tagged_resources

    p.set(EC2ContainerServiceBackend, "list_clusters", list_clusters)
    p.wrap(EC2ContainerServiceBackend, "iter_tagged_resources", make)
