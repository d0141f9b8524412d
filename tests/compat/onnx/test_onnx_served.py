# SPDX-License-Identifier: Apache-2.0
"""The real loader with an .onnx file and no code."""

import base64
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx_models as models
import pytest
from aiges.client import Client, DataType, EngineError, Payload


def payload(name, array):
    data = models.tensor_bytes(array)
    return Payload(name, data, DataType.OTHER, attributes=models.desc_of(array))


def call(client, **arrays):
    reply = client.once([payload(name, array) for name, array in arrays.items()])
    return {
        name: models.array_of(item.data, item.attributes) for name, item in reply.payloads.items()
    }


def rows(count, seed=1):
    return np.random.default_rng(seed).standard_normal((count, 64)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "model"
    place.mkdir()
    return place


def test_a_folder_with_a_model_is_served(start, folder):
    models.mlp(folder / "mlp.onnx")
    loader = start(folder)
    with Client(loader.grpc, "svcName") as client:
        x = rows(3)
        np.testing.assert_allclose(
            call(client, x=x)["y"], models.mlp_answer(x), rtol=1e-4, atol=1e-5
        )
        with pytest.raises(EngineError, match=r"Expected \[-1,64\], got \[3,63\]"):
            call(client, x=x[:, 1:])


def test_calls_in_flight_run_together_and_all_are_right(start, folder):
    models.mlp(folder / "mlp.onnx")
    loader = start(folder, config={"batch": {"max_size": 16}})
    sent = [rows(1 + n % 3, seed=n) for n in range(200)]
    with Client(loader.grpc, "svcName") as client, ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda x: call(client, x=x)["y"], sent))
    for x, answer in zip(sent, answers):
        np.testing.assert_allclose(answer, models.mlp_answer(x), rtol=1e-4, atol=1e-5)


def test_envelope_takes_and_gives_base64(start, folder):
    models.add_sub(folder / "m.onnx")
    loader = start(folder, config={"aiges": {"contract": "onnx"}})
    one = np.arange(4, dtype=np.float32).reshape(1, 4)
    data = base64.b64encode(one.tobytes()).decode()
    each = {"other": data, "datatype": "FP32", "shape": "1,4"}
    answer = loader.web.envelope({"payload": {"a": each, "b": each}})
    assert answer.status == 200, answer.body
    found = answer.json["payload"]["sum"]
    assert found["datatype"] == "FP32" and found["shape"] == "1,4"
    assert np.frombuffer(base64.b64decode(found["other"]), np.float32).tolist() == [0, 2, 4, 6]
    refused = loader.web.envelope({"payload": {"a": each}})
    assert refused.status == 400 and "missing required input(s) ['b']" in refused.message


@pytest.mark.parametrize(
    ("config", "files", "text"),
    [
        ({}, ["one", "two"], "expected one .onnx file in"),
        ({"wrapper": {"threads": 1}}, ["one"], "[wrapper] threads: expected one of model"),
        ({"wrapper": {"model": "three.onnx"}}, ["one"], "expected a file, got three.onnx"),
        ({"aiges": {"contract": "onnx"}}, [], "expected a .onnx file in one of"),
    ],
)
def test_what_cannot_start_says_why(binaries, folder, tmp_path, config, files, text):
    from loader_process import Loader

    for name in files:
        models.mlp(folder / f"{name}.onnx")
    with pytest.raises(AssertionError) as ended:
        with Loader(binaries, tmp_path / "loader", folder, config=config):
            pass
    assert text in str(ended.value)


def test_one_of_several_is_named(start, folder):
    models.mlp(folder / "one.onnx")
    models.add_sub(folder / "two.onnx")
    loader = start(folder, config={"aiges": {"contract": "onnx", "app": "two.onnx"}})
    with Client(loader.grpc, "svcName") as client:
        four = np.ones((1, 4), np.float32)
        assert sorted(call(client, a=four, b=four)) == ["difference", "sum"]
