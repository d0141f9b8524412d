# SPDX-License-Identifier: Apache-2.0
"""Serves calls by coroutines, on the loop; the words are those of grpcio's asyncio server."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator
from typing import Any, Callable, NoReturn, cast

import aiges_embed
import grpc  # type: ignore[import-untyped,unused-ignore]
import grpc.aio  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.grpc._call import GrpcCall
from aiges.contracts.grpc._context import AnyContext
from aiges.contracts.grpc._wire import fields_of, status_of

__all__ = ["AioCall", "is_async", "serve"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.grpc")
_UNKNOWN, _UNIMPLEMENTED, _CANCELLED = 2, 12, 1


def is_async(behavior: Any) -> bool:
    """Whether a method is written for asyncio."""
    return inspect.iscoroutinefunction(behavior) or inspect.isasyncgenfunction(behavior)


class AioCall(GrpcCall):
    """A call that a task waits for."""

    __slots__ = ("_changed",)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._changed: asyncio.Future[None] | None = None

    def _wake(self) -> None:
        changed = self._changed
        if changed is not None and not changed.done():
            changed.set_result(None)

    async def _wait(self, there: Callable[[], bool]) -> None:
        # Of two tasks of one call each may read while the other writes.
        while not there() and not self.gone:
            if self._changed is None or self._changed.done():
                self._changed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._changed)

    async def read(self) -> bytes | None:
        """Return the next message; None where no more comes."""
        if not self._parts and not self.whole:
            await self._wait(lambda: bool(self._parts) or self.whole)
        return self.message()

    async def send(self, message: bytes | None, initial: Any = None) -> None:
        """Send it when there is room; what nobody waits for is dropped."""
        fields = self.initial(initial)
        seen = self.rooms
        while self.offer(message, fields) == 1:
            await self._wait(functools.partial(self.has_room, seen))
            seen = self.rooms


class _Context(AnyContext[AioCall], grpc.aio.ServicerContext):  # type: ignore[misc,unused-ignore]
    """What a handler is given beside its request."""

    def __init__(self, call: AioCall, handler: Any) -> None:
        self._call, self._handler = call, handler
        self._code: Any = None
        self._details = ""
        self._trailing: tuple[Any, ...] = ()
        self.abort_fault: BaseException | None = None
        self._callbacks: list[Callable[[Any], None]] = []

    async def read(self) -> Any:
        self.check()
        message = await self._call.read()
        self.check()
        eof = cast("Any", grpc.aio.EOF)  # pyright: ignore (its stubs do not know it)
        return eof if message is None else self.request_of(message)

    def request_of(self, message: bytes) -> Any:
        deserialize = self._handler.request_deserializer
        return message if deserialize is None else deserialize(message)

    def bytes_of(self, response: Any) -> bytes:
        serialize = self._handler.response_serializer
        data: bytes = response if serialize is None else serialize(response)
        return data

    async def write(self, message: Any) -> None:
        self.check()
        await self._call.send(self.bytes_of(message))

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        self.check()
        if self._call.begun:
            raise grpc.aio.UsageError("Send initial metadata failed: already sent")
        await self._call.send(None, tuple(initial_metadata))

    async def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        if self.abort_fault is not None:
            raise grpc.aio.UsageError("Abort already called!")
        self.abort_fault = grpc.aio.AbortError("Locally aborted.")
        if trailing_metadata:
            self.set_trailing_metadata(trailing_metadata)
        self._code, self._details = code, details or self._details
        self._call.end(status_of(code), self._details, self._trailing)
        raise self.abort_fault

    async def abort_with_status(self, status: Any) -> NoReturn:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def check(self) -> None:
        """Hold up a handler whose call is over."""
        if self.abort_fault is not None:
            raise self.abort_fault
        if self._call.ended:
            raise grpc.aio.UsageError("RPC already finished.")

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing = tuple(trailing_metadata)
        fields_of(self._trailing)  # Says what cannot be sent.

    def set_code(self, code: Any) -> None:
        self._code = code

    def code(self) -> Any:
        return self._code

    def set_details(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details

    def set_compression(self, compression: Any) -> None:
        if self._call.begun:
            raise RuntimeError(
                "Compression setting must be specified before sending initial metadata"
            )

    def time_remaining(self) -> float | None:  # type: ignore[override,unused-ignore]
        if self._call.ended:
            return 0.0
        left_ms = host.call_state(self._call.tag)[1]
        return None if left_ms is None else max(left_ms / 1000, 0.0)

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    def done(self) -> bool:
        return self._call.ended

    def cancelled(self) -> bool:
        return self.status == _CANCELLED

    # The end.

    @property
    def status(self) -> int:
        """The number of the status that the handler has set."""
        return 0 if self._code is None else status_of(self._code)

    def end(self, message: bytes | None) -> None:
        """End the call as the handler wants it."""
        self._call.end(self.status, self._details, self._trailing, message)

    def take_fault(self, fault: Exception) -> None:
        """End the call that the handler has left by an exception."""
        what = type(fault).__name__
        _LOG.error(
            "Unexpected [%s] raised by servicer method [%s]", what, self._call.path, exc_info=fault
        )
        self._call.fault = fault
        self._call.end(
            self.status or _UNKNOWN, f"Unexpected {type(fault)}: {fault}", self._trailing
        )

    def finish(self) -> None:
        """Tell those who want to know that the call is over."""
        for callback in self._callbacks:
            try:
                callback(self)
            except Exception:
                _LOG.exception("Error in callback for method [%s]", self._call.path)


async def _requests(context: _Context) -> AsyncIterator[Any]:
    eof = cast("Any", grpc.aio.EOF)  # pyright: ignore (its stubs do not know it)
    while (request := await context.read()) is not eof:
        yield request


async def serve(call: AioCall, handler: Any) -> None:
    """Serve a call by a handler of grpcio; return when it has ended."""
    context = _Context(call, handler)
    task = asyncio.current_task()
    assert task is not None
    call.on_gone = task.cancel
    try:
        await _serve(call, context, handler)
    except asyncio.CancelledError:
        call.end(_CANCELLED, "", None)
    except Exception as fault:
        if fault is not context.abort_fault:
            context.take_fault(fault)
    finally:
        call.on_gone = None
        context.finish()


async def _serve(call: AioCall, context: _Context, handler: Any) -> None:
    if handler.request_streaming:
        request: Any = _requests(context)
    else:
        message = call.message()
        if message is None:
            text = f'"{call.path}" requires exactly one request message.'
            call.end(_UNIMPLEMENTED, text, None)
            return
        request = context.request_of(message)
    if handler.response_streaming:
        behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream
        if inspect.isasyncgenfunction(behavior):
            async for response in behavior(request, context):
                await context.write(response)
        else:
            await behavior(request, context)
        message = None
    else:
        behavior = handler.stream_unary if handler.request_streaming else handler.unary_unary
        response = await behavior(request, context)
        message = None
        if context.abort_fault is None and context.status == 0:  # Only then, as grpcio has it.
            message = context.bytes_of(response)
    if context.abort_fault is not None:
        _LOG.error("Abort error unexpectedly suppressed: %s", context.abort_fault)
        return
    context.end(message)
