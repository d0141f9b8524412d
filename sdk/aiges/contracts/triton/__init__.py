# SPDX-License-Identifier: Apache-2.0
"""Contract ``triton``: a model.py and config.pbtxt written for Triton's Python backend, unchanged.

``[aiges] contract = "triton"``, or the files themselves say so. Each worker is one instance: the
class TritonPythonModel is made and initialized there, and its execute gets calls as lists of
requests, one list at a time. docs/compat/triton.md.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "wrapperBatchExec",
    "wrapperCreate",
    "wrapperDestroy",
    "wrapperFini",
    "wrapperInit",
    "wrapperSchema",
    "wrapperWarmup",
    "wrapperWrite",
]

_engine: Any = None


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Read the configuration, make the model, initialize it."""
    global _engine
    from aiges.contracts.triton._engine import Engine

    _engine = Engine(config)
    return 0


def wrapperWarmup(config: dict[str, str]) -> int:  # noqa: N802
    """Run the samples of model_warmup."""
    _engine.warm_up()
    return 0


def wrapperSchema() -> dict[str, Any]:  # noqa: N802
    """Name the tensors, and what else clients may know of the model."""
    return {"model": _engine.runner.card}


def wrapperBatchExec(params: Any, reqData: Any, usrTags: Any) -> list[Any]:  # noqa: N802, N803
    """Answer calls."""
    made: list[Any] = _engine.runner.batch(params, reqData, usrTags)
    return made


def wrapperCreate(usrTag: str, params: dict[str, str]) -> str:  # noqa: N802, N803
    """Begin a request that may have any number of answers."""
    _engine.create(usrTag, params)
    return usrTag


def wrapperWrite(handle: str, reqData: Any) -> int:  # noqa: N802, N803
    """Take its inputs."""
    _engine.write(handle, reqData)
    return 0


def wrapperDestroy(handle: str) -> int:  # noqa: N802
    """End it."""
    _engine.destroy(handle)
    return 0


def wrapperFini() -> int:  # noqa: N802
    """Let the model finish."""
    if _engine is not None:
        _engine.end()
    return 0
