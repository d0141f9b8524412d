# SPDX-License-Identifier: Apache-2.0
"""Contract ``asgi``: an ASGI 3 application (FastAPI, Starlette, ..) behind the host's ports.

``[aiges] contract = "asgi"``, ``app = "main:app"``. The application answers every path that is not
the host's own; one event loop in each instance runs it. docs/doors.md.
"""

from __future__ import annotations

from typing import Any

from aiges.contracts._app import load_app
from aiges.contracts.asgi._scope import App
from aiges.contracts.asgi._server import AsgiServer

__all__ = ["serve", "wrapperDoors", "wrapperFini", "wrapperInit"]

_server: AsgiServer | None = None


def serve(app: App) -> int:
    """Let the lifespan of an application begin, which is served from then on."""
    global _server
    _server = AsgiServer(app)
    _server.start()
    return 0


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Import the application, and serve it."""
    return serve(load_app("an ASGI application"))


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name what the application answers: everything."""
    return {"doors": [{"http": "/{path..}", "long": True}]}


def wrapperFini() -> int:  # noqa: N802
    """Let the lifespan end, and then the loop."""
    if _server is not None:
        _server.end()
    return 0
