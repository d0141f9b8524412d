# SPDX-License-Identifier: Apache-2.0
"""``is_thread_op: false``: each op in processes of its own, killed and replaced by themselves."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

OPS = """
class First(Op):
    def init_op(self):
        self.index = self.concurrency_idx
    def preprocess(self, input_dicts, data_id, log_id):
        (name, given), = input_dicts.items()
        if given["do"] == "die": os.kill(os.getpid(), 9)
        if given["do"] == "sleep": time.sleep(float(given["s"]))
        if given["do"] == "raise": raise ValueError("first raised")
        return given, False, None, ""
    def postprocess(self, input_dicts, fetch_dict, log_id):
        out = {"name": self.name, "pid": os.getpid(), "index": self.index, "log": log_id,
               "none": None, "tuple": (1, "two", b"3"), "nested": {"a": [1.5, True]},
               "image": np.arange(400_000, dtype="uint8").reshape(400, 1000),
               "text": "t" * 100_000, **fetch_dict}
        if fetch_dict["do"] == "object": out["bad"] = {"deep": [object()]}
        if fetch_dict["do"] == "product": return {}, 55, "as wished"
        return out, None, ""

class Second(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        first = input_dicts["first"]
        image = first["image"]
        assert image.flags.writeable
        image[0, 0] = 7  # Of its own.
        return {**first, "sum": int(image.sum())}, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        kept = {key: fetch_data[key] for key in ("name", "index", "log", "none", "tuple", "nested")}
        return {"kept": repr(kept), "sum": str(fetch_data["sum"]), "text": fetch_data["text"],
                "pids": str([fetch_data["pid"], os.getpid()]), "image": "7"}, None, ""

def graph(read_op):
    return Second(name="second", input_ops=[First(name="first", input_ops=[read_op])])
"""
CONF = {"dag": {"is_thread_op": False}, "op": {"first": {"concurrency": 2}}}


@pytest.fixture
def two(pipeline):
    return pipeline(OPS, CONF)


def pids(made, **values):
    return eval(made.value(do="x", **values)["pids"])


def test_values_cross_processes_as_they_were(two):
    answer = two.post({"key": ["do"], "value": ["x"], "logid": 12}).json
    got = dict(zip(answer["key"], answer["value"]))
    kept = eval(got["kept"])
    assert kept.pop("index") in (0, 1)
    assert kept == {
        "name": "first", "log": 12, "none": None, "tuple": (1, "two", b"3"),
        "nested": {"a": [1.5, True]},
    }  # fmt: skip
    assert got["text"] == "t" * 100_000
    first, second = pids(two)
    assert first != second and {first, second} <= set(two.workers())


def test_ops_are_models_for_the_pipeline_alone(two):
    listed = two.web.request("POST", "/v2/repository/index", b"{}").json
    assert [each["name"] for each in listed] == ["svc"]
    for path in ("/v1/raw/svc.first", "/m/svc.first/prediction", "/svc.first/prediction"):
        answer = two.web.request("POST", path, b'{"key":["do"],"value":["x"]}')
        assert answer.status == 404 or answer.json["err_no"] == 3002, path
    assert len(two.workers()) >= 4  # The pipeline, two of first, one of second.


def test_each_process_has_a_number(two):
    def numbers():  # The second process may be ready later.
        with ThreadPoolExecutor(4) as pool:
            asked = pool.map(lambda _: two.value(do="sleep", s="0.2")["kept"], range(4))
            return {eval(each)["index"] for each in asked} == {0, 1}

    wait_until(numbers, "calls in both processes", 20)


def test_what_is_not_carried_names_op_and_key(two):
    answer = two.ask(do="object")
    assert answer["err_no"] == 7000
    assert answer["err_msg"].startswith("[first]['bad']['deep'][0]: expected str, bytes, numbers")


def test_faults_and_product_codes_cross(two):
    answer = two.ask(do="raise")
    assert answer["err_no"] == 10000 and "Raise_msg: first raised" in answer["err_msg"]
    two.wait_log("ValueError: first raised")
    assert (answer := two.ask(do="product"))["err_no"] == 55 and answer["err_msg"] == "as wished"


def test_an_op_that_dies_is_an_error_of_its_call_and_replaced(two):
    answer = two.ask(do="die")
    assert answer["err_no"] == 9000 and "died with the call" in answer["err_msg"]
    for _ in range(10):
        assert two.ask(do="x")["err_no"] == 0  # The other process of it serves.
    _, second = pids(two)
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: two.ask(do="x")["err_no"] == 0, "a new process of second", 20)
    assert pids(two)[1] != second


def test_a_call_may_take_longer_than_half_a_second(two):
    assert two.ask(do="sleep", s="1.2")["err_no"] == 0


def test_end_leaves_nothing_behind(two):
    here = [path for path in two.folder.iterdir() if path.name.startswith("paddle-pipeline-")]
    assert len(here) == 1
    workers = two.workers()
    code, _ = two.stop()
    assert code == 0
    wait_until(lambda: not here[0].exists(), "the temporary folder is gone")
    wait_until(
        lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "all workers end"
    )


def test_killed_loader_leaves_nothing_behind(two):
    (here,) = [path for path in two.folder.iterdir() if path.name.startswith("paddle-pipeline-")]
    two.process.kill()
    wait_until(lambda: not here.exists(), "the temporary folder is gone", 20)


TIMES = """
class Slow(Op):
    def process(self, feed_batch, typical_logid):
        time.sleep(float(feed_batch[0]["s"]))
        return {"y": "done"}, None, ""
def graph(read_op):
    return Slow(name="slow", input_ops=[read_op])
"""


def test_process_that_takes_too_long_is_6000(pipeline):
    conf = {"dag": {"is_thread_op": False}, "op": {"slow": {"timeout": 300}}}
    made = pipeline(TIMES, conf)
    assert made.value(s="0") == {"y": "done"}
    assert made.ask(s="2")["err_no"] == 6000
    assert made.value(s="0") == {"y": "done"}  # Its place is free, though it runs on.


BRANCHES = """
class Side(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        time.sleep(1.0)
        return {"by": str(os.getpid())}, False, None, ""

class Join(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        return {name: given["by"] for name, given in input_dicts.items()}, False, None, ""

def graph(read_op):
    return Join(name="join", input_ops=[Side(name=n, input_ops=[read_op]) for n in ("a", "b", "c")])
"""


def test_branches_run_at_the_same_time(pipeline):
    made = pipeline(BRANCHES, {"dag": {"is_thread_op": False}})
    began = time.monotonic()
    got = made.value(x="1")
    assert time.monotonic() - began < 2.5
    assert set(got) == {"a", "b", "c"} and len(set(got.values())) == 3


def test_init_that_fails_is_told_and_its_calls_are_errors(pipeline):
    text = OPS.replace("self.index = self.concurrency_idx", "raise RuntimeError('no dictionary')")
    made = pipeline(text, CONF, ready=False)
    made.wait_log("no dictionary")
    wait_until(lambda: _code(made) == 9000, "err_no 9000", 20)


def _code(made):
    try:
        return made.ask(do="x")["err_no"]
    except (OSError, AssertionError, ValueError):
        return None
