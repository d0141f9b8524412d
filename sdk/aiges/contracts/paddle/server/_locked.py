# SPDX-License-Identifier: Apache-2.0
"""Encrypted models, which wait for the key that a client brings: ``POST /``, ``{"key": base64}``.

The key is kept in this process's memory alone; a worker that takes its place waits for it anew.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import threading
from typing import TYPE_CHECKING

from aiges.contracts.paddle.server._calls import Call, NotYet
from aiges.contracts.paddle.server._graph import Graph, Result, conf_of
from aiges.contracts.paddle.server._pages import JSON, Answer
from aiges.contracts.paddle.server._settings import Settings

if TYPE_CHECKING:
    from aiges.contracts._http import HttpRequest
    from aiges.contracts.paddle.server._http import Routes

__all__ = ["LockedGraph"]

_LOG = logging.getLogger("aiges.paddle")
_MOST_KEY = 4096
_FAILED = "start serving failed"  # The original's words, which clients show.


class LockedGraph:
    """Models that run once they have been unlocked. ``port`` 0: clients are told theirs."""

    def __init__(self, settings: Settings, port: int = 0) -> None:
        self.conf = conf_of(settings)
        self._settings, self._port = settings, port
        self._lock = threading.Lock()
        self._graph: Graph | None = None
        self._key = b""

    def run(self, call: Call) -> Result:
        """Return the outputs. Raises NotYet before the key has come, else as Graph does."""
        graph = self._graph
        if graph is None:
            raise NotYet("the models are encrypted, and wait for their key")
        return graph.run(call)

    def add_to(self, routes: Routes) -> None:
        """Name the path that takes the key."""
        routes.add("/", self._handle)

    def _handle(self, request: HttpRequest, body: bytes) -> Answer:
        try:
            self.unlock(_key_in(body))
        except ValueError as fault:
            _LOG.warning("the key that %s has sent is not taken: %s", request.client, fault)
            said: dict[str, object] = {"message": _FAILED}
        else:
            said = {"endpoint_list": [self._port or _port_of(request)]}
        return Answer(200, [(b"content-type", JSON)], json.dumps(said).encode() + b"\n")

    def unlock(self, key: bytes) -> None:
        """Load the models, unless they are there. Raises ValueError for another key."""
        with self._lock:
            if self._graph is not None:
                if not hmac.compare_digest(key, self._key):
                    raise ValueError("expected the key that the models are served with")
                return
            self._graph = Graph(self._settings, key)
            self._key = key
        _LOG.info("the models are served")

    def load_again(self) -> None:
        """Load the models anew, with the key that there is; the old ones stay if that fails."""
        with self._lock:
            old = self._graph
            if old is None:
                return
            try:
                self._graph = Graph(self._settings, self._key)
            except Exception as fault:
                _LOG.error("the new models are not served, the old ones go on: %s", fault)
                return
        old.close()
        _LOG.info("the new models are served")

    def close(self) -> None:
        """End what runs beside calls."""
        if self._graph is not None:
            self._graph.close()


def _key_in(body: bytes) -> bytes:
    try:
        said = json.loads(body)
        key = base64.b64decode(said["key"], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError('expected {"key": base64}') from None
    if not 0 < len(key) <= _MOST_KEY:
        raise ValueError(f"expected a key of up to {_MOST_KEY} bytes, got {len(key)}")
    return key


def _port_of(request: HttpRequest) -> int:
    """Return the port that the client has named, which may be one that leads to ours."""
    port = request.pseudo.get("authority", "").rpartition(":")[2]
    if port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return int(port)
    return int(request.pseudo.get("port", "0") or 0)
