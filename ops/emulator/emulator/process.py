"""The state file of a running emulator, and what `status` and `stop` make of it. Standard library only."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emulator.errors import EmulatorError

STOPS_WITHIN = 15.0


@dataclass(frozen=True)
class Running:
    """Which process serves which port."""

    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        """The address of everything."""
        return f"http://127.0.0.1:{self.port}"


def state_file(state: Path) -> Path:
    """Where a running emulator notes itself."""
    return state / "emulator.json"


def note(state: Path, running: Running) -> None:
    """Write the state file, whole or not at all."""
    temp = state_file(state).with_suffix(".tmp")
    temp.write_text(json.dumps({**asdict(running), "endpoint": running.endpoint}) + "\n")
    temp.replace(state_file(state))


def forget(state: Path, pid: int) -> None:
    """Remove the state file, unless another emulator wrote it."""
    found = noted(state)
    if found is not None and found.pid == pid:
        state_file(state).unlink(missing_ok=True)


def noted(state: Path) -> Running | None:
    """What the state file says, true or not."""
    try:
        found = json.loads(state_file(state).read_text())
        return Running(int(found["pid"]), int(found["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def health(running: Running) -> dict[str, Any] | None:
    """What the emulator says of itself; None when it is not the one that is noted, or does not answer."""
    try:
        with urllib.request.urlopen(f"{running.endpoint}/_emulator/health", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return found if found.get("pid") == running.pid else None


def stop(state: Path) -> bool:
    """Stop the emulator of this state folder and its engine; whether there was one. Repeating it is harmless."""
    running = noted(state)
    # one that is too busy to answer is one all the same
    alive = running is not None and (health(running) is not None or _is_emulator(running.pid, state))
    if running is not None and alive:
        request = urllib.request.Request(f"{running.endpoint}/_emulator/shutdown", method="POST")
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except (OSError, urllib.error.URLError):
            pass  # it is asked by signal next
        if not _gone(running.pid, STOPS_WITHIN):
            _signal(running.pid, signal.SIGTERM)
        if not _gone(running.pid, STOPS_WITHIN):
            _signal(running.pid, signal.SIGKILL)
        if not _gone(running.pid, STOPS_WITHIN):
            raise EmulatorError(f"the emulator (process {running.pid}) does not end: kill it")
    stop_orphan(state)
    state_file(state).unlink(missing_ok=True)
    return alive


def stop_orphan(state: Path) -> None:
    """End a Trino of this state folder whose emulator was killed. Its command line proves that it is ours."""
    note_of_pid = state / "trino.pid"
    try:
        pid = int(note_of_pid.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        note_of_pid.unlink(missing_ok=True)
        return
    if b"TrinoServer" in command and str(state / "trino").encode() in command:
        _signal(pid, signal.SIGTERM)
        if not _gone(pid, 10):
            _signal(pid, signal.SIGKILL)
    note_of_pid.unlink(missing_ok=True)


def _is_emulator(pid: int, state: Path) -> bool:
    """Whether the process is an emulator, and of this state folder."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        folder = words[words.index("--state") + 1]
        return words[1:4] == ["-m", "emulator", "serve"] and Path(f"/proc/{pid}/cwd", folder).resolve() == state.resolve()
    except (OSError, ValueError, IndexError):
        return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _gone(pid: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            pass
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
