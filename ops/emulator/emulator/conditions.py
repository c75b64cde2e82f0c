"""Conditional writes to S3 that are one step.

moto looks whether an object is there and then writes it; two threads may both look first, and both are told that they
were first. S3 never says that, and two executions that commit at once rely on it. Here such requests wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")


class OneAtATime:
    """A WSGI application in front of moto's."""

    def __init__(self, moto: Callable[..., Any]) -> None:
        self._moto = moto
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        conditional = any(name in environ for name in CONDITIONS)
        if conditional and environ["REQUEST_METHOD"] in ("PUT", "POST"):
            with self._lock:
                return self._moto(environ, start_response)
        return self._moto(environ, start_response)
