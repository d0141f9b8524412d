# SPDX-License-Identifier: Apache-2.0
"""What clients get at /predict: values of each kind, statuses and fields, streams."""

import io
import json
import struct

import pytest
from PIL import Image
from typed_models import GIVER, NOTHING, STREAM, error_of, send, typed_loader


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    with typed_loader(binaries, tmp_path_factory.mktemp("typed"), GIVER) as started:
        yield started


@pytest.fixture(scope="module")
def web(loader):
    return loader.web


@pytest.fixture(scope="module")
def stream(binaries, tmp_path_factory):
    with typed_loader(binaries, tmp_path_factory.mktemp("stream"), STREAM) as started:
        yield started


def test_answers_of_each_kind(web, tmp_path):
    def gives(what, accept="*/*"):
        answer = send(web, {"text": "é", "give": what}, Accept=accept)
        assert answer.status == 200, answer.body
        return answer.headers["content-type"], answer.body

    assert gives("text") == ("text/plain; charset=utf-8", "é".encode())
    assert gives("bytes") == ("application/octet-stream", b"\0\xff")
    assert gives("array") == ("application/json", b"[[0.0,1.0],[2.0,3.0]]")
    assert gives("none") == ("application/json", b"null")
    media, sound = gives("sound")
    assert media == "audio/wav" and struct.unpack_from("<I", sound, 24) == (8000,)
    for accept, wanted in (("*/*", "image/png"), ("image/jpeg, */*;q=0.1", "image/jpeg")):
        media, made = gives("picture", accept)
        assert media == wanted and Image.open(io.BytesIO(made)).get_format_mimetype() == wanted
    answer = send(web, {"text": "a", "give": f"file {tmp_path / 'a b.csv'}"})
    assert answer.headers["content-type"].startswith("text/csv") and answer.body == b"data"
    assert answer.headers["content-disposition"] == 'inline; filename="a b.csv"'


def test_half_a_surrogate_pair_in_a_text(web):
    answer = send(web, b'{"text": "a\\ud800", "give": "text"}', Content_Type="application/json")
    assert (answer.status, answer.body) == (200, "a\ufffd".encode())
    answer = send(web, b'{"text": "a\\ud800"}', Content_Type="application/json")
    assert answer.json["text"] == "a\ud800"


def test_an_answer_with_a_status_and_fields(web):
    answer = send(web, {"text": "a", "give": "answer 201 X-Model=mine"})
    assert (answer.status, answer.headers["x-model"]) == (201, "mine")
    assert answer.json == NOTHING
    answer = send(web, {"text": "a", "give": "answer 418 Content-Type=application/x-tea"})
    assert (answer.status, answer.headers["content-type"]) == (418, "application/x-tea")
    answer = send(web, {"text": "a", "give": "answer 302 Location=/elsewhere"})
    assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")
    status, said = error_of(send(web, {"text": "a", "give": "answer 99"}))
    assert status == 500 and "status: expected a number from 200 to 599, got 99" in said
    status, said = error_of(send(web, {"text": "a", "give": "answer 200 Content-Length=5"}))
    assert status == 500 and "headers: expected a field that is not the host's" in said


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(web, status):
    """A body behind such a head was read as the begin of the next answer."""
    connection = web.connect()
    for _ in range(2):
        body = json.dumps({"text": "a", "give": f"answer {status}"}).encode()
        answer = web.request("POST", "/predict", body, connection=connection)
        assert (answer.status, answer.body) == (status, b"")
    assert web.request("GET", "/predict?text=a", connection=connection).json == NOTHING
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nSet-Cookie: c=d"},
        {"X-A\r\nSet-Cookie: c": "d"},
        {"X-A: b\r\nSet-Cookie": "d"},
        {"Content-Length": "5"},
        {"transfer-encoding": "chunked"},
        {"connection": "close"},
        {"X-Request-Id": "mine"},
        {":status": "500"},
        {"": "x"},
        {"X-A": 5},
        {"Content-Type": "text/html\r\nSet-Cookie: c=d"},
    ],
    ids=range(11),
)
def test_fields_that_would_break_the_head_are_left_out(web, headers):
    """Also where a model goes around the checks of Answer."""
    answer = send(web, {"text": "a", "give": "loose", "point": {"headers": headers}})
    assert (answer.status, answer.body) == (200, b"a")
    assert "set-cookie" not in answer.headers and "x-a" not in answer.headers
    assert answer.headers["content-length"] == "1"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-request-id"] != "mine"


def test_a_disposition_of_the_models_own_takes_the_place_of_ours(web, tmp_path):
    """There were two, of which each client took another."""
    file = tmp_path / "a.txt"
    file.write_text("data", encoding="utf-8")
    point = {"file": True, "headers": {"Content-Disposition": "attachment"}}
    raw = json.dumps({"text": str(file), "give": "loose", "point": point}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(raw)}\r\n"
    said = web.exchange((head + "Connection: close\r\n\r\n").encode() + raw)
    fields = [each for each in said.split(b"\r\n") if each.lower().startswith(b"content-disp")]
    assert fields == [b"Content-Disposition: attachment"] and said.endswith(b"data")


def test_a_name_of_a_file_that_is_no_ascii(web, tmp_path):
    answer = send(web, {"text": "a", "give": f"file {tmp_path}/\u00e9.csv"})
    wanted = "inline; filename=\"__.csv\"; filename*=UTF-8''%C3%A9.csv"
    assert answer.headers["content-disposition"] == wanted


def test_events(stream):
    def events(body):
        answer = send(stream.web, body, Accept="text/event-stream")
        assert answer.headers["content-type"] == "text/event-stream"
        blocks = [
            dict(line.split(": ", 1) for line in block.splitlines())
            for block in answer.body.decode().split("\n\n")
            if block
        ]
        return [(each.get("event"), json.loads(each["data"])) for each in blocks]

    assert events({"text": "a 1 é"}) == [
        (None, "a"),
        (None, {"word": "1"}),
        (None, "é"),
        ("end", {}),
    ]
    *good, (name, told) = events({"text": "a b c", "cut": 2})
    assert good == [(None, "a"), (None, "b")] and name == "error"
    assert told["error"]["message"].startswith("predict raised RuntimeError: cut off (model.py, ")
    answer = send(stream.web, {"text": 1}, Accept="text/event-stream")
    assert error_of(answer) == (400, "text: expected a string, got 1")
    assert send(stream.web, {"text": ""}, Accept="text/event-stream").status == 200


def test_a_stream_whole(stream):
    answer = send(stream.web, {"text": "a b c"})
    assert (answer.headers["content-type"], answer.body) == ("text/plain; charset=utf-8", b"abc")
    assert send(stream.web, {"text": "a 1"}).json == ["a", {"word": "1"}]
    answer = send(stream.web, {"text": ""})
    assert (answer.status, answer.body) == (200, b"")
    assert error_of(send(stream.web, {"text": "a b", "cut": 1}))[0] == 500
    before = stream.log().count("stream ended")
    with stream.web.socket() as connection:
        body = json.dumps({"text": "a " * 200_000}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Accept: text/event-stream\r\n\r\n".encode() + body)
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
    stream.wait_log("stream ended", before + 1)
