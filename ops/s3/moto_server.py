"""moto's server, with conditional writes that are one step.

moto looks whether an object is there and then writes it; two threads may both look first, and both are
told that they won (seen in 1 of about 10 rounds of 16 racers). S3 never says that. Here such requests wait
for each other.

    python moto_server.py PORT
"""

import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import MotoRequestHandler
from werkzeug.serving import run_simple

CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")


class OneAtATime:
    def __init__(self, app) -> None:
        self.app = app
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        conditional = any(name in environ for name in CONDITIONS)
        if conditional and environ["REQUEST_METHOD"] in ("PUT", "POST"):
            with self.lock:
                return self.app(environ, start_response)
        return self.app(environ, start_response)


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        OneAtATime(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
