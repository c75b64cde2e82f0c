"""How moto is patched: every patch is one function, named after the service it mends, and can be taken back.

A patch does not assign attributes; it asks the `Patcher` to, which remembers what was there. So the tests can run the
same check with and without one patch, and say when upstream has mended what it is for. The function's docstring says
why it is needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


class Patcher:
    """Changes attributes, items and sets, and can undo it all."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: Any) -> Any:
        """Replace (or add) an attribute; answers what could be called before, None where there was nothing."""
        missing = object()
        before = vars(owner).get(name, missing)
        callable_before = getattr(owner, name, None)
        setattr(owner, name, value)
        if before is missing:
            self._undo.append(lambda: delattr(owner, name))
        else:
            self._undo.append(lambda: setattr(owner, name, before))
        return callable_before

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace an attribute by what `make` builds around the one that is there."""
        original = getattr(owner, name)
        value = make(original)
        static = isinstance(inspect.getattr_static(owner, name), staticmethod)
        self.set(owner, name, staticmethod(value) if static else value)

    def item(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an item of a dict."""
        if key in mapping:
            before = mapping[key]
            self._undo.append(lambda: mapping.__setitem__(key, before))
        else:
            self._undo.append(lambda: mapping.pop(key, None))
        mapping[key] = value

    def add(self, target: set[Any], members: Iterable[Any]) -> None:
        """Add members to a set."""
        new = set(members) - target
        target |= new
        self._undo.append(lambda: target.difference_update(new))

    def undo(self) -> None:
        """Take everything back, the last change first."""
        while self._undo:
            self._undo.pop()()


@dataclass(frozen=True)
class Patch:
    """One thing that moto lacks: its name (`service.what`), and how it is mended."""

    name: str
    apply: Callable[[Patcher], None]

    @property
    def why(self) -> str:
        """The reason, as the function's docstring gives it."""
        return inspect.getdoc(self.apply) or ""


REGISTRY: dict[str, Patch] = {}


def patch(name: str) -> Callable[[Callable[[Patcher], None]], Callable[[Patcher], None]]:
    """Register a patch under its name."""

    def register(function: Callable[[Patcher], None]) -> Callable[[Patcher], None]:
        assert name not in REGISTRY, f"two patches are called {name}"
        assert function.__doc__, f"{name} does not say why"
        REGISTRY[name] = Patch(name, function)
        return function

    return register


def apply_all(without: str | None = None) -> Patcher:
    """Apply every patch that is registered, but for one; answers what takes them back."""
    assert without is None or without in REGISTRY, f"no patch is called {without}"
    patcher = Patcher()
    for name, each in REGISTRY.items():
        if name != without:
            each.apply(patcher)
    return patcher
