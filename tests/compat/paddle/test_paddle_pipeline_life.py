# SPDX-License-Identifier: Apache-2.0
"""A pipeline's start and end, its log of times and its metrics, what aiges.toml says over it."""

import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import paddle_pipelines
import pytest
from free_ports import free_ports
from http_client import HttpClient
from waiting import wait_until

ECHO = """
class Echo(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        if given.get("s"): time.sleep(float(given["s"]))
        if given.get("exit"): os._exit(3)
        return {"x": given["x"], "pid": str(os.getpid()), "cwd": os.getcwd()}, False, None, ""
def graph(read_op):
    return Echo(name="echo", input_ops=[read_op])
"""


def test_each_worker_has_a_graph_of_its_own(pipeline):
    made = pipeline(ECHO, {"worker_num": 3, "build_dag_each_worker": True})

    def pids():
        found = set()
        threads = [
            threading.Thread(target=lambda: found.add(made.value(x="1", s="0.2")["pid"]))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(found) == 3

    wait_until(pids, "calls in three processes", 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_calls_in_hand_are_finished_at_the_end(pipeline, number, threads):
    made = pipeline(ECHO, {"dag": {"is_thread_op": threads}})
    answers = []
    call = threading.Thread(target=lambda: answers.append(made.ask(x="late", s="1.5")))
    call.start()
    time.sleep(0.5)
    code, _ = made.stop(number)
    call.join(5)
    assert code == 0 and answers[0]["err_no"] == 0, answers


def test_a_worker_that_ends_costs_its_call_alone(pipeline):
    made = pipeline(ECHO)
    answer = made.post({"key": ["x", "exit"], "value": ["1", "1"]})
    assert answer.status in (500, 503)
    said = answer.json
    assert said["code"] == 14 and said["error"] == said["message"] != ""
    wait_until(lambda: _serves(made), "another worker", 20)


def _serves(made):
    try:
        return made.ask(x="1")["err_no"] == 0
    except (AssertionError, OSError):
        return False


def test_programs_folder_is_the_current_one(pipeline):
    for threads, folder in ((True, "a"), (False, "b")):
        made = pipeline(ECHO, {"dag": {"is_thread_op": threads}}, folder=folder)
        assert made.value(x="1")["cwd"] == str(made.folder)
        made.kill()


def test_aiges_toml_goes_first(pipeline):
    (port,) = free_ports(1)
    text = f'[svc]\nhost = "127.0.0.1"\nport = {port}\n[wrapper]\nhttp_listen = "off"\n'
    made = pipeline(ECHO, aiges=text)
    assert f"grpc=127.0.0.1:{port} http=off" in "\n".join(made.lines)
    made.web.port = port
    assert made.value(x="1")["x"] == "1"


def test_aiges_toml_may_name_the_program(tmp_path):
    """Without the users' command; ops that would have processes run in the one."""
    (tmp_path / "web_service.py").write_text(
        paddle_pipelines.HEAD + ECHO + paddle_pipelines.TAIL, encoding="utf-8"
    )
    (tmp_path / "config.yml").write_text("rpc_port: 9998\ndag:\n    is_thread_op: false\n")
    (port,) = free_ports(1)
    (tmp_path / "aiges.toml").write_text(
        f'[svc]\nhost = "127.0.0.1"\nport = {port}\n[wrapper]\nhttp_listen = "off"\n'
        '[aiges]\ncontract = "paddle_pipeline"\napp = "web_service.py"\n'
        f'[instances]\npython = "{sys.executable}"\n'
    )
    command = [str(paddle_pipelines.BIN / "AIService"), "-m=0", "-c=aiges.toml", "-s=svc"]
    env = paddle_pipelines.environment()
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as loader:
        try:
            web = HttpClient(f"127.0.0.1:{port}")
            body = b'{"key":["x"],"value":["1"]}'

            def answers():
                try:
                    return web.request("POST", "/svc/prediction", body).json.get("err_no") == 0
                except OSError:
                    return False

            wait_until(answers, "an answer", 30)
        finally:
            loader.terminate()
            loader.wait(30)


def test_log_of_times(pipeline):
    made = pipeline(ECHO, {"dag": {"tracer": {"interval_s": 1}, "use_profile": True}})
    made.value(x="1", s="0.05")
    made.ask(y="no x: an error")
    file = made.folder / "PipelineServingLogs" / "pipeline.tracer"
    wait_until(lambda: "Query count[2]" in file.read_text(), "an interval with both calls", 10)
    text = file.read_text()
    block = text[: text.index("Query count[2]")].rpartition("TRACER")[2]
    steps = {name: float(ms) for name, ms in re.findall(r"(\w+)\[([\d.]+) ms\]", block)}
    assert set(steps) == {"in", "prep", "midp", "postp", "out"}
    assert 20 <= steps["prep"] < 60 and "Op(echo):" in block  # Milliseconds, of two calls.
    rest = text[text.index("Query count[2]") :]
    assert "Succ[0.500]" in rest and "Error req[1]" in rest
    assert re.search(r"ave\[\d+\.\d+ ms\]", rest) and ".99[" in rest
    made.wait_log("echo_prep:")


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_metrics_have_true_units(pipeline, threads):
    (port,) = free_ports(1)
    dag = {"is_thread_op": threads, "enable_prometheus": True, "prometheus_port": port}
    made = pipeline(ECHO, {"dag": dag})
    made.value(x="1", s="0.1")
    made.ask(y="no x")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    series = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert series.pop("pd_query_request_success_total") == "1"
    assert series.pop("pd_query_request_failure_total") == "1"
    assert series.pop('pd_inference_count_total{op="echo"}') == "2"
    for name in ("pd_query_request_duration_us_total", 'pd_inference_duration_us_total{op="echo"}'):
        assert 100_000 <= int(series.pop(name)) < 1_000_000
    assert not series
    assert text.count("# TYPE") == 5


def test_client_that_leaves_costs_nothing(pipeline):
    made = pipeline(ECHO, {"dag": {"is_thread_op": False}})
    for _ in range(5):
        connection = made.web.connect()
        body = b'{"key":["x","s"],"value":["1","0.3"]}'
        connection.request("POST", "/svc/prediction", body)
        connection.close()
    assert made.value(x="1")["x"] == "1"


def test_many_calls_at_once(pipeline):
    made = pipeline(ECHO, {"op": {"echo": {"concurrency": 4}}})
    wrong = []

    def work(number):
        connection = made.web.connect()
        for at in range(50):
            text = f"{number}-{at}"
            if made.ask(x=text, connection=connection)["value"][0] != text:
                wrong.append(text)
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_a_limit_of_aiges_toml_ends_a_call(pipeline, threads):
    made = pipeline(
        ECHO, {"dag": {"is_thread_op": threads}}, aiges="[instances]\nexec_timeout_ms = 700\n"
    )
    began = time.monotonic()
    answer = made.post({"key": ["x", "s"], "value": ["1", "3"]})
    assert time.monotonic() - began < 2.5
    assert answer.status == 504 or answer.json["err_no"] == 6000, answer
    wait_until(lambda: _serves(made), "the op's place again", 20)
