# SPDX-License-Identifier: Apache-2.0
"""[tls]: every port speaks TLS, and nothing else unless it is listed."""

import asyncio
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, closing

import grpc
import pytest
from certificates import Authority, tls
from command import Command
from free_ports import free_ports
from h2_client import PREFACE
from http_client import parse_answer, read_to_end
from test_access import WHO
from waiting import wait_until
from xsf_client import UNLIMITED, Answer

RAW = "/v1/raw/svcName"
CALL = "/utils.XsfCall/call"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


@pytest.fixture
def loader(start, toolbox, server):
    return start(toolbox, config={"tls": tls(server)})


@pytest.fixture
def mutual(start, toolbox, server, authority):
    return start(toolbox, config={"tls": tls(server, client_ca=str(authority.file))})


def ports(loader):
    return {"grpc": loader.grpc, "http": loader.http}


def context(authority, client=None):
    made = ssl.create_default_context(cafile=authority.file)
    if client is not None:
        made.load_cert_chain(*client.pair)
    return made


def secure(address, authority, client=None, protocols=None):
    """A TLS connection, its handshake done."""
    made = context(authority, client)
    if protocols:
        made.set_alpn_protocols(protocols)
    host, _, port = address.rpartition(":")
    raw = socket.create_connection((host, int(port)), timeout=15)
    try:
        return made.wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise


def ask(address, authority, body=b"hi", client=None, path=RAW):
    host, _, port = address.rpartition(":")
    made = context(authority, client)
    connection = http.client.HTTPSConnection(host, int(port), timeout=20, context=made)
    with closing(connection):
        connection.request("POST" if body is not None else "GET", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def plain(address, sent=b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=15) as client:
        client.sendall(sent)
        return read_to_end(client)


def call(loader, address, authority, client=None):
    credentials = grpc.ssl_channel_credentials(
        authority.file.read_bytes(),
        client.key.read_bytes() if client else None,
        client.cert.read_bytes() if client else None,
    )
    inner = loader.xsf.input(loader.xsf.payload("data", b"hello"))
    with grpc.secure_channel(address, credentials, options=UNLIMITED) as channel:
        from xsf_pb2 import ResData

        answered = channel.unary_unary(CALL, response_deserializer=ResData.FromString)
        return Answer(answered(loader.xsf.request(inner).SerializeToString(), timeout=20))


def s_client(address, authority, *options):
    command = ["openssl", "s_client", "-connect", address, "-CAfile", authority.file, "-brief"]
    return subprocess.run(
        [*command, *options], input="", capture_output=True, text=True, timeout=20, check=False
    )


# --- Every protocol, on every port.


@pytest.mark.parametrize("size", [2, 100_000, 3_000_000])
def test_http_by_tls(loader, authority, size):
    body = bytes(range(250)) * (size // 250 + 1)
    for address in ports(loader).values():
        assert ask(address, authority, body) == (200, body)


def test_grpc_by_tls(loader, authority):
    for address in ports(loader).values():
        assert call(loader, address, authority).data("data") == b"hello"


@pytest.mark.parametrize(("flag", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_gets_the_protocol_that_it_asks_for(loader, authority, flag, version):
    command = ["curl", "-sS", flag, "--cacert", authority.file, "-w", "\n%{http_version}"]
    url = f"https://{loader.http}/healthz"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    assert done.stdout == f"ok\n\n{version}"


def test_websocket_by_tls(loader, authority):
    # Not the blocking client: two threads of it use one TLS object, and it may send nothing at all.
    from websockets.asyncio.client import connect

    async def ask():
        url = f"wss://{loader.http}/v1/private/svcName"
        async with connect(url, ssl=context(authority), open_timeout=20) as ws:
            envelope = {"header": {"status": 3}, "payload": {"data": {"text": "aGk="}}}
            await ws.send(json.dumps(envelope))
            return json.loads(await asyncio.wait_for(ws.recv(), 20))

    assert asyncio.run(ask())["header"]["code"] == 0


def test_many_requests_of_one_connection(loader, authority):
    with secure(loader.http, authority) as client:
        request = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" % RAW.encode()
        client.sendall(request * 50)
        got = b""
        while got.count(b"hello") < 50:
            got += client.recv(65536)
        assert got.count(b"HTTP/1.1 200 OK") == 50


def test_client_that_leaves_ends_its_call(loader, authority, tmp_path):
    client = secure(loader.http, authority)
    path = f"{RAW}?p.do=gate&p.gate={tmp_path / 'gate'}".encode()
    client.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" % path)

    def in_flight():
        text = ask(loader.http, authority, None, path="/metrics")[1].decode()
        return next(line for line in text.splitlines() if line.startswith("aiges_in_flight"))

    wait_until(lambda: in_flight().endswith(" 1"), "the call")
    client.close()
    (tmp_path / "gate").touch()
    wait_until(lambda: in_flight().endswith(" 0"), "its end")


def test_drain_says_goodbye(loader, authority):
    with secure(loader.http, authority) as client:
        loader.terminate()
        assert client.recv(100) == b""
    assert loader.wait_exit() == 0


# --- Nothing but TLS.


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        PREFACE + b"\0\0\0\4\0\0\0\0\0",
        b"P",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x80\x2e\x01\x03\x01",
        b"\x00",
    ],
)
def test_plain_text_is_told_that_the_port_speaks_tls(loader, sent):
    for address in ports(loader).values():
        answer = parse_answer(plain(address, sent))
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.message == "this port speaks TLS only: expected https://"


def test_listed_ports_take_plain_text_too(start, toolbox, server, authority):
    port = free_ports(1)[0]
    config = {
        "tls": tls(server, plain=[str(port)]),
        "wrapper": {"http_listen": f"127.0.0.1:{port}"},
    }
    loader = start(toolbox, config=config)
    assert loader.web.raw_mode(b"x").body == b"x"
    assert ask(loader.http, authority) == (200, b"hi")
    assert parse_answer(plain(loader.grpc)).status == 400


def test_broken_handshakes_cost_their_connection_only(loader, authority):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for rest in (b"", b"\x00" * 2000, b"\xff" * 100_000):
        host, _, port = loader.http.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=15) as client:
            try:
                client.sendall(hello + rest)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert not read_to_end(client).startswith(b"HTTP")
    assert ask(loader.http, authority) == (200, b"hi")


def test_handshakes_have_their_time(start, toolbox, server, authority):
    config = {"tls": tls(server), "limits": {"read_timeout_ms": 500, "idle_timeout_ms": 60_000}}
    loader = start(toolbox, config=config)
    begin = time.monotonic()
    assert plain(loader.http, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") == b""
    assert time.monotonic() - begin > 0.4
    assert ask(loader.http, authority) == (200, b"hi")


def test_half_handshakes_do_not_keep_others_out(loader, authority):
    host, _, port = loader.http.rpartition(":")
    with ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=15))
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert ask(loader.http, authority) == (200, b"hi")


# --- Versions, ciphers, protocols.


@pytest.mark.parametrize(
    ("least", "flag", "good"),
    [
        ("1.2", "-tls1_1", False),
        ("1.2", "-tls1_2", True),
        ("1.2", "-tls1_3", True),
        ("1.3", "-tls1_2", False),
        ("1.3", "-tls1_3", True),
    ],
)
def test_versions(start, toolbox, server, authority, least, flag, good):
    loader = start(toolbox, config={"tls": tls(server, min_version=least)})
    done = s_client(loader.http, authority, flag, "-cipher", "ALL:@SECLEVEL=0")
    assert (done.returncode == 0) == good, done.stderr
    if good:
        assert "Verification: OK" in done.stderr


@pytest.mark.parametrize(
    ("cipher", "good"),
    [("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES128-SHA", False)],
)
def test_ciphers_of_1_2_are_those_of_http2(loader, authority, cipher, good):
    done = s_client(loader.http, authority, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert (done.returncode == 0) == good, done.stderr


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1")],
)
def test_protocol_is_agreed_on(loader, authority, offered, chosen):
    with secure(loader.http, authority, protocols=offered) as client:
        assert client.selected_alpn_protocol() == chosen


def test_other_protocols_are_refused(loader, authority):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        secure(loader.http, authority, protocols=["smtp"])


def test_sessions_resume(loader, authority):
    session = loader.folder / "session"
    first = s_client(loader.http, authority, "-tls1_2", "-sess_out", str(session))
    assert first.returncode == 0, first.stderr
    command = ["openssl", "s_client", "-connect", loader.http, "-tls1_2", "-sess_in", str(session)]
    again = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert "Reused, TLSv1.2" in again.stdout


# --- Certificates of clients.


def test_client_with_a_certificate_is_served(mutual, authority):
    client = authority.issue("client one")
    assert ask(mutual.http, authority, client=client) == (200, b"hi")
    assert call(mutual, mutual.grpc, authority, client).data("data") == b"hello"


def test_the_wrapper_is_told_whose_certificate_it_is(start, server, authority):
    loader = start(WHO, config={"tls": tls(server, client_ca=str(authority.file))})
    client = authority.issue("client one")
    assert ask(loader.http, authority, client=client) == (200, b"client one")


def test_clients_without_one_get_nothing(mutual, authority, tmp_path):
    stranger = Authority(tmp_path / "other", "another authority").issue("stranger")
    for client in (None, stranger):
        for address in ports(mutual).values():
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(address, authority, client=client)
            with pytest.raises(grpc.RpcError):
                call(mutual, address, authority, client)
    mutual.wait_log("no TLS with 127.0.0.1:")
    for address in ports(mutual).values():
        assert parse_answer(plain(address)).status == 400


# --- Files that change.


def peer_certificate(address, authority):
    with secure(address, authority) as client:
        return client.getpeercert()["subject"][0][0][1]


def test_changed_files_are_for_new_connections(start, toolbox, authority, tmp_path):
    first, second = authority.issue("first"), authority.issue("second")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(first.cert, cert)
    shutil.copy(first.key, key)
    loader = start(toolbox, config={"tls": {"cert": str(cert), "key": str(key)}})
    with secure(loader.http, authority) as old:
        cert.write_text("no certificate", encoding="ascii")
        loader.wait_log("the old ones stay in use: [tls] cert = ")
        assert peer_certificate(loader.http, authority) == "first"
        shutil.copy(second.key, key)
        shutil.copy(second.cert, cert)
        wait_until(lambda: peer_certificate(loader.http, authority) == "second", "the new one")
        old.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert old.recv(1000).startswith(b"HTTP/1.1 200 OK")
    loader.wait_log("new connections get the new ones")


# --- Mistakes.


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"cert": "server.pem"}, "[tls] key: expected a file beside [tls] cert, got none"),
        ({"client_ca": "ca.pem"}, "[tls] client_ca: expected [tls] cert and key with it, got none"),
        ({"certs": "x"}, "did you mean cert"),
        ({"min_version": "1.1"}, 'expected one of 1.2, 1.3; got "1.1"'),
        ({"plain": ["here"]}, 'or "unix:/path", got "here"'),
        ({"cert": "no.pem", "key": "no.key"}, "[tls] cert = no.pem: No such file or directory"),
        ({"cert": "aiges.toml", "key": "aiges.toml"}, "[tls] cert = aiges.toml: "),
    ],
)
def test_mistakes_stop_the_start(binaries, tmp_path, config, text):
    ended = Command(binaries, tmp_path / "loader", config={"tls": config}).serve()
    assert ended.code in (1, 2)
    assert text in ended.err


def test_key_of_another_certificate_stops_the_start(binaries, tmp_path, authority, server):
    other = authority.issue("other")
    config = {"tls": {"cert": str(server.cert), "key": str(other.key)}}
    ended = Command(binaries, tmp_path / "loader", config=config).serve()
    assert ended.code == 1
    assert f"[tls] key = {other.key}: " in ended.err
