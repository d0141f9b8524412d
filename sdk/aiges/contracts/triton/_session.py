# SPDX-License-Identifier: Apache-2.0
"""Sessions: one request each, whose answers come as they are sent."""

from __future__ import annotations

from typing import Any

import aiges_embed

from aiges.contracts.triton._response import LAST, ONCE
from aiges.contracts.triton._runner import Runner
from aiges.errors import BadInput

__all__ = ["Session"]

host: Any = aiges_embed
_ENDS = (LAST, ONCE)
_MOST_BYTES, _PIECE_COST = 1 << 30, 512


class Session:
    """Gathers its input; when that is whole, the request runs."""

    def __init__(self, runner: Runner, tag: str, params: dict[str, str]) -> None:
        self._runner, self._tag, self._params = runner, tag, params
        self._nodes: dict[str, dict[str, Any]] = {}
        self._bytes = 0
        self._request: Any = None
        self._stream: Any = None

    def write(self, nodes: Any) -> None:
        """Take a part of the input. Raises BadInput."""
        if self._request is not None:
            return
        for node in nodes:
            self._bytes += len(node["data"]) + _PIECE_COST
            if self._bytes > _MOST_BYTES:
                raise BadInput(f"expected inputs of at most {_MOST_BYTES} bytes, got more")
            there = self._nodes.get(node["key"])
            if there is None:
                self._nodes[node["key"]] = dict(node)
            else:
                there["data"] = bytes(there["data"]) + bytes(node["data"])
                there["status"] = node["status"]
        if self._nodes and all(node["status"] in _ENDS for node in self._nodes.values()):
            self._run()

    def _run(self) -> None:
        runner = self._runner
        request = runner.request(self._tag, self._params, tuple(self._nodes.values()))
        self._nodes.clear()
        self._request = request
        if runner.decoupled:
            self._stream = runner.stream(request, self._forget)
            return
        result = runner.result_of(request, runner.answers([request])[0])
        if isinstance(result, Exception):
            raise result
        host.callback(result, self._tag)

    def _forget(self, tag: str) -> None:
        self._runner.open.pop(tag, None)

    def close(self) -> None:
        """End it, whether it was answered or not."""
        self._forget(self._tag)
        if self._stream is not None:
            self._stream.close()
