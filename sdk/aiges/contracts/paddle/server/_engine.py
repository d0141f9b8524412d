# SPDX-License-Identifier: Apache-2.0
"""The engine in a worker: models, with HTTP and gRPC in front of them."""

from __future__ import annotations

from typing import Any

import aiges_embed

from aiges.contracts import _once
from aiges.contracts._doors import seconds_left
from aiges.contracts._http import HttpFace
from aiges.contracts._threads import DoorThreads
from aiges.contracts.paddle.server._general import General
from aiges.contracts.paddle.server._graph import Graph
from aiges.contracts.paddle.server._grpc import UnaryFace
from aiges.contracts.paddle.server._http import Routes
from aiges.contracts.paddle.server._locked import LockedGraph
from aiges.contracts.paddle.server._metrics import Counts
from aiges.contracts.paddle.server._reload import Reload
from aiges.contracts.paddle.server._settings import Settings
from aiges.contracts.paddle.server._web_calls import Default, WebCalls
from aiges.errors import BadInput

__all__ = ["Engine"]

host: Any = aiges_embed

_REFUSAL = {"type": "text/plain", "body": "%s\n"}


class Engine:
    """Begins when it is made. ``service``: user code of a web service, with what it is called."""

    def __init__(self, settings: Settings, service: Any = None) -> None:
        folders = [node.folder for node in settings.nodes]
        self._graph: Graph | LockedGraph
        routes = Routes(settings.max_body)
        if settings.is_locked:
            self._graph = locked = LockedGraph(settings, settings.rpc_port)
            self._reload = Reload(folders, locked.load_again)
            locked.add_to(routes)
        else:
            self._reload = Reload(folders)
            self._graph = Graph(settings)
        counts = Counts(host._tell_metrics) if settings.metrics else None
        self._general = General(self._graph, counts)
        self._general.add_to(routes)
        self._web: WebCalls | None = None
        if settings.name:
            self._web = WebCalls(
                settings.name, service or Default(), self._graph.conf, self._general.run
            )
            self._web.add_to(routes)
        self._paths = routes.paths
        self._doors = DoorThreads(settings.threads)
        HttpFace(self._doors, routes.handle, settings.max_body, routes.too_large)
        grpc = UnaryFace(self._doors, self._general.methods())
        self._doors.loop.start()
        self._doors.start(grpc.simple)
        self._reload.start()

    def doors(self) -> dict[str, Any]:
        """Name what is answered."""
        doors: list[dict[str, Any]] = [{"http": path} for path in self._paths]
        doors += [{"http": "/{path..}"}]
        doors += [{"grpc": name, "gzip": True} for name in self._general.services]
        return {"doors": doors, "refusal": _REFUSAL}

    def once(self, _params: Any, data: Any) -> Any:
        """Answer a call of the host's own protocols: the JSON of either service."""
        node = _once.only_input(data, "JSON of GeneralModelService, or with feed and fetch")
        body = bytes(node["data"])
        try:
            if self._web is not None and b'"feed"' in body:
                answer = self._web.post(body)
                return _once.result_of(answer.body, is_json=True)
            return _once.result_of(self._general.json(body), is_json=True)
        except ValueError as fault:
            raise BadInput(str(fault)) from fault

    def end(self) -> None:
        """End what serves."""
        self._reload.end()
        self._doors.end(seconds_left() / 2)
        self._graph.close()
