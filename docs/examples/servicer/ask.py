# SPDX-License-Identifier: Apache-2.0
"""A client of the greeter, by grpcio."""

import greeter_pb2
import greeter_pb2_grpc
import grpc

with grpc.insecure_channel("127.0.0.1:5090") as channel:
    greeter = greeter_pb2_grpc.GreeterStub(channel)
    print(greeter.Greet(greeter_pb2.Name(text="world")).text)
    names = (greeter_pb2.Name(text=text) for text in ("Ada", "Grace"))
    for greeting in greeter.Count(names):
        print(greeting.text)
