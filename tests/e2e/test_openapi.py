# SPDX-License-Identifier: Apache-2.0
"""/openapi.json: of the wrapper that runs, true for those who generate requests from it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from declared import MIRROR
from loader_process import ROOT, Loader
from waiting import wait_until

V1 = """
SCHEMA = {}
def wrapperSchema(): return SCHEMA
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({"key": "value", "data": "x", "len": 1, "status": 3, "type": 0})
    return 0
"""
PNG = b"\x89PNG\r\n\x1a\n"
# Declares a text and a picture, and gives what the parameter says, of any of the forms.
GIVER = """
from aiges.dto import Response, ResponseData
from aiges.sdk import ImageBodyField, StringBodyField, StringParamField, WrapperBase


class Request:
    text = StringBodyField(key="text")
    give = StringParamField(key="give", maxLength=100)


class Answer:
    result = StringBodyField(key="result")
    img = ImageBodyField(key="img")


class Wrapper(WrapperBase):
    requestCls, responseCls = Request(), Answer()

    def wrapperOnceExec(self, params, reqData):
        response = Response()
        for letter in params["give"]:
            answer = ResponseData()
            answer.key, answer.type = ("img", 2) if letter == "i" else ("result", 0)
            answer.setData({"i": b"\\xff", "b": b"\\xe6\\x97"}.get(letter, letter.encode()))
            response.list.append(answer)
        return response
"""


@pytest.fixture(scope="module")
def mirror(binaries, tmp_path_factory):
    config = {"http": {"validate": True}}
    with Loader(binaries, tmp_path_factory.mktemp("mirror"), MIRROR, config=config) as loader:
        yield loader


@pytest.fixture(scope="module")
def giver(binaries, tmp_path_factory):
    config = {"http": {"validate": True}}
    with Loader(binaries, tmp_path_factory.mktemp("giver"), GIVER, config=config) as loader:
        yield loader


def document(loader):
    answer = loader.web.get("/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json


def envelope(**changes):
    body = {
        "header": {"appid": "x", "status": 3},
        "parameter": {"mirror": {"count": 3}},
        "payload": {"img": {"image": base64.b64encode(PNG).decode()}},
    }
    return {**body, **changes}


def post(loader, path, body):
    headers = {"Content-Type": "application/json"}
    return loader.web.request("POST", path, json.dumps(body), headers)


def test_document_tells_what_the_wrapper_declares(mirror):
    found = document(mirror)
    assert found["openapi"] == "3.1.0"
    assert list(found["paths"])[:2] == ["/v2/private/svcName", "/mirror"]
    raw = found["paths"]["/v1/raw/svcName"]["post"]
    names = [p["name"] for p in raw["parameters"]]
    assert names == ["key", "type", "output", "timeout_ms", "p.count", "p.rate", "p.loud", "p.name"]
    assert "image/png" in raw["requestBody"]["content"]


@pytest.mark.parametrize("path", ["/v2/private/svcName", "/v9/private/svcName", "/mirror"])
def test_every_route_is_served(mirror, path):
    answer = post(mirror, path, envelope())
    assert answer.status == 200, answer.body
    image = answer.json["payload"]["out"]["image"]
    assert base64.b64decode(image) == PNG


def test_example_of_the_document_is_answered(mirror):
    operation = document(mirror)["paths"]["/mirror"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert post(mirror, "/mirror", example).status == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"parameter": {"mirror": {"count": 12}}},
            "parameter.mirror.count: expected integer from 1",
        ),
        ({"header": {"status": 3}}, "header.appid: expected string"),
        ({"payload": {"img": {}}}, "payload.img.image: expected string"),
    ],
)
def test_request_that_breaks_the_schema_is_refused_with_its_place(mirror, changes, text):
    answer = post(mirror, "/mirror", envelope(**changes))
    assert answer.status == 400
    assert answer.code == 10107
    assert text in answer.message


def test_raw_call_takes_the_declared_input_where_the_query_says_none(mirror):
    answer = mirror.web.raw_mode(PNG, "?p.count=3")
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?key=pic", 'key: expected one of img, got "pic"'),
        ("?type=text", "type: expected image for img, got text"),
        ("?p.count=many", 'p.count: expected integer from 1 to 9, got "many"'),
    ],
)
def test_raw_call_that_breaks_the_schema_is_refused(mirror, query, text):
    answer = mirror.web.raw_mode(PNG, query)
    assert answer.status == 400
    assert answer.message == text


@pytest.mark.parametrize(
    ("give", "result", "pictures"),
    [("t", "t", 0), ("tt", "tt", 0), ("b", None, 0), ("tbi", None, 1), ("iti", "t", 2)],
)
def test_answers_of_every_form_are_as_the_document_says(giver, give, result, pictures):
    sent = {"payload": {"text": {"text_plain": "x"}}, "parameter": {"svcName": {"give": give}}}
    found = document(giver)
    jsonschema.validate(sent, found["components"]["schemas"]["Request"])
    answer = giver.web.envelope(sent)
    assert answer.status == 200, answer.body
    jsonschema.validate(answer.json, found["components"]["schemas"]["Answer"])
    payload = answer.json["payload"]
    assert payload["result"].get("text") == result
    assert isinstance(payload.get("img"), list) == (pictures > 1)


def test_document_refuses_what_the_loader_refuses(giver):
    request = document(giver)["components"]["schemas"]["Request"]
    for payload in ({"text": "", "text_plain": ""}, {}, {"text": "", "image": ""}, {"text": "h"}):
        sent = {"payload": {"text": payload}, "parameter": {"svcName": {"give": "t"}}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(sent, request)
        assert giver.web.envelope(sent).status == 400
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"payload": {}, "more": 1}, request)


# [http] validate refused it: fields of the SDK ask for header.appid.
def test_request_of_the_quick_start_passes_the_checks(binaries, tmp_path):
    page = (ROOT / "docs/quick_start.md").read_text(encoding="utf-8")
    source, *_ = re.findall(r"file model.py -->\n```python\n(.*?)```", page, re.DOTALL)
    requests = re.findall(r"--json '(.+)' http://127.0.0.1:1888/predict", page)
    assert requests
    (tmp_path / "project").mkdir()
    (tmp_path / "project/model.py").write_text(source)
    config = {"http": {"validate": True}}
    with Loader(binaries, tmp_path / "run", tmp_path / "project", config=config) as loader:
        answer = post(loader, "/predict", json.loads(requests[0]))
        assert answer.status == 200, answer.body
        assert isinstance(answer.json, dict)


def test_request_of_a_created_wrapper_passes_the_checks(binaries, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "aiges", "create", "hello", "--style", "v2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "sdk")},
        check=True,
        capture_output=True,
    )
    config = {"http": {"validate": True}}
    project = tmp_path / "hello"
    with Loader(
        binaries, tmp_path / "run", project / "wrapper", config=config, service="hello"
    ) as loader:
        request = {"header": {"appid": "me", "status": 3}, "payload": {"text": {"text": "aGk="}}}
        answer = post(loader, "/v1/private/hello", request)
        assert answer.status == 200, answer.body
        assert answer.json["payload"]["result"]["text"].startswith("HI")


def test_nothing_is_refused_unless_the_configuration_says_so(start):
    loader = start(MIRROR)
    body = envelope(parameter={"mirror": {"count": 12}})
    assert post(loader, "/mirror", body).status == 200
    assert loader.web.raw_mode(PNG, "?key=pic").status == 200


def test_a_wrapper_of_functions_may_declare_a_schema(start):
    schema = {"meta": {"version": "v7", "route": "/seven"}, "schemainput": {"type": "object"}}
    loader = start(V1.replace("SCHEMA = {}", f"SCHEMA = {schema!r}"))
    assert list(document(loader)["paths"])[:2] == ["/v7/private/svcName", "/seven"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 5", "expected a JSON object, got something else"),
        ("return object()", "its schema is left out: TypeError"),
        ("raise ValueError('no idea')", "its schema is left out: ValueError: no idea"),
        ("return '[' * 900000", "the schema of the engine: expected"),
        ("return 'x' * 2000000", "wrapperSchema: expected at most 1048576 bytes"),
    ],
)
def test_schema_that_is_none_is_said_and_the_service_runs(start, body, said):
    loader = start(V1.replace("return SCHEMA", body))
    assert "/v1/private/svcName" in document(loader)["paths"]
    loader.wait_log(said)
    assert loader.web.raw_mode(b"x").status == 200


def test_reload_brings_the_new_schema(start):
    loader = start(MIRROR)
    assert "/mirror" in document(loader)["paths"]
    changed = MIRROR.replace('["/mirror"]', '"/glass"')
    (loader.wrapper_folder / "wrapper.py").write_text(changed, encoding="utf-8")
    loader.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "/glass" in document(loader)["paths"], "the new route")
    assert post(loader, "/glass", envelope()).status == 200
    assert post(loader, "/mirror", envelope()).status == 404


def test_docs_can_be_turned_off(start):
    loader = start(MIRROR, config={"http": {"docs": False}})
    for path in ("/openapi.json", "/docs", "/ui/swagger-ui.css"):
        assert loader.web.get(path).status == 404
    assert loader.web.get("/status.json").json["openapi"] is False


def test_old_address_of_the_page_leads_to_it(mirror):
    answer = mirror.web.get("/swagger/index.html")
    assert (answer.status, answer.headers["location"]) == (302, "/docs")


def test_files_of_the_page_come_as_the_client_can_read_them(mirror):
    path = "/ui/swagger-ui.css"
    packed = mirror.web.request("GET", path, headers={"Accept-Encoding": "gzip"})
    # http.client asks for "identity".
    plain = mirror.web.get(path)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert len(packed.body) * 3 < len(plain.body)


def test_requests_made_from_the_document_are_answered_as_it_says(mirror, tmp_path):
    """schemathesis makes hundreds of requests out of the document, right and wrong ones.

    504 is the right answer to its timeout_ms of 1 where the machine is busy.
    """
    (tmp_path / "schemathesis.toml").write_text(
        '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "504"]\n'
    )
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run"),
            *("--max-examples", "40", "--seed", "1", "--no-color", "--suppress-health-check=all"),
            *("--exclude-path", "/metrics", "--request-timeout", "20"),
            f"http://{mirror.http}/openapi.json",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
