# SPDX-License-Identifier: Apache-2.0
"""Calls of models that give one answer to a request."""

import json

import numpy as np
import pytest
from triton_models import ADD_SUB, IDENTITY, config, model, tensor
from triton_served import Served

A, B = np.arange(4, dtype=np.float32), np.full(4, 2, np.float32)


@pytest.fixture(scope="module")
def add_sub(binaries, xsf_stubs, tmp_path_factory):
    text = config(("INPUT0", "INPUT1"), ("OUTPUT0", "OUTPUT1"), dims="[ 4 ]")
    with Served(binaries, tmp_path_factory.mktemp("add_sub"), ADD_SUB, text) as served:
        yield served


def test_add_sub(add_sub):
    found = add_sub.infer({"INPUT0": A, "INPUT1": B})
    assert np.array_equal(found["OUTPUT0"], A + B) and np.array_equal(found["OUTPUT1"], A - B)
    assert list(add_sub.infer({"INPUT0": A, "INPUT1": B}, outputs=["OUTPUT1"])) == ["OUTPUT1"]


def test_identity_of_types(serve):
    """Of any type: what is said of the type, no protocol has checked."""
    served = serve(IDENTITY, config())
    for dtype in (np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float64):
        given = np.array([0, 1, 1], dtype)
        got = served.infer({"INPUT0": given})["OUTPUT0"]
        assert got.dtype == given.dtype and np.array_equal(got, given)
        assert served.infer({"INPUT0": np.zeros(0, dtype)})["OUTPUT0"].shape == (0,)


def test_strings_are_objects_of_bytes(serve):
    body = """
tensor = pb_utils.get_input_tensor_by_name(requests[0], "INPUT0").as_numpy()
assert tensor.dtype == np.object_ and all(type(each) is bytes for each in tensor.ravel())
upper = np.array([each.decode().upper() for each in tensor.ravel()], dtype=np.object_)
fixed = np.array([b"ab", b"c"], dtype="S")
return [pb_utils.InferenceResponse([
    pb_utils.Tensor("OUTPUT0", upper.reshape(tensor.shape)), pb_utils.Tensor("OUTPUT1", fixed),
])]
"""
    served = serve(model(body), config(("INPUT0",), ("OUTPUT0", "OUTPUT1"), dtype="TYPE_STRING"))
    found = served.infer({"INPUT0": np.array(["a", "", "ß\0x"], object)})
    assert found["OUTPUT0"].tolist() == [b"A", b"", b"SS\0X"]
    assert found["OUTPUT1"].tolist() == [b"ab", b"c"]


def test_inputs_may_be_written_in(scripted):
    body = """
array = pb_utils.get_input_tensor_by_name(requests[0], "INPUT0").as_numpy()
array += 1
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", array)])]
"""
    for size in (3, 10_000):
        given = np.arange(size, dtype=np.float32)
        found = scripted.infer({"INPUT0": given}, parameters={"body": body})
        assert np.array_equal(found["OUTPUT0"], given + 1)


def test_non_contiguous_outputs(serve):
    body = """
array = pb_utils.get_input_tensor_by_name(requests[0], "INPUT0").as_numpy()
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", array.T)])]
"""
    served = serve(model(body), config(dims="[ -1, -1 ]"))
    given = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(served.infer({"INPUT0": given})["OUTPUT0"], given.T)


def test_what_a_request_says(serve):
    body = """
request = requests[0]
said = {
    "id": request.request_id(), "correlation": request.correlation_id(),
    "flags": request.flags(), "timeout": request.timeout(),
    "parameters": json.loads(request.parameters()),
    "names": sorted(request.requested_output_names()),
    "inputs": [each.name() for each in request.inputs()], "cancelled": request.is_cancelled(),
    "trace": request.trace().get_context(),
}
out = np.array([json.dumps(said)], dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)], parameters={"n": 1})]
"""
    served = serve(
        model(body), tensor("input", "INPUT0") + tensor("output", "OUTPUT0", "TYPE_STRING")
    )
    own = {"a": "x", "b": True, "c": 3, "d": 1.5}
    parameters = {**own, "sequence_id": 7, "sequence_start": True, "timeout": 9, "priority": 2}
    found = served.infer({"INPUT0": A}, request_id="r1", parameters=parameters)
    assert json.loads(found["OUTPUT0"][0]) == {
        "id": "r1",
        "correlation": 7,
        "flags": 1,
        "timeout": 9,
        "parameters": own,
        "names": ["OUTPUT0"],
        "inputs": ["INPUT0"],
        "cancelled": False,
        "trace": None,
    }
    assert json.loads(found[":parameters"]) == {"n": 1}
    found = served.infer({"INPUT0": A})
    said = json.loads(found["OUTPUT0"][0])
    assert (said["id"], said["correlation"], said["parameters"]) == ("", 0, {})


def test_optional_inputs(serve):
    body = """
names = [each.name() for each in requests[0].inputs()]
assert pb_utils.get_input_tensor_by_name(requests[0], "none") is None
out = np.array(names, dtype=np.object_)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)])]
"""
    served = serve(
        model(body),
        tensor("input", "A")
        + tensor("input", "B", more="optional: true")
        + tensor("output", "OUTPUT0", "TYPE_STRING"),
    )
    assert served.infer({"A": A})["OUTPUT0"].tolist() == [b"A"]
    assert served.infer({"A": A, "B": B})["OUTPUT0"].tolist() == [b"A", b"B"]


def test_reshapes(serve):
    body = """
array = pb_utils.get_input_tensor_by_name(requests[0], "INPUT0").as_numpy()
out = np.array(array.shape, dtype=np.int64).reshape(1, -1)
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out), pb_utils.Tensor("Y", array)])]
"""
    served = serve(
        model(body),
        tensor("input", "INPUT0", dims="[ -1, 6 ]", more="reshape { shape: [ 2, -1, 3 ] }")
        + tensor("output", "OUTPUT0", "TYPE_INT64")
        + tensor("output", "Y", dims="[ 6, -1 ]", more="reshape { shape: [ 2, -1, 3 ] }")
        + "max_batch_size: 4",
    )
    found = served.infer({"INPUT0": np.zeros((1, 5, 6), np.float32)})
    assert found["OUTPUT0"].tolist() == [[1, 2, 5, 3]]
    assert found["Y"].shape == (1, 6, 5)


def test_calls_without_the_protocol_of_tensors(serve):
    body = """
text = pb_utils.get_input_tensor_by_name(requests[0], "INPUT0").as_numpy()
said = json.loads(requests[0].parameters())
out = np.char.upper(text.astype("S")).astype(np.object_)
assert said == {"language": "en"}, said
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", out)])]
"""
    served = serve(model(body), config(dtype="TYPE_STRING", more="max_batch_size: 4"))
    answer = served.xsf.once(served.xsf.payload("INPUT0", b"hello"), params={"language": "en"})
    assert served.arrays(answer)["OUTPUT0"].tolist() == [[b"HELLO"]]
    answer = served.xsf.once(served.xsf.payload("other", b"hello"), params={"language": "en"})
    assert served.arrays(answer)["OUTPUT0"].tolist() == [[b"HELLO"]]


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (
            {},
            "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['other'], but missing",
        ),
        (
            {"INPUT0": A, "INPUT1": B, "C": B},
            "expected 2 inputs but got 3 inputs for model 'm'. Got input(s) "
            "['INPUT0','INPUT1','C'], but missing required input(s) [].",
        ),
        ({"INPUT0": A, "C": B}, "unexpected inference input 'C' for model 'm'"),
        ({"INPUT0": A, "INPUT1": B.astype(np.int32)}, "'INPUT1' data-type is 'INT32', but model"),
        ({"INPUT0": A, "INPUT1": B[:3]}, "Expected [4], got [3]."),
    ],
)
def test_what_cannot_be_taken_is_refused(add_sub, inputs, text):
    payloads = list(add_sub.payloads(inputs or {"other": A}))
    answer = add_sub.xsf.once(*payloads)
    assert answer.code and text in answer.error
    answer = add_sub.call(payloads=payloads, request_id="r7", checked=False)
    assert answer.code and "[request id: r7] " in answer.error and text in answer.error


def test_batches_are_lists_of_requests(serve):
    """Those that came while one ran: by the rules of the dynamic batcher."""
    body = """
import time
shapes = [[int(d) for d in r.inputs()[0].shape()] for r in requests]
self.held.wait(10) if not self.seen else None
self.seen.append(shapes)
out = [np.array([[json.dumps(self.seen)]] * s[0], dtype=np.object_) for s in shapes]
return [pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", o)]) for o in out]
"""
    more = """
def initialize(self, args):
    import threading
    self.held, self.seen = threading.Event(), []
    threading.Timer(0.5, self.held.set).start()
"""
    served = serve(
        model(body, more=more),
        tensor("input", "INPUT0")
        + tensor("output", "OUTPUT0", "TYPE_STRING", "[ 1 ]")
        + "max_batch_size: 8 dynamic_batching { }",
        toml={"batch": {"max_size": 8}, "instances": {"threads": 1}},
    )
    shapes = [(1, 1), (1, 2), (1, 2), (3, 2), (5, 2), (1, 3)]
    calls = []
    for shape in shapes:
        payloads = list(served.payloads({"INPUT0": np.zeros(shape, np.float32)}))
        calls.append(served.xsf.begin(*payloads, params={":oip": "{}"}))
    for call in calls:
        answer = served.xsf.answer(call)
        assert answer.code == 0, answer.error
    seen = json.loads(served.infer({"INPUT0": np.zeros((1, 1), np.float32)})["OUTPUT0"][0][0])
    assert sorted(shape for group in seen for shape in group) == sorted(
        [*map(list, shapes), [1, 1]]
    )
    assert all(sum(rows for rows, _ in group) <= 8 for group in seen)
    assert all(len({columns for _, columns in group}) == 1 for group in seen)
    assert max(map(len, seen)) > 1
