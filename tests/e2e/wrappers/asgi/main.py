# SPDX-License-Identifier: Apache-2.0
"""An ASGI application without any framework: what it is told, and what it may say."""

import asyncio
import json
import os
import sys

SEEN = {"started": 0, "gone": []}


def shown(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    return value


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await http(scope, receive, send)


async def lifespan(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    if os.environ.get("FAIL_STARTUP"):
        await send({"type": "lifespan.startup.failed", "message": "no database at hand"})
        return
    scope["state"]["made"] = "at the start"
    SEEN["started"] += 1
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    if os.environ.get("GOODBYE"):
        with open(os.environ["GOODBYE"], "w") as file:
            file.write("shut down in order")
    await send({"type": "lifespan.shutdown.complete"})


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


def start(status=200, *headers):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def piece(body=b"", more=False):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def http(scope, receive, send):
    path = scope["path"]
    answer = PATHS.get(path, show)
    await answer(scope, receive, send)


async def show(scope, receive, send):
    body = await read_body(receive)
    told = shown({key: value for key, value in scope.items() if key != "asgi"})
    told["body"] = body.decode("latin-1")
    told["pid"] = os.getpid()
    await send(start(200, (b"content-type", b"application/json"), (b"X-Mixed", b"one"),
                     (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")))
    await send(piece(json.dumps(told).encode()))


async def echo(scope, receive, send):
    body = await read_body(receive)
    await send(start(200, (b"content-type", b"application/octet-stream")))
    await send(piece(body))


async def echo_as_it_comes(scope, receive, send):
    await send(start())
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
        await send(piece(message["body"], more=True))
    await send(piece())


async def ticks(scope, receive, send):
    await send(start(200, (b"content-type", b"text/event-stream")))
    for i in range(3):
        await send(piece(b"data: %d\n\n" % i, more=True))
        await asyncio.sleep(0.05)
    await send(piece())


async def flood(scope, receive, send):
    """Sends until the client has left."""
    await send(start())
    sent = 0
    try:
        while True:
            await send(piece(b"x" * 65536, more=True))
            sent += 65536
            SEEN["flood"] = sent
    finally:
        SEEN["gone"].append(path_of(scope))


def path_of(scope):
    return scope["path"]


async def wait_for_the_end(scope, receive, send):
    await read_body(receive)
    SEEN["waiting"] = True
    message = await receive()
    SEEN["gone"].append(message["type"])


async def sleep(scope, receive, send):
    seconds = float(scope["query_string"] or b"1")
    await asyncio.sleep(seconds)
    await send(start())
    await send(piece(b"slept"))


async def seen(scope, receive, send):
    await send(start(200, (b"content-type", b"application/json")))
    await send(piece(json.dumps(SEEN).encode()))


async def raises(scope, receive, send):
    raise ValueError("the model is not in the mood")


async def raises_late(scope, receive, send):
    await send(start())
    await send(piece(b"half", more=True))
    await asyncio.sleep(0.05)
    raise ValueError("half way")


async def says_nothing(scope, receive, send):
    pass


async def wrong_head(scope, receive, send):
    await send(start(200, (b"x-bad", b"one\r\nx-injected: two")))
    await send(piece(b"never"))


async def wrong_order(scope, receive, send):
    await send(piece(b"no head"))


async def dies(scope, receive, send):
    os._exit(3)


async def exits(scope, receive, send):
    sys.exit(1)


async def trailers(scope, receive, send):
    await send({**start(200), "trailers": True})
    await send(piece(b"body"))
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})


async def own_words(scope, receive, send):
    await send(start(200, (b"x-request-id", b"mine"), (b"server", b"app")))
    await send(piece(b"mine"))


PATHS = {
    "/echo": echo,
    "/as-it-comes": echo_as_it_comes,
    "/ticks": ticks,
    "/flood": flood,
    "/wait": wait_for_the_end,
    "/sleep": sleep,
    "/seen": seen,
    "/raises": raises,
    "/raises-late": raises_late,
    "/nothing": says_nothing,
    "/wrong-head": wrong_head,
    "/wrong-order": wrong_order,
    "/dies": dies,
    "/exits": exits,
    "/trailers": trailers,
    "/own-words": own_words,
}


async def websocket(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/refused":
        return await send({"type": "websocket.close"})
    if scope["path"] == "/denied":
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        return await send({"type": "websocket.http.response.body", "body": b"who are you?"})
    chosen = scope["subprotocols"][-1] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [(b"x-own", b"yes")]})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            SEEN["gone"].append([message["code"], message["reason"]])
            return
        text = message.get("text")
        if text == "close":
            return await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
        if text == "raise":
            raise ValueError("in a WebSocket")
        if text == "die":
            os._exit(3)
        if text is not None:
            await send({"type": "websocket.send", "text": text.upper()})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"][::-1]})
