"""CloudWatch's Embedded Metric Format: a log line that carries metrics becomes data of CloudWatch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def metrics(message: str) -> list[tuple[str, dict[str, Any]]]:
    """The (namespace, datum of PutMetricData) pairs of one line; none where the line is not of the format.

    As in AWS a line that breaks the format loses its metrics, not its text.
    """
    if '"_aws"' not in message:
        return []
    try:
        line = json.loads(message)
        head = line["_aws"]
        # moto keeps times without a zone, and means UTC
        at = datetime.fromtimestamp(int(head["Timestamp"]) / 1000, UTC).replace(tzinfo=None)
        return [
            (directive["Namespace"], datum) for directive in head["CloudWatchMetrics"] for datum in _data(line, directive, at)
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _data(line: dict[str, Any], directive: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
    found = []
    for names in directive.get("Dimensions") or [[]]:
        dimensions = [{"Name": name, "Value": str(line[name])} for name in names]
        for metric in directive["Metrics"]:
            value = line.get(metric["Name"])
            if value is None:
                continue
            values = value if isinstance(value, list) else [value]
            found.append(
                {
                    "MetricName": metric["Name"],
                    "Dimensions": dimensions,
                    "Timestamp": at,
                    "Unit": metric.get("Unit", "None"),
                    "Values": [float(each) for each in values],
                }
            )
    return found
