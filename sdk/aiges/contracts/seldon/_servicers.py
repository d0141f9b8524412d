# SPDX-License-Identifier: Apache-2.0
"""gRPC: the seven services of seldon.protos, all answered by the one object."""

from __future__ import annotations

import functools
import logging
from typing import Any, Callable, Union

import grpc  # type: ignore[import-untyped,unused-ignore]
from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.seldon import _calls, _messages
from aiges.contracts.seldon._errors import SeldonMicroserviceException, grpc_of
from aiges.contracts.seldon._metadata import Metadata
from aiges.contracts.seldon._proto_calls import ProtoCalls

__all__ = ["register"]

_LOG = logging.getLogger("aiges.seldon")
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL = 13

Answer = Callable[[Any], Any]


class _Answers:
    """What each method answers."""

    def __init__(self, calls: ProtoCalls, metadata: Metadata) -> None:
        self._metadata = metadata
        self.by_method: dict[str, Answer] = {
            "Predict": functools.partial(calls.call, _calls.PREDICT),
            "TransformInput": functools.partial(calls.call, _calls.INPUT),
            "TransformOutput": functools.partial(calls.call, _calls.OUTPUT),
            "Route": functools.partial(calls.call, _calls.ROUTE),
            "Aggregate": calls.aggregate,
            "SendFeedback": calls.send_feedback,
            "Metadata": self._about,
            "ModelMetadata": self._about,
            "GraphMetadata": self._graph,
        }

    def _about(self, _request: Any) -> Any:
        made = _messages.message("SeldonModelMetadata")()
        return json_format.ParseDict(self._metadata.get(), made)

    def _graph(self, _request: Any) -> Any:
        """A graph of one unit, which is what is here."""
        raise SeldonMicroserviceException(
            "GraphMetadata is the orchestrator's: this service knows its own model only",
            status_code=501,
        )


# The number of the status, its text, the message, and the fault of ours that it is.
Reply = tuple[int, str, bytes, Union[Exception, None]]


def _reply(answer: Answer, message_of: Answer, read: Answer, name: str) -> Callable[[bytes], Reply]:
    """Answers the bytes of a message."""

    def reply(data: bytes) -> Reply:
        try:
            request = read(data)
        except Exception:
            return _INTERNAL, "Exception deserializing request!", b"", None
        try:
            return 0, "", message_of(answer(request)).SerializeToString(), None
        except Exception as fault:
            code, text = grpc_of(fault)
            if code != _INTERNAL:
                return code, text, b"", None
            _LOG.error("a call of %s failed: %s", name, text, exc_info=fault)
            return code, text, b"", fault

    return reply


def _handler(reply: Callable[[bytes], Reply]) -> Any:
    """The same for calls that do not come whole, as grpcio has handlers."""

    def behavior(data: bytes, context: Any) -> bytes:
        code, text, message, _ = reply(data)
        if code:
            context.abort(_CODES[code], text)
        return message

    return grpc.unary_unary_rpc_method_handler(behavior)


def register(
    server: Any, calls: ProtoCalls, metadata: Metadata
) -> dict[str, Callable[[bytes], Reply]]:
    """Add all services to a server that takes what grpcio's servers take.

    Returns what answers each method, by its path.
    """
    answers = _Answers(calls, metadata).by_method
    _messages.file_descriptor()
    found: dict[str, Callable[[bytes], Reply]] = {}
    for service, methods in _messages.SERVICES.items():
        full = f"{_messages.PACKAGE}.{service}"
        handlers = {}
        for method, (taken, _) in methods.items():
            read = _messages.message(taken).FromString
            reply = _reply(answers[method], calls.message_of, read, f"{full}/{method}")
            found[f"/{full}/{method}"] = reply
            handlers[method] = _handler(reply)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(full, handlers),))
    return found
