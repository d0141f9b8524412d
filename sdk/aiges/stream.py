# SPDX-License-Identifier: Apache-2.0
"""Sessions on a pool of worker threads, for wrappers that answer by ``callback``.

A wrapper derives from :class:`StreamHandleThread`, overrides ``infer`` (or ``run``), makes a pool
of them with ``self.session.init_handle_pool("thread", n, MyThread)`` in wrapperInit, and in
wrapperCreate takes an idle one::

    handle = self.session.get_idle_handle()
    session = self.session.get_session(handle)
    session.setup_sid(sid)
    session.setup_params(params)
    session.setup_callback_fn(callback)

wrapperWrite puts requests into ``session.in_q``; wrapperDestroy gives the handle back with
``self.session.set_idle_session(handle)``. New wrappers are simpler with a generator: see
docs/plugin_guide.md. ``aiges.request_pool`` has the other, older pool.

The module itself can be called: ``aiges.stream(model, payloads)``, see aiges._models.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import types
from typing import Any, Callable

from aiges.core.types import PROCESS_MODE, THREAD_MODE
from aiges.request_pool import Context, ModelProcess, ReqHandleThread, RequestPool

__all__ = [
    "Context",
    "ModelProcess",
    "Pool",
    "ReqHandleThread",
    "RequestPool",
    "SessionManager",
    "StreamHandleThread",
    "ThreadPool",
    "WorkerThread",
]

log = logging.getLogger("aiges")


class StreamHandleThread(threading.Thread):
    """The thread behind one handle; derive from it and override ``infer``, or ``run``."""

    def __init__(
        self, session_thread: WorkerThread, in_q: queue.Queue[Any], out_q: queue.Queue[Any]
    ) -> None:
        super().__init__(name=session_thread.handle, daemon=True)
        self.session_thread = session_thread
        self.in_q, self.out_q = in_q, out_q
        self.is_stopping = False

    def init_model(self, *args: Any, **kwarg: Any) -> None:
        """Load what this thread needs; ``run`` calls it first, with the handle."""

    def stop(self) -> None:
        """End after the request in hand."""
        self.is_stopping = True
        if type(self).run is StreamHandleThread.run:
            self.in_q.put(None)  # It may wait for one.

    def run(self) -> None:
        """Take requests one by one, for all sessions that this handle will have."""
        self.init_model(self.session_thread.handle)
        while not self.is_stopping:
            request = self.in_q.get()
            if self.is_stopping:
                return
            try:
                self.infer(request)
            except Exception:
                log.exception("%s: infer raised", self.session_thread.handle)

    def infer(self, request: Any) -> None:
        """Answer one request: ``self.session_thread.callback_fn(response, sid)``."""
        raise NotImplementedError(f"{type(self).__name__} has no infer")


class WorkerThread(threading.Thread):
    """One handle of the pool: its session's queues and what the session was opened with.

    As a thread, it starts the ``StreamHandleThread`` of the handle and lasts as long.
    """

    def __init__(self, handle: str, config: dict[str, str] | None = None) -> None:
        super().__init__(name=f"{handle} (session)", daemon=True)
        self.handle = handle
        self.config = {} if config is None else config
        self.in_q: queue.Queue[Any] = queue.Queue()
        self.out_q: queue.Queue[Any] = queue.Queue()
        self.sid = ""
        self.params: dict[str, str] = {}
        self.callback_fn: Callable[..., int] | None = None
        self.is_idle = True
        self.is_stopping = False
        self.StreamHandleThreadClass: type[StreamHandleThread] = StreamHandleThread
        self._handler: StreamHandleThread | None = None

    @property
    def idle(self) -> bool:
        """Whether no session has this handle."""
        return self.is_idle

    def init_model(self, *args: Any, **kwargs: Any) -> None:
        """For derived classes; the model of a handle belongs to its StreamHandleThread."""
        raise NotImplementedError(f"{type(self).__name__} has no init_model")

    def setup_sid(self, sid: str) -> None:
        """Name the session; ``callback_fn`` takes this name."""
        self.sid = sid

    def setup_params(self, params: dict[str, str]) -> None:
        """Keep the session's parameters, and mark the handle busy."""
        self.params = params
        self.is_idle = False

    def setup_callback_fn(self, callback: Callable[..., int]) -> None:
        """Keep the function that delivers results: ``callback(response, sid)``."""
        self.callback_fn = callback

    def reset(self) -> None:
        """Forget the session: both queues are emptied, the handle is idle again."""
        for each in (self.in_q, self.out_q):
            while True:
                try:
                    each.get_nowait()
                except queue.Empty:
                    break
        self.sid, self.params = "", {}
        self.is_idle = True

    def setStreamHandleThreadClass(self, cls: type[StreamHandleThread]) -> None:  # noqa: N802
        """Say which class ``run`` makes the handle's thread of."""
        self.StreamHandleThreadClass = cls

    def make_handler(self) -> None:
        """Make the handle's thread, so that what its constructor raises is seen by the caller."""
        self._handler = self.StreamHandleThreadClass(self, self.in_q, self.out_q)

    def stop(self) -> None:
        """End the handle's thread after the request in hand."""
        self.is_stopping = True
        if self._handler is not None:
            self._handler.stop()

    def run(self) -> None:
        """Start the handle's thread, and wait for its end."""
        if self._handler is None:
            self.make_handler()
        if self._handler is not None:
            self._handler.start()
            self._handler.join()


class Pool:
    """Handles by name. The caller synchronises."""

    def __init__(self) -> None:
        self.workers: dict[str, WorkerThread] = {}

    def get_thread(self, handle: str) -> WorkerThread | None:
        """Return the session object of a handle; None for one that the pool does not have."""
        return self.workers.get(handle)

    def get_idle_thread_handle(self) -> tuple[str, WorkerThread] | None:
        """Take an idle handle; None when all are busy."""
        for handle, session in self.workers.items():
            if session.is_idle:
                session.is_idle = False
                return handle, session
        return None

    def reset_thread(self, handle: str) -> None:
        """Forget the session of a handle."""
        session = self.workers.get(handle)
        if session is not None:
            session.reset()

    def set_idle(self, handle: str) -> None:
        """Give a handle back."""
        session = self.workers.get(handle)
        if session is not None:
            session.is_idle = True


class ThreadPool(Pool):
    """``nums`` handles, each with a running thread of class ``reqDataThreadCls``."""

    def __init__(
        self,
        reqDataThreadCls: type[StreamHandleThread],  # noqa: N803 (frozen name)
        processs_no: int = 0,
        nums: int = 10,
        config: dict[str, str] | None = None,
        first: int = 0,
    ) -> None:
        super().__init__()
        for number in range(first, first + nums):
            session = WorkerThread(f"Process-{processs_no}-Thread-{number}", config)
            session.setStreamHandleThreadClass(reqDataThreadCls)
            session.make_handler()
            session.start()
            self.workers[session.handle] = session


class SessionManager:
    """The pool of one wrapper; ``WrapperBase`` has one as ``self.session``. Thread-safe."""

    def __init__(
        self, config: dict[str, str] | None = None, mode: str = THREAD_MODE, nums: int = 0
    ) -> None:
        self.config: dict[str, str] = {} if config is None else config
        self.initialized, self.code = False, 0
        self.handle_pool = Pool()
        self.lock = threading.Lock()

    def init_wrapper_config(self, config: dict[str, str] | None = None) -> None:
        """Keep what wrapperInit got, for the handles."""
        self.config = {} if config is None else config

    @property
    def wrapperConfig(self) -> dict[str, str]:  # noqa: N802 (frozen name)
        """What init_wrapper_config was given."""
        return self.config

    def init_handle_pool(
        self,
        mode: str = THREAD_MODE,
        nums: int = 1,
        ReqThreadCls: type[StreamHandleThread] | None = None,  # noqa: N803 (frozen name)
    ) -> None:
        """Start ``nums`` threads of class ``ReqThreadCls``."""
        if mode == PROCESS_MODE:
            raise ValueError(
                f'init_handle_pool: expected mode "{THREAD_MODE}", got {mode!r}; for processes set '
                "[instances] count, each is a process of its own"
            )
        if ReqThreadCls is None:
            raise ValueError("init_handle_pool: expected a class derived from StreamHandleThread")
        with self.lock:
            first = len(self.handle_pool.workers)
            made = ThreadPool(ReqThreadCls, 0, nums, self.config, first)
            self.handle_pool.workers.update(made.workers)
            self.initialized = True

    def init_threads(
        self,
        ReqThreadCls: type[StreamHandleThread],  # noqa: N803 (frozen name)
        nums: int = 10,
    ) -> ThreadPool:
        """Return a pool of its own, beside that of init_handle_pool."""
        return ThreadPool(ReqThreadCls, 0, nums, self.config)

    def get_idle_handle(self) -> str | None:
        """Take an idle handle; None when all are busy (answer wrapperCreate with an error)."""
        with self.lock:
            found = self.handle_pool.get_idle_thread_handle()
        return found[0] if found else None

    def get_session(self, handle: str | None) -> WorkerThread | None:
        """Return the session object of a handle; None for one that the pool does not have.

        A handle of None is what ``get_idle_handle`` gave because all are busy: that raises, so that
        a wrapperCreate that did not look at it fails with the reason.
        """
        with self.lock:
            if handle is None:
                raise RuntimeError(
                    f"get_session: expected a handle, got None: all "
                    f"{len(self.handle_pool.workers)} are busy (start more in init_handle_pool, or "
                    "allow fewer sessions with [fc] max)"
                )
            return self.handle_pool.get_thread(handle)

    def reset_session(self, handle: str) -> None:
        """Give a handle back."""
        session = self.get_session(handle)
        if session is not None:
            session.reset()

    def set_idle_session(self, handle: str) -> None:
        """Give a handle back."""
        self.reset_session(handle)

    def push_back(self, handle: str) -> None:
        """Give a handle back."""
        self.reset_session(handle)


class _Callable(types.ModuleType):
    """This module: ``aiges.stream(..)`` reads the answers of another model (aiges._models)."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from aiges._models import stream

        return stream(*args, **options)


sys.modules[__name__].__class__ = _Callable
