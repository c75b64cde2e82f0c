"""S3: what Terraform reads back, and a policy that refuses plain HTTP."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from emulator.patching import Patcher, patch

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@patch("s3.policy_conditions")
def policy_conditions(p: Patcher) -> None:
    """moto judges a bucket policy without its Conditions, so a Deny of plain HTTP or of other accounts locks everyone out.

    Statements with a condition are left out of the judgement: here no condition can be checked, and nobody is kept out.
    """

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        policy["Statement"] = [each for each in statements if "Condition" not in each]
        if not policy["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    p.set(FakeBucket, "get_permission", get_permission)


@patch("s3.eventbridge_notification")
def eventbridge_notification(p: Patcher) -> None:
    """The switch that sends a bucket's events to EventBridge is kept by moto but not given back, which is drift."""

    def make(original: Any) -> Any:
        def get_bucket_notification(self: Any) -> Any:
            status, headers, body = original(self)
            configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
            if configuration is None or configuration.event_bridge is None:
                return status, headers, body
            text = body.decode() if isinstance(body, bytes) else body
            end = "</NotificationConfiguration>"
            if end not in text:
                text = f'<NotificationConfiguration xmlns="{NAMESPACE}">{end}'
            return status, headers, text.replace(end, f"<EventBridgeConfiguration/>{end}")

        return get_bucket_notification

    p.wrap(S3Response, "get_bucket_notification", make)
