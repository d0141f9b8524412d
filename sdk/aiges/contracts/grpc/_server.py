# SPDX-License-Identifier: Apache-2.0
"""The ``server`` that generated code adds servicers to, and the threads and tasks that serve."""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
from collections import namedtuple
from typing import Any, Callable

import aiges_embed
import grpc  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts._threads import DoorThreads
from aiges.contracts.grpc import _aio, _sync
from aiges.contracts.grpc._call import GrpcCall

__all__ = ["GrpcServer"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.grpc")
_START_LIMIT_S = 3600  # The host has a limit of its own ([instances] start_timeout_ms).
_CANCELLED, _UNKNOWN, _UNIMPLEMENTED = 1, 2, 12

_CallDetails = namedtuple(  # pyright: ignore[reportUntypedNamedTuple] (as grpcio's own)
    "_CallDetails", ("method", "invocation_metadata")
)


class HandlerCallDetails(_CallDetails, grpc.HandlerCallDetails):  # type: ignore[misc,unused-ignore]
    """What a generic handler is asked with."""


class GrpcServer:
    """Takes what grpcio's servers take from generated code, and serves it on door calls."""

    def __init__(self, doors: DoorThreads) -> None:
        self._doors, self._loop = doors, doors.loop
        doors.grpc = self
        self._methods: dict[str, Any] = {}  # By path.
        self._generic: list[Any] = []
        self._services: dict[str, None] = {}  # In the order in which they were added.

    # --- what generated code calls ---

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:
        """Add services. Raises ValueError where a handler does not say which one it is."""
        for handler in generic_rpc_handlers:
            if not hasattr(handler, "service_name"):
                raise ValueError(
                    "expected a grpc.ServiceRpcHandler, as grpc.method_handlers_generic_handler "
                    f"makes it, got {type(handler).__name__}, which names no service"
                )
            self._services[str(handler.service_name())] = None
            self._generic.append(handler)
            # What grpcio makes of generated code always gives the same handlers.
            if type(handler).__module__ == "grpc._utilities":
                for path, method in handler._method_handlers.items():
                    self._methods.setdefault(path, method)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: dict[str, Any]
    ) -> None:
        """Add the methods of a service."""
        self._services[service_name] = None
        for name, method in method_handlers.items():
            self._methods[f"/{service_name}/{name}"] = method

    # --- what the contract calls ---

    @property
    def services(self) -> list[str]:
        """The full names of all that was added."""
        return list(self._services)

    def register(self, register: Callable[[Any], Any]) -> None:
        """Let the user add services, on the loop, which turns. Raises what ``register`` raises."""
        self._loop.run(self._register(register), _START_LIMIT_S)
        if not self._services:
            raise ValueError("expected [aiges] app to add a servicer to the server, got none")

    @property
    def simple(self) -> list[str]:
        """The paths of methods that a thread can serve without the loop."""
        return [path for path, method in self._methods.items() if _is_simple(method)]

    async def _register(self, register: Callable[[Any], Any]) -> None:
        result = register(self)
        if inspect.isawaitable(result):
            await result

    # --- calls ---

    def _handler(self, call: GrpcCall) -> Any:
        handler = self._methods.get(call.path)
        if handler is not None:
            return handler
        details = HandlerCallDetails(call.path, call.metadata)
        for generic in self._generic:
            handler = generic.service(details)
            if handler is not None:
                return handler
        return None

    def make(
        self, tag: str, pseudo: dict[str, str], fields: Any, data: bytes, last: bool
    ) -> GrpcCall:
        """Make the call that the threads or the loop serve. On the loop."""
        path = pseudo["path"]
        handler = self._methods.get(path)
        made = _aio.AioCall if handler is not None and _is_async(handler) else _sync.SyncCall
        call = made(tag, path, pseudo["client"], fields, data, last)
        call.face = self
        return call

    def begin(self, call: GrpcCall) -> None:
        """Begin a call that is not simple. On the loop."""
        try:
            handler = self._handler(call)
        except Exception as fault:
            _LOG.error("Exception servicing handler: %s", fault, exc_info=fault)
            call.end(_UNKNOWN, "Error in service handler!", None)
            self._loop.forget(call)
            return
        if handler is None:
            call.end(_UNIMPLEMENTED, "Method not found!", None)
            self._loop.forget(call)
            return
        # A thread or task is worth it when there is something to do.
        if handler.request_streaming or call.can_start:
            self._serve(call, handler)
        else:
            call.on_part = functools.partial(self._serve_when_there, call, handler)

    def _serve_when_there(self, call: GrpcCall, handler: Any) -> None:
        if call.can_start:
            call.on_part = None
            self._serve(call, handler)

    def _serve(self, call: Any, handler: Any) -> None:
        if call.gone:
            self._drop(call)
        elif isinstance(call, _aio.AioCall):
            self._loop.spawn(call, _aio.serve(call, handler))
        else:
            self._doors.put_for(call, self._serve_on_thread, handler)

    def _drop(self, call: GrpcCall) -> None:
        """End a call before it has begun: nobody waits for it."""
        call.end(_CANCELLED, "", None)
        self._loop.forget(call)

    def _serve_on_thread(self, call: _sync.SyncCall, handler: Any) -> None:
        if call.gone:
            self._drop(call)
            return
        try:
            contextvars.Context().run(_sync.serve, call, handler)
        finally:
            self._loop.forget(call)

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call with one message, which came without the loop."""
        call = _sync.SyncCall(tag, path, client, fields, data, True)
        call.watch = functools.partial(self._loop.adopt, call)
        if host.call_state(tag)[0]:
            self._drop(call)
            return
        try:
            contextvars.Context().run(_sync.serve, call, self._methods[path])
        finally:
            if call.watch is None:  # pyright: ignore[reportUnnecessaryComparison] (the call sets it)
                self._loop.forget(call)


def _behavior(handler: Any) -> Any:
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def _is_async(handler: Any) -> bool:
    return _aio.is_async(_behavior(handler))


def _is_simple(handler: Any) -> bool:
    """Whether a thread can serve it without the loop: it blocks, and takes one message."""
    return not handler.request_streaming and not _is_async(handler)
