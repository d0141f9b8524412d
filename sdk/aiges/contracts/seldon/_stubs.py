# SPDX-License-Identifier: Apache-2.0
"""What protoc's plugin for gRPC would generate for the services: ModelStub, ModelServicer, .."""

from __future__ import annotations

import functools
from typing import Any, Callable

import grpc  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.seldon import _messages

__all__ = ["made"]


def _stub(service: str) -> type:
    def start(self: Any, channel: Any) -> None:
        for method, (taken, answered) in _messages.SERVICES[service].items():
            call = channel.unary_unary(
                f"/{_messages.PACKAGE}.{service}/{method}",
                request_serializer=_messages.message(taken).SerializeToString,
                response_deserializer=_messages.message(answered).FromString,
            )
            setattr(self, method, call)

    return type(f"{service}Stub", (), {"__init__": start})


def _not_implemented(_self: Any, _request: Any, context: Any) -> None:
    context.set_code(grpc.StatusCode.UNIMPLEMENTED)
    context.set_details("Method not implemented!")
    raise NotImplementedError("Method not implemented!")


def _servicer(service: str) -> type:
    methods = dict.fromkeys(_messages.SERVICES[service], _not_implemented)
    return type(f"{service}Servicer", (), dict(methods))


def _add(service: str, servicer: Any, server: Any) -> None:
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method),
            request_deserializer=_messages.message(taken).FromString,
            response_serializer=_messages.message(answered).SerializeToString,
        )
        for method, (taken, answered) in _messages.SERVICES[service].items()
    }
    full = f"{_messages.PACKAGE}.{service}"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(full, handlers),))


@functools.lru_cache(maxsize=1)
def made() -> dict[str, type | Callable[[Any, Any], None]]:
    """Return all of them, by name."""
    found: dict[str, type | Callable[[Any, Any], None]] = {}
    for service in _messages.SERVICES:
        found[f"{service}Stub"] = _stub(service)
        found[f"{service}Servicer"] = _servicer(service)
        found[f"add_{service}Servicer_to_server"] = functools.partial(_add, service)
    return found
