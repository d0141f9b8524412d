# SPDX-License-Identifier: Apache-2.0
"""Every port speaks everything: the first bytes of a connection tell what its client means."""

import json
import re
import socket
import subprocess
import time
from contextlib import ExitStack

import pytest
from h2_client import CALL, CANCEL, GRPC, PREFACE, H2Client, messages, xsf_message
from http_client import HttpClient, parse_answer
from waiting import wait_until
from xsf_client import Answer, XsfClient

MIB = 1 << 20
RAW = "/v1/raw/svcName"


def ports(loader):
    return {"grpc": loader.grpc, "http": loader.http}


@pytest.fixture(params=["grpc", "http"])
def address(request, shared):
    return ports(shared)[request.param]


@pytest.fixture
def client(address):
    with H2Client(address) as client:
        yield client


def xsf_answer(stream):
    from xsf_pb2 import ResData

    assert (stream.status, stream.grpc_status) == (200, 0), stream
    ((_, data),) = messages(stream.body)
    return Answer(ResData.FromString(data))


def curl(address, *options):
    command = ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_version} %{http_code}", *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    body, _, end = ended.stdout.rpartition("\n")
    return (body, *end.split())


# --- Each protocol on each port.


def test_program_of_the_loader_links_no_grpc(binaries):
    linked = subprocess.run(["ldd", binaries.loader], capture_output=True, text=True, check=True)
    assert "libnghttp2" in linked.stdout
    assert not re.search(r"libgrpc|libabsl_synchronization", linked.stdout)


def test_grpc_is_served_on_every_port(shared, address):
    client = XsfClient(address)
    answer = client.answer(client.send(shared.xsf.request(shared.xsf.input(client.payload()))))
    client.close()
    assert answer.code == 0


def test_handles_name_the_port_that_the_call_came_in_by(client, shared, address):
    handle = xsf_answer(client.ask(xsf_message(shared))).res.s.h
    host, port = bytes.fromhex(handle[1:9]), int(handle[9:13], 16)
    assert (socket.inet_ntoa(host), str(port)) == tuple(address.split(":"))


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_http_is_served_on_every_port(address, version):
    flag = "--http2-prior-knowledge" if version == "2" else "--http1.1"
    said = curl(address, flag, "--data-binary", "hi", f"http://{address}{RAW}")
    assert said == ("hi", version, "200")
    assert curl(address, flag, f"http://{address}/healthz") == ("ok\n", version, "200")


def test_upgrade_to_http2_is_served_as_http1(address):
    assert curl(address, "--http2", f"http://{address}/healthz") == ("ok\n", "1.1", "200")


def test_websocket_is_served_on_every_port(address):
    from websockets.sync.client import connect

    with connect(f"ws://{address}/v1/private/svcName", open_timeout=20) as ws:
        ws.send(json.dumps({"header": {"status": 3}, "payload": {"data": {"text": "aGk="}}}))
        assert json.loads(ws.recv(timeout=20))["header"]["code"] == 0


@pytest.mark.parametrize("size", [1, 10, 23, 24, 30])
def test_preface_may_come_in_pieces(shared, address, size):
    with H2Client(address) as client:
        client.socket.close()
        host, _, port = address.rpartition(":")
        client.socket = socket.create_connection((host, int(port)), timeout=20)
        first = PREFACE + b"\0\0\0\4\0\0\0\0\0"
        for at in range(0, len(first), size):
            client.socket.sendall(first[at : at + size])
            time.sleep(0.01)
        assert xsf_answer(client.ask(xsf_message(shared))).code == 0


def test_request_that_begins_like_the_preface_is_http1(address):
    sent = b"PRI * HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert parse_answer(HttpClient(address).exchange(sent)).status in (404, 405)


def test_half_a_preface_is_told_408(start, toolbox):
    loader = start(toolbox, config={"limits": {"read_timeout_ms": 300}})
    for address in ports(loader).values():
        begin = time.monotonic()
        assert parse_answer(HttpClient(address).exchange(PREFACE[:9])).status == 408
        assert time.monotonic() - begin > 0.29


def test_who_says_nothing_is_closed(start, toolbox):
    loader = start(toolbox, config={"limits": {"idle_timeout_ms": 300}})
    for address in ports(loader).values():
        assert HttpClient(address).exchange(b"") == b""


def test_both_ports_may_be_one(start, toolbox):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = {"svcName": {"port": port}, "wrapper": {"http_listen": f"127.0.0.1:{port}"}}
    loader = start(toolbox, config=config)
    assert loader.grpc == loader.http == f"127.0.0.1:{port}"
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    assert loader.web.raw_mode(b"x").body == b"x"


def test_http_off_means_no_port_of_its_own(start, toolbox):
    loader = start(toolbox, config={"wrapper": {"http_listen": "off"}})
    assert HttpClient(loader.grpc).get("/healthz").body == b"ok\n"


# --- Connections of all protocols share one limit.


def test_resting_connections_of_http2_give_way(start, toolbox):
    loader = start(toolbox, config={"limits": {"max_connections": 4}})
    with ExitStack() as stack:
        clients = [stack.enter_context(H2Client(loader.grpc)) for _ in range(3)]
        gate = loader.folder / "gate"
        held = clients[0].begin()
        clients[0].send(held, xsf_message(loader, do="gate", gate=str(gate)), end=True)
        for client in clients[1:]:
            assert xsf_answer(client.ask(xsf_message(loader))).code == 0
        time.sleep(1.2)  # Who has just come must not go.
        for _ in range(3):
            assert loader.web.raw_mode(b"x").status == 200
        stack.enter_context(H2Client(loader.grpc)).ping()
        stack.enter_context(H2Client(loader.grpc)).ping()
        gate.touch()
        assert xsf_answer(clients[0].wait(held)).code == 0
        clients[1].wait_for(lambda: clients[1].closed, "the end of who rested longest")


# --- HTTP over HTTP/2 has the bounds of HTTP/1.1.


def plain(client, path=RAW, body=b"", method="POST", headers=(), end=True):
    return client.send(client.begin(path, method=method, headers=list(headers)), body, end=end)


def error(stream):
    return stream.status, json.loads(stream.body)["header"]["message"]


def test_routes_answer_over_http2(client):
    stream = client.wait(plain(client, body=b"hi"))
    assert (stream.status, stream.body, stream.trailers) == (200, b"hi", None)
    assert stream.headers["content-length"] == "2"
    assert stream.headers["access-control-allow-origin"] == "*"
    assert stream.headers["endpoint-load-metrics"].startswith("TEXT ")
    assert client.wait(plain(client, "/no/such", body=b"")).status == 404
    options = client.wait(plain(client, method="OPTIONS"))
    assert (options.status, options.body) == (204, b"")
    assert "content-length" not in options.headers
    head = client.wait(plain(client, "/healthz", method="HEAD"))
    assert (head.status, head.body) == (200, b"")


def test_many_requests_of_one_connection_are_served_at_a_time(client, tmp_path):
    gate = tmp_path / "gate"
    slow = plain(client, f"{RAW}?p.do=gate&p.gate={gate}", b"slow")
    quick = [plain(client, body=b"%d" % number) for number in range(100)]
    for number, stream in enumerate(quick):
        assert client.wait(stream).body == b"%d" % number
    assert not slow.done
    gate.touch()
    assert client.wait(slow).body == b"slow"


@pytest.mark.parametrize("size", [100_000, 3 * MIB])
def test_large_bodies_go_both_ways(client, size):
    stream = client.wait(plain(client, body=b"x" * size))
    assert (stream.status, len(stream.body)) == (200, size)


@pytest.mark.parametrize("says_so", [True, False])
def test_too_long_a_body_is_413(start, toolbox, says_so):
    loader = start(toolbox, config={"limits": {"max_message_bytes": 100_000}})
    with H2Client(loader.http) as client:
        headers = [("content-length", "100001")] if says_so else []
        stream = plain(client, headers=headers, body=b"" if says_so else bytes(100_001), end=False)
        text = "the body is longer than [limits] max_message_bytes = 100000"
        assert error(client.wait(stream)) == (413, text)
        assert client.wait(plain(client, body=bytes(100_000))).status == 200


def test_too_long_a_head_is_431_and_costs_nobody_else(client):
    stream = client.wait(plain(client, headers=[("x-long", "v" * 40_000)]))
    assert stream.status == 431
    assert client.wait(plain(client, body=b"x")).status == 200


def test_body_that_does_not_come_is_408(start, toolbox):
    loader = start(toolbox, config={"limits": {"read_timeout_ms": 400}})
    with H2Client(loader.http) as client:
        stream = plain(client, body=b"begin", end=False)
        assert error(client.wait(stream))[0] == 408
        assert client.wait(plain(client, body=b"x")).status == 200


def test_bodies_without_room_are_429_and_give_way(start, toolbox):
    limits = {"max_message_bytes": 8 * MIB, "max_input_bytes": 4 * MIB}
    loader = start(toolbox, config={"limits": limits})
    with H2Client(loader.http) as client:
        held = plain(client, body=bytes(2_500_000), end=False)
        refused = client.wait(plain(client, body=bytes(2_500_000), end=False))
        assert refused.status == 429
        assert "[limits] max_input_bytes" in error(refused)[1]
        assert error(client.wait(held))[0] == 408
        loader.wait_metric("aiges_budget_used", 0, limit="max_input_bytes")


def test_client_that_resets_leaves_the_queue(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"threads": 1}})
    gate, notes = tmp_path / "gate", tmp_path / "notes"
    with H2Client(loader.http) as client:
        held = plain(client, f"{RAW}?p.do=gate&p.gate={gate}", b"x")
        loader.wait_metric("aiges_in_flight", 1)
        left = plain(client, f"{RAW}?p.do=echo&p.notes={notes}&p.name=left", b"x")
        loader.wait_metric("aiges_queue_depth", 1)
        client.reset(left)
        loader.wait_metric("aiges_queue_depth", 0)
        gate.touch()
        assert client.wait(held).status == 200
    assert not notes.exists()


def held_events(client):
    """An answer of 1001 events that is not read on when its first 64 KiB are there."""
    stream = client.begin(
        f"{RAW}?p.items=1000&p.bytes=10000", headers=[("accept", "text/event-stream")]
    )
    stream.held = True
    client.send(stream, b"x", end=True)
    client.wait_for(lambda: len(stream.body) >= 65_536, "a full window")
    return stream


def test_events_come_over_http2(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.engine)}})
    with H2Client(loader.http) as client:
        path = f"{RAW}?p.items=5"
        stream = client.wait(plain(client, path, b"x", headers=[("accept", "text/event-stream")]))
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.body.count(b"data: ") == 6


def test_events_have_the_pace_of_their_client(start, binaries):
    """And others of the connection their own."""
    loader = start(config={"instances": {"library": str(binaries.engine)}})
    with H2Client(loader.http, window=65_536) as client:
        stream = held_events(client)
        seen = []

        def is_still():
            assert client.wait(plain(client, "/healthz", method="GET")).status == 200
            seen.append(loader.metric("aiges_session_items_total"))
            return len(seen) > 10 and len(set(seen[-10:])) == 1

        wait_until(is_still, "an engine that waits", 20)
        assert seen[-1] < 200
        client.release(stream)
        assert client.wait(stream).body.count(b"data: ") == 1001


def test_client_of_events_that_resets_ends_the_session(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.engine)}})
    with H2Client(loader.http, window=65_536) as client:
        stream = held_events(client)
        client.reset(stream, CANCEL)
        loader.wait_metric("aiges_in_flight", 0)


def test_path_of_a_method_is_grpcs_whatever_is_said(client, shared):
    stream = client.ask(
        xsf_message(shared), path=CALL, headers={"content-type": "application/json"}
    )
    assert stream.status == 415
    assert client.ask(b"", path=RAW, headers=GRPC).grpc_status == 12


def test_grpc_over_http1_is_told_that_it_needs_http2(address, shared):
    headers = {"Content-Type": "application/grpc"}
    call = xsf_message(shared)
    answer = HttpClient(address).request("POST", "/utils.XsfCall/call", call, headers)
    assert (answer.status, answer.body) == (505, b"gRPC needs HTTP/2, got HTTP/1.1")


def test_drain_finishes_what_http2_has_begun(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    with H2Client(loader.http) as client:
        held = plain(client, f"{RAW}?p.do=gate&p.gate={gate}", b"x")
        loader.wait_metric("aiges_in_flight", 1)
        loader.terminate()
        client.wait_for(lambda: client.goaways, "GOAWAY")
        gate.touch()
        assert client.wait(held).body == b"x"
    assert loader.wait_exit() == 0


def test_one_stopped_port_is_all_of_them(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", b"x", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()

    def refuses(address):
        try:
            HttpClient(address).socket().close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # It was let in just before the port was closed.
        return False

    for address in ports(loader).values():
        wait_until(lambda address=address: refuses(address), "a port that takes nobody", 10)
    gate.touch()
    assert loader.xsf.answer(held).data("data") == b"x"
    assert loader.wait_exit() == 0
