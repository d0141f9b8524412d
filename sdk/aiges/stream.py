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
docs/plugin_guide.md.
"""

from __future__ import annotations

import logging
import queue
import threading
from typing import Any, Callable

__all__ = ["SessionManager", "StreamHandleThread", "WorkerThread"]

log = logging.getLogger("aiges")


class WorkerThread:
    """One handle of the pool: the queues of its session, and what the session was opened with."""

    def __init__(self, handle: str, config: dict[str, str]) -> None:
        self.handle = handle
        self.config = config
        self.in_q: queue.Queue[Any] = queue.Queue()
        self.out_q: queue.Queue[Any] = queue.Queue()
        self.sid = ""
        self.params: dict[str, str] = {}
        self.callback_fn: Callable[..., int] | None = None
        self.idle = True

    def setup_sid(self, sid: str) -> None:
        """Name the session; ``callback_fn`` takes this name."""
        self.sid = sid

    def setup_params(self, params: dict[str, str]) -> None:
        """Keep the session's parameters, and mark the handle busy."""
        self.params = params
        self.idle = False

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
        self.sid, self.params, self.callback_fn = "", {}, None
        self.idle = True


class StreamHandleThread:
    """The thread behind one handle; derive from it and override ``infer``."""

    def __init__(
        self, session_thread: WorkerThread, in_q: queue.Queue[Any], out_q: queue.Queue[Any]
    ) -> None:
        self.session_thread = session_thread
        self.in_q, self.out_q = in_q, out_q
        self.is_stopping = False

    def run(self) -> None:
        """Take requests one by one, for all sessions that this handle will have."""
        while not self.is_stopping:
            request = self.in_q.get()
            try:
                self.infer(request)
            except Exception:
                log.exception("%s: infer raised", self.session_thread.handle)

    def infer(self, request: Any) -> None:
        """Answer one request: ``self.session_thread.callback_fn(response, sid)``."""
        raise NotImplementedError(f"{type(self).__name__} has no infer")


class SessionManager:
    """The pool of one wrapper; ``WrapperBase`` has one as ``self.session``. Thread-safe."""

    def __init__(self) -> None:
        self.config: dict[str, str] = {}
        self._lock = threading.Lock()
        self._sessions: dict[str, WorkerThread] = {}

    def init_wrapper_config(self, config: dict[str, str]) -> None:
        """Keep what wrapperInit got, for the handles."""
        self.config = config

    def init_handle_pool(
        self, mode: str = "thread", nums: int = 1, cls: type[StreamHandleThread] | None = None
    ) -> None:
        """Start ``nums`` threads of class ``cls``."""
        if mode != "thread":
            raise ValueError(
                f'init_handle_pool: expected mode "thread", got {mode!r}; for processes set '
                "[instances] count, each is a process of its own"
            )
        if cls is None:
            raise ValueError("init_handle_pool: expected a class derived from StreamHandleThread")
        with self._lock:
            first = len(self._sessions)
            for number in range(first, first + nums):
                session = WorkerThread(f"Process-0-Thread-{number}", self.config)
                worker = cls(session, session.in_q, session.out_q)
                threading.Thread(target=worker.run, name=session.handle, daemon=True).start()
                self._sessions[session.handle] = session

    def get_idle_handle(self) -> str | None:
        """Take an idle handle; None when all are busy (answer wrapperCreate with an error)."""
        with self._lock:
            for session in self._sessions.values():
                if session.idle:
                    session.idle = False
                    return session.handle
        return None

    def get_session(self, handle: str | None) -> WorkerThread | None:
        """Return the session object of a handle; None for one that the pool does not have.

        A handle of None is what ``get_idle_handle`` gave because all are busy: that raises, so that
        a wrapperCreate that did not look at it fails with the reason.
        """
        with self._lock:
            if handle is None:
                raise RuntimeError(
                    f"get_session: expected a handle, got None: all {len(self._sessions)} are busy "
                    "(start more in init_handle_pool, or allow fewer sessions with [fc] max)"
                )
            return self._sessions.get(handle)

    def reset_session(self, handle: str) -> None:
        """Give a handle back."""
        session = self.get_session(handle)
        if session is not None:
            session.reset()

    set_idle_session = reset_session
    push_back = reset_session
