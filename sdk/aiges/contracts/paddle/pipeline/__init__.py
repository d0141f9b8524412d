# SPDX-License-Identifier: Apache-2.0
"""Pipelines of Paddle Serving: ``WebService`` with ``Op``, as ``python web_service.py`` serves it.

``Wrapper`` is the engine of contract ``paddle_pipeline``. The service is one model; with
``is_thread_op: false`` each op is another one, for that model only. docs/compat/paddle_pipeline.md.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Wrapper"]


class Wrapper:
    """The hooks; the work is in :mod:`._engine`."""

    def __init__(self) -> None:
        self._engine: Any = None  # A Service, or an OpModel.

    def wrapperInit(self, config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
        """Run the user's program, and serve what it hands over: the pipeline, or an op of it."""
        from aiges.contracts._command import use_first

        use_first("paddle")
        from aiges.contracts.paddle.pipeline import _engine

        self._engine = _engine.start()
        return 0

    def wrapperDoors(self) -> dict[str, Any]:  # noqa: N802
        """Name what is answered; an op answers only its pipeline."""
        return dict(self._engine.doors())

    def wrapperOnceExec(self, params: Any, reqData: Any) -> Any:  # noqa: N802, N803
        """Run an op for its pipeline; or answer a call of the host's own protocols."""
        return self._engine.once(reqData)

    def wrapperFini(self) -> int:  # noqa: N802
        """End what serves."""
        if self._engine is not None:
            from aiges.contracts._doors import seconds_left

            self._engine.end(seconds_left() / 2)
        return 0
