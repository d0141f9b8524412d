# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 that two servers could read differently (request smuggling), and bytes without end.

Behind each request lies another one, SECOND. Where the first is refused it must not be answered:
whoever saw another end of the first would see it as a part of that.
"""

import re
import threading
import time

import pytest
from http_client import HttpClient, parse_answer, read_to_end

POST = b"POST /v1/raw/svcName HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LONG = b"a" * 200_000


@pytest.fixture(params=["grpc", "http"])
def web(request, shared):
    return HttpClient({"grpc": shared.grpc, "http": shared.http}[request.param])


def statuses(web, sent):
    """Of the answers to `sent`, up to the end of the connection."""
    with web.socket() as connection:
        # Who is refused early may be told so before all is sent.
        sender = threading.Thread(target=send, args=(connection, sent))
        sender.start()
        answers = read_to_end(connection)
        sender.join()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]


def send(connection, sent):
    try:
        connection.sendall(sent)
    except OSError:
        pass


def is_refused(web, sent, allowed=(400,)):
    found = statuses(web, sent + SECOND)
    return len(found) == 1 and found[0] in allowed


# --- Two ends of a body.


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 6\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: 5;\r\n",
        b"Content-Length: 5.0\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: 18446744073709551621\r\n",
    ],
)
def test_lengths_that_contradict_or_are_none_are_refused(web, fields):
    assert is_refused(web, POST + fields + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\0",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding: chunked;q=1",
        b"Transfer-Encoding: ,chunked",
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: ",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t: chunked",
    ],
)
@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"])
def test_codings_in_disguise_are_refused(web, field, length):
    sent = POST + length + field + b"\r\n\r\n0\r\n\r\n"
    assert is_refused(web, sent, (400, 501))


@pytest.mark.parametrize(
    "fields",
    [
        b"X-A: a\r\n b\r\n",  # obs-fold (RFC 9112, section 5.2).
        b"X-A: a\r\n\tb\r\n",
        b"X-A:\r\n b\r\n",
        b"X-A : a\r\n",
        b"X-A\t: a\r\n",
        b" X-A: a\r\n",
        b": a\r\n",
        b"X(A): a\r\n",
        b"X-A\0: a\r\n",
        b"X-A: a\0b\r\n",
        b"X-A: a\nX-B: b\r\n",
        b"X-A: a\rX-B: b\r\n",
        b"X-A: a\n\r\n",
        b"\n",
    ],
)
def test_fields_that_are_not_read_alike_everywhere_are_refused(web, fields):
    assert is_refused(web, POST + fields + b"Content-Length: 5\r\n\r\n0\r\n\r\n")
    assert is_refused(web, POST + b"Content-Length: 5\r\n" + fields + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"GET\t/healthz\tHTTP/1.1\r\n",
        b"GET  /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1 \r\n",
        b"GET /healthz http/1.1\r\n",
        b"GET /healthz HTTP/1.2\r\n",
        b"GET /healthz HTTP/01.1\r\n",
        b"GET /healthz\r\n",
        b"GET /health\x01z HTTP/1.1\r\n",
        b"GET /health z HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\n",
        b"G(T /healthz HTTP/1.1\r\n",
    ],
)
def test_request_lines_that_are_none_are_refused(web, line):
    assert is_refused(web, line + b"Host: x\r\n\r\n", (400, 505))


# --- Chunks.


@pytest.mark.parametrize(
    "body",
    [
        b"5 \r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"\r\nhello\r\n",
        b"g\r\nhello\r\n",
        b"10000000000000005\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\rhello\r\n",
        b"5\r\nhello\n",
        b"5\r\nhelloXX",
        b"4\r\nhello\r\n",
        b"6\r\nhello\r\n",
        b"5;a\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;a=\0\r\nhello\r\n",
        b"5;\r\nhello\r\n",
        b"5;=b\r\nhello\r\n",
    ],
)
def test_chunks_that_are_none_are_refused(web, body):
    assert is_refused(web, CHUNKED + body + b"0\r\n\r\n")


@pytest.mark.parametrize(
    "end",
    [b"0\n\n", b"0\r\n\n", b"0\r\nX A\r\n\r\n", b"0\r\nX-A: b\n\r\n", b"0\r\nX-A : b\r\n\r\n"],
)
def test_ends_of_a_chunked_body_that_are_none_are_refused(web, end):
    assert is_refused(web, CHUNKED + b"5\r\nhello\r\n" + end)


@pytest.mark.parametrize("field", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
def test_trailer_that_speaks_of_the_body_changes_nothing(web, field):
    """It comes too late for that (RFC 9110, section 6.5.1): refused, or passed over."""
    sent = CHUNKED + b"5\r\nhello\r\n0\r\n" + field + b"\r\n\r\n" + SECOND
    assert statuses(web, sent) in ([400], [200, 200])


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"000005\r\nhello\r\n000\r\n\r\n",
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"5;a\r\nhello\r\n0;b=c\r\n\r\n",
        b'5 ; a = "b;c" ;d\r\nhello\r\n0\r\n\r\n',
        b"5\r\nhello\r\n0\r\nX-A: b\r\nX-C:\r\n\r\n",
    ],
)
def test_extensions_and_trailers_are_read_and_not_heeded(web, body):
    sent = POST + b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n" + body
    assert parse_answer(web.exchange(sent)).body == b"hello"
    assert statuses(web, CHUNKED + body + SECOND) == [200, 200]


@pytest.mark.parametrize(
    "trailer",
    [
        b"Accept: text/event-stream",
        b"Content-Type: application/json",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Connection: close",
        b"Host: y",
        b"Expect: 100-continue",
    ],
)
def test_trailers_are_no_fields_of_the_head(web, trailer):
    """What a proxy has checked or taken away in the head must not come in by the end."""
    with web.socket() as connection:
        connection.sendall(CHUNKED + b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n" + SECOND)
        answers = read_to_end(connection)
    first, second = re.findall(rb"HTTP/1\.1 200 OK\r\n.*?\r\n\r\n([a-z]+)", answers, re.DOTALL)
    assert (first, second) == (b"hello", b"ok")


def test_body_of_a_get_is_not_the_next_request(web):
    get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    body = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = get + b"Content-Length: %d\r\n\r\n" % len(body) + body + SECOND
    assert statuses(web, sent) == [200, 200]
    sent = get + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    assert statuses(web, sent + SECOND) == [200, 200]


# --- Without end.


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + b"5;a=" + LONG + b"\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0" * 200_000 + b"5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\nX-A: " + LONG + b"\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n" + LONG + b": b\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X-A: b\r\n" * 50_000 + b"\r\n",
        CHUNKED + b"5\r\nhello\r\n0;a=" + LONG + b"\r\n\r\n",
        POST + b"X-A: " + LONG + b"\r\nContent-Length: 5\r\n\r\nhello",
        POST + b"X-A: b\r\n" * 50_000 + b"Content-Length: 5\r\n\r\nhello",
        b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=[
        "extension",
        "chunk-size",
        "trailer",
        "trailer-name",
        "trailers",
        "last-extension",
        "field",
        "fields",
        "target",
    ],
)
def test_long_lines_and_fields_without_number_are_refused(web, shared, sent):
    """A trailer of more than 64 KiB was the end of the loader."""
    assert is_refused(web, sent, (400, 414, 431))
    assert shared.process.poll() is None
    assert statuses(web, SECOND) == [200]


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X-A: b\r\n"),
        (CHUNKED + b"5;", b"a"),
        (CHUNKED, b"1;a=b\r\nx\r\n"),
        (CHUNKED, b"0"),
        (POST, b"X-A: b\r\n"),
        (b"G", b"E"),
    ],
    ids=["trailers", "extension", "chunks", "chunk-size", "fields", "method"],
)
def test_slow_bytes_do_not_hold_a_connection(slow, begin, drip):
    with slow.web.socket() as connection:
        connection.sendall(begin)
        answers = []
        reader = threading.Thread(target=lambda: answers.append(read_to_end(connection)))
        reader.start()
        end = time.monotonic() + 20
        while reader.is_alive() and time.monotonic() < end:
            send(connection, drip)
            reader.join(0.05)
        assert not reader.is_alive(), "still open after 20 s"
    assert parse_answer(answers[0]).status in (400, 408)


@pytest.fixture(scope="module")
def slow(binaries, tmp_path_factory, toolbox):
    from loader_process import Loader

    config = {"limits": {"read_timeout_ms": 500, "idle_timeout_ms": 500}}
    with Loader(binaries, tmp_path_factory.mktemp("slow"), toolbox, config=config) as loader:
        yield loader
