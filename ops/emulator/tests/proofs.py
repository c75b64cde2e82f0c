"""Proofs: for each patch one check that holds with it and fails without it."""

from __future__ import annotations

from collections.abc import Callable

from tests.cloud import Cloud

Check = Callable[[Cloud], None]
PROOFS: dict[str, Check] = {}


def proves(patch: str) -> Callable[[Check], Check]:
    """This check is the proof of that patch."""

    def register(check: Check) -> Check:
        assert patch not in PROOFS, f"{patch} is proven twice"
        PROOFS[patch] = check
        return check

    return register
