# SPDX-License-Identifier: Apache-2.0
"""Ops with models: the uci example to the letter, checks of feeds, LoD in batches, remote ops."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import paddle_peer
import pytest
from aiges.contracts.paddle import _wire
from paddle_pipelines import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "paddle" / "pipeline_uci"
ROW = "0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583, -0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332"  # noqa: E501


@pytest.fixture
def housing(models, pipeline, tmp_path):
    """housing(text, conf): a pipeline beside the models of houses and of texts."""

    def start(text, conf, **options):
        place = tmp_path / options.setdefault("folder", "pipeline")
        place.mkdir()
        shutil.copytree(models / "fit_a_line_model", place / "uci_housing_model")
        shutil.copytree(models / "imdb_model", place / "imdb_model")
        return pipeline(text, conf, **options)

    return start


@pytest.mark.parametrize("threads", [False, True], ids=["processes", "threads"])
def test_uci_example(housing, threads):
    import yaml

    conf = yaml.safe_load((EXAMPLE / "config.yml").read_text())
    conf["dag"]["is_thread_op"] = threads
    ports = {key: conf.pop(key) for key in ("rpc_port", "http_port")}
    assert ports == {"rpc_port": 9998, "http_port": 18082}
    made = housing((EXAMPLE / "web_service.py").read_text(), conf, whole=True)
    answer = made.post({"key": ["x"], "value": [ROW]}, "/uci/prediction")
    assert answer.body == (
        b'{"err_no":0,"err_msg":"","key":["price"],"value":["18.901152"],"tensors":[]}'
    )
    client = (EXAMPLE / "web_rpc_client.py").read_text().replace("127.0.0.1:9998", made.rpc)
    done = subprocess.run(
        [sys.executable, "-c", client], env=made.env, capture_output=True, text=True
    )
    assert done.stdout == 'key: "price"\nvalue: "18.901152"\n\n', done.stderr


UCI = """
class Uci(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        do = given.get("do", "")
        x = np.array([float(each) for each in given["x"].split(",")], "float32").reshape(1, -1)
        if do == "wrong key": return {"y": x}, False, None, ""
        if do == "more keys": return {"x": x, "y": x}, False, None, ""
        if do == "lod key": return {"x": x, "x.lod": [0, 1]}, False, None, ""
        if do == "list": return [{"x": x}, {"x": x * 0}], False, None, ""
        return {"x": x}, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if isinstance(fetch_data, list):
            return {"price": " ".join(str(each["price"][0][0]) for each in fetch_data)}, None, ""
        return fetch_data, None, ""
def graph(read_op):
    return Uci(name="uci", input_ops=[read_op])
"""
LOCAL = {"local_service_conf": {"model_config": "uci_housing_model"}}


def test_feeds_are_checked_and_models_faults_told(housing):
    made = housing(UCI, {"op": {"uci": LOCAL}})
    assert made.value(x=ROW) == {"price": "array([[18.901152]], dtype=float32)"}
    for do in ("wrong key", "more keys"):
        answer = made.ask(x=ROW, do=do)
        assert answer["err_no"] == 5000 and "expected x; got" in answer["err_msg"], do
    first, second = made.value(x=ROW, do="list")["price"].split()
    assert first == "18.901152" and second != first
    answer = made.ask(x="1,2,3")
    assert answer["err_no"] == 10000 and "[uci] failed to predict. " in answer["err_msg"]
    assert made.value(x=ROW)["price"].startswith("array([[18.9")


def test_arrays_of_calls_are_one_batch(housing):
    conf = {"op": {"uci": {**LOCAL, "batch_size": 4, "auto_batching_timeout": 100}}}
    made = housing(UCI, conf)
    alone = made.value(x=ROW)
    with ThreadPoolExecutor(8) as pool:
        bad = pool.submit(made.ask, x="1,2")
        for each in pool.map(lambda _: made.value(x=ROW), range(16)):
            assert each == alone
    assert bad.result()["err_no"] == 10000


@pytest.mark.parametrize(
    "conf, said",
    [
        ({"model_config": "no_such_model"}, "no_such_model"),
        (
            {"model_config": "uci_housing_model", "fetch_list": ["cost"]},
            "expected names among price",
        ),
        ({"model_config": "uci_housing_model", "devices": "x"}, "devices: expected numbers"),
        ({"model_config": "uci_housing_model", "device_type": 5}, "use_ascend_cl"),
    ],
)
def test_models_that_cannot_be_loaded_end_the_start(housing, conf, said):
    made = housing(UCI, {"op": {"uci": {"local_service_conf": conf}}}, ready=False)
    code, log = made.ended()
    assert code != 0 and said in log


TEXTS = """
class Imdb(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        ids = [int(each) for each in given["words"].split()]
        return {"words": np.array(ids).reshape(-1, 1), "words.lod": [0, len(ids)]}, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        lod = fetch_data["scores.lod"].tolist()
        assert lod == [0, len(fetch_data["scores"])], lod
        return {"prediction": str(fetch_data["prediction"].round(4).tolist()),
                "scores": str(fetch_data["scores"].round(4).ravel().tolist())}, None, ""
def graph(read_op):
    return Imdb(name="imdb", input_ops=[read_op])
"""


def test_lod_in_batches_is_each_calls_own(housing):
    local = {"local_service_conf": {"model_config": "imdb_model"}}
    alone = housing(TEXTS, {"op": {"imdb": local}})
    conf = {"op": {"imdb": {**local, "batch_size": 8, "auto_batching_timeout": 200}}}
    together = housing(TEXTS, conf, folder="together")
    texts = [" ".join(str((n * 37 + k) % 1000) for k in range(1 + n)) for n in range(8)]
    expected = [alone.value(words=each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda each: together.value(words=each), texts)) == expected


REMOTE = """
class Far(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        x = np.array([float(each) for each in given["x"].split(",")], "float32").reshape(1, -1)
        return {"x": x} if FAR == "brpc" else {"x": given["x"]}, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        return {"got": repr(fetch_data["price"])}, None, ""
def graph(read_op):
    return Far(name="far", input_ops=[read_op])
"""


def test_another_pipeline_as_an_op(housing, pipeline):
    uci = housing(UCI, {"op": {"uci": LOCAL}})
    conf = {"server_endpoints": [uci.rpc], "client_type": "pipeline_grpc"}
    made = pipeline("FAR = 'pipeline'" + REMOTE, {"op": {"far": conf}}, folder="far")
    assert made.value(x=ROW) == {"got": repr("array([[18.901152]], dtype=float32)")}
    answer = made.ask(x="1")
    assert answer["err_no"] == 9000 and "the other pipeline answers 10000" in answer["err_msg"]
    uci.kill()
    answer = made.ask(x=ROW)
    assert answer["err_no"] == 9000 and "[far] failed to predict." in answer["err_msg"]


def test_a_service_of_baidu_std_as_an_op(models, pipeline, serve):
    """The peer's price is the sum of what it is given."""

    def handler(frame):
        asked = _wire.v3().Request.FromString(frame.message).tensor[0]
        return paddle_peer.ok(), paddle_peer.price(sum(asked.float_data)).SerializeToString()

    peer = serve(handler)
    conf = {
        "server_endpoints": [peer.endpoint], "client_type": "brpc",
        "client_config": str(models / "fit_a_line_client"), "fetch_list": ["price"],
    }  # fmt: skip
    made = pipeline("FAR = 'brpc'" + REMOTE, {"op": {"far": conf}}, folder="far")
    ones = ",".join(["1"] * 13)
    assert made.value(x=ones) == {"got": "array([[13.]], dtype=float32)"}
    peer.close()
    assert made.ask(x=ones)["err_no"] == 9000
