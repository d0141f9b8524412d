# SPDX-License-Identifier: Apache-2.0
"""Calls/s of aiges.client and of plain grpcio against one loader, in turns; a JSON line of both.

    .venv/bin/python bench/client_calls.py HOST:PORT SECONDS IN_FLIGHT

In flight 0: the blocking clients, one call at a time; else the asyncio ones. Plain grpcio is what a
program does without our client: the same messages, made and read with protobuf's classes.
"""

import asyncio
import json
import sys
import time

import grpc
from aiges.client import AsyncClient, Client, _wire

DATA = b"x" * 256
TIMEOUT_S = 5.0
TURN_S = 0.2  # Of one side; short, so that a busy moment of the machine hits both.
WARMUP_TURNS = 4


def request():
    inner = _wire.LoaderInput(serviceId="svcName", state=1)
    payload = inner.pl.add(data=DATA)
    payload.meta.name, payload.meta.dataType = "data", 4
    payload.meta.attribute["status"] = "3"
    message = _wire.ReqData(op="AIIn", param={"SeqNo": "1", "waitTime": "4900"})
    message.s.SetInParent()
    message.data.add(data=inner.SerializeToString())
    return message


def answer(message):
    """The data of the only payload."""
    output = _wire.LoaderOutput.FromString(message.data[0].data)
    if message.code or output.code:
        raise RuntimeError(f"expected code 0, got {message.code or output.code}: {output.err}")
    return output.pl[0].data


def method(channel):
    return channel.unary_unary(
        _wire.CALL,
        request_serializer=_wire.ReqData.SerializeToString,
        response_deserializer=_wire.ResData.FromString,
    )


def check(data):
    if data != DATA:
        raise RuntimeError(f"expected the {len(DATA)} bytes that were sent, got {len(data)}")


def turns(seconds):
    """The side whose turn it is, 0 or 1, and whether it counts."""
    for number in range(WARMUP_TURNS + 2 * max(2, round(seconds / TURN_S))):
        yield number % 2, number >= WARMUP_TURNS


def blocking(address, seconds):
    with grpc.insecure_channel(address) as channel, Client(address) as client:
        call = method(channel)
        sides = (
            lambda: answer(call(request(), timeout=TIMEOUT_S)),
            lambda: client.once(DATA, timeout_s=TIMEOUT_S).data(),
        )
        rates = ([], [])
        for side, counts in turns(seconds):
            ask, calls, begin = sides[side], 0, time.perf_counter()
            while time.perf_counter() - begin < TURN_S:
                check(ask())
                calls += 1
            if counts:
                rates[side].append(calls / (time.perf_counter() - begin))
        return rates


async def in_flight(address, seconds, count):
    async with grpc.aio.insecure_channel(address) as channel, AsyncClient(address) as client:
        call = method(channel)

        async def plain():
            return answer(await call(request(), timeout=TIMEOUT_S))

        async def ours():
            return (await client.once(DATA, timeout_s=TIMEOUT_S)).data()

        async def work(ask, until):
            calls = 0
            while time.perf_counter() < until:
                check(await ask())
                calls += 1
            return calls

        rates = ([], [])
        for side, counts in turns(seconds):
            ask, begin = (plain, ours)[side], time.perf_counter()
            done = await asyncio.gather(*(work(ask, begin + TURN_S) for _ in range(count)))
            if counts:
                rates[side].append(sum(done) / (time.perf_counter() - begin))
        return rates


def main():
    address, seconds, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    if count:
        rates = asyncio.run(in_flight(address, seconds, count))
    else:
        rates = blocking(address, seconds)
    print(json.dumps({"plain": rates[0], "client": rates[1]}))


if __name__ == "__main__":
    main()
