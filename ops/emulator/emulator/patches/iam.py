"""IAM: what it refuses, the roles that services make for themselves, and the simulation of policies."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.models import EC2ContainerServiceBackend
from moto.iam.exceptions import IAMException, NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from emulator import policies
from emulator.patching import Patcher, patch


@patch("iam.boundaries")
def boundaries(p: Patcher) -> None:
    """A role whose boundary is not there is refused by AWS; moto takes every ARN that looks like one of a policy."""

    def make(original: Any) -> Any:
        def create_role(self: Any, *args: Any, **kwargs: Any) -> Any:
            # name, document, path, boundary
            boundary = kwargs.get("permissions_boundary") or (args[3] if len(args) > 3 else None)
            if boundary and boundary not in self.managed_policies:
                raise NotFoundException(f"Scope ARN: {boundary} does not exist or is not attachable.")
            return original(self, *args, **kwargs)

        return create_role

    p.wrap(IAMBackend, "create_role", make)


@patch("ecs.service_linked_role")
def service_linked_role(p: Patcher) -> None:
    """With the first cluster of an account ECS makes its own role, which Terraform must not make again; moto makes none."""

    def make(original: Any) -> Any:
        def create_cluster(self: Any, *args: Any, **kwargs: Any) -> Any:
            iam = iam_backends[self.account_id][self.partition]
            path = "/aws-service-role/ecs.amazonaws.com/"
            if not any(role.path == path for role in iam.get_roles()):
                iam.create_service_linked_role("ecs.amazonaws.com", "", "")
            return original(self, *args, **kwargs)

        return create_cluster

    p.wrap(EC2ContainerServiceBackend, "create_cluster", make)


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
