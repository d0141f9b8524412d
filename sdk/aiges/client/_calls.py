# SPDX-License-Identifier: Apache-2.0
"""What the blocking and the asyncio client have in common: everything but waiting.

A call is one or more tries, and `Tries` decides about them: where the next one goes, what its end
means, and whether another may follow. Another follows only a refusal before execution, at another
loader, inside the call's own deadline and the client's budget of retries.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Callable

import grpc  # type: ignore[import-untyped]

from aiges.balance import (
    Endpoint,
    Lease,
    Outcome,
    Picker,
    RetryBudget,
    Snapshot,
    Source,
    open_source,
    parse_target,
)
from aiges.balance.targets import FileSpec
from aiges.client._options import Wanted, key_of
from aiges.client._read import Output, read_answer
from aiges.client.errors import (
    AigesError,
    BadRequest,
    DeadlineExceeded,
    Limited,
    Overloaded,
    Unavailable,
    WorkerLost,
    error_of,
)

__all__ = ["Core", "Tries", "keyed"]

# A loader that comes back is found within one second. A proxy in the environment is for the web.
CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
]


def channel_options(keepalive_s: float) -> list[tuple[str, Any]]:
    """Return the options of a channel; pings notice a peer that is gone without a word."""
    if not keepalive_s:
        return CHANNEL_OPTIONS
    ping_ms = max(1, int(keepalive_s * 1000))
    return [
        *CHANNEL_OPTIONS,
        ("grpc.keepalive_time_ms", ping_ms),
        ("grpc.keepalive_timeout_ms", ping_ms),
        ("grpc.http2.ping_timeout_ms", ping_ms),  # Of other pings: while one is out, none follows.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]


# How gRPC tells that a request has not left this process. Everything else that is UNAVAILABLE may
# have been executed. CANCELLED comes from a loader that stops, for calls it has not looked at.
NEVER_RAN = ("failed to connect to all addresses", "DNS resolution failed")
SERVICE = "svcName"  # Where the caller names none.
CLOSED = "the client is closed"
SILENCE_S = 1.0  # A call that had this much time and no word from the host speaks against it.


# Two kinds of RESOURCE_EXHAUSTED that no other loader would take either: a message longer than its
# [limits] max_message_bytes (frozen words), and a stream's input that finds no room.
TOO_LONG = "larger than max"
NO_ROOM = "input buffer full"
# And one that is the caller's, not the loader's.
LIMIT = "the limit "


def never_ran(code: Any, details: str) -> bool:
    """Return whether a gRPC error means for certain that the engine has not seen the call."""
    if code is grpc.StatusCode.UNAVAILABLE:
        return details.startswith(NEVER_RAN)
    return code is grpc.StatusCode.CANCELLED


def error_of_rpc(code: Any, details: str, host: str) -> AigesError:
    """Return the error for the end of a call that brought no answer."""
    text = f"gRPC {code.name}: {details}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(10102, text, host)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if TOO_LONG in details:
            return BadRequest(0, text, host)
        code_of = 10009 if details.startswith(NO_ROOM) else 10110
        return error_of(10422 if details.startswith(LIMIT) else code_of, text, host)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return BadRequest(10420, text, host)
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return BadRequest(10421, text, host)
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED):
        return BadRequest(0, text, host)
    return Unavailable(0, text, host, maybe_ran=not never_ran(code, details))


class Keyed:
    """A method of a channel whose calls have the key in their metadata."""

    def __init__(self, method: Any, key: str) -> None:
        self._method, self._key = method, ("authorization", f"Bearer {key}")

    def __call__(self, *args: Any, metadata: Any = None, **options: Any) -> Any:
        return self._method(*args, metadata=(*(metadata or ()), self._key), **options)

    def with_call(self, *args: Any, metadata: Any = None, **options: Any) -> Any:
        return self._method.with_call(*args, metadata=(*(metadata or ()), self._key), **options)


def keyed(method: Any, key: str) -> Any:
    """Return the method as it is called with this key, or without any."""
    return Keyed(method, key) if key else method


class Core:
    """Discovery, the picker and the budget of one client. Thread-safe."""

    def __init__(self, wanted: Wanted, on_gone: Callable[[Endpoint], None]) -> None:
        timeout_s, retries, keepalive_s = wanted.timeout_s, wanted.retries, wanted.keepalive_s
        if timeout_s <= 0 or retries < 0 or keepalive_s < 0:
            raise ValueError(
                "expected timeout_s > 0, retries >= 0 and keepalive_s >= 0, "
                f"got {timeout_s!r}, {retries!r} and {keepalive_s!r}"
            )
        service = wanted.service or SERVICE
        spec = parse_target(wanted.target)
        if isinstance(spec, FileSpec) and not spec.service:
            spec = FileSpec(spec.path, service, spec.tag)
        self.service, self.timeout_s = service, timeout_s
        self.retries, self.idempotent = retries, wanted.idempotent
        self.api_key = key_of(wanted.api_key)
        self.options = channel_options(keepalive_s)
        self.picker, self.budget = Picker(on_gone=on_gone), RetryBudget()
        self.closed = False
        self.is_known = False  # Whether discovery has said something.
        self._known = threading.Event()
        self._target = wanted.target
        self._source: Source = open_source(spec)
        self._source.start(self._update)

    def close(self) -> None:
        """Stop discovery."""
        self.closed = True
        self._source.close()
        self._learn()

    def _update(self, snapshot: Snapshot) -> None:
        self.picker.update(snapshot)
        self._learn()

    def _learn(self) -> None:
        self.is_known = True
        self._known.set()

    def wait_known(self, seconds: float) -> None:
        """Wait for the first word of discovery; at most the client's own timeout."""
        self._known.wait(min(seconds, self.timeout_s))

    def nowhere(self) -> Unavailable:
        """Return the error of a call for which there is no loader."""
        if self.closed:
            return Unavailable(0, CLOSED)
        why = self._source.trouble()
        what = f"no loader takes calls for {self._target}"
        return Unavailable(0, f"{what}: {why}" if why else what)


class Tries:
    """One call from its first try to its end. Belongs to the call's thread or task."""

    __slots__ = (
        *("_core", "_deadline", "_error", "_had_s", "_left", "_tried"),
        *("headers", "lease", "pause_s", "timeout_s"),
    )

    def __init__(self, core: Core, timeout_s: float | None) -> None:
        self._core = core
        now = time.monotonic()
        self._deadline = now + (core.timeout_s if timeout_s is None else timeout_s)
        self._left = core.retries
        self._tried: list[str] = []
        self._error: AigesError | None = None
        self._had_s = 0.0
        self.pause_s = 0.0
        self.lease: Lease | None = None
        self.timeout_s: float | None = 0.0  # What this try has, for gRPC; None: what it takes.
        self.headers: dict[str, str] = {}  # The metadata of the answer, where it was asked for.
        core.budget.called(now)

    def remaining_s(self) -> float:
        """Return how long the call may still take, in seconds; 0 when the time has passed."""
        return max(0.0, self._deadline - time.monotonic())

    def begin(self) -> str:
        """Choose where the next try goes: an address. Raises what ended the call when nowhere."""
        core = self._core
        if not core.is_known:
            raise core.nowhere()
        self._had_s = had_s = self._deadline - time.monotonic()
        if had_s <= 0:
            raise self._error or DeadlineExceeded(10102, "the time passed before the call was sent")
        if core.closed:
            raise core.nowhere()
        self.lease = lease = core.picker.pick(self._tried)
        if lease is None:
            raise self._error or core.nowhere()
        self.timeout_s = None if had_s == math.inf else had_s
        address = lease.endpoint.address
        self._tried.append(address)
        return address

    def wait_ms(self) -> int:
        """Return the loader's share of the time: a little less, so that its own answer is first."""
        had_s = self._had_s
        return int((had_s - 0.1 if had_s > 1 else had_s * 0.9) * 1000) or 1

    def end(self, outcome: Outcome) -> None:
        """Give the try's place back."""
        if self.lease is not None:
            self.lease.done(outcome)

    def settle(self, heard: bool) -> None:
        """Note that no other try may follow; ``heard``: and that the host has said something."""
        self._left = 0
        if heard:
            self._had_s = 0.0  # A deadline does not speak against it any more.

    def answered(
        self,
        answer: bytes,
        keep: bool = False,
        read: Callable[[bytes, str], Output] = read_answer,
    ) -> Output | None:
        """Return the output; None when another try is to follow; raises the call's error.

        ``keep`` leaves the place taken after a success: a session goes on there.
        """
        assert self.lease is not None
        try:
            output = read(answer, self.lease.endpoint.address)
        except AigesError as error:
            if isinstance(error, Limited):
                outcome, may_repeat = Outcome.OK, True
            elif isinstance(error, Overloaded):
                outcome, may_repeat = Outcome.REFUSED, True
            elif isinstance(error, WorkerLost):
                outcome, may_repeat = Outcome.FAILED, self._core.idempotent
            else:
                outcome, may_repeat = Outcome.OK, False
            self._fail(error, outcome, may_repeat)
            return None
        if not keep:
            self.lease.done(Outcome.OK)
        return output

    def broke(self, code: Any, details: str | None) -> None:
        """Take note of a try without an answer; raises unless another try is to follow."""
        assert self.lease is not None
        if self._core.closed:
            self.end(Outcome.UNKNOWN)
            raise Unavailable(0, CLOSED, self.lease.endpoint.address, maybe_ran=True)
        error = error_of_rpc(code, details or "", self.lease.endpoint.address)
        outcome, may_repeat = Outcome.OK, False
        if isinstance(error, Unavailable):
            outcome, may_repeat = Outcome.FAILED, self._core.idempotent or not error.maybe_ran
        elif isinstance(error, Limited):
            may_repeat = True
        elif isinstance(error, Overloaded):
            outcome, may_repeat = Outcome.REFUSED, True
        elif isinstance(error, DeadlineExceeded):
            outcome = Outcome.FAILED if self._had_s >= SILENCE_S else Outcome.UNKNOWN
        self._fail(error, outcome, may_repeat)

    def _fail(self, error: AigesError, outcome: Outcome, may_repeat: bool) -> None:
        self.end(outcome)
        self._error = error
        if not may_repeat or self._left < 1 or self.remaining_s() <= 0:
            raise error
        if isinstance(error, Limited):
            # Nowhere before that; any host will do then.
            if not 0 < error.retry_after_s < self.remaining_s():
                raise error
            self.pause_s = error.retry_after_s
            self._tried.clear()
        if not self._core.budget.take():
            raise error
        self._left -= 1

    def pause(self) -> float:
        """Return how long to wait before the next try, in seconds; once."""
        pause_s, self.pause_s = self.pause_s, 0.0
        return pause_s
