# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol over HTTP as it lies on the wire: routes, codes, bodies."""

import gzip
import hashlib
import json
import struct

import pytest
from oip_loader import infer_json, oip_loader

ZEROS = [0.5] * 16
INPUT = {"name": "INPUT0", "datatype": "FP32", "shape": [1, 16], "data": ZEROS}


@pytest.fixture(scope="module")
def identity(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    with oip_loader(binaries, folder, "identity", oip={"server_name": "triton"}) as loader:
        yield loader


@pytest.fixture(scope="module")
def raw(binaries, tmp_path_factory):
    with oip_loader(binaries, tmp_path_factory.mktemp("raw"), "raw") as loader:
        yield loader


@pytest.fixture(scope="module")
def plain(binaries, tmp_path_factory):
    with oip_loader(binaries, tmp_path_factory.mktemp("plain"), "plain") as loader:
        yield loader


@pytest.fixture(scope="module")
def repeat(binaries, tmp_path_factory):
    with oip_loader(binaries, tmp_path_factory.mktemp("repeat"), "repeat") as loader:
        yield loader


def test_health_has_a_status_and_a_body(identity):
    for path, body in (
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/m/ready", {"name": "m", "ready": True}),
        ("/v2/models/m/versions/1/ready", {"name": "m", "ready": True}),
    ):
        answer = identity.web.get(path)
        assert (answer.status, answer.json) == (200, body), path


def test_metadata_lists_and_what_is_not_there(identity):
    for path in ("/v2", "/v2/"):
        assert identity.web.get(path).json["name"] == "triton"
    assert identity.web.get("/v2/models").json == {"models": ["svcName"]}
    assert identity.web.get("/v2/models/stats").json["model_stats"][0]["name"] == "svcName"
    for path in ("/v2/models/m/nothing", "/v2/models/m/versions/x"):
        answer = identity.web.get(path)
        assert (answer.status, answer.json) == (404, {"error": "Not Found"}), path
    answer = identity.web.get("/v2/models/m/infer")
    assert (answer.status, answer.json) == (405, {"error": "Method Not Allowed"})
    assert identity.web.get("/v2/models/m/versions/7").status == 404


def test_json_in_and_out(identity):
    body = {"id": "a", "inputs": [INPUT], "parameters": {"params": '{"n": 1, "s": "t"}'}}
    answer = infer_json(identity, body)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "id": "a",
        "model_name": "m",
        "model_version": "1",
        "parameters": {"n": 1, "s": "t"},
        "outputs": [{"name": "OUTPUT0", "datatype": "FP32", "shape": [1, 16], "data": ZEROS}],
    }


def test_the_engine_sees_all_that_the_client_said(identity):
    body = {
        "id": "a",
        "inputs": [INPUT],
        "parameters": {"show": "oip", "n": 1, "x": 2.5, "b": False},
    }
    outputs = {one["name"]: one for one in infer_json(identity, body).json["outputs"]}
    assert json.loads(outputs["oip"]["data"][0]) == {
        "checked": True,
        "id": "a",
        "parameters": {"show": "oip", "n": 1, "x": 2.5, "b": False},
        "outputs": [],
    }


def test_binary_data_both_ways(identity):
    data = struct.pack("<16f", *range(16))
    text = json.dumps(
        {
            "inputs": [
                {
                    "name": "INPUT0",
                    "datatype": "FP32",
                    "shape": [1, 16],
                    "parameters": {"binary_data_size": 64},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    answer = infer_json(identity, text + data, headers=headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    head = json.loads(answer.body[:length])
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 64}
    assert answer.body[length:] == data
    answer = infer_json(identity, text + data[:-1], headers=headers)
    assert answer.status == 400 and "input byte size mismatch" in answer.json["error"]


def test_a_raw_request(raw):
    data = struct.pack("<3f", 1, 2, 3)
    answer = infer_json(raw, data, headers={"Inference-Header-Content-Length": "0"})
    length = int(answer.headers["inference-header-content-length"])
    assert answer.body[length:] == data
    assert json.loads(answer.body[:length])["outputs"][0]["shape"] == [3]


def test_a_tensor_of_megabytes(raw):
    data = bytes(range(256)) * 8192  # Parsed elsewhere, and in memory that the worker reads.
    answer = infer_json(raw, data, headers={"Inference-Header-Content-Length": "0"})
    assert answer.body.endswith(data)
    numbers = [1.5] * 50_000
    body = {"inputs": [{"name": "IN", "datatype": "FP32", "shape": [50_000], "data": numbers}]}
    assert infer_json(raw, body).json["outputs"][0]["data"] == numbers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "parse"),
        (b"[]", "object"),
        ({"inputs": [{**INPUT, "data": [True] * 16}]}, "data[0]"),
        ({"inputs": [{**INPUT, "shape": [1, -16]}]}, "shape"),
        ({"inputs": [{**INPUT, "data": [0]}]}, "true shape"),
        ({"inputs": [INPUT], "parameters": {"a": []}}, "'a'"),
        ({"inputs": [INPUT], "parameters": {"triton_a": 1}}, "triton_"),
        ({"inputs": [INPUT], "outputs": [{"name": "X"}]}, "unexpected inference output 'X'"),
    ],
)
def test_bad_input_is_the_clients_fault(identity, body, text):
    answer = infer_json(identity, body)
    assert answer.status == 400
    assert text in answer.json["error"]


def test_codings_that_are_not_served(identity):
    answer = infer_json(identity, b"x", headers={"Content-Encoding": "br"})
    assert answer.status == 501 and answer.headers["accept-encoding"] == "gzip, deflate"
    answer = infer_json(identity, b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status == 400
    packed = gzip.compress(json.dumps({"inputs": [INPUT]}).encode())
    assert infer_json(identity, packed, headers={"Content-Encoding": "gzip"}).status == 200


def test_an_engine_without_tensors(plain):
    assert plain.web.get("/v2/models/m").json["inputs"] == []
    body = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["abc"]}]}
    assert infer_json(plain, body).json["outputs"] == [
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["ABC"]}
    ]
    answer = infer_json(plain, {"text": "abc"}, path="generate")
    assert answer.json == {"model_name": "m", "model_version": "1", "text": "ABC"}


def test_predict_of_kserve(raw, plain):
    answer = raw.web.request("POST", "/v1/models/m:predict", b'{"instances": [1, 2.5]}')
    assert (answer.status, answer.json) == (200, {"predictions": [1.0, 2.5]})
    answer = raw.web.request("POST", "/v1/models/m:explain", b'{"inputs": [1]}')
    assert answer.json == {"explanations": [1.0]}
    answer = raw.web.request("POST", "/v1/models/m:predict", b'{"instances": 1}')
    assert answer.status == 400 and "instances" in answer.json["error"]
    answer = plain.web.request("POST", "/v1/models/m:predict", b'{"instances": ["a"]}')
    assert answer.json == {"predictions": {"INSTANCES": ["A"]}}
    assert raw.web.request("POST", "/v1/models/m:nothing", b"{}").status == 405


def test_generate_streams_events(repeat):
    answer = infer_json(repeat, {"IN": [1, 2, 3]}, path="generate_stream")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
    assert [json.loads(event)["OUT"] for event in events] == [1, 2, 3]
    answer = infer_json(repeat, {"IN": [7]}, path="generate")
    assert answer.json == {"model_name": "m", "model_version": "1", "OUT": 7}
    answer = infer_json(repeat, {"IN": [7, 8]}, path="generate")
    assert answer.status == 501 and "exactly 1 response" in answer.json["error"]
    answer = infer_json(repeat, {}, path="generate_stream")
    assert answer.status == 400
    answer = infer_json(repeat, {"IN": [1], "fail": 1}, path="generate_stream")
    assert answer.status == 400 and answer.json["error"]


def test_shared_memory_is_off_by_default(identity):
    path = "/v2/systemsharedmemory/region/a/register"
    answer = identity.web.request("POST", path, b'{"key": "/a", "byte_size": 1}')
    assert answer.status == 501
    assert identity.web.get("/v2/systemsharedmemory/status").json == []
    assert identity.web.get("/v2/cudasharedmemory/status").json == []
    answer = identity.web.request("POST", "/v2/cudasharedmemory/region/a/register", b"{}")
    assert answer.status == 501


def test_repository_and_settings(identity):
    index = identity.web.request("POST", "/v2/repository/index").json
    assert [one["name"] for one in index] == ["svcName"] and index[0]["state"] == "READY"
    assert identity.web.request("POST", "/v2/repository/a/index").status == 501
    answer = identity.web.request(
        "POST", "/v2/repository/models/m/load", b'{"parameters":{"a":"b"}}'
    )
    assert answer.status == 400 and "unrecognized load parameter" in answer.json["error"]
    assert identity.web.request("POST", "/v2/repository/models/m/unload", b"{}").status == 501
    answer = identity.web.request("POST", "/v2/logging", b'{"log_file": "x"}')
    assert answer.status == 501
    assert identity.web.get("/v2/logging").json["log_info"] is True
    answer = identity.web.request("POST", "/v2/models/m/trace/setting", b'{"trace_rate": "5"}')
    assert answer.json["trace_rate"] == "5"
    assert identity.web.get("/v2/trace/setting").json["trace_rate"] == "1000"


def test_keys_are_for_calls_and_not_for_probes(binaries, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"app sha256:{hashlib.sha256(b'k-app').hexdigest()} call\n", encoding="utf-8")
    loader = oip_loader(binaries, tmp_path / "keyed", "raw", access={"keys_file": str(keys)})
    with loader:
        assert loader.web.get("/v2/health/ready").status == 200
        assert loader.web.get("/v2/models/m/ready").status == 200
        answer = loader.web.get("/v2/models/m")
        assert answer.status == 401 and "key" in answer.json["error"]
        key = {"X-Api-Key": "k-app"}
        assert loader.web.request("GET", "/v2/models/m", headers=key).status == 200
        body = {"inputs": [{"name": "IN", "datatype": "FP32", "shape": [1], "data": [1]}]}
        assert infer_json(loader, body).status == 401
        assert infer_json(loader, body, headers=key).status == 200
        for path in ("/v2/logging", "/v2/repository/models/m/load"):
            assert loader.web.request("POST", path, b"{}", key).status == 403, path
