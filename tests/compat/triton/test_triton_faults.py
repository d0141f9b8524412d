# SPDX-License-Identifier: Apache-2.0
"""What clients are told when a model fails, and models when they do something wrong."""

import numpy as np
import pytest
from triton_models import HEAD, IDENTITY, config, model, tensor

A = np.arange(3, dtype=np.float32)


def test_one_of_many_fails(serve):
    body = """
made = []
for request in requests:
    value = float(request.inputs()[0].as_numpy()[0, 0])
    if value < 0:
        code = getattr(pb_utils.TritonError, "NOT_FOUND")
        made.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("no such number", code)))
    else:
        out = pb_utils.Tensor("OUTPUT0", np.full((1, 1), value))
        made.append(pb_utils.InferenceResponse([out]))
return made
"""
    served = serve(
        model(body),
        tensor("input", "INPUT0")
        + tensor("output", "OUTPUT0", "TYPE_FP64")
        + "max_batch_size: 16 dynamic_batching { max_queue_delay_microseconds: 50000 }",
        toml={"batch": {"max_size": 16, "max_delay_us": 50000}, "instances": {"threads": 1}},
    )
    calls = []
    for value in range(-4, 8):
        payloads = list(served.payloads({"INPUT0": np.full((1, 1), value, np.float32)}))
        calls.append((value, served.xsf.begin(*payloads, params={":oip": "{}"})))
    for value, call in calls:
        answer = served.xsf.answer(call)
        if value < 0:
            assert answer.code and "no such number" in answer.error
        else:
            assert served.arrays(answer)["OUTPUT0"] == value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("raise ValueError('wrong')", "request(s) for model 'm_0', message: ValueError: wrong"),
        ("return {}", "Expected a list in the execute return, found type '<class 'dict'>'."),
        (
            "return []",
            "InferenceRequest(s) size is:1, and InferenceResponse(s) size is:0",
        ),
        (
            "return ['x']",
            "Expected an 'InferenceResponse' object in the execute function return list, found "
            "type '<class 'str'>'.",
        ),
        ("return [None]", "no response sender was taken"),
        (
            "return [pb_utils.InferenceResponse([pb_utils.Tensor('O', np.array(['u']))])]",
            "NumPy dtype is not supported.",
        ),
        (
            "s = requests[0].get_response_sender()\ns.send(pb_utils.InferenceResponse([]))\n"
            "return [pb_utils.InferenceResponse([])]",
            "Non-decoupled model cannot send more than one response.",
        ),
        (
            "requests[0].get_response_sender().send(flags=1)\nreturn None",
            "Non-decoupled model cannot send complete final before sending a response.",
        ),
        (
            "requests[0].get_response_sender().send()\nreturn None",
            "Inference Response object must be provided when the response flags is set to zero.",
        ),
        (
            "requests[0].get_response_sender().send(flags=5)\nreturn None",
            "Unable to send response. Unsupported flag provided.",
        ),
        ("requests[0].get_response_sender()\nreturn None", "given up before the final flag"),
    ],
)
def test_wrong_execute(scripted, body, text):
    answer = scripted.call({"INPUT0": A}, parameters={"body": body})
    assert answer.code and text in answer.error, answer.error


def test_no_execute_is_found_at_the_first_request(serve):
    served = serve(f"{HEAD}\nclass TritonPythonModel:\n    pass\n", config())
    assert "does not implement `execute` method." in served.call({"INPUT0": A}).error


def test_answers_by_the_sender(scripted):
    body = """
import threading
request = requests[0]
sender = request.get_response_sender()
array = request.inputs()[0].as_numpy()
def later():
    sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", array * 2)]))
    sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
threading.Thread(target=later).start()
return None
"""
    found = scripted.infer({"INPUT0": A}, parameters={"body": body})
    assert np.array_equal(found["OUTPUT0"], A * 2)


def test_async_execute(serve):
    body = """
import asyncio
await asyncio.sleep(0)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", r.inputs()[0].as_numpy())])
        for r in requests]
"""
    served = serve(model(body).replace("def execute", "async def execute"), config())
    assert np.array_equal(served.infer({"INPUT0": A})["OUTPUT0"], A)


@pytest.mark.parametrize(
    ("files", "configuration", "text"),
    [
        (IDENTITY, "input [ {", "failed to read text proto from"),
        (IDENTITY, config(more='backend: "pytorch"'), 'got backend "pytorch"'),
        (IDENTITY, config(more='name: "other"'), "directory name must equal model name"),
        (IDENTITY, "max_batch_size: 4", "must contain at least one input"),
        (IDENTITY, config(dims="[ 0 ]"), "dimension must be integer >= 1, or -1"),
        (IDENTITY, config(dims="[ ]"), "must specify 'dims'"),
        (
            IDENTITY,
            config(more='model_operations { op_library_filename: "x" }'),
            "model_operations",
        ),
        (
            IDENTITY,
            config(more="max_batch_size: 2 dynamic_batching { priority_levels: 3 }"),
            "dynamic_batching.priority_levels",
        ),
        (
            IDENTITY,
            config(
                more='parameters { key: "EXECUTION_ENV_PATH" value { string_value: "/nowhere" } }'
            ),
            "EXECUTION_ENV_PATH",
        ),
        ({"model.py": "x = 1"}, config(), "expected a class TritonPythonModel"),
        (
            model("return None", more="def initialize(self, args):\n    raise KeyError('mine')"),
            config(),
            "KeyError: 'mine'",
        ),
        (
            model(
                "return None",
                more="@staticmethod\ndef auto_complete_config(config):\n    return None",
            ),
            config(),
            "must return a valid pb.ModelConfig object.",
        ),
    ],
)
def test_what_cannot_be_loaded_says_why(binaries, tmp_path, files, configuration, text):
    from triton_served import Served

    served = Served(binaries, tmp_path / "served", files, configuration)
    try:
        served.start(ready=False)
        served.process.wait(30)
        assert text in served.log()
    except AssertionError as ended:
        assert text in str(ended)
    finally:
        served.kill()
