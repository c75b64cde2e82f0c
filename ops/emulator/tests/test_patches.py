"""Every patch does what it is for, and is still needed.

When `test_is_still_needed` fails, upstream has mended the thing: delete the patch.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.checks_account
import tests.checks_capacity
import tests.checks_maps
import tests.checks_stepfunctions  # noqa: F401  the modules register their checks
from emulator import patching
from emulator.app import Emulator
from emulator.patching import REGISTRY
from tests.cloud import Cloud
from tests.proofs import PROOFS


def test_every_patch_is_proven() -> None:
    assert sorted(PROOFS) == sorted(REGISTRY)


@pytest.mark.parametrize("name", sorted(PROOFS))
def test_works(name: str, cloud: Cloud, empty_cache: Path) -> None:
    PROOFS[name](cloud)


@pytest.mark.parametrize("name", sorted(PROOFS))
def test_is_still_needed(name: str, cloud: Cloud, server: Emulator, empty_cache: Path) -> None:
    server.patcher.undo()
    server.patcher = patching.apply_all(without=name)
    try:
        with pytest.raises((Exception, pytest.fail.Exception)):
            PROOFS[name](cloud)
    finally:
        server.patcher.undo()
        server.patcher = patching.apply_all()
