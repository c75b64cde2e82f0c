"""One emulator within the test process, and what tests need to talk to it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

sys.dont_write_bytecode = True
# no configuration of the user may reach the clients
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
os.environ.pop("AWS_PROFILE", None)
os.environ.pop("AWS_ENDPOINT_URL", None)

import pytest  # noqa: E402

from emulator.app import Emulator  # noqa: E402
from tests.cloud import Cloud  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator."""
    emulator = Emulator(0, tmp_path_factory.mktemp("state"))
    thread = threading.Thread(target=emulator.serve, daemon=True)
    thread.start()
    yield emulator
    emulator.stop_soon()
    thread.join(10)


@pytest.fixture
def cloud(server: Emulator) -> Iterator[Cloud]:
    """Clients, and a runner that ends with the test."""
    made = Cloud(f"http://127.0.0.1:{server.port}")
    yield made
    made.close()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder in which nothing is installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path
