# SPDX-License-Identifier: Apache-2.0
"""The service of gRPC's interoperability cases, as people write it for grpcio.

`register` and `register_aio` take a server and add the service to it. Run as a program it serves by
grpcio's own server and prints its port: interop_service.py sync|aio.
"""

import asyncio
import sys
import time
from concurrent import futures

import grpc
import grpc_testing_pb2 as messages
import grpc_testing_pb2_grpc as services

INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


def echoed(context, key):
    return tuple(pair for pair in context.invocation_metadata() if pair[0] == key)


def payload(size):
    return messages.Payload(body=bytes(size))


def outputs(request):
    """(seconds to wait, answer) for each that is asked for."""
    for wanted in request.response_parameters:
        answer = messages.StreamingOutputCallResponse(payload=payload(wanted.size))
        yield wanted.interval_us / 1e6, answer


class TestService(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        return messages.Empty()

    def UnaryCall(self, request, context):
        self._echo(context)
        self._fail(request, context)
        return messages.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        for wait_s, answer in outputs(request):
            time.sleep(wait_s)
            yield answer

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        self._echo(context)
        for request in requests:
            self._fail(request, context)
            yield from self.StreamingOutputCall(request, context)

    def HalfDuplexCall(self, requests, context):
        for request in list(requests):
            yield from self.StreamingOutputCall(request, context)

    @staticmethod
    def _echo(context):
        if initial := echoed(context, INITIAL):
            context.send_initial_metadata(initial)
        if trailing := echoed(context, TRAILING):
            context.set_trailing_metadata(trailing)

    @staticmethod
    def _fail(request, context):
        if request.response_status.code:
            context.abort(CODES[request.response_status.code], request.response_status.message)


class AioTestService(services.TestServiceServicer):
    async def EmptyCall(self, request, context):
        return messages.Empty()

    async def UnaryCall(self, request, context):
        await self._echo(context)
        await self._fail(request, context)
        return messages.SimpleResponse(payload=payload(request.response_size))

    async def StreamingOutputCall(self, request, context):
        for wait_s, answer in outputs(request):
            await asyncio.sleep(wait_s)
            yield answer

    async def StreamingInputCall(self, requests, context):
        size = 0
        async for request in requests:
            size += len(request.payload.body)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    async def FullDuplexCall(self, requests, context):
        """Written with read and write, where StreamingOutputCall yields."""
        await self._echo(context)
        while (request := await context.read()) is not grpc.aio.EOF:
            await self._fail(request, context)
            async for answer in self.StreamingOutputCall(request, context):
                await context.write(answer)

    async def HalfDuplexCall(self, requests, context):
        for request in [request async for request in requests]:
            async for answer in self.StreamingOutputCall(request, context):
                yield answer

    @staticmethod
    async def _echo(context):
        if initial := echoed(context, INITIAL):
            await context.send_initial_metadata(initial)
        if trailing := echoed(context, TRAILING):
            context.set_trailing_metadata(trailing)

    @staticmethod
    async def _fail(request, context):
        status = request.response_status
        if status.code:
            await context.abort(CODES[status.code], status.message)


def register(server):
    services.add_TestServiceServicer_to_server(TestService(), server)


def register_aio(server):
    services.add_TestServiceServicer_to_server(AioTestService(), server)


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


async def serve_aio():
    server = grpc.aio.server()
    register_aio(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve_aio()) if sys.argv[1] == "aio" else serve()
