# SPDX-License-Identifier: Apache-2.0
"""Contract ``openbayes``: a predictor that was written for OpenBayes Serving, unchanged.

``python predictor.py`` becomes the loader (:mod:`._command`); with ``[aiges] contract =
"openbayes"`` a worker runs ``predictor.py`` of the current folder, or what ``app`` names. Where
there is a ``start.sh`` and no ``app``, that script is run instead (:mod:`._script`).
docs/compat/openbayes.md.
"""

from __future__ import annotations

from typing import Any

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit", "wrapperOnceExec"]

_served: Any = None  # A Server, or the Script.


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Make the predictor and serve it, or run the user's script."""
    global _served
    from aiges.contracts._command import use_first
    from aiges.contracts.openbayes import _script

    use_first("openbayes")
    if script := _script.find():
        _served = _script.Script(script, config)
    else:
        from aiges.contracts.openbayes._server import Server

        _served = Server(config)
    _served.start()
    return 0


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name what is answered: every path, as the framework said of each what it is."""
    return dict(_served.doors())


def wrapperOnceExec(params: dict[str, Any], reqData: Any) -> Any:  # noqa: N802, N803
    """Answer a call of the host's own protocols, where the predictor's inputs allow."""
    return _served.once(params, reqData)


def wrapperFini() -> int:  # noqa: N802
    """End what serves."""
    if _served is not None:
        _served.end()
    return 0
