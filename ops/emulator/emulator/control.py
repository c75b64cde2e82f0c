"""The emulator's own endpoints, below `/_emulator`: for the runner that executes tasks, and to look and stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from emulator.launcher import LAUNCHER, NoSuchTask
from emulator.outside import CannotFire, Outside

PREFIX = "/_emulator/"
CLAIM_WAITS = 1.0


class Control:
    """A WSGI application in front of moto's."""

    def __init__(
        self,
        moto: Callable[..., Any],
        health: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        seen: Callable[[], list[dict[str, str | None]]],
        outside: Callable[[str], Outside],
    ) -> None:
        self._moto, self._health, self._stop, self._seen, self._outside = moto, health, stop, seen, outside

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not environ.get("PATH_INFO", "").startswith(PREFIX):
            return self._moto(environ, start_response)
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            status, body = self._route(request.method, unquote(request.path.removeprefix(PREFIX)), request)
        except NoSuchTask as error:
            status, body = 404, {"error": f"no task {error.args[0]}"}
        except CannotFire as error:
            status, body = 409, {"error": str(error)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            status, body = 400, {"error": f"bad request: {error!r}"}
        return Response(json.dumps(body), status=status, content_type="application/json")

    def _route(self, method: str, path: str, request: Request) -> tuple[int, Any]:
        match method, path.split("/", 1):
            case "GET", ["health"]:
                return 200, self._health()
            case "POST", ["shutdown"]:
                self._stop()
                return 200, {"stopping": True}
            case "POST", ["claim"]:
                said = json.loads(request.get_data() or b"{}")
                at_work = said["at_work"]
                if not isinstance(at_work, list):
                    raise ValueError(f"at_work {at_work!r}, expected a list of task ARNs")
                return 200, LAUNCHER.claim(set(at_work), float(said.get("wait", CLAIM_WAITS)))
            case "POST", ["schedules", name]:
                return 200, self._outside(json.loads(request.get_data())["region"]).fire(name)
            case "POST", ["secrets", name]:
                said = json.loads(request.get_data())
                self._outside(said["region"]).keep(name, str(said["value"]))
                return 200, {"kept": name}
            case "GET", ["calls"]:
                return 200, self._seen()
            case "GET", ["stops"]:
                return 200, LAUNCHER.stops()
            case "GET", ["tasks", arn]:
                return 200, LAUNCHER.status(arn)
            case "POST", ["tasks", rest] if rest.endswith("/logs"):
                arn = rest.removesuffix("/logs")
                LAUNCHER.log(arn, json.loads(request.get_data() or b"[]"))
                return 200, LAUNCHER.status(arn)
            case "POST", ["tasks", arn]:
                end = json.loads(request.get_data() or b"{}")
                code = end["exit_code"]
                if code is not None and not isinstance(code, int):
                    raise ValueError(f"exit_code {code!r}, expected a number or null")
                LAUNCHER.finish(arn, code, end.get("reason") or "", end.get("stop_code"))
                return 200, LAUNCHER.status(arn)
        return 404, {"error": f"no such endpoint: {method} {PREFIX}{path}"}
