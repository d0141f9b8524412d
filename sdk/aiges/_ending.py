# SPDX-License-Identifier: Apache-2.0
"""Ends Python in a worker as the interpreter ends itself, but within a time.

Threads that are not daemons are waited for, pools finish what they were given, atexit functions
run, and what was written to open files is in them. All in plain Python's order: what threading has
to do comes before atexit, or processes of a pool wait for work for ever. The interpreter is not
taken down after that (Py_FinalizeEx): daemon threads and native modules would come back into what
is no more there, which is where processes crash at their end. So open files are closed by hand
here; ``__del__`` of other objects that are still alive does not run. Embedded in libwrapper.so.
"""

import atexit
import gc
import io
import os
import sys
import threading
import time
from _thread import allocate_lock, start_new_thread  # Also where user code has replaced Thread.
from typing import Callable, cast

_done = allocate_lock()
_FILES = io.IOBase.__mro__[1]  # In C: an isinstance() of it runs no code of the user's.


def watch(seconds: float) -> None:
    """Let the process end after that long, whatever hangs then."""
    _done.acquire()
    start_new_thread(_watch, (seconds,))


def _watch(seconds: float) -> None:
    if _done.acquire(True, seconds):
        return
    start_new_thread(_exit, (0.3,))  # A lock of the lines below may be held by what hangs.
    print(
        f"wrapper: Python has not ended within {seconds:.1f} s; what still runs is cut off: "
        + ", ".join(_running()),
        file=sys.stderr,
        flush=True,
    )
    _close_files()
    _exit(0)


def _exit(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(0)


def _running() -> "list[str]":
    """Return who keeps Python from ending, each with the place where it is."""
    frames = sys._current_frames()
    main = threading.main_thread()
    others = [t for t in threading.enumerate() if not t.daemon and t is not main]
    running: list[str] = []
    for thread in others or [main]:
        frame = frames.get(thread.ident or 0)
        place = f" ({frame.f_code.co_filename}, line {frame.f_lineno})" if frame else ""
        running.append(f"thread {thread.name}{place}")
    return running


def _close_files() -> None:
    gc.unfreeze()  # What gc.freeze() hid from get_objects().
    files = [each for each in gc.get_objects() if _FILES in type(each).__mro__]
    # What wraps others (gzip) first writes its end to them.
    wrappers = [each for each in files if type(each).__module__ != "_io"]
    for name, group in (("flush", files), ("close", wrappers), ("flush", files)):
        for file in group:
            try:
                if not file.closed:
                    getattr(file, name)()
            except BaseException:
                pass  # Read only, detached, or the other side of a pipe is gone.


def end() -> None:
    """Do what Python does at its end. Called on its main thread, after watch()."""
    shutdown = cast("Callable[[], None]", threading._shutdown)  # type: ignore[attr-defined]
    for step in (shutdown, atexit._run_exitfuncs, _close_files):
        try:
            step()
        except BaseException:
            sys.excepthook(*sys.exc_info())  # pyright: ignore[reportArgumentType] (there is one)
    _done.release()
