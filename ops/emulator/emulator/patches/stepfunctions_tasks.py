"""Step Functions: the tasks, that is to say calls of other services and what becomes of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import botocore.session
from botocore import xform_name
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_ecs as ecs
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_unsupported as unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.utils import camel_to_snake_case

from emulator.launcher import LAUNCHER
from emulator.patching import Patcher, patch

TASK_FAILED = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)


@patch("stepfunctions.argument_names")
def argument_names(p: Patcher) -> None:
    """A state machine writes PascalCase, boto3 wants each service's own case; moto left the two translations empty.

    With it come answers in PascalCase, and the body of S3's GetObject as text.
    """
    session = botocore.session.get_session()

    @functools.cache
    def operation(service: str, action: str) -> Any:
        model = session.get_service_model(service)
        for name in model.operation_names:
            if action in (camel_to_snake_case(name), xform_name(name)):
                return model.operation_model(name)
        return None

    def shape_of(self: Any, service: str | None, action: str | None, side: str) -> Any:
        found = operation(self._get_boto_service_name(service), self._get_boto_service_action(action))
        return getattr(found, side, None)

    def _normalise_parameters(
        self: Any, parameters: Any, boto_service_name: str | None = None, service_action_name: str | None = None
    ) -> None:
        shape = shape_of(self, boto_service_name, service_action_name, "input_shape")
        if shape is not None:
            self._to_boto_request(parameters, shape)

    def _normalise_response(
        self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
    ) -> None:
        shape = shape_of(self, boto_service_name, service_action_name, "output_shape")
        if shape is not None:
            self._from_boto_response(response, shape)

    p.set(StateTaskService, "_normalise_parameters", _normalise_parameters)
    p.set(StateTaskService, "_normalise_response", _normalise_response)


@patch("stepfunctions.retry_token")
def retry_token(p: Patcher) -> None:
    """A `.sync` task that is retried gets the spent token of its first attempt, and so times out at once: a new one for each."""

    def make(original: Any) -> Any:
        def _eval_execution(self: Any, env: Any) -> None:
            if self._is_integration_pattern() and (ResourceCondition.WaitForTaskToken in self._supported_integration_patterns):
                env.callback_pool_manager.add(env.states.context_object.update_task_token())
            original(self, env)

        return _eval_execution

    p.wrap(callback.StateTaskServiceCallback, "_eval_execution", make)


@patch("stepfunctions.states_errors_in_map")
def states_errors_in_map(p: Patcher) -> None:
    """A `States.*` error inside of an inline Map becomes a ValueError in moto, which no Catch of that error sees."""

    def __init__(self: Any, error_name: str | None) -> None:
        ErrorName.__init__(self, error_name=error_name)

    p.set(CustomErrorName, "__init__", __init__)


@patch("stepfunctions.ecs_arguments")
def ecs_arguments(p: Patcher) -> None:
    """moto drops arguments of RunTask that Step Functions passes on: the capacity providers (Spot), tags and the count."""
    given = {"CapacityProviderStrategy", "Tags", "EnableECSManagedTags", "Count", "ReferenceId"}
    p.add(ecs._SUPPORTED_API_PARAM_BINDINGS["runtask"], given)


@patch("stepfunctions.ecs_sync")
def ecs_sync(p: Patcher) -> None:
    """`ecs:runTask.sync` fails on AWS when a container ends other than with 0, with the task as JSON for its Cause; in moto it
    succeeds. And a task whose state times out or whose execution is stopped is stopped too."""
    p.set(callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.1)

    def failure(self: Any, env: Any, task: dict[str, Any]) -> FailureEventException:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
            error=TASK_FAILED.error_name,
            cause=to_json_str(task, separators=(",", ":")),
        )
        event = FailureEvent(
            env=env,
            error_name=TASK_FAILED,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
        return FailureEventException(event)

    def make(original: Any) -> Any:
        def _build_sync_resolver(self: Any, env: Any, **kwargs: Any) -> Callable[[], Any]:
            submitted = env.stack[-1]["Tasks"][0]
            arn, cluster = submitted["TaskArn"], submitted["ClusterArn"]
            resolve = original(self, env=env, **kwargs)

            def stop() -> None:
                if not LAUNCHER.wait_stopped(arn, 0):
                    client = boto_client_for(service="ecs", region=kwargs["resource_runtime_part"].region)
                    client.stop_task(cluster=cluster, task=arn, reason="Stopped by AWS Step Functions")

            def resolver() -> Any:
                if not LAUNCHER.wait_stopped(arn, 0.5):
                    return None
                task = resolve()
                if task is None:
                    return None
                task = _plain(task)
                if any(each.get("ExitCode") != 0 for each in task["Containers"]):
                    raise failure(self, env, task)
                return task

            resolver.stop = stop  # type: ignore[attr-defined]
            return resolver

        return _build_sync_resolver

    def make_sync(original: Any) -> Any:
        def _eval_sync(self: Any, env: Any, sync_resolver: Any, **kwargs: Any) -> Any:
            try:
                return original(self, env=env, sync_resolver=sync_resolver, **kwargs)
            finally:
                # wherever the state was when its time was up, or its execution was stopped
                if hasattr(sync_resolver, "stop") and not env.is_running():
                    sync_resolver.stop()

        return _eval_sync

    p.wrap(ecs.StateTaskServiceEcs, "_build_sync_resolver", make)
    p.wrap(callback.StateTaskServiceCallback, "_eval_sync", make_sync)


@patch("stepfunctions.ecs_failures")
def ecs_failures(p: Patcher) -> None:
    """A RunTask that answers with failures and without a task fails `ecs:runTask.sync` by an error of its own; moto crashes."""
    unknown = CustomErrorName("AmazonECS.Unknown")

    class NoPlace(Exception):
        """RunTask placed no task; why, its answer says."""

    def make_answer(original: Any) -> Any:
        def _normalise_response(self: Any, response: Any, *args: Any, **kwargs: Any) -> None:
            original(self, response, *args, **kwargs)
            is_run = kwargs.get("service_action_name") == "run_task" and self._is_integration_pattern()
            if is_run and not response.get("Tasks") and response.get("Failures"):
                raise NoPlace(to_json_str({"Failures": response["Failures"]}, separators=(",", ":")))

        return _normalise_response

    def make(original: Any) -> Any:
        def _eval_service_task(self: Any, env: Any, **kwargs: Any) -> None:
            try:
                original(self, env=env, **kwargs)
            except NoPlace as answer:
                details = TaskFailedEventDetails(
                    resource=self._get_sfn_resource(),
                    resourceType=self._get_sfn_resource_type(),
                    error=unknown.error_name,
                    cause=str(answer),
                )
                event = FailureEvent(
                    env=env,
                    error_name=unknown,
                    event_type=HistoryEventType.TaskFailed,
                    event_details=EventDetails(taskFailedEventDetails=details),
                )
                raise FailureEventException(event) from None

        return _eval_service_task

    p.wrap(ecs.StateTaskServiceEcs, "_normalise_response", make_answer)
    p.wrap(ecs.StateTaskServiceEcs, "_eval_service_task", make)


def _plain(value: Any) -> Any:
    """An answer of boto3 as Step Functions shows it: times in milliseconds since the epoch, nothing that is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return value


@patch("stepfunctions.athena_sync")
def athena_sync(p: Patcher) -> None:
    """`athena:startQueryExecution.sync` is refused by moto."""
    service = unsupported.StateTaskServiceUnsupported

    def _build_sync_resolver(self: Any, env: Any, resource_runtime_part: Any, **_: Any) -> Callable[[], Any]:
        if self.resource.service_name != "athena":
            raise RuntimeError(f"{self.resource.resource_arn} is not emulated")
        client = boto_client_for(region=resource_runtime_part.region, service="athena")
        query = env.stack.pop()["QueryExecutionId"]

        def resolver() -> Any:
            answer = client.get_query_execution(QueryExecutionId=query)
            answer.pop("ResponseMetadata", None)
            status = answer["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return _plain(answer)
            if status["State"] in ("FAILED", "CANCELLED"):
                details = TaskFailedEventDetails(
                    resource=self._get_sfn_resource(),
                    resourceType=self._get_sfn_resource_type(),
                    error=TASK_FAILED.error_name,
                    cause=to_json_str(_plain(answer["QueryExecution"]), separators=(",", ":")),
                )
                raise FailureEventException(
                    FailureEvent(
                        env=env,
                        error_name=TASK_FAILED,
                        event_type=HistoryEventType.TaskFailed,
                        event_details=EventDetails(taskFailedEventDetails=details),
                    )
                )
            return None

        return resolver

    p.add(unsupported._SUPPORTED_INTEGRATION_PATTERNS, {ResourceCondition.Sync})
    p.set(service, "_build_sync_resolver", _build_sync_resolver)
