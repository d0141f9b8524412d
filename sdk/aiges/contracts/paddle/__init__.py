# SPDX-License-Identifier: Apache-2.0
"""Contract ``paddle``: services and clients written for Paddle Serving.

``[wrapper] model`` names folders that ``save_model`` has written, as ``serve --model`` does; a
folder that is one needs nothing. A program (``[aiges] app = "web_service.py"``, or the users' own
command) hands over a web service or a pipeline. docs/compat/paddle.md.
"""

from __future__ import annotations

from typing import Any

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit", "wrapperOnceExec"]

_engine: Any = None


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Load the models or the user's program, and take calls."""
    # Here: the package is imported by clients, too, where there is no host.
    global _engine
    from aiges.contracts.paddle.server._start import engine_of

    _engine = engine_of(config)
    return 0


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name what is answered."""
    doors: dict[str, Any] = _engine.doors()
    return doors


def wrapperOnceExec(params: dict[str, Any], reqData: Any) -> Any:  # noqa: N802, N803
    """Answer a call of the host's own protocols."""
    return _engine.once(params, reqData)


def wrapperFini() -> int:  # noqa: N802
    """End what serves."""
    if _engine is not None:
        _engine.end()
    return 0
