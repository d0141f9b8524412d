# SPDX-License-Identifier: Apache-2.0
"""Ops of a pipeline in one process: their steps and results, faults, times, branches, batches."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

# One op for each thing that an op may do; the request's text "do" says which.
STEPS = """
from paddle_serving_server.pipeline import ProductErrCode

class Codes(ProductErrCode):
    SAD = 51

class Three(Op):
    def init_op(self):
        self.sep = "-"
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        do = given["do"]
        if do == "pre raises": raise ValueError("no such picture")
        if do == "pre exits": raise SystemExit("enough")
        if do == "pre product": return given, False, Codes.SAD, "sad"
        if do == "pre number": return given, False, 99, ""
        if do == "pre wrong": return 5
        if do == "pre dict alone": return given
        return given, do == "skip", None, ""
    def postprocess(self, input_dicts, fetch_dict, log_id):
        (_, given), = input_dicts.items()
        do = given["do"]
        if do == "post raises": raise KeyError("boxes")
        if do == "post product": return {}, Codes.SAD, "sadder"
        if do == "post wrong": return [1], None, ""
        if do == "post dict alone": return {"did": do}
        if do == "number": return {"did": 5}, None, ""
        if do == "array":
            return {"a": np.arange(2000).reshape(2, 1000), "b": np.float32([1.5])}, None, ""
        if do == "mixed": return {"a": np.arange(2), "b": "x"}, None, ""
        return {"did": do + self.sep + str(log_id)}, None, ""

class Last(Op):
    ran = 0
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        Last.ran += 1
        return {**fetch_data, "ran": str(Last.ran)} if "did" in fetch_data else fetch_data, None, ""

def graph(read_op):
    return Last(name="last", input_ops=[Three(name="three", input_ops=[read_op])])
"""
HELP = "Log_id: 0  Raise_msg: {}  ClassName: Three.{}  FunctionName: {}_help"
FAULTS = {
    "pre raises": (10000, HELP.format("no such picture", "preprocess", "preprocess")),
    "post raises": (10000, HELP.format("'boxes'", "postprocess", "postprocess")),
    "pre exits": (10000, HELP.format("enough", "preprocess", "preprocess")),
    "pre product": (51, "sad"),
    "pre number": (99, ""),
    "post product": (51, "sadder"),
    "number": (7000, "@DAGExecutor fetch var type must be str(<class 'int'>)."),
    "mixed": (7000, "@DAGExecutor fetch var type must be str(<class 'numpy.ndarray'>)."),
}


@pytest.fixture
def steps(pipeline):
    return pipeline(STEPS)


def test_results_in_all_forms(steps):
    for do in ("fine", "skip", "pre dict alone"):
        assert steps.value(do=do)["did"] == f"{do}-0"
    assert steps.value(do="post dict alone")["did"] == "post dict alone"
    shown = steps.value(do="array")
    assert shown["b"] == "array([1.5], dtype=float32)"
    assert "..." not in shown["a"] and shown["a"].endswith("1998, 1999]])")
    ran = int(steps.value(do="fine")["ran"])
    assert int(steps.value(do="fine")["ran"]) == ran + 1


def test_faults_have_their_numbers_and_end_the_call(steps):
    before = int(steps.value(do="fine")["ran"])
    for do, (number, text) in FAULTS.items():
        answer = steps.ask(do=do)
        assert (answer["err_no"], answer["err_msg"]) == (number, text), do
        assert answer["key"] == answer["value"] == answer["tensors"] == []
    for do in ("pre wrong", "post wrong"):
        assert steps.ask(do=do)["err_no"] == 7000
    after = int(steps.value(do="fine")["ran"])
    assert after == before + 3  # "number" and "mixed" are faults of the last op's output.


def test_what_user_code_raised_is_in_the_logs(steps):
    steps.ask(do="pre raises")
    steps.wait_log("ValueError: no such picture")
    assert "in preprocess" in steps.log()
    for name in ("pipeline.log", "pipeline.log.wf"):
        text = (steps.folder / "PipelineServingLogs" / name).read_text()
        assert "no such picture" in text and "Traceback" in text
    shown = steps.web.get("/-/status.json").body.decode()
    assert "no such picture" in shown


PROCESS = """
class Model(Op):
    calls = 0
    def process(self, feed_batch, typical_logid):
        given = feed_batch[0]
        Model.calls += 1
        do = given["do"]
        if do == "hang": time.sleep(float(given["s"]))
        if do == "once" and Model.calls % 3: raise RuntimeError("not yet")
        if do == "never": raise RuntimeError("never")
        if do == "code": return None, 1, "the model says no"
        if do == "dict": return {"y": "old"}
        return {"y": "calls " + str(Model.calls)}, None, ""
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        if given["do"] == "list":
            return [{"do": "one"}, {"do": "dict"}], False, None, ""
        return given, given["do"] == "skip", None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if isinstance(fetch_data, list):
            fetch_data = {"y": "; ".join(each["y"] for each in fetch_data)}
        return fetch_data, None, ""
def graph(read_op):
    return Model(name="m", input_ops=[read_op])
"""


def test_process_retries_lists_and_skips(pipeline):
    made = pipeline(PROCESS, {"op": {"m": {"retry": 3}}})
    assert made.value(do="once") == {"y": "calls 3"}  # The third attempt.
    answer = made.ask(do="never")
    assert answer["err_no"] == 10000
    assert answer["err_msg"] == (
        "[m] failed to predict. never. Please check the input dict and checkout "
        "PipelineServingLogs/pipeline.log for more details."
    )
    assert made.value(do="x") == {"y": "calls 7"}  # Three attempts, then this one.
    assert "the model says no" in made.ask(do="code")["err_msg"]
    assert made.value(do="dict") == {"y": "old"}
    assert made.value(do="list")["y"].endswith("; old")
    assert made.value(do="skip") == {"do": "skip"}


def test_process_that_takes_too_long_is_6000_at_its_time(pipeline):
    conf = {"op": {"m": {"timeout": 200, "concurrency": 2}}}
    made = pipeline(PROCESS, conf)
    assert made.value(do="x")["y"] == "calls 1"
    answers = []
    calls = [
        threading.Thread(target=lambda: answers.append(made.ask(do="hang", s="2.5")))
        for _ in range(2)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(2)
    assert [answer["err_no"] for answer in answers] == [6000, 6000]
    assert "200 ms" in answers[0]["err_msg"]
    # That code runs on, and those behind it do not wait for it.
    assert made.ask(do="x")["err_no"] == 0


def test_code_that_always_hangs_does_not_take_ever_more_threads(pipeline):
    made = pipeline(PROCESS, {"op": {"m": {"timeout": 100}}})
    with ThreadPoolExecutor(20) as pool:
        calls = pool.map(lambda _: made.ask(do="hang", s="4"), range(20))
        assert {answer["err_no"] for answer in calls} == {6000}
    # Its place is lost, too, while so many run on: who wants it is told, not kept.
    assert made.ask(do="x")["err_no"] == 6000
    wait_until(lambda: made.ask(do="x")["err_no"] == 0, "a place again", 10)


def test_lists_have_times_and_retries_too(pipeline):
    made = pipeline(PROCESS, {"op": {"m": {"timeout": 5000, "retry": 2}}})
    assert made.value(do="list")["y"].endswith("; old")


BRANCHES = """
seen = threading.Barrier(2, timeout=5)

class Left(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        seen.wait()  # Both at one time, or never.
        given["who"] = "left"
        return given, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if fetch_data["x"] == "left fails": return {}, 60, "left failed"
        return {"out": fetch_data["who"] + fetch_data["list"][0]}, None, ""

class Right(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        seen.wait()
        assert "who" not in given  # The other branch has a dict of its own.
        given["who"] = "right"
        return given, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        return {"out": fetch_data["who"]}, None, ""

class Begin(Op):
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        return {**fetch_data, "list": ["!"]}, None, ""

class Join(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        names = ",".join(sorted(input_dicts))
        return {"names": names, "out": input_dicts["left"]["out"] + input_dicts["right"]["out"],
                "begun": input_dicts["begin"]["x"]}, False, None, ""

def graph(read_op):
    begin = Begin(name="begin", input_ops=[read_op])
    left, right = Left(name="left", input_ops=[begin]), Right(name="right", input_ops=[begin])
    return Join(name="join", input_ops=[left, right, begin])  # begin's edge skips a level.
"""


def test_branches_run_at_the_same_time_and_join(pipeline):
    made = pipeline(BRANCHES)
    for _ in range(3):
        assert made.value(x="hi") == {
            "names": "begin,left,right",
            "out": "left!right",
            "begun": "hi",
        }
    answer = made.ask(x="left fails")
    assert (answer["err_no"], answer["err_msg"]) == (60, "left failed")
    assert made.value(x="hi")["begun"] == "hi"


LOOP = """
class Count(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (name, given), = input_dicts.items()
        way = given.get("way", "") + name[0]
        return {"n": str(int(given["n"]) + 1), "way": way}, False, None, ""

class Test(Op):
    def check_jumping(self, input_data):
        (data,) = input_data.values()
        return int(data.parse()["n"]) < 4

class End(Op):
    pass

def graph(read_op):
    count = Count(name="count", input_ops=[read_op])
    test = Test(name="test", input_ops=[count], jump_to_ops=[count])
    return End(name="end", input_ops=[test])
"""


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_an_op_may_go_back(pipeline, threads):
    made = pipeline(LOOP, {"dag": {"is_thread_op": threads}})
    assert made.value(n="0") == {"n": "4", "way": "@ttt"}


FIRST = """
class Slow(Op):
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        time.sleep(float(fetch_data[self.name]))
        return {"who": self.name}, None, ""

class Join(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        return {"got": ",".join(input_dicts)}, False, None, ""

def graph(read_op):
    return Join(name="join", input_ops=[Slow("a", [read_op]), Slow("b", [read_op])])
"""


def test_first_arrival(pipeline):
    made = pipeline(FIRST, {"dag": {"channel_recv_frist_arrive": True}})
    assert made.value(a="1", b="0") == {"got": "b"}
    assert made.value(a="0", b="3") == {"got": "a"}  # Once the first call's a has ended.


BATCHES = """
class Sum(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        rows, width = map(int, given["shape"].split(","))
        return {"x": np.full((rows, width), float(given["v"]))}, False, None, ""
    def process(self, feed_batch, typical_logid):
        x = feed_batch[0]["x"]
        if (x == 13).any(): raise RuntimeError("13")
        time.sleep(0.02)
        return {"y": x.sum(1), "of": np.full(len(x), len(x))}, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        return {"y": str(fetch_data["y"].tolist()), "of": str(fetch_data["of"].tolist())}, None, ""
def graph(read_op):
    return Sum(name="sum", input_ops=[read_op])
"""


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
def test_batches_keep_each_calls_rows_and_faults(pipeline, threads):
    conf = {
        "dag": {"is_thread_op": threads},
        "op": {"sum": {"batch_size": 8, "auto_batching_timeout": 300}},
    }
    made = pipeline(BATCHES, conf)
    asked = [("1,2", n) for n in range(6)] + [("2,2", 7), ("1,3", 8), ("1,2", 13)]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda each: made.ask(shape=each[0], v=str(each[1])), asked))
    together = 0
    for (shape, number), answer in zip(asked, answers):
        rows, width = map(int, shape.split(","))
        if number == 13:
            assert answer["err_no"] == 10000 and "failed to predict. 13." in answer["err_msg"]
            continue
        assert answer["err_no"] == 0, answer
        y, of = answer["value"]
        assert y == str([float(number * width)] * rows)
        together = max(together, *map(int, of.strip("[]").split(",")))
    # One that comes alone waits for company as long as it may, and is answered.
    assert made.value(shape="1,2", v="1")["y"] == "[2.0]"
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: made.value(shape="1,1", v=str(n)), range(8)))
    assert [each["y"] for each in got] == [f"[{float(n)}]" for n in range(8)]
    assert max(together, *(int(each["of"].strip("[]")) for each in got)) >= 4


def test_concurrency_bounds_an_op(pipeline):
    text = """
class Busy(Op):
    now = most = 0
    lock = threading.Lock()
    def preprocess(self, input_dicts, data_id, log_id):
        with self.lock:
            Busy.now += 1
            Busy.most = max(Busy.most, Busy.now)
        time.sleep(0.05)
        with self.lock:
            Busy.now -= 1
        return {"most": str(Busy.most)}, False, None, ""
def graph(read_op):
    return Busy(name="busy", input_ops=[read_op])
"""
    made = pipeline(text, {"op": {"busy": {"concurrency": 3}}})
    with ThreadPoolExecutor(12) as pool:
        seen = [int(each["most"]) for each in pool.map(lambda _: made.value(x="1"), range(24))]
    assert max(seen) == 3
