# SPDX-License-Identifier: Apache-2.0
"""gRPC: the seven services of seldon.protos, all answered by the one object."""

from __future__ import annotations

import functools
import logging
from typing import Any, Callable

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

    def __init__(self, calls: ProtoCalls, metadata: Metadata, name: str) -> None:
        self._metadata, self._name = metadata, name
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


def _handler(answer: Answer, message_of: Answer, service: str) -> Any:
    def behavior(request: Any, context: Any) -> Any:
        try:
            return message_of(answer(request))
        except Exception as fault:
            code, text = grpc_of(fault)
            if code == _INTERNAL:
                _LOG.error("a call of %s failed: %s", service, text, exc_info=fault)
            context.abort(_CODES[code], text)

    return behavior


def _bytes_of(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def register(server: Any, calls: ProtoCalls, metadata: Metadata, name: str) -> None:
    """Add all services to a server that takes what grpcio's servers take."""
    answers = _Answers(calls, metadata, name).by_method
    _messages.file_descriptor()
    for service, methods in _messages.SERVICES.items():
        full = f"{_messages.PACKAGE}.{service}"
        handlers = {
            method: grpc.unary_unary_rpc_method_handler(
                _handler(answers[method], calls.message_of, f"{full}/{method}"),
                request_deserializer=_messages.message(taken).FromString,
                response_serializer=_bytes_of,
            )
            for method, (taken, _) in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(full, handlers),))
