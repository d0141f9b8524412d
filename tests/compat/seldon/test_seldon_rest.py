# SPDX-License-Identifier: Apache-2.0
"""REST where we do better than the original, and what a gateway adds."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from seldon_service import HERE, Service
from waiting import wait_until

PREDICT = "/api/v1.0/predictions"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(binaries, tmp_path_factory):
    parameters = '[{"name":"delay","value":"0.4","type":"FLOAT"}]'
    folder = tmp_path_factory.mktemp("better")
    name, source = "seldon_units.Better", HERE / "seldon_units.py"
    toml = "[wrapper]\nmax_body_mb = 3\n"
    arguments = ("--parameters", parameters)
    with Service(binaries, folder, name, *arguments, sources=[source], toml=toml) as service:
        yield service


def info(answer):
    return answer[1]["status"]["info"]


def test_predict_runs_once_and_its_type_error_is_told(service):
    before = service.post(PREDICT, {"strData": "calls"})[1]["jsonData"]["calls"]
    answer = service.post(PREDICT, {"strData": "type-error"})
    assert answer[0] == 500 and info(answer) == "object of type 'int' has no len()"
    assert service.post(PREDICT, {"strData": "calls"})[1]["jsonData"]["calls"] == before + 2
    wait_until(lambda: "object of type 'int' has no len()" in service.log(), "the traceback")
    assert "in predict" in service.log()
    page = json.loads(service.get("/-/status.json")[1])
    listed = [each for each in page["failures"]["entries"] if "has no len()" in each["text"]]
    assert listed and "in predict" in listed[0]["detail"]


def test_load_is_called_once_by_us(service):
    assert service.post(PREDICT, {"strData": "calls"})[1]["jsonData"]["loads"] == 1


def test_longer_bodies_than_may_be_are_refused_though_the_model_is_busy(service):
    body = json.dumps({"strData": "a" * (3 << 20)}).encode()
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(service.post, PREDICT, {"strData": "gate"})
        wait_until((service.folder / "at-gate").exists, "the model at work", 20)
        try:
            answer = service.ask("POST", PREDICT, body, JSON)
        finally:
            (service.folder / "gate-open").touch()
        assert answer.status == 413 and busy.result()[0] == 200
    assert json.loads(answer.body)["status"] == {
        "status": 1,
        "code": -1,
        "info": "the body is longer than [wrapper] max_body_mb allows",
        "reason": "MICROSERVICE_BAD_DATA",
    }
    fits = service.post(PREDICT, {"strData": "a" * (2 << 20)})
    assert fits[0] == 200 and len(fits[1]["strData"]) == 2 << 20


def test_scalars_of_numpy_are_numbers(service):
    found = service.post(PREDICT, {"strData": "numpy"})
    assert found == (200, {"jsonData": {"a": 0.5, "b": [1], "c": [1.0]}, "meta": {}})
    assert service.post(PREDICT, {"strData": "numpy-list"})[0] == 200


def test_none_is_a_fault_of_the_model(service):
    status, answer = service.post(PREDICT, {"strData": "none"})
    assert status == 500 and answer["status"]["reason"] == "MICROSERVICE_INTERNAL_ERROR"
    assert answer["status"]["info"].startswith("predict returned None: expected a list")


def test_router_may_return_a_number_of_numpy(service):
    assert service.post("/route", {"strData": "x"})[1]["data"]["tensor"]["values"] == [2]


@pytest.mark.parametrize("null", ["meta", "data"])
def test_null_means_that_nothing_is_said(service, null):
    assert service.post(PREDICT, {"strData": "a", null: None}) == (
        200,
        {"meta": {}, "strData": "a"},
    )


@pytest.mark.parametrize("part", [{"data": [1]}, {"data": 1}, {"meta": 1}, {"meta": []}])
def test_parts_of_the_wrong_type_are_the_clients_fault(service, part):
    answer = service.post(PREDICT, {"strData": "a", **part})
    assert answer[0] == 400 and info(answer).startswith("Invalid request data type: ")


def test_metrics_of_clients_are_neither_echoed_nor_counted(service):
    metric = {"key": "injected", "type": "COUNTER", "value": 1}
    message = {"strData": "a", "meta": {"metrics": [metric], "tags": {"kept": 1}}}
    assert service.post(PREDICT, message)[1] == {"strData": "a", "meta": {"tags": {"kept": 1}}}
    assert "injected" not in service.get("/metrics", service.metrics)[1]


def test_feedback_tells_more_than_arrays(service):
    feedback = {"request": {"strData": "asked"}, "truth": {"jsonData": {"a": 1}}, "reward": 1}
    status, answer = service.post("/api/v1.0/feedback", feedback)
    assert status == 200
    assert answer["jsonData"] == {"features": "'asked'", "truth": "{'a': 1.0}"}


def test_tensors_of_tensorflow_need_no_tensorflow(service):
    content = "AACAPwAAAEA="  # 1.0, 2.0 as float32.
    tensor = {
        "dtype": "DT_FLOAT",
        "tensorShape": {"dim": [{"size": "2"}]},
        "tensorContent": content,
    }
    status, answer = service.post(PREDICT, {"data": {"tftensor": tensor}})
    assert status == 200 and answer["data"]["tftensor"] == tensor


def test_body_is_json_whatever_curl_says(service):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = service.ask("POST", PREDICT, b'{"strData": "a"}', form)
    assert (answer.status, answer.body) == (200, b'{"meta":{},"strData":"a"}\n')


@pytest.mark.parametrize("prefix", ["", "/deployment/name", "/seldon/name", "/seldon/space/name"])
def test_gateways_paths_lead_to_the_unit(service, prefix):
    message = {"strData": "a"}
    assert service.post(prefix + PREDICT, message) == (200, {"meta": {}, "strData": "a"})
    assert service.post(prefix + "/api/v1.0/feedback", {"request": message})[0] == 200
    for path in ("/ready", "/live", "/api/v1.0/metadata", "/api/v1.0/metadata/unit",
                 "/api/v1.0/status/unit", "/api/v1.0/health/status"):  # fmt: skip
        assert service.get(prefix + path)[0] == 200, path


@pytest.mark.parametrize(
    "path", ["/seldon", "/seldon/a", "/seldon/a/b/c/d" + PREDICT, "/deployment/x"]
)
def test_other_paths_of_gateways_are_none(service, path):
    assert service.ask("POST", path, b"{}", JSON).status == 404


def test_number_of_a_request_comes_back(service):
    answer = service.ask("POST", PREDICT, b'{"strData":"a"}', {**JSON, "Seldon-Puid": "p-1"})
    assert answer.getheader("Seldon-Puid") == "p-1"
    assert service.ask("POST", PREDICT, b'{"strData":"a"}', JSON).getheader("Seldon-Puid") is None
    made = service.ask("POST", "/seldon/a" + PREDICT, b'{"strData":"a"}', JSON)
    assert made.getheader("Seldon-Puid")


def test_pages_of_other_origins_may_call(service):
    asked = {"Origin": "http://x", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "X-Own"}  # fmt: skip
    answer = service.ask("OPTIONS", PREDICT, headers=asked)
    assert answer.status == 200 and answer.getheader("Access-Control-Allow-Headers") == "X-Own"
    assert "POST" in answer.getheader("Access-Control-Allow-Methods")
    assert service.ask("GET", "/health/ping").getheader("Access-Control-Allow-Origin") == "*"


def test_methods_that_are_not_taken_are_named(service):
    answer = service.ask("DELETE", PREDICT)
    assert answer.status == 405 and answer.getheader("Allow") == "OPTIONS, POST"
    assert json.loads(answer.body)["status"]["info"].startswith("405 Method Not Allowed: ")
    assert service.ask("HEAD", "/health/ping").status == 200


def test_pages_of_the_host_are_not_shown_to_everybody(service):
    for path in ("/", "/status.json", "/docs", "/swagger/index.html"):
        assert service.get(path)[0] == 404, path
    assert service.get("/-/status.json")[0] == 200  # This machine may.
    assert service.ask("POST", "/admin/reload").status == 404


def test_document_names_the_paths(service):
    for path in ("/seldon.json", "/openapi.json"):
        status, text = service.get(path)
        assert status == 200 and PREDICT in json.loads(text)["paths"]


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\n"
        b"Content-Length: 1\r\n\r\nx",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=m\r\n"
        b"Content-Length: 4\r\n\r\n--m\n",
        b"GET /predict?json=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 200000\r\n\r\n" + b"[" * 200000,
    ],
)
def test_hostile_requests_are_answered_in_json(service, sent):
    with socket.create_connection(("127.0.0.1", service.rest), timeout=20) as client:
        client.sendall(sent)
        got = b""
        while b'"status":1}}\n' not in got:
            piece = client.recv(4096)
            assert piece, got
            got += piece
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 500"))


def test_one_call_is_in_the_model_and_pages_are_answered_beside(service):
    with ThreadPoolExecutor(5) as pool:
        slow = [pool.submit(service.post, PREDICT, {"strData": "slow"}) for _ in range(5)]
        while not any(call.done() for call in slow):
            assert service.get("/health/ping") == (200, "pong")
            assert service.get("/ready")[0] == 200
        answers = [call.result() for call in slow]
    assert {status for status, _ in answers} == {200}
    assert {answer["jsonData"]["most"] for _, answer in answers} == {1}


TENSOR = b'{"shape": [1], "values": [1]}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"data": {"tensor": {"shape": [1], "values": [1]}}}',
            {"tensor": {"shape": [1], "values": [1]}},
        ),
        (b"[[1, 2.5]]", {"ndarray": [[1.0, 2.5]]}),
        (b'"plain"', "plain"),
        (b"no JSON", "no JSON"),
    ],
)
def test_hosts_own_protocols_predict_too(service, body, expected):
    answer = service.ask("POST", "/v1/raw/svcName", body, {"Content-Type": "text/plain"})
    assert answer.status == 200, answer.body
    found = json.loads(answer.body)
    data = found.get("data") or found.get("strData")
    if isinstance(data, dict):
        data.pop("names")
    assert data == expected


def test_hosts_own_protocols_tell_whose_fault_it_is(service):
    answer = service.ask("POST", "/v1/raw/svcName", b'{"data": 1}', {"Content-Type": "text/plain"})
    assert answer.status == 400 and b"Invalid request data type" in answer.body
    answer = service.ask("POST", "/v1/raw/svcName", b'{"strData": "type-error"}')
    assert answer.status == 500 and b"has no len()" in answer.body
