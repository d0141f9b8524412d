# SPDX-License-Identifier: Apache-2.0
"""Servicers as people write them for grpcio, sync and asyncio, which do what `task` says.

Run as a program it serves by grpcio's own server and prints its port: tryout_service.py sync|aio.
"""

import asyncio
import collections
import contextvars
import os
import sys
import threading
import time
from concurrent import futures

import grpc
import tryout_pb2 as messages
import tryout_pb2_grpc as services

AT_ONCE = 8
SEEN = collections.Counter()  # What has happened, for the task "seen".
OPEN = collections.defaultdict(threading.Event)  # Set by the task "open".
SENT = (("x-initial", "first"), ("x-initial-bin", b"\x00\xff\x01"))
TRAILING = (("x-trailing", "last"), ("x-trailing", "again"), ("x-trailing-bin", b"\xfe\x00"))
VARIABLE = contextvars.ContextVar("variable", default=0)


class Details(collections.namedtuple("Details", "code details trailing_metadata"), grpc.Status):
    """A status for abort_with_status."""


NOT_FOUND = Details(
    grpc.StatusCode.NOT_FOUND, "no such thing", (("grpc-status-details-bin", b"\x08\x05"),)
)


def said(text="", count=0):
    data = text if isinstance(text, bytes) else text.encode()
    return messages.Said(data=data, count=count)


def plain(ask, context):
    """The answer of a task that needs nothing of sync or asyncio; None: it is another one."""
    if ask.task == "echo":
        return said(ask.data, ask.count)
    if ask.task == "seen":
        return said(count=SEEN[ask.data.decode()])
    if ask.task == "open":
        OPEN[ask.data.decode()].set()
        return said()
    if ask.task == "metadata":
        return said(repr([tuple(pair) for pair in context.invocation_metadata()]))
    if ask.task == "peer":
        return said(context.peer())
    if ask.task == "time":
        left = context.time_remaining()
        return said("none" if left is None or left > 1e6 else f"{left}")
    if ask.task == "trailing":
        context.set_trailing_metadata(TRAILING)
        return said()
    if ask.task == "code":
        context.set_code(grpc.StatusCode.DATA_LOSS)
        context.set_details("half of it – ½")
        return said(str(context.code()))
    if ask.task == "raise":
        raise ValueError("a fault of mine")
    if ask.task == "wrong":
        return "no message"
    if ask.task == "variable":
        seen = VARIABLE.get()
        VARIABLE.set(1)
        return said(count=seen)
    if ask.task == "harmless":
        context.set_compression(grpc.Compression.Gzip)
        context.disable_next_message_compression()
        return said(repr((context.peer_identities(), context.peer_identity_key())))
    if ask.task == "exit":
        os._exit(3)
    return None


class Tryout(services.TryoutServicer):
    def __init__(self):
        self.together = threading.Barrier(AT_ONCE)

    def Once(self, ask, context):
        if ask.task == "abort":
            context.set_trailing_metadata(TRAILING)
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "too far\nof it")
        if ask.task == "abort_with_status":
            context.abort_with_status(NOT_FOUND)
        if ask.task == "together":
            self.together.wait(20)
            return said()
        if ask.task == "callback":
            context.add_callback(lambda: SEEN.update(["called back"]))
            return said()
        if ask.task == "wait":
            context.add_callback(lambda: SEEN.update(["cancelled"]))
            SEEN["waiting"] += 1
            while context.is_active():
                time.sleep(0.01)
            SEEN["left"] += 1
        return plain(ask, context)

    def Down(self, ask, context):
        if ask.task == "initial":
            context.send_initial_metadata(SENT)
            OPEN[ask.task].wait(20)
        if ask.task == "wait":
            context.add_callback(lambda: SEEN.update(["cancelled"]))
        try:
            for number in range(ask.count):
                SEEN[ask.task] += 1
                yield said(ask.data, number)
            while ask.task == "wait" and context.is_active():
                time.sleep(0.01)
        finally:  # It may be left at its yield.
            SEEN["left"] += ask.task == "wait"
        if ask.task == "raise":
            raise ValueError("a fault of mine")
        if ask.task == "abort":
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "too far")
        context.set_trailing_metadata(TRAILING)

    def Up(self, asks, context):
        data, count = b"", 0
        for ask in asks:
            if ask.task == "hold":
                OPEN[ask.task].wait(20)
            data, count = (data + ask.data)[:100], count + 1
        return said(data, count)

    def Both(self, asks, context):
        SEEN["both"] += 1
        try:
            for ask in asks:
                yield plain(ask, context)
        finally:
            SEEN["both left"] += 1


class AioTryout(services.TryoutServicer):
    def __init__(self):
        self.arrived, self.together = 0, asyncio.Event()

    async def Once(self, ask, context):
        if ask.task == "abort":
            context.set_trailing_metadata(TRAILING)
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "too far\nof it")
        if ask.task == "abort_with_status":
            await context.abort_with_status(NOT_FOUND)
        if ask.task == "together":
            self.arrived += 1
            if self.arrived == AT_ONCE:
                self.together.set()
            await self.together.wait()
            return said()
        if ask.task == "callback":
            context.add_done_callback(lambda _: SEEN.update(["called back"]))
            return said()
        if ask.task == "wait":
            context.add_done_callback(lambda _: SEEN.update(["cancelled"]))
            await self._wait()
        return plain(ask, context)

    async def Down(self, ask, context):
        if ask.task == "initial":
            await context.send_initial_metadata(SENT)
            while not OPEN[ask.task].is_set():
                await asyncio.sleep(0.01)
        if ask.task == "wait":
            context.add_done_callback(lambda _: SEEN.update(["cancelled"]))
        try:
            for number in range(ask.count):
                SEEN[ask.task] += 1
                yield said(ask.data, number)
            if ask.task == "wait":
                await asyncio.Event().wait()
        finally:  # It may be left at its yield.
            SEEN["left"] += ask.task == "wait"
        if ask.task == "raise":
            raise ValueError("a fault of mine")
        if ask.task == "abort":
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "too far")
        context.set_trailing_metadata(TRAILING)

    async def Up(self, asks, context):
        data, count = b"", 0
        async for ask in asks:
            while ask.task == "hold" and not OPEN[ask.task].is_set():
                await asyncio.sleep(0.01)
            data, count = (data + ask.data)[:100], count + 1
        return said(data, count)

    async def Both(self, asks, context):
        """Written with read and write, where the others yield."""
        SEEN["both"] += 1
        try:
            while (ask := await context.read()) is not grpc.aio.EOF:
                await context.write(plain(ask, context))
        finally:
            SEEN["both left"] += 1

    @staticmethod
    async def _wait():
        SEEN["waiting"] += 1
        try:
            await asyncio.Event().wait()
        finally:
            SEEN["left"] += 1


def register(server):
    services.add_TryoutServicer_to_server(Tryout(), server)


async def register_aio(server):
    await asyncio.sleep(0)
    services.add_TryoutServicer_to_server(AioTryout(), server)


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


async def serve_aio():
    server = grpc.aio.server()
    await register_aio(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve_aio()) if sys.argv[1] == "aio" else serve()
