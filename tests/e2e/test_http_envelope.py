# SPDX-License-Identifier: Apache-2.0
"""POST /v1/private/<serviceId>: the JSON envelope, in and out."""

import base64
import json
import re

import pytest

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


def b64(data):
    return base64.b64encode(data).decode()


def envelope(payload=None, header=None, **parameter):
    return {
        "header": header or {},
        "parameter": {"svcName": parameter},
        "payload": {"data": {"text": b64(b"hello")}} if payload is None else payload,
    }


def described(web, payload=None, header=None, **parameter):
    """What the wrapper saw."""
    answer = web.envelope(envelope(payload, header, do="describe", **parameter))
    assert answer.status == 200, answer.body
    return json.loads(answer.json["payload"]["result"]["text"])


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["payload"] is None
    assert re.fullmatch(UUID, answer.json["header"]["sid"])
    return answer.message


def test_text_is_base64_in_and_plain_out(web):
    answer = web.envelope(envelope())
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    header = answer.json["header"]
    assert (header["code"], header["status"]) == (0, 3)
    assert "message" not in header
    assert re.fullmatch(UUID, header["sid"])
    assert answer.json["payload"] == {"data": {"seq": "0", "status": "3", "text": "hello"}}


@pytest.mark.parametrize("kind", ["image", "audio", "video", "other"])
def test_everything_but_text_is_base64_both_ways(web, kind):
    data = bytes(range(256))
    answer = web.envelope(envelope({"d": {kind: b64(data)}}))
    assert base64.b64decode(answer.json["payload"]["d"][kind]) == data


def test_several_payloads_keep_their_order(web):
    payload = {"b": {"text": b64(b"1")}, "a": {"image": b64(b"2")}, "c": {"text": ""}}
    answer = web.envelope(envelope(payload))
    assert list(answer.json["payload"]) == ["b", "a", "c"]


def test_text_that_needs_escapes_comes_back_whole(web):
    text = '"quotes" \\ \n\t\x01 \u00fc \u4e2d </script>'
    answer = web.envelope(envelope({"d": {"text": b64(text.encode())}}))
    assert answer.json["payload"]["d"]["text"] == text


def test_text_that_is_no_utf8_comes_back_whole_in_base64(web):
    data = "日本".encode()[:4]
    output = web.envelope(envelope({"d": {"text": b64(data)}})).json["payload"]["d"]
    assert base64.b64decode(output["text_base64"]) == data
    assert "text" not in output
    again = web.envelope(envelope({"d": {"text_base64": output["text_base64"]}}))
    assert again.json["payload"]["d"] == output


def test_plain_text_can_be_sent_as_it_is(web):
    text = "hiya, gr\u00fc\u00dfe \u0000"
    answer = web.envelope(envelope({"d": {"text_plain": text}}))
    assert answer.json["payload"]["d"]["text"] == text


def test_object_or_array_arrives_as_its_json_text(web):
    answer = web.envelope(envelope({"o": {"text": {"a": [1, "x"]}}, "l": {"text": [1, 2]}}))
    assert json.loads(answer.json["payload"]["o"]["text"]) == {"a": [1, "x"]}
    assert answer.json["payload"]["l"]["text"] == "[1,2]\n"


def test_numbers_and_booleans_in_parameters_become_plain_text(web):
    seen = described(
        web, i=1, n=-7, f=1.5, small=0.1, big=12345678901234567890, t=True, nul=None, arr=[1]
    )
    params = seen["params"]
    assert (params["i"], params["n"], params["f"], params["small"]) == ("1", "-7", "1.5", "0.1")
    assert (params["big"], params["t"]) == ("12345678901234567890", "true")
    assert "nul" not in params and "arr" not in params


def test_parameter_groups_are_merged(web):
    body = envelope()
    body["parameter"] = {"svcName": {"do": "describe", "a": "1"}, "other": {"b": "2"}}
    params = json.loads(web.envelope(body).json["payload"]["result"]["text"])["params"]
    assert (params["a"], params["b"]) == ("1", "2")


def test_sid_is_the_servers_and_equals_the_handle(web):
    answer = web.envelope(envelope(None, {"sid": "mine"}, do="describe"))
    seen = json.loads(answer.json["payload"]["result"]["text"])
    sid = answer.json["header"]["sid"]
    assert seen["params"]["sid"] == seen["usrTag"] == sid != "mine"


def test_attributes_reach_the_wrapper_as_text(web):
    payload = {"d": {"text": "", "encoding": "utf8", "status": 3, "rate": 1.5, "flag": False}}
    (item,) = described(web, payload)["items"]
    assert item["desc"] == {"encoding": "utf8", "status": "3", "rate": "1.5", "flag": "false"}


def test_payload_without_data_is_empty_text(web):
    (item,) = described(web, {"d": {"encoding": "utf8"}})["items"]
    assert (item["type"], item["bytes"]) == (0, 0)


def test_expect_attributes_come_back_on_the_output(web):
    result = {"encoding": "utf8", "compress": "raw", "format": "plain", "data_type": "text"}
    answer = web.envelope(envelope(None, None, do="describe", result=result))
    output = answer.json["payload"]["result"]
    assert (output["encoding"], output["compress"], output["format"]) == ("utf8", "raw", "plain")
    assert (output["seq"], output["status"]) == ("0", "3")


def test_expect_without_data_type_takes_any_type(web):
    answer = web.envelope(envelope(None, None, do="describe", result={"encoding": "utf8"}))
    assert answer.status == 200


def test_expect_of_another_type_or_key_is_500_with_10106(web):
    other_type = envelope(None, None, do="describe", result={"data_type": "image"})
    assert "is text, the request expects image" in refused(web.envelope(other_type), 500, 10106)
    other_key = envelope(None, None, do="describe", boxes={"data_type": "text"})
    assert "which the request does not expect" in refused(web.envelope(other_key), 500, 10106)


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[]", b'"x"', b"3", b"{}x", b"\xff"])
def test_body_that_is_no_json_object_is_400_with_10000(web, body):
    message = refused(web.envelope(body), 400, 10000)
    assert message.startswith("the body is not a JSON object: ")


def test_json_nested_too_deeply_is_400_with_10000(web):
    body = b'{"payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert refused(web.envelope(body), 400, 10000).startswith("the body is not a JSON object: ")


@pytest.mark.parametrize("text", ["a", "!!!!", "QQ=", "QQ==QQ==", "Q Q=", "\u00fc"])
def test_string_that_is_no_base64_is_400_with_10001(web, text):
    message = refused(web.envelope(envelope({"img": {"image": text}})), 400, 10001)
    assert message == f'payload.img.image: expected standard base64 with padding, got "{text}"'
    message = refused(web.envelope(envelope({"t": {"text": text}})), 400, 10001)
    assert message.endswith('; plain text goes as {"text_plain": ..}')


@pytest.mark.parametrize(("value", "got"), [(3, "a number"), (True, "a boolean"), (None, "null")])
def test_data_of_another_json_type_is_400_with_10001(web, value, got):
    message = refused(web.envelope(envelope({"img": {"image": value}})), 400, 10001)
    assert (
        message == f"payload.img.image: expected a base64 string, an object or an array, got {got}"
    )


def test_payload_that_is_no_object_is_400_with_10001(web):
    message = refused(web.envelope(envelope({"img": "x"})), 400, 10001)
    assert message == "payload.img: expected an object, got a string"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"payloads": {}}', "payloads: unknown; expected header, parameter and payload; did you"),
        (b'{"payload": 3}', "payload: expected an object, got a number"),
        (b'{"payload": {"a": {}, "a": {}}}', 'payload: expected each key once, got "a" again'),
        (b'{"parameter": {"lang": "en"}}', "parameter.lang: expected a group of parameters"),
    ],
)
def test_what_would_be_passed_over_is_400_with_10001(web, body, text):
    assert refused(web.envelope(body), 400, 10001).startswith(text)


def test_unknown_query_key_is_400_with_what_was_meant(web):
    message = refused(web.envelope(envelope(), query="?timeout=5"), 400, 10001)
    assert message == "?timeout: unknown; expected timeout_ms"
    assert (
        web.envelope(envelope(), query="?timeout_ms=5000&date=x&authorization=y&app_id=z").status
        == 200
    )


def test_nul_in_a_parameter_is_400_with_10009(web):
    message = refused(web.envelope(envelope(None, None, lang="a\0b")), 400, 10009)
    assert message.startswith("input invalid data: parameter lang: expected text without NUL bytes")


@pytest.mark.parametrize("body", [{}, {"payload": {}}, {"payload": None}])
def test_no_payload_is_400_with_10009(web, body):
    message = refused(web.envelope(body), 400, 10009)
    assert message == "input invalid data: expected at least one payload, got none"


def test_unknown_service_id_is_404(web):
    answer = web.envelope(envelope(), service="nobody")
    assert (answer.status, answer.code) == (404, 10003)
    assert answer.message == 'unknown serviceId "nobody": this loader serves "svcName"'
    assert answer.headers["content-type"] == "application/json"


def test_other_content_type_is_415(web):
    body = json.dumps(envelope())
    answer = web.request("POST", "/v1/private/svcName", body, {"Content-Type": "image/png"})
    message = refused(answer, 415, 10000)
    assert message == (
        "expected Content-Type application/json or multipart/form-data, got image/png"
    )


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain"]
)
def test_what_curl_and_browsers_send_is_json_too(web, kind):
    body = json.dumps(envelope())
    answer = web.request("POST", "/v1/private/svcName", body, {"Content-Type": kind})
    assert answer.status == 200


def test_any_version_in_the_path_will_do(web):
    assert web.request("POST", "/v2.7/private/svcName", json.dumps(envelope())).status == 200


def test_engine_error_is_500_with_its_code_and_text(web):
    answer = web.envelope(envelope(None, None, do="code", code=42))
    assert refused(answer, 500, 10909) == "toolbox error 42;code=42"


def test_timeout_is_504_with_10102(start, toolbox, tmp_path):
    loader = start(toolbox)
    body = envelope(None, None, do="gate", gate=str(tmp_path / "gate"))
    answer = loader.web.envelope(body, query="?timeout_ms=200")
    assert refused(answer, 504, 10102) == "service exec once request timeout"
    (tmp_path / "gate").touch()


def test_c_plugin_answers_the_same_envelope(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.caesar)}})
    answer = loader.web.envelope(envelope({"t": {"text": b64(b"Hello")}}, shift=1))
    assert answer.json["payload"] == {
        "t": {"shift": "1", "seq": "0", "status": "3", "text": "Ifmmp"}
    }
    refusal = loader.web.envelope(envelope({"t": {"image": b64(b"x")}}))
    assert (refusal.status, refusal.code) == (500, 10909)
    assert refusal.message == "caesar: expected payloads of type text;code=101"


def test_python_v2_wrapper_answers_the_same_envelope(start, v2_folder):
    loader = start(v2_folder)
    answer = loader.web.envelope(envelope({"t": {"text": b64(b"Hello")}, "i": {"image": "QUI="}}))
    assert answer.json["payload"]["t"]["text"] == "Hello"
    assert answer.json["payload"]["i"]["image"] == "QUI="
