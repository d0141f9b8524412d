# SPDX-License-Identifier: Apache-2.0
"""Serves calls by handlers that block, on threads; the words are those of grpcio's server."""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any, Callable, NoReturn

import aiges_embed
import grpc  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.grpc._call import GrpcCall
from aiges.contracts.grpc._context import AnyContext
from aiges.contracts.grpc._wire import status_of

__all__ = ["SyncCall", "serve"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.grpc")
_UNKNOWN, _INTERNAL, _UNIMPLEMENTED, _CANCELLED = 2, 13, 12, 1
# What grpcio says of a call without a deadline: the end of its calendar.
_FOREVER_S = 9223372036.854775


class SyncCall(GrpcCall):
    """A call that threads wait for."""

    __slots__ = ("_changed", "_lock", "watch")

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._changed: threading.Condition | None = None
        self._lock = threading.Lock()  # Of the parts: the loop adds, a thread takes.
        # Lets the loop know the call, so that it hears of what happens.
        self.watch: Callable[[], None] | None = None

    def _append(self, data: bytes) -> None:
        with self._lock:
            super()._append(data)

    def message(self) -> bytes | None:
        """Take the next message of those that are there."""
        with self._lock:
            return super().message()

    def _wake(self) -> None:
        changed = self._changed
        if changed is not None:
            with changed:
                changed.notify_all()

    def wait(self, there: Callable[[], bool]) -> None:
        """Wait until it is so, or nobody waits for the answer any more."""
        if self._changed is None:
            self._changed = threading.Condition()
        with self._changed:
            while not there() and not self.gone:
                self._changed.wait()

    def listen(self) -> None:
        """Hear of everything from now on."""
        watch, self.watch = self.watch, None
        if watch is not None:
            watch()
            self.gone = self.gone or bool(host.call_state(self.tag)[0])

    def read(self) -> bytes | None:
        """Return the next message; None where no more comes, or nobody waits."""
        if not self._parts and not self.whole:
            self.wait(lambda: bool(self._parts) or self.whole)
        return None if self.gone else self.message()

    def send(self, message: bytes | None, initial: Any = None) -> bool:
        """Send it when there is room. False: nobody waits any more."""
        fields = self.initial(initial)
        code = self.offer(message, fields)
        if code == 1:
            self.listen()
        while code == 1:
            seen = self.rooms
            code = self.offer(message, fields)
            if code == 1:
                self.wait(functools.partial(self.has_room, seen))
        if code != 0:
            self.gone = True
        return code == 0


class _Context(AnyContext[SyncCall], grpc.ServicerContext):  # type: ignore[misc,unused-ignore]
    """What a handler is given beside its request."""

    def __init__(self, call: SyncCall) -> None:
        self._call = call
        self._code: Any = None
        self._details: bytes | None = None
        self._trailing: Any = None
        self._aborted = False
        self._callbacks: list[Callable[[], None]] | None = None
        self._done = False
        self._lock: threading.Lock | None = None
        self.errors: list[BaseException] = []  # Of ours, raised in the handler.

    # grpc.RpcContext

    def is_active(self) -> bool:
        call = self._call
        if call.watch is not None and not call.gone:
            call.gone = bool(host.call_state(call.tag)[0])
        return not (call.gone or call.ended)

    def time_remaining(self) -> float:
        left_ms = None if self._call.ended else host.call_state(self._call.tag)[1]
        return _FOREVER_S if left_ms is None else max(left_ms / 1000, 0.0)

    def cancel(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (as grpcio's own)
        self._call.end(_CANCELLED, "Cancelled on the server side", None)
        self._call.gone = True
        self._call._wake()
        self.finish()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        if self._lock is None:
            self._lock = threading.Lock()
        with self._lock:
            if self._done or self._call.ended:
                return False
            first = self._callbacks is None
            self._callbacks = [*(self._callbacks or ()), callback]
        if first:
            self._call.on_gone = self.finish
            self._call.listen()
            if self._call.gone:
                self.finish()
        return True

    def finish(self) -> None:
        """Tell those who want to know that the call is over."""
        if self._lock is None:
            self._done = True
            return
        with self._lock:
            callbacks, self._callbacks = self._callbacks, None
            self._done = True
        for callback in callbacks or ():
            try:
                callback()
            except Exception:
                _LOG.exception("Exception calling callback!")

    # grpc.ServicerContext

    def set_compression(self, compression: Any) -> None:
        pass  # The host compresses where the client takes it.

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        if self._call.gone:
            self.raise_gone()
        if self._call.begun:
            raise ValueError("Initial metadata no longer allowed!")
        if not self._call.send(None, initial_metadata):
            self.raise_gone()

    def raise_gone(self) -> NoReturn:
        fault = grpc.RpcError()
        self.errors.append(fault)
        raise fault

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing = trailing_metadata

    def abort(self, code: Any, details: str) -> NoReturn:
        if code == grpc.StatusCode.OK:
            _LOG.error("abort() called with StatusCode.OK; returning UNKNOWN")
            code, details = grpc.StatusCode.UNKNOWN, ""
        self._code, self._details, self._aborted = code, _encoded(details), True
        raise Exception  # What grpcio raises, too: handlers see nothing of it.

    def abort_with_status(self, status: Any) -> NoReturn:
        self._trailing = status.trailing_metadata
        self.abort(status.code, status.details)

    def set_code(self, code: Any) -> None:
        self._code = code

    def code(self) -> Any:
        return self._code

    def set_details(self, details: str) -> None:
        self._details = _encoded(details)

    def details(self) -> bytes | None:
        return self._details

    # The end.

    def end(self, message: bytes | None) -> None:
        """End the call as the handler wants it."""
        code = 0 if self._code is None else status_of(self._code)
        self._call.end(code, self._details or b"", self._trailing, message)

    def break_off(self, code: int, details: str) -> None:
        """End the call with that status, where the handler has set no other one."""
        code = code if self._code is None else status_of(self._code)
        text = details if self._details is None else self._details
        self._call.end(code, text, self._trailing)

    def take_fault(self, fault: BaseException, what: str) -> None:
        """End the call that the handler has left by an exception."""
        if self._aborted:
            self.break_off(_UNKNOWN, "RPC Aborted")
        elif any(fault is own for own in self.errors):
            self.break_off(_CANCELLED, "")
        else:
            try:
                details = f"{what}: {fault}"
            except Exception:
                details = "Calling application raised unprintable Exception!"
            _LOG.error(details, exc_info=fault)
            self._call.fault = fault
            self.break_off(_UNKNOWN, details)


def _encoded(details: Any) -> bytes:
    return details.encode() if isinstance(details, str) else bytes(details or b"")


class _Requests:
    """The messages of a client that sends many."""

    def __init__(self, context: _Context, call: SyncCall, deserialize: Any) -> None:
        self._context, self._call, self._deserialize = context, call, deserialize

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> Any:
        call = self._call
        message = None if call.ended else call.read()
        if message is None:
            if call.gone and not call.ended:
                self._context.raise_gone()
            raise StopIteration
        request = _read(self._context, message, self._deserialize)
        if request is None:
            raise StopIteration
        return request

    next = __next__


def _read(context: _Context, message: bytes, deserialize: Any) -> Any:
    """Return the request; None where it is none, and the call has ended."""
    if deserialize is None:
        return message
    try:
        request = deserialize(message)
    except Exception:
        _LOG.exception("Exception deserializing message!")
        request = None
    if request is None:
        context.break_off(_INTERNAL, "Exception deserializing request!")
    return request


def _written(context: _Context, response: Any, serialize: Any) -> bytes | None:
    """Return the answer's bytes; None where it has none, and the call has ended."""
    if serialize is None:
        data = response
    else:
        try:
            data = serialize(response)
        except Exception:
            _LOG.exception("Exception serializing message!")
            data = None
    if data is None:
        context.break_off(_INTERNAL, "Failed to serialize response!")
    return data  # type: ignore[no-any-return]


def serve(call: SyncCall, handler: Any) -> None:
    """Serve a call by a handler of grpcio; return when it has ended."""
    context = _Context(call)
    try:
        if handler.request_streaming:
            request: Any = _Requests(context, call, handler.request_deserializer)
        else:
            message = call.message()
            if message is None:
                context.break_off(
                    _UNIMPLEMENTED, f'"{call.path}" requires exactly one request message.'
                )
                return
            request = _read(context, message, handler.request_deserializer)
            if request is None:
                return
        if handler.response_streaming:
            _serve_stream(call, context, handler, request)
        else:
            _serve_unary(call, context, handler, request)
    finally:
        if not call.ended:  # Nobody waits for it.
            call.end(_CANCELLED, "", None)
        if context._callbacks is not None:
            context.finish()


def _serve_unary(call: SyncCall, context: _Context, handler: Any, request: Any) -> None:
    behavior = handler.stream_unary if handler.request_streaming else handler.unary_unary
    try:
        response = behavior(request, context)
    except BaseException as fault:
        context.take_fault(fault, "Exception calling application")
        return
    data = _written(context, response, handler.response_serializer)
    if data is not None:
        context.end(data)


def _serve_stream(call: SyncCall, context: _Context, handler: Any, request: Any) -> None:
    behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream
    try:
        responses = iter(behavior(request, context))
    except BaseException as fault:
        context.take_fault(fault, "Exception calling application")
        return
    while context.is_active():
        try:
            response = next(responses)
        except StopIteration:
            context.end(None)
            return
        except BaseException as fault:
            context.take_fault(fault, "Exception iterating responses")
            return
        data = _written(context, response, handler.response_serializer)
        if data is None or not call.send(data):
            return
