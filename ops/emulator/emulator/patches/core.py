"""What all services of moto share."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape

from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model

from emulator.patching import Patcher, patch

# the code that AWS has for it; what clients take for trouble of the server they would ask again
CODE = "UnknownOperationException"
# how moto says that it lacks a call; a NotImplementedError with other words comes from inside of one that it has
LACKS = re.compile(r"The \S+ action has not been implemented")


@patch("core.unknown_calls")
def unknown_calls(p: Patcher) -> None:
    """A call that moto lacks ends in a page of HTML with status 500, which clients take for trouble and try again."""

    def make(original: Any) -> Any:
        def call_action(self: Any) -> Any:
            try:
                return original(self)
            except NotImplementedError as error:
                said = str(error)
                if not LACKS.fullmatch(said):
                    raise
                if "json" in get_service_model(self.boto3_service_name).protocol:
                    body = json.dumps({"__type": CODE, "message": said})
                    return 400, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": CODE}, body
                inner = f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{escape(said)}</Message></Error>"
                return 400, {"Content-Type": "text/xml"}, f"<ErrorResponse>{inner}</ErrorResponse>"

        return call_action

    p.wrap(BaseResponse, "call_action", make)
