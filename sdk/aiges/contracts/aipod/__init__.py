# SPDX-License-Identifier: Apache-2.0
"""Contract ``aipod``: a model class written for AIPOD, behind the port that its clients know.

``python main.py`` with ``serve(UserModel)`` becomes the host; ``[aiges] contract = "aipod"`` with
``app = "main.py"`` or ``"module:Class"`` does the same. docs/compat/aipod.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiges.contracts.aipod._server import Server

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit", "wrapperOnceExec"]

_serving: Server | None = None


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Let the user's program hand its class over, and serve that."""
    # Here: the package is imported outside of workers, too, where there is no host.
    from aiges.contracts._command import use_first
    from aiges.contracts._handover import load
    from aiges.contracts._options import flag
    from aiges.contracts.aipod._server import Server

    global _serving
    use_first("aipod")
    model_class = load("serve()", "main.py", "a class of models")
    if not isinstance(model_class, type):
        got = type(model_class).__name__
        raise ValueError(f"serve(): expected a class of models, got an object of type {got}")
    _serving = Server(model_class, debug=flag(config, "debug"))
    _serving.start()
    return 0


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name the service, and its methods over HTTP."""
    from aiges.contracts.aipod._server import doors

    return doors()


def wrapperOnceExec(params: dict[str, Any], reqData: Any) -> Any:  # noqa: N802, N803
    """Predict for a call of the host's own protocols."""
    assert _serving is not None
    return _serving.once(params, reqData)


def wrapperFini() -> int:  # noqa: N802
    """Let trainings end within the time there is, and end what serves."""
    if _serving is not None:
        _serving.end()
    return 0
