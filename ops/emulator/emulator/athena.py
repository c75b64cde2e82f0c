"""Athena over Trino: a statement's life, Athena's text of values, its CSV, its statistics."""

from __future__ import annotations

import json
import re
import threading
import time
from decimal import Decimal
from typing import Any

import trino.dbapi
import trino.exceptions
from moto.athena import models
from moto.core.exceptions import JsonRESTError
from moto.s3.models import s3_backends
from moto.s3.utils import bucket_and_name_from_url

from emulator.engine import ENGINE
from emulator.errors import EmulatorError

DONE = ("SUCCEEDED", "FAILED", "CANCELLED")
PRECISION = {"bigint": 19, "integer": 10, "smallint": 5, "tinyint": 3, "double": 17, "real": 17, "timestamp": 3}
VARCHAR = 2147483647
USER_ERROR, SYSTEM_ERROR = 2, 1
# seconds after which an engine without a node counts as broken
NODE_WITHIN = 30.0
# a statement that takes longer than this is not one of a test
LONGEST = "5m"


def invalid(message: str) -> JsonRESTError:
    """The error that Athena's calls answer for what the caller can mend."""
    return JsonRESTError("InvalidRequestException", message)


def column(description: tuple[Any, ...]) -> dict[str, Any]:
    """Athena's ColumnInfo of one column as Trino describes it."""
    name, signature = description[0], description[1]
    if signature.startswith("time"):
        base, numbers = re.sub(r"\(.*?\)", "", signature), []
    else:
        base = signature.split("(")[0]
        numbers = [int(n) for n in re.findall(r"\d+", signature)] if base in ("decimal", "varchar", "char") else []
    default = VARCHAR if base == "varchar" else PRECISION.get(base, 0)
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": base,
        "Precision": numbers[0] if numbers else default,
        "Scale": numbers[1] if len(numbers) > 1 else 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": base in ("varchar", "char"),
    }


def text(value: Any) -> str | None:
    """Athena's text of one value of Trino's protocol, in which decimals and times are strings already."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_nested(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_nested(each)}" for key, each in value.items()) + "}"
    return str(value)


def _nested(value: Any) -> str:
    found = text(value)
    return "null" if found is None else found


def _double(value: float) -> str:
    """A double as Java's Double.toString writes it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), "finite"
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' * sign}{digits[0]}.{rest}E{exponent + len(digits) - 1}"


def csv_of(rows: list[list[str | None]]) -> str:
    """Athena's result file: every value in quotation marks, null as nothing at all."""

    def cell(value: str | None) -> str:
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    return "".join(",".join(map(cell, row)) + "\n" for row in rows)


class Execution(models.Execution):
    """One statement. Its state is the truth of the thread that runs it, not a counter as in moto."""

    def __init__(self, **kwargs: Any) -> None:
        self.state = "QUEUED"
        self.reason: str | None = None
        self.error_category: int | None = None
        self.stats: dict[str, Any] = {}
        self.cursor: Any = None
        self.ended: float | None = None
        self._lock = threading.Lock()
        super().__init__(**kwargs)

    @property
    def status(self) -> str:
        """What GetQueryExecution shows."""
        return self.state

    @status.setter
    def status(self, value: str) -> None:
        """StopQueryExecution sets this."""
        if self.finish(value, "Query cancelled by user") and self.cursor is not None:
            self.cursor.cancel()

    def finish(self, state: str, reason: str | None = None, category: int | None = None) -> bool:
        """End it, once: whether this call did."""
        with self._lock:
            if self.state in DONE:
                return False
            self.end_time = self.ended = time.time()
            self.reason, self.error_category = reason, category
            self.state = state
            return True

    def limit(self) -> int | None:
        """The bytes that the workgroup lets a statement scan."""
        configuration = self.workgroup.configuration if self.workgroup else {}
        value = configuration.get("BytesScannedCutoffPerQuery")
        return int(value) if value else None

    def over_limit(self) -> str:
        """Why a statement was cut off, in Athena's words and with the figures."""
        name = self.workgroup.name if self.workgroup else "primary"
        return (
            f"Query cancelled! : Bytes scanned limit was exceeded (workgroup {name} allows {self.limit()} bytes a query;"
            " name fewer columns or partitions, or raise the limit)"
        )

    def run(self, backend: Any) -> None:
        """Run the statement to its end, whatever that is."""
        try:
            self._run(backend)
        except trino.exceptions.TrinoQueryError as error:
            self.stats = dict(self.cursor.stats or {}) if self.cursor else {}
            if error.error_name == "EXCEEDED_SCAN_LIMIT":
                self.finish("CANCELLED", self.over_limit())
            else:
                category = USER_ERROR if error.error_type == "USER_ERROR" else SYSTEM_ERROR
                self.finish("FAILED", f"{error.error_name}: {error.message}", category)
        except EmulatorError as error:
            self.finish("FAILED", str(error), SYSTEM_ERROR)
        except Exception as error:  # a missing result bucket, an engine that died: the statement failed, not the server
            self.finish("FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}", SYSTEM_ERROR)

    def _run(self, backend: Any) -> None:
        context = self.context or {}
        limit = self.limit()
        properties = {"query_max_run_time": LONGEST}
        if limit:
            properties["query_max_scan_physical_bytes"] = f"{limit}B"
        connection = trino.dbapi.connect(
            host="127.0.0.1",
            port=ENGINE.port(backend.region_name),
            user="athena",
            catalog=(context.get("Catalog") or "awsdatacatalog").lower(),
            schema=context.get("Database") or "default",
            timezone="UTC",
            legacy_primitive_types=True,
            session_properties=properties,
        )
        statement = self.query.strip().rstrip(";")
        if self.execution_parameters:
            escaped = statement.replace("'", "''")
            statement = f"EXECUTE IMMEDIATE '{escaped}' USING {', '.join(self.execution_parameters)}"
        if self.state in DONE:
            return
        found = self._ask(connection, statement)
        self.stats = dict(self.cursor.stats)
        # Trino itself looks at the limit only about once a second
        if limit and self.stats.get("physicalInputBytes", 0) > limit:
            self.finish("CANCELLED", self.over_limit())
            return
        columns = [column(each) for each in self.cursor.description or []]
        head = [each["Name"] for each in columns]
        rows = ([head] if columns else []) + [[text(value) for value in row] for row in found]
        if self.state in DONE:
            return
        bucket, key = bucket_and_name_from_url(self.config["OutputLocation"])
        s3_backends[backend.account_id][backend.partition].put_object(
            bucket_name=bucket, key_name=key, value=csv_of(rows).encode()
        )
        data = [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in rows]
        backend.query_results[self.id] = models.QueryResults(data, columns)
        self.finish("SUCCEEDED")


    def _ask(self, connection: Any, statement: str) -> list[Any]:
        """The rows. The engine's one node may be unknown to its scheduler for a moment, which mends itself."""
        deadline = time.monotonic() + NODE_WITHIN
        while True:
            with self._lock:
                if self.state in DONE:
                    return []
                self.cursor, self.state = connection.cursor(), "RUNNING"
            try:
                self.cursor.execute(statement)
                return self.cursor.fetchall()
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


def start_query_execution(
    backend: Any, query: str, context: Any, config: Any, workgroup: str | None, execution_parameters: list[str] | None
) -> str:
    """StartQueryExecution: the workgroup decides where results go when it enforces its configuration."""
    problem = ENGINE.problem()
    if problem:
        raise invalid(problem)
    group = backend.work_groups.get(workgroup or "primary")
    configuration = group.configuration if group else {}
    enforced = dict(configuration.get("ResultConfiguration") or {})
    if configuration.get("EnforceWorkGroupConfiguration") and enforced.get("OutputLocation"):
        config = enforced
    else:
        config = {**enforced, **(config or {})}
    if not config.get("OutputLocation"):
        raise invalid(
            "No output location provided. An output location is required either through the Workgroup result"
            " configuration setting or as an API input."
        )
    execution = Execution(query=query, context=context, config=config, workgroup=group, execution_parameters=execution_parameters)
    backend.executions[execution.id] = execution
    threading.Thread(target=execution.run, args=(backend,), daemon=True, name=f"athena-{execution.id}").start()
    return execution.id


def described(answer: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """moto's answer of GetQueryExecution with what really happened."""
    query, stats = answer["QueryExecution"], execution.stats
    if execution.reason:
        query["Status"]["StateChangeReason"] = execution.reason
    if execution.error_category:
        query["Status"]["AthenaError"] = {
            "ErrorCategory": execution.error_category,
            "ErrorType": 0,
            "Retryable": False,
            "ErrorMessage": execution.reason,
        }
    if execution.state not in DONE:
        query["Status"].pop("CompletionDateTime", None)
    query["Statistics"].update(
        DataScannedInBytes=stats.get("physicalInputBytes", 0),
        EngineExecutionTimeInMillis=stats.get("elapsedTimeMillis", 0),
        QueryPlanningTimeInMillis=stats.get("planningTimeMillis", 0),
        QueryQueueTimeInMillis=stats.get("queuedTimeMillis", 0),
        TotalExecutionTimeInMillis=int(((execution.ended or time.time()) - execution.start_time) * 1000),
    )
    query["EngineVersion"] = {
        "SelectedEngineVersion": "AUTO",
        "EffectiveEngineVersion": "Athena engine version 3",
    }
    words = query["Query"].split(None, 1)
    query.setdefault("SubstatementType", words[0].upper() if words else "")
    return answer


def results(backend: Any, execution_id: str, limit: int, first: int) -> dict[str, Any]:
    """GetQueryResults, a page of it."""
    execution = backend.executions.get(execution_id)
    if execution is None:
        raise invalid(f"QueryExecution {execution_id} was not found")
    if execution.state in ("FAILED", "CANCELLED"):
        raise invalid(f"Query did not finish successfully. Final query state: {execution.state}")
    if execution.state not in DONE:
        raise invalid(f"Query has not yet finished. Current state: {execution.state}")
    answer: dict[str, Any] = json.loads(json.dumps(backend.query_results[execution_id].to_dict()))
    rows = answer["ResultSet"]["Rows"]
    answer["ResultSet"]["Rows"] = rows[first : first + limit]
    answer["UpdateCount"] = 0
    if first + limit < len(rows):
        answer["NextToken"] = str(first + limit)
    return answer
