"""SQS: what Terraform reads back."""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue

from emulator.patching import Patcher, patch


@patch("sqs.redrive_policy_text")
def redrive_policy_text(p: Patcher) -> None:
    """AWS gives a redrive policy back as it was sent; moto adds blanks, which Terraform sees as drift."""
    original = Queue.attributes.fget

    def attributes(self: Any) -> dict[str, Any]:
        found = original(self)
        if found.get("RedrivePolicy"):
            policy = json.loads(found["RedrivePolicy"])
            found["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"), sort_keys=True)
        return found

    p.set(Queue, "attributes", property(attributes))
