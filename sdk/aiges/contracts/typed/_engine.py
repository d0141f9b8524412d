# SPDX-License-Identifier: Apache-2.0
"""The hooks of a typed model, as the host calls them."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from aiges.contracts.typed import _serve
from aiges.contracts.typed._model import (
    ASYNC,
    ASYNC_GENERATOR,
    GENERATOR,
    Model,
    load_target,
)
from aiges.contracts.typed._schema import describe
from aiges.contracts.typed._tasks import task_hooks

__all__ = ["Engine", "make_engine"]


class Engine:
    """What the host sees of a model. Which hooks there are depends on its ``predict``."""

    # As texts of errors have them.
    hook_names: ClassVar[dict[str, str]] = {
        "wrapperInit": "setup",
        "wrapperOnceExec": "predict",
        "wrapperBatchExec": "predict",
    }

    def __init__(self, model: Model) -> None:
        self._model, self.tasks = model, task_hooks(model)
        if model.batched:
            self.wrapperBatchExec = functools.partial(_batch, model)
        else:
            self.wrapperOnceExec = _once_of(model)
        for name, hook in self.tasks.items():
            setattr(self, name, hook)

    def wrapperInit(self, config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
        """Load the model."""
        self._model.setup(config)
        return 0

    def wrapperSchema(self) -> dict[str, Any]:  # noqa: N802
        """Declare the inputs."""
        return describe(self._model)

    def wrapperWishes(self) -> dict[str, int]:  # noqa: N802
        """Ask for what the decorators of ``predict`` say; one thread where they say nothing."""
        asked = self._model.asked
        return {
            "threads": asked.threads or 1,
            "batch_size": asked.batch_size,
            "batch_delay_us": round(asked.batch_delay_ms * 1000),
        }

    def wrapperFini(self) -> int:  # noqa: N802
        """End the model."""
        self._model.close()
        return 0


def make_engine() -> Any:
    """Import the user's model, and return its hooks, with those of tasks where it has some."""
    model = Model(load_target())
    engine = Engine(model)
    if not engine.tasks:
        return engine
    from aiges import _signature
    from aiges.contracts._tasks._engine import Served

    return Served(engine, _signature.METHODS)


# Functions of the right kind: by it the host tells streams and coroutines from the rest.


def _once_of(model: Model) -> Any:
    kind = model.kind
    if kind == ASYNC:

        async def once_async(params: Any, reqData: Any) -> Any:  # noqa: N803 (frozen name)
            return await _serve.serve_async(model, params, reqData.list)

        return once_async
    if kind == ASYNC_GENERATOR:

        async def stream_async(params: Any, reqData: Any) -> Any:  # noqa: N803
            values = _serve.serve_async_stream(model, params, reqData.list)
            try:
                async for value in values:
                    yield value
            finally:
                await values.aclose()  # type: ignore[attr-defined]

        return stream_async
    if kind == GENERATOR:

        def stream(params: Any, reqData: Any) -> Any:  # noqa: N803
            yield from _serve.serve_stream(model, params, reqData.list)

        return stream

    def once(params: Any, reqData: Any) -> Any:  # noqa: N803
        return _serve.serve(model, params, reqData.list)

    return once


def _batch(model: Model, params: Any, reqData: Any) -> list[Any]:  # noqa: N803
    return _serve.serve_batch(model, params, [each.list for each in reqData])
