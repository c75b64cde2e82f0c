"""Where things lie: what is installed in the user's cache, what belongs to one running emulator in its state folder."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REQUIREMENTS = HERE / "requirements.txt"
JAVA_REQUIREMENTS = HERE / "requirements-java.txt"

TRINO_VERSION = "476"


def cache() -> Path:
    """The folder that installations are kept in, outside of any clone so that every clone shares it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "market-lake" / "emulator"


def venv() -> Path:
    """The virtual environment for exactly these requirements and this Python: a change of either makes a new one."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return cache() / f"venv-{sys.version_info.major}.{sys.version_info.minor}-{key}"


def venv_python() -> Path:
    """The interpreter of the virtual environment."""
    return venv() / "bin" / "python"


def venv_ready() -> bool:
    """Whether the installation ran to its end."""
    return (venv() / ".complete").exists()


def trino() -> Path:
    """The folder of the Trino server: `lib/`, `plugin/delta-lake/`, and `java-home`."""
    return cache() / f"trino-{TRINO_VERSION}"


def trino_ready() -> bool:
    """Whether Trino and a Java for it are installed."""
    return (trino() / ".complete").exists() and (trino() / "java-home" / "bin" / "java").exists()
