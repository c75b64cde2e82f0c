"""CloudWatch Logs: metrics within log lines, and saved queries."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.responses import ActionResult
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from emulator import emf
from emulator.patching import Patcher, patch


@patch("logs.embedded_metrics")
def embedded_metrics(p: Patcher) -> None:
    """CloudWatch Logs takes metrics out of lines in the Embedded Metric Format; moto keeps only the lines."""

    def make(original: Any) -> Any:
        def put_log_events(self: Any, log_group_name: str, log_stream_name: str, log_events: list[Any]) -> Any:
            answer = original(self, log_group_name, log_stream_name, log_events)
            cloudwatch = cloudwatch_backends[self.account_id][self.region_name]
            for event in log_events:
                for namespace, datum in emf.metrics(event["message"]):
                    cloudwatch.put_metric_data(namespace, [datum])
            return answer

        return put_log_events

    p.wrap(LogsBackend, "put_log_events", make)


@patch("logs.query_definitions")
def query_definitions(p: Patcher) -> None:
    """moto has none of the calls for saved queries of Logs Insights."""
    saved: dict[str, dict[str, Any]] = {}

    def put_query_definition(self: Any) -> ActionResult:
        request = json.loads(self.body)
        key = request.get("queryDefinitionId") or str(uuid.uuid4())
        saved[key] = {**request, "queryDefinitionId": key, "lastModified": int(time.time() * 1000)}
        return ActionResult({"queryDefinitionId": key})

    def describe_query_definitions(self: Any) -> ActionResult:
        prefix = json.loads(self.body).get("queryDefinitionNamePrefix") or ""
        return ActionResult({"queryDefinitions": [q for q in saved.values() if q["name"].startswith(prefix)]})

    def delete_query_definition(self: Any) -> ActionResult:
        gone = saved.pop(json.loads(self.body)["queryDefinitionId"], None)
        return ActionResult({"success": gone is not None})

    p.set(LogsResponse, "put_query_definition", put_query_definition)
    p.set(LogsResponse, "describe_query_definitions", describe_query_definitions)
    p.set(LogsResponse, "delete_query_definition", delete_query_definition)
