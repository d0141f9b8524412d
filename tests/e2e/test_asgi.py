# SPDX-License-Identifier: Apache-2.0
"""Contract asgi: an application answers the host's ports from inside a worker."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest
from asgi_loader import asgi, ws
from http_client import parse_answer
from loader_fixtures import WRAPPERS
from loader_process import Loader
from waiting import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus

MIB = 1 << 20


@pytest.fixture(scope="module")
def wrappers():
    return WRAPPERS


@pytest.fixture(scope="module")
def app(binaries, tmp_path_factory, wrappers):
    folder = tmp_path_factory.mktemp("app")
    with Loader(binaries, folder, wrappers / "asgi", config=asgi()) as loader:
        yield loader


def seen(loader):
    return loader.web.get("/seen").json


def curl(url, *options, version="--http1.1"):
    command = ["curl", "-sS", "--max-time", "20", version, *options, url]
    return subprocess.run(command, capture_output=True, check=True).stdout


VERSIONS = pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])


# --- What the application is told.


@VERSIONS
def test_scope_is_what_the_client_said(app, version):
    url = f"http://{app.http}/a%20b/%C3%A4?x=1&y=%20"
    told = json.loads(curl(url, "-H", "X-Twice: 1", "-H", "X-Twice: 2", version=version))
    assert told["type"] == "http" and told["method"] == "GET"
    assert told["http_version"] == ("1.1" if version == "--http1.1" else "2")
    assert (told["path"], told["raw_path"]) == ("/a b/ä", "/a%20b/%C3%A4")
    assert told["query_string"] == "x=1&y=%20" and told["scheme"] == "http"
    host, port = app.http.split(":")
    assert told["server"] == [host, int(port)] and told["client"][0] == "127.0.0.1"
    headers = [tuple(pair) for pair in told["headers"]]
    assert ("host", app.http) in headers
    assert [v for k, v in headers if k == "x-twice"] == ["1", "2"]
    assert told["state"] == {"made": "at the start"}


@VERSIONS
def test_repeated_fields_of_the_answer_survive(app, version):
    answer = curl(f"http://{app.http}/", "-i", version=version).decode().lower()
    assert "set-cookie: a=1\r\nset-cookie: b=2\r\n" in answer and "x-mixed: one" in answer


def test_request_id_and_load_are_added_only_where_missing(app):
    own = app.web.get("/own-words")
    assert own.headers["x-request-id"] == "mine" and own.headers["server"] == "app"
    answer = app.web.request("GET", "/", headers={"X-Request-Id": "from-client"})
    assert answer.headers["x-request-id"] == "from-client"
    assert ["x-request-id", "from-client"] in answer.json["headers"]
    made = app.web.get("/")
    assert ["x-request-id", made.headers["x-request-id"]] in made.json["headers"]
    # What is none is the application's to read, and in no answer of the host's.
    long = app.web.request("GET", "/", headers={"X-Request-Id": "x" * 129})
    assert ["x-request-id", "x" * 129] in long.json["headers"]
    assert long.headers["x-request-id"] != "x" * 129
    assert "endpoint-load-metrics" in made.headers


# --- Bodies.


@VERSIONS
@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 5 * MIB + 3])
def test_body_of_any_size_comes_back(app, tmp_path, size, version):
    body = os.urandom(size)
    file = tmp_path / "body"
    file.write_bytes(body)
    upload = ["--data-binary", f"@{file}", "-H", "Expect:"]
    assert curl(f"http://{app.http}/echo", *upload, version=version) == body
    assert curl(f"http://{app.http}/as-it-comes", *upload, version=version) == body


def test_body_and_answer_are_under_way_at_once(app):
    host, port = app.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(
            b"POST /as-it-comes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        got = b""
        for word in (b"one", b"two"):
            client.sendall(b"3\r\n%s\r\n" % word)
            while word not in got:
                piece = client.recv(4096)
                assert piece, got
                got += piece
        client.sendall(b"0\r\n\r\n")
        while not got.endswith(b"0\r\n\r\n"):
            got += client.recv(4096)


def test_events_come_as_they_are_sent(app):
    assert curl(f"http://{app.http}/ticks") == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_head_has_no_body_and_the_right_length(app):
    answer = app.web.request("HEAD", "/own-words")
    assert answer.status == 200 and answer.body == b"" and answer.headers["content-length"] == "4"


def test_trailers_reach_clients_of_http2(app):
    answer = curl(
        f"http://{app.http}/trailers", "-i", "-H", "TE: trailers", version="--http2-prior-knowledge"
    )
    assert answer.endswith(b"body") or b"x-sum: 42" in answer


# --- Both sides may be slow, or leave.


def test_client_that_does_not_read_holds_a_bounded_part(app):
    host, port = app.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: seen(app).get("flood", 0) > 0, "the flood to begin")
        sizes = []

        def stands_still():
            sizes.append(seen(app)["flood"])
            time.sleep(0.1)
            return len(sizes) > 5 and sizes[-1] == sizes[-5]

        wait_until(stands_still, "the application to wait for the client")
        assert sizes[-1] < 64 * MIB
    wait_until(lambda: "/flood" in seen(app)["gone"], "the application to hear of it")


def test_client_that_leaves_is_told(app):
    host, port = app.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: seen(app).get("waiting"), "the call to begin")
    wait_until(lambda: "http.disconnect" in seen(app)["gone"], "the application to hear of it")


# --- Faults.


@pytest.mark.parametrize(
    "path, words",
    [
        ("/raises", "ValueError: the model is not in the mood"),
        ("/nothing", "returned without an answer"),
        ("/wrong-head", "cannot be sent"),
        ("/wrong-order", "where it cannot stand"),
        ("/exits", "SystemExit"),
    ],
)
def test_fault_of_the_application_is_an_error_of_its_call(app, path, words):
    answer = app.web.get(path)
    assert answer.status == 500 and words in answer.message, answer
    assert app.web.get("/own-words").status == 200


def test_traceback_is_in_the_log_with_the_users_line(app):
    app.web.get("/raises")
    wait_until(lambda: "the model is not in the mood" in app.log(), "the traceback")
    assert "main.py" in app.log()


def test_fault_in_the_middle_cuts_the_answer(app):
    host, port = app.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"GET /raises-late HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(4096):
                got += piece
    assert got.startswith(b"HTTP/1.1 200 ") and not got.endswith(b"0\r\n\r\n")


def test_paths_of_the_host_stay_its_own(app):
    assert app.web.get("/healthz").body == b"ok\n"
    assert b"aiges_" in app.web.get("/metrics").body
    assert b"<html" in app.web.get("/-/status").body
    # What else was the host's is the application's now.
    assert app.web.get("/docs").json["path"] == "/docs"
    assert app.web.get("/").json["path"] == "/"


def test_calls_run_at_once(app):
    begin = time.monotonic()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(app.web.get("/sleep?1").body))
        for _ in range(20)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [b"slept"] * 20 and time.monotonic() - begin < 15


def test_worker_that_dies_costs_its_own_calls(start, wrappers):
    loader = start(wrappers / "asgi", config=asgi(instances={"count": 2}))
    answer = loader.web.get("/dies")
    assert answer.status == 503, answer
    wait_until(lambda: loader.web.get("/own-words").status == 200, "another worker")


def test_more_calls_than_app_concurrency_wait(start, wrappers):
    loader = start(wrappers / "asgi", config=asgi(http={"app_concurrency": 1}))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(loader.web.get("/sleep?0.2").body))
        for _ in range(3)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [b"slept"] * 3


# --- Life.


def test_startup_that_fails_is_the_start_error(start, wrappers):
    loader = start(wrappers / "asgi", config=asgi(), env={"FAIL_STARTUP": "1"}, ready=False)
    assert loader.wait_exit() != 0
    assert "no database at hand" in loader.log()


def test_shutdown_is_told_and_calls_finish(start, wrappers, tmp_path):
    goodbye = tmp_path / "goodbye"
    loader = start(wrappers / "asgi", config=asgi(), env={"GOODBYE": str(goodbye)})
    answers = []
    client = threading.Thread(target=lambda: answers.append(loader.web.get("/sleep?1").body))
    client.start()
    loader.wait_metric("aiges_in_flight", 1)
    loader.stop()
    client.join()
    assert answers == [b"slept"] and goodbye.read_text() == "shut down in order"


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"contract": "asgi"}, 'expected "module:name"'),
        ({"contract": "asgi", "app": "main"}, 'expected "module:name"'),
        ({"app": "main:app"}, "expected a contract that takes one with it"),
        ({"contract": "asg"}, "expected one of"),
        ({"contract": "asgi", "app": "main:nobody"}, "has no attribute nobody"),
        ({"contract": "asgi", "app": "nowhere:app"}, "No module named 'nowhere'"),
        ({"contract": "asgi", "app": "main:PATHS"}, "expected an ASGI application"),
    ],
)
def test_what_cannot_be_served_says_why(start, wrappers, keys, words):
    # A mistake in aiges.toml ends the loader before it listens, one of the application after that.
    with pytest.raises(AssertionError, match=re.escape(words)):
        start(wrappers / "asgi", config={"aiges": keys})


# --- WebSockets.


def test_websocket_carries_both_kinds(app):
    with ws(app, subprotocols=["first", "second"]) as client:
        assert client.subprotocol == "second" and client.response.headers["x-own"] == "yes"
        client.send("hello")
        assert client.recv(timeout=20) == "HELLO"
        client.send(b"abc")
        assert client.recv(timeout=20) == b"cba"
        client.send("")
        assert client.recv(timeout=20) == ""
        big = os.urandom(3 * MIB)
        client.send(big)
        assert client.recv(timeout=20) == big[::-1]
        client.close(4000, "enough")
    wait_until(lambda: [4000, "enough"] in seen(app)["gone"], "the application to hear of it")


def test_application_closes_with_its_code(app):
    with ws(app) as client:
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_fault_in_a_websocket_closes_it_with_1011(app):
    with ws(app) as client:
        client.send("raise")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
    assert closed.value.rcvd.code == 1011


@pytest.mark.parametrize("path, status, body", [("/refused", 403, b""), ("/denied", 401, b"who")])
def test_websocket_may_be_refused(app, path, status, body):
    with pytest.raises(InvalidStatus) as refused:
        ws(app, path)
    assert refused.value.response.status_code == status
    assert (refused.value.response.body or b"").startswith(body)


def test_websocket_of_a_worker_that_dies_is_told_to_come_again(start, wrappers):
    loader = start(wrappers / "asgi", config=asgi())
    with ws(loader) as client:
        client.send("die")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
    assert closed.value.rcvd.code == 1012


def test_raw_requests_are_parsed_as_ever(app):
    host, port = app.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(
            b"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
        )
        assert parse_answer(client.recv(4096)).status == 400
