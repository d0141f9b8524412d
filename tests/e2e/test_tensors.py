# SPDX-License-Identifier: Apache-2.0
"""Payloads with a datatype and a shape are arrays in the engine, and arrays are such payloads."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from xsf_client import XsfSession

WRAPPER = """
import gc
import ml_dtypes, numpy
from aiges import tensors
from aiges.dto import Response, ResponseData

kept = []

class Other:
    # A tensor of another library.
    def __init__(self, array, device=1): self.array, self.device = array, device
    def __dlpack_device__(self): return (self.device, 0)
    def __dlpack__(self, **options): return self.array.__dlpack__(**options)

def response(item):
    made = Response()
    made.list = [item]
    return made

def keeps(params, node):
    if params["keep"] == "node":
        kept.append(node)
    elif params["keep"] == "array":
        kept.append(node.numpy()[1:])
    elif params["keep"] == "drop":
        kept.clear()
        gc.collect()
    return repr([sorted(set(bytes(k if hasattr(k, "shape") else k.data))) for k in kept])

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        node = reqData.list[0]
        if "keep" in params:
            return keeps(params, node)
        if "data" in params:
            return repr((type(node.data).__name__, node.data[:3], node.len))
        a = node.numpy()
        if "see" in params:
            return repr((a.dtype.name, a.shape, a.flags.writeable, type(a.base).__name__))
        return eval(params["give"]) if "give" in params else {"y": a}
"""


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("tensors"), WRAPPER) as started:
        yield started


def ask(loader, array=None, *, data=None, datatype="FP32", shape=None, **params):
    if array is not None:
        data, shape = array.tobytes(), ",".join(map(str, array.shape))
    said = {"datatype": datatype, "shape": shape}
    said = {name: text for name, text in said.items() if text is not None}
    return loader.xsf.once(loader.xsf.payload("x", data, **said), params=params)


def tensor(got, name="y"):
    assert got.code == 0, got.error
    payload = got.payloads[name]
    attributes = payload.meta.attribute
    return attributes["datatype"], attributes["shape"], payload.data


def texts(*elements):
    return b"".join(struct.pack("<I", len(each)) + each for each in elements)


FOUR = np.arange(4, dtype="f4").reshape(2, 2)
LARGE = 60_000  # Rows of 12 bytes: in shared memory.


@pytest.mark.parametrize("rows", [1, LARGE])
def test_an_array_is_a_view_and_comes_back_as_it_was(loader, rows):
    sent = np.arange(rows * 3, dtype="f4").reshape(rows, 3)
    base = "bytes" if rows == 1 else "RequestBytes"
    assert ask(loader, sent, see="1").text() == repr(("float32", (rows, 3), False, base))
    assert tensor(ask(loader, sent)) == ("FP32", f"{rows},3", sent.tobytes())


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [("BOOL", "?"), ("UINT8", "u1"), ("INT64", "i8"), ("FP16", "f2"), ("FP64", "f8")],
)
def test_datatypes_are_those_of_numpy(loader, datatype, dtype):
    sent = np.array([[0, 1]], dtype)
    seen = ask(loader, sent, datatype=datatype, see="1").text()
    assert seen == repr((sent.dtype.name, (1, 2), False, "bytes"))
    assert tensor(ask(loader, sent, datatype=datatype)) == (datatype, "1,2", sent.tobytes())


def test_bf16_and_bytes(loader):
    assert ask(loader, data=bytes(4), datatype="BF16", shape="2", see="1").text() == repr(
        ("bfloat16", (2,), False, "bytes")
    )
    assert tensor(ask(loader, data=b"\0\x3f\0\0", datatype="BF16", shape="2,1")) == (
        "BF16",
        "2,1",
        b"\0\x3f\0\0",
    )
    sent = texts(b"a\0", b"", "\u00fc".encode())
    assert tensor(ask(loader, data=sent, datatype="BYTES", shape="3,1")) == ("BYTES", "3,1", sent)


@pytest.mark.parametrize("shape", ["", "0", "2,0"])
def test_empty_and_scalar_shapes(loader, shape):
    data = bytes(8) if shape == "" else b""
    assert tensor(ask(loader, data=data, datatype="FP64", shape=shape)) == ("FP64", shape, data)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"data": b"abc", "datatype": None}, "expected a tensor (desc with datatype and shape)"),
        ({"data": b"", "datatype": "FP8", "shape": "1"}, "expected a datatype such as FP32 or BYT"),
        ({"data": b"abc"}, 'expected a shape such as "1,64" of at most 4294967295 elements, got n'),
        ({"data": b"", "shape": "1,-1"}, 'elements, got "1,-1"'),
        ({"data": b"", "shape": "1,"}, 'elements, got "1,"'),
        ({"data": b"", "shape": "99999,99999"}, 'elements, got "99999,99999"'),
        ({"data": b"", "shape": ",".join("1" * 33)}, "elements, got "),
        ({"data": b"1234567", "shape": "2"}, "expected 8 bytes for FP32 [2], got 7"),
        ({"data": bytes(100_000), "shape": "2"}, "expected 8 bytes for FP32 [2], got 100000"),
        (
            {"data": texts(b"abcd"), "datatype": "BYTES", "shape": "2"},
            "expected 2 elements for BYTES [2], each with its length before it, got 1",
        ),
        (
            {"data": texts(b"abc")[:-1], "datatype": "BYTES", "shape": "1"},
            "got 0 and the begin of another",
        ),
        ({"data": texts(b"a", b"b"), "datatype": "BYTES", "shape": "1"}, "got 5 bytes more than"),
        ({"data": texts(b"a"), "datatype": "BYTES", "shape": "4294967295"}, "got 5 bytes"),
    ],
)
def test_what_does_not_fit_is_the_callers_fault(loader, said, text):
    got = ask(loader, **said)
    assert got.code == 10909
    assert got.error.startswith('payload "x": expected ') and text in got.error, got.error
    assert got.error.endswith(";code=30006")


@pytest.mark.parametrize(
    "give",
    [
        "{'y': a}",
        "('y', a)",
        "[('y', a)]",
        "{'key': 'y', 'data': a}",
        "{'key': 'y', 'data': a, 'len': 1, 'type': 0, 'status': 0, 'desc': {'shape': '9'}}",
        "ResponseData('y', data=a)",
        "response(ResponseData('y', data=a))",
        "response({'y': a})",
        "{'y': numpy.asfortranarray(a)}",
        "{'y': a.astype('>f4')}",
        "{'y': a[::-1][::-1]}",
        "{'y': Other(a.copy())}",
        "{'y': Other(a.T.copy().T)}",
        "{'key': 'y', 'data': Other(a.copy())}",
    ],
)
@pytest.mark.parametrize("rows", [2, LARGE])
def test_every_form_of_an_answer_is_a_tensor(loader, give, rows):
    sent = np.arange(rows * 2, dtype="f4").reshape(rows, 2)
    assert tensor(ask(loader, sent, give=give)) == ("FP32", f"{rows},2", sent.tobytes())


@pytest.mark.parametrize(
    ("give", "name", "came"),
    [
        ("a", "result", ("FP32", "2,2", FOUR.tobytes())),
        ("Other(a.copy())", "result", ("FP32", "2,2", FOUR.tobytes())),
        ("a[1, 1]", "result", ("FP32", "", FOUR[1, 1].tobytes())),
        ("{'y': numpy.array(['a', 'bc'])}", "y", ("BYTES", "2", texts(b"a", b"bc"))),
        ("{'y': numpy.array([b'a', b'bc'])}", "y", ("BYTES", "2", texts(b"a", b"bc"))),
        (
            "{'key': 'y', 'data': a.astype('u2'), 'desc': {'datatype': 'BF16', 'n': 1}}",
            "y",
            ("BF16", "2,2", FOUR.astype("u2").tobytes()),
        ),
    ],
)
def test_other_answers(loader, give, name, came):
    assert tensor(ask(loader, FOUR, give=give), name) == came


@pytest.mark.parametrize(
    ("give", "text"),
    [
        ("{'y': a.astype('c8')}", 'tensor "y": dtype complex64 has no datatype among BOOL, INT8'),
        ("{'y': numpy.array([None])}", 'tensor "y": expected bytes or str in an array of objects'),
        ("{'y': numpy.array('2026', 'M8[s]')}", 'tensor "y": dtype datetime64[s] has no datatype'),
        ("{'y': a, 'z': 5}", '"z": expected an array, bytes or str, got int'),
        ("[('y', a), ('z', Other(a, 2))]", '[1]: tensor "z": expected a Other in the memory of'),
        (
            "{'key': 'y', 'data': a, 'desc': {'datatype': 'FP64'}}",
            'desc: expected a datatype with elements as those of FP32, got "FP64"',
        ),
    ],
)
def test_what_is_no_tensor_is_refused_by_name(loader, give, text):
    got = ask(loader, FOUR, give=give)
    assert got.code == 10909 and text in got.error, got.error
    assert got.error.endswith(";code=30005")


def test_bytes_of_a_large_payload_are_bytes(loader):
    got = loader.xsf.once(loader.xsf.payload("x", b"abc" * LARGE), params={"data": "1"})
    assert got.text() == repr(("bytes", b"abc", 3 * LARGE))


@pytest.mark.parametrize("how", ["array", "node"])
def test_what_outlives_its_call_stays_as_it_was(loader, how):
    """Its memory is the next request's then, which would be seen in it."""

    def send(number, keep):
        data = bytes([number]) * (LARGE * 4)
        return eval(
            ask(loader, data=data, datatype="UINT8", shape=str(len(data)), keep=keep).text()
        )

    assert send(1, how) == [[1]]
    for number in range(2, 12):
        assert send(number, "") == [[1]]
        assert (
            tensor(ask(loader, np.full(LARGE, number, "f4")))[2]
            == np.full(LARGE, number, "f4").tobytes()
        )
    assert send(12, how) == [[1], [12]]
    assert send(13, "drop") == []
    assert tensor(ask(loader, np.full(LARGE, 14, "f4")))[2] == np.full(LARGE, 14, "f4").tobytes()


BATCH = """
import numpy
from aiges import tensors
from aiges.errors import BadInput

class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        arrays, answers, rows = [], [None] * len(reqData), []
        for i, call in enumerate(reqData):
            try:
                arrays.append(call.get("x").numpy())
                rows.append(i)
            except BadInput as fault:
                answers[i] = fault
        if arrays:
            stacked, counts = tensors.stack(arrays)
            for i, part in zip(rows, tensors.split(stacked * 2, counts)):
                answers[i] = {"y": part, "runs": numpy.array([len(counts)])}
        return answers
"""


def test_a_batch_stacks_what_its_calls_bring(start):
    loader = start(BATCH, config={"batch": {"max_size": 8, "max_delay_us": 20_000}})
    calls = [np.full((n, 2), n, "f4") for n in (1, 3, 2)] * 4
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(lambda array: ask(loader, array), calls))
        wrong = pool.submit(ask, loader, data=b"1", shape="1")
    for sent, got in zip(calls, answers):
        assert tensor(got) == ("FP32", f"{sent.shape[0]},2", (sent * 2).tobytes())
    assert "expected 4 bytes for FP32 [1], got 1" in wrong.result().error


SESSION = """
import numpy

class Wrapper:
    def wrapperStream(self, params, requests):
        row = numpy.zeros(20_000, "i4")
        for request in requests:
            for node in request.list:
                row += node.numpy()
                yield {"y": row}

    def wrapperOnceExec(self, params, reqData):
        row = numpy.zeros(20_000, "i4")
        for _ in range(3):
            row += reqData.list[0].numpy()
            yield {"y": row}
"""


def test_a_generator_may_give_the_same_array_again(start):
    loader = start(SESSION)
    session = XsfSession(loader.xsf)
    one = np.ones(20_000, "i4").tobytes()
    session.open()
    for status in (0, 1, 2):
        session.write(one, status=status, datatype="INT32", shape="20000")
    while not session.ended:
        assert session.out().code == 0
    sums = [np.frombuffer(p.data, "i4") for p in session.got if p.data]
    assert [(row.min(), row.max()) for row in sums] == [(1, 1), (2, 2), (3, 3)]
    once = ask(loader, data=one, datatype="INT32", shape="20000").output.pl
    assert [np.frombuffer(p.data, "i4").max() for p in once] == [1, 2, 3]


FUNCTIONS = """
import numpy
from aiges import tensors

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    array = tensors.array(reqData[0])
    if params["give"] == "return":
        return {"y": array}
    if params["give"] == "dict":
        respData.append({"key": "y", "data": array})
    else:
        respData.append(("y", array))
    return 0
"""


def test_the_function_style_has_them_too(start):
    loader = start(FUNCTIONS)
    for give in ("return", "dict", "tuple"):
        assert tensor(ask(loader, FOUR, give=give)) == ("FP32", "2,2", FOUR.tobytes())
