# SPDX-License-Identifier: Apache-2.0
"""The instances of the user's class: one for each version, so many at most.

A version that is not there is loaded on a thread of its own, and calls for it wait without holding
one; those for other versions go on. Who asks for room lets the instance go that was used longest
ago, an idle one first, and waits until it has been disposed of: nobody's instance is disposed of
while it serves. An instance that is trained is beside the others, which keep one place at least.
"""

from __future__ import annotations

import functools
import gc
import itertools
import logging
import threading
from collections import OrderedDict
from typing import Any, Callable, Optional

__all__ = ["Entry", "Pool", "Then"]

_LOG = logging.getLogger("aiges.aipod")


class Entry:
    """An instance, from the moment in which somebody wants it until it is disposed of."""

    __slots__ = ("leaving", "model", "signature", "ticket", "users", "version", "waiters")

    def __init__(self, version: str, ticket: int) -> None:
        self.version, self.ticket = version, ticket
        self.model: Any = None
        self.signature: Any = None  # Of what lay on the disk when it was loaded.
        self.users = 0
        self.leaving = False  # Nobody finds it any more.
        self.waiters: list[Then] = []


# Called with the instance, or with what its constructor has raised.
Then = Callable[[Optional[Entry], Optional[BaseException]], None]


class Pool:
    """``make``: the instance of a version. ``signature``: what differs when the version is new.

    ``put``: lets a thread of those that serve do something. ``size`` of 0 or less: no limit.
    """

    def __init__(
        self,
        make: Callable[[str], Any],
        size: int,
        *,
        signature: Callable[[str], Any] = lambda _version: None,
        put: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        self._make, self._size, self._signature, self._put = make, size, signature, put
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._tickets = itertools.count()
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # Used longest ago first.
        self._trained: dict[str, Entry] = {}
        self._leaving: set[Entry] = set()
        self._waiting = 0  # Loads that wait for room.

    # --- taking and giving back ---

    def find(self, version: str) -> Entry | None:
        """Return the instance if it is there. Whoever gets one gives it back by :meth:`give`."""
        signature = self._signature(version)
        with self._lock:
            entry = self._entries.get(version)
            if entry is None or entry.model is None or entry.signature != signature:
                return None
            self._entries.move_to_end(version)
            entry.users += 1
            return entry

    def take(self, version: str, then: Then) -> Entry | None:
        """Return the instance if it is there; else ``then`` is called, on a serving thread."""
        signature = self._signature(version)
        old = None
        with self._lock:
            entry = self._trained.get(version)
            if entry is not None:
                entry.users += 1
                return entry
            entry = self._entries.get(version)
            if entry is not None and entry.model is not None:
                if entry.signature == signature:
                    self._entries.move_to_end(version)
                    entry.users += 1
                    return entry
                old = self._let_go(entry)
                entry = None
            loads = entry is None
            if entry is None:
                entry = self._entries[version] = Entry(version, next(self._tickets))
            else:
                self._entries.move_to_end(version)
            entry.users += 1
            entry.waiters.append(then)
        if old is not None:
            self._dispose(old)
        if loads:
            work = functools.partial(self._load, entry)
            try:
                threading.Thread(target=work, name=f"load-{version}", daemon=True).start()
            except Exception as fault:  # No thread can begin.
                self._tell_loaded(entry, None, None, fault)
        return None

    def take_now(self, version: str) -> Entry:
        """Return the instance, after a wait if need be. Raises what its constructor raises."""
        got: list[Any] = []
        there = threading.Event()

        def then(entry: Entry | None, fault: BaseException | None) -> None:
            got.extend((entry, fault))
            there.set()

        entry = self.take(version, then)
        if entry is None:
            there.wait()
            entry, fault = got
            if fault is not None:
                raise fault
        assert entry is not None
        return entry

    def give(self, entry: Entry) -> None:
        """Give it back."""
        with self._lock:
            entry.users -= 1
            if entry.users > 0:
                return
            gone = entry.leaving
            if self._waiting > 0:
                self._changed.notify_all()
        if gone:
            self._dispose(entry)

    def renew(self, entry: Entry, signature: Any) -> None:
        """Say that what lies on the disk is known to this instance."""
        with self._lock:
            entry.signature = signature

    def discard(self, version: str) -> None:
        """Let the instance of the version go, when it is idle."""
        with self._lock:
            entry = self._entries.get(version)
            old = self._let_go(entry) if entry is not None and entry.model is not None else None
        if old is not None:
            self._dispose(old)

    # --- trainings ---

    def begin_training(self, entry: Entry) -> None:
        """Keep this instance beside the others for as long as it is trained."""
        with self._lock:
            self._trained[entry.version] = entry
            if self._entries.get(entry.version) is entry:
                del self._entries[entry.version]
            entry.leaving = False
            self._leaving.discard(entry)
            self._changed.notify_all()

    def end_training(self, entry: Entry) -> None:
        """Let it go, and what else there is of the version. It is given back, too."""
        with self._lock:
            self._trained.pop(entry.version, None)
            entry.leaving = True
            self._leaving.add(entry)
        self.discard(entry.version)
        self.give(entry)

    # --- loading ---

    def _load(self, entry: Entry) -> None:
        fault: BaseException | None = None
        model = signature = None
        try:
            self._make_room(entry)
            signature = self._signature(entry.version)
            model = self._make(entry.version)
            if model is None:
                raise TypeError("expected an instance of the model's class, got None")
        except BaseException as raised:
            fault = raised
        self._tell_loaded(entry, model, signature, fault)

    def _tell_loaded(
        self, entry: Entry, model: Any, signature: Any, fault: BaseException | None
    ) -> None:
        with self._lock:
            waiters, entry.waiters = entry.waiters, []
            if fault is None:
                entry.model, entry.signature = model, signature
            elif self._entries.get(entry.version) is entry:
                del self._entries[entry.version]
            self._changed.notify_all()
        given = entry if fault is None else None
        for then in waiters:
            self._put(functools.partial(then, given, fault))

    def _make_room(self, entry: Entry) -> None:
        if self._size <= 0:
            return
        while True:
            with self._lock:
                old = self._next_to_go(entry)
                if old is None:
                    return
            self._dispose(old)

    def _next_to_go(self, entry: Entry) -> Entry | None:
        """Wait for room, or for an idle instance that is let go. Under the lock."""
        while True:
            limit = max(1, self._size - len(self._trained))
            others = [
                other
                for other in self._entries.values()
                if other is not entry and (other.model is not None or other.ticket < entry.ticket)
            ]
            if len(others) + len(self._leaving) < limit:
                return None
            if len(others) >= limit:
                there = [other for other in others if other.model is not None]
                idle = next((other for other in there if other.users == 0), None)
                if idle is not None:
                    return self._let_go(idle)
                if there:
                    self._let_go(there[0])
                    continue
            self._waiting += 1
            self._changed.wait()
            self._waiting -= 1

    def _let_go(self, entry: Entry) -> Entry | None:
        """Let nobody find it; return it where it is idle and is to be disposed of."""
        if self._entries.get(entry.version) is entry:
            del self._entries[entry.version]
        entry.leaving = True
        self._leaving.add(entry)
        return entry if entry.users == 0 else None

    def _dispose(self, entry: Entry) -> None:
        try:
            dispose = getattr(entry.model, "dispose", None)
            if callable(dispose):
                dispose()
        except BaseException as fault:
            _LOG.error("dispose of version %r: %s", entry.version, fault, exc_info=fault)
        entry.model = None
        gc.collect()
        with self._lock:
            self._leaving.discard(entry)
            self._changed.notify_all()

    def close(self) -> None:
        """Dispose of all that is idle. At the end."""
        with self._lock:
            idle = [entry for entry in self._entries.values() if entry.users == 0]
            for entry in idle:
                self._let_go(entry)
        for entry in idle:
            self._dispose(entry)
