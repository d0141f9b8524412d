# SPDX-License-Identifier: Apache-2.0
"""Streams of clients over HTTP, against a server that does as the test says."""

import json
import threading

import pytest
from aiges.client import EngineError, Unavailable


def begin_events(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("X-Request-Id", "r2")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()


def events(*pieces, end=True):
    """An answer of these pieces; without its end the connection is closed."""

    def answer(handler, sent):
        begin_events(handler)
        for piece in pieces:
            handler.piece(piece.encode())
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return answer


def test_a_stream_gives_each_value_as_it_comes(serve, open_client):
    more = threading.Event()

    def answer(handler, sent):
        begin_events(handler)
        handler.piece(b': hello\n\nid: 1\ndata: "gr\xc3')  # Cut within a character.
        handler.piece(b'\xbc"\n\n')
        assert more.wait(10)
        handler.piece(b'data: {}\r\n\r\ndata: {"base64": "eHk="}\n')
        handler.piece(b"\ndata: [1,\ndata: 2]\n\nevent: end\ndata: {}\n\n")
        handler.wfile.write(b"0\r\n\r\n")

    server = serve(answer)
    client = open_client(server.url)
    stream = client.stream(text="x", top=2)
    assert not server.requests  # It begins with the first reading.
    assert next(stream) == "gr\u00fc"
    more.set()
    assert list(stream) == [{}, b"xy", [1, 2]]
    assert stream.request_id == "r2"
    (sent,) = server.requests
    assert sent.headers["accept"] == "text/event-stream"
    assert json.loads(sent.body) == {"text": "x", "top": 2}


def test_a_late_error_comes_after_the_values_before_it(serve, open_client):
    said = 'event: error\ndata: {"error": {"code": 10909, "message": "boom"}}\n\n'
    server = serve(events(f'data: "a"\n\ndata: "b"\n\n{said}'))
    stream, got = open_client(server.url).stream(text="x"), []
    with pytest.raises(EngineError, match="boom") as caught:
        for value in stream:
            got.append(value)
    assert got == ["a", "b"]
    assert (caught.value.code, caught.value.request_id) == (10909, "r2")
    assert list(stream) == []


def test_a_stream_that_breaks_off_is_told(serve, open_client):
    server = serve(events('data: "a"\n\n', end=False))
    stream = open_client(server.url).stream(text="x")
    assert next(stream) == "a"
    with pytest.raises(Unavailable, match="early|ended|broke"):
        next(stream)


def test_an_answer_without_events_is_one_value(serve, open_client):
    server = serve(lambda handler, sent: handler.say(200, b"[1]", Content_Type="application/json"))
    assert list(open_client(server.url).stream(text="x")) == [[1]]


def test_leaving_a_stream_closes_its_connection(serve, open_client):
    gone = threading.Event()

    def answer(handler, sent):
        begin_events(handler)
        handler.piece(b'data: "a"\n\n')
        if handler.connection.recv(1) == b"":
            gone.set()

    server = serve(answer)
    stream = open_client(server.url).stream(text="x")
    assert next(stream) == "a"
    stream.close()
    assert gone.wait(10)
    assert list(stream) == []
