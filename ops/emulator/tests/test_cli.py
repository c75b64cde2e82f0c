"""The commands as a user types them: each in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator import install, paths, process, unpack

Call = Callable[..., subprocess.CompletedProcess[str]]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(paths.HERE), "PYTHONDONTWRITEBYTECODE": "1", **more}


def emulator(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator", *arguments]
    return subprocess.run(command, env=environment(**more), capture_output=True, text=True, timeout=60)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[Path, process.Running]]:
    """A running emulator and its state folder."""
    state = tmp_path / "state"
    server = subprocess.Popen(
        [sys.executable, "-m", "emulator", "serve", "--state", str(state)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline().startswith("ready: http://127.0.0.1:")
    running = process.noted(state)
    assert running is not None
    yield state, running
    server.kill()
    server.wait()
    server.stdout.close()


def test_serve_status_stop(serving: tuple[Path, process.Running]) -> None:
    state, running = serving
    found = emulator("status", "--state", str(state))
    assert (found.returncode, found.stdout.split(",")[0]) == (
        0,
        f"running: {running.endpoint} (process {running.pid})",
    )
    health = json.loads(emulator("status", "--state", str(state), "--json").stdout)
    assert health["service"] == "market-lake-emulator"
    assert "ecs.task_lifecycle" in health["patches"]

    again = emulator("serve", "--state", str(state))
    assert again.returncode == 1
    assert again.stderr.startswith("error: an emulator of ")
    assert again.stderr.count("\n") == 1

    assert emulator("stop", "--state", str(state)).stdout == "stopped\n"
    assert emulator("stop", "--state", str(state)).stdout == "was not running\n"
    found = emulator("status", "--state", str(state))
    assert (found.returncode, found.stdout) == (3, "not running\n")
    assert not process.state_file(state).exists()


def test_a_killed_emulator_leaves_nothing_that_confuses(serving: tuple[Path, process.Running]) -> None:
    state, running = serving
    os.kill(running.pid, 9)
    time.sleep(0.2)
    assert emulator("status", "--state", str(state)).stdout == "not running\n"
    assert emulator("stop", "--state", str(state)).stdout == "was not running\n"


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = emulator("serve", "--port", str(port), "--state", str(tmp_path))
    assert found.returncode == 1
    assert found.stderr == (
        f"error: port {port} is taken: stop what listens there, or name another with --port (0 takes a free one)\n"
    )


def test_an_orphaned_engine_is_ended_and_a_stranger_is_not(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = subprocess.Popen([*sleep, str(tmp_path / "trino"), "io.trino.server.TrinoServer"])
    stranger = subprocess.Popen([*sleep, "io.trino.server.TrinoServer"])
    try:
        for each in (stranger, ours):
            (tmp_path / "trino.pid").write_text(str(each.pid))
            time.sleep(0.2)
            process.stop_orphan(tmp_path)
        assert ours.wait(5) != 0
        assert stranger.poll() is None
        assert not (tmp_path / "trino.pid").exists()
    finally:
        for each in (ours, stranger):
            each.kill()
            each.wait()


def test_without_installation_it_says_what_to_type(tmp_path: Path) -> None:
    """-S: a Python that has none of the packages."""
    command = [sys.executable, "-S", "-m", "emulator", "serve", "--state", str(tmp_path)]
    found = subprocess.run(command, env=environment(XDG_CACHE_HOME=str(tmp_path)), capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stderr) == (
        1,
        "error: the emulator is not installed: run `python3 -m emulator install`\n",
    )
    check = emulator("install", "--check", "--trino", XDG_CACHE_HOME=str(tmp_path))
    assert (check.returncode, check.stdout) == (3, "virtual environment: missing\ntrino 476: missing\n")


def test_the_newest_java_that_is_new_enough(tmp_path: Path) -> None:
    homes = []
    for version in ("17.0.15", "24.0.1", "25.0.3", "26"):
        home = tmp_path / version
        (home / "bin").mkdir(parents=True)
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
        if version != "26":  # no java in it
            (home / "bin" / "java").touch()
        homes.append(home)
    assert install.find_java(homes) == tmp_path / "25.0.3"
    assert install.find_java(homes[:1]) is None
    assert install.find_java([tmp_path / "none"]) is None


def test_unpacking_follows_hard_links(tmp_path: Path) -> None:
    root = tmp_path / "trino-server-1"
    for name, text in {
        "plugin/hive/shared.jar": "shared",
        "plugin/hive/own.jar": "own",
        "lib/a.jar": "a",
        "plugin/delta-lake/b.jar": "b",
        "plugin/delta-lake/hdfs/c.jar": "c",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    os.link(root / "plugin/hive/shared.jar", root / "plugin/delta-lake/shared.jar")
    os.link(root / "plugin/hive/shared.jar", root / "lib/shared.jar")
    archive = tmp_path / "trino.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        # the links come after what they point to, as tar writes them
        for folder in ("plugin/hive", "lib", "plugin/delta-lake"):
            tar.add(root / folder, f"{root.name}/{folder}")
    unpack.unpack(archive, tmp_path / "out", "1")
    found = {str(p.relative_to(tmp_path / "out")): p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {
        "lib/a.jar": "a",
        "lib/shared.jar": "shared",
        "plugin/delta-lake/b.jar": "b",
        "plugin/delta-lake/shared.jar": "shared",
    }
