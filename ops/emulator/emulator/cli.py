"""The commands: install, serve, status, stop."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

from emulator import install, paths, process
from emulator.errors import EmulatorError


def main(argv: list[str] | None = None) -> int:
    """Run one command; an error that the user can act on is one line."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        return code
    except EmulatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="An AWS account on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve until stopped")
    serve.add_argument("--port", type=int, default=0, help="the port, 0 for a free one (default)")
    serve.add_argument("--public", action="store_true", help="listen on every address, for containers as tasks")
    serve.add_argument("--max-backoff", type=float, metavar="SECONDS", help="let no Retry wait longer than this")
    serve.set_defaults(run=_serve)

    status = commands.add_parser("status", help="say whether one runs: status 0, else 3")
    status.add_argument("--json", action="store_true", help="all that it says of itself")
    status.set_defaults(run=_status)

    stop = commands.add_parser("stop", help="stop it, and the engine behind Athena")
    stop.set_defaults(run=_stop)

    for each in (serve, status, stop):
        each.add_argument("--state", type=Path, required=True, metavar="DIR", help="its state folder")

    installer = commands.add_parser("install", help="install what it needs into the cache folder")
    installer.add_argument("--trino", action="store_true", help="also the engine behind Athena")
    installer.add_argument("--check", action="store_true", help="only say what is there: status 0 when all is")
    installer.set_defaults(run=_install)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    _use_venv()
    # only now: these need what `install` installs
    from emulator.app import Emulator
    from emulator.settings import SETTINGS

    state: Path = arguments.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    other = process.noted(state)
    if other is not None and process.health(other) is not None:
        raise EmulatorError(
            f"an emulator of {state} serves port {other.port} already: use it, or run `python3 -m emulator stop --state {state}`"
        )
    process.stop_orphan(state)
    SETTINGS.max_backoff = arguments.max_backoff
    emulator = Emulator(arguments.port, state, public=arguments.public)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: emulator.stop_soon())
    running = process.Running(os.getpid(), emulator.port)
    process.note(state, running)
    print(f"ready: {running.endpoint}", flush=True)
    try:
        emulator.serve()
    finally:
        process.forget(state, os.getpid())
    return 0


def _status(arguments: argparse.Namespace) -> int:
    running = process.noted(arguments.state.resolve())
    found = process.health(running) if running else None
    if arguments.json:
        print(json.dumps(found or {"service": None}))
    elif running and found:
        print(f"running: {running.endpoint} (process {running.pid}), athena: {found['athena']}")
    else:
        print("not running")
    return 0 if found else 3


def _stop(arguments: argparse.Namespace) -> int:
    print("stopped" if process.stop(arguments.state.resolve()) else "was not running")
    return 0


def _install(arguments: argparse.Namespace) -> int:
    if not arguments.check:
        install.install(arguments.trino)
        return 0
    parts = {"virtual environment": paths.venv_ready()}
    if arguments.trino:
        parts[f"trino {paths.TRINO_VERSION}"] = paths.trino_ready()
    for name, there in parts.items():
        print(f"{name}: {'installed' if there else 'missing'}")
    return 0 if all(parts.values()) else 3


def _use_venv() -> None:
    """Go on in the installed environment, unless this Python has what is needed."""
    if all(importlib.util.find_spec(name) for name in ("moto", "jsonata", "trino")):
        return
    if not paths.venv_ready():
        raise EmulatorError("the emulator is not installed: run `python3 -m emulator install`")
    python = str(paths.venv_python())
    path = os.pathsep.join(filter(None, [str(paths.HERE), os.environ.get("PYTHONPATH", "")]))
    os.environ.update(PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    os.execv(python, [python, "-m", "emulator", *sys.argv[1:]])
