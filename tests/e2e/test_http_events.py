# SPDX-License-Identifier: Apache-2.0
"""Server-Sent Events: one request, many answers, for curl and browsers."""

import http.client
import json
import socket
import time

import pytest

EVENTS = {"Accept": "text/event-stream"}

TOKENS = """
import time
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        for n in range(int(params.get("n", 3))):
            if params.get("bad") == str(n): raise ValueError("bad token")
            time.sleep(float(params.get("pause", 0)))
            yield f"t{n}\\n"
"""


@pytest.fixture(scope="module")
def loader(request, binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("events"), TOKENS) as started:
        yield started


@pytest.fixture
def open_events():
    """open_events(loader, query=.., path=.., body=..) -> (connection, response)"""
    opened = []

    def send(loader, query="", path="/v1/raw/svcName", body=b"x"):
        connection = http.client.HTTPConnection(loader.web.host, loader.web.port, timeout=20)
        opened.append(connection)
        connection.request("POST", path + query, body, EVENTS)
        response = connection.getresponse()
        opened.append(response)
        return connection, response

    yield send
    for one in opened:
        one.close()


def parse(text):
    """[(event, id, data)]"""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if fields:
            data = json.loads(fields["data"])
            events.append((fields.get("event", "message"), fields.get("id"), data))
    return events


def test_each_yield_is_an_event(open_events, loader):
    _, response = open_events(loader, "?p.n=4")
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/event-stream"
    assert response.getheader("Cache-Control") == "no-store"
    events = parse(response.read().decode())
    assert [e[1] for e in events] == ["1", "2", "3", "4", "5"]
    texts = [e[2]["payload"]["result"]["text"] for e in events]
    assert texts == ["t0\n", "t1\n", "t2\n", "t3\n", ""]
    assert [e[2]["header"]["status"] for e in events] == [0, 1, 1, 1, 2]
    loader.wait_metric("aiges_in_flight", 0)


def test_events_come_as_they_are_made_and_the_connection_stays(open_events, loader):
    connection, response = open_events(loader, "?p.n=4&p.pause=0.7")
    begin = time.monotonic()
    assert response.readline() == b"id: 1\n"
    assert time.monotonic() - begin < 1.5  # All of them take 2.1 s more.
    response.read()
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"


def test_envelope_route(open_events, loader):
    body = {"header": {}, "parameter": {"g": {"n": 2}}, "payload": {"a": {"text": "eA=="}}}
    _, response = open_events(loader, path="/v1/private/svcName", body=json.dumps(body))
    assert len(parse(response.read().decode())) == 3


def test_error_before_the_first_event_is_a_plain_one(open_events, loader):
    _, response = open_events(loader, "?p.bad=0")
    assert response.status == 500
    assert response.getheader("Content-Type") == "application/json"
    message = json.loads(response.read())["header"]["message"]
    assert message.startswith("wrapperOnceExec raised ValueError: bad token")


def test_error_after_it_is_an_event(open_events, loader):
    _, response = open_events(loader, "?p.bad=2")
    events = parse(response.read().decode())
    assert [e[0] for e in events] == ["message", "message", "error"]
    assert events[-1][2]["header"]["code"] == 10908


def test_leaving_client_ends_the_session(open_events, loader):
    before = loader.metric("aiges_sessions_aborted_total")
    connection, response = open_events(loader, "?p.n=100000&p.pause=0.01")
    response.readline()
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    loader.wait_metric("aiges_sessions_aborted_total", before + 1)
    loader.wait_metric("aiges_in_flight", 0)


def test_client_that_leaves_before_the_first_event(loader):
    before = loader.metric("aiges_sessions_aborted_total")
    with socket.create_connection((loader.web.host, loader.web.port)) as raw:
        raw.sendall(
            b"POST /v1/raw/svcName?p.n=3&p.pause=0.5 HTTP/1.1\r\nHost: a\r\n"
            b"Accept: text/event-stream\r\nContent-Length: 1\r\n\r\nx"
        )
        time.sleep(0.1)
    loader.wait_metric("aiges_sessions_aborted_total", before + 1)


def test_timeout_ms_ends_it(open_events, loader):
    _, response = open_events(loader, "?p.n=1000&p.pause=0.4&timeout_ms=3000")
    events = parse(response.read().decode())
    assert events[0][0] == "message"
    assert (events[-1][0], events[-1][2]["header"]["code"]) == ("error", 10102)


def test_input_without_room_is_429(start, toolbox):
    loader = start(toolbox, config={"queue": {"max_bytes": 65536}})
    answer = loader.web.raw_mode(b"x" * 100_000, headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.code) == (429, 10110)
    loader.wait_metric("aiges_in_flight", 0)


def test_client_that_takes_nothing_is_left_at_its_time_limit(start, binaries):
    wrapper = "class Wrapper:\n    def wrapperOnceExec(self, params, reqData):\n"
    wrapper += "        while True: yield 'x' * 10000\n"
    loader = start(wrapper)
    with loader.web.socket() as client:
        client.sendall(
            b"POST /v1/raw/svcName?timeout_ms=1000 HTTP/1.1\r\nHost: x\r\n"
            b"Accept: text/event-stream\r\nContent-Length: 1\r\n\r\nx"
        )
        loader.wait_metric("aiges_in_flight", 1)
        loader.wait_metric("aiges_in_flight", 0)


def test_http_1_0_ends_with_the_connection(loader):
    with socket.create_connection((loader.web.host, loader.web.port), timeout=20) as raw:
        raw.sendall(
            b"POST /v1/raw/svcName HTTP/1.0\r\nAccept: text/event-stream\r\n"
            b"Content-Length: 1\r\n\r\nx"
        )
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert len(parse(body.decode())) == 4


def test_once_engine_gives_one_event(open_events, start, toolbox):
    loader = start(toolbox)
    _, response = open_events(loader, "?p.do=echo&key=data", body=b"hello")
    events = parse(response.read().decode())
    assert [e[2]["payload"]["data"]["text"] for e in events] == ["hello"]
    assert events[0][2]["header"]["status"] == 3
