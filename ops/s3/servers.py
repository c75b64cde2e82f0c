#!/usr/bin/env python3
"""Starts the S3 servers that the store's tests talk to, on free ports of this machine alone.

    python3 ops/s3/servers.py cargo test -p store     runs a command with both
    python3 ops/s3/servers.py --until-stdin-closes    prints NAME=value lines, then `ready`

moto imitates S3 and takes more than S3 would; versitygw is a real server over a directory and is
strict. Both are installed once, in pinned versions, into --tools. One that cannot be had is named on
standard error and left out; the tests that want it then skip, or fail where everything is required.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
VERSITYGW = "v1.8.0"
BUCKET = "market-lake-tests"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def alone(tools: Path):
    """Whoever else installs into the same folder waits."""
    with (tools / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_moto(tools: Path) -> Path:
    folder = tools / f"moto-{zlib.crc32(REQUIREMENTS.read_bytes()):08x}"
    if not (folder / "complete").is_file():
        print(f"servers: installing moto into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--requirement", REQUIREMENTS],
            check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return folder / "bin/python"


def install_versitygw(tools: Path) -> Path:
    folder = tools / f"versitygw-{VERSITYGW}"
    program = folder / "versitygw"
    if not program.is_file():
        go = shutil.which("go")
        if not go:
            raise FileNotFoundError("no go; install Go 1.24 or newer")
        print(f"servers: building versitygw into {folder}", file=sys.stderr)
        made = folder.with_suffix(".part")
        subprocess.run(
            [go, "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}"],
            check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL,
            env={**os.environ, "GOBIN": str(made), "GOFLAGS": ""})
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return program


def wait_until(url: str, process: subprocess.Popen) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise ChildProcessError(f"it ended at once, with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, if only to say no
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("it does not answer")


def start(stack: contextlib.ExitStack, command: list, log: Path, env: dict) -> subprocess.Popen:
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL,
        stdout=log.open("wb"), stderr=subprocess.STDOUT, env={**os.environ, **env})

    def stop() -> None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)
    return process


def moto(stack: contextlib.ExitStack, tools: Path, work: Path) -> dict:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with alone(tools):
        python = install_moto(tools)
    process = start(stack, [python, HERE / "moto_server.py", port], work / "moto.log", {})
    wait_until(url + "/moto-api/", process)
    request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
    return {"MARKET_LAKE_TEST_MOTO": url}


def versitygw(stack: contextlib.ExitStack, tools: Path, work: Path) -> dict:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # a folder of its data is a bucket
    for folder in ("meta", "versions", f"data/{BUCKET}"):
        (work / folder).mkdir(parents=True)
    with alone(tools):
        program = install_versitygw(tools)
    process = start(
        stack,
        [program, "--port", f"127.0.0.1:{port}", "posix", "--sidecar", work / "meta",
         "--versioning-dir", work / "versions", work / "data"],
        work / "versitygw.log", {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "testtest"})
    wait_until(url, process)
    return {"MARKET_LAKE_TEST_VERSITYGW": url}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tools", type=Path, default=ROOT / "target/tools", help="where both are installed")
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.until_stdin_closes and not args.command:
        parser.error("a command, or --until-stdin-closes")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args.tools.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3-")))
        found = {}
        for server in (moto, versitygw):
            try:
                found |= server(stack, args.tools.resolve(), work)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"servers: no {server.__name__}: {error}", file=sys.stderr)
        if args.until_stdin_closes:
            for name, value in found.items():
                print(f"{name}={value}")
            print("ready", flush=True)
            sys.stdin.buffer.read()
            return 0
        return subprocess.run(args.command, env={**os.environ, **found}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
