# SPDX-License-Identifier: Apache-2.0
"""The state of a stream (/aiges.v1.Stream/Run): what goes in, and what comes out. No network.

One gRPC call is one session of the engine. Its input is a log of messages: the one that opens it,
then the pieces as the caller's iterator gives them. Until something has come out, the log is kept,
so that a loader that refuses the session can be left for another one, which reads the same log.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Union

import grpc  # type: ignore[import-untyped]

from aiges.balance import Outcome
from aiges.client._calls import Core, Tries
from aiges.client._encode import input_bytes
from aiges.client._read import read_output
from aiges.client.errors import Unavailable
from aiges.client.message import Expect, Payload, Payloads, check_payloads, payload_list

__all__ = ["AsyncPieces", "InputLog", "Piece", "Pieces", "StreamBase"]

KEEP_BYTES = 1 << 20  # The longest log that is kept; a stream with more of it is not repeated.

Piece = Union[Payload, Payloads]


def is_whole(inputs: Any) -> bool:
    """Return whether these are payloads that belong together, rather than pieces to come."""
    return isinstance(inputs, (bytes, str, bytearray, memoryview, Mapping, list, tuple))


class InputLog:
    """The messages of one stream's input, from its begin. The caller synchronises."""

    def __init__(
        self,
        service: str,
        inputs: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        expect: Expect,
    ) -> None:
        whole = is_whole(inputs)
        items = payload_list(inputs) if whole else []
        if whole:
            check_payloads(items)
        opening = input_bytes(
            service, items, once=whole, params=params, headers=headers, expect=expect
        )
        self._service = service
        self._begun: set[str] = set()
        self._messages, self._dropped, self._bytes = [opening], 0, len(opening)
        self._keeping = True
        self.ended = whole
        self.fault: BaseException | None = None  # What the caller's iterator raised.

    def has(self, at: int) -> bool:
        """Return whether the message of that number is there."""
        return at < self._dropped + len(self._messages)

    def message(self, at: int) -> bytes:
        """Return it; it may be forgotten then."""
        found = self._messages[at - self._dropped]
        if not self._keeping:
            del self._messages[: at - self._dropped + 1]
            self._dropped = at + 1
        return found

    def add(self, piece: Piece) -> None:
        """Append a piece. Raises TypeError for what is none."""
        items = [piece] if isinstance(piece, Payload) else payload_list(piece)
        placed: list[Payload] = []
        for item in items:
            status = "1" if item.name in self._begun else "0"
            self._begun.add(item.name)
            placed.append(replace(item, attributes={"status": status, **item.attributes}))
        message = input_bytes(self._service, placed, once=False)
        self._messages.append(message)
        self._bytes += len(message)
        self._keeping = self._keeping and self._bytes <= KEEP_BYTES

    def fail(self, fault: BaseException) -> None:
        """Note that the caller's iterator, or a piece, is at fault."""
        self.fault, self.ended = fault, True

    @property
    def kept(self) -> bool:
        """Whether the input can be sent from its begin once more."""
        return self._keeping

    def keep_no_more(self) -> None:
        """Forget each message from now on once it has been read. Any thread may say so."""
        self._keeping = False


class Pieces:
    """Fills a log from an iterator, as far as it is read. Thread-safe.

    gRPC reads it on a thread of its own for each try. One that waits for the iterator goes on with
    that when its try is over: the piece is in the log then, for the next try.
    """

    def __init__(self, log: InputLog, inputs: Any) -> None:
        self.log, self._lock, self._closed = log, threading.Lock(), False
        self._source: Iterator[Piece] = iter(()) if log.ended else iter(inputs)
        self._try = 0

    def feed(self, calls: list[Any]) -> Iterator[bytes]:
        """Return the messages for the next try; its call, in ``calls``, is cancelled by a fault."""
        self._try += 1
        return self._feed(self._try, calls)

    def _feed(self, number: int, calls: list[Any]) -> Iterator[bytes]:
        at = 0
        while (message := self._next(number, at)) is not None:
            yield message
            at += 1
        if self.log.fault is not None:
            for call in calls:
                call.cancel()

    def _next(self, number: int, at: int) -> bytes | None:
        with self._lock:
            if not self.log.has(at) and not self.log.ended and not self._closed:
                self._pull()
            if self._closed or number != self._try or not self.log.has(at):
                return None
            return self.log.message(at)

    def _pull(self) -> None:
        try:
            self.log.add(next(self._source))
        except StopIteration:
            self.log.ended = True
        except BaseException as fault:
            self.log.fail(fault)

    def close(self) -> None:
        """Take no more; a generator is closed, unless it is just being waited for."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                if isinstance(self._source, Generator):
                    self._source.close()  # pyright: ignore[reportUnknownMemberType] (what it takes)
            finally:
                self._lock.release()


class AsyncPieces:
    """The same for asyncio, from an iterator of either kind. Belongs to one event loop."""

    def __init__(self, log: InputLog, inputs: Any) -> None:
        self.log, self._closed, self._try = log, False, 0
        self._lock: asyncio.Lock | None = None  # Made in the loop: Python 3.9 binds it there.
        self._source: Any = iter(())
        if not log.ended:
            self._source = inputs.__aiter__() if hasattr(inputs, "__aiter__") else iter(inputs)

    def begin(self) -> int:
        """Return the number of the next try."""
        self._try += 1
        self._lock = self._lock or asyncio.Lock()
        return self._try

    async def next(self, number: int, at: int) -> bytes | None:
        """Return that message of the log; None: no more for this try."""
        assert self._lock is not None
        async with self._lock:
            if not self.log.has(at) and not self.log.ended and not self._closed:
                await self._pull()
            if self._closed or number != self._try or not self.log.has(at):
                return None
            return self.log.message(at)

    async def _pull(self) -> None:
        try:
            if hasattr(self._source, "__anext__"):
                self.log.add(await self._source.__anext__())
            else:
                self.log.add(next(self._source))
        except (StopIteration, StopAsyncIteration):
            self.log.ended = True
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            self.log.fail(fault)

    async def close(self) -> None:
        """Take no more, and close a generator; whoever waited for it has been cancelled before."""
        self._closed = True
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()  # pyright: ignore[reportUnknownMemberType] (what it takes)
        elif isinstance(self._source, Generator):
            self._source.close()  # pyright: ignore[reportUnknownMemberType] (what it takes)


class StreamBase:
    """What both kinds of stream share: the tries, and what the answers mean."""

    def __init__(self, core: Core, log: InputLog, timeout_s: float | None) -> None:
        self._core, self._log = core, log
        self._timeout_s = float("inf") if timeout_s is None else timeout_s
        self._tries: Tries | None = None
        self._call: Any = None
        self._waiting: deque[Payload] = deque()
        self._heard = self._ended = self._over = False

    @property
    def host(self) -> str:
        """The ``host:port`` of the loader that has the session; empty before the first reading."""
        lease = None if self._tries is None else self._tries.lease
        return "" if lease is None else lease.endpoint.address

    def _take(self, message: bytes) -> None:
        """Keep what a message brings; raises what it tells. Another try follows: no call is left"""
        assert self._tries is not None
        if not self._log.kept:
            self._tries.settle(heard=self._heard)
        output = self._tries.answered(message, keep=True, read=read_output)
        if output is None:
            self._call = None
            return
        if not self._heard:
            self._heard = True
            self._log.keep_no_more()
            self._tries.settle(heard=True)
        self._waiting.extend(output.payloads)
        self._ended = self._ended or output.ended

    def _broke(self, code: Any, details: str | None) -> None:
        """Take note of the call's end without an answer; raises unless another try follows."""
        assert self._tries is not None
        if self._log.fault is not None:
            self._tries.end(Outcome.OK if self._heard else Outcome.UNKNOWN)
            raise self._log.fault
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:  # Perhaps there was nothing to say.
            self._tries.settle(heard=True)
        elif not self._log.kept:
            self._tries.settle(heard=self._heard)
        self._tries.broke(code, details)
        self._call = None

    def _complete(self) -> None:
        """Take note that the call has ended in order."""
        assert self._tries is not None
        if not self._ended:
            self._tries.end(Outcome.FAILED)
            raise Unavailable(0, "the stream ended without its last message", self.host, True)
        self._tries.end(Outcome.OK)

    def _leave(self) -> None:
        """Give the place back; a second time does nothing."""
        self._over = True
        if self._tries is not None:
            self._tries.end(Outcome.OK if self._heard else Outcome.UNKNOWN)
