# SPDX-License-Identifier: Apache-2.0
"""The contract in one process: what it declares, what it takes, what runs together."""

import numpy as np
import onnx_models as models
import pytest
from aiges.contracts._detect import find_contracts
from aiges.contracts.onnx._settings import Settings
from aiges.errors import BadInput
from onnx import TensorProto


def rows(count, columns=64, seed=1):
    return np.random.default_rng(seed).standard_normal((count, columns)).astype(np.float32)


def test_card_is_what_the_file_says(engine, tmp_path):
    card = engine(models.mlp(tmp_path / "m.onnx")).card
    assert card == {
        "platform": "onnxruntime_onnx",
        "max_batch_size": 64,
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}],
    }
    card = engine(models.add_sub(tmp_path / "f.onnx", TensorProto.INT32, (2, "k"))).card
    assert card["max_batch_size"] == 0
    assert card["inputs"][1] == {"name": "b", "datatype": "INT32", "shape": [2, -1]}
    assert [each["name"] for each in card["outputs"]] == ["sum", "difference"]


def test_calls_that_fit_are_one_run_and_each_gets_its_own_rows(engine, tmp_path):
    served = engine(models.mlp(tmp_path / "m.onnx"))
    runs = served.runs()
    sent = [rows(n, seed=n) for n in (1, 3, 2)]
    answers = served.batch(*({"x": x} for x in sent))
    assert [run["x"] for run in runs] == [(6, 64)]
    for x, answer in zip(sent, answers):
        np.testing.assert_allclose(answer["y"], models.mlp_answer(x), rtol=1e-4, atol=1e-5)


def test_runs_hold_at_most_max_batch_size_rows(engine, tmp_path):
    served = engine(models.mlp(tmp_path / "m.onnx"), max_batch_size=4)
    assert served.card["max_batch_size"] == 4
    runs = served.runs()
    answers = served.batch(*({"x": rows(n)} for n in (3, 2, 2, 5, 4)))
    assert [run["x"][0] for run in runs] == [3, 4, 4]
    assert isinstance(answers[3], BadInput) and "batch-size must be <= 4" in str(answers[3])
    assert [len(answers[n]["y"]) for n in (0, 1, 2, 4)] == [3, 2, 2, 4]


def test_shapes_that_differ_are_runs_of_their_own(engine, tmp_path):
    served = engine(models.add_sub(tmp_path / "m.onnx", shape=("n", "k")))
    runs = served.runs()
    a, b = rows(1, 2), rows(1, 3)
    answers = served.batch(*({"a": each, "b": each} for each in (a, b, a)))
    assert sorted(run["a"] for run in runs) == [(1, 3), (2, 2)]
    np.testing.assert_allclose(answers[1]["sum"], b + b)
    assert answers[2]["difference"].tolist() == [[0, 0]]


def test_one_that_is_wrong_among_many_fails_alone(engine, tmp_path):
    served = engine(models.lookup(tmp_path / "m.onnx"))
    numbers = [np.array(each) for each in ([0, 1], [9], [3])]
    good, bad, other = served.batch(*({"x": each} for each in numbers))
    assert good["y"].tolist() == [0, 1] and other["y"].tolist() == [3]
    assert isinstance(bad, Exception) and "9" in str(bad)


def test_first_dimensions_of_other_names_are_no_batch(engine, tmp_path, capfd):
    served = engine(models.positive(tmp_path / "m.onnx"))
    assert served.card["max_batch_size"] == 0
    assert "calls do not run together" in capfd.readouterr().out
    runs = served.runs()
    x = np.array([[1, -1, 2, -1]], np.float32)
    answers = served.batch({"x": x}, {"x": -x})
    assert len(runs) == 2
    assert answers[0]["found"].tolist() == [[0, 0], [0, 2]]
    assert answers[1]["found"].tolist() == [[0, 1], [0, 3]]


def test_answers_without_a_row_for_each_row_come_from_runs_of_their_own(engine, tmp_path):
    served = engine(models.positive(tmp_path / "m.onnx"), max_batch_size=8)
    x = np.array([[1, 2, 3, -1]], np.float32)
    first, second = served.batch({"x": x}, {"x": -x})
    assert len(first["found"]) == 3 and second["found"].tolist() == [[0, 3]]


def test_max_batch_size_of_0_runs_each_alone(engine, tmp_path):
    served = engine(models.mean_of_all(tmp_path / "m.onnx"), max_batch_size=0)
    assert served.card["max_batch_size"] == 0
    x = rows(1, 4)
    for answer in served.batch({"x": x}, {"x": x + 1}):
        assert np.abs(answer["y"]).max() < 1e-6


def test_max_batch_size_of_a_model_with_fixed_rows_is_refused(engine, tmp_path):
    file = models.mlp(tmp_path / "m.onnx", first=1, last=1)
    with pytest.raises(ValueError, match=r"max_batch_size = 8: .* got x \[1,64\], y \[1,10\]"):
        engine(file, max_batch_size=8)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TensorProto.BOOL, [[True, False, True, True]]),
        (TensorProto.UINT8, [[0, 1, 2, 255]]),
        (TensorProto.FLOAT16, [[0.5, -2, 65504, 0]]),
        (TensorProto.DOUBLE, [[1e300, 2, 3, 4]]),
        (TensorProto.INT64, [[-(2**62), 2, 3, 4]]),
    ],
)
def test_types_go_through_as_they_are(engine, tmp_path, kind, values):
    from onnx import helper

    served = engine(models.identity(tmp_path / "m.onnx", kind, ["n", 4]))
    x = np.array(values, helper.tensor_dtype_to_np_dtype(kind))
    answers = served.batch({"x": x}, {"x": x})
    for answer in answers:
        assert answer["y"].dtype == x.dtype and answer["y"].tolist() == x.tolist()


def test_texts_go_through(engine, tmp_path):
    served = engine(models.texts(tmp_path / "m.onnx"))
    assert served.card["inputs"] == [{"name": "t", "datatype": "BYTES", "shape": [-1]}]
    words = np.array(["one", "", "zwölf 十二"], object)
    answers = served.batch({"t": words}, {"t": words[:1]})
    assert answers[0]["same"].tolist() == [word.encode() for word in words]
    assert answers[1]["same"].tolist() == [b"one"]


def test_no_rows_and_scalars(engine, tmp_path):
    served = engine(models.mlp(tmp_path / "m.onnx"))
    assert served.once({"x": rows(0)})["y"].shape == (0, 10)
    served = engine(models.identity(tmp_path / "s.onnx", TensorProto.FLOAT, []))
    answer = served.once({"x": np.float32(2.5).reshape(())})
    assert answer["y"].shape == () and answer["y"] == 2.5


F64 = {"datatype": "FP32", "shape": "1,64"}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            [],
            "expected 1 inputs but got 0 inputs for model 'm'. Got input(s) [], but missing "
            "required input(s) ['x']. Please provide all required input(s).",
        ),
        ([("y", b"", F64)], "unexpected inference input 'y' for model 'm'"),
        ([("x", bytes(256), F64)] * 2, "input 'x' already exists in request"),
        ([("x", b"hello", {})], "expected FP32, got 5 bytes without a datatype"),
        (
            [("x", bytes(256), {"datatype": "INT32", "shape": "1,64"})],
            "inference input 'x' data-type is 'INT32', but model 'm' expects 'FP32'",
        ),
        (
            [("x", bytes(252), F64)],
            "input byte size mismatch for input 'x' for model 'm'. Expected 256, got 252",
        ),
        (
            [("x", bytes(252), {**F64, "shape": "1,63"})],
            "unexpected shape for input 'x' for model 'm'. Expected [-1,64], got [1,63]. NOTE: ",
        ),
        ([("x", bytes(256), {**F64, "shape": "64"})], "Expected [-1,64], got [64]."),
        ([("x", bytes(256), {**F64, "shape": "1,-64"})], "expected a shape as 2,3, got '1,-64'"),
        ([("x", b"", {**F64, "shape": "0," + "9" * 12})], "Expected [-1,64], got [0,999999999999]"),
        ([("x", bytes(256), {**F64, "shape": ",".join(["1"] * 65)})], "expected a shape"),
    ],
)
def test_what_cannot_be_taken_is_the_callers_fault(engine, tmp_path, call, text):
    served = engine(models.mlp(tmp_path / "m.onnx"))
    (answer,) = served.raw(call)
    assert isinstance(answer, BadInput) and text in str(answer)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"\x05\0\0\0abc",
            "incomplete string data for inference input 't', expecting string of length 5 but only "
            "3 bytes available",
        ),
        (
            b"\x01\0\0\0a\x01\0",
            "incomplete string length indicator for inference input 't', expecting 4 bytes but "
            "only 2 bytes available",
        ),
        (
            b"\x01\0\0\0a",
            "unexpected number of string elements 1 for inference input 't' for model 'm', "
            "expecting 2",
        ),
        (b"\x01\0\0\0\xff\0\0\0\0", "expected UTF-8 in element 0"),
    ],
)
def test_texts_that_are_none(engine, tmp_path, data, text):
    served = engine(models.texts(tmp_path / "m.onnx"))
    (answer,) = served.raw([("t", data, {"datatype": "BYTES", "shape": "2"})])
    assert isinstance(answer, BadInput) and text in str(answer)


def test_inputs_with_other_numbers_of_rows(engine, tmp_path):
    served = engine(models.add_sub(tmp_path / "m.onnx"))
    (answer,) = served.batch({"a": rows(2, 4), "b": rows(1, 4)})
    assert isinstance(answer, BadInput)
    assert "input 'b' batch size does not match other inputs for 'm'" in str(answer)


def test_outputs_that_a_client_of_oip_names(engine, tmp_path):
    served = engine(models.add_sub(tmp_path / "m.onnx"))
    call = {"a": rows(1, 4), "b": rows(1, 4)}
    asked = ['{"id":"1","outputs":[{"name":"difference"}]}', '{"outputs":[]}']
    asked.append('{"outputs":[{"name":"product"}]}')
    one, every, wrong = served.batch(call, call, call, params=[{":oip": text} for text in asked])
    assert list(one) == ["difference"] and list(every) == ["sum", "difference"]
    assert isinstance(wrong, BadInput)
    assert str(wrong) == "unexpected inference output 'product' for model 'm'"


def test_calls_that_the_loader_has_checked_are_not_checked_again(engine, tmp_path, monkeypatch):
    served = engine(models.add_sub(tmp_path / "m.onnx"))
    checked = {":oip": '{"checked":true,"id":"7","parameters":{},"outputs":[]}'}
    monkeypatch.setattr(served.wrapper._engine._checker, "check", None)
    (answer,) = served.batch({"a": rows(1, 4), "b": rows(1, 4)}, params=[checked])
    assert list(answer) == ["sum", "difference"]
    (other,) = served.batch({"a": rows(1, 4), "z": rows(1, 4)}, params=[checked])
    assert str(other) == "unexpected inference input 'z' for model 'm'"


def test_a_call_of_the_protocol_that_nobody_has_checked_names_its_id(engine, tmp_path):
    served = engine(models.add_sub(tmp_path / "m.onnx"))
    params = {":oip": '{"id":"7","parameters":{"checked":true},"outputs":[]}'}
    (answer,) = served.batch({"a": rows(1, 4)}, params=[params])
    assert isinstance(answer, BadInput)
    told = "[request id: 7] expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['a']"
    assert str(answer).startswith(told)


def test_one_text_without_a_datatype_is_one_element(engine, tmp_path):
    """As wrappers and plain bodies send it, and the loader where it knows no model yet."""
    served = engine(models.texts(tmp_path / "m.onnx"))
    for params in ({}, {":oip": '{"id":"","parameters":{},"outputs":[]}'}):
        (answer,) = served.raw([("t", "zwölf".encode(), {})], params=[params])
        assert answer["same"].tolist() == ["zwölf"]


def test_outputs_that_are_no_tensors_are_left_out_and_said(engine, tmp_path, capfd):
    served = engine(models.zip_map(tmp_path / "m.onnx"))
    assert [each["name"] for each in served.card["outputs"]] == ["label"]
    assert "probabilities (seq(map(int64,tensor(float))))" in capfd.readouterr().out
    assert served.once({"x": np.array([[0.2, 0.8]], np.float32)})["label"].tolist() == [1]


def test_mistakes_in_wrapper_are_said_together():
    config = {"treads": "2", "intra_op_threads": "many", "optimization": "most", "warmup": "2"}
    with pytest.raises(ValueError) as raised:
        Settings.read(config)
    text = str(raised.value)
    assert "[wrapper] treads: expected one of model, intra_op_threads," in text
    assert "intra_op_threads: expected a number from 0 to 1024, got many" in text
    assert "optimization: expected one of none, basic, extended, all, got most" in text
    assert "warmup: expected true or false" in text


def test_settings_reach_the_session(engine, tmp_path):
    served = engine(
        models.mlp(tmp_path / "m.onnx"),
        intra_op_threads=1,
        inter_op_threads=2,
        optimization="basic",
        providers="cpu",
    )
    options = served.wrapper._engine._model.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 2)
    assert options.graph_optimization_level.name == "ORT_ENABLE_BASIC"
    with pytest.raises(ValueError, match="providers: expected some of .*cpu.*, got npu"):
        engine(tmp_path / "m.onnx", providers="npu")


def test_warm_up_runs_one_row_and_the_most(engine, tmp_path):
    served = engine(models.mlp(tmp_path / "m.onnx"), max_batch_size=8)
    runs = served.runs()
    served.wrapper.wrapperWarmup()
    assert sorted({run["x"][0] for run in runs}) == [1, 8]
    served = engine(tmp_path / "m.onnx", warmup="false")
    runs = served.runs()
    served.wrapper.wrapperWarmup()
    assert runs == []


def test_a_model_alone_is_an_engine_and_code_goes_first(tmp_path):
    models.mlp(tmp_path / "m.onnx")
    assert find_contracts(tmp_path) == [("onnx", tmp_path / "m.onnx")]
    (tmp_path / "helper.py").write_text("import os\n", encoding="utf-8")
    assert [name for name, _ in find_contracts(tmp_path)] == ["onnx"]
    (tmp_path / "predict.py").write_text("import openbayes_serving\n", encoding="utf-8")
    assert [name for name, _ in find_contracts(tmp_path)] == ["openbayes"]
    (tmp_path / "predict.py").unlink()
    (tmp_path / "wrapper").mkdir()
    (tmp_path / "wrapper" / "wrapper.py").write_text("", encoding="utf-8")
    assert find_contracts(tmp_path) == []


PBTXT = """
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ { name: "x" data_type: TYPE_FP32 dims: [ 8, 8 ] reshape { shape: [ 64 ] } } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 10 ] label_filename: "labels.txt" } ]
parameters { key: "intra_op_thread_count" value { string_value: "1" } }
dynamic_batching { }
"""


@pytest.fixture
def triton_model(tmp_path, monkeypatch):
    """triton_model(config.pbtxt): the folder of a version, in which we are."""

    def write(text, make=models.mlp):
        version = tmp_path / "mlp" / "1"
        version.mkdir(parents=True, exist_ok=True)
        make(version / "model.onnx")
        (version.parent / "config.pbtxt").write_text(text, encoding="utf-8")
        (version.parent / "labels.txt").write_text("\n".join("abcdefghij"), encoding="utf-8")
        monkeypatch.chdir(version)
        return version / "model.onnx"

    return write


def test_config_pbtxt_says_batch_labels_and_the_shape_that_clients_send(engine, triton_model):
    served = engine(triton_model(PBTXT))
    card = served.card
    assert (card["platform"], card["max_batch_size"]) == ("onnxruntime_onnx", 4)
    assert card["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 8, 8]}]
    assert card["outputs"][0]["labels"] == list("abcdefghij")
    assert card["config"]["parameters"]["intra_op_thread_count"] == {"string_value": "1"}
    x = rows(3)
    answer = served.once({"x": x.reshape(3, 8, 8)})
    np.testing.assert_allclose(answer["y"], models.mlp_answer(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(BadInput, match=r"Expected \[-1,8,8\], got \[3,64\]\."):
        served.once({"x": x})
    assert served.wrapper._engine._settings.intra_op_threads == 1


def test_config_pbtxt_of_few_words_is_completed_from_the_file(engine, triton_model):
    card = engine(triton_model('backend: "onnxruntime"\nmax_batch_size: 8')).card
    assert card["config"]["input"][0]["dims"] == [64]
    assert card["config"]["output"][0]["data_type"] == "TYPE_FP32"
    card = engine(triton_model("")).card
    assert card["config"]["max_batch_size"] == 64


def test_outputs_that_config_pbtxt_leaves_out_are_not_computed(engine, triton_model):
    text = 'output [ { name: "difference" data_type: TYPE_FP32 dims: [ -1, 4 ] } ]'
    served = engine(triton_model(text, models.add_sub))
    assert [each["name"] for each in served.card["outputs"]] == ["difference"]
    assert list(served.once({"a": rows(1, 4), "b": rows(1, 4)})) == ["difference"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('platform: "tensorflow_graphdef"', 'platform: expected "onnxruntime_onnx"'),
        ('backend: "python"', 'backend: expected "onnxruntime"'),
        ("sequence_batching { }", "sequence_batching: not served"),
        ("model_transaction_policy { decoupled: true }", "decoupled: not served"),
        ("max_batch_size: many", "failed to read text proto"),
        ('input [ { name: "z" data_type: TYPE_FP32 dims: [ 64 ] } ]', "input 'z': expected one of"),
        ('input [ { name: "x" data_type: TYPE_INT8 dims: [ -1, 64 ] } ]', "data_type of FP32"),
        ('input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 63 ] } ]', "shape [-1,64], got"),
        ('parameters { key: "intra_op_thread_count" value { string_value: "a" } }', "got a"),
    ],
)
def test_what_config_pbtxt_asks_for_and_is_not_there(engine, triton_model, said, text):
    file = triton_model(said)
    with pytest.raises(ValueError) as raised:
        engine(file)
    assert text in str(raised.value)


def test_a_triton_folder_with_a_model_of_onnx_is_told_by_its_files(triton_model):
    folder = triton_model("max_batch_size: 4").parent
    assert find_contracts(folder) == [("onnx", folder / "model.onnx")]
    (folder / "model.py").write_text("class TritonPythonModel: pass\n", encoding="utf-8")
    assert [name for name, _ in find_contracts(folder)] == ["triton"]
