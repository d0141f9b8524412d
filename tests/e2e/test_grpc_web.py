# SPDX-License-Identifier: Apache-2.0
"""gRPC-Web, byte by byte: both forms, over HTTP/1.1 and HTTP/2, calls and server streams."""

import base64
import struct
import time

import pytest
from h2_client import CALL, H2Client, message
from test_http_events import TOKENS

WEB, TEXT = "application/grpc-web+proto", "application/grpc-web-text"
RUN = "/aiges.v1.Stream/Run"
PAGE = {"origin": "https://page.example"}


def frames(body):
    """[(flag, data)] of a whole body."""
    found = []
    while body:
        flag, size = struct.unpack_from(">BI", body)
        assert len(body) >= 5 + size
        found.append((flag, body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def from_text(text):
    """Of base64 in which padding may stand anywhere between groups."""
    assert len(text) % 4 == 0
    return b"".join(base64.b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


class Answer:
    """An answer taken apart: messages, and the trailers of the last frame."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        kind = headers.get("content-type", "")
        if not kind.startswith("application/grpc-web"):
            return
        *messages, (flag, trailers) = frames(from_text(body) if kind.startswith(TEXT) else body)
        assert flag == 0x80
        assert trailers.endswith(b"\r\n")
        self.messages = [data for flag, data in messages if flag == 0]
        assert len(self.messages) == len(messages)
        self.trailers = dict(
            line.split(": ", 1) for line in trailers.decode().removesuffix("\r\n").split("\r\n")
        )
        self.grpc_status = int(self.trailers["grpc-status"])


def ask_http1(loader, path, body, headers):
    answer = loader.web.request("POST", path, body, headers)
    return Answer(answer.status, answer.headers, answer.body)


def ask_http2(loader, path, body, headers):
    with H2Client(loader.grpc) as client:
        stream = client.ask(body, path=path, headers=headers)
        assert stream.trailers is None
        return Answer(stream.status, stream.headers, stream.body)


@pytest.fixture(params=[ask_http1, ask_http2], ids=["http1", "http2"])
def ask(request):
    def send(loader, path, body, kind=WEB, **headers):
        if isinstance(body, str):
            body = body.encode()
        elif kind.startswith(TEXT):
            body = base64.b64encode(body)
        return request.param(loader, path, body, {"content-type": kind, **headers})

    return send


def echo(xsf, data=b"web"):
    inner = xsf.input(xsf.payload("data", data), params={"do": "echo"})
    return message(xsf.request(inner, param={"SeqNo": "1"}).SerializeToString())


@pytest.mark.parametrize("kind", [WEB, "application/grpc-web", TEXT, TEXT + "+proto"])
def test_a_call_is_answered_with_its_trailers_in_the_body(shared, ask, kind):
    answer = ask(shared, CALL, echo(shared.xsf), kind)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert (answer.grpc_status, len(answer.messages)) == (0, 1)
    assert b"web" in answer.messages[0]
    assert "grpc-status" not in answer.headers
    assert "trailer" not in answer.headers


@pytest.mark.parametrize("kind", [WEB, TEXT])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, 70_000, 3_000_000])
def test_data_of_any_length_come_back(shared, ask, kind, size):
    data = bytes(range(256)) * (size // 256 + 1)
    answer = ask(shared, CALL, echo(shared.xsf, data[:size]), kind)
    assert answer.grpc_status == 0
    assert data[:size] in answer.messages[0]


@pytest.mark.parametrize("kind", [WEB, TEXT])
def test_a_server_stream_comes_message_by_message(start, ask, kind):
    loader = start(TOKENS)
    xsf = loader.xsf
    inner = xsf.input(xsf.payload("text", b"x", status="3"), params={"n": "3"}, state=0)
    answer = ask(loader, RUN, message(inner.SerializeToString()), kind)
    assert answer.grpc_status == 0
    sent = b"".join(answer.messages)  # What is made at once may be one message.
    assert 0 < sent.index(b"t0\n") < sent.index(b"t1\n") < sent.index(b"t2\n")


def test_messages_come_when_they_are_made(start):
    loader = start(TOKENS)
    xsf = loader.xsf
    inner = xsf.input(
        xsf.payload("text", b"x", status="3"), params={"n": "2", "pause": "1"}, state=0
    )
    connection = loader.web.connect()
    body = base64.b64encode(message(inner.SerializeToString()))
    connection.request("POST", RUN, body, {"content-type": TEXT})
    answer = connection.getresponse()
    text = b""
    while b"t0\n" not in from_text(text[: len(text) // 4 * 4]):
        text += answer.read1(1000)
    assert b"t1\n" not in from_text(text[: len(text) // 4 * 4])
    text += answer.read()
    assert b"t1\n" in from_text(text)
    connection.close()


def test_text_may_be_cut_and_padded_anywhere(shared, ask):
    body = echo(shared.xsf)
    cuts = [0, 1, 2, 3, 5, 6, 20, len(body)]
    pieces = [body[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    answer = ask(shared, CALL, b"".join(map(base64.b64encode, pieces)).decode(), TEXT)
    assert (answer.grpc_status, len(answer.messages)) == (0, 1)


def test_text_in_pieces_of_one_byte(shared):
    with H2Client(shared.grpc) as client:
        stream = client.begin(CALL, headers={"content-type": TEXT})
        for byte in base64.b64encode(echo(shared.xsf)):
            client.send(stream, bytes([byte]))
        client.send(stream, b"", end=True)
        client.wait(stream)
        assert Answer(stream.status, stream.headers, stream.body).grpc_status == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("****", "no base64"),
        ("AAA\n", "no base64"),
        ("A===", "no base64"),
        ("AAAAA", "in the middle of four characters"),
        ("", "expected one request message, got none"),
        ("AAAAAAU=", "in the middle of a message"),
    ],
)
def test_a_body_that_is_none_is_refused_in_its_words(shared, ask, text, said):
    answer = ask(shared, CALL, text, TEXT)
    assert (answer.status, answer.grpc_status) == (200, 13)
    assert said in answer.trailers["grpc-message"]


def test_refusals_are_frames_too(shared, ask):
    answer = ask(shared, "/utils.XsfCall/nothing", echo(shared.xsf))
    assert (answer.grpc_status, answer.messages) == (12, [])
    assert "no method" in answer.trailers["grpc-message"]
    answer = ask(shared, "/no.Service/call", echo(shared.xsf), TEXT)
    assert answer.grpc_status == 12
    answer = ask(shared, CALL, message(b"\xff\xff"))
    assert answer.grpc_status == 3
    assert ask(shared, CALL, echo(shared.xsf), "application/grpc-webx").status in (404, 415)


def test_the_deadline_is_that_of_grpc(start, toolbox, ask):
    loader = start(toolbox)
    xsf = loader.xsf
    inner = xsf.input(xsf.payload("data", b""), params={"do": "sleep", "ms": "2000"})
    body = message(xsf.request(inner, param={"SeqNo": "1"}, wait_ms="20000").SerializeToString())
    began = time.monotonic()
    answer = ask(loader, CALL, body, **{"grpc-timeout": "200m"})
    assert time.monotonic() - began < 10
    assert answer.grpc_status in (0, 4)


def test_a_page_of_another_origin_may_call_and_read(shared, ask):
    answer = ask(shared, CALL, echo(shared.xsf), **PAGE, **{"x-request-id": "web-1"})
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"grpc-status", "grpc-message", "grpc-status-details-bin"} <= set(exposed)
    assert answer.headers["x-request-id"] == "web-1"
    asked = {
        **PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-grpc-web,x-user-agent",
    }
    answer = shared.web.request("OPTIONS", CALL, None, asked)
    assert (answer.status, answer.headers["access-control-allow-methods"]) == (204, "POST")
    assert answer.headers["access-control-allow-headers"] == asked["access-control-request-headers"]


def test_a_page_of_no_named_origin_may_not(start, toolbox, ask):
    loader = start(toolbox, config={"http": {"cors_origins": ["https://page.example"]}})
    for origin, allowed in ((PAGE["origin"], PAGE["origin"]), ("https://other.example", None)):
        answer = ask(loader, CALL, echo(loader.xsf), origin=origin)
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert answer.headers["vary"] == "Origin"
        asked = {"origin": origin, "access-control-request-method": "POST"}
        options = loader.web.request("OPTIONS", CALL, None, asked)
        assert options.headers.get("access-control-allow-origin") == allowed


def test_a_page_that_leaves_ends_its_call(start, toolbox):
    loader = start(toolbox)
    xsf = loader.xsf
    inner = xsf.input(xsf.payload("data", b""), params={"do": "sleep", "ms": "1000"})
    body = message(xsf.request(inner, param={"SeqNo": "1"}, wait_ms="20000").SerializeToString())
    connection = loader.web.connect()
    connection.request("POST", CALL, body, {"content-type": WEB})
    loader.wait_metric("aiges_in_flight", 1)
    connection.close()
    loader.wait_metric("aiges_results_dropped_total", 1)
