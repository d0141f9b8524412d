# SPDX-License-Identifier: Apache-2.0
"""[admin] listen: a port of its own for pages and admin. And sockets in the file system."""

import http.client
import os
import re
import socket
import stat
from pathlib import Path

import grpc
import pytest
from command import Command
from grpc_health.v1 import health_pb2, health_pb2_grpc
from http_client import HttpClient, parse_answer, read_to_end

RAW = "/v1/raw/svcName"
PAGES = ["/healthz", "/readyz", "/metrics", "/-/status", "/-/healthz", "/", "/docs"]


@pytest.fixture
def loader(start, toolbox):
    loader = start(toolbox, config={"admin": {"listen": "127.0.0.1:0"}})
    line = next(line for line in loader.lines if " listening " in line)
    loader.admin = re.search(r" admin=(\S+)$", line)[1]
    return loader


def test_pages_are_there_alone(loader):
    admin = HttpClient(loader.admin)
    for path in PAGES:
        assert admin.get(path).status == 200, path
        for address in (loader.grpc, loader.http):
            answer = HttpClient(address).get(path)
            assert answer.status == 404
            assert f"pages and admin are at {loader.admin} ([admin] listen)" in answer.message


def test_calls_are_everywhere_else(loader):
    admin = HttpClient(loader.admin)
    answer = admin.raw_mode(b"x")
    assert answer.status == 404
    assert "calls are on other ports than [admin] listen" in answer.message
    assert admin.request("POST", "/no/such", b"x").status == 404
    assert loader.web.raw_mode(b"x").body == b"x"
    assert loader.xsf.do("echo", b"x").data("data") == b"x"


def test_reload_is_asked_for_there(loader):
    assert loader.web.request("POST", "/admin/reload", b"").status == 404
    admin = HttpClient(loader.admin)
    assert admin.request("POST", "/-/admin/reload", b"").json == {"reloaded": True}


def test_probes_of_grpc_may_ask_there(loader):
    with grpc.insecure_channel(loader.admin) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


# --- Sockets in the file system.


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def ask(path, method="POST", target=RAW, body=b"hi"):
    connection = UnixConnection(path)
    try:
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path):
    short = Path("/tmp") / f"aiges-test-{os.getpid()}.sock"  # unix(7): 108 bytes.
    short.unlink(missing_ok=True)
    yield short
    short.unlink(missing_ok=True)


def unix(start, toolbox, path, **more):
    return start(toolbox, config={"wrapper": {"http_listen": f"unix:{path}"}, **more})


def test_http_and_grpc_by_a_socket(start, toolbox, path):
    loader = unix(start, toolbox, path)
    assert loader.http == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert ask(path) == (200, b"hi")
    with grpc.insecure_channel(f"unix:{path}") as channel:
        request = loader.xsf.request(loader.xsf.input(loader.xsf.payload("data", b"hello")))
        answer = channel.unary_unary("/utils.XsfCall/call")(request.SerializeToString(), timeout=20)
        assert b"hello" in answer
    loader.terminate()
    assert loader.wait_exit() == 0
    assert not path.exists()


def test_socket_of_a_loader_that_was_killed_is_taken_over(start, toolbox, path):
    unix(start, toolbox, path).process.kill()
    assert path.exists()
    loader = unix(start, toolbox, path)
    assert ask(path) == (200, b"hi")
    loader.terminate()
    assert loader.wait_exit() == 0
    assert not path.exists()


def test_socket_that_somebody_serves_is_left_alone(start, toolbox, binaries, path, tmp_path):
    unix(start, toolbox, path)
    config = {"wrapper": {"http_listen": f"unix:{path}"}}
    ended = Command(binaries, tmp_path / "second", config=config).serve()
    assert ended.code == 1
    assert f"cannot listen on unix:{path} for HTTP (http_listen): Address already in use" in (
        ended.err
    )
    assert ask(path) == (200, b"hi")


def test_file_that_is_no_socket_is_left_alone(binaries, path, tmp_path):
    path.write_text("mine", encoding="ascii")
    config = {"wrapper": {"http_listen": f"unix:{path}"}}
    ended = Command(binaries, tmp_path / "loader", config=config).serve()
    assert ended.code == 1
    assert "the file is there, and is no socket" in ended.err
    assert path.read_text(encoding="ascii") == "mine"


def test_pages_by_a_socket(start, toolbox, path):
    loader = start(toolbox, config={"admin": {"listen": f"unix:{path}"}})
    assert ask(path, "GET", "/healthz", None) == (200, b"ok\n")
    assert loader.web.get("/healthz").status == 404


def test_socket_may_speak_tls_too(start, toolbox, path, tmp_path):
    from certificates import Authority

    server = Authority(tmp_path / "ca").issue("server")
    tls = {"cert": str(server.cert), "key": str(server.key)}
    unix(start, toolbox, path, tls=tls)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert parse_answer(read_to_end(client)).status == 400
