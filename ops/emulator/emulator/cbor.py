"""Smithy's RPC v2 with CBOR, in which newer SDKs speak to CloudWatch and moto does not.

Such a request becomes one in JSON, which moto understands, and moto's answer becomes CBOR again. botocore does both
translations: it knows the shapes, which tell a time from a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

from botocore import parsers, serialize
from botocore.model import ServiceModel
from botocore.session import get_session
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

PATH = re.compile(r"/service/(?P<target>[A-Za-z0-9]+)/operation/(?P<operation>[A-Za-z]+)")
SERVICES = {"GraniteServiceVersion20100801": "cloudwatch"}


class Cbor:
    """A WSGI application in front of moto's."""

    def __init__(self, moto: Callable[..., Any]) -> None:
        self._moto = moto
        session = get_session()
        self._models: dict[str, ServiceModel] = {
            target: session.get_service_model(service) for target, service in SERVICES.items()
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        match = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if match is None or match["target"] not in self._models:
            return self._moto(environ, start_response)
        return self._translated(environ, match["target"], match["operation"])(environ, start_response)

    def _translated(self, environ: dict[str, Any], target: str, operation: str) -> Response:
        parser = parsers.RpcV2CBORParser()
        body = Request(environ).get_data()
        asked = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}
        text = json.dumps(asked, default=_plain).encode()
        inner = {key: value for key, value in environ.items() if not key.startswith("HTTP_SMITHY")}
        inner |= {
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "HTTP_X_AMZ_TARGET": f"{target}.{operation}",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(text)),
            "wsgi.input": BytesIO(text),
        }
        inner.pop("HTTP_CONTENT_ENCODING", None)
        inner.pop("werkzeug.request", None)
        chunks, status, _ = run_wsgi_app(self._moto, inner, buffered=True)
        code = int(status.split(" ", 1)[0])
        said = b"".join(chunks)
        out = bytearray()
        if code >= 400:
            found = json.loads(said or b"{}")
            for part in (b"\xa2", *(_text(word) for word in _failure(found))):
                out += part
        else:
            model = self._models[target].operation_model(operation)
            shape = model.output_shape
            answer = parsers.JSONParser().parse({"body": said, "headers": {}, "status_code": code}, shape) if shape else {}
            answer.pop("ResponseMetadata", None)
            if shape:
                serialize.RpcV2CBORSerializer()._serialize_data_item(out, answer, shape)
            else:
                out += b"\xa0"
        return Response(
            bytes(out), status=code, content_type="application/cbor", headers={"smithy-protocol": "rpc-v2-cbor"}
        )


def _plain(value: Any) -> Any:
    """What CBOR has and JSON has not: times are seconds since the epoch."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} is nothing that CloudWatch is asked with")


def _failure(found: dict[str, Any]) -> tuple[str, str, str, str]:
    kind = str(found.get("__type", "InternalFailure"))
    return "__type", kind, "message", str(found.get("message") or found.get("Message") or kind)


def _text(word: str) -> bytes:
    """A text of CBOR."""
    data = word.encode()
    return b"\x7a" + len(data).to_bytes(4, "big") + data
