# SPDX-License-Identifier: Apache-2.0
"""gRPC beside REST in one lane. Imported where gRPC is served: it needs grpcio."""

from __future__ import annotations

import functools
from typing import Any, Callable

import aiges_embed

from aiges.contracts._doors import WHOLE, fault_fields
from aiges.contracts._threads import DoorThreads
from aiges.contracts.grpc._server import GrpcServer
from aiges.contracts.grpc._wire import trailers_of
from aiges.contracts.seldon._lane import Lane
from aiges.contracts.seldon._servicers import Reply

__all__ = ["LaneGrpc"]

host: Any = aiges_embed

_HEAD = 5  # Bytes before a message.


class LaneGrpc(GrpcServer):
    """All methods are the user's code.

    A call that came whole is answered by ``replies`` alone, without what grpcio gives handlers.
    """

    def __init__(self, doors: DoorThreads, lane: Lane) -> None:
        super().__init__(doors)
        self._lane = lane
        self.replies: dict[str, Callable[[bytes], Reply]] = {}

    def _serve_on_thread(self, call: Any, handler: Any) -> None:
        self._lane.run(functools.partial(super()._serve_on_thread, call, handler))

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call with one message, which came without the loop."""
        self._lane.run(functools.partial(self._reply, tag, self.replies[path], data))

    @staticmethod
    def _reply(tag: str, reply: Callable[[bytes], Reply], data: bytes) -> None:
        if host.call_state(tag)[0]:
            host._doors_fail(tag, "the client has left")
            return
        try:
            code, text, message, noted = reply(data[_HEAD:])
            if code == 0:
                framed = b"\0%b%b" % (len(message).to_bytes(4, "big"), message)
                host._doors_send(tag, True, WHOLE, (), framed)
            else:
                fields = [(b":trailers", b""), *trailers_of(code, text, None), *fault_fields(noted)]
                host._doors_send(tag, True, WHOLE, fields, b"")
        except BaseException as fault:
            host._doors_fail(tag, fault)
