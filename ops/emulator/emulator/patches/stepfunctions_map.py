"""Step Functions: the Distributed Map."""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_eval_s3 import (
    ResourceEvalS3,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.map_run_record import (
    MapRunRecord,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from emulator.patching import Patcher, patch


@patch("stepfunctions.map_lists_objects")
def map_lists_objects(p: Patcher) -> None:
    """The item reader over listObjectsV2 gives times that are no JSON, reads one page only, and fails when nothing is listed."""

    def _handle_list_objects_v2(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
        client = ResourceEvalS3._get_s3_client(resource_runtime_part=resource_runtime_part, state_credentials=state_credentials)
        found = []
        for page in client.get_paginator("list_objects_v2").paginate(**env.stack.pop()):
            for each in page.get("Contents", []):
                # as on AWS: what describes the object, times in seconds since the epoch
                kept = {key: each[key] for key in ("Etag", "ETag", "Key", "Size", "StorageClass") if key in each}
                kept["LastModified"] = int(each["LastModified"].timestamp())
                if "ETag" in kept:
                    kept["Etag"] = kept.pop("ETag")
                found.append(kept)
        env.stack.append(found)

    p.set(ResourceEvalS3, "_handle_list_objects_v2", staticmethod(_handle_list_objects_v2))


@patch("stepfunctions.whole_percentages")
def whole_percentages(p: Patcher) -> None:
    """moto's grammar takes a ToleratedFailurePercentage only with a decimal point."""

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            value = {key: rewrite(each) for key, each in value.items()}
            percentage = value.get("ToleratedFailurePercentage")
            if value.get("Type") == "Map" and isinstance(percentage, int):
                value["ToleratedFailurePercentage"] = float(percentage)
            return value
        return [rewrite(each) for each in value] if isinstance(value, list) else value

    def make(original: Any) -> Any:
        def parse(definition: str) -> Any:
            try:
                definition = json.dumps(rewrite(json.loads(definition)))
            except ValueError:
                pass  # the parser itself says what is wrong with the text
            return original(definition)

        return parse

    p.wrap(AmazonStateLanguageParser, "parse", make)


@patch("stepfunctions.tolerated_failures")
def tolerated_failures(p: Patcher) -> None:
    """moto reads the tolerated failures of a Distributed Map but never enforces them: every map succeeds."""

    def make(original: Any) -> Any:
        def _map_run(self: Any, env: Any, eval_input: Any) -> None:
            total = len(env.stack[-1])
            original(self, env=env, eval_input=eval_input)
            counter = eval_input.map_run_record.item_counter
            failed = counter.failed.get() + counter.timed_out.get()
            count, percentage = eval_input.tolerated_failure_count, eval_input.tolerated_failure_percentage
            # where both are given, AWS fails the map when either is exceeded; none given tolerates none
            tolerated = [limit for limit in (count, (percentage or 0) * total / 100) if limit]
            if failed and failed > min(tolerated, default=0):
                name = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
                details = MapRunFailedEventDetails(
                    error=name.error_name, cause="The specified tolerated failure threshold was exceeded"
                )
                event = FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.MapRunFailed,
                    event_details=EventDetails(mapRunFailedEventDetails=details),
                )
                raise FailureEventException(event)

        return _map_run

    p.wrap(DistributedIterationComponent, "_map_run", make)


@patch("stepfunctions.many_items")
def many_items(p: Patcher) -> None:
    """A worker of a Distributed Map calls itself for each further item, and dies of Python's recursion limit."""

    def _eval_pool(self: Any, job: Any, worker_frame: Any) -> None:
        while job is not None:
            frame = worker_frame.open_inner_frame()
            self._eval_job(env=frame, job=job)
            worker_frame.delete_frame(frame)
            last = isinstance(job.job_output, Exception) or self.stopped()
            following = None if last else self._job_pool.next_job()
            if following is None:
                # before the job is closed: the map goes on when the last job is
                self._env.delete_frame(worker_frame)
                self._job_pool.close_job(job)
                return
            self._job_pool.close_job(job)
            job = following
        self._env.delete_frame(worker_frame)

    p.set(worker.DistributedItemProcessorWorker, "_eval_pool", _eval_pool)


@patch("stepfunctions.map_counts")
def map_counts(p: Patcher) -> None:
    """DescribeMapRun counts a failed child as running for ever, knows no pending items, and no timed-out executions."""

    def make(original: Any) -> Any:
        def describe(self: Any) -> Any:
            answer = original(self)
            items = dict(answer["itemCounts"])
            total = max(getattr(self, "emulator_total", 0), items["total"])
            done = sum(items[key] for key in ("aborted", "failed", "succeeded", "timedOut"))
            items["total"], items["pending"] = total, max(0, total - done - items["running"])
            answer["itemCounts"] = items
            # one child execution for each item
            answer["executionCounts"] = {**items, "total": done + items["running"], "pending": 0}
            return answer

        return describe

    def make_run(original: Any) -> Any:
        def _map_run(self: Any, env: Any, eval_input: Any) -> None:
            eval_input.map_run_record.emulator_total = len(env.stack[-1])
            original(self, env=env, eval_input=eval_input)

        return _map_run

    p.wrap(MapRunRecord, "describe", make)
    p.wrap(DistributedIterationComponent, "_map_run", make_run)


@patch("stepfunctions.map_variables")
def map_variables(p: Patcher) -> None:
    """A child of a Distributed Map is an execution of its own, with variables of its own; in moto it may not assign one that
    the parent has, and sees the parent's."""

    def make(original: Any) -> Any:
        def _eval_input(self: Any, env_frame: Any) -> None:
            # the item selector still belongs to the parent
            original(self, env_frame=env_frame)
            variables = env_frame.variable_store
            variables._outer_scope.clear()
            variables._outer_variable_declaration_cache = None
            variables._variable_declarations_cache = None

        return _eval_input

    p.wrap(worker.DistributedItemProcessorWorker, "_eval_input", make)
