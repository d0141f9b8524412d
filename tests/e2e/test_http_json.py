# SPDX-License-Identifier: Apache-2.0
"""/v1/json/<service>: a plain JSON object in, one out; and the names of requests, X-Request-Id."""

import base64
import json

import jsonschema
import pytest
from declared import MIRROR
from test_http_events import TOKENS, parse

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
PATH = "/v1/json/svcName"

MIXED = """
from aiges.dto import Response

def item(key, kind, data, desc):
    return {"key": key, "type": kind, "data": data, "len": len(data), "status": 3, "desc": desc}

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        if params.get("fail"):
            raise ValueError("failed")
        desc = {"format": "json"} if params.get("json") else {}
        response = Response()
        response.list = [item(i.key, i.type, i.data, desc) for i in reqData.list]
        for name in ("a", "b"):
            if params.get(name):
                response.list.append(item(name, 0, params[name].encode(), {}))
        return response
"""


@pytest.fixture(scope="module")
def web(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("json"), MIXED) as started:
        yield started.web


def post(web, body, query="", path=PATH, **headers):
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"Content-Type": "application/json", **headers}
    return web.request("POST", path + query, text, headers)


def test_text_goes_and_comes_as_a_string(web):
    answer = post(web, {"text": 'hi "you" ä\n'}, "?p.a=1")
    assert (answer.status, answer.json) == (200, {"text": 'hi "you" ä\n', "a": "1"})
    assert answer.headers["content-type"] == "application/json"
    assert "server-timing" in answer.headers


def test_json_goes_and_comes_as_json(web):
    sent = {"boxes": [1, {"a": None}], "n": 2.5, "yes": True, "o": {}}
    assert post(web, sent, "?p.json=1").json == sent
    text = {"boxes": '[1,{"a":null}]', "n": "2.5", "yes": "true", "o": "{}"}
    assert post(web, sent).json == text


def test_bytes_go_and_come_with_their_type(web):
    image = {"base64": base64.b64encode(PNG).decode(), "type": "image/png"}
    assert post(web, {"img": image}).json == {"img": image}
    answer = post(web, {"x": {"base64": "AAE="}})
    assert answer.json == {"x": {"base64": "AAE=", "type": "application/octet-stream"}}


@pytest.mark.parametrize(
    ("body", "query", "status", "code", "text"),
    [
        ("[]", "", 400, 10000, "the body is not a JSON object"),
        ("", "", 400, 10000, "the body is not a JSON object"),
        ("{}", "", 400, 10009, "expected at least one payload"),
        ('{"a": null}', "", 400, 10001, "a: expected a string, JSON or"),
        ('{"a": {"base64": "*"}}', "", 400, 10001, "a: base64: expected standard base64"),
        ('{"a": 1}', "?key=a", 400, 10001, "?key: unknown; expected timeout_ms, p.<name>"),
        ('{"a": "\\u0000", "b\\u0000": ""}', "", 400, 10009, "NUL"),
        ('{"a": ""}', "?p.fail=1", 500, 10909, "failed"),
    ],
)
def test_errors_are_an_object_of_their_own(web, body, query, status, code, text):
    answer = post(web, body, query)
    assert (answer.status, set(answer.json)) == (status, {"error"})
    assert answer.json["error"]["code"] == code
    assert text in answer.json["error"]["message"]


def test_other_mistakes_are_said_in_the_same_form(web):
    answer = post(web, {"a": ""}, path="/v1/json/other")
    assert (answer.status, answer.json["error"]["code"]) == (404, 10003)
    answer = web.get(PATH)
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.json["error"]["message"] == "expected POST"
    answer = web.request("POST", PATH, b"x", {"Content-Type": "image/png"})
    assert (answer.status, answer.json["error"]["code"]) == (415, 10000)
    assert post(web, {"a": ""}, path=PATH + "/more").status == 404


def test_large_bodies_are_answered_too(web):
    text = "ä" * 200_000
    assert post(web, {"text": text}).json == {"text": text}


def test_a_form_is_taken_too(web):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="img"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = web.request("POST", PATH, body, headers)
    assert answer.json["a"] == "1"
    assert base64.b64decode(answer.json["img"]["base64"]) == PNG


def test_a_page_of_another_origin_may_call(web):
    page = {"Origin": "https://page.example"}
    asked = web.request("OPTIONS", PATH, None, {**page, "Access-Control-Request-Method": "POST"})
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert post(web, {"a": ""}, **page).headers["access-control-allow-origin"] == "*"


def test_events_are_plain_too(start):
    loader = start(TOKENS)
    answer = post(loader.web, {"text": "x"}, "?p.n=3", Accept="text/event-stream")
    assert answer.headers["content-type"] == "text/event-stream"
    assert parse(answer.body.decode()) == [
        *(("message", str(n + 1), {"result": f"t{n}\n"}) for n in range(3)),
        ("end", None, {}),
    ]
    answer = post(loader.web, {"text": "x"}, "?p.n=3&p.bad=1", Accept="text/event-stream")
    *_, (event, _, data) = parse(answer.body.decode())
    assert event == "error"
    assert "bad token" in data["error"]["message"]
    answer = post(loader.web, {}, Accept="text/event-stream")
    assert (answer.status, set(answer.json)) == (400, {"error"})


def test_the_document_is_about_it(start):
    loader = start(MIRROR, config={"http": {"validate": True}})
    found = loader.web.get("/-/openapi.json").json
    operation = found["paths"][PATH]["post"]
    names = [parameter["name"] for parameter in operation["parameters"]]
    assert names == ["timeout_ms", "p.count", "p.rate", "p.loud", "p.name"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    schemas = found["components"]["schemas"]
    jsonschema.validate(example, schemas["PlainRequest"])
    answer = post(loader.web, example, "?p.count=3")
    assert answer.status == 200, answer.body
    jsonschema.validate(answer.json, schemas["PlainAnswer"])
    answer = post(loader.web, example, "?p.count=99")
    assert (answer.status, answer.json["error"]["code"]) == (400, 10107)
    jsonschema.validate(answer.json, schemas["PlainError"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"img": "text"}, schemas["PlainRequest"])
    assert post(loader.web, {"img": "text"}).status == 400


@pytest.mark.parametrize(
    "path", ["/healthz", "/-/status.json", "/nothing", "/v1/raw/svcName", "/docs", "/admin/reload"]
)
def test_every_answer_has_the_name_of_its_request(web, path):
    assert web.request("GET", path, None, {"X-Request-Id": "mine-1"}).headers["x-request-id"] == (
        "mine-1"
    )
    made = [web.get(path).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(len(name) == 36 for name in made)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 129, "a\tb"])
def test_a_name_that_is_none_is_not_taken(web, name):
    answer = web.request("GET", "/healthz", None, {"X-Request-Id": name.encode()})
    assert len(answer.headers["x-request-id"]) == 36


def test_the_longest_name_is_taken(web):
    name = "~!" * 64
    assert (
        web.request("GET", "/healthz", None, {"X-Request-Id": name}).headers["x-request-id"] == name
    )


def test_the_sid_stays_the_services_own(web):
    body = {"payload": {"text": {"text_plain": "x"}}}
    path = "/v1/private/svcName"
    named = post(web, body, path=path, **{"X-Request-Id": "mine"})
    assert named.headers["x-request-id"] == "mine"
    assert len(named.json["header"]["sid"]) == 36
    made = post(web, body, path=path)
    assert made.headers["x-request-id"] == made.json["header"]["sid"]


def test_what_failed_is_listed_by_the_clients_name(start):
    loader = start(MIXED)
    post(loader.web, {"a": ""}, "?p.fail=1", **{"X-Request-Id": "order-7"})
    entries = loader.web.get("/-/status.json").json["failures"]["entries"]
    assert [entry["sid"] for entry in entries] == ["order-7"]
