"""Athena: statements run on a real Trino; and what Terraform reads and deletes."""

from __future__ import annotations

import json
from typing import Any

from moto.athena.models import AthenaBackend
from moto.athena.responses import AthenaResponse

from emulator import athena
from emulator.patching import Patcher, patch


@patch("athena.tags")
def tags(p: Patcher) -> None:
    """A resource without tags does not exist, says moto; Terraform asks for the tags of everything."""

    def make(original: Any) -> Any:
        def list_tags_for_resource(self: Any, resource_arn: str) -> dict[str, Any]:
            return original(self, resource_arn) or {"Tags": []}

        return list_tags_for_resource

    p.wrap(AthenaBackend, "list_tags_for_resource", make)


@patch("athena.deletes")
def deletes(p: Patcher) -> None:
    """moto cannot delete named queries, data catalogs and prepared statements."""

    def delete(attribute: str, parameter: str) -> Any:
        def call(self: Any) -> str:
            getattr(self.athena_backend, attribute).pop(self._get_param(parameter), None)
            return "{}"

        return call

    p.set(AthenaResponse, "delete_named_query", delete("named_queries", "NamedQueryId"))
    p.set(AthenaResponse, "delete_data_catalog", delete("data_catalogs", "Name"))
    p.set(AthenaResponse, "delete_prepared_statement", delete("prepared_statements", "StatementName"))


@patch("athena.workgroup_updates")
def workgroup_updates(p: Patcher) -> None:
    """moto cannot change a workgroup, which a second apply with another scan limit does."""

    def update_work_group(self: Any) -> str:
        group = self.athena_backend.work_groups[self._get_param("WorkGroup")]
        if self._get_param("Description") is not None:
            group.description = self._get_param("Description")
        if self._get_param("State") is not None:
            group.state = self._get_param("State")
        changes = dict(self._get_param("ConfigurationUpdates") or {})
        if "ResultConfigurationUpdates" in changes:
            results = {**(group.configuration.get("ResultConfiguration") or {})}
            for key, value in changes.pop("ResultConfigurationUpdates").items():
                if key.startswith("Remove"):
                    results.pop(key.removeprefix("Remove"), None)
                else:
                    results[key] = value
            changes["ResultConfiguration"] = results
        if changes.pop("RemoveBytesScannedCutoffPerQuery", False):
            group.configuration.pop("BytesScannedCutoffPerQuery", None)
        group.configuration.update(changes)
        return "{}"

    p.set(AthenaResponse, "update_work_group", update_work_group)


@patch("athena.statements")
def statements(p: Patcher) -> None:
    """moto's Athena answers every statement with nothing. Here a real engine runs it over the same tables."""

    def get_query_execution(original: Any) -> Any:
        def call(self: Any) -> str:
            execution = self.athena_backend.executions.get(self._get_param("QueryExecutionId"))
            if execution is None:
                raise athena.invalid(f"QueryExecution {self._get_param('QueryExecutionId')} was not found")
            return json.dumps(athena.described(json.loads(original(self)), execution))

        return call

    def get_query_results(self: Any) -> str:
        limit, token = self._get_param("MaxResults") or 1000, self._get_param("NextToken") or 0
        return json.dumps(athena.results(self.athena_backend, self._get_param("QueryExecutionId"), int(limit), int(token)))

    p.set(AthenaBackend, "start_query_execution", athena.start_query_execution)
    p.wrap(AthenaResponse, "get_query_execution", get_query_execution)
    p.set(AthenaResponse, "get_query_results", get_query_results)
