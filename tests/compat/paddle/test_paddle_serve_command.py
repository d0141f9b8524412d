# SPDX-License-Identifier: Apache-2.0
"""The command ``serve``: its flags, its ports, and start, stop, kill and check."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiges.contracts.paddle.server import _flags
from free_ports import free_ports
from paddle_command import ROW, environment, run
from waiting import wait_until

SERVE = "paddle_serving_server.serve"


def test_the_process_is_the_loader_and_stop_ends_it(served):
    one, two = (served("--model", "fit_a_line_model", "--thread", "2") for _ in range(2))
    assert os.readlink(f"/proc/{one.process.pid}/exe").endswith("AIService")
    (entry,) = json.loads((one.folder / "ProcessInfo.json").read_text())
    assert (entry["pid"], entry["port"]) == (one.process.pid, [one.port])
    # Both in one place, as users start them; one has gone without a word.
    (other,) = json.loads((two.folder / "ProcessInfo.json").read_text())
    gone = {**other, "pid": 2**22 - 3, "port": [1]}
    same_number = {**other, "pid": os.getpid(), "port": [two.port]}
    place = one.folder / "ProcessInfo.json"
    place.write_text(json.dumps([entry, other, gone, same_number]))
    home = {"SERVING_HOME": str(one.folder)}

    assert run(SERVE, "stop", "--port", 1, folder=two.folder, **home).returncode == 1
    ended = run(SERVE, "stop", "--port", one.port, folder=two.folder, **home)
    assert (ended.returncode, ended.stdout) == (0, f"stop: 1 service on port {one.port}\n")
    assert one.process.wait(5) == 0
    assert [each["port"] for each in json.loads(place.read_text())] == [[two.port]]
    ended = run(SERVE, "kill", folder=one.folder)
    assert (ended.returncode, ended.stdout) == (0, "kill: 1 service here\n")
    assert two.process.wait(5) == -signal.SIGKILL
    assert not place.exists()


def test_check():
    ended = run(SERVE, "check")
    assert (ended.returncode, "ready" in ended.stdout) == (0, True), ended.stdout
    assert run("paddle_serving_server.env_check").returncode == 0
    ended = run(SERVE, "check", AIGES_BIN="/nowhere", PATH="/nowhere")
    if "build/bin/AIService" not in ended.stdout:
        assert (ended.returncode, "MISSING" in ended.stdout) == (1, True)


def test_kill_with_a_broken_file(tmp_path):
    assert run(SERVE, "kill", folder=tmp_path).stdout == "kill: 0 services here\n"
    assert run(SERVE, "stop", folder=tmp_path, SERVING_HOME="/nowhere").returncode == 1
    for text in ("{", "[1, {}]", '[{"pid": 1, "began": ""}]', '[{"pid": "a"}]'):
        (tmp_path / "ProcessInfo.json").write_text(text)
        assert run(SERVE, "kill", folder=tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nmae", "uci"], "--nmae"),
        (["--use_xpu"], "--use_xpu: Kunlun XPUs are not supported"),
        (["--use_lite"], "--use_lite: Paddle Lite is not supported"),
        (["--use_ascend_cl"], "--use_ascend_cl: Ascend NPUs are not supported"),
        (["--use_dist_model"], "--use_dist_model"),
        (["--op", "GeneralInferOp", "GeneralDetectionOp"], "--op GeneralDetectionOp"),
        (["--precision", "fp8"], "precision: expected one of"),
        (["--thread", "0"], "--thread"),
        (["--thread", "many"], "--thread"),
        (["--port", "99999"], "--port"),
        (["--name", "a/b"], "name: expected one part of a path"),
        (["--gpu_ids", "a"], "--gpu_ids: expected numbers"),
        (["--request_cache_size", "-1"], "--request_cache_size"),
    ],
)
def test_what_is_refused_is_named(models, words, said):
    ended = run(SERVE, "--model", models / "fit_a_line_model", *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_models_that_are_none(models, tmp_path):
    ended = run(SERVE)
    assert (ended.returncode, "--model: expected the folder" in ended.stderr) == (2, True)
    ended = run(SERVE, "--model", tmp_path)
    assert (ended.returncode, "serving_server_conf.prototxt" in ended.stderr) == (2, True)
    (tmp_path / "serving_server_conf.prototxt").write_text("no prototxt")
    (port,) = free_ports(1)
    ended = run(SERVE, "--model", tmp_path, "--port", port)
    assert ended.returncode not in (0, 2)
    assert "expected feed_var and fetch_var" in ended.stdout + ended.stderr


def test_default_ports():
    def port(*words, gpu=False):
        return _flags.port_of(_flags.parsed(["--model", "m", *words]), gpu)

    assert port() == 9393
    assert port("--name", "uci") == 9292
    assert port(gpu=True) == 9292
    assert port("--port", "9494", gpu=True) == 9494


def test_flags_of_gpus_are_one_warning_without_one(served):
    service = served("--model", "fit_a_line_model", "--gpu_ids", "0,1", "--use_trt")
    said = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
    assert service.post("/GeneralModelService/inference", said).status == 200
    ask = "import sys, paddle; sys.exit(paddle.is_compiled_with_cuda())"
    if subprocess.run([sys.executable, "-c", ask]).returncode == 0:
        assert service.log().count("models run on the CPU") == 1


def test_flags_without_meaning_are_said(served):
    words = ("--workdir", "w", "--use_multilang", "--product_name", "p", "--op", "GeneralInferOp")
    service = served("--model", "fit_a_line_model", *words)
    log = service.log()
    assert "--use_multilang is without meaning here" in log
    assert "--product_name is without meaning here" in log
    assert not (service.folder / "w").exists()
    # Nothing is fetched, and nothing generated.
    assert {each.name for each in service.folder.iterdir()} == {
        *("aiges.toml", "service.log", "ProcessInfo.json"),
    }


def test_chained_models(served, models, tmp_path):
    # The second one takes what the first one gives, by its order: no name is the same.
    from paddle_serving_client import Client

    folder = tmp_path / "chained"
    maker = Path(__file__).parent / "models" / "paddle_chain.py"
    command = [sys.executable, str(maker), str(folder)]
    subprocess.run(command, env=environment(), check=True, timeout=120)
    service = served("--model", "fit_a_line_model", folder / "double_model")
    with Client() as client:
        configs = [str(models / "fit_a_line_client"), str(folder / "double_client")]
        client.load_client_config(configs)
        client.connect([f"127.0.0.1:{service.port}"])
        assert client.predict({"x": ROW}, ["twice"])["twice"].ravel()[0] == pytest.approx(37.8023)
    said = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
    answer = json.loads(service.post("/GeneralModelService/inference", said).body)
    assert [each["engine_name"] for each in answer["outputs"]] == ["GeneralInferOp_1"]


def test_kept_answers_and_counters(served):
    (metrics,) = free_ports(1)
    words = ("--request_cache_size", 10_000, "--enable_prometheus", "--prometheus_port", metrics)
    service = served("--model", "fit_a_line_model", *words)
    said = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
    for log_id in (1, 2, 3):
        answer = service.post("/GeneralModelService/inference", {**said, "log_id": log_id})
        assert json.loads(answer.body)["log_id"] == log_id
    assert service.post("/GeneralModelService/inference", {"tensor": [{"name": "y"}]}).status == 400

    def counted():
        text = service.ask("GET", "/metrics", port=metrics).body.decode()
        lines = [line.split() for line in text.splitlines() if line.startswith("pd_")]
        found = {name.partition("{")[0]: float(value) for name, value in lines}
        return found if found.get("pd_query_request_failure_total") == 1 else None

    found = wait_until(counted, "the counters")
    assert found["pd_query_request_success_total"] == 3
    assert found["pd_inference_count_total"] == 1  # The others were kept.
    assert found["pd_inference_duration_us_total"] > 0
    assert found["pd_query_request_duration_us_total"] >= found["pd_inference_duration_us_total"]


def test_batches_of_calls(served):
    import concurrent.futures

    words = ("--thread", 16, "--runtime_thread_num", 2, "--batch_infer_size", 8)
    service = served("--model", "fit_a_line_model", *words)

    def call(number):
        row = [number / 100] * 13 if number % 10 else [1.0]  # Every tenth is a mistake.
        said = {"float_data": row, "elem_type": 1, "name": "x", "shape": [1, len(row)]}
        answer = service.post("/GeneralModelService/inference", {"tensor": [said]})
        if answer.status != 200:
            return answer.status
        return json.loads(answer.body)["outputs"][0]["tensor"][0]["float_data"]

    alone = [call(number) for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        together = list(pool.map(call, list(range(40)) * 5))
    for number, got in enumerate(together):
        expected = alone[number % 40]
        assert got == expected if isinstance(expected, int) else got == pytest.approx(expected)
    assert alone.count(400) == 4
