# SPDX-License-Identifier: Apache-2.0
"""Parts without a loader: configurations, and the rules of what pb_utils makes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from loader_process import ROOT

sys.path.append(str(ROOT / "compat" / "triton"))

import triton_python_backend_utils as pb_utils
from aiges.contracts._detect import find_contracts
from aiges.contracts.triton import _checks, _config
from aiges.contracts.triton._card import card_of, reshapes_of
from aiges.contracts.triton._ensemble import ensemble_config
from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._model import completed, import_model, instance_of
from aiges.contracts.triton._place import Place, find
from triton_models import config, tensor


def read(tmp_path, text, name="m"):
    (file := tmp_path / "config.pbtxt").write_text(text, encoding="utf-8")
    return _config.to_dict(_config.normalised(_config.read(file), name, True))


def test_defaults(tmp_path, monkeypatch):
    monkeypatch.setattr(_config, "_gpus", list)
    found = read(tmp_path, config(more="max_batch_size: 8 dynamic_batching { }  # a comment"))
    assert (found["name"], found["backend"], found["platform"]) == ("m", "python", "")
    assert found["default_model_filename"] == "model.py"
    assert found["version_policy"] == {"latest": {"num_versions": 1}}
    assert found["dynamic_batching"]["preferred_batch_size"] == [8]
    assert found["dynamic_batching"]["max_queue_delay_microseconds"] == 0
    (group,) = found["instance_group"]
    assert (group["name"], group["count"], group["kind"]) == ("m", 1, "KIND_CPU")
    assert found["input"][0] == {
        "name": "INPUT0",
        "data_type": "TYPE_FP32",
        "format": "FORMAT_NONE",
        "dims": [-1],
        "is_shape_tensor": False,
        "allow_ragged_batch": False,
        "optional": False,
        "is_non_linear_format_io": False,
    }
    assert found["optimization"]["input_pinned_memory"] == {"enable": True}
    assert instance_of(found, 0) == ("m_0", "CPU", "0")
    assert json.loads(json.dumps(found)) == found
    assert _config.to_dict(_config.from_dict(found, "x")) == found


def test_instances(tmp_path):
    groups = "instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_GPU gpus: [ 3, 5 ] } ]"
    found = read(tmp_path, config(more=groups))
    assert [instance_of(found, n) for n in range(4)] == [
        ("m_0_0", "CPU", "0"),
        ("m_0_1", "CPU", "0"),
        ("m_1_0", "GPU", "3"),
        ("m_1_0", "GPU", "5"),
    ]


def test_card(tmp_path):
    (tmp_path / "labels.txt").write_text("cat\ndog\n", encoding="utf-8")
    text = (
        tensor("input", "A", more="optional: true")
        + tensor("output", "B", "TYPE_STRING", "[ 2 ]", 'label_filename: "labels.txt"')
        + "max_batch_size: 4 model_transaction_policy { decoupled: true }"
    )
    card = card_of(read(tmp_path, text), tmp_path)
    assert card["inputs"] == [
        {"name": "A", "datatype": "FP32", "shape": [-1, -1], "optional": True}
    ]
    assert card["outputs"] == [
        {"name": "B", "datatype": "BYTES", "shape": [-1, 2], "labels": ["cat", "dog"]}
    ]
    assert (card["platform"], card["max_batch_size"], card["decoupled"]) == ("python", 4, True)
    outside = read(tmp_path, text.replace("labels.txt", "../labels.txt"))
    with pytest.raises(LoadError, match="expected a file in"):
        card_of(outside, tmp_path)


def test_reshape_maps_variable_dimensions_in_order(tmp_path):
    text = tensor("input", "A", dims="[ -1, 4, -1 ]", more="reshape { shape: [ 4, -1, -1 ] }")
    inputs, _ = reshapes_of(read(tmp_path, text + tensor("output", "B")))
    assert inputs["A"]((2, 4, 7)) == (4, 2, 7)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("max_batch_size: -1", "'max_batch_size' must be non-negative value"),
        ("batch_input [ { } ]", "batch_input"),
        ('runtime: "x"', "runtime"),
        ("instance_group [ { passive: true } ]", "instance_group.passive"),
        ('model_repository_agents { agents [ { name: "x" } ] }', "model_repository_agents"),
        ("sequence_batching { state [ { } ] }", "sequence_batching.state"),
        ("sequence_batching { } instance_group [ { count: 2 } ]", "expected one instance"),
        ("max_batch_size: 2 dynamic_batching { preferred_batch_size: [ 4 ] }", "max batch size"),
        (
            'parameters { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value { string_value: "maybe" } }',
            "Incorrect value for FORCE_CPU_ONLY_INPUT_TENSORS: maybe.",
        ),
        (tensor("input", "A", more="reshape { shape: [ 3 ] }", dims="[ 2 ]"), "different size"),
    ],
)
def test_what_is_refused(tmp_path, more, text):
    with pytest.raises(LoadError) as raised:
        _checks.validate(read(tmp_path, config(more=more)))
    assert text in str(raised.value)


def test_what_has_no_effect_is_told(tmp_path):
    text = 'response_cache { enable: true } metric_tags { key: "a" value: "b" }'
    assert _checks.ignored(read(tmp_path, config(more=text))) == ["response_cache", "metric_tags"]


STEP = (
    'step {{ model_name: "{}" input_map {{ key: "X" value: "{}" }} '
    'output_map {{ key: "Y" value: "{}" }} }}'
)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([("b", "t", "OUTPUT0"), ("a", "INPUT0", "t")], ""),
        ([("a", "INPUT0", "t")], "no step gives the ensemble output 'OUTPUT0'"),
        ([("a", "x", "OUTPUT0")], "comes from nowhere"),
        ([("a", "INPUT0", "OUTPUT0"), ("b", "INPUT0", "OUTPUT0")], "expected one source"),
        ([("a", "INPUT0", "t"), ("b", "u", "OUTPUT0"), ("c", "OUTPUT0", "u")], "wait for one"),
        ([("m", "INPUT0", "OUTPUT0")], "a step is the ensemble itself"),
        ([("typed", "INPUT0", "OUTPUT0")], "inconsistent data type"),
        ([], "must specify 'step'"),
    ],
)
def test_ensembles(tmp_path, steps, text):
    model, other = tmp_path / "m", tmp_path / "typed"
    model.mkdir(), other.mkdir()
    (other / "config.pbtxt").write_text(config(["X"], ["Y"], dtype="TYPE_INT32"), encoding="utf-8")
    body = "ensemble_scheduling { " + " ".join(STEP.format(*step) for step in steps) + " }"
    file = model / "config.pbtxt"
    file.write_text(config(more='platform: "ensemble" ' + body), encoding="utf-8")
    place = Place("m", "1", model, model / "1", file)
    if not text:
        found = ensemble_config(_config.read(file), place)
        names = [step["model_name"] for step in found["ensemble_scheduling"]["step"]]
        assert names == ["a", "b"]
        return
    with pytest.raises(LoadError) as raised:
        ensemble_config(_config.read(file), place)
    assert text in str(raised.value)


def test_places(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for version in ("1", "2", "10", "01", "x"):
        (tmp_path / "add" / version).mkdir(parents=True)
    (tmp_path / "add" / "2" / "model.py").write_text("", encoding="utf-8")
    (tmp_path / "add" / "10" / "model.py").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "add" / "2")
    assert find({})[:2] == ("add", "2")
    monkeypatch.chdir(tmp_path / "add")
    assert find({})[:2] == ("add", "10")
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "model.py").write_text("", encoding="utf-8")
    monkeypatch.chdir(flat)
    assert find({})[:2] == ("flat", "1") and not find({}).is_versioned
    said = {"AIGES_MODEL_NAME": "n", "AIGES_MODEL_VERSION": "4"}
    assert find({"AIGES_MODEL_FOLDER": str(flat), **said})[:3] == ("n", "4", flat)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadError, match="expected model.py"):
        find({})


def test_folders_are_told_by_their_files(tmp_path):
    model = tmp_path / "m"
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.py").write_text("import triton_python_backend_utils as pb_utils\n")
    assert [name for name, _ in find_contracts(model / "1")] == ["triton"]
    assert [name for name, _ in find_contracts(model)] == ["triton"]
    (model / "config.pbtxt").write_text('platform: "ensemble"')
    (model / "1" / "model.py").unlink()
    assert [name for name, _ in find_contracts(model / "1")] == ["triton"]
    (model / "config.pbtxt").write_text('platform: "onnxruntime_onnx"')
    assert find_contracts(model) == []


def test_no_name_of_others_is_taken():
    """Nothing of ours is registered where client libraries register theirs."""
    script = (
        "from aiges.contracts.triton._messages import message_class\n"
        "from google.protobuf import descriptor_pool\n"
        "message_class()\n"
        "pool = descriptor_pool.Default()\n"
        "try:\n    pool.FindMessageTypeByName('aiges.model_config.ModelConfig')\n"
        "except KeyError:\n    print('private')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "sdk")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "private\n"


# --- pb_utils ---


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


MODELS = ROOT / "tests" / "peers" / "triton" / "models"
ANSWERS = json.loads((MODELS.parent / "answers.json").read_text(encoding="utf-8"))["answers"]
CONFIGS = {
    each["json"]["name"]: each["json"]
    for name, each in ANSWERS.items()
    if name.startswith("config") and each["status"] == 200
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_are_those_that_triton_has(name, monkeypatch):
    place = Place(name, "1", (at := MODELS / name), at / "1", at / "config.pbtxt")
    message = _config.read(place.config)
    if message.HasField("ensemble_scheduling"):
        found = ensemble_config(message, place)
    else:
        for module in ("1", "1.model"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        found = completed(message, import_model(place, ""), place, True)
    assert found == CONFIGS[name]
