# SPDX-License-Identifier: Apache-2.0
"""What a model is given from its start to its end."""

import json
import os
import signal

import numpy as np
import pytest
from triton_models import ADD_SUB, IDENTITY, config, model, tensor
from waiting import wait_until

A = np.arange(3, dtype=np.float32)
SAY = """
out = np.array([json.dumps(self.said)], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)]) for _ in requests]
"""
SAID = tensor("input", "INPUT0") + tensor("output", "OUTPUT0", "TYPE_STRING")


def said(served, **options):
    return json.loads(served.infer({"INPUT0": A}, **options)["OUTPUT0"][0])


def test_initialize_is_told_of_seven_things(serve):
    more = """
def initialize(self, args):
    self.said = {**args, "dir": pb_utils.get_model_dir()}
    assert all(type(value) is str for value in args.values())
"""
    served = serve(model(SAY, more=more), SAID + "instance_group [ { kind: KIND_CPU } ]")
    found = said(served)
    configuration = json.loads(found.pop("model_config"))
    folder = str(served.model_folder)
    assert found == {
        "model_instance_kind": "CPU",
        "model_instance_name": "m_0_0",
        "model_instance_device_id": "0",
        "model_repository": folder,
        "model_version": "1",
        "model_name": "m",
        "dir": f"{folder}/1",
    }
    assert configuration["input"][0]["data_type"] == "TYPE_FP32"
    assert configuration["max_batch_size"] == 0 and configuration["backend"] == "python"


def test_the_model_is_a_module_of_its_versions_folder(serve):
    files = {
        "model.py": model(
            SAY,
            head="import beside\nfrom . import other\nfrom .inner import deep\n",
            more="def initialize(self, args):\n"
            "    self.said = [beside.NAME, other.NAME, deep.NAME, __name__]",
        ),
        "beside.py": "NAME = 'beside'",
        "other.py": "NAME = 'other'",
        "inner/__init__.py": "",
        "inner/deep.py": "NAME = 'deep'",
    }
    assert said(serve(files, SAID)) == ["beside", "other", "deep", "1.model"]


def test_no_configuration_but_the_models_own(serve):
    more = """
def initialize(self, args):
    config = json.loads(args["model_config"])
    self.said = [config["max_batch_size"], "dynamic_batching" in config, config["backend"]]

@staticmethod
def auto_complete_config(config):
    config.add_input({"name": "INPUT0", "data_type": "TYPE_FP32", "dims": [-1]})
    config.add_output({"name": "OUTPUT0", "data_type": "TYPE_STRING", "dims": [1]})
    config.set_max_batch_size(4)
    config.set_dynamic_batching()
    return config
"""
    served = serve(model(SAY, more=more), None)
    found = served.infer({"INPUT0": A.reshape(1, 3)})["OUTPUT0"]
    assert json.loads(found[0]) == [4, True, "python"]


def test_warm_up_comes_first(serve):
    body = """
self.said.append([[t.name(), t.shape(), t.as_numpy().tolist()] for t in requests[0].inputs()])
assert len(requests) == self.expected.pop(0)
out = np.array([json.dumps(self.said)], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)]) for _ in requests]
"""
    more = "def initialize(self, args):\n    self.said, self.expected = [], [2, 2, 1]"
    warmup = (
        'model_warmup [ { name: "w" batch_size: 2 count: 2 inputs { key: "INPUT0" value '
        "{ data_type: TYPE_FP32 dims: [ 2 ] zero_data: true } } } ]"
    )
    served = serve(model(body, more=more), SAID + "max_batch_size: 4 " + warmup)
    found = json.loads(served.infer({"INPUT0": A.reshape(1, 3)})["OUTPUT0"][0])
    zeros = [["INPUT0", [1, 2], [[0, 0]]]]
    assert found == [zeros, zeros, [["INPUT0", [1, 3], [[0, 1, 2]]]]]


def test_sequences(serve):
    body = """
request = requests[0]
get = lambda name: pb_utils.get_input_tensor_by_name(request, name).as_numpy().ravel().tolist()[0]
out = np.array([json.dumps([get("START"), get("END"), get("READY"), get("ID")])], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)])]
"""
    control = """
sequence_batching { oldest { max_candidate_sequences: 4 } control_input [
  { name: "START" control [ { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } ] },
  { name: "END" control [ { kind: CONTROL_SEQUENCE_END fp32_false_true: [ 0, 1 ] } ] },
  { name: "READY" control [ { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } ] },
  { name: "ID" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } ] }
] }
"""
    served = serve(model(body), SAID + control)

    def one(**parameters):
        return said(served, parameters={"sequence_id": 5, **parameters})

    assert one(sequence_start=True) == [1, 0.0, True, 5]
    assert one() == [0, 0.0, True, 5]
    assert one(sequence_end=True) == [0, 1.0, True, 5]
    answer = served.call({"INPUT0": A}, parameters={"sequence_id": 5})
    text = "inference request for sequence 5 to model 'm' must specify the START flag on the first"
    assert text in answer.error
    assert "non-zero or non-empty correlation ID" in served.call({"INPUT0": A}).error


def test_rescheduled_requests_run_again(serve):
    body = """
request = requests[0]
self.rounds = getattr(self, "rounds", 0) + 1
if self.rounds < 3:
    request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
    return [None]
out = np.array([self.rounds], dtype=np.float32)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)])]
"""
    served = serve(model(body), config(more="sequence_batching { iterative_sequence: true }"))
    found = served.infer({"INPUT0": A}, parameters={"sequence_id": 1, "sequence_start": True})
    assert found["OUTPUT0"].tolist() == [3]


def test_the_end_is_told(serve):
    more = "def finalize(self):\n    print('finalized', flush=True)"
    served = serve(model("return [pb_utils.InferenceResponse([])]", more=more), config())
    assert served.call({"INPUT0": A}).code == 0
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0
    assert "finalized" in served.log()


def test_a_dead_instance_is_replaced(serve):
    served = serve(IDENTITY, config())
    assert np.array_equal(served.infer({"INPUT0": A})["OUTPUT0"], A)
    (before,) = served.web.get("/status.json").json["instances"]
    os.kill(before["pid"], signal.SIGKILL)

    def is_replaced():
        (now,) = served.web.get("/status.json").json["instances"]
        return now["pid"] != before["pid"] and now["state"] == "ready"

    wait_until(is_replaced, "another worker", 20)
    assert np.array_equal(served.infer({"INPUT0": A})["OUTPUT0"], A)


@pytest.mark.parametrize("is_async", [False, True])
def test_calls_of_other_models(serve, is_async):
    """With a host's call() that the test has put there."""
    head = """
import aiges

def call(model, payloads, params=None, **options):
    said = json.loads(params[":oip"])
    if model == "gone":
        raise aiges.errors.NotFound("no such model")
    array = np.frombuffer(payloads[0]["data"], np.float32) * 2
    extra = {"key": ":parameters", "data": json.dumps({"id": said["id"], **options}).encode()}
    return [{"key": "Y", "data": array.tobytes(), "desc": {"datatype": "FP32", "shape": "3"}},
            {**extra, "desc": {}}]

aiges.call = call
"""
    body = """
request = pb_utils.InferenceRequest(
    request_id="r", model_name=MODEL, model_version=3, requested_output_names=OUTPUTS,
    inputs=[pb_utils.Tensor("X", requests[0].inputs()[0].as_numpy())])
answer = AWAIT request.CALL()
if answer.has_error():
    return [pb_utils.InferenceResponse(error=answer.error())]
assert json.loads(answer.parameters()) == {"id": "r", "version": "3"}
out = pb_utils.get_output_tensor_by_name(answer, "Y")
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out.as_numpy())])]
"""

    def made(name, outputs):
        text = body.replace("MODEL", repr(name)).replace("OUTPUTS", repr(outputs))
        text = text.replace("AWAIT", "await" if is_async else "")
        text = text.replace("CALL", "async_exec" if is_async else "exec")
        text = model(text, head=head)
        return text.replace("def execute", "async def execute") if is_async else text

    served = serve(made("other", ["Y"]), config())
    assert np.array_equal(served.infer({"INPUT0": A})["OUTPUT0"], A * 2)
    error = serve(made("other", ["Z"]), config()).call({"INPUT0": A}).error
    assert "unexpected inference output 'Z'" in error
    error = serve(made("gone", []), config()).call({"INPUT0": A}).error
    assert "Failed for execute the inference request. Model 'gone' is not ready." in error


def test_folders_tell_the_contract(serve):
    served = serve(
        ADD_SUB, config(("INPUT0", "INPUT1"), ("OUTPUT0", "OUTPUT1")), toml={"aiges": {}}
    )
    assert np.array_equal(served.infer({"INPUT0": A, "INPUT1": A})["OUTPUT0"], A + A)
