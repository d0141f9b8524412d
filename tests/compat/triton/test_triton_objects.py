# SPDX-License-Identifier: Apache-2.0
"""What pb_utils makes, and its rules."""

import json
import sys

import numpy as np
import pytest
from loader_process import ROOT

sys.path.append(str(ROOT / "compat" / "triton"))

import triton_python_backend_utils as pb_utils


def test_model_config_is_completed():
    made = pb_utils.ModelConfig(
        json.dumps(
            {
                "name": "m",
                "max_batch_size": 4,
                "input": [{"name": "A", "data_type": "TYPE_INVALID", "dims": []}],
                "output": [],
            }
        )
    )
    made.add_input({"name": "A", "data_type": "TYPE_FP32", "dims": [4]})
    made.add_output({"name": "B", "data_type": "TYPE_FP32", "dims": [4]})
    made.set_max_batch_size(8)
    made.set_dynamic_batching()
    made.set_model_transaction_policy({"decoupled": True})
    found = made.as_dict()
    assert found["input"] == [{"name": "A", "data_type": "TYPE_FP32", "dims": [4]}]
    assert found["max_batch_size"] == 8 and found["dynamic_batching"] == {}
    for call in (
        lambda: made.add_input({"name": "A", "data_type": "TYPE_INT8", "dims": [4]}),
        lambda: made.add_input({"name": "A", "data_type": "TYPE_FP32", "dims": [5]}),
        lambda: made.add_input({"name": "C", "dims": [5]}),
        lambda: made.add_output({"name": "C", "data_type": "TYPE_FP32", "dims": [1], "x": 1}),
        lambda: made.set_max_batch_size(2),
        lambda: made.set_model_transaction_policy({"decoupled": False}),
        lambda: made.set_model_transaction_policy({"other": False}),
    ):
        with pytest.raises(ValueError):
            call()


def test_tensors():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    made = pb_utils.Tensor("a", array.T)
    assert (made.name(), made.shape(), made.is_cpu()) == ("a", [3, 2], True)
    assert made.as_numpy().flags.c_contiguous and made.triton_dtype() == 11
    for arguments, error in (
        (("", array), pb_utils.TritonModelException),
        ((None, array), TypeError),
        (("a", None), TypeError),
        (("a", [1]), TypeError),
        (("a", np.array(["x"])), pb_utils.TritonModelException),
        (("a", np.array([1j])), pb_utils.TritonModelException),
    ):
        with pytest.raises(error):
            pb_utils.Tensor(*arguments)


def test_dlpack():
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    made = pb_utils.Tensor("a", array)
    assert made.__dlpack_device__() == (1, 0)
    shared = np.from_dlpack(made)
    array[0, 0] = 9
    assert shared[0, 0] == 9
    back = pb_utils.Tensor.from_dlpack("b", shared)
    assert back.name() == "b" and np.array_equal(back.as_numpy(), array)
    again = pb_utils.Tensor.from_dlpack("c", made.to_dlpack())
    del made, shared, back
    assert np.array_equal(again.as_numpy(), array)
    flags = pb_utils.Tensor.from_dlpack("d", pb_utils.Tensor("x", np.array([True, False])))
    assert flags.as_numpy().dtype == np.bool_
    with pytest.raises(pb_utils.TritonModelException, match="not contiguous"):
        pb_utils.Tensor.from_dlpack("e", array.T)
    with pytest.raises(pb_utils.TritonModelException):
        pb_utils.Tensor.from_dlpack("f", None)
    with pytest.raises(pb_utils.TritonModelException, match="string tensors"):
        pb_utils.Tensor("g", np.array([b"x"], object)).to_dlpack()
    capsule = pb_utils.Tensor("h", array).to_dlpack()
    pb_utils.Tensor.from_dlpack("i", capsule)
    with pytest.raises(pb_utils.TritonModelException, match="nobody has used"):
        pb_utils.Tensor.from_dlpack("j", capsule)


def test_requests():
    tensor0 = pb_utils.Tensor("a", np.zeros(1))
    made = pb_utils.InferenceRequest(
        model_name="m", inputs=[tensor0], requested_output_names=["x"], parameters={"a": True}
    )
    assert made.inputs() == [tensor0] and made.requested_output_names() == {"x"}
    assert (made.request_id(), made.correlation_id(), made.flags()) == ("", 0, 0)
    assert json.loads(made.parameters()) == {"a": True}
    given = {"model_name": "m", "inputs": [tensor0], "requested_output_names": []}
    for name in (
        "request_id",
        "correlation_id",
        "inputs",
        "requested_output_names",
        "model_name",
        "model_version",
        "flags",
        "timeout",
        "preferred_memory",
        "trace",
    ):
        with pytest.raises(TypeError):
            pb_utils.InferenceRequest(**{**given, name: None})
    with pytest.raises(TypeError):
        pb_utils.InferenceRequest(inputs=[], model_name="m")
    with pytest.raises(pb_utils.TritonModelException):
        pb_utils.InferenceRequest(**{**given, "inputs": [None]})
    assert made.exec().error().message() == ("BLS is only supported during the 'execute' function.")


def test_responses():
    made = pb_utils.InferenceResponse([], pb_utils.TritonError("bad"), {"a": 1, "b": "x"})
    assert made.has_error() and made.error().code() == pb_utils.TritonError.INTERNAL
    assert json.loads(made.parameters()) == {"a": 1, "b": "x"}
    assert not pb_utils.InferenceResponse([]).has_error()
    with pytest.raises(TypeError):
        pb_utils.InferenceResponse(output_tensors=None)
    with pytest.raises(pb_utils.TritonModelException, match="should not be empty"):
        pb_utils.InferenceResponse([None])
    with pytest.raises(pb_utils.TritonModelException, match="values to have type bool/int/str"):
        pb_utils.InferenceResponse([], parameters={"a": 1.5})
    with pytest.raises(pb_utils.TritonModelException, match="keys to have type str"):
        pb_utils.InferenceResponse([], parameters={1: 1})


def test_functions():
    assert pb_utils.triton_string_to_numpy("TYPE_FP16") is np.float16
    assert pb_utils.triton_string_to_numpy("TYPE_STRING") is np.object_
    with pytest.raises(KeyError):
        pb_utils.triton_string_to_numpy("TYPE_BF16")
    assert pb_utils.triton_to_numpy_type(11) is np.float32
    assert pb_utils.numpy_to_triton_type(np.float32) == 11
    assert pb_utils.triton_to_numpy_type(99) is None
    strings = np.array([b"ab", "c"], object)
    encoded = pb_utils.serialize_byte_tensor(strings)
    assert encoded.item() == b"\x02\0\0\0ab\x01\0\0\0c"
    assert pb_utils.deserialize_bytes_tensor(encoded.item()).tolist() == [b"ab", b"c"]
    assert pb_utils.serialize_byte_tensor(np.array([], object)) == ()
    for wrong in ("1", None):
        with pytest.raises(TypeError):
            pb_utils.Logger.log("x", wrong)
    with pytest.raises(TypeError):
        pb_utils.Logger.log_info(None)


def test_metrics():
    family = pb_utils.MetricFamily("t_gauge", "A gauge.", pb_utils.MetricFamily.GAUGE)
    gauge = family.Metric(labels={"a": "b"})
    assert gauge.value() == 0.0
    gauge.increment(2), gauge.increment(-1)
    assert gauge.value() == 1.0
    gauge.set(5)
    assert family.Metric(labels={"a": "b"}).value() == 5.0
    counter = pb_utils.MetricFamily("t_c", "A counter.", pb_utils.MetricFamily.COUNTER).Metric()
    histogram_family = pb_utils.MetricFamily("t_h", "..", pb_utils.MetricFamily.HISTOGRAM)
    histogram = histogram_family.Metric(buckets=[1, 2])
    histogram.observe(1.5)
    for call in (
        lambda: counter.increment(-1),
        lambda: counter.set(1),
        lambda: counter.observe(1),
        lambda: histogram.set(1),
        lambda: family.Metric(labels=[1]),
        lambda: family.Metric(buckets=[1]),
        lambda: histogram_family.Metric(),
        lambda: histogram_family.Metric(buckets={}),
        lambda: pb_utils.MetricFamily("t_gauge", "", pb_utils.MetricFamily.COUNTER),
    ):
        with pytest.raises(pb_utils.TritonModelException):
            call()
