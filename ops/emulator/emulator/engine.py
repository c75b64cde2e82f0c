"""The Trino server behind Athena: configured for this emulator, started with the first statement, stopped with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import trino.dbapi
import trino.exceptions

from emulator import paths
from emulator.errors import EmulatorError

READY_WITHIN = 240.0
INSTALL = "run `python3 -m emulator install --trino`"

CATALOG = """connector.name=delta_lake
hive.metastore=glue
hive.metastore.glue.region={region}
hive.metastore.glue.endpoint-url={endpoint}
hive.metastore.glue.aws-access-key=test
hive.metastore.glue.aws-secret-key=test
hive.metastore.glue.default-warehouse-dir=s3://unused/
fs.native-s3.enabled=true
s3.region={region}
s3.endpoint={endpoint}
s3.path-style-access=true
s3.aws-access-key=test
s3.aws-secret-key=test
delta.metadata.cache-ttl=0s
delta.security=read_only
parquet.small-file-threshold=0B
"""

SERVER = """coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
catalog.management=static
query.max-memory=600MB
"""

JVM = [
    "-server",
    "-Xmx1G",
    "-XX:+UseG1GC",
    "-XX:ReservedCodeCacheSize=256M",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+EnableDynamicAgentLoading",
    "-Djdk.attach.allowAttachSelf=true",
    "-Djdk.nio.maxCachedBufferSize=2000000",
    "-Duser.timezone=UTC",
]


class Engine:
    """One Trino at most, for one region: the first one that asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._region: str | None = None
        self._state: Path | None = None
        self._endpoint = ""

    def configure(self, state: Path, endpoint: str) -> None:
        """Where its files go, and where the emulator's S3 and Glue listen."""
        self._state, self._endpoint = state, endpoint

    def problem(self) -> str | None:
        """Why no statement can run, and what to do about it; None when one can."""
        if self._state is None:
            return "this emulator has no state folder, and so no engine behind Athena"
        if not paths.trino_ready():
            return (
                "Athena's statements run on Trino here, and it is not installed:"
                f" {INSTALL} (1.1 GB are downloaded at most, 360 MB are kept)"
            )
        return None

    def pid(self) -> int | None:
        """The process, for the state file."""
        return self._process.pid if self._process else None

    def port(self, region: str) -> int:
        """The port of a Trino that answers; starts it when it is not there. Raises what can be told to the user."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start(region)
            if region != self._region:
                raise EmulatorError(
                    f"the engine behind Athena was started for {self._region}: one emulator serves one region, not {region} too"
                )
            assert self._port is not None, "started"
            return self._port

    def stop(self) -> None:
        """End it; a second call does nothing."""
        with self._lock:
            if self._process is None:
                return
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            if self._state is not None:
                pid_file(self._state).unlink(missing_ok=True)

    def _start(self, region: str) -> None:
        assert self._state is not None, "problem() was asked first"
        self._region, self._port = region, _free_port()
        folder = self._state / "trino"
        command = self._configure(folder)
        log = (folder / "server.log").open("wb")
        print(f"starting trino {paths.TRINO_VERSION} on port {self._port}", file=sys.stderr, flush=True)
        with log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        pid_file(self._state).write_text(str(self._process.pid))
        self._wait_ready(folder / "server.log")

    def _configure(self, folder: Path) -> list[str]:
        catalogs = folder / "etc" / "catalog"
        catalogs.mkdir(parents=True, exist_ok=True)
        (folder / "data").mkdir(exist_ok=True)
        catalog = CATALOG.format(region=self._region, endpoint=self._endpoint)
        (catalogs / "awsdatacatalog.properties").write_text(catalog)
        (folder / "etc" / "config.properties").write_text(SERVER.format(port=self._port))
        (folder / "etc" / "log.properties").write_text("io.trino=WARN\n")
        server = paths.trino() / "server"
        properties = {
            "node.environment": "emulated",
            "node.id": "emulator",
            "node.data-dir": folder / "data",
            "node.bind-ip": "127.0.0.1",
            "node.internal-address": "127.0.0.1",
            "config": folder / "etc" / "config.properties",
            "log.levels-file": folder / "etc" / "log.properties",
            "catalog.config-dir": catalogs,
            "plugin.dir": server / "plugin",
        }
        java = str(paths.trino() / "java-home" / "bin" / "java")
        given = [f"-D{key}={value}" for key, value in properties.items()]
        return [java, *JVM, *given, "-cp", f"{server / 'lib'}{os.sep}*", "io.trino.server.TrinoServer"]

    def _wait_ready(self, log: Path) -> None:
        """It answers `SELECT 1` before it can read a table, so ask for what needs a node and the catalog."""
        deadline = time.monotonic() + READY_WITHIN
        assert self._process is not None and self._port is not None, "started"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise EmulatorError(f"trino ended with status {self._process.returncode}: see {log}")
            try:
                cursor = trino.dbapi.connect(
                    host="127.0.0.1", port=self._port, user="emulator", catalog="awsdatacatalog", max_attempts=1
                ).cursor()
                cursor.execute("SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'")
                if cursor.fetchall()[0][0] >= 1:
                    cursor.execute("SELECT count(*) FROM information_schema.schemata")
                    cursor.fetchall()
                    return
            except (OSError, trino.exceptions.Error, trino.exceptions.HttpError):
                pass
            time.sleep(0.5)
        raise EmulatorError(f"trino did not answer within {READY_WITHIN:.0f} s: see {log}")


def pid_file(state: Path) -> Path:
    """Where the engine's process is noted, for a `stop` after the emulator itself was killed."""
    return state / "trino.pid"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


ENGINE = Engine()
