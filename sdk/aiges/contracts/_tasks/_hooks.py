# SPDX-License-Identifier: Apache-2.0
"""The user's hooks for tasks: which there are, and which options each of them takes."""

from __future__ import annotations

import inspect
from typing import Any, Callable

__all__ = ["TASKS", "WHOLE", "Hook", "find_hooks", "is_async", "tasks_of"]

TASKS = ("chat", "complete", "embed", "transcribe")
WHOLE = "openai"  # The hook that answers whole bodies.


class Hook:
    """A hook, and how it is called: what it is asked first, then options by name."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = name, function
        parameters = list(inspect.signature(function).parameters.values())
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        count = 2 if name == WHOLE else 1
        first = [p for p in parameters[:count] if p.kind in kinds]
        if len(first) < count and not any(p.kind == p.VAR_POSITIONAL for p in parameters[:count]):
            shown = "openai(task, body)" if name == WHOLE else f"{name}({_FIRST[name]}, ..)"
            raise TypeError(f"{name}: expected {shown}, got {name}{inspect.signature(function)}")
        self._first = {p.name for p in first}
        self._all = any(p.kind == p.VAR_KEYWORD for p in parameters)
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        self._names = {p.name for p in parameters if p.kind in named} - self._first

    def takes(self, option: str) -> bool:
        """Tell whether it is given that option where a client sends it."""
        return option in self._names or (self._all and option not in self._first)

    def names(self, option: str) -> bool:
        """Tell whether its signature has that option."""
        return option in self._names

    def call(self, asked: Any, options: dict[str, Any]) -> Any:
        """Call it with those of the options that it takes; null means that none was sent."""
        if self.name == WHOLE:
            return self.function(asked, options["body"])
        given = {n: v for n, v in options.items() if v is not None and self.takes(n)}
        return self.function(asked, **given)


_FIRST = {"chat": "messages", "complete": "prompt", "embed": "inputs", "transcribe": "audio"}


def _functions(owner: Any) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for name in (*TASKS, WHOLE):
        function = getattr(owner, name, None)
        # Not a module of that name, as `import openai` makes one, and not a class.
        if inspect.isroutine(function):
            found[name] = function
    return found


def find_hooks(owner: Any) -> dict[str, Hook]:
    """Return the hooks of a module or an object by name. TypeError: one cannot be called."""
    return {name: Hook(name, function) for name, function in _functions(owner).items()}


def tasks_of(owner: Any) -> list[str]:
    """Return the tasks that it does: those of its hooks, and of ``openai`` those in ``tasks``."""
    found = _functions(owner)
    if WHOLE not in found:
        return [task for task in TASKS if task in found]
    said = getattr(owner, "tasks", TASKS)
    said = [said] if isinstance(said, str) else list(said)
    wrong = [task for task in said if task not in TASKS]
    if wrong:
        raise ValueError(f"tasks: expected some of {', '.join(TASKS)}, got {wrong[0]!r}")
    return [task for task in TASKS if task in found or task in said]


def is_async(function: object) -> bool:
    """Tell whether it is a coroutine function or an async generator function."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
