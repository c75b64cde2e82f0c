"""CloudWatch in CBOR, as newer SDKs ask it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.cloud import Cloud


def test_alarms_and_metrics_go_and_come_back(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="market-lake-é",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
    )
    [alarm] = client.describe_alarms(AlarmNamePrefix="market-lake-")["MetricAlarms"]
    assert (alarm["AlarmName"], alarm["Threshold"]) == ("market-lake-é", 3.0)
    assert isinstance(alarm["StateUpdatedTimestamp"], datetime)
    now = datetime.now(UTC)
    client.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 2.5, "Timestamp": now}])
    [point] = client.get_metric_statistics(
        Namespace="n",
        MetricName="m",
        Period=60,
        Statistics=["Sum"],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
    )["Datapoints"]
    assert point["Sum"] == 2.5
    client.delete_alarms(AlarmNames=["market-lake-é"])
    assert client.describe_alarms(AlarmNamePrefix="market-lake-")["MetricAlarms"] == []


def test_a_failure_has_its_code(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("cloudwatch").get_dashboard(DashboardName="none")
    assert error.value.response["Error"]["Code"] in ("ResourceNotFound", "DashboardNotFoundError")
