# SPDX-License-Identifier: Apache-2.0
"""Contract ``wsgi``: a WSGI application (Flask, Django, ..) behind the host's ports.

``[aiges] contract = "wsgi"``, ``app = "main:app"``. Served as ``asgi`` through a2wsgi, with ten
threads in each instance; those are waited for at the end as Python does. docs/doors.md.
"""

from __future__ import annotations

from aiges.contracts._app import load_app
from aiges.contracts.asgi import serve, wrapperDoors, wrapperFini

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit"]

THREADS = 10


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Import the application, put a2wsgi in front of it, and serve that."""
    try:
        from a2wsgi import WSGIMiddleware
    except ImportError as fault:
        raise ImportError(
            "contract wsgi: expected the package a2wsgi beside the application: pip install a2wsgi"
        ) from fault
    return serve(WSGIMiddleware(load_app("a WSGI application"), workers=THREADS))
