# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an input, and where in it: told to the client as one BadInput."""

from __future__ import annotations

from typing import Any

from aiges._narrow import is_buffer
from aiges._shown import shown
from aiges.errors import BadInput

__all__ = ["Wrong", "bad_input", "kind_of"]


_MOST_NAME = 60


class Wrong(Exception):
    """A value is not what was expected. Those that hold the value put its place in front.

    An exception and no BadInput yet: the place is put together only when something is wrong, so
    that a value that is right costs nothing.
    """

    def __init__(self, expected: str, value: Any = None, *, got: str = "") -> None:
        super().__init__(expected)
        self.expected, self.got = expected, got or _told(value)
        self.place: list[str | int] = []

    def inside(self, step: str | int) -> Wrong:
        """Say in which member or at which index it is; the innermost is said first."""
        self.place.append(step)
        return self

    def at(self) -> str:
        """Return the place, as ``boxes[2].label``."""
        out = ""
        for step in reversed(self.place):
            name = f"[{step}]" if isinstance(step, int) else _name(step)
            out += f".{name}" if out and isinstance(step, str) else name
        return out


def _name(step: str) -> str:
    """Return a name that a client may have chosen: in few words, and on one line."""
    plain = 0 < len(step) <= _MOST_NAME and step.isprintable()
    return step if plain else _told(step)


def bad_input(wrong: Wrong) -> BadInput:
    """Return what the client is told."""
    return BadInput(f"{wrong.at() or 'the body'}: expected {wrong.expected}, got {wrong.got}")


def kind_of(value: Any) -> str:
    """Return what JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    for kinds, name in _NAMES:
        if isinstance(value, kinds):
            return name
    return f"a {type(value).__name__}"


_NAMES: tuple[tuple[Any, str], ...] = ((list, "a list"), (dict, "an object"))


def _told(value: Any) -> str:
    if isinstance(value, str):
        return shown(value).replace("'", '"') if '"' not in value else shown(value)
    if is_buffer(value):
        return f"{len(value)} bytes"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return shown(value)
    return kind_of(value)
