# SPDX-License-Identifier: Apache-2.0
"""What the one hook ``openai(task, body)`` gives: whole bodies, and pieces of them, as they are."""

from __future__ import annotations

from typing import Any

from aiges.contracts._tasks._call import Call
from aiges.contracts._tasks._hooks import Hook

__all__ = ["Bodies"]


class Bodies:
    """The answer to one request. ``body`` has ``file`` (bytes) of a form, too."""

    def __init__(self, call: Call, _hook: Hook) -> None:
        body = dict(call.body)
        if call.file is not None:
            body["file"] = call.file
            body["filename"] = call.about_file.get("filename")
        self.runs = [(call.task, {"body": body})]
        self._streams = call.streams
        self._body: Any = None

    def returned(self, run: int, value: Any) -> list[Any]:
        """Take a body."""
        return self.yielded(run, value)

    def yielded(self, _run: int, value: Any) -> list[Any]:
        """Take a body, or a piece of one."""
        if not isinstance(value, (dict, str, bytes)):
            raise TypeError(f"expected a body as a dict or as JSON, got {type(value).__name__}")
        if self._body is not None and not self._streams:
            raise TypeError("expected one body, as the client wants no stream, got another")
        self._body = value
        return [value]

    def ended(self) -> list[Any]:
        """Return no further piece."""
        return []

    def about(self) -> Any:
        """Return the last that was given, which may have the usage."""
        return self._body

    def body(self) -> Any:
        """Return the whole answer."""
        if self._body is None:
            raise TypeError("expected a body, got none")
        return self._body
