"""IAM: the simulation of policies."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse

from emulator import policies
from emulator.patching import Patcher, patch


@patch("iam.simulate_custom_policy")
def simulate_custom_policy(p: Patcher) -> None:
    """moto enforces no policy and simulates none: what a role may do would be known in an account alone."""

    def simulate(self: Any) -> ActionResult:
        given = self._get_param("PolicyInputList") or []
        boundary = self._get_param("PermissionsBoundaryPolicyInputList") or []
        context = {
            entry["ContextKeyName"].lower(): entry["ContextKeyValues"] for entry in self._get_param("ContextEntries") or []
        }
        results = []
        for action in self._get_param("ActionNames") or []:
            for resource in self._get_param("ResourceArns") or ["*"]:
                try:
                    decision = policies.judge(given, boundary, action, resource, context)
                except (policies.UnknownPolicyError, KeyError, ValueError) as error:
                    raise IAMException("InvalidInput", f"the policy cannot be judged: {error!r}") from error
                results.append({"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision})
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    p.set(IamResponse, "simulate_custom_policy", simulate)
