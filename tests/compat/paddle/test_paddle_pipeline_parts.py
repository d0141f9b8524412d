# SPDX-License-Identifier: Apache-2.0
"""Parts of pipelines without a server: what crosses between ops, batches, graphs, the numbering."""

import collections
import enum
import json
import math
import random
import threading
import time

import numpy as np
import pytest
from aiges.contracts.paddle.pipeline import _codec, _late, _messages
from aiges.contracts.paddle.pipeline._batches import Batches, Item
from aiges.contracts.paddle.pipeline._dag import Graph, Runner
from aiges.contracts.paddle.pipeline._errors import Failed
from aiges.contracts.paddle.pipeline._merge import Merged
from aiges.contracts.paddle.pipeline._ops import Op, RequestOp, ResponseOp

# --- codec ---


def crossed(value):
    data, blobs = _codec.encode(value, "op")
    return _codec.decode(data, [bytes(blob) for blob in blobs])


def same(a, b):
    if isinstance(a, np.ndarray):
        return (
            type(b) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape
            and a.tobytes() == b.tobytes()
        )  # fmt: skip
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


DTYPES = ["?", "i1", "u8", ">i4", "f2", "f8", "c8", "c16", "M8[ns]", "m8[s]", "U5", "S3"]


def any_value(made, depth=0):
    kind = made.randrange(16 if depth < 4 else 11)
    if kind == 0:
        return None
    if kind == 1:
        return made.choice([True, False])
    if kind == 2:
        return made.choice([0, -1, 2**63 - 1, -(2**63), 2**63, -(2**200), made.getrandbits(40)])
    if kind == 3:
        return made.choice([0.0, -0.0, 1e300, math.inf, math.nan, made.random()])
    if kind == 4:
        return made.choice(["", "x", "土\0\U0001f600", "\ud800", "long" * made.choice([1, 9000])])
    if kind == 5:
        return made.randbytes(made.choice([0, 1, 100, 40_000]))
    if kind in (6, 7):
        shape = [made.choice([0, 1, 2, 3, 40]) for _ in range(made.randrange(4))]
        array = np.zeros(shape, made.choice(DTYPES))
        raw = array.reshape(-1).view("u1") if array.size and array.dtype.kind not in "UMm" else None
        if raw is not None and array.dtype.kind != "b":
            raw[:] = np.frombuffer(made.randbytes(raw.size), "u1")
        return array[::2] if shape and made.random() < 0.3 else array
    if kind == 8:
        return np.dtype(made.choice(["f4", "i8", "u1", "?", "c16"])).type(made.randrange(2))
    if kind == 9:
        return [made.random() for _ in range(made.randrange(40))]
    if kind == 10:
        return [made.randrange(-(2**62), 2**62) for _ in range(made.randrange(40))]
    size = made.randrange(5)
    if kind in (11, 12):
        return [any_value(made, depth + 1) for _ in range(size)]
    if kind == 13:
        return tuple(any_value(made, depth + 1) for _ in range(size))
    keys = ["a", "土", 1, None, (1, "b"), 2.5, b"k"]
    return {made.choice(keys): any_value(made, depth + 1) for _ in range(size)}


def test_whatever_is_carried_comes_back_as_it_was():
    made = random.Random(7)
    for _ in range(3000):
        value = {"v": any_value(made)}
        assert same(value, crossed(value)), value


def test_derived_types_come_back_as_plain_ones():
    class Number(enum.IntEnum):
        ONE = 1

    point = collections.namedtuple("point", "x y")(1, 2)
    value = {
        "o": collections.OrderedDict(a=1), "n": Number.ONE, "p": point, "s": np.str_("x"),
        "b": bytearray(b"ab"), "m": memoryview(b"cd"), "d": collections.defaultdict(int, k=2),
    }  # fmt: skip
    plain = {"o": {"a": 1}, "n": 1, "p": (1, 2), "s": "x", "b": b"ab", "m": b"cd", "d": {"k": 2}}
    assert crossed(value) == plain


def test_arrays_may_be_written_to_and_large_ones_are_not_copied_into_the_bytes():
    large = np.arange(100_000, dtype="f4")
    data, blobs = _codec.encode({"a": large, "s": "x" * 50_000}, "op")
    assert len(data) < 200 and len(blobs) == 2
    assert blobs[0].base is not None and np.shares_memory(blobs[0], large)
    back = crossed({"a": large, "small": np.zeros(3)})
    back["a"][0] = 5
    back["small"][0] = 5


class Own:
    pass


CIRCLE = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value, place",
    [
        ({"a": Own()}, "[det]['a']: "),
        ({"boxes": [1, {"deep": {5}}]}, "[det]['boxes'][1]['deep']: "),
        ({"a": np.array([{}], dtype=object)}, "[det]['a']: "),
        ({"a": np.zeros(2, [("x", "i4")])}, "[det]['a']: "),
        ({"a": CIRCLE}, "levels"),
        ({"f": lambda: 1}, "[det]['f']: "),
        ({"g": (each for each in "")}, "builtins.generator"),
    ],
)
def test_what_is_not_carried_is_named(value, place):
    with pytest.raises(_codec.NotCarried) as fault:
        _codec.encode(value, "det")
    assert place in str(fault.value) and str(fault.value).startswith("[det]")


def test_hostile_bytes_are_value_errors():
    made = random.Random(3)
    good, blobs = _codec.encode({"a": [1, "x", 2.5], "b": np.arange(6).reshape(2, 3)}, "op")
    for _ in range(5000):
        data = bytearray(good)
        for _ in range(made.randrange(1, 4)):
            data[made.randrange(len(data))] = made.randrange(256)
        data = data[: made.randrange(len(data) + 1)]
        try:
            _codec.decode(bytes(data), blobs)
        except (ValueError, MemoryError):
            pass


# --- merged feeds ---


def test_merged_lod_is_rebased_and_taken_apart_again():
    one = {"w": np.array([[1], [2], [3]]), "w.lod": [0, 1, 3], "n": np.array([[7.0]] * 3)}
    two = {"w": np.array([[4], [5]]), "w.lod": [0, 2], "n": np.array([[8.0]] * 2)}
    made = Merged([one, two])
    assert made.feed["w.lod"] == [0, 1, 3, 5] and made.feed["n"].shape == (5, 1)
    parts = made.parts({
        "per_sequence": np.array([[10], [20], [30]]),
        "per_row": np.arange(5),
        "again": np.arange(6), "again.lod": np.array([0, 2, 4, 6], np.int32),
    })  # fmt: skip
    assert parts[0]["per_sequence"].tolist() == [[10], [20]]
    assert parts[1]["per_sequence"].tolist() == [[30]]
    assert [part["per_row"].tolist() for part in parts] == [[0, 1, 2], [3, 4]]
    assert [part["again"].tolist() for part in parts] == [[0, 1, 2, 3], [4, 5]]
    assert [part["again.lod"].tolist() for part in parts] == [[0, 2, 4], [0, 2]]
    assert parts[0]["again.lod"].dtype == np.int32


def test_results_that_cannot_be_taken_apart_are_refused():
    made = Merged([{"x": np.zeros((2, 3))}, {"x": np.zeros((1, 3))}])
    for result in (
        {"y": np.zeros(4)},
        {"y": np.float32(1)},
        [1],
        {"y": np.zeros(3), "y.lod": [0, 3]},
    ):
        with pytest.raises(ValueError):
            made.parts(result)


def test_many_threads_and_leaders_lose_nobody():
    sizes = []

    def work(items, leave):
        sizes.append(len(items))
        time.sleep(0.0005)
        for item in items:
            item.data = item.data_id * 2
            if item.data_id % 17 == 0:
                item.failed = Failed(5, "17")
        leave()

    batches = Batches(3, 4, 0.001, work, lambda: None)
    wrong = []

    def calls(base):
        for number in range(base, base + 200):
            try:
                if batches.run(Item({}, number, 0, None)) != number * 2:
                    wrong.append(number)
            except Failed:
                if number % 17:
                    wrong.append(number)

    threads = [threading.Thread(target=calls, args=(1 + 1000 * n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert not wrong and max(sizes) <= 4 and sum(sizes) == 16 * 200
    assert batches._free == 3


def test_a_lease_is_given_back_when_the_last_has_ended():
    freed, gate = threading.Event(), threading.Event()
    lease = _late.Lease(freed.set)
    with pytest.raises(TimeoutError):
        _late.within(0.05, gate.wait, lease, lambda first: TimeoutError(str(first)))
    lease.drop()
    assert lease.is_late and not freed.is_set()
    gate.set()
    assert freed.wait(5)
    assert _late.within(5, lambda: 3, lease, lambda first: TimeoutError()) == 3
    with pytest.raises(KeyError):
        _late.within(5, lambda: {}["x"], lease, lambda first: TimeoutError())


def test_what_runs_too_long_takes_a_spare_while_there_is_one():
    freed, gate = [], threading.Event()
    spares = threading.Semaphore(1)
    firsts, ended = [], threading.Event()

    def end():
        freed.append(True)
        if len(freed) == 2:
            ended.set()

    def late(first):
        firsts.append(first)
        return TimeoutError()

    for _ in range(2):
        lease = _late.Lease(end, spares)
        with pytest.raises(TimeoutError):
            _late.within(0.05, gate.wait, lease, late)
        lease.drop()
    assert firsts == [False, True] and len(freed) == 1  # The second keeps its place.
    gate.set()
    assert ended.wait(5) and spares.acquire(timeout=5)


# --- graphs ---


class Own2(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        return {}, False, None, ""


def graph_faults():
    read = RequestOp()
    a, b = Op("a", [read]), Op("b", [read])
    circle = Op("c", [read])
    circle.set_input_ops([Op("d", [circle])])
    yield a, "ResponseOp at the end"
    yield ResponseOp([a, b]), "one op of the user's"
    yield ResponseOp([read]), "one op of the user's"
    yield ResponseOp([Op("x", [a, b])]), "preprocess of its own"
    yield ResponseOp([Own2("x", [a, Op("y", [RequestOp()])])]), "one RequestOp"
    yield ResponseOp([Own2("a", [a, b])]), "a twice"
    yield ResponseOp([circle]), "c -> d -> c"
    yield ResponseOp([Op("lonely")]), "lonely: expected input_ops"
    yield ResponseOp([Op("e", [a], jump_to_ops=[b])]), "jump_to_ops: expected ops before it"


@pytest.mark.parametrize("response, text", list(graph_faults()))
def test_graphs_that_are_none(response, text):
    with pytest.raises(ValueError, match=text):
        Graph(response)


def test_inputs_must_be_ops():
    with pytest.raises(TypeError, match="expected ops"):
        Op("a", input_ops=["b"])


def test_order_and_edges_that_skip_levels():
    read = RequestOp()
    a = Op("a", [read])
    b = Op("b", [a])
    c = Own2("c", [a, b, read])
    runner = Runner(Graph(ResponseOp([c])))
    seen = []

    def run(name, inputs):
        seen.append((name, sorted(inputs)))
        return {"by": name}

    assert runner.run({"x": 1}, run, dict) == {"by": "c"}
    assert seen == [("a", ["@DAGExecutor"]), ("b", ["a"]), ("c", ["@DAGExecutor", "a", "b"])]
    runner.end()


# --- bytes of requests ---


def test_wire_reader_takes_what_protobuf_writes_and_no_bytes_crash_it():
    made = random.Random(5)
    new = _messages.messages().Request
    for _ in range(300):
        keys = ["k" * made.randrange(300) for _ in range(made.randrange(4))]
        message = new(
            key=keys, value=keys, name="svc" * made.randrange(2), method="m",
            logid=made.randrange(-(2**63), 2**63), clientip="1.1.1.1",
        )  # fmt: skip
        data = message.SerializeToString()
        got = _messages.from_wire(b"head." + data, 5, "svc")
        assert (got.key, got.value, got.name, got.method) == (keys, keys, message.name, "m")
        assert (got.logid, got.clientip, got.is_old) == (message.logid, "1.1.1.1", False)
        broken = bytearray(data)
        for _ in range(3):
            broken[made.randrange(len(broken))] = made.randrange(256)
        try:
            _messages.from_wire(bytes(broken), 0, "svc")
        except _messages.BadRequest:
            pass


def test_written_answers_are_what_protobuf_reads():
    tensor = _messages.messages().Tensor(name="t", elem_type=1, shape=[1], float_data=[2.5])
    response = _messages.Response(-5, "土 failed", ["a", ""], ["x" * 300, ""])
    response.tensors = [tensor]
    read = _messages.messages().Response.FromString(_messages.to_wire(response))
    assert (read.err_no, read.err_msg, list(read.key)) == (-5, "土 failed", ["a", ""])
    assert list(read.value) == ["x" * 300, ""] and read.tensors[0] == tensor


def test_large_json_is_read_as_small_json_is():
    long = "土a" * 30_000
    for said in (
        {"key": ["a", "b", "a"], "value": [long, "x", long]},
        {"key": ["a"], "value": [long], "logid": 5},
        {"value": [long], "key": [long]},
        {"key": ["a"], "value": [long + '"\n']},
        {"key": ["k"] * 2000, "value": [long, *["v"] * 1999]},
    ):
        for ascii_only in (True, False):
            body = json.dumps(said, ensure_ascii=ascii_only).encode()
            got = _messages.from_json(body, "svc", "m")
            assert (got.key, got.value, got.logid) == (
                said["key"], said["value"], said.get("logid", 0)
            )  # fmt: skip
    good = json.dumps({"key": ["a"], "value": [long]}).encode()
    assert _messages.from_json(good.replace(b'"key"', b'"keys"'), "svc", "m").key == []
    wrong = [good[:-1], good + b"]", good[:-3] + b'"}', b'"' * 70_000, b"[" + good + b"]"]
    wrong.append(b'{"value":["' + b"\xff" * 70_000 + b'"]}')
    for body in wrong:
        with pytest.raises(_messages.BadRequest):
            _messages.from_json(body, "svc", "m")
