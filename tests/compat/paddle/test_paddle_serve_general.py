# SPDX-License-Identifier: Apache-2.0
"""GeneralModelService of ``serve``: JSON, proto, gRPC and baidu_std on one port."""

import gzip
import json

import numpy as np
import pytest
from aiges.contracts.paddle import _wire
from paddle_command import PRICE, ROW

PATH = "/GeneralModelService/inference"


def tensor(**more):
    made = {"float_data": ROW, "elem_type": 1, "name": "x", "alias_name": "x", "shape": [1, 13]}
    return {**made, **more}


def asked(**more):
    return {"tensor": [tensor()], "fetch_var_names": ["price"], "log_id": 0, **more}


def proto(rows=1, fetch=("price",), **more):
    request = _wire.v3().Request(fetch_var_names=fetch, **more)
    request.tensor.add(float_data=ROW * rows, elem_type=1, name="x", shape=[rows, 13])
    return request.SerializeToString()


def test_json(houses):
    answer = houses.post(PATH, asked())
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
    assert answer.body == (
        b'{"outputs":[{"tensor":[{"float_data":[18.901152],"elem_type":1,"shape":[1,1],'
        b'"name":"fc_0.tmp_1","alias_name":"price"}],"engine_name":"GeneralInferOp_0"}]}'
    )


def test_json_needs_neither_a_type_nor_names_of_outputs(houses):
    body = json.dumps({"tensor": [tensor(name="", alias_name="x")], "log_id": "7"})
    answer = houses.ask("POST", PATH, body)
    said = json.loads(answer.body)
    assert said["log_id"] == 7
    assert said["outputs"][0]["tensor"][0]["alias_name"] == "price"


def test_times_of_steps(houses):
    said = json.loads(houses.post(PATH, asked(profile_server=True)).body)
    begin, end = said["profile_time"]
    assert begin <= end
    assert "profile_time" in json.loads(
        houses.post(PATH.replace("inference", "debug"), asked()).body
    )


def test_proto(houses):
    answer = houses.ask("POST", PATH, proto(2), {"Content-Type": "application/proto"})
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/proto")
    response = _wire.v3().Response.FromString(answer.body)
    (output,) = response.outputs
    (price,) = output.tensor
    assert output.engine_name == "GeneralInferOp_0"
    assert list(price.float_data) == pytest.approx([PRICE, PRICE])
    assert (list(price.shape), price.alias_name, response.err_no) == ([2, 1], "price", 0)


def test_gzip_both_ways(houses):
    rows = {"tensor": [tensor(float_data=ROW * 50, shape=[50, 13])]}
    packed = gzip.compress(json.dumps(rows).encode())
    head = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    answer = houses.post(PATH, packed, **head)
    assert answer.getheader("Content-Encoding") == "gzip"
    assert (
        len(json.loads(gzip.decompress(answer.body))["outputs"][0]["tensor"][0]["float_data"]) == 50
    )
    small = houses.post(PATH, asked(), **{"Accept-Encoding": "gzip"})
    assert small.getheader("Content-Encoding") is None
    for body in (b"no gzip", packed[:-9], b""):
        answer = houses.post(PATH, body, **{"Content-Encoding": "gzip"})
        assert (answer.status, b"gzip" in answer.body) == (400, True)
    assert houses.post(PATH, b"", **{"Content-Encoding": "br"}).status == 400


@pytest.mark.parametrize("is_proto", [True, False])
@pytest.mark.parametrize("packs", [True, False])
def test_http_client(houses, models, is_proto, packs):
    from paddle_serving_client import HttpClient

    client = HttpClient("127.0.0.1", str(houses.port))
    client.load_client_config(str(models / "fit_a_line_client"))
    client.set_http_proto(is_proto)
    client.set_request_compress(packs)
    client.set_response_compress(packs)
    answer = client.predict({"x": np.array([ROW] * 300, "float32")}, ["price"], batch=True)
    prices = (
        answer.outputs[0].tensor[0].float_data
        if is_proto
        else answer["outputs"][0]["tensor"][0]["float_data"]
    )
    assert list(prices) == pytest.approx([PRICE] * 300)
    client.release()


def test_http_client_over_grpc(houses, models):
    pytest.importorskip("grpc")
    from paddle_serving_client import HttpClient

    client = HttpClient("127.0.0.1", str(houses.port))
    client.load_client_config(str(models / "fit_a_line_client"))
    client.set_use_grpc_client(True)
    answer = client.predict({"x": np.array(ROW, "float32")}, ["price"])
    assert answer.outputs[0].tensor[0].float_data[0] == pytest.approx(PRICE)
    client.release()


@pytest.mark.parametrize("generation", ["0.9", "0.6"])
def test_native_client(houses, models, generation):
    from paddle_serving_client import Client

    with Client(generation=generation) as client:
        client.load_client_config(str(models / "fit_a_line_client"))
        client.connect([f"127.0.0.1:{houses.port}"])
        assert client.predict({"x": ROW}, ["price"])["price"].tolist() == [[pytest.approx(PRICE)]]
        three = client.predict([{"x": ROW}] * 3, ["price"])
        assert three["price"].ravel().tolist() == pytest.approx([PRICE] * 3)
        assert client.predict({"x": np.zeros((2, 7), "float32")}, ["price"], batch=True) is None


def called(service, method, message, path=_wire.SERVICE):
    grpc = pytest.importorskip("grpc")
    with grpc.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        try:
            return channel.unary_unary(f"/{path}/{method}")(message, timeout=20)
        except grpc.RpcError as fault:
            return fault.code().name, fault.details()


def test_grpc(houses):
    response = _wire.v3().Response.FromString(called(houses, "inference", proto(log_id=9)))
    assert response.log_id == 9
    assert response.outputs[0].tensor[0].float_data[0] == pytest.approx(PRICE)
    assert called(houses, "nothing", b"")[0] == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"{", "expected a body of JSON"),
        (b"[" * 100_000, "expected a body of JSON"),
        (b"[]", "expected an object"),
        ({}, "tensor: expected a list"),
        ({"tensor": [1]}, "tensor[0]: expected an object"),
        ({"tensor": [tensor(name="y", alias_name="y")]}, "x is missing among y"),
        ({"tensor": [tensor(), tensor(name="y", alias_name="y")]}, "expected tensors x, got x, y"),
        ({"tensor": [tensor(shape=[2, 13])]}, "expected elements for shape [2, 13], got 13"),
        ({"tensor": [tensor(shape=[-1, 13])]}, "shape"),
        ({"tensor": [tensor(shape=[10**9, 10**9])]}, "shape"),
        ({"tensor": [tensor(float_data=["a"])]}, "tensor[0].float_data: expected numbers"),
        ({"tensor": [tensor(float_data=[[1.0] * 13])]}, "it has lists in it"),
        ({"tensor": [tensor(float_data=[None] * 13)]}, "expected numbers"),
        ({"tensor": [tensor(elem_type=99)]}, "expected an element type among"),
        (
            {"tensor": [tensor(elem_type=20, data=["a"])]},
            "expected elements of float32, got string",
        ),
        ({"tensor": [tensor(lod=[3, 1])]}, "expected LoD offsets"),
        ({"tensor": [tensor(float_data=ROW[:7], shape=[1, 7])]}, "the model did not run"),
        (asked(fetch_var_names=["cost"]), "fetch_var_names: expected price; got cost"),
        (asked(fetch_var_names="price"), "fetch_var_names: expected a list"),
        (asked(log_id="x"), "log_id: expected a number"),
    ],
)
def test_mistakes_are_told_as_such(houses, said, words):
    answer = houses.post(PATH, said)
    assert (answer.status, answer.getheader("Content-Type")) == (400, "text/plain")
    assert words in answer.body.decode()


def test_mistakes_of_messages(houses):
    other = _wire.v3().Request()
    other.tensor.add(float_data=ROW, elem_type=1, name="x", shape=[3, 13])
    wrong = [b"\xff\xff", b"", proto(fetch=["cost"]), other.SerializeToString()]
    for message in wrong:
        assert called(houses, "inference", message)[0] == "INVALID_ARGUMENT"
        head = {"Content-Type": "application/proto"}
        assert houses.ask("POST", PATH, message, head).status == 400


def test_no_pages_of_brpc(houses):
    for path in ("/vars", "/flags", "/status", "/rpcz", "/pprof/heap", "/", "/docs"):
        assert houses.ask("GET", path).status == 404, path
    assert houses.ask("GET", PATH).status == 405


def test_lod_goes_in_and_comes_out(served, models):
    from paddle_serving_client import Client

    service = served("--model", "imdb_model", "--thread", "4")
    for generation in ("0.9", "0.6"):
        with Client(generation=generation) as client:
            client.load_client_config(str(models / "imdb_client"))
            client.connect([f"127.0.0.1:{service.port}"])
            answer = client.predict({"words": [8, 233, 52]}, ["prediction", "scores"])
            assert answer["prediction"].shape == (1, 2)
            assert answer["scores.lod"].tolist() == [0, 3]
            two = client.predict({"words": [[8, 233], [52]]}, None, batch=True)
            assert two["scores.lod"].tolist() == [0, 2, 3]
            assert two["prediction"].shape == (2, 2)
    said = {"tensor": [{"int64_data": [8, 233, 52], "name": "words", "shape": [3, 1]}]}
    answer = json.loads(service.post(PATH, {**said}).body)["outputs"][0]["tensor"]
    assert [each["alias_name"] for each in answer] == ["prediction", "scores"]
    assert answer[1]["lod"] == [0, 3]
    said["tensor"][0]["lod"] = [0, 2, 9]
    assert b"words.lod: expected offsets from 0 to 3" in service.post(PATH, said).body
    said["tensor"][0].update(lod=[], int64_data=[10**7], shape=[1, 1])
    assert service.post(PATH, said).status == 400  # No such word; the service goes on.
    assert service.ask("GET", "/readyz").status == 200
