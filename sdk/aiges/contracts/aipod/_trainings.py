# SPDX-License-Identifier: Apache-2.0
"""Trainings: each on a thread of its own, which neither its caller's leaving nor others end.

One for each version, in all workers that share the data folder; the instance goes when it is over,
however it ended, so that the next call loads what was trained. :meth:`Trainings.cancel` raises
:class:`TrainingCancelled` in it, at the next step of its Python code.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import threading
import time
from typing import Any, Callable

from aiges.contracts.aipod._disk import TRAIN, Disk, Held
from aiges.contracts.aipod._pool import Entry, Pool
from aiges.contracts.aipod._seat import Seat

__all__ = ["Outcome", "TrainingCancelled", "Trainings"]

_LOG = logging.getLogger("aiges.aipod")
_MOST_WAITING = 32  # Trainings that wait for others to end.
_LOOK_S = 0.25  # For wishes of other workers.

# What train() has returned, or what it has raised.
Outcome = Callable[[Any, "BaseException | None"], None]


class TrainingCancelled(BaseException):
    """Ends a training that somebody has cancelled. Not an Exception: handlers let it pass."""


class _Training:
    """One training. ``wanted``: whether it is to begin at all, now."""

    def __init__(
        self, version: str, kwargs: dict[str, Any], wanted: Callable[[], bool], tell: Outcome
    ) -> None:
        self.version, self.kwargs, self.wanted, self.tell = version, kwargs, wanted, tell
        self.begun = 0.0
        self.cancelled = False
        self._lock = threading.Lock()
        self._thread_id = 0  # While the user's code runs.
        self.result: Any = None
        self.fault: BaseException | None = TrainingCancelled()
        self.over = threading.Event()

    def run(self, model: Any) -> None:
        """Run the user's code on this thread, which ends with it."""
        with contextlib.suppress(TrainingCancelled):  # One that comes when it has just ended.
            try:
                with self._lock:
                    if self.cancelled:
                        return
                    self._thread_id = threading.get_ident()
                self.result = model.train(**self.kwargs)
                self.fault = None
            except BaseException as fault:
                self.fault = fault
            finally:
                with self._lock:
                    self._thread_id = 0

    def cancel(self) -> None:
        """Raise TrainingCancelled in it, or let it not begin."""
        with self._lock:
            self.cancelled = True
            if self._thread_id:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread_id), ctypes.py_object(TrainingCancelled)
                )


class Trainings:
    """``most`` at a time."""

    def __init__(self, pool: Pool, disk: Disk, seat: Seat, most: int) -> None:
        self._pool, self._disk, self._seat = pool, disk, seat
        self._lock = threading.Lock()
        self._free = threading.Semaphore(most)
        self._most = most + _MOST_WAITING
        self._all: dict[str, _Training] = {}
        self._open: set[_Training] = set()  # Of which the outcome is not told.
        self._ending = False

    def start(
        self, version: str, kwargs: dict[str, Any], wanted: Callable[[], bool], tell: Outcome
    ) -> str:
        """Let it begin, and return ""; or return why it cannot, beginning with a status's name.

        Raises OSError for faults of the disk.
        """
        training = _Training(version, kwargs, wanted, tell)
        with self._lock:
            if self._ending:
                return "UNAVAILABLE: the worker ends"
            if version in self._all:
                return f"FAILED_PRECONDITION: version {version!r} is being trained already"
            if len(self._all) >= self._most:
                return f"RESOURCE_EXHAUSTED: {len(self._all)} trainings run or wait already"
            self._all[version] = training
            self._open.add(training)
        problem = "it has not begun"
        try:
            problem = self._begin(training)
        finally:
            if problem:
                self._forget(training)
                self._end(training)
        return problem

    def _begin(self, training: _Training) -> str:
        held = self._hold(training.version)
        if isinstance(held, str):
            return held
        work = functools.partial(self._run, training, held)
        try:
            threading.Thread(target=work, name=f"train-{training.version}", daemon=True).start()
        except BaseException:
            held.free()
            self._seat.end_training()
            raise
        return ""

    def _hold(self, version: str) -> Held | str:
        if not self._seat.begin_training():
            return "UNAVAILABLE: the worker is being replaced, ask again in a moment"
        held = None
        try:
            held = self._disk.hold(version, TRAIN)
        finally:
            if held is None:
                self._seat.end_training()
        if held is None:
            return f"FAILED_PRECONDITION: version {version!r} is being trained already"
        self._disk.take_wish(version)  # Of an earlier training.
        return held

    def cancel(self, version: str) -> bool:
        """Cancel the training of that version, in whichever worker it is. False: there is none."""
        with self._lock:
            training = self._all.get(version)
        if training is not None:
            training.cancel()
            return True
        if not self._disk.is_known(version):
            return False
        held = self._disk.hold(version, "cancel")
        if held is not None:
            held.free()
            return False
        self._disk.wish_cancel(version)
        return True

    def end(self, seconds: float) -> None:
        """Take no more, and wait until the outcome of all is told, for so long."""
        with self._lock:
            self._ending = True
            running = list(self._open)
        until = time.monotonic() + seconds
        for training in running:
            if not training.over.wait(max(until - time.monotonic(), 0)):
                _LOG.error(
                    "the training of version %r is cut off after %.0f s: the worker ends",
                    training.version, time.monotonic() - (training.begun or time.monotonic()),
                )  # fmt: skip

    # --- on a thread of its own ---

    def _run(self, training: _Training, held: Held) -> None:
        try:
            self._run_with_lock(training)
        except BaseException as fault:
            training.result, training.fault = None, fault
        finally:
            if training.begun:
                self._disk.raise_generation(training.version)
            held.free()
            self._seat.end_training()
            self._forget(training)  # Now: who hears of its end may begin the next one.
        try:
            training.tell(training.result, training.fault)
        finally:
            self._end(training)

    def _run_with_lock(self, training: _Training) -> None:
        while not self._free.acquire(timeout=_LOOK_S):
            if self._is_unwanted(training):
                return
        try:
            if self._is_unwanted(training):
                return
            entry = self._pool.take_now(training.version)
            self._pool.begin_training(entry)
            try:
                self._train(training, entry)
            finally:
                self._pool.end_training(entry)
        finally:
            self._free.release()

    def _is_unwanted(self, training: _Training) -> bool:
        """Whether one that has not begun is not to begin any more."""
        if self._disk.take_wish(training.version):
            training.cancelled = True
        if training.cancelled:
            training.fault = _cancelled(training)
        return training.cancelled or self._ending or not training.wanted()

    def _train(self, training: _Training, entry: Entry) -> None:
        training.begun = time.monotonic()
        thread = threading.Thread(
            target=training.run, args=(entry.model,), name=f"train-{training.version}", daemon=True
        )
        thread.start()
        thread.join(_LOOK_S)
        while thread.is_alive():
            if self._disk.take_wish(training.version):
                training.cancel()
            thread.join(_LOOK_S)
        if training.cancelled and training.fault is not None:
            training.fault = _cancelled(training)

    def _forget(self, training: _Training) -> None:
        with self._lock:
            if self._all.get(training.version) is training:
                del self._all[training.version]

    def _end(self, training: _Training) -> None:
        with self._lock:
            self._open.discard(training)
        training.over.set()


def _cancelled(training: _Training) -> TrainingCancelled:
    return TrainingCancelled(f"the training of version {training.version!r} was cancelled")
