# SPDX-License-Identifier: Apache-2.0
"""Many sessions in front of one model: what ``aiges.stream`` has for that, imported from there.

A :class:`RequestPool` has one :class:`ReqHandleThread` per session. All of them put what their
sessions send into one queue; a :class:`ModelProcess` (a thread) takes from it, and answers by the
callback.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from typing import Any, Callable

__all__ = ["Context", "ModelProcess", "ReqHandleThread", "RequestPool"]

log = logging.getLogger("aiges")


class Context:
    """What is known of the session that a handle serves, and its latest piece of input."""

    def __init__(self) -> None:
        self.reset_ctx()

    def reset_ctx(self) -> None:
        """Forget the session."""
        self.sid, self.callback_handle = "", ""
        self.params: dict[str, str] = {}
        self.data: Any = None
        self.session_destroyed = False

    def set_data(self, data: Any) -> None:
        """Keep a piece of input."""
        self.data = data

    def set_callback_handle(self, s: str) -> None:
        """Keep the name that answers are delivered by."""
        self.callback_handle = s

    def set_sid(self, sid: str) -> None:
        """Name the session."""
        self.sid = sid

    def set_params(self, params: dict[str, str]) -> None:
        """Keep the session's parameters."""
        self.params = params

    def set_destroyed(self) -> None:
        """Nobody wants answers any more."""
        self.session_destroyed = True


class ReqHandleThread(threading.Thread):
    """The thread of one session: hands its input on to the model."""

    def __init__(
        self,
        model_pipe_conn: Any,
        shared_req_queue: Any,
        handle: str,
        callback_fn: Callable[..., Any] | None,
    ) -> None:
        super().__init__(name=handle, daemon=True)
        self.model_pipe_conn, self.shared_req_queue = model_pipe_conn, shared_req_queue
        self.handle, self.callback = handle, callback_fn
        self.input_queue: queue.Queue[Context] = queue.Queue()
        self.status, self.is_stopping = "idle", False
        self.ctx = Context()

    def set_busy(self) -> None:
        """A session has it."""
        self.status = "busy"

    def set_idle(self) -> None:
        """No session has it."""
        self.status = "idle"
        self.ctx.reset_ctx()

    def set_ctx(self, sid: str, params: dict[str, str]) -> None:
        """Say which session has it."""
        self.ctx.set_sid(sid)
        self.ctx.set_params(params)

    def send_to_input_queue(self, sid: str, req: Any) -> None:
        """Take a piece of the session's input."""
        self.ctx.set_sid(sid)
        self.ctx.set_data(req)
        self.input_queue.put(self.ctx)

    def run(self) -> None:
        """Hand input on, piece by piece."""
        while not self.is_stopping:
            self.shared_req_queue.put((self.handle, self.input_queue.get()))

    def destroy(self) -> None:
        """End the session."""
        self.set_idle()


class RequestPool:
    """Five threads for sessions; more by ``init_threads`` of a derived class."""

    def __init__(self, shared_req_queue: Any, callback_fn: Callable[..., Any] | None) -> None:
        self.pool: dict[str, ReqHandleThread] = {}
        self.conns_map: dict[str, tuple[Any, Any]] = {}
        self.shared_req_queue = shared_req_queue
        self.process_id = os.getpid()
        self.init_threads(callback_fn=callback_fn, pool_size=5)

    def init_threads(self, callback_fn: Callable[..., Any] | None, pool_size: int = 5) -> None:
        """Start the threads, each with a pipe to the model."""
        import multiprocessing  # Not at import: few wrappers have such a pool.

        for number in range(pool_size):
            handle = f"process-{self.process_id}-thread-{number}"
            pipe = multiprocessing.Pipe()
            thread = ReqHandleThread(pipe[0], self.shared_req_queue, handle, callback_fn)
            self.conns_map[handle], self.pool[handle] = pipe, thread
            thread.start()

    def get_idle_handle(self) -> str | None:
        """Take an idle handle; None when all are busy."""
        for handle, thread in self.pool.items():
            if thread.status == "idle":
                thread.set_busy()
                return handle
        return None

    def set_idle_handle(self, handle: str) -> None:
        """Give a handle back."""
        self.pool[handle].set_idle()

    def get_thread(self, handle: str) -> ReqHandleThread:
        """Return the thread of a handle."""
        return self.pool[handle]


class ModelProcess(threading.Thread):
    """The thread of the model: answers what the sessions' threads put into the queue."""

    def __init__(
        self, shared_req_queue: Any, result_conns_map: Any, callback_fn: Callable[..., Any] | None
    ) -> None:
        super().__init__(name="model", daemon=True)
        self.shared_req_queue, self.result_conns_map = shared_req_queue, result_conns_map
        self.callback, self.is_stopping = callback_fn, False
        self._infer: Callable[..., Any] | None = None

    def register_infer_func(self, func: Callable[..., Any]) -> None:
        """Keep a function ``func(ctx, callback)`` that answers, in place of ``infer``."""
        self._infer = func

    def infer(self, ctx: Context, callback: Callable[..., Any] | None) -> Any:
        """Answer one piece of input: ``callback(response, ctx.sid)``."""
        if self._infer is None:
            raise NotImplementedError(f"{type(self).__name__} has no infer")
        return self._infer(ctx, callback)

    def run(self) -> None:
        """Answer piece by piece; what a session that has ended sent is left out."""
        while not self.is_stopping:
            handle, ctx = self.shared_req_queue.get()
            if ctx.session_destroyed:
                continue
            try:
                self.infer(ctx, self.callback)
            except Exception:
                log.exception("%s: infer raised", handle)
