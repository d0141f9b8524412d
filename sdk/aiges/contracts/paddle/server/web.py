# SPDX-License-Identifier: Apache-2.0
"""Web services that are classes: ``run_web_service`` serves one, ``app_of`` makes a WSGI app of it.

A service has ``name``, ``model_dirs``, ``port``, ``gpus`` ("0,1" or ""), ``options`` (keys of
``[wrapper]`` and their values), ``preprocess`` and ``postprocess``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Callable, NoReturn

from aiges.contracts import _handover
from aiges.contracts._command import become_loader
from aiges.contracts.paddle.server import _process, _settings

__all__ = ["HandedWeb", "app_of", "run_web_service"]

_HOST, _PORT = "0.0.0.0", 9292


class HandedWeb:
    """A service that a worker was handed."""

    def __init__(self, service: Any) -> None:
        self.service = service

    def settings(self, config: Mapping[str, str]) -> _settings.Settings:
        """Return what it says, before that what ``[wrapper]`` says. Raises ValueError."""
        service = self.service
        name = _settings.checked_name(str(service.name))
        said = _settings.keys_of(
            {**(service.options or {}), "gpu_ids": _gpus(service.gpus), "name": name},
            [str(each) for each in service.model_dirs],
        )
        return _settings.read({**said, **config})


def _gpus(gpus: Any) -> str:
    return ",".join(map(str, gpus)) if isinstance(gpus, (list, tuple)) else str(gpus or "")


def run_web_service(service: Any) -> NoReturn:
    """Serve it: this process becomes the loader; a worker hands it over."""
    handed = HandedWeb(service)
    if _handover.is_worker():
        _handover.hand_over(handed)
    settings = handed.settings({})  # What is wrong is told here.
    program = _handover.program_of("run_web_service()", "python web_service.py")
    port = int(service.port or _PORT)
    _process.note([port], "paddle_serving_server.web_service")
    become_loader(
        "paddle",
        _HOST,
        port,
        tables(settings),
        folder=program.parent,
        program=program,
        arguments=sys.argv[1:],
    )


def tables(settings: _settings.Settings) -> dict[str, dict[str, Any]]:
    """Return what aiges.toml would say of such a service."""
    return {
        "limits": {"max_message_bytes": settings.max_body},
        "queue": {"max_bytes": max(2 * settings.max_body, 256 << 20)},
        "http": {"app_concurrency": max(100, 2 * settings.threads)},
    }


def app_of(service: Any) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that runs the models in this process. Raises ValueError."""
    from aiges.contracts.paddle.server._graph import Graph
    from aiges.contracts.paddle.server._pages import page
    from aiges.contracts.paddle.server._web_calls import WebCalls

    settings = HandedWeb(service).settings({})
    graph = Graph(settings)
    calls = WebCalls(settings.name, service, graph.conf, graph.run)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if path != calls.path:
            answer = page(404)
        elif environ["REQUEST_METHOD"] != "POST":
            answer = page(405, (b"allow", b"OPTIONS, POST"))
        else:
            length = environ.get("CONTENT_LENGTH") or "0"
            answer = calls.post(environ["wsgi.input"].read(int(length) if length.isdigit() else 0))
        fields = [(name.decode(), value.decode()) for name, value in answer.fields]
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start_response(status, [*fields, ("content-length", str(len(answer.body)))])
        return [answer.body]

    return app
