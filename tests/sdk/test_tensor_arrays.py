# SPDX-License-Identifier: Apache-2.0
"""aiges.tensors outside a worker: what is a tensor, what is none, and batches out of many."""

import struct
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from aiges import tensors
from aiges._results import Refused, read
from aiges.dto import DataListNode, Response, ResponseData
from aiges.errors import BadInput

NUMBERS = [name for name in tensors.DATATYPES if name not in ("BYTES", "BF16")]


def node(data, datatype=None, shape=None):
    made = DataListNode("x", data=data)
    for name, text in (("datatype", datatype), ("shape", shape)):
        if text is not None:
            made.desc[name] = text
    return made


def texts(*elements):
    return b"".join(struct.pack("<I", len(each)) + each for each in elements)


@pytest.mark.parametrize("datatype", NUMBERS)
def test_every_number_comes_back_as_it_was(datatype):
    sent = np.arange(6).reshape(2, 3).astype(tensors.dtype_of(datatype))
    assert tensors.encode(sent) == (datatype, "2,3", sent.tobytes())
    got = node(sent.tobytes(), datatype, "2,3").numpy()
    assert (got.dtype, got.shape, got.tolist()) == (sent.dtype, (2, 3), sent.tolist())


def test_an_array_of_a_request_is_a_view_that_cannot_be_written_to():
    item = node(bytes(8), "FP32", "2")
    array = item.numpy()
    assert not array.flags.writeable and not array.flags.owndata
    assert np.shares_memory(array, np.frombuffer(item.data, "f4"))


def test_bf16_is_that_of_ml_dtypes(monkeypatch):
    sent = np.array([1.5, -2], ml_dtypes.bfloat16)
    datatype, shape, data = tensors.encode(sent)
    assert (datatype, shape, data) == ("BF16", "2", sent.view("u2").tobytes())
    assert node(data, "BF16", "2").numpy().tolist() == [1.5, -2]
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert node(data, "BF16", "2").numpy().dtype == np.uint16


@pytest.mark.parametrize("shape", ["0", "2,0,3", "", "1,1", "3"])
def test_empty_and_scalar_shapes(shape):
    sizes = tuple(map(int, shape.split(","))) if shape else ()
    sent = np.ones(sizes, "i8")
    got = node(sent.tobytes(), "INT64", shape).numpy()
    assert (got.shape, got.tolist()) == (sizes, sent.tolist())
    assert tensors.encode(sent)[1] == shape


def test_bytes_are_objects_each_with_its_own_length():
    item = node(texts(b"a\0", b"", b"\xff"), "BYTES", "3,1")
    assert item.numpy().tolist() == [[b"a\0"], [b""], [b"\xff"]]
    for sent in (
        np.array([b"a", "ü"], object),
        np.array(["a", "ü"]),
        np.array([b"a", b"\xc3\xbc"]),
    ):
        assert tensors.encode(sent) == ("BYTES", "2", texts(b"a", b"\xc3\xbc"))


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (node(b"abc"), "expected a tensor (desc with datatype and shape), got 3 bytes without a"),
        (node(b"", "FP8", "1"), 'expected a datatype such as FP32 or BYTES, got "FP8"'),
        (
            node(b"", "FP32"),
            'expected a shape such as "1,64" of at most 4294967295 elements, got n',
        ),
        (node(b"", "FP32", "1,-1"), 'elements, got "1,-1"'),
        (node(b"", "FP32", "1,"), 'elements, got "1,"'),
        (node(b"", "FP32", "99999,99999"), 'elements, got "99999,99999"'),
        (node(b"", "FP32", ",".join("1" * 33)), "elements, got "),
        (node(bytes(7), "FP32", "2"), "expected 8 bytes for FP32 [2], got 7"),
        (node(bytes(4), "FP32", "0"), "expected 0 bytes for FP32 [0], got 4"),
        (
            node(texts(b"a"), "BYTES", "2"),
            "expected 2 elements for BYTES [2], each with its length",
        ),
        (node(texts(b"a", b"bcdefgh")[:-1], "BYTES", "2"), "got 1 and the begin of another"),
        (node(texts(b"abcde")[:8], "BYTES", "1"), "got 0 and the begin of another"),
        (node(texts(b"a", b"b"), "BYTES", "1"), "got 5 bytes more than these have"),
        (node(texts(b"a"), "BYTES", "4294967295"), "got 5 bytes"),
    ],
)
def test_what_does_not_fit_is_the_callers_fault(item, text):
    with pytest.raises(BadInput) as raised:
        item.numpy()
    assert str(raised.value).startswith('payload "x": expected ') and text in str(raised.value)
    function_style = {"key": "x", "data": item.data, "desc": item.desc}
    with pytest.raises(BadInput) as again:
        tensors.array(function_style)
    assert str(again.value) == str(raised.value)


def test_the_items_of_both_styles_are_arrays():
    item = node(bytes(8), "INT32", "2")
    assert tensors.array(item).tolist() == [0, 0]
    assert tensors.array({"key": "x", "data": bytes(8), "desc": item.desc}).tolist() == [0, 0]


def test_layouts_are_made_one():
    array = np.arange(6, dtype="f4").reshape(2, 3)
    for other in (np.asfortranarray(array), array[::-1, ::-1], array.astype(">f4")):
        assert tensors.encode(other)[2] == np.ascontiguousarray(other, "<f4").tobytes()
    assert tensors.encode(array.T[None, :, 1])[1] == "1,3"
    assert tensors.encode(np.float32(2))[1:] == ("", np.float32(2).tobytes())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros(1, "complex64"), "dtype complex64 has no datatype among BOOL, UINT8"),
        (np.zeros(1, "datetime64[s]"), "dtype datetime64[s] has no datatype"),
        (np.array([None]), "expected bytes or str in an array of objects, got NoneType at [0]"),
        ([1], "expected an array, got list"),
    ],
)
def test_what_has_no_datatype_is_refused_by_name(value, text):
    with pytest.raises(TypeError, match="^" + text.replace("[", r"\[")):
        tensors.encode(value)


class Elsewhere:
    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self):
        raise AssertionError("asked for, though it lies elsewhere")


def test_a_tensor_on_another_device_is_refused_before_it_is_copied():
    with pytest.raises(TypeError, match=r"got one on DLPack device 2; .* as with \.cpu\(\)"):
        tensors.encode(Elsewhere())


class Other:
    """A tensor of another library."""

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


def test_dlpack_tensors_are_taken():
    assert tensors.encode(Other(np.arange(3, dtype="i4")))[:2] == ("INT32", "3")


def test_answers_of_run_are_tensors_as_in_a_worker():
    array = np.arange(2, dtype="f4")
    response = Response()
    response.list = [ResponseData("y", data=array)]
    forms = [
        {"y": array},
        ("y", array),
        [("y", array)],
        {"key": "y", "data": array},
        {"key": "y", "data": array, "len": 1, "type": 0, "status": 0, "desc": {"shape": "9"}},
        ResponseData("y", data=array),
        response,
    ]
    for form in forms:
        ((item,), code) = read(form)
        assert (item.key, item.data, code) == ("y", array.tobytes(), 0), form
        assert item.desc == {"datatype": "FP32", "shape": "2"}, form
    assert [item.key for item in read({"y": array, "note": "text"})[0]] == ["y", "note"]
    assert read(array)[0][0].key == "result"
    assert (
        read({"key": "y", "data": np.zeros(1, "c8"), "len": 8, "type": 0, "status": 3})[0][0].desc
        == {}
    )
    with pytest.raises(Refused, match="complex64"):
        read({"y": np.zeros(1, "c8")})


def test_other_data_forget_the_array_that_was_there():
    item = ResponseData("y", data=np.zeros(2, "f4"))
    item.data = b"abc"
    assert (item.desc, item.data, item.len) == ({}, b"abc", 3)


def test_stack_and_split():
    parts = [np.full((n, 2), n, "f4") for n in (1, 3, 2)]
    stacked, rows = tensors.stack(parts)
    assert (stacked.shape, rows) == ((6, 2), [1, 3, 2])
    back = tensors.split(stacked, rows)
    assert [each.tolist() for each in back] == [each.tolist() for each in parts]
    assert all(np.shares_memory(each, stacked) for each in back)
    assert tensors.stack([node(bytes(8), "FP32", "1,2")] * 2)[0].shape == (2, 2)
    assert tensors.stack(parts[:1])[0] is parts[0]


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ([], "expected at least one array to stack, got none"),
        ([np.zeros(())], r"\[0\]: expected an array with a batch dimension, got a scalar"),
        ([np.zeros((1, 2)), np.zeros((1, 3))], r"\[1\]: expected float64 of shape \(n, 2\)"),
        ([np.zeros((1, 2)), np.zeros((1, 2), "f4")], r"got float32 \(n, 2\)"),
    ],
)
def test_what_does_not_stack(arrays, text):
    with pytest.raises(ValueError, match=text):
        tensors.stack(arrays)


def test_what_does_not_split():
    with pytest.raises(ValueError, match="expected 3 rows along axis 0 to split, got 2"):
        tensors.split(np.zeros(2), [1, 2])


def test_numpy_is_not_imported_before_it_is_asked_for():
    script = (
        "import sys, aiges.tensors, aiges.dto as d; n = d.ResponseData('x', data=b'1');"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
