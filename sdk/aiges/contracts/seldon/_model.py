# SPDX-License-Identifier: Apache-2.0
"""The user's object: what it has, and how each of its methods is called.

Whether a method takes ``meta`` is read from its signature, once: a TypeError of the user's code is
an error like any other, and never a reason to call the method again.
"""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any, Callable, NamedTuple

from aiges.contracts.seldon._errors import SeldonNotImplementedError
from aiges.contracts.seldon._metrics import checked

__all__ = ["MISSING", "Outcome", "SeldonResponse", "UserModel"]

_LOG = logging.getLogger("aiges.seldon")

MISSING: Any = object()  # The user's code has no such method, or has not filled it in.


class SeldonResponse:
    """A result with tags and metrics of its own."""

    def __init__(
        self,
        data: Any,
        tags: dict[str, Any] | None = None,
        metrics: list[dict[str, Any]] | None = None,
    ) -> None:
        self.data = data
        self.tags = {} if tags is None else tags
        self.metrics = [] if metrics is None else metrics

    @classmethod
    def create(cls, response: Any) -> SeldonResponse:
        """Return it, wrapped where it is not."""
        return response if isinstance(response, SeldonResponse) else cls(response)


class Outcome(NamedTuple):
    """What a method has returned."""

    data: Any
    tags: dict[str, Any]
    metrics: list[dict[str, Any]]


def _outcome(result: Any) -> Outcome:
    if isinstance(result, SeldonResponse):
        return Outcome(result.data, result.tags or {}, result.metrics or [])
    return Outcome(result, {}, [])


class _Method:
    """One method, and which of the arguments it takes."""

    __slots__ = ("_function", "_most", "_names")

    def __init__(self, function: Callable[..., Any], named: tuple[str, ...] = ()) -> None:
        self._function = function
        self._most: int | None = None
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # Of C: it says nothing of itself.
            self._names: tuple[str, ...] = named
            return
        by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            self._names = named
        else:
            takes = {p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY}
            self._names = tuple(name for name in named if name in takes)
        if not any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            self._most = sum(1 for p in parameters if p.kind in by_place and p.name not in named)

    def bound(self) -> Callable[[Any, Any, Any], Any]:
        """Return what calls a method with two arguments and meta, as it wants them."""
        function = self._function
        if self._most is not None and self._most < 2:
            return lambda features, names, meta: self(features, names, meta=meta)
        if "meta" in self._names:
            return lambda features, names, meta: function(features, names, meta=meta)
        return lambda features, names, meta: function(features, names)

    def __call__(self, *given: Any, **more: Any) -> Any:
        if self._most is not None and len(given) > self._most > 0:
            given = given[: self._most]
        if not more:
            return self._function(*given)
        return self._function(*given, **{n: more[n] for n in self._names if n in more})


@functools.lru_cache(maxsize=64)
def _numbered(count: int) -> list[str]:
    return [f"t:{at}" for at in range(count)]


class UserModel:
    """The object that answers calls."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._methods: dict[str, _Method | None] = {}
        for name, named in (
            ("predict", ("meta",)),
            ("transform_input", ("meta",)),
            ("transform_output", ("meta",)),
            ("route", ("meta",)),
            ("aggregate", ()),
            ("send_feedback", ("routing",)),
        ):
            function = getattr(user, name, None)
            self._methods[name] = _Method(function, named) if callable(function) else None
        self._calls = {
            name: method.bound()
            for name, method in self._methods.items()
            if method is not None and name not in ("aggregate", "send_feedback")
        }
        hooks = {
            name: self._own(name)
            for call in ("predict", "transform_input", "transform_output", "route", "aggregate",
                         "send_feedback", "health_status")
            for name in (f"{call}_rest", f"{call}_grpc", f"{call}_raw")
        }  # fmt: skip
        self._hooks: dict[str, Any] = {n: hook for n, hook in hooks.items() if hook is not None}
        self._class_names = self._own("class_names")
        self._tags = self._own("tags")
        self._metrics = self._own("metrics")
        self.says_nothing = self._tags is None and self._metrics is None

    def _own(self, name: str) -> Any:
        """An optional method; one of SeldonComponent that nobody has filled in is none."""
        function = getattr(self.user, name, None)
        given = getattr(function, "__func__", None)
        return None if getattr(given, "aiges_not_filled_in", False) else function

    def hook(self, name: str) -> Any:
        """Return predict_raw and the like, or None."""
        return self._hooks.get(name)

    # --- calls ---

    def call(self, name: str, features: Any, names: Any, meta: Any) -> Outcome:
        """Call predict, transform_* or route. ``data`` is MISSING where there is none.

        A router that is not filled in says so: nothing stands in for it.
        """
        method = self._calls.get(name)
        if method is None:
            return Outcome(MISSING, {}, [])
        if name == "route":
            return _outcome(method(features, names, meta))
        try:
            return _outcome(method(features, names, meta))
        except SeldonNotImplementedError:
            _LOG.debug("%s is not implemented", name)
            return Outcome(MISSING, {}, [])

    def aggregate(self, features: list[Any], names: list[Any]) -> Outcome:
        """Call aggregate."""
        method = self._methods["aggregate"]
        if method is None:
            return Outcome(MISSING, {}, [])
        return _outcome(method(features, names))

    def send_feedback(
        self, features: Any, names: Any, reward: float, truth: Any, routing: int | None
    ) -> Outcome:
        """Call send_feedback."""
        method = self._methods["send_feedback"]
        if method is None:
            return Outcome(None, {}, [])
        try:
            return _outcome(method(features, names, reward, truth, routing=routing))
        except SeldonNotImplementedError:
            return Outcome(None, {}, [])

    def health(self) -> Outcome:
        """Call health_status."""
        function = getattr(self.user, "health_status", None)
        if not callable(function):
            return Outcome("healthy", {}, [])
        try:
            return _outcome(function())
        except SeldonNotImplementedError:
            return Outcome("not implemented - assuming healthy", {}, [])

    # --- what goes with a result ---

    def tags(self) -> dict[str, Any]:
        """Return the object's tags."""
        if self._tags is None:
            return {}
        try:
            found = self._tags()
        except SeldonNotImplementedError:
            return {}
        return found or {}

    def metrics(self) -> list[dict[str, Any]]:
        """Return the object's metrics. Raises where they are none."""
        if self._metrics is None:
            return []
        try:
            return checked(self._metrics())
        except SeldonNotImplementedError:
            return []

    def class_names(self, shape: tuple[int, ...]) -> Any:
        """Return the names of a result's columns."""
        if len(shape) <= 1:
            return []
        named = self._class_names
        if named is not None:
            if not callable(named):
                return named
            try:
                return named()
            except SeldonNotImplementedError:
                pass
        return _numbered(shape[1])
