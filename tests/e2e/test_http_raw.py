# SPDX-License-Identifier: Apache-2.0
"""POST /v1/raw/<serviceId>: for people with curl. Body = payload, answer body = the output."""

import json
import re

import pytest


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


def described(web, query="", body=b"x", headers=None):
    answer = web.raw_mode(body, "?p.do=describe" + query, headers=headers)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def test_body_is_the_payload_and_the_answer_its_bytes(web):
    data = bytes(range(256))
    answer = web.raw_mode(data, "?key=img&type=image")
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-output-key"] == "img"


def test_text_output_is_utf8_text(web):
    answer = web.raw_mode("gr\u00fc\u00df".encode(), "?type=text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == "gr\u00fc\u00df"


@pytest.mark.parametrize(
    ("attributes", "content_type"),
    [
        ("type=image&desc.encoding=png", "image/png"),
        ("type=image&desc.encoding=jpg", "image/jpeg"),
        ("type=audio&desc.encoding=wav", "audio/wav"),
        ("type=text&desc.format=json", "application/json"),
        ("type=other&desc.mime=application/x-thing", "application/x-thing"),
        ("type=other&desc.content_type=application/x-thing", "application/x-thing"),
    ],
)
def test_content_type_follows_the_output(web, attributes, content_type):
    answer = web.raw_mode(b"{}", f"?p.do=echo_desc&{attributes}")
    assert answer.headers["content-type"] == content_type


@pytest.mark.parametrize(
    ("kind", "data", "content_type"),
    [
        ("image", b"\x89PNG\r\n\x1a\n\0", "image/png"),
        ("text", b"\xff\xd8\xff\xe0\0", "image/jpeg"),
        ("audio", b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        ("other", b"%PDF-1.7", "application/pdf"),
        ("text", b"\xe6\x97", "application/octet-stream"),
    ],
)
def test_content_type_is_what_the_bytes_show(web, kind, data, content_type):
    answer = web.raw_mode(data, f"?type={kind}")
    assert (answer.body, answer.headers["content-type"]) == (data, content_type)


def test_output_key_cannot_break_out_of_its_header(web):
    answer = web.raw_mode(b"x", "?key=a%0d%0aEvil:%201")
    assert answer.status == 200
    assert "evil" not in answer.headers


@pytest.mark.parametrize(
    ("content_type", "number"),
    [("image/png", 2), ("audio/wav", 1), ("video/mp4", 3), ("application/octet-stream", 4)],
)
def test_payload_type_follows_the_content_type(web, content_type, number):
    (item,) = described(web, headers={"Content-Type": content_type})["items"]
    assert (item["key"], item["type"]) == ("data", number)


def test_type_in_the_query_beats_the_content_type(web):
    (item,) = described(web, "&type=text", headers={"Content-Type": "image/png"})["items"]
    assert item["type"] == 0


def test_unknown_type_is_400(web):
    answer = web.raw_mode(b"x", "?type=picture")
    assert (answer.status, answer.code) == (400, 10001)
    assert answer.message == "type: expected text, audio, image, video or other, got picture"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?keey=img", "did you mean key?"),
        (
            "?lang=en",
            "?lang: unknown; expected key, type, output, timeout_ms, p.<name>, desc.<name>",
        ),
        ("?p.a=1&p.a=2", "?p.a: expected once, got it again"),
    ],
)
def test_query_that_would_be_passed_over_is_400(web, query, text):
    answer = web.raw_mode(b"x", query)
    assert (answer.status, answer.code) == (400, 10001)
    assert text in answer.message


@pytest.mark.parametrize("query", ["?p.lang=a%00b", "?p.a%00b=1", "?desc.a=%00", "?key=a%00"])
def test_nul_that_the_engine_would_not_see_is_400(web, query):
    answer = web.raw_mode(b"x", query)
    assert (answer.status, answer.code) == (400, 10009)
    assert "expected text without NUL bytes" in answer.message


def test_what_curl_d_sends_is_the_body_as_it_is(web):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = web.raw_mode(b"a=1&b=%20", headers=form)
    assert (answer.status, answer.body) == (200, b"a=1&b=%20")


def test_params_and_desc_come_from_the_query(web):
    seen = described(web, "&p.lang=en&p.q=a%20b%26c+d&desc.rate=16000&key=k")
    assert (seen["params"]["lang"], seen["params"]["q"]) == ("en", "a b&c d")
    (item,) = seen["items"]
    assert (item["key"], item["desc"]) == ("k", {"rate": "16000", "status": "3"})


def test_sid_is_made_by_the_server(web):
    seen = described(web)
    assert seen["params"]["sid"] == seen["usrTag"]
    assert re.fullmatch(r"[0-9a-f-]{36}", seen["usrTag"])
    theirs = described(web, headers={"sid": "mine"})
    assert theirs["params"]["sid"] == theirs["usrTag"]


def test_header_pass_takes_http_headers(start, toolbox):
    loader = start(toolbox, config={"aiges": {"headerPass": "appid"}})
    assert described(loader.web, headers={"appid": "a1"})["params"]["appid"] == "a1"


def test_timeout_ms_ends_the_call_with_504(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    answer = loader.web.raw_mode(b"x", f"?p.do=gate&p.gate={gate}&timeout_ms=200")
    assert (answer.status, answer.code) == (504, 10102)
    assert answer.message == "service exec once request timeout"
    gate.touch()


@pytest.mark.parametrize("value", ["soon", "0", "-5", "", "1.5"])
def test_timeout_ms_that_is_no_positive_integer_is_400(web, value):
    answer = web.raw_mode(b"x", f"?timeout_ms={value}")
    assert (answer.status, answer.code) == (400, 10001)
    assert answer.message == f"timeout_ms: expected a positive integer, got {value}"


def test_unknown_service_id_is_404(web):
    answer = web.raw_mode(b"x", service="nobody")
    assert (answer.status, answer.code) == (404, 10003)
    assert answer.message == 'unknown serviceId "nobody": this loader serves "svcName"'


def test_empty_body_is_an_empty_payload(web):
    (item,) = described(web, body=b"")["items"]
    assert item["bytes"] == 0


def test_engine_error_is_500_as_json(web):
    answer = web.raw_mode(b"x", "?p.do=code&p.code=42")
    assert (answer.status, answer.code) == (500, 10909)
    assert answer.headers["content-type"] == "application/json"
    assert answer.message == "toolbox error 42;code=42"


def test_no_output_is_500_with_10106(web):
    answer = web.raw_mode(b"x", "?p.do=nothing")
    assert (answer.status, answer.code) == (500, 10106)


def test_every_answer_tells_the_time_per_stage(web):
    stage = r"dur=\d+\.\d{3}"
    pattern = f"queue;{stage}, channel;{stage}, engine;{stage}, total;{stage}"
    for answer in (web.raw_mode(b"x"), web.raw_mode(b"x", "?p.do=code&p.code=1")):
        assert re.fullmatch(pattern, answer.headers["server-timing"])


def test_stage_times_add_up_and_name_the_engine(web):
    timing = web.raw_mode(b"x", "?p.do=sleep&p.ms=50").headers["server-timing"]
    stages = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", timing)}
    assert stages["engine"] >= 50
    parts = stages["queue"] + stages["channel"] + stages["engine"]
    assert abs(stages["total"] - parts) < 0.01
