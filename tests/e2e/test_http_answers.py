# SPDX-License-Identifier: Apache-2.0
"""An engine may give several outputs of one key, and any bytes: over HTTP all of them arrive."""

import base64
import email
import json

import pytest
from loader_process import Loader

# Does what params["give"] says: a list of [key, type, base64 of the data, attributes].
GIVER = """
import base64, json

def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    for key, kind, coded, desc in json.loads(params["give"]):
        data = base64.b64decode(coded)
        respData.append({"key": key, "data": data, "len": len(data), "status": 3, "type": kind,
                         "desc": desc})
    return 0
"""
TEXT, IMAGE = 0, 2
PNG = b"\x89PNG\r\n\x1a\n\0"


@pytest.fixture(scope="module")
def web(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("answers"), GIVER) as loader:
        yield loader.web


def given(*items):
    return json.dumps(
        [
            [key, kind, base64.b64encode(data).decode(), desc[0] if desc else {}]
            for key, kind, data, *desc in items
        ]
    )


def no_key_twice(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


def envelope(web, *items):
    body = {"parameter": {"g": {"give": given(*items)}}, "payload": {"a": {"text_plain": ""}}}
    answer = web.envelope(body)
    assert answer.status == 200, answer.body
    return json.loads(answer.body, object_pairs_hook=no_key_twice)["payload"]


def raw(web, *items, query="", accept=None):
    body = {"give": given(*items)}
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in body.items()
    )
    parts += '--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if accept is not None:
        headers["Accept"] = accept
    return web.raw_mode(parts.encode(), query, headers=headers)


def parts_of(answer):
    """[(name, Content-Type, data)] of a multipart/mixed answer, as Python's email reads it."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body)
    assert message.get_content_type() == "multipart/mixed"
    return [
        (
            part.get_param("name", header="content-disposition"),
            part["Content-Type"],
            part.get_payload(decode=True),
        )
        for part in message.get_payload()
    ]


def test_texts_of_one_key_are_joined_so_that_cut_characters_are_whole(web):
    word = "日本".encode()
    items = [("r", TEXT, word[:4]), ("s", TEXT, b"x"), ("r", TEXT, word[4:])]
    payload = envelope(web, *items)
    assert [(key, value["text"]) for key, value in payload.items()] == [("r", "日本"), ("s", "x")]


def test_other_outputs_of_one_key_are_an_array(web):
    payload = envelope(web, ("i", IMAGE, b"1"), ("t", TEXT, b"t"), ("i", IMAGE, b"2"))
    assert [base64.b64decode(each["image"]) for each in payload["i"]] == [b"1", b"2"]
    assert payload["t"]["text"] == "t"


def test_attribute_does_not_take_the_place_of_data(web):
    output = envelope(web, ("r", TEXT, b"data", {"text": "attribute", "lang": "en"}))["r"]
    assert (output["text"], output["desc.text"], output["lang"]) == ("data", "attribute", "en")


@pytest.mark.parametrize("accept", [None, "*/*", "multipart/mixed", "multipart/*, image/png;q=0.5"])
def test_raw_answer_of_several_outputs_is_a_multipart(web, accept):
    items = [("r", TEXT, b"a"), ("img", IMAGE, PNG), ("r", TEXT, b"b\r\n--"), ("img", IMAGE, b"2")]
    answer = raw(web, *items, accept=accept)
    assert answer.status == 200, answer.body
    assert parts_of(answer) == [
        ("r", "text/plain; charset=utf-8", b"ab\r\n--"),
        ("img", "image/png", PNG),
        ("img", "application/octet-stream", b"2"),
    ]


def test_raw_answer_of_texts_of_one_key_is_their_text(web):
    answer = raw(web, ("r", TEXT, b"a"), ("r", TEXT, b"b"), accept="text/plain")
    assert (answer.body, answer.headers["x-output-key"]) == (b"ab", "r")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_client_that_takes_no_multipart_is_told_what_to_ask_for(web):
    answer = raw(web, ("r", TEXT, b"a"), ("img", IMAGE, PNG), accept="image/png")
    assert (answer.status, answer.code) == (406, 10106)
    assert answer.message == (
        "Accept: expected multipart/mixed (or */*) for 2 outputs, got image/png; "
        "the engine returned r (text), img (image): ?output=<key> gives those of one key alone"
    )


def test_one_output_can_be_asked_for_by_its_key(web):
    items = [("r", TEXT, b"a"), ("img", IMAGE, PNG)]
    answer = raw(web, *items, query="?output=img", accept="image/png")
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    answer = raw(web, *items, query="?output=other")
    assert (answer.status, answer.code) == (406, 10106)
    assert answer.message == (
        "?output: expected the key of an output, got other; "
        "the engine returned r (text), img (image)"
    )


def test_events_name_their_outputs_themselves(web):
    answer = raw(web, ("r", TEXT, b"a"), query="?output=r", accept="text/event-stream")
    assert (answer.status, answer.code) == (400, 10001)


def test_events_bring_bytes_of_text_back(web):
    answer = raw(web, ("r", TEXT, b"\xe6\x97"), ("r", TEXT, b"x"), accept="text/event-stream")
    assert answer.status == 200, answer.body
    data = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    outputs = [json.loads(each, object_pairs_hook=no_key_twice)["payload"]["r"] for each in data]
    assert base64.b64decode(outputs[0]["text_base64"]) == b"\xe6\x97"
    assert outputs[1]["text"] == "x"
