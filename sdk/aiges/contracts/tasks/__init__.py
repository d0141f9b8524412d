# SPDX-License-Identifier: Apache-2.0
"""Contract ``tasks``: hooks ``chat``, ``complete``, ``embed`` and ``transcribe``, for OpenAI's API.

They are functions of wrapper.py, or methods of its class Wrapper; or one hook ``openai(task,
body)`` answers whole bodies. What else wrapper.py has (wrapperInit, wrapperOnceExec, ..) is there
as without them. ``[aiges] app = "module"`` names another module. docs/protocol_openai.md.
"""

from __future__ import annotations

import importlib
from typing import Any

_served: Any = None
try:
    importlib.import_module("aiges_embed")
except ImportError:
    pass  # Not in a worker: there is nobody to serve.
else:
    from aiges.contracts._tasks._engine import load

    _served = load()


def __getattr__(name: str) -> Any:
    """Return a hook as the host calls it: the user's own, or one with the tasks in it."""
    if name.startswith("__") or _served is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_served, name)
