# SPDX-License-Identifier: Apache-2.0
"""What clients over HTTP send, take and tell, against a server that does as the test says."""

import email.parser
import email.policy
import json
import re
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from aiges.client import (
    AigesError,
    BadRequest,
    Client,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Unavailable,
    WorkerLost,
)
from answering_server import echo
from certificates import Authority
from free_ports import free_ports

NO_PATH = json.dumps({"header": {"code": 10003, "message": "no such path"}}).encode()


def path_of(sent):
    """The path without the deadline, which stands last."""
    return re.sub(r"[?&]timeout_ms=\d+$", "", sent.path)


def parts_of(sent):
    head = f"Content-Type: {sent.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + sent.body)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


def test_values_go_as_json_and_the_reply_says_what_came(serve, open_client):
    server = serve()
    reply = open_client(server.url).predict(text="grüße", top=3, boxes=[{"x": 1.5}], none=None)
    assert reply.json() == {"text": "grüße", "top": 3, "boxes": [{"x": 1.5}]}
    assert reply.value() == reply.json() and json.loads(reply.text()) == reply.json()
    assert (reply.content_type, reply.request_id, reply.status) == ("application/json", "r1", 200)
    assert reply.bytes == reply.data() and reply.headers["x-request-id"] == "r1"
    (sent,) = server.requests
    assert (sent.method, sent.path.partition("=")[0]) == ("POST", "/predict?timeout_ms")
    assert 0 < int(sent.path.partition("=")[2]) <= 5000
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["host"] == f"127.0.0.1:{server.port}"


def test_files_go_as_a_form(serve, open_client, tmp_path):
    server = serve(lambda handler, sent: handler.say(200, b"ok", Content_Type="text/plain"))
    picture = tmp_path / 'a "cat".png'
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000)
    with open(picture, "rb") as opened:
        reply = open_client(server.url).predict(
            text="ü", top=3, loud=True, picture=picture, raw=b"\r\n--x", opened=opened, tags=["a"]
        )
    assert reply.value() == "ok"
    (sent,) = server.requests
    parts = parts_of(sent)
    assert parts["text"] == (None, "text/plain", "ü".encode())
    assert parts["top"][2] == b"3" and parts["loud"][2] == b"true"
    assert parts["tags"] == (None, "application/json", b'["a"]')
    assert parts["picture"][1:] == ("image/png", picture.read_bytes())
    assert b'filename="a %22cat%22.png"' in sent.body
    assert parts["raw"] == ("raw", "application/octet-stream", b"\r\n--x")
    assert parts["opened"][2] == picture.read_bytes()


def test_connections_are_kept_and_shared_by_threads(serve, open_client):
    server = serve()
    client = open_client(server.url)
    for _ in range(3):
        client.predict(text="x")
    assert len({sent.peer for sent in server.requests}) == 1
    threads = [threading.Thread(target=client.predict, kwargs={"n": i}) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = sorted(json.loads(sent.body)["n"] for sent in server.requests[3:])
    assert got == list(range(20))


def test_a_connection_that_the_server_closed_meanwhile_is_left(serve, open_client):
    closed = threading.Event()

    def answer(handler, sent):
        echo(handler, sent)
        handler.close_connection = True  # Without saying so.
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    server = serve(answer)
    client = open_client(server.url, retries=0)
    for i in range(3):
        closed.clear()
        assert client.predict(n=i).json() == {"n": i}
        assert closed.wait(5)
    assert len(server.requests) == 3


def test_options_of_a_call_go_beside_its_inputs(serve, open_client):
    server = serve()
    client = open_client(server.url, api_key="s3cret")
    named = client.with_options(
        headers={"X-Own": "1"}, params={"size": "a b"}, accept="image/webp", request_id="mine"
    )
    named.predict(text="x", timeout_s="an input")
    client.predict(text="y")
    first, second = server.requests
    assert path_of(first) == "/predict?size=a+b" and path_of(second) == "/predict"
    assert first.headers["accept"] == "image/webp" and first.headers["x-request-id"] == "mine"
    assert first.headers["x-own"] == "1" and "x-own" not in second.headers
    assert first.headers["authorization"] == second.headers["authorization"] == "Bearer s3cret"
    assert json.loads(first.body) == {"text": "x", "timeout_s": "an input"}


def test_the_key_of_the_environment_goes_with_every_call(serve, open_client, monkeypatch):
    monkeypatch.setenv("AIGES_API_KEY", "of-env")
    server = serve()
    open_client(server.url).predict(x=1)
    assert server.requests[0].headers["authorization"] == "Bearer of-env"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "text"),
    [
        (400, {"error": {"code": 10107, "message": "top: no"}}, BadRequest, 10107, "top: no"),
        (422, {"error": {"code": 422, "message": "odd"}}, BadRequest, 422, "odd"),
        (400, {"error": {"code": 10909, "message": "mine"}}, BadRequest, 10909, "mine"),
        (500, {"error": {"code": 10909, "message": "theirs"}}, EngineError, 10909, "theirs"),
        (429, {"header": {"code": 10110, "message": "full"}}, Overloaded, 10110, "full"),
        (503, {"header": {"code": 10109, "message": "died"}}, WorkerLost, 10109, "died"),
        (504, {"header": {"code": 10102, "message": "late"}}, DeadlineExceeded, 10102, "late"),
        (503, "<html>away</html>", Unavailable, 0, "HTTP 503: <html>away</html>"),
        (418, {"detail": "a teapot"}, BadRequest, 0, "a teapot"),
        (500, "", EngineError, 0, "HTTP 500"),
    ],
)
def test_errors_have_code_status_and_the_name_of_the_call(
    serve, open_client, status, body, kind, code, text
):
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    server = serve(lambda handler, sent: handler.say(status, data, X_Request_Id="r7"))
    with pytest.raises(AigesError) as caught:
        open_client(server.url).predict(text="x")
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.text, error.status, error.request_id) == (code, text, status, "r7")
    assert error.host == f"127.0.0.1:{server.port}"
    assert len(server.requests) == 1


def test_a_loader_without_the_path_is_asked_by_its_own(serve, open_client):
    has_predict = []

    def answer(handler, sent):
        if sent.path == "/-/openapi.json":
            handler.say(200, b'{"paths": {"/v1/private/a b": {}, "/v1/raw/a b": {}}}')
        elif sent.path.startswith("/v1/raw/"):
            handler.say(404 if has_predict else 200, NO_PATH if has_predict else b"raw")
        else:
            handler.say(200 if has_predict else 404, b"typed" if has_predict else NO_PATH)

    server = serve(answer)
    client = open_client(server.url)
    assert client.predict(text="hi", top=3).bytes == b"raw"
    assert client.predict(text="hi").bytes == b"raw"
    paths = [path_of(sent) for sent in server.requests]
    assert paths[:3] == ["/predict", "/-/openapi.json", "/v1/raw/a%20b?p.top=3"]
    assert len(paths) == 4
    assert parts_of(server.requests[2]) == {"text": ("text", "text/plain", b"hi")}
    has_predict.append(True)  # As after a reload to an engine with types.
    assert client.predict(text="hi").bytes == b"typed"


@pytest.mark.parametrize("named", ["service", "target"])
def test_a_model_among_others_is_called_by_its_name(serve, open_client, named):
    server = serve()
    if named == "service":
        client = open_client(server.url + "/base", "cat")
    else:
        client = open_client(server.url + "/base/m/cat")
    client.predict(text="x")
    assert path_of(server.requests[0]) == "/base/m/cat/predict"


def test_an_error_of_the_model_with_404_is_none_of_the_path(serve, open_client):
    server = serve(lambda handler, sent: handler.say(404, b'{"error": {"message": "no cat"}}'))
    with pytest.raises(BadRequest, match="no cat"):
        open_client(server.url).predict(text="x")
    assert len(server.requests) == 1


def test_several_outputs_have_names(serve, open_client):
    body = (
        b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: inline; name="a"\r\n\r\none\r\n'
        b'--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; name="b \\"c\\""\r\n\r\n'
        b"\r\n\x89PNG\r\r\n--b--\r\n"
    )
    kind = 'multipart/mixed; boundary="b"'
    server = serve(lambda handler, sent: handler.say(200, body, Content_Type=kind))
    reply = open_client(server.url).predict(text="x")
    assert reply.text("a") == "one" and reply.data('b "c"') == b"\r\n\x89PNG\r"
    assert reply.payloads['b "c"'].content_type == "image/png"
    with pytest.raises(LookupError, match="expected one payload"):
        _ = reply.bytes


def test_nobody_there_is_unavailable_and_never_ran(open_client):
    (port,) = free_ports(1)
    with pytest.raises(Unavailable, match="no connection") as caught:
        open_client(f"http://127.0.0.1:{port}").predict(text="x")
    assert not caught.value.maybe_ran and caught.value.host == f"127.0.0.1:{port}"


@pytest.mark.parametrize("idempotent", [False, True])
def test_what_may_have_run_is_tried_again_only_where_it_may(serve, open_client, idempotent):
    def answer(handler, sent):
        if len(server.requests) == 1:
            handler.close_connection = True  # No word.
        else:
            echo(handler, sent)

    server = serve(answer)
    client = open_client(server.url, idempotent=idempotent)
    if idempotent:
        assert client.predict(n=1).json() == {"n": 1}
    else:
        with pytest.raises(Unavailable, match="connection") as caught:
            client.predict(n=1)
        assert caught.value.maybe_ran
    assert len(server.requests) == 1 + idempotent


def test_the_time_of_a_call_is_its_own(serve, open_client):
    done = threading.Event()
    server = serve(lambda handler, sent: done.wait(20))
    client = open_client(server.url)
    try:
        with pytest.raises(DeadlineExceeded) as caught:
            client.with_options(timeout_s=0.2).predict(text="x")
        assert caught.value.code == 10102
        with pytest.raises(DeadlineExceeded):
            next(client.with_options(timeout_s=0.2).stream(text="x"))
    finally:
        done.set()


def test_a_closed_client_says_so(serve, open_client):
    client = open_client(serve().url)
    client.predict(x=1)
    client.close()
    with pytest.raises(Unavailable, match="the client is closed"):
        client.predict(x=1)


def test_a_socket_of_the_file_system(open_client, tmp_path):
    path = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer():
        peer, _ = listener.accept()
        assert peer.recv(65536).startswith(b"POST /predict?")
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42")
        peer.close()

    thread = threading.Thread(target=answer)
    thread.start()
    assert open_client(f"unix:{path}").predict(x=1).json() == 42
    thread.join()
    listener.close()


def test_tls_by_the_authority_that_is_named(serve, open_client, tmp_path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server").pair)
    server = serve(context=context)
    client = open_client(server.url, ca=str(authority.file))
    assert client.predict(x=1).json() == {"x": 1}
    assert list(client.stream(x=2)) == [{"x": 2}]
    with pytest.raises(Unavailable, match="(?i)certificate") as caught:
        open_client(server.url).predict(x=1)
    assert not caught.value.maybe_ran


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"",
    ],
)
def test_what_is_no_answer_is_unavailable(open_client, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_one():
            peer, _ = listener.accept()
            peer.recv(65536)
            peer.sendall(answer)
            peer.close()

        thread = threading.Thread(target=serve_one)
        thread.start()
        client = open_client(f"http://127.0.0.1:{listener.getsockname()[1]}", retries=0)
        with pytest.raises(Unavailable) as caught:
            client.predict(x=1)
        assert caught.value.maybe_ran
        thread.join()


@pytest.mark.parametrize(
    ("target", "options", "says"),
    [
        ("http://", {}, "expected http://host:port"),
        ("http://a:99999", {}, "Port out of range"),
        ("http://me:word@a:1", {}, "a key goes as api_key="),
        ("http://a:1/?x=1", {}, "expected http://host:port"),
        ("unix:", {}, "expected unix:/path"),
        ("http://a:1", {"ca": "x.pem"}, "expected an address with https://"),
        ("https://a:1", {"cert": "x.pem"}, "expected key beside cert"),
        ("http://a:1", {"api_key": "a\nb"}, "expected visible ASCII"),
        ("http://a:1", {"timeout_s": 0}, "expected timeout_s > 0"),
        ("http://a:1/m/cat", {"service": "dog"}, "expected 'cat'"),
    ],
)
def test_what_cannot_be_a_client_is_said_at_once(open_client, target, options, says):
    with pytest.raises(ValueError, match=says):
        open_client(target, **options)


def test_what_only_grpc_has_is_named():
    with Client("http://127.0.0.1:1") as client:
        for call in (lambda: client.once("x"), client.session, client.endpoints):
            with pytest.raises(NotImplementedError, match="over HTTP there are predict"):
                call()
        with pytest.raises(TypeError, match="the inputs have names"):
            client.stream("x")


def test_no_grpc_is_needed_and_its_want_is_said():
    code = (
        "import sys; sys.modules.update({'grpc': None, 'google': None})\n"
        "from aiges.client import AsyncClient, Client, Reply, Payload\n"
        "Client('http://127.0.0.1:1').close()\n"
        "try: Client('127.0.0.1:1')\n"
        "except ImportError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'aiges-host[client]'" in told.stdout
