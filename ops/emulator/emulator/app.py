"""The server: moto with every patch, behind the emulator's own endpoints."""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path
from typing import Any

from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

import emulator.patches  # noqa: F401  registers them
from emulator import patching
from emulator.cbor import Cbor
from emulator.conditions import OneAtATime
from emulator.control import Control
from emulator.engine import ENGINE
from emulator.errors import EmulatorError
from emulator.outside import Outside
from emulator.witness import Witness


class Handler(MotoRequestHandler):
    """moto's, without a line for every request."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing: a run makes thousands."""


class Emulator:
    """One server within this process."""

    def __init__(self, port: int, state: Path, public: bool = False, without: str | None = None) -> None:
        self.host = "0.0.0.0" if public else "127.0.0.1"
        self.state = state
        # moto's interpreter of state machines calls the other services here
        os.environ["MOTO_PORT"] = str(port)
        default_user_config["iam"]["load_aws_managed_policies"] = True
        # warnings of moto's about what the patches mend
        for name in ("werkzeug", "moto"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.patcher = patching.apply_all(without)
        witness = Witness(Cbor(OneAtATime(DomainDispatcherApplication(create_backend_app))))
        app = Control(witness, self.health, self.stop_soon, witness.seen, self._outside)
        self._server = self._listen(port, app)
        self.port: int = self._server.server_address[1]
        os.environ["MOTO_PORT"] = str(self.port)
        ENGINE.configure(state, f"http://127.0.0.1:{self.port}")

    def _listen(self, port: int, app: Any) -> BaseWSGIServer:
        # the socket is opened here, because werkzeug prints and exits when it cannot
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, port))
            except OSError as error:
                raise EmulatorError(
                    f"port {port} is taken: stop what listens there, or name another with --port (0 takes a free one)"
                ) from error
            listener.listen(128)
            port = listener.getsockname()[1]
            return make_server(self.host, port, app, threaded=True, request_handler=Handler, fd=listener.fileno())

    def _outside(self, region: str) -> Outside:
        return Outside(f"http://127.0.0.1:{self.port}", region)

    def serve(self) -> None:
        """Serve until somebody stops it."""
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            ENGINE.stop()
            self._server.server_close()

    def stop_soon(self) -> None:
        """Stop once the request that asks for it is answered."""
        threading.Timer(0.1, self._server.shutdown).start()

    def health(self) -> dict[str, Any]:
        """Who answers here, and whether Athena can."""
        return {
            "service": "market-lake-emulator",
            "pid": os.getpid(),
            "port": self.port,
            "athena": ENGINE.problem() or "ready",
            "trino_pid": ENGINE.pid(),
            "patches": sorted(patching.REGISTRY),
        }
