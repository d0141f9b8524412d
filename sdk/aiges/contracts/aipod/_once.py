# SPDX-License-Identifier: Apache-2.0
"""predict for calls of the host's own protocols: XSF, the JSON envelope, raw, plain JSON.

The parameter ``version`` says which version is meant. One input is the object of the keyword
arguments; what is no object, or has the key ``binary_data``, is that.
"""

from __future__ import annotations

import threading
from typing import Any, Callable

from aiges.contracts._once import result_of
from aiges.contracts.aipod._data import decode
from aiges.contracts.aipod._service import CODES, Service
from aiges.errors import BadInput

__all__ = ["predict_once"]

_BINARY = "binary_data"


class _Reply:
    """Waits for the answer."""

    gone = False

    def __init__(self) -> None:
        self._there = threading.Event()
        self._data, self._code, self._text = b"", 0, ""

    def detach(self) -> None:
        """Give nothing back: somebody waits."""

    def answer(self, data_json: bytes) -> None:
        """Answer it."""
        self._data = data_json
        self._there.set()

    def refuse(self, code: int, text: str, fault: BaseException | None = None) -> None:
        """Answer with an error."""
        self._code, self._text = code, text
        self._there.set()

    def wait(self) -> bytes:
        """Return the value as JSON. Raises BadInput, and RuntimeError for what the model raised."""
        self._there.wait()
        if self._code == CODES["INVALID_ARGUMENT"]:
            raise BadInput(self._text)
        if self._code:
            raise RuntimeError(self._text)
        return self._data


def predict_once(
    service: Service, put: Callable[[Callable[[], None]], None], params: dict[str, Any], data: Any
) -> Any:
    """Return the one result. It is made on a thread of those that serve all calls."""
    kwargs_json, binary_data = _inputs(list(data))
    version, reply = str(params.get("version", "")), _Reply()

    def serve() -> None:
        try:
            service.serve("predict", version, kwargs_json, binary_data, reply)
        except BaseException as fault:
            reply.refuse(CODES["UNKNOWN"], str(fault))

    put(serve)
    return result_of(reply.wait())


def _inputs(nodes: list[Any]) -> tuple[bytes, bytes]:
    kwargs_json, binary_data = b"", b""
    for node in nodes:
        data = bytes(node["data"])
        if node["key"] != _BINARY and not kwargs_json and _is_object(data):
            kwargs_json = data
        elif not binary_data:
            binary_data = data
        else:
            raise BadInput("expected an object of arguments and binary_data at most, got more")
    return kwargs_json or b"{}", binary_data


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(decode(data), dict)
    except (ValueError, RecursionError):
        return False
