# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 itself: connections, bodies, limits, and bytes that are no HTTP."""

import socket
import threading
import time

import pytest
from http_client import parse_answer, read_answer, read_to_end

POST = b"POST /v1/raw/svcName HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


@pytest.fixture
def small(start, toolbox):
    """Limits low enough to be met in a test."""
    limits = {"max_message_bytes": 10_000, "read_timeout_ms": 400, "idle_timeout_ms": 400}
    return start(toolbox, config={"limits": limits})


def post(body, *headers):
    head = POST + b"".join(header + b"\r\n" for header in headers)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def slow(body):
    return post(body).replace(b"svcName ", b"svcName?p.do=sleep&p.ms=300 ")


def closing(answer, status):
    """An answer after which the server closes."""
    parsed = parse_answer(answer)
    assert parsed.status == status, answer
    assert parsed.headers["connection"] == "close"
    assert parsed.headers["content-type"] == "application/json"
    assert parsed.code == status
    return parsed.message


def test_connection_is_kept_for_many_requests(web):
    connection = web.connect()
    for i in range(20):
        answer = web.request("POST", "/v1/raw/svcName", b"%d" % i, connection=connection)
        assert answer.body == b"%d" % i
    connection.close()


def test_connection_is_kept_after_an_error(web):
    connection = web.connect()
    first = web.request("POST", "/v1/private/svcName", b"no json", connection=connection)
    assert first.status == 400
    second = web.request("POST", "/v1/raw/svcName", b"fine", connection=connection)
    assert second.body == b"fine"
    connection.close()


def test_connection_close_is_honoured(web):
    answer = parse_answer(web.exchange(post(b"bye", b"Connection: close")))
    assert (answer.status, answer.body) == (200, b"bye")
    assert answer.headers["connection"] == "close"


def test_http_1_0_client_is_answered_and_closed(web):
    answer = web.exchange(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert parse_answer(answer).body == b"ok\n"


def test_absolute_target_is_accepted(web):
    """RFC 9112 3.2.2: what clients send when they take the server for a proxy."""
    target = b"http://%s/healthz" % web.address.encode()
    answer = web.exchange(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert parse_answer(answer).body == b"ok\n"


def test_large_request_pipelined_behind_a_slow_one_is_served(web):
    body = b"y" * 3_000_000
    with web.socket() as client, client.makefile("rb") as stream:
        sender = threading.Thread(
            target=client.sendall, args=(slow(b"slow") + post(body) + slow(b"slow"),)
        )
        sender.start()
        assert [read_answer(stream).body for _ in range(3)] == [b"slow", body, b"slow"]
        sender.join()


def test_pipelined_requests_are_answered_in_order(web):
    with web.socket() as client, client.makefile("rb") as stream:
        client.sendall(b"".join(post(b"n%d" % i) for i in range(50)))
        assert [read_answer(stream).body for _ in range(50)] == [b"n%d" % i for i in range(50)]


def test_pipelined_request_behind_a_slow_one_waits_for_it(web):
    with web.socket() as client, client.makefile("rb") as stream:
        client.sendall(slow(b"slow") + post(b"quick"))
        assert [read_answer(stream).body for _ in range(2)] == [b"slow", b"quick"]


def test_requests_that_come_during_answers_get_their_own(web):
    """Each arrives while the one before it runs; the third once got the answer of the second."""
    with web.socket() as client, client.makefile("rb") as stream:
        answers = []
        client.sendall(slow(b"first-1"))
        for later in (b"secnd-2", b"third-3", b"forth-4"):
            time.sleep(0.1)
            client.sendall(slow(later))
            answers.append(read_answer(stream).body)
        answers.append(read_answer(stream).body)
        assert answers == [b"first-1", b"secnd-2", b"third-3", b"forth-4"]


@pytest.mark.parametrize("cut", [1, 50, 100, 30_000])
def test_part_of_a_request_that_comes_during_an_answer_is_kept(web, cut):
    body = bytes(range(256)) * 300
    with web.socket() as client, client.makefile("rb") as stream:
        for _ in range(3):
            whole = post(body)
            client.sendall(slow(b"before"))
            time.sleep(0.1)
            client.sendall(whole[:cut])
            assert read_answer(stream).body == b"before"
            for begin in range(cut, len(whole), 16384):
                client.sendall(whole[begin : begin + 16384])
            assert read_answer(stream).body == body


def test_client_that_reads_nothing_is_closed(small):
    with small.web.socket() as client:
        client.settimeout(20)
        with pytest.raises(ConnectionError):
            while True:  # Answers of /metrics fill what the system holds, and then nobody takes.
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
                time.sleep(0.01)
    assert small.web.get("/healthz").status == 200


def test_clients_that_do_not_read_their_continue_hold_nobody(web):
    ask = b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n" * 1000
    clients = []
    try:
        for _ in range(25):
            clients.append(web.socket())
            clients[-1].setblocking(False)
            try:
                for _ in range(100):
                    clients[-1].send(ask)
            except BlockingIOError:
                pass
            assert web.get("/healthz").body == b"ok\n"
    finally:
        for client in clients:
            client.close()


def test_chunked_body_is_put_together(web):
    body = b"5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"
    sent = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    assert parse_answer(web.exchange(sent)).body == b"hello world"


def test_large_chunked_body_is_put_together(web):
    pieces = [b"%d" % (i % 10) * 70_000 for i in range(8)]
    answer = web.request("POST", "/v1/raw/svcName", iter(pieces), encode_chunked=True)
    assert answer.body == b"".join(pieces)


def test_body_may_come_byte_by_byte(web):
    with web.socket() as client:
        for byte in post(b"slowly", b"Connection: close"):
            client.sendall(bytes([byte]))
        assert parse_answer(read_to_end(client)).body == b"slowly"


def test_head_has_the_headers_of_get_and_no_body(web):
    with web.socket() as client:
        client.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = parse_answer(read_to_end(client))
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "3", b"")


def test_expect_100_continue_is_told_to_go_on(web):
    with web.socket() as client, client.makefile("rb") as stream:
        head, _, body = post(b"body", b"Expect: 100-continue").partition(b"\r\n\r\n")
        client.sendall(head + b"\r\n\r\n")
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        client.sendall(body)
        assert read_answer(stream).body == b"body"


def test_expect_100_continue_of_too_much_is_413_before_the_body(web):
    with web.socket() as client:
        client.sendall(POST + b"Content-Length: 5000000000\r\nExpect: 100-continue\r\n\r\n")
        assert "max_message_bytes" in closing(read_to_end(client), 413)


def test_5_gb_content_length_is_413_at_once(web):
    begin = time.monotonic()
    message = closing(web.exchange(POST + b"Content-Length: 5000000000\r\n\r\n"), 413)
    assert message == "the body is longer than [limits] max_message_bytes = 67108864"
    assert time.monotonic() - begin < 5


def test_body_over_the_limit_is_413(small):
    message = closing(small.web.exchange(post(b"x" * 10_001)), 413)
    assert message == "the body is longer than [limits] max_message_bytes = 10000"
    assert small.web.raw_mode(b"x" * 10_000).body == b"x" * 10_000


@pytest.mark.parametrize("chunks", [3, 4])
def test_chunked_body_over_the_limit_is_413(small, chunks):
    """Chunks that came whole and with one read were not looked at: more was waited for, 408."""
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    sent = POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * chunks
    assert "max_message_bytes" in closing(small.web.exchange(sent), 413)


def test_post_without_length_has_no_body(web):
    """RFC 9112, section 6.3; curl -X POST without data sends it."""
    with web.socket() as client:
        client.sendall((POST + b"\r\n") * 2)
        with client.makefile("rb") as stream:
            for _ in range(2):
                answer = read_answer(stream)
                assert (answer.status, answer.body) == (200, b"")


def test_half_a_head_is_408(small):
    assert closing(small.web.exchange(b"POST /v1/ra"), 408) == (
        "the request did not arrive in time"
    )


def test_half_a_body_is_408(small):
    sent = POST + b"Content-Length: 100\r\n\r\nhalf"
    assert closing(small.web.exchange(sent), 408) == "the request did not arrive in time"


def test_drip_feed_does_not_hold_a_connection(small):
    with small.web.socket() as client:
        begin = time.monotonic()
        try:
            for byte in POST + b"X-Long: " + b"a" * 500:
                client.sendall(bytes([byte]))
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - begin < 8


def test_idle_connection_is_closed_without_an_answer(small):
    with small.web.socket() as client:
        assert read_to_end(client) == b""


def test_truncated_request_costs_its_connection_only(web):
    with web.socket() as client:
        client.sendall(post(b"x" * 100)[:-50])
        client.shutdown(socket.SHUT_WR)
        assert not read_to_end(client).startswith(b"HTTP/1.1 200")
    assert web.get("/healthz").status == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,  # TLS hello.
        b"\x00" * 100,
        b"hello\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nbad header\r\n\r\n",
        POST + b"Content-Length: minus\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
)
def test_bytes_that_are_no_http_are_400(web, garbage):
    message = closing(web.exchange(garbage), 400)
    assert message.startswith("not a valid HTTP/1.1 request: ")


def test_length_and_chunked_together_are_refused(web):
    sent = POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert parse_answer(web.exchange(sent)).status == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n", 400),
        (b"HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n", 400),
        (b"HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n", 400),
        (b"HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
        (b"HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n", 501),
        (b"HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n", 400),
        (b"HTTP/1.1\r\nContent-Length: 2\r\n", 400),
    ],
)
def test_heads_that_a_proxy_may_read_otherwise_are_refused(web, head, status):
    """RFC 9112, 3.2 and 6.1: else two servers see different ends of one body (smuggling)."""
    sent = b"POST /v1/raw/svcName " + head + b"\r\n2\r\nhi\r\n0\r\n\r\n"
    answer = web.exchange(sent)
    assert answer.count(b"\r\n\r\n") == 1
    assert closing(answer, status)


def test_head_over_32_kib_is_431(web):
    sent = b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n"
    assert closing(web.exchange(sent), 431).startswith("not a valid HTTP/1.1 request: ")


def test_unknown_http_version_is_505(web):
    sent = b"GET / HTTP/3.0\r\nHost: x\r\n\r\n"
    assert closing(web.exchange(sent), 505).startswith("not a valid HTTP/1.1 request: ")


def test_connections_beyond_the_limit_are_told_and_the_others_served(start, toolbox):
    loader = start(toolbox, config={"limits": {"max_connections": 3}})
    kept = [loader.web.connect() for _ in range(3)]
    for connection in kept:
        assert loader.web.request("GET", "/healthz", connection=connection).status == 200
    refused = parse_answer(loader.web.exchange(b""))
    assert (refused.status, refused.code) == (503, 10110)
    assert refused.message == "[limits] max_connections = 3 is reached"
    for connection in kept:
        assert loader.web.request("GET", "/healthz", connection=connection).status == 200
        connection.close()
