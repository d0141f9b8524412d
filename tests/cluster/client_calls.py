# SPDX-License-Identifier: Apache-2.0
"""A wrapper whose calls can be slow, fail and die, and ways to call it from a test."""

import threading

# Once calls echo their first payload in upper case; sessions do so with each piece of input.
WRAPPER = """
import asyncio, os

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.sleep(float(params.get("sleep_s", "0")))
        if "log" in params:
            with open(params["log"], "a") as log:
                log.write("ran\\n")
        if params.get("do") == "exit":
            os._exit(3)
        if params.get("do") == "several":
            return [
                {"key": key, "data": data, "len": len(data), "type": kind, "status": 3}
                for key, data, kind in (
                    ("t", b"\\xe6\\x97", 0), ("i", b"1", 2), ("t", b"\\xa5", 0), ("i", b"2", 2),
                )
            ]
        if params.get("do") == "fail":
            raise ValueError("mine")
        if params.get("do") == "describe":
            return repr(sorted(params.items()))
        return [
            {"key": p.key, "data": p.data.upper(), "len": len(p.data), "type": p.type, "status": 3}
            for p in reqData.list
        ]

    async def wrapperStream(self, params, requests):
        async for request in requests:
            for each in request.list:
                if each.data == b"exit":
                    os._exit(3)
                yield each.data.upper()
"""


def reads(make, loaders, **options):
    """A client of those loaders."""
    return make(",".join(each.grpc for each in loaders), **options)


def in_background(work):
    """Runs work() on a thread; wait() gives what it returned or raised."""
    got = []

    def run():
        try:
            got.append(work())
        except Exception as error:
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def wait():
        thread.join(30)
        return got[0]

    return wait


def attempt(client, **options):
    try:
        return client.once("x", **options)
    except Exception as error:
        return error


def attempts_until(stop, client):
    got = []
    while not stop.is_set():
        reply = attempt(client, params={"sleep_s": "0.005"})
        got.append(repr(reply) if isinstance(reply, Exception) else "Reply")
    return got
