# SPDX-License-Identifier: Apache-2.0
"""The blocking client over gRPC."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]

from aiges.balance import Endpoint, Lease, Outcome
from aiges.client import _wire
from aiges.client._calls import CLOSED, Core, Tries, keyed
from aiges.client._closing import Closing
from aiges.client._encode import once_input, once_request
from aiges.client._inputs import payloads_of, read_inputs
from aiges.client._options import Wanted
from aiges.client._read import (
    ASK_TIMING,
    Metadata,
    asked_by,
    is_end,
    read_metadata,
    reply_of,
    said_by,
)
from aiges.client._session import POLL_S, SessionBase, SessionState
from aiges.client._stream import InputLog, Pieces, StreamBase
from aiges.client._tls import credentials
from aiges.client.client import Client, ValueStream
from aiges.client.errors import AigesError, Unavailable
from aiges.client.message import Expect, Payload, Payloads, Reply

__all__ = ["GrpcClient", "Session", "Stream"]


class _Link(NamedTuple):
    channel: grpc.Channel
    call: Any
    run: Any


class GrpcClient(Client):
    """The calls of ``Client``, with discovery, balancing and tries at other loaders."""

    def _begin(self, wanted: Wanted) -> None:
        self._credentials = credentials(wanted.ca, wanted.cert, wanted.key)
        self._lock = threading.Lock()
        self._channels: dict[str, _Link] = {}
        self._core = Core(wanted, self._drop)

    def close(self) -> None:
        """Stop discovery and close all connections; calls in flight fail as Unavailable."""
        self._core.close()
        with self._lock:
            channels = list(self._channels.values())
            self._channels.clear()  # In place: clients of with_options() share it.
        for link in channels:
            link.channel.close()

    def endpoints(self) -> list[Endpoint]:
        """Return the loaders that calls may go to now."""
        return self._core.picker.endpoints()

    def once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
        timing: bool = False,
    ) -> Reply:
        asked = ASK_TIMING if timing else None
        return self._once(payloads, params, headers, expect, timeout_s, asked)

    def _once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        expect: Expect,
        timeout_s: float | None,
        metadata: Metadata | None,
    ) -> Reply:
        core = self._core
        data = once_input(core.service, payloads, params, headers, expect)
        tries = Tries(core, timeout_s)
        if not core.is_known:
            core.wait_known(tries.remaining_s())
        while True:
            if pause_s := tries.pause():
                time.sleep(pause_s)
            address = tries.begin()
            request = once_request(data, tries.wait_ms())
            answer = self._try(tries, address, request, metadata)
            output = None if answer is None else tries.answered(answer)
            if output is not None:
                return reply_of(output, address, metadata, tries.headers)

    def session(
        self,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> Session:
        state = SessionState(self._core.service)
        request = state.opening(params, headers, expect)
        tries = Tries(self._core, timeout_s)
        if not self._core.is_known:
            self._core.wait_known(tries.remaining_s())
        while True:
            if pause_s := tries.pause():
                time.sleep(pause_s)
            address = tries.begin()
            answer = self._try(tries, address, request)
            output = None if answer is None else tries.answered(answer, keep=True)
            if output is not None:
                assert tries.lease is not None
                state.take(output)
                limit_s = self._core.timeout_s if timeout_s is None else timeout_s
                return Session(self, state, tries.lease, limit_s)

    def stream_payloads(
        self,
        inputs: Any,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> Stream:
        log = InputLog(self._core.service, inputs, params, headers, expect)
        return Stream(self, log, Pieces(log, inputs), timeout_s)

    def predict(self, /, **inputs: Any) -> Reply:
        """See ``Client.predict``."""
        options = self._options
        payloads, scalars = payloads_of(read_inputs(inputs))
        params = {**scalars, **options.params}
        request_id = options.request_id or str(uuid.uuid4())
        metadata = asked_by(request_id)
        try:
            return self._once(payloads, params, options.headers, (), options.timeout_s, metadata)
        except AigesError as error:
            raise said_by(error, request_id) from None

    def stream(self, *args: Any, **inputs: Any) -> Any:
        """See ``Client.stream``."""
        if args:
            return self.stream_payloads(*args, **inputs)
        options = self._options
        payloads, scalars = payloads_of(read_inputs(inputs))
        params = {**scalars, **options.params}
        found = self.stream_payloads(payloads, params, options.headers, (), options.timeout_s)
        return Values(found)

    def _try(
        self, tries: Tries, address: str, request: bytes, metadata: Metadata | None = None
    ) -> bytes | None:
        try:
            link = self._link(address)
            if metadata:
                with_call = link.call.with_call
                answer, call = with_call(request, tries.timeout_s, metadata=metadata)
                tries.headers = read_metadata(call.initial_metadata(), call.trailing_metadata())
            else:
                answer = link.call(request, tries.timeout_s)
            done: bytes = answer
            return done
        except grpc.RpcError as error:
            tries.broke(error.code(), error.details())
            return None
        except ValueError as error:  # As gRPC says it when the channel is closed under a call.
            tries.end(Outcome.UNKNOWN)
            if self._core.closed:
                raise Unavailable(0, CLOSED, address) from error
            raise
        except BaseException:
            tries.end(Outcome.UNKNOWN)
            raise

    def _link(self, address: str) -> _Link:
        found = self._channels.get(address)
        if found is not None:
            return found
        with self._lock:
            if self._core.closed:
                raise Unavailable(0, CLOSED, address)
            if address not in self._channels:
                channel = self._open(address)
                call = keyed(channel.unary_unary(_wire.CALL), self._core.api_key)
                run = keyed(channel.stream_stream(_wire.RUN), self._core.api_key)
                self._channels[address] = _Link(channel, call, run)
            return self._channels[address]

    def _open(self, address: str) -> grpc.Channel:
        options = self._core.options
        if self._credentials is None:
            return grpc.insecure_channel(address, options=options)
        return grpc.secure_channel(address, self._credentials, options=options)

    def _drop(self, endpoint: Endpoint) -> None:
        with self._lock:
            found = self._channels.pop(endpoint.address, None)
        if found is not None:
            found.channel.close()


class Values(ValueStream):
    """The payloads of a stream as the values that they are."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __next__(self) -> Any:
        try:
            while is_end(payload := next(self._stream)):
                pass
            return payload.value()
        except AigesError as error:
            raise said_by(error, "") from None

    def close(self) -> None:
        self._stream.close()


class Session(Closing, SessionBase):
    """A conversation with one instance of the engine. Belongs to one thread.

    Iterating gives the payloads until the output ends. Every method raises AigesError: Unavailable
    when the loader is gone (a session cannot move), WorkerLost when its worker died.
    """

    def __init__(
        self, client: GrpcClient, state: SessionState, lease: Lease, timeout_s: float
    ) -> None:
        super().__init__(state, lease, timeout_s)
        self._client = client

    def __iter__(self) -> Iterator[Payload]:
        while not self.ended:
            yield from self.read()

    def write(self, payloads: Payloads, status: int = 1) -> None:
        """Write a piece of input; ``status`` is its place in its stream (see ``Place``)."""
        self._ask(self._state.writing(payloads, status), self._timeout_s)
        self._state.written()

    def read(self, timeout_s: float | None = None) -> list[Payload]:
        """Return what has come, at least one payload; [] when the time passed, or at the end.

        Without ``timeout_s`` (seconds) it waits until something comes.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while self._state.must_wait:
            left_s = POLL_S if until is None else min(POLL_S, until - time.monotonic())
            if left_s <= 0:
                break
            self._ask(self._state.reading(left_s), left_s + self._timeout_s)
        return self._state.drain()

    def close(self) -> None:
        """End the session; output that was not read is lost. May be called twice."""
        if not self._over:
            try:
                self._ask(self._state.closing(), self._timeout_s)
            except AigesError:
                pass  # Then it is over as well.
        self._finish(Outcome.OK)

    def _ask(self, request: bytes, timeout_s: float) -> None:
        try:
            answer = self._client._link(self.host).call(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._broke(error.code(), error.details()) from None
        self._take(answer)


class Stream(Closing, StreamBase):
    """The output of a stream: iterating gives Payloads until it ends. Belongs to one thread.

    A payload's ``name`` says which output it is of, its attributes ``seq`` and ``status`` where it
    stands there. Reading raises AigesError, and what the iterator of the input raised. Leaving
    early ends the session: ``close``, a ``with``, or dropping it; ``close`` also from another
    thread, under a reader.
    """

    def __init__(
        self, client: GrpcClient, log: InputLog, pieces: Pieces, timeout_s: float | None
    ) -> None:
        super().__init__(client._core, log, timeout_s)
        self._client, self._pieces = client, pieces

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self.close()

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Payload:
        while not self._waiting:
            if self._over:
                raise StopIteration
            try:
                self._receive()
            except BaseException:
                closed = self._over
                self.close()
                if closed:  # By another thread.
                    raise StopIteration from None
                raise
        return self._waiting.popleft()

    def close(self) -> None:
        """End the session; output that was not read is lost. May be called twice."""
        self._waiting.clear()
        self._stop()

    def _stop(self) -> None:
        self._leave()
        if self._call is not None:
            self._call.cancel()
        self._pieces.close()

    def _receive(self) -> None:
        if self._call is None:
            self._begin()
        try:
            call: Any = self._call  # Set by _begin.
            message = next(call)
        except StopIteration:
            self._complete()
            self._stop()
        except grpc.RpcError as error:
            self._broke(error.code(), error.details())
        else:
            self._take(message)

    def _begin(self) -> None:
        if self._tries is None:
            self._tries = Tries(self._core, self._timeout_s)
            if not self._core.is_known:
                self._core.wait_known(self._tries.remaining_s())
        if pause_s := self._tries.pause():
            time.sleep(pause_s)
        link = self._client._link(self._tries.begin())
        calls: list[Any] = []
        self._call = link.run(self._pieces.feed(calls), timeout=self._tries.timeout_s)
        calls.append(self._call)
        if self._log.fault is not None:
            self._call.cancel()
