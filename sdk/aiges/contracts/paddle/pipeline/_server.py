# SPDX-License-Identifier: Apache-2.0
"""``PipelineServer``: what ``WebService.run_service`` is made of, and what users use as it is."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any, NoReturn, Optional

from aiges.contracts import _handover
from aiges.contracts._command import SERVICE, become_loader, said_address, written
from aiges.contracts.paddle.pipeline import _config, _repository
from aiges.contracts.paddle.pipeline._dag import Graph
from aiges.contracts.paddle.pipeline._plan import Plan

__all__ = ["PipelineServer"]

_MOST_MESSAGE = 256 << 20
_START_MS = 3_600_000  # Models may be large.
_BESIDE = 64  # Calls in an instance that wait for a thread there.


class PipelineServer:
    """Takes a graph and its configuration, and becomes the server."""

    def __init__(self, name: Optional[str] = None) -> None:  # noqa: UP045 (3.9)
        self._name = name or "default_service"
        self._graph: Graph | None = None
        self._plan: Plan | None = None

    def set_response_op(self, response_op: Any) -> None:
        """Say where the graph ends. Raises ValueError for what is no graph."""
        self._graph = Graph(response_op)

    def prepare_server(self, yml_file: Any = None, yml_dict: Any = None) -> None:
        """Read the configuration. Raises SystemExit, with all that is wrong in it."""
        if self._graph is None:
            raise ValueError("expected set_response_op before prepare_server")
        given = yml_dict if yml_file is None else yml_file
        self._plan = Plan(self._name, self._graph, _config.read(given))
        for op in self._graph.ops:
            op.conf_over(self._plan.conf_of(op.name))

    def run_server(self) -> NoReturn:
        """Serve: this process becomes the loader."""
        if self._plan is None:
            raise ValueError("expected prepare_server before run_server")
        if _handover.is_worker():
            _handover.hand_over(self._plan)
        _run(self._plan)


def _any_host() -> str:
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"


def _run(plan: Plan) -> NoReturn:
    config = plan.config
    said = said_address(written())
    host = _any_host() if said.host is None else said.host
    # Every port speaks all protocols: where there is no rpc_port, the one is enough.
    port = config.rpc_port if config.rpc_port is not None else config.http_port
    assert port is not None
    instances: dict[str, Any] = {"start_timeout_ms": _START_MS}
    if config.build_dag_each_worker and not plan.has_processes:
        instances["count"] = config.worker_num
    tables: dict[str, dict[str, Any]] = {
        SERVICE: {"reuseport": 1},
        "limits": {"max_message_bytes": _MOST_MESSAGE},
        "queue": {"max_bytes": 2 * _MOST_MESSAGE},
        "http": {"app_concurrency": plan.threads + _BESIDE},
        "instances": instances,
    }
    if config.rpc_port is not None and config.http_port is not None:
        shown = f"[{host}]" if ":" in host else host
        tables["wrapper"] = {"http_listen": f"{shown}:{config.http_port}"}
    program = _handover.program_of("run_service()", "python web_service.py")
    if plan.has_processes:
        folder = _repository.write(plan, Path.cwd())
        tables["models"] = {"repository": str(folder), "default": plan.name}
        _repository.remove_at_end(folder)
    become_loader(
        "paddle_pipeline",
        host,
        port,
        tables,
        folder=program.parent,
        program=program,
        arguments=sys.argv[1:],
    )
