# SPDX-License-Identifier: Apache-2.0
"""Models through paddle.inference: files, types, LoD, options, threads, LocalPredictor."""

import logging
import shutil
import threading
import time

import numpy as np
import pytest
from aiges.contracts.paddle import _library, _tensors, _wire
from aiges.contracts.paddle.engine import Model, Options, _files, _options
from paddle_peer import ok

pytestmark = pytest.mark.usefixtures("models")  # Skips where Paddle is not there.
ROW = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
ROW += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
PRICE = np.float32(18.901151657104492)


@pytest.fixture(scope="module")
def uci(models):
    return Model(models / "fit_a_line_model")


@pytest.fixture(scope="module")
def imdb(models):
    return Model(models / "imdb_model")


def copied(models, tmp_path, name="fit_a_line", program="model.pdmodel", params="model.pdiparams"):
    """A copy of a model with other names of files."""
    source, made = models / f"{name}_model", tmp_path / "model"
    made.mkdir()
    shutil.copy(source / "serving_server_conf.prototxt", made)
    shutil.copy(source / "model.pdmodel", made / program)
    if params:
        shutil.copy(source / "model.pdiparams", made / params)
    return made


def test_a_row_has_its_price(uci):
    assert uci.predict({"x": [ROW, ROW]})["price"].tolist() == [[PRICE], [PRICE]]
    result = uci.predict({"x": np.array([ROW])}, ["fc_0.tmp_1"])
    assert list(result) == ["price"] and result["price"].dtype == np.float32


def test_words_with_lod_have_a_prediction_for_each_text(imdb):
    result = imdb.predict({"words": [1, 2, 3, 4], "words.lod": [0, 1, 4]})
    assert result["prediction"].shape == (2, 2)
    assert result["prediction"].sum(1) == pytest.approx([1, 1])
    assert result["scores.lod"].tolist() == [0, 1, 4]
    assert result["scores.lod"].dtype == np.int32
    assert result["scores"][0, 0] == 1 and result["scores"][1:].sum() == pytest.approx(1)
    alone = imdb.predict({"words": [2, 3, 4]}, ["prediction"])
    assert list(alone) == ["prediction"]
    assert alone["prediction"][0] == pytest.approx(result["prediction"][1])


def test_words_without_offsets_are_one_sequence(imdb):
    """The original's client makes one row of a flat list, and sends no offsets."""
    expected = imdb.predict({"words": [8, 233, 52], "words.lod": [0, 3]})
    for shape in ((1, 3), (3, 1)):
        ids = np.array([8, 233, 52]).reshape(shape)
        values = [_tensors.Value(ids, 0, [], "words", "words")]
        prediction, scores = imdb.run(values, ["prediction", "scores"])
        assert prediction.array == pytest.approx(expected["prediction"])
        assert scores.lod == [[0, 3]]


def test_lod_of_a_call_is_not_that_of_the_one_before(models):
    model = Model(models / "imdb_model", Options(predictors=1))
    first = model.predict({"words": [1, 2, 3], "words.lod": [0, 1, 3]})
    second = model.predict({"words": [1, 2, 3]})
    assert first["prediction"].shape == (2, 2) and second["prediction"].shape == (1, 2)


def test_the_outputs_of_ocr_are_what_its_readers_ask_for(models):
    image = np.ones((1, 3, 64, 96), "float32")
    det = Model(models / "ocr_det_model").predict({"image": image})
    assert det["concat_1.tmp_0"].shape == (1, 1, 64, 96)
    lines = np.random.RandomState(1).rand(2, 3, 32, 320).astype("float32")
    rec = Model(models / "ocr_rec_model").predict({"image": lines})
    texts, offsets = rec["ctc_greedy_decoder_0.tmp_0"], rec["ctc_greedy_decoder_0.tmp_0.lod"]
    assert texts.dtype == np.int64 and texts.shape[1:] == (1,)
    assert offsets[0] == 0 and offsets[-1] == len(texts) and len(offsets) == 3
    assert rec["softmax_0.tmp_0"].shape == (160, 41)
    assert rec["softmax_0.tmp_0.lod"].tolist() == [0, 80, 160]
    newer = Model(models / "ocr_rec_v2_model").predict({"image": lines})
    assert newer["save_infer_model/scale_0.tmp_1"].shape == (2, 80, 41)


@pytest.mark.parametrize(
    ("program", "params"),
    [
        ("model.pdmodel", "model.pdiparams"),
        ("inference.pdmodel", "inference.pdiparams"),
        ("a.pdmodel", "b.pdiparams"),
        ("__model__", "__params__"),
        ("model", "params"),
    ],
)
def test_names_of_files(models, tmp_path, program, params):
    model = Model(copied(models, tmp_path, program=program, params=params))
    assert model.predict({"x": [ROW]})["price"].item() == PRICE


def test_a_file_for_each_parameter(models, tmp_path):
    paddle = _library.paddle()
    folder = copied(models, tmp_path, program="__model__", params=None)
    with _library.old_programs():
        paddle.enable_static()
        scope = paddle.static.Scope()
        with paddle.static.scope_guard(scope):
            executor = paddle.static.Executor(paddle.CPUPlace())
            source = str(models / "fit_a_line_model/model")
            program, _, _ = paddle.static.load_inference_model(source, executor)
            paddle.static.save_vars(
                executor,
                str(folder),
                main_program=program,
                predicate=lambda var: var.persistable and var.name not in ("feed", "fetch"),
            )
        paddle.disable_static()
    assert sorted(file.name for file in folder.iterdir()) == [
        "__model__",
        "fc_0.b_0",
        "fc_0.w_0",
        "serving_server_conf.prototxt",
    ]
    assert Model(folder).predict({"x": [ROW]})["price"].item() == PRICE


def test_what_is_no_model_is_said(models, tmp_path):
    with pytest.raises(ValueError, match="serving_server_conf.prototxt"):
        Model(tmp_path)
    folder = copied(models, tmp_path)
    (folder / "model.pdiparams").unlink()
    with pytest.raises(ValueError, match="expected a model: "):
        Model(folder)
    shutil.copy(models / "fit_a_line_model/model.pdiparams", folder)
    program = (folder / "model.pdmodel").read_bytes()
    for wrong in (b"", b"no program", program[: len(program) // 2], b"{}"):
        (folder / "model.pdmodel").write_bytes(wrong)
        with pytest.raises(ValueError, match="expected a model of Paddle"):
            Model(folder)
    (folder / "model.pdmodel").write_bytes(program)
    (folder / "model.pdiparams").write_bytes(b"no parameters")
    with pytest.raises(ValueError, match="Paddle cannot load it"):
        Model(folder)
    shutil.copy(models / "imdb_model/model.pdmodel", folder / "other.pdmodel")
    shutil.copy(models / "imdb_model/model.pdiparams", folder / "other.pdiparams")
    with pytest.raises(ValueError, match="one model, got model.pdmodel, other.pdmodel"):
        _files.find(folder)


def test_a_configuration_of_another_model_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    conf = folder / "serving_server_conf.prototxt"
    text = conf.read_text()
    more = 'feed_var { name: "y" alias_name: "y" feed_type: 1 shape: 1 }\n'
    conf.write_text(more + text)
    with pytest.raises(ValueError, match="expected feed_var for the inputs x of the model"):
        Model(folder)
    conf.write_text(text + text[text.index("fetch_var") :].replace("price", "b"))
    assert len(Model(folder).conf.fetches) == 2  # Two aliases of one output.
    more = 'fetch_var { name: "none" alias_name: "n" fetch_type: 1 shape: 1 }\n'
    conf.write_text(text + more)
    with pytest.raises(ValueError, match="expected fetch_var among the outputs fc_0.tmp_1"):
        Model(folder)
    conf.write_text(text.replace('name: "fc_0.tmp_1"', 'name: "old/scale_0"'))
    assert Model(folder).predict({"x": [ROW]})["price"].item() == PRICE  # By its place.
    conf.write_text(text.replace("feed_type: 1", "feed_type: 10"))
    with pytest.raises(ValueError, match="feed_var x: Paddle takes no complex64"):
        Model(folder)
    conf.write_text("feed_var {\n  name: 5\n}")
    with pytest.raises(ValueError, match=r"serving_server_conf.prototxt: .*2:"):
        Model(folder)


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ({"x": np.ones((1, 12))}, r"the model did not run: .*received input's second dimension"),
        ({"x": np.ones(())}, "the model did not run"),
        ({"z": [ROW]}, "Wrong feed name: z"),
        ({}, "x is missing"),
    ],
)
def test_a_wrong_call_raises_and_the_next_one_runs(uci, feed, said):
    with pytest.raises(ValueError, match=said) as caught:
        uci.predict(feed)
    assert len(str(caught.value)) < 800 and "/paddle/" not in str(caught.value)
    assert uci.predict({"x": [ROW]})["price"].item() == PRICE


@pytest.mark.parametrize(
    ("words", "lod", "said"),
    [
        ([1, 2, 3], [0, 5], "expected offsets that end with the 3 rows"),
        ([1, 2, 3], [0, 2, 0, 3], r"words.lod: expected offsets from 0 to 1"),
        ([5000], [0, 1], "expected >= 0 and < 1000, but got 5000"),
    ],
)
def test_lod_that_points_outside_is_refused(imdb, words, lod, said):
    with pytest.raises(ValueError, match=said):
        imdb.predict({"words": words, "words.lod": lod})
    assert imdb.predict({"words": [1]})["prediction"].shape == (1, 2)


def test_no_rows_give_no_rows(uci):
    assert uci.predict({"x": np.ones((0, 13))})["price"].shape == (0, 1)


def test_threads_share_a_model(models):
    model = Model(models / "fit_a_line_model", Options(predictors=3))
    wrong = []

    def run(seed):
        rows = np.random.RandomState(seed).rand(seed + 1, 13).astype("float32")
        expected = model.predict({"x": rows})["price"]
        for _ in range(100):
            if not np.allclose(model.predict({"x": rows})["price"], expected):
                wrong.append(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and model._predictors._made <= 3


@pytest.mark.parametrize(
    "options",
    [
        {"ir_optim": False, "mem_optim": False},
        {"use_mkldnn": True, "mkldnn_cache_capacity": 4, "thread_num": 2},
        {"use_mkldnn": True, "mkldnn_op_list": ["conv2d"]},
    ],
)
def test_options_that_change_no_answer(models, options):
    model = Model(models / "fit_a_line_model", Options(**options))
    assert model.predict({"x": [ROW]})["price"].item() == pytest.approx(PRICE, abs=1e-4)


def test_low_precision_is_near(models):
    model = Model(models / "fit_a_line_model", Options(use_mkldnn=True, precision="bf16"))
    assert model.predict({"x": [ROW]})["price"].item() == pytest.approx(PRICE, rel=0.05)


def test_a_gpu_that_is_not_there_is_one_warning(models, caplog):
    if _library.paddle().is_compiled_with_cuda():
        pytest.skip("this paddlepaddle has CUDA")
    caplog.set_level(logging.WARNING)
    _options._said.clear()
    for _ in range(2):
        model = Model(models / "fit_a_line_model", Options(use_gpu=True, precision="fp16"))
        assert model.predict({"x": [ROW]})["price"].item() == PRICE
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "GPU" in line and "the one for CPUs" in line]) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"use_xpu": True}, "use_xpu: expected CPU or GPU, Kunlun"),
        ({"use_lite": True}, "use_lite: "),
        ({"use_ascend_cl": True}, "use_ascend_cl: "),
        ({"precision": "fp8"}, "precision: expected one of fp32, fp16, bf16, int8; got 'fp8'"),
        ({"thread_num": 0}, "thread_num: expected a number from 1"),
        ({"gpu_id": -1}, "gpu_id: "),
        ({"predictors": True}, "predictors: "),
    ],
)
def test_options_that_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_local_predictor_names_outputs_as_they_are_asked_for(models):
    from paddle_serving_app.local_predict import LocalPredictor

    local = LocalPredictor()
    with pytest.raises(ValueError, match="load_model_config"):
        local.predict({"x": ROW})
    local.load_model_config(str(models / "fit_a_line_model"), use_gpu=False, thread_num=2)
    assert (local.feed_names_, local.fetch_names_) == (["x"], ["price"])
    for fetch, name in (
        (["price"], "price"),
        (["fc_0.tmp_1"], "fc_0.tmp_1"),
        (None, "fc_0.tmp_1"),
        ("price", "price"),
        (["anything"], "anything"),  # None is known: by its place.
    ):
        result = local.predict(feed={"x": np.array(ROW)}, fetch=fetch, batch=False)
        assert {key: value.tolist() for key, value in result.items()} == {name: [[PRICE]]}
    assert local.predict({"x": np.array([ROW])}, ["price"], batch=True)["price"].shape == (1, 1)
    assert local.predict({"x": ROW}, ["price"])["price"].shape == (1, 1)


def test_local_predictor_has_lod(models):
    from paddle_serving_app.local_predict import LocalPredictor

    local = LocalPredictor()
    local.load_model_config(str(models / "imdb_model"))
    words = np.array([[1], [2], [3]])
    result = local.predict({"words": words, "words.lod": [0, 1, 3]}, ["scores"], batch=True)
    assert result["scores.lod"].tolist() == [0, 1, 3]


def test_a_client_is_answered_by_the_model(models, serve):
    """The client of the examples, against the model over the wire."""
    from paddle_serving_client import Client

    model = Model(models / "imdb_model")

    def handler(frame):
        request = _wire.raw().Request.FromString(frame.message)
        values = [_tensors.read_v3(tensor) for tensor in request.tensor]
        response = _wire.raw().Response()
        output = response.outputs.add(engine_name="GeneralInferOp_0")
        for value in model.run(values, list(request.fetch_var_names)):
            _tensors.write_v3(output.tensor.add(), value)
        return ok(), response.SerializeToString()

    with Client() as client:
        client.load_client_config(str(models / "imdb_client/serving_client_conf.prototxt"))
        client.connect([serve(handler).endpoint])
        fetch = ["acc", "cost", "prediction", "scores"]
        result = client.predict(feed={"words": [8, 233, 52]}, fetch=fetch, batch=False)
        expected = model.predict({"words": [8, 233, 52]})
        assert {name: each.tolist() for name, each in result.items()} == {
            name: each.tolist() for name, each in expected.items()
        }
        two = client.predict([{"words": [8, 233, 52]}, {"words": [1]}], ["prediction"])
        assert two["prediction"].shape == (2, 2)
        assert two["prediction"][0] == pytest.approx(result["prediction"][0])


def test_a_small_call_is_quick(uci):
    row, spent = np.array([ROW], "float32"), []
    for _ in range(300):
        began = time.perf_counter()
        uci.predict({"x": row})
        spent.append(time.perf_counter() - began)
    assert sorted(spent)[150] < 0.02  # 35 us where nothing else runs.
