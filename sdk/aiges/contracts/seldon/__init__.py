# SPDX-License-Identifier: Apache-2.0
"""Contract ``seldon``: a class written for Seldon Core's Python server, and for PrimeHub's.

``[aiges] contract = "seldon"``, ``app = "Model"``: the class Model of module Model; or the users'
own command, ``seldon-core-microservice Model``. One object in each instance answers REST and gRPC.
docs/compat/seldon.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiges.contracts.seldon._engine import Engine

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit", "wrapperOnceExec"]

_engine: Engine | None = None


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Make the user's object, load it, and take calls."""
    global _engine
    from aiges.contracts.seldon._engine import Engine

    _engine = Engine(config)
    return 0


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name what is answered."""
    assert _engine is not None
    return _engine.doors()


def wrapperOnceExec(params: dict[str, Any], reqData: Any) -> Any:  # noqa: N802, N803
    """Answer a call of the host's own protocols by predict."""
    assert _engine is not None
    return _engine.once(reqData)


def wrapperFini() -> int:  # noqa: N802
    """End what serves."""
    if _engine is not None:
        from aiges.contracts._doors import seconds_left

        _engine.end(seconds_left() / 2)
    return 0
