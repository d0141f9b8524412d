# SPDX-License-Identifier: Apache-2.0
"""Answers with its request. As a program: on grpcio's own server, whose port it prints."""

from concurrent import futures

import grpc
from google.protobuf.wrappers_pb2 import BytesValue


def call(request, context):
    return BytesValue(value=request.value)


def register(server):
    method = grpc.unary_unary_rpc_method_handler(
        call, BytesValue.FromString, BytesValue.SerializeToString
    )
    handler = grpc.method_handlers_generic_handler("bench.Echo", {"Call": method})
    server.add_generic_rpc_handlers((handler,))


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    register(server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()
