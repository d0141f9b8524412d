# SPDX-License-Identifier: Apache-2.0
"""A typed model at /predict: every form of a request, what is refused, and what pages tell."""

import base64
import io
import urllib.parse
import uuid

import jsonschema
import pytest
from PIL import Image
from typed_models import GIVER, NOTHING, STREAM, error_of, send, typed_loader

PAGE = {"Origin": "https://page.example"}


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


def form(*parts):
    """(name, data, filename or None, media type or None) -> body and its type."""
    boundary, out = uuid.uuid4().hex, b""
    for name, data, filename, media in parts:
        said = f'; filename="{filename}"' if filename is not None else ""
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{said}\r\n'.encode()
        out += f"Content-Type: {media}\r\n".encode() if media else b""
        out += b"\r\n" + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def picture(kind="PNG"):
    out = io.BytesIO()
    Image.new("RGB", (4, 2), "red").save(out, kind)
    return out.getvalue()


def test_json(web):
    answer = send(web, {"text": "a"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == NOTHING
    body = {
        "text": "é\n\u0000\U0001f600",
        "top": 0,
        "share": 3,
        "loud": True,
        "mode": "best",
        "tags": ["x", ""],
        "point": {"a": [None, {}]},
        "picture": {"base64": base64.b64encode(picture()).decode()},
        "files": [{"base64": "YQ=="}, {"base64": "Yg==", "type": "text/plain"}],
        "data": "data:;base64,AP8=",
    }
    said = send(web, body).json
    assert said == {
        **body,
        "share": 3.0,
        "picture": [4, 2],
        "files": [["file", "a"], ["file.txt", "b"]],
        "data": "00ff",
    }


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/json", ""])
def test_json_that_is_not_called_so(web, media):
    """As curl -d sends it."""
    assert send(web, b' {"text": "a"}', Content_Type=media).json == NOTHING


def test_multipart(web):
    body, media = form(
        ("text", b"a", None, None),
        ("top", b"7", None, None),
        ("loud", b"on", None, None),
        ("mode", b"BEST", None, None),
        ("tags", b"x", None, None),
        ("tags", b"y", None, None),
        ("point", b'{"a": 1}', None, "application/json"),
        ("picture", picture("JPEG"), "a.jpg", "image/jpeg"),
        ("files", b"1", "../../etc/one.txt", "text/plain"),
        ("files", b"2", "..", "text/plain"),
        ("data", b"\x00\xff", "blob", "application/octet-stream"),
    )
    assert send(web, body, "?share=0.25", Content_Type=media).json == {
        "text": "a",
        "top": 7,
        "share": 0.25,
        "loud": True,
        "mode": "best",
        "tags": ["x", "y"],
        "point": {"a": 1},
        "picture": [4, 2],
        "files": [["one.txt", "1"], ["file.txt", "2"]],
        "data": "00ff",
    }


def test_a_form_as_browsers_send_it_when_little_was_filled_in(web):
    body, media = form(
        ("text", b"a", None, None),
        ("tags", b"", None, None),
        ("point", b"", None, None),
        ("picture", b"", "", "application/octet-stream"),
        ("files", b"", "", "application/octet-stream"),
        ("data", b"", "", "application/octet-stream"),
    )
    assert send(web, body, Content_Type=media).json == NOTHING


def test_fields_of_a_form(web):
    fields = {"text": "a&b=c d+é", "top": "3", "tags": ["x", "y"]}
    body = urllib.parse.urlencode(fields, doseq=True).encode()
    said = send(web, body, Content_Type="application/x-www-form-urlencoded").json
    assert said == {**NOTHING, "text": "a&b=c d+é", "top": 3, "tags": ["x", "y"]}
    later = b"top=4&text=a"
    said = send(web, later, Content_Type="application/x-www-form-urlencoded; charset=utf-8").json
    assert said == {**NOTHING, "top": 4}
    told = error_of(send(web, b"top=4&txt=a", Content_Type="application/x-www-form-urlencoded"))
    assert told[0] == 400 and told[1].endswith("got that; did you mean text?")


def test_fields_need_not_begin_with_one_that_is_known(web):
    """Else all of them became the value of the first input, without a word."""
    told = error_of(send(web, b"tpo=4&text=a", Content_Type="application/x-www-form-urlencoded"))
    assert told[0] == 400 and told[1].endswith("got that; did you mean top?")


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"hello", "text/plain"),
        (b"hello", "application/x-www-form-urlencoded"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"hello", ""),
        ("é".encode(), "application/octet-stream"),
    ],
)
def test_any_other_body_is_the_first_input(web, body, media):
    said = send(web, body, "?top=3", Content_Type=media).json
    assert said == {**NOTHING, "text": body.decode(), "top": 3}


def test_a_query_alone(web):
    for method, body in (("GET", None), ("POST", b"")):
        path = "/predict?text=a%26+b&top=3&tags=x&tags=y&loud=yes&point=%7B%7D"
        said = web.request(method, path, body).json
        assert said == {
            **NOTHING,
            "text": "a& b",
            "top": 3,
            "tags": ["x", "y"],
            "loud": True,
            "point": {},
        }
    assert send(web, {"text": "a"}, "?top=3&app_id=x&timeout_ms=20000").json["top"] == 3


@pytest.mark.parametrize(
    ("body", "query", "told"),
    [
        ({}, "", "text: expected a string, got none"),
        (b"", "", "text: expected a string, got none"),
        ({"text": "a", "top": "x"}, "", 'top: expected an integer from 0, got "x"'),
        ({"text": "a"}, "?top=-1", "top: expected an integer from 0, got -1"),
        ({"text": "a"}, "?text=b", "text: expected it once, got it in the body and beside it"),
        ({"text": "a"}, "?top=1&top=2", "top: expected it once, got it 2 times"),
        ({"text": "a"}, "?timeout_ms=x", "timeout_ms"),
        ({"text": "a"}, "?tpo=1", "tpo: expected one of the inputs text, top,"),
        ([1], "", "the body: expected an object of the inputs (text, top,"),
        (b"{", "", "the body: expected JSON, got what is none"),
        (b'{"text": NaN}', "", "the body: expected JSON, got what is none: JSON has no NaN"),
        (b"[" * 100_000, "", "the body: expected JSON, got what is none"),
        (b'{"top": ' + b"9" * 5000 + b"}", "", "the body: expected JSON, got what is none"),
        (b'{"text": "\xff"}', "", "the body: expected JSON, got what is none"),
        (b'{"text": "a", "share": 1e400}', "", "share: expected a finite number, got inf"),
        ({"text": True}, "", "text: expected a string, got true"),
        ({"text": "a", "mode": "x"}, "", 'mode: expected one of "fast", "best", got "x"'),
        ({"text": "a", "tags": ["x", 1]}, "", "tags[1]: expected a string, got 1"),
        ({"text": "a", "picture": "x"}, "", "picture: expected a picture: a file of a form,"),
        ({"text": "a", "files": ["/etc/passwd"]}, "", "files[0]: expected a file: a file of a "),
        ({"text": "a", "give": "bad"}, "", "no such word"),
        ({"text": "a", "x" * 100_000: 1}, "", '"xxx'),
    ],
)
def test_what_is_wrong_is_told(web, body, query, told):
    status, said = error_of(send(web, body, query, **{"Content-Type": "application/json"}))
    assert status == 400 and said.startswith(told) and len(said) < 500


@pytest.mark.parametrize(
    ("body", "media", "told"),
    [
        (b"\xff", "text/plain", "text: expected text in UTF-8, got 1 bytes"),
        (b"x", "multipart/form-data; boundary=b", ""),
        (b"x", "multipart/form-data", ""),
        (b"{}", "application/json", "text: expected a string, got none"),
    ],
)
def test_bodies_that_are_not_what_they_are_called(web, body, media, told):
    status, said = error_of(send(web, body, Content_Type=media))
    assert status == 400 and said.startswith(told)


def test_what_the_model_raises(loader):
    status, said = error_of(send(loader.web, {"text": "a", "give": "fail"}))
    line = GIVER[: GIVER.index('raise RuntimeError("made')].count("\n") + 1
    assert status == 500
    assert said == f"predict raised RuntimeError: made to fail (model.py, line {line})"
    loader.wait_log("Traceback (most recent call last)")
    assert error_of(send(loader.web, {"text": "a", "give": "missing"})) == (404, "no such thing")
    status, said = error_of(send(loader.web, {"text": "a", "give": "nan"}))
    assert status == 500 and "the result has NaN or infinity, which JSON has not" in said
    status, said = error_of(send(loader.web, {"text": "a", "give": "object"}))
    assert status == 500 and "expected a result that JSON, a picture, sound, a file or" in said


def test_methods_and_paths(web):
    for method in ("PUT", "DELETE", "HEAD", "PATCH"):
        answer = web.request(method, "/predict")
        assert (answer.status, answer.headers["allow"]) == (405, "POST, GET, OPTIONS")
    status, told = error_of(web.request("PUT", "/predict"))
    assert (status, told) == (405, "expected POST or GET")
    for path in ("/predict/", "/predict/x", "/Predict", "/predictx"):
        assert web.request("POST", path, b"{}").status == 404
    assert "/predict" in web.request("POST", "/nothing", b"{}").message


def test_pages_of_any_origin_may_call(web):
    ask = {**PAGE, "Access-Control-Request-Headers": "content-type"}
    for method in ("POST", "GET"):
        ask["Access-Control-Request-Method"] = method
        answer = web.request("OPTIONS", "/predict", None, ask)
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert method in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "content-type"
    assert web.request("OPTIONS", "/predict").headers["allow"] == "POST, GET, OPTIONS"
    for body in ({"text": "a"}, {}):
        assert send(web, body, **PAGE).headers["access-control-allow-origin"] == "*"


def test_openapi_has_the_operation(loader, stream):
    document = loader.web.get("/openapi.json").json
    operation = document["paths"]["/predict"]["post"]
    assert operation["summary"] == "predict"
    assert operation["description"].startswith("Say what came.")
    content = operation["requestBody"]["content"]
    assert set(content) >= {"application/json", "multipart/form-data"}
    schema = content["multipart/form-data"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["text"]
    assert schema["properties"]["text"] == {"type": "string", "description": "what to read"}
    top = {"type": "integer", "minimum": 0, "default": 2, "description": "How many."}
    assert schema["properties"]["top"] == top
    assert schema["properties"]["mode"] == {"enum": ["fast", "best"], "default": "fast"}
    plain = content["application/json"]
    jsonschema.Draft202012Validator.check_schema(plain["schema"])
    jsonschema.validate(plain["example"], plain["schema"])
    assert send(loader.web, plain["example"]).status == 200
    body = {"text": "a", "picture": {"base64": "AA=="}, "files": [{"base64": "AA=="}]}
    jsonschema.validate(body, plain["schema"])
    assert {"200", "400", "500"} <= set(operation["responses"])
    answers = stream.web.get("/openapi.json").json["paths"]["/predict"]["post"]["responses"]["200"]
    assert "text/event-stream" in answers["content"]
