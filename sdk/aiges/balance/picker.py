# SPDX-License-Identifier: Apache-2.0
"""Which endpoint gets the next call.

The one with the fewest calls in flight for its weight; between equals chance decides, heavier ones
more often. Where there are more than 16, two are drawn by chance in that way and the better one is
taken, so that a choice costs the same among thousands. That needs no talk between clients, and
avoids slow and full hosts.

What discovery says and what calls meet are weighed like this:

- NOT_READY is the endpoint's own word: it gets no new call from that moment. When it then leaves
  the list it is gone.
- An endpoint that leaves the list of a registry, or is DOUBTED, was perhaps lost by the registry
  only. While its calls succeed it stays in use; its first failed call drops it.
- Endpoints whose calls fail several times in a row pause, longer each time. When more than half
  would pause, the fault is likely ours or the network's, and no pause counts.
- One that has just refused a call is full, likely with the calls of others, which we cannot count:
  for a moment it loses against any that has not.
"""

from __future__ import annotations

import enum
import random
import threading
import time
from bisect import bisect_right
from collections.abc import Container
from itertools import accumulate
from typing import Callable

from aiges.balance.endpoint import Endpoint, Listed, Snapshot, Standing

__all__ = ["Lease", "Outcome", "Picker"]

NEVER = float("inf")
FULL_S = 0.1
FULL = 1e9  # More than any number of calls in flight.
SCANNED = 16  # Up to so many endpoints are all looked at.


class Outcome(enum.Enum):
    """How a call on an endpoint ended, as the picker sees it."""

    OK = "ok"  # It answered, be it with an error of the engine.
    FAILED = "failed"  # No answer: no connection, a broken one, silence.
    REFUSED = "refused"  # It answered that it takes no more now.
    UNKNOWN = "unknown"  # The caller gave up; nothing was learned.


class _State:
    """All that is known about one endpoint. Guarded by the picker's lock."""

    __slots__ = (
        "dropped",
        "ejected_until",
        "ejections",
        "endpoint",
        "failures",
        "listed",
        "full_until",
        "outstanding",
        "standing",
        "trusted",
        "weight",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.weight = max(1, endpoint.weight)
        self.standing = Standing.DOUBTED
        self.listed = True
        self.trusted = False  # It was READY, and has not been NOT_READY since.
        self.dropped = False  # A call failed while discovery did not vouch for it.
        self.outstanding = 0
        self.full_until = 0.0
        self.failures = 0  # In a row.
        self.ejections = 0  # In a row.
        self.ejected_until = 0.0

    def hear(self, item: Listed) -> None:
        if item.standing is Standing.READY and not self.vouched:
            self.failures = self.ejections = 0  # It is back: what was before says nothing.
            self.ejected_until = 0.0
        self.endpoint, self.standing, self.listed = item.endpoint, item.standing, True
        self.weight = max(1, item.endpoint.weight)
        if item.standing is Standing.READY:
            self.trusted, self.dropped = True, False
        elif item.standing is Standing.NOT_READY:
            self.trusted = False

    @property
    def vouched(self) -> bool:
        return self.listed and self.standing is Standing.READY

    @property
    def usable(self) -> bool:
        return self.trusted and not self.dropped

    @property
    def last_resort(self) -> bool:
        return self.listed and self.standing is Standing.DOUBTED


class Lease:
    """One call's (or session's) place at an endpoint. ``done`` gives it back. Thread-safe."""

    __slots__ = ("_picker", "_state", "endpoint")

    def __init__(self, picker: Picker, state: _State) -> None:
        self._picker = picker
        self._state: _State | None = state
        self.endpoint = state.endpoint

    def done(self, outcome: Outcome) -> None:
        """Say how it ended. Only the first word counts."""
        self._picker._done(self, outcome)


class Picker:
    """Chooses endpoints, and learns from how calls end. Thread-safe; no call waits for I/O.

    ``failures`` calls that fail in a row eject an endpoint for ``pause_s``, then twice as long, up
    to ``most_pause_s``. ``on_gone`` is called, without a lock, with each endpoint that left and has
    no call in flight: its connection can be closed.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        pause_s: float = 1.0,
        most_pause_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
        on_gone: Callable[[Endpoint], None] | None = None,
    ) -> None:
        self._failures, self._pause_s, self._most_pause_s = failures, pause_s, most_pause_s
        self._clock, self._chance, self._on_gone = clock, chance or random.Random(), on_gone
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        self._pool: list[_State] = []  # Those that calls may go to now.
        self._bounds: list[int] = []  # Their weights, added up.
        self._rebuild_at = NEVER  # When the next ejected endpoint comes back.

    def update(self, snapshot: Snapshot) -> None:
        """Take over what a source says now."""
        with self._lock:
            seen: set[str] = set()
            for item in snapshot.listed:
                address = item.endpoint.address
                seen.add(address)
                if address not in self._states:
                    self._states[address] = _State(item.endpoint)
                self._states[address].hear(item)
            for address, state in self._states.items():
                if address not in seen:
                    state.listed = False
                    state.trusted = state.trusted and not snapshot.final
            gone = self._rebuild()
        self._tell(gone)

    def pick(self, exclude: Container[str] = ()) -> Lease | None:
        """Return a place at an endpoint; None: there is none. ``exclude``: addresses to avoid."""
        with self._lock:
            now = self._clock()
            gone = self._rebuild() if now >= self._rebuild_at else None
            state = self._choose(exclude, now)
            if state is not None:
                state.outstanding += 1
        if gone:
            self._tell(gone)
        return None if state is None else Lease(self, state)

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints that calls may go to now."""
        with self._lock:
            self._rebuild()
            return [state.endpoint for state in self._pool]

    def _choose(self, exclude: Container[str], now: float) -> _State | None:
        pool = self._pool
        if len(pool) == 1:
            return None if pool[0].endpoint.address in exclude else pool[0]
        return self._least(exclude, now) if len(pool) <= SCANNED else self._better(exclude, now)

    def _least(self, exclude: Container[str], now: float) -> _State | None:
        least, best = NEVER, []
        for state in self._pool:
            if exclude and state.endpoint.address in exclude:
                continue
            load = state.outstanding / state.weight
            if state.full_until > now:
                load += FULL
            if load < least:
                least, best = load, [state]
            elif load == least:
                best.append(state)
        if len(best) < 2:
            return best[0] if best else None
        left = self._chance.random() * sum([state.weight for state in best])
        for state in best:
            left -= state.weight
            if left < 0:
                return state
        return best[-1]

    def _better(self, exclude: Container[str], now: float) -> _State | None:
        first, second = self._draw(exclude), self._draw(exclude)
        if second is first:  # One that is much heavier is often drawn twice.
            second = self._any([each for each in self._pool if each is not first], exclude)
        if first is None or second is None:
            return first
        if (first.full_until > now) != (second.full_until > now):
            return second if first.full_until > now else first
        ours, theirs = first.outstanding * second.weight, second.outstanding * first.weight
        return second if theirs < ours else first

    def _draw(self, exclude: Container[str]) -> _State | None:
        pool, bounds = self._pool, self._bounds
        if not pool:
            return None
        for _ in range(4):
            state = pool[bisect_right(bounds, self._chance.random() * bounds[-1])]
            if not exclude or state.endpoint.address not in exclude:
                return state
        return self._any(pool, exclude)

    def _any(self, states: list[_State], exclude: Container[str]) -> _State | None:
        left = [state for state in states if state.endpoint.address not in exclude]
        return self._chance.choice(left) if left else None

    def _done(self, lease: Lease, outcome: Outcome) -> None:
        with self._lock:
            state = lease._state
            if state is None:
                return
            lease._state = None
            state.outstanding -= 1
            calm = not (state.failures or state.ejections or state.full_until)
            if calm and outcome is Outcome.OK and (state.listed or state.usable):
                return  # Another success tells nothing new.
            changed = False
            if outcome in (Outcome.OK, Outcome.REFUSED):
                state.failures = state.ejections = 0
                changed = state.ejected_until > 0
                state.ejected_until = 0.0
                state.full_until = self._clock() + FULL_S if outcome is Outcome.REFUSED else 0.0
            elif outcome is Outcome.FAILED:
                changed = self._count_failure(state)
            leaving = not state.listed and not state.usable and not state.outstanding
            gone = self._rebuild() if changed or leaving else []
        self._tell(gone)

    def _count_failure(self, state: _State) -> bool:
        """Return whether the pool changes by it."""
        state.failures += 1
        dropped = not state.vouched and not state.dropped
        if dropped:
            state.dropped = True
        now = self._clock()
        if state.failures < self._failures or state.ejected_until > now:
            return dropped
        pause_s = min(self._most_pause_s, self._pause_s * 2.0 ** min(state.ejections, 30))
        state.ejected_until = now + pause_s
        state.ejections += 1
        return True

    def _rebuild(self) -> list[Endpoint]:
        """Make the pool anew, and return the endpoints that are gone and idle."""
        gone = [
            state.endpoint
            for state in self._states.values()
            if not state.listed and not state.usable and not state.outstanding
        ]
        for endpoint in gone:
            del self._states[endpoint.address]
        members = [state for state in self._states.values() if state.usable]
        if not members:
            members = [state for state in self._states.values() if state.last_resort]
        now = self._clock()
        resting = [state for state in members if state.ejected_until > now]
        if resting and 2 * len(resting) <= len(members):
            self._pool = [state for state in members if state.ejected_until <= now]
        else:
            self._pool = members
        self._rebuild_at = min((state.ejected_until for state in resting), default=NEVER)
        self._bounds = list(accumulate(state.weight for state in self._pool))
        return gone

    def _tell(self, gone: list[Endpoint]) -> None:
        if self._on_gone is not None:
            for endpoint in gone:
                self._on_gone(endpoint)
