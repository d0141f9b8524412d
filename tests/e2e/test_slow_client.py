# SPDX-License-Identifier: Apache-2.0
"""A client that takes nothing makes the engine wait: what lies between them has a bound.

The bound: the credit, the messages that are made, written and read, and the transport's buffers:
the kernel's as its settings allow, gRPC's as the client asks for. The engine has far more to give.
"""

import base64
import json
import socket
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from session_fronts import ONCE, NativeStream
from waiting import wait_until
from websockets.sync.client import connect
from xsf_client import UNLIMITED, XsfClient

BYTES, ITEMS = 10_000, 4_000  # 40 MB.
CREDIT = 128  # kAhead of stream_call.cc, ws_session.cc and http_events.cc.
MESSAGE = 32  # kMostBatches of the same.
BUFFER = 65_536  # HTTP/2's window, or the client's socket.
RSS_MB = 10
FRAMES = 16  # What the WebSocket client reads ahead by itself.


@pytest.fixture(params=["read", "callback"])
def loader(request, start, binaries):
    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    return start(config={"instances": {"library": str(engine)}})


def kernel_buffers():
    """The most that Linux keeps for the sender (tcp(7): tcp_wmem), and for the receiver."""
    most = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text(encoding="ascii").split()[2])
    return most + 2 * BUFFER


def resident_mb(loader):
    status = Path(f"/proc/{loader.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def given_and_made(loader):
    """How many items the fronts have taken, and the engine could give, when it gives no more."""
    seen = []

    def is_still():
        given = loader.metric("aiges_session_items_total")
        made = loader.metric("aiges_meter_total", key="made")
        seen.append((given, made))
        return made >= CREDIT and len(seen) > 30 and len(set(seen[-30:])) == 1

    wait_until(is_still, "an engine that waits", 20)
    return seen[-1]


def raw_socket(loader):
    """A small buffer must be asked for before the connection is made."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.settimeout(20)
    sock.connect((loader.web.host, loader.web.port))
    return sock


def check(loader, before_mb, most):
    """`most`: of what may be under way behind the loader's table."""
    given, made = given_and_made(loader)
    assert given <= most
    assert made <= given + CREDIT
    assert resident_mb(loader) - before_mb < RSS_MB


def test_native_stream(loader):
    before = resident_mb(loader)
    client = XsfClient(loader.grpc)
    options = [("grpc.http2.lookahead_bytes", BUFFER), ("grpc.http2.bdp_probe", 0)]
    client.channel = grpc.insecure_channel(loader.grpc, options=[*UNLIMITED, *options])
    with closing(client.channel):
        session = NativeStream(SimpleNamespace(xsf=client), items=str(ITEMS), bytes=str(BYTES))
        session.write(b"x", ONCE)
        outputs = iter(session)
        next(outputs)
        check(loader, before, 3 * MESSAGE + BUFFER // BYTES)
        assert len(list(outputs)) == ITEMS, "nothing is lost"


def test_websocket(loader):
    before = resident_mb(loader)
    url = f"ws://{loader.http}/v1/private/svcName"
    with connect(url, sock=raw_socket(loader), max_size=None, max_queue=FRAMES) as client:
        group = {"items": str(ITEMS), "bytes": str(BYTES)}
        payload = {"in": {"text": base64.b64encode(b"x").decode(), "status": ONCE}}
        header = {"status": ONCE}
        client.send(
            json.dumps({"header": header, "parameter": {"group": group}, "payload": payload})
        )
        transport = kernel_buffers() // (BYTES * 4 // 3) + FRAMES
        check(loader, before, 2 * MESSAGE + transport)
        answers = [json.loads(text) for text in client]
        assert len([a for a in answers if "payload" in a]) == ITEMS + 1


def test_server_sent_events(loader):
    before = resident_mb(loader)
    query = f"p.items={ITEMS}&p.bytes={BYTES}"
    with closing(raw_socket(loader)) as client:
        client.sendall(
            f"POST /v1/raw/svcName?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            "Accept: text/event-stream\r\nContent-Length: 1\r\n\r\nx".encode()
        )
        check(loader, before, 2 * MESSAGE + kernel_buffers() // BYTES)
        with client.makefile("rb") as answer:
            assert sum(line.startswith(b"data: ") for line in answer) == ITEMS + 1
