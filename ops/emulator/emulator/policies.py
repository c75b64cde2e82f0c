"""IAM's judgement of a call by policies: what SimulateCustomPolicy answers. Nothing else here asks it.

Known are the elements and operators that this repository's policies use; one that is not known is an error and never
a yes or a no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

ALLOWED, DENIED, NOT_ALLOWED = "allowed", "explicitDeny", "implicitDeny"
ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


class UnknownPolicyError(Exception):
    """A policy holds what is not known here."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str, flags: int = 0) -> bool:
    """Whether a text is as a pattern with `*` and `?` says; both stand for slashes and colons too."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, flags | re.DOTALL) is not None


# operators: of a value that was sent and one that a policy has
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda sent, wanted: sent == wanted,
    "StringLike": lambda sent, wanted: _matches(wanted, sent),
    "ArnEquals": lambda sent, wanted: _matches(wanted, sent),
    "ArnLike": lambda sent, wanted: _matches(wanted, sent),
    "Bool": lambda sent, wanted: sent.lower() == wanted.lower(),
}
# the same, of which none may match
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotEquals": "ArnEquals"}


def _holds(operator: str, key: str, wanted: list[str], context: dict[str, list[str]]) -> bool:
    plain = operator.removesuffix("IfExists")
    if plain not in OPERATORS and plain not in NEGATED:
        raise UnknownPolicyError(f"the operator {operator} of a condition is not known here")
    sent = context.get(key.lower())
    if sent is None:
        # what is not sent equals nothing
        return operator != plain or plain in NEGATED
    compare = OPERATORS[NEGATED.get(plain, plain)]
    found = any(compare(each, want) for each in sent for want in wanted)
    return found != (plain in NEGATED)


def _applies(statement: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]) -> bool:
    if unknown := set(statement) - ELEMENTS:
        raise UnknownPolicyError(f"the element {sorted(unknown)[0]} of a statement is not known here")
    if not any(_matches(each, action, re.IGNORECASE) for each in _list(statement["Action"])):
        return False
    if not any(_matches(each, resource) for each in _list(statement["Resource"])):
        return False
    conditions = statement.get("Condition") or {}
    return all(
        _holds(operator, key, [str(each) for each in _list(wanted)], context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _judged(policies: Iterable[str], action: str, resource: str, context: dict[str, list[str]]) -> str:
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in _list(json.loads(policy)["Statement"])
        if _applies(statement, action, resource, context)
    }
    if "Deny" in effects:
        return DENIED
    return ALLOWED if "Allow" in effects else NOT_ALLOWED


def judge(policies: list[str], boundary: list[str], action: str, resource: str, context: dict[str, list[str]]) -> str:
    """The decision of one call, with a boundary where there is one; the names of keys in `context` are lower case."""
    found = _judged(policies, action, resource, context)
    if found != ALLOWED or not boundary:
        return found
    return _judged(boundary, action, resource, context)
