"""Step Functions: the calls around executions, and how the interpreter calls other services."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import moto.stepfunctions.responses as responses
from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import InspectionLevel
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.static_analyser.test_state.test_state_analyser import TestStateStaticAnalyser
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.backend.state_machine import TestStateMachine
from moto.stepfunctions.parser.backend.test_state.execution import TestStateExecution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from emulator.patching import Patcher, patch
from emulator.settings import SETTINGS


@patch("stepfunctions.execute")
def execute(p: Patcher) -> None:
    """moto only pretends to execute state machines, unless it is told otherwise before they are created."""
    p.item(default_user_config, "stepfunctions", {"execute_state_machine": True})


@patch("stepfunctions.validate_definition")
def validate_definition(p: Patcher) -> None:
    """Terraform validates a definition before it creates the state machine; moto lacks the call."""

    def validate_state_machine_definition(self: Any) -> ActionResult:
        diagnostics = []
        try:
            StepFunctionsParserBackend._validate_definition(definition=self._get_param("definition"))
        except Exception as error:  # the parser raises whatever it stumbles over
            message = str(getattr(error, "message", error))[:900]
            diagnostics.append({"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": message})
        result = "FAIL" if diagnostics else "OK"
        return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": False})

    p.set(StepFunctionResponse, "validate_state_machine_definition", validate_state_machine_definition)


@patch("stepfunctions.test_state")
def test_state(p: Patcher) -> None:
    """moto's interpreter can evaluate a state alone, but nothing answers to TestState, and it takes no variables."""

    class InvalidDefinition(AWSError):
        """A definition that cannot be read."""

        TYPE = "InvalidDefinition"
        STATUS = 400

    class Tested(TestStateExecution):
        """An execution of one state that begins with variables."""

        variables: dict[str, Any]

        def _get_start_execution_worker(self) -> Any:
            worker, variables = super()._get_start_execution_worker(), self.variables

            def environment(original: Any = worker._get_evaluation_environment) -> Any:
                env = original()
                for name, value in variables.items():
                    env.variable_store.set(name, value)
                return env

            worker._get_evaluation_environment = environment
            return worker

    def answer(self: Any) -> ActionResult:
        name, role = f"TestState-{uuid.uuid4()}", self._get_param("roleArn") or ""
        place = f"{self.region}:{self.current_account}"
        definition = self._get_param("definition")
        try:
            TestStateStaticAnalyser().analyse(definition)
        except Exception as error:  # the parser raises whatever it stumbles over
            raise InvalidDefinition(str(getattr(error, "message", error))[:900]) from error
        machine = TestStateMachine(name, f"arn:aws:states:{place}:stateMachine:{name}", definition, role)
        execution = Tested(
            name=name,
            role_arn=role,
            exec_arn=f"arn:aws:states:{place}:execution:{name}:{name}",
            account_id=self.current_account,
            region_name=self.region,
            state_machine=machine,
            start_date=datetime.now(UTC),
            activity_store={},
            input_data=self._get_param("input") or "{}",
        )
        execution.variables = json.loads(self._get_param("variables") or "{}")
        execution.start()
        return ActionResult(dict(execution.to_test_state_output(InspectionLevel.INFO)))

    p.set(StepFunctionResponse, "test_state", answer)


@patch("stepfunctions.list_versions")
def list_versions(p: Patcher) -> None:
    """Terraform lists a state machine's versions when it deletes it; moto lacks the call. Here nobody publishes any."""

    def list_state_machine_versions(self: Any) -> ActionResult:
        return ActionResult({"stateMachineVersions": []})

    p.set(StepFunctionResponse, "list_state_machine_versions", list_state_machine_versions)


@patch("stepfunctions.execution_names")
def execution_names(p: Patcher) -> None:
    """An execution that is started without a name gets one from AWS; moto calls them all None."""

    def make(original: Any) -> Any:
        def start_execution(self: Any, state_machine_arn: str, name: Any = None, *args: Any, **kwargs: Any) -> Any:
            return original(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

        return start_execution

    p.wrap(StepFunctionsParserBackend, "start_execution", make)


@patch("stepfunctions.output_times")
def output_times(p: Patcher) -> None:
    """An output may hold times (the answers of other services do); moto's DescribeExecution then fails with a TypeError."""

    def dumps(value: Any, **kwargs: Any) -> str:
        return json.dumps(value, default=lambda v: json.loads(to_json_str(v)), **kwargs)

    p.set(responses, "json", SimpleNamespace(dumps=dumps, loads=json.loads))


@patch("stepfunctions.environment_first")
def environment_first(p: Patcher) -> None:
    """In moto an execution has no environment until its definition is parsed; whoever looks before gets an AttributeError."""
    worker = execution_worker.ExecutionWorker

    def make_start(original: Any) -> Any:
        def start(self: Any) -> None:
            self.env = self._get_evaluation_environment()
            original(self)

        return start

    def make_environment(original: Any) -> Any:
        def _get_evaluation_environment(self: Any) -> Any:
            return self.env or original(self)

        return _get_evaluation_environment

    p.wrap(worker, "start", make_start)
    p.wrap(worker, "_get_evaluation_environment", make_environment)


@patch("stepfunctions.context_times")
def context_times(p: Patcher) -> None:
    """Times of the context object are `2026-01-31T00:00:00.000Z` on AWS; moto has microseconds, an offset, or no text at all."""

    def text(time_: datetime | str) -> str:
        found = datetime.fromisoformat(time_) if isinstance(time_, str) else time_
        return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def state_data(**data: Any) -> dict[str, Any]:
        return {**data, "EnteredTime": text(data["EnteredTime"])}

    def execution_data(**data: Any) -> dict[str, Any]:
        return {**data, "StartTime": text(data["StartTime"])}

    p.set(state, "StateData", state_data)
    p.set(execution_worker, "ExecutionData", execution_data)


@patch("stepfunctions.timed_out_stop_date")
def timed_out_stop_date(p: Patcher) -> None:
    """moto gives no stop date for an execution that timed out, and never lists one."""

    def stop_date(backend: Any, item: dict[str, Any]) -> None:
        if item["status"] == "TIMED_OUT":
            item["stopDate"] = backend.describe_execution(item["executionArn"]).stop_date

    def make_describe(original: Any) -> Any:
        def describe_execution(self: Any) -> Any:
            answer = original(self)
            stop_date(self.stepfunction_backend, answer.result)
            return answer

        return describe_execution

    def make_list(original: Any) -> Any:
        def list_executions(self: Any) -> Any:
            answer = original(self)
            for item in answer.result["executions"]:
                stop_date(self.stepfunction_backend, item)
            return answer

        return list_executions

    p.wrap(StepFunctionResponse, "describe_execution", make_describe)
    p.wrap(StepFunctionResponse, "list_executions", make_list)


@patch("stepfunctions.history_order")
def history_order(p: Patcher) -> None:
    """GetExecutionHistory knows neither maxResults nor reverseOrder in moto; who asks for the last event gets all of them."""

    def make(original: Any) -> Any:
        def get_execution_history(self: Any) -> Any:
            answer = original(self)
            events = list(answer.result["events"])
            if self._get_bool_param("reverseOrder", False):
                events.reverse()
            first = int(self._get_param("nextToken") or 0)
            size = self._get_int_param("maxResults") or 1000
            result = {"events": events[first : first + size]}
            if first + size < len(events):
                result["nextToken"] = str(first + size)
            return ActionResult(result)

        return get_execution_history

    p.wrap(StepFunctionResponse, "get_execution_history", make)


@patch("stepfunctions.client_cache")
def client_cache(p: Patcher) -> None:
    """moto makes a new boto3 client for every call of a state, some 30 ms of processor time each; one a service will do."""
    clients: dict[tuple[str, str, str], Any] = {}
    lock = threading.Lock()

    def client(**kwargs: Any) -> Any:
        key = (kwargs["service_name"], kwargs["region_name"], kwargs.get("endpoint_url", ""))
        with lock:
            if key not in clients:
                clients[key] = boto3.client(**kwargs)
            return clients[key]

    p.set(boto_client, "boto3", SimpleNamespace(client=client))


@patch("stepfunctions.backoff_limit")
def backoff_limit(p: Patcher) -> None:
    """A Retry or a Wait lasts as long as it says, minutes for a source that is down; `--max-backoff` spares tests that."""

    def limited(seconds: float) -> float:
        limit = SETTINGS.max_backoff
        return seconds if limit is None else min(seconds, limit)

    def sleep(seconds: float) -> None:
        time.sleep(limited(seconds))

    def _wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
        deadline = time.monotonic() + limited(wait_seconds)
        # other branches wake it, too
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            env.program_state_event.wait(min(left, 1.0))

    p.set(WaitFunction, "_wait_interval", _wait_interval)
    p.set(retrier_decl, "time", SimpleNamespace(sleep=sleep))
