# SPDX-License-Identifier: Apache-2.0
"""The user's model: a function ``predict``, or a class with one; found, looked at, made."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import types
from collections.abc import Mapping
from typing import Any, Callable

from aiges import _signature
from aiges._decorators import asked_of
from aiges.contracts.typed._inputs import Inputs

__all__ = [
    "ASYNC",
    "ASYNC_GENERATOR",
    "GENERATOR",
    "PLAIN",
    "PREDICT",
    "Model",
    "find_model",
    "load_target",
]

PREDICT = "predict"
PLAIN, GENERATOR, ASYNC_GENERATOR, ASYNC = 0, 1, 2, 3  # As _signature.kind has them.


class Model:
    """A model that can be called. Made once in a worker; its methods are for any thread."""

    def __init__(self, target: Any) -> None:
        """``target``: a function, a class, an object with ``predict``, or a module that has one.

        A class is called without arguments. Raises TypeError where it cannot be served, and what
        the user's own code raises.
        """
        if isinstance(target, types.ModuleType):
            target = find_model(target, "")
        self.name = str(getattr(target, "__name__", type(target).__name__))
        self.description = inspect.getdoc(target) or ""
        if isinstance(target, type):
            self._check_class(target)
            target = target()
        self.object, self.predict = _object_of(target)
        for name in ("setup", "close"):
            if inspect.iscoroutinefunction(getattr(self.object, name, None)):
                raise TypeError(f"{name}: expected a plain function, got an async one")
        self.kind = _signature.kind(inspect.unwrap(self.predict))
        self.asked = asked_of(self.predict)
        self.batched = self.asked.batch_size > 0
        if self.batched and self.kind != PLAIN:
            raise TypeError(
                f"{PREDICT}: expected a plain function with @aiges.batch, got "
                f"{('', 'a generator', 'an async generator', 'an async one')[self.kind]}"
            )
        self.inputs = Inputs(self.predict, batched=self.batched)

    @staticmethod
    def _check_class(made: type) -> None:
        for parameter in inspect.signature(made).parameters.values():
            variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            if parameter.default is parameter.empty and not variable:
                raise TypeError(
                    f"class {made.__name__}: expected one that is made without arguments, got "
                    f"__init__ that wants {parameter.name}: load the model in setup(self, config)"
                )

    @property
    def streams(self) -> bool:
        """Whether its answer comes value by value."""
        return self.kind in (GENERATOR, ASYNC_GENERATOR)

    def setup(self, config: Mapping[str, str]) -> None:
        """Let the object load what it needs."""
        hook = getattr(self.object, "setup", None)
        if not callable(hook):
            return
        wants = [
            p
            for p in inspect.signature(hook).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)
        ]
        hook(dict(config)) if wants else hook()

    def close(self) -> None:
        """Let the object end what it has begun."""
        hook = getattr(self.object, "close", None)
        if callable(hook):
            hook()


def _object_of(target: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the object whose setup and close there are, and what answers calls."""
    own = getattr(target, PREDICT, None)
    if not inspect.isroutine(target) and callable(own):
        return target, own
    function = inspect.isroutine(target) or hasattr(target, "__wrapped__")
    answers: Callable[..., Any] = target
    if function or isinstance(target, functools.partial):
        return None, answers
    return target, target.__call__


def find_model(module: types.ModuleType, path: str) -> Any:
    """Return the function or class that a module serves; ``path``: the name that was said, or "".

    A function ``predict``; else the class Model; else the only class of the module's own with
    ``predict``. Raises ValueError.
    """
    file = getattr(module, "__file__", None) or module.__name__
    if path:
        found: Any = module
        for part in path.split("."):
            if not hasattr(found, part):
                raise ValueError(f'[aiges] app: expected "{path}" in {file}, got none there')
            found = getattr(found, part)
        if not callable(found) and not callable(getattr(found, PREDICT, None)):
            raise ValueError(
                f'[aiges] app: expected a function or a class in "{path}" of {file}, got '
                f"{type(found).__name__}"
            )
        return found
    function = getattr(module, PREDICT, None)
    if callable(function):
        return function
    classes = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and each.__module__ == module.__name__
        and callable(getattr(each, PREDICT, None))
        and not inspect.isabstract(each)
    ]
    named = [each for each in classes if each.__name__ == "Model"]
    if len(named or classes) == 1:
        return (named or classes)[0]
    if not classes:
        raise ValueError(f"{file}: expected a function {PREDICT}, or a class with one, got none")
    names = " and ".join(each.__name__ for each in classes)
    raise ValueError(
        f'{file}: expected one class with {PREDICT}, got {names}: set [aiges] app = "'
        f'{module.__name__}:{classes[0].__name__}"'
    )


def load_target() -> Any:
    """Import what ``[aiges] app`` names, in a worker; by default what the user's folder has."""
    from aiges.contracts._detect import typed_module_here

    named = os.environ.get("AIGES_APP", "")
    name, _, path = (named or typed_module_here()).partition(":")
    return find_model(importlib.import_module(name), path)
