# SPDX-License-Identifier: Apache-2.0
"""One model behind a queue, on a thread of its own: what some published wrappers build pools of.

A wrapper derives from :class:`InferClass`, registers an object of it at a :class:`Worker`, starts
the worker, and puts requests into ``worker.in_q``.
"""

from __future__ import annotations

import abc
import logging
import queue
import threading
from typing import Any, Callable

__all__ = ["InferClass", "Worker"]

log = logging.getLogger("aiges")
LOOK_UP_S = 3  # How often a worker that has nothing to do looks whether it is to stop.


class InferClass(abc.ABC):
    """A model; ``predict(req=..)`` returns (output, True after the last request)."""

    handle: Any = None

    @abc.abstractmethod
    def predict(self, *args: Any, **kwargs: Any) -> tuple[object, bool]:
        """Answer one request."""

    def setHandle(self, hdl: Any) -> None:  # noqa: N802 (frozen name)
        """Keep the handle of the session that the requests belong to."""
        self.handle = hdl


class Worker(threading.Thread):
    """Takes requests from ``in_q``, one by one, until the model says that it was the last."""

    def __init__(
        self,
        name: str | None = None,
        _type: str = "thread",
        nums: int = 1,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name=name)
        self.nums, self.context = nums, {} if context is None else context
        self._type = _type
        self.in_q: queue.Queue[Any] = queue.Queue()
        self.out_q: queue.Queue[Any] = queue.Queue()
        self.infer_class: Any = None
        self.infer_func: Callable[..., Any] | None = None
        self.callback_fn: Callable[..., Any] | None = None
        self.is_stopping = False

    def stop(self) -> None:
        """End after the request in hand."""
        self.is_stopping = True

    def register_infer_class(self, instance: Any) -> None:
        """Keep the object whose ``predict`` answers requests."""
        self.infer_class = instance

    def register_infer_func(self, infer: Callable[..., Any]) -> None:
        """Keep a function in place of such an object."""
        self.infer_func = infer

    def register_callback(self, cb: Callable[..., Any]) -> None:
        """Keep the function that delivers results, for the model."""
        self.callback_fn = cb

    def setHandle(self, hdl: Any) -> None:  # noqa: N802 (frozen name)
        """Tell the model which session the requests belong to."""
        self.infer_class.setHandle(hdl)

    def create(self, params: dict[str, Any] | None = None) -> None:
        """Begin a session; for derived classes."""

    def run(self) -> None:
        """Answer requests until stop(), or until the model says that all is done."""
        predict = self.infer_func if self.infer_class is None else self.infer_class.predict
        if predict is None:
            log.error("%s: expected register_infer_class() before start(), got none", self.name)
            return
        while not self.is_stopping:
            try:
                request = self.in_q.get(timeout=LOOK_UP_S)
            except queue.Empty:
                continue
            if predict(req=request)[1]:
                return
