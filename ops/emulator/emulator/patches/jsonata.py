"""Step Functions: JSONata, the query language. moto's interpreter wants a Java library for it; here it is `jsonata-python`."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata import jsonata as engine
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from emulator.patching import Patcher, patch

HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}

# what expressions may call beside JSONata's own functions
FUNCTIONS: dict[str, Callable[..., Any]] = {}


class EvaluationError(Exception):
    """An expression that could not be evaluated."""


def from_json(text: str) -> Any:
    """JSON as the engine wants it: it tells null from what is not there."""
    return _with_nulls(json.loads(text))


def _with_nulls(value: Any) -> Any:
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _with_nulls(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_nulls(each) for each in value]
    return value


def evaluate(expression: str) -> Any:
    """The JSON value of an expression that stands alone."""
    try:
        parsed = Jsonata(expression)
        parsed.register_lambda("emulatorValue", from_json)
        for name, function in FUNCTIONS.items():
            parsed.register_lambda(name, function)
        return json.loads(json.dumps(parsed.evaluate(None), default=str))
    except RecursionError as error:
        raise EvaluationError("the expression recurses too deeply") from error
    except Exception as error:  # the engine raises its own and Python's errors alike
        raise EvaluationError(str(error)) from error


@patch("jsonata.engine")
def jsonata_engine(p: Patcher) -> None:
    """moto's JSONata needs a Java virtual machine within the process, and the bridge to it is missing."""
    p.set(engine, "_eval_jsonata", evaluate)


@patch("jsonata.values")
def jsonata_values(p: Patcher) -> None:
    """moto writes variables into the expression without escaping them: a quotation mark in a Cause breaks it.

    Here a value goes in as one string of JSON, which is also the quickest to parse.
    """

    def encode(bindings: dict[str, Any]) -> str:
        return "".join(f"{name}:=$emulatorValue({json.dumps(to_json_str(value))});" for name, value in bindings.items())

    for module in (engine, states, variable_store):
        p.set(module, "encode_jsonata_variable_declarations", encode)


@patch("jsonata.functions")
def jsonata_functions(p: Patcher) -> None:
    """Step Functions adds functions to JSONata; of these moto has no $hash, $uuid and $random with a seed, and $parse is slow."""

    def hash_of(value: str, algorithm: str) -> str:
        if algorithm not in HASHES:
            raise EvaluationError(f"$hash knows {', '.join(HASHES)}, not {algorithm}")
        return hashlib.new(HASHES[algorithm], value.encode()).hexdigest()

    def random_of(seed: Any = None) -> float:
        return random.Random(seed).random()

    def partition(array: list[Any], size: int) -> list[list[Any]]:
        return [list(array[at : at + int(size)]) for at in range(0, len(array), int(size))]

    def range_of(first: int, last: int, step: int) -> list[int]:
        return list(range(int(first), int(last) + (1 if step > 0 else -1), int(step)))

    def no_eval(*_: Any) -> Any:
        raise EvaluationError("$eval is not available in Step Functions, $parse reads JSON")

    functions = {
        "hash": hash_of,
        "uuid": lambda: str(uuid.uuid4()),
        "random": random_of,
        "parse": from_json,
        "partition": partition,
        "range": range_of,
        "eval": no_eval,
    }
    for name, function in functions.items():
        p.item(FUNCTIONS, name, function)
    p.set(string_expression, "get_intrinsic_functions_declarations", lambda variable_references: "")


@patch("jsonata.errors")
def jsonata_errors(p: Patcher) -> None:
    """An expression that fails is a States.QueryEvaluationError with the expression in its cause; in moto a States.Runtime."""

    def make(original: Any) -> Any:
        def _eval_body(self: Any, env: Any) -> None:
            try:
                original(self, env)
            except EvaluationError as error:
                name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
                cause = f"The JSONata expression '{self.expression}' threw an error during evaluation: {error}"
                details = EventDetails(
                    evaluationFailedEventDetails=EvaluationFailedEventDetails(cause=cause, error=name.error_name)
                )
                env.event_manager.add_event(
                    context=env.event_history_context,
                    event_type=HistoryEventType.EvaluationFailed,
                    event_details=details,
                )
                event = FailureEvent(
                    env=env, error_name=name, event_type=HistoryEventType.EvaluationFailed, event_details=details
                )
                raise FailureEventException(event) from error

        return _eval_body

    p.wrap(string_expression.StringJSONata, "_eval_body", make)
