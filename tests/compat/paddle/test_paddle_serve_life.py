# SPDX-License-Identifier: Apache-2.0
"""Models that change while they are served, and models that wait for a key."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from aiges.contracts.paddle import _wire
from free_ports import free_ports
from paddle_command import DIE_WITH_PARENT, PRICE, ROW, environment
from waiting import wait_until

PATH = "/GeneralModelService/inference"
SAID = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
MAKE = """
import sys, warnings
sys.path.append(sys.argv[2])
import numpy as np, paddle
import paddle_makers
from paddle.pir_utils import OldIrGuard
warnings.simplefilter("ignore")
paddle_makers.PRICE = float(sys.argv[3])
with OldIrGuard():
    paddle.enable_static()
    paddle_makers.fit_a_line(__import__("pathlib").Path(sys.argv[1]), **eval(sys.argv[4]))
"""


def make(folder, price, **options):
    """A model like fit_a_line that gives another price."""
    here = Path(__file__).parent / "models"
    words = [sys.executable, "-c", MAKE, folder, here, price, repr(options)]
    subprocess.run(list(map(str, words)), env=environment(), check=True, timeout=120)
    return folder / "fit_a_line_model"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return make(tmp_path_factory.mktemp("other"), 7.5)


def price_of(service):
    answer = service.post(PATH, SAID)
    if answer.status != 200:
        return answer.status
    return json.loads(answer.body)["outputs"][0]["tensor"][0]["float_data"][0]


class Calls:
    """Calls without a pause, whose answers are kept."""

    def __init__(self, service):
        self.seen, self._ends = [], threading.Event()
        self._thread = threading.Thread(target=self._run, args=(service,))

    def _run(self, service):
        while not self._ends.is_set():
            self.seen.append(price_of(service))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()


def test_a_model_that_changes_is_served_without_a_failed_call(served, models, other, tmp_path):
    live = tmp_path / "live_model"
    shutil.copytree(models / "fit_a_line_model", live)
    service = served("--model", live, AIGES_PADDLE_RELOAD_S="0.2")
    with Calls(service) as calls:
        shutil.copytree(other, live, dirs_exist_ok=True)
        (live / "fluid_time_file").touch()
        wait_until(lambda: calls.seen[-1:] == [7.5], "the new model", 40)
        # One that is none changes nothing.
        (live / "model.pdmodel").write_bytes(b"no model")
        (live / "fluid_time_file").write_text("again")
        wait_until(lambda: "the old one goes on" in service.log(), "the refusal", 40)
        count = len(calls.seen)
        wait_until(lambda: len(calls.seen) > count + 5, "more calls")
    assert {round(price, 4) for price in calls.seen} == {round(PRICE, 4), 7.5}
    assert calls.seen == sorted(calls.seen, reverse=True)  # No old answer after a new one.


def test_monitor_brings_a_model(served, models, other, tmp_path):
    import http.server

    remote, live = tmp_path / "remote", tmp_path / "live_model"
    remote.mkdir()
    shutil.copytree(models / "fit_a_line_model", live)
    handler = http.server.SimpleHTTPRequestHandler
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *given: handler(*given, directory=str(remote))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = ["-m", "paddle_serving_server.monitor", "--type", "general", "--interval", "1"]
    words += ["--general_host", f"http://127.0.0.1:{server.server_port}", "--remote_path", "/"]
    words += ["--remote_model_name", "model.tar.gz", "--remote_donefile_name", "done"]
    words += ["--local_path", str(tmp_path), "--local_model_name", "live_model"]
    service = served("--model", live, AIGES_PADDLE_RELOAD_S="0.2")
    log = tmp_path / "monitor.log"
    with log.open("wb") as out:
        command = [*DIE_WITH_PARENT, sys.executable, *words]
        monitor = subprocess.Popen(command, env=environment(), stdout=out, stderr=out)
    try:
        time.sleep(0.5)
        assert price_of(service) == pytest.approx(PRICE)
        subprocess.run(
            ["tar", "-czf", remote / "model.tar.gz", "-C", other.parent, other.name], check=True
        )
        (remote / "done").touch()
        wait_until(lambda: price_of(service) == 7.5, "the new model", 40)
        assert "has no SHA-256" in log.read_text()
    finally:
        monitor.kill()
        monitor.wait()
        server.shutdown()
        server.server_close()
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_a_model_with_a_key(served, tmp_path):
    from paddle_serving_client import Client, HttpClient

    model = make(tmp_path, 7.5, encryption=True)
    client_folder = tmp_path / "fit_a_line_client"
    key = (client_folder / "key").read_bytes()
    assert not (model / "key").exists()
    service = served("--model", model, "--use_encryption_model", "--name", "uci")
    before = {each: each.stat().st_mtime_ns for each in model.iterdir()}

    answer = service.post(PATH, SAID)
    assert (answer.status, b"wait for their key" in answer.body) == (503, True)
    said = {"feed": [{"x": ROW}], "fetch": ["price"]}
    assert service.post("/uci/prediction", said).status == 503
    for body in (b"", b"{", b'{"key": 1}', b'{"key": "?"}', b'{"key": ""}', b'{"key": "AAAA"}'):
        assert json.loads(service.ask("POST", "/", body).body) == {
            "message": "start serving failed"
        }
    wrong = tmp_path / "wrong"
    wrong.write_bytes(bytes(len(key)))
    client = Client()
    client.load_client_config(str(client_folder))
    client.use_key(str(wrong))
    with pytest.raises(Exception, match="start serving failed"):
        client.connect([f"127.0.0.1:{service.port}"], encryption=True)

    client.use_key(str(client_folder / "key"))
    for each in (client, HttpClient()):
        each.load_client_config(str(client_folder))
        each.use_key(str(client_folder / "key"))
        each.connect([f"127.0.0.1:{service.port}"], encryption=True)
    assert client.predict({"x": ROW}, ["price"])["price"].ravel().tolist() == [7.5]
    client.release()
    assert price_of(service) == 7.5
    client.use_key(str(wrong))
    with pytest.raises(Exception, match="start serving failed"):
        client.connect([f"127.0.0.1:{service.port}"], encryption=True)
    # Nothing of it is on the disk.
    assert {each: each.stat().st_mtime_ns for each in model.iterdir()} == before
    for file in service.folder.iterdir():
        assert key not in file.read_bytes()


def test_a_key_at_a_port_of_its_own(served, tmp_path):
    model = make(tmp_path, 7.5, encryption=True)
    (rpc,) = free_ports(1)
    words = ("--use_encryption_model", "--encryption_rpc_port", rpc)
    service = served("--model", model, *words, AIGES_PADDLE_RELOAD_S="0.2")
    import base64

    key = base64.b64encode((tmp_path / "fit_a_line_client" / "key").read_bytes()).decode()
    answer = service.ask("POST", "/", json.dumps({"key": key}))
    assert json.loads(answer.body) == {"endpoint_list": [rpc]}
    assert json.loads(service.ask("POST", PATH, json.dumps(SAID), port=rpc).body)["outputs"]
    # The key that is there unlocks what comes next, too.
    newer = make(tmp_path / "newer", 8.5)
    for name in ("encrypt_model", "encrypt_params"):
        _encrypt(newer / ("model.pdmodel" if name == "encrypt_model" else "model.pdiparams"),
                 model / name, base64.b64decode(key))  # fmt: skip
    (model / "fluid_time_file").touch()
    wait_until(lambda: price_of(service) == 8.5, "the new model", 40)


ENCRYPT = """
import sys
from pathlib import Path
from aiges.contracts.paddle import _library

file, to, key = map(Path, sys.argv[1:])
cipher = _library.paddle("base.core").CipherFactory.create_cipher()
to.write_bytes(cipher.encrypt(file.read_bytes(), key.read_bytes()))
"""


def _encrypt(file, to, key):
    """By Paddle in a process of its own, as it does not bear what other tests load."""
    to.with_name("key_of_this").write_bytes(key)
    words = [sys.executable, "-c", ENCRYPT, file, to, to.with_name("key_of_this")]
    subprocess.run(words, check=True)


PROGRAM = """
import sys
from paddle_serving_server import OpMaker, OpGraphMaker, OpSeqMaker, Server

one, two, port = sys.argv[1:4]
maker = OpMaker()
read = maker.create("general_reader")
if sys.argv[4] == "graph":
    bow = maker.create("general_infer", engine_name="bow", inputs=[read])
    cnn = maker.create("general_infer", engine_name="cnn", inputs=[read])
    response = maker.create("general_response", inputs=[bow, cnn])
    graph = OpGraphMaker()
    for op in (read, bow, cnn, response):
        graph.add_op(op)
    config = {bow: one, cnn: two}
else:
    graph, config = OpSeqMaker(), one
    for op in (read, maker.create("general_infer"), maker.create("general_response")):
        graph.add_op(op)
server = Server()
if sys.argv[4] == "graph":
    server.set_op_graph(graph.get_op_graph())
else:
    server.set_op_sequence(graph.get_op_sequence())
server.set_num_threads(4)
server.set_memory_optimize(True)
server.set_ir_optimize(True)
server.set_reload_interval(5)
server.load_model_config(config)
assert server.get_fetch_list() == ["price"]
server.prepare_server(workdir="work", port=int(port), device="cpu")
server.run_server()
"""


@pytest.mark.parametrize("kind", ["sequence", "graph"])
def test_server_as_a_program(served, models, other, kind):
    from paddle_serving_client import Client

    (port,) = free_ports(1)
    words = (models / "fit_a_line_model", other, port, kind)
    service = served(*map(str, words), program=PROGRAM, port=port)
    with Client() as client:
        client.load_client_config(str(models / "fit_a_line_client"))
        client.connect([f"127.0.0.1:{port}"])
        answer = client.predict({"x": ROW}, ["price"])
    if kind == "sequence":
        assert answer["price"].ravel()[0] == pytest.approx(PRICE)
    else:
        prices = {name: each["price"].ravel()[0] for name, each in answer.items()}
        assert prices == {"bow": pytest.approx(PRICE), "cnn": 7.5}
    assert os.listdir(service.folder).count("work") == 0


def test_multi_lang(houses, models):
    # The gRPC of --use_multilang, by messages of its own.
    grpc = pytest.importorskip("grpc")
    import numpy as np
    from aiges.contracts.paddle.server import _multi_lang

    made = _wire.Messages(_multi_lang._PACKAGE, _multi_lang._TABLE, "proto2")
    with grpc.insecure_channel(f"127.0.0.1:{houses.port}") as channel:

        def call(method, message):
            return channel.unary_unary(f"/{_multi_lang.SERVICE}/{method}")(
                message.SerializeToString(), timeout=20
            )

        request = made.InferenceRequest(
            feed_var_names=["x"], fetch_var_names=["price"], is_python=True, log_id=3
        )
        for _ in range(2):
            tensor = request.insts.add().tensor_array.add(shape=[13])
            tensor.data = np.array(ROW, "float32").tobytes()
        answer = made.InferenceResponse.FromString(call("Inference", request))
        (tensor,) = answer.outputs[0].insts[0].tensor_array
        prices = np.frombuffer(tensor.data, "float32")
        assert (answer.err_code, list(tensor.shape)) == (0, [2, 1])
        assert prices.tolist() == pytest.approx([PRICE] * 2)

        plain = made.InferenceRequest(fetch_var_names=["price"], is_python=False, log_id=0)
        plain.insts.add().tensor_array.add(float_data=ROW, shape=[1, 13])
        answer = made.InferenceResponse.FromString(call("Inference", plain))
        assert answer.outputs[0].insts[0].tensor_array[0].float_data[0] == pytest.approx(PRICE)

        plain.feed_var_names.append("y")
        assert made.InferenceResponse.FromString(call("Inference", plain)).err_code == 1
        said = made.SetTimeoutRequest(timeout_ms=5)
        assert made.SimpleResponse.FromString(call("SetTimeout", said)).err_code == 0
        config = call("GetClientConfig", made.SetTimeoutRequest(timeout_ms=1))
        text = made.GetClientConfigResponse.FromString(config).client_config_str
        from aiges.contracts.paddle import _conf

        there = _conf.read(models / "fit_a_line_client", _conf.CLIENT)
        assert _conf.read_text(text) == there
