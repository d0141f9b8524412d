# SPDX-License-Identifier: Apache-2.0
"""A servicer as it is written for grpcio."""

import greeter_pb2
import greeter_pb2_grpc
import grpc


class Greeter(greeter_pb2_grpc.GreeterServicer):
    def Greet(self, request, context):
        if not request.text:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "expected a name, got none")
        return greeter_pb2.Greeting(text=f"Hello, {request.text}!")

    def Count(self, request_iterator, context):
        for number, request in enumerate(request_iterator, 1):
            yield greeter_pb2.Greeting(text=f"{number}: {request.text}")


def register(server):
    greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
