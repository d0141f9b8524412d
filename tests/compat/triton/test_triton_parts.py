# SPDX-License-Identifier: Apache-2.0
"""Parts without a loader: configurations, places, cards."""

import json
import os
import subprocess
import sys

import pytest
from loader_process import ROOT

sys.path.append(str(ROOT / "compat" / "triton"))  # Of the models that are imported here.

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


BATCHES = "max_batch_size: 4 dynamic_batching { %s } "


def test_what_has_no_effect_is_told(tmp_path):
    assert _checks.ignored(read(tmp_path, config(more=BATCHES % ""))) == []
    text = 'response_cache { enable: true } metric_tags { key: "a" value: "b" }'
    text += BATCHES % "preferred_batch_size: [ 2 ] preserve_ordering: true"
    text += "optimization { graph { level: 1 } priority: PRIORITY_MAX }"
    assert _checks.ignored(read(tmp_path, config(more=text))) == [
        "response_cache",
        "dynamic_batching.preferred_batch_size",
        "dynamic_batching.preserve_ordering",
        "optimization.graph",
        "optimization.priority",
        "metric_tags",
    ]


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
