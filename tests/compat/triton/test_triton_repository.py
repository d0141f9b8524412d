# SPDX-License-Identifier: Apache-2.0
"""Models of one repository behind the real loader: first calls, calls of one another, warm-up."""

import json

import pytest
from loader_process import Loader
from triton_models import DECOUPLED, IDENTITY, config, model, tensor

# Asks the model that the request names, with inputs as JSON has them; says what it got.
ASKS = """
said = json.loads(requests[0].inputs()[0].as_numpy()[0])
call = pb_utils.InferenceRequest(
    request_id="own", model_name=said["model"], requested_output_names=said.get("outputs", []),
    inputs=[pb_utils.Tensor(name, np.array(value, kind)) for name, kind, value in said["inputs"]])
if said.get("decoupled"):
    got = [len(answer.output_tensors()) for answer in call.exec(decoupled=True)]
else:
    answer = call.exec()
    if answer.has_error():
        got = [answer.error().message(), answer.error().code()]
    else:
        got = [tensor.as_numpy().tolist() for tensor in answer.output_tensors()]
out = np.array([json.dumps(got)], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("GOT", out)])]
"""
COUNTS = """
sender = requests[0].get_response_sender()
for value in range(int(requests[0].inputs()[0].as_numpy()[0])):
    out = pb_utils.Tensor("OUTPUT0", np.array([value], np.float32))
    sender.send(pb_utils.InferenceResponse([out]))
sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
SAYS = """
out = np.array([requests[0].parameters()], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)])]
"""
WARMUP = (
    'model_warmup [ { name: "w" batch_size: 1 inputs { key: "INPUT0" value '
    "{ data_type: TYPE_FP32 dims: [ 1 ] %s } } } ]"
)
MODELS = {
    "asks": (
        model(ASKS),
        tensor("input", "ASK", "TYPE_STRING") + tensor("output", "GOT", "TYPE_STRING"),
    ),
    "three": (IDENTITY, config(dims="[ 3 ]")),
    "words": (IDENTITY, config(dtype="TYPE_STRING", dims="[ 1 ]", more="max_batch_size: 4")),
    "counts": (model(COUNTS), config(more=DECOUPLED + WARMUP % "random_data: true")),
    "says": (
        model(SAYS, more="def is_ready(self):\n    return True"),
        tensor("input", "INPUT0") + tensor("output", "OUTPUT0", "TYPE_STRING"),
    ),
}


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    """All models; none is loaded before its first call."""
    folder = tmp_path_factory.mktemp("repository")
    for name, (text, pbtxt) in MODELS.items():
        (version := folder / name / "1").mkdir(parents=True)
        (version / "model.py").write_text(text, encoding="utf-8")
        (folder / name / "config.pbtxt").write_text(pbtxt, encoding="utf-8")
    settings = {
        "models": {"repository": str(folder), "load": []},
        "aiges": {"headerPass": "x-tenant;x-absent"},
    }
    place = tmp_path_factory.mktemp("loader")
    with Loader(binaries, place, config=settings) as loader:
        yield loader


def post(loader, name, body, headers=None):
    answer = loader.web.request("POST", f"/v2/models/{name}/infer", json.dumps(body), headers)
    return answer.status, answer.json


def infer(loader, name, inputs, **more):
    tensors = [
        {"name": own, "datatype": kind, "shape": shape, "data": data}
        for own, kind, shape, data in inputs
    ]
    return post(loader, name, {"inputs": tensors, **more})


def asks(loader, name, *inputs, **more):
    said = json.dumps({"model": name, "inputs": inputs, **more})
    status, answer = infer(loader, "asks", [("ASK", "BYTES", [1], [said])])
    assert status == 200, answer
    return json.loads(answer["outputs"][0]["data"][0])


def test_the_first_call_of_a_model_is_checked_as_the_next_ones_are(loader):
    """Before it is loaded, the loader does not know what it declares."""
    wrong = [("INPUT0", "FP32", [2], [1, 2])]
    text = "[request id: r] unexpected shape for input 'INPUT0' for model 'three'. Expected [3], "
    first, again = (infer(loader, "three", wrong, id="r") for _ in range(2))
    assert first == again == (400, {"error": f"{text}got [2]."})
    assert infer(loader, "three", [("INPUT0", "FP32", [3], [1, 2, 3])])[0] == 200


def test_the_first_text_has_the_shape_that_the_client_said(loader):
    first, again = (infer(loader, "words", [("INPUT0", "BYTES", [1], ["a"])]) for _ in range(2))
    assert first == again and first[0] == 400
    assert "Expected [-1,1], got [1]. NOTE: " in first[1]["error"]
    assert infer(loader, "words", [("INPUT0", "BYTES", [1, 1], ["a"])])[0] == 200


@pytest.mark.parametrize(
    ("inputs", "more", "text"),
    [
        (
            [("INPUT0", "float32", [1, 2, 3]), ("X", "float32", [1])],
            {},
            "[request id: own] expected 1 inputs but got 2 inputs for model 'three'. Got input(s) "
            "['INPUT0','X'], but missing required input(s) []. Please provide all required "
            "input(s).",
        ),
        (
            [("INPUT0", "int64", [1, 2, 3])],
            {},
            "[request id: own] inference input 'INPUT0' data-type is 'INT64', but model 'three' "
            "expects 'FP32'",
        ),
        (
            [("INPUT0", "float32", [1, 2, 3])],
            {"outputs": ["OUTPUT0", "Z"]},
            "unexpected inference output 'Z' for model 'three'",
        ),
    ],
)
def test_what_a_model_asks_of_another_is_checked(loader, inputs, more, text):
    assert asks(loader, "three", ("INPUT0", "float32", [1, 2, 3])) == [[1, 2, 3]]
    message, code = asks(loader, "three", *inputs, **more)
    assert (message, code) == (text, 3)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_answers_of_a_decoupled_model_end_with_the_final_flag(loader, count):
    """It has been warmed up with any number of answers, too."""
    given = ("INPUT0", "float32", [count])
    assert asks(loader, "counts", given, decoupled=True) == [*[1] * count, 0]


def test_headers_that_are_passed_are_parameters(loader):
    tensors = [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}]
    body = {"inputs": tensors, "parameters": {"own": 3}}
    status, answer = post(loader, "says", body, {"x-tenant": "t1"})
    assert status == 200, answer
    assert json.loads(answer["outputs"][0]["data"][0]) == {"own": 3, "x-tenant": "t1"}


def test_is_ready_is_not_asked_and_the_log_says_so(loader):
    infer(loader, "says", [("INPUT0", "FP32", [1], [1])])
    assert "is_ready is not asked here" in loader.log()
