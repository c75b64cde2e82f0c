"""CloudWatch alarms."""

from __future__ import annotations

from moto.cloudwatch.responses import CloudWatchResponse

from emulator.patching import Patcher, patch


@patch("cloudwatch.composite_alarms")
def composite_alarms(p: Patcher) -> None:
    """moto's PutMetricAlarm can make composite alarms, but does not answer to PutCompositeAlarm."""
    p.set(CloudWatchResponse, "put_composite_alarm", CloudWatchResponse.put_metric_alarm)
