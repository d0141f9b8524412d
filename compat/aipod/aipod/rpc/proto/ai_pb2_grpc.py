# SPDX-License-Identifier: Apache-2.0
"""Stub and servicer of ``ai.AI``. ``cancel`` is an addition: servers of AIPOD do not have it."""

import grpc

from aipod.rpc.proto import ai_pb2

_METHODS = ("initialize", "train", "predict", "log", "cancel")


class AIStub:
    """What a client calls."""

    def __init__(self, channel):
        for name in _METHODS:
            call = channel.unary_unary(
                f"/ai.AI/{name}",
                request_serializer=ai_pb2.Input.SerializeToString,
                response_deserializer=ai_pb2.Output.FromString,
            )
            setattr(self, name, call)


def _unimplemented(_self, _request, context):
    context.set_code(grpc.StatusCode.UNIMPLEMENTED)
    context.set_details("Method not implemented!")
    raise NotImplementedError("Method not implemented!")


class AIServicer:
    """What a server of one's own serves."""

    initialize = train = predict = log = cancel = _unimplemented


def add_AIServicer_to_server(servicer, server):  # noqa: N802 (as protoc names it)
    """Let a server of grpcio serve it."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, name),
            request_deserializer=ai_pb2.Input.FromString,
            response_serializer=ai_pb2.Output.SerializeToString,
        )
        for name in _METHODS
        if hasattr(servicer, name)
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("ai.AI", handlers),))
