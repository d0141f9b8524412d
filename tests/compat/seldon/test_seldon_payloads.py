# SPDX-License-Identifier: Apache-2.0
"""What requests and answers say: bodies, forms, arrays, tensors; no service is needed."""

import contextlib
import json
import tracemalloc

import numpy as np
import pytest
from aiges.contracts.seldon import _messages, _tensors, _values
from aiges.contracts.seldon._arrays import dump, features_of
from aiges.contracts.seldon._bodies import message_of
from aiges.contracts.seldon._errors import SeldonMicroserviceException
from aiges.contracts.seldon._multipart import parts_of

# --- Bodies.


class Asked:
    def __init__(self, body=b"", kind="application/json", query=""):
        self.body, self.kind, self.query = body, kind, query

    def get(self, name, default=b""):
        return self.kind.encode() if name == b"content-type" else default


def test_json_is_read_whatever_its_type_is_said_to_be():
    for kind in ("text/plain", "", "application/x-www-form-urlencoded"):
        assert message_of(Asked(b'{"strData": "a"}', kind), False, False) == {"strData": "a"}
        with pytest.raises(SeldonMicroserviceException, match="Can't find JSON in data"):
            message_of(Asked(b'{"strData": "a"}', kind), False, True)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"\xff", b"[" * 200000])
def test_what_is_no_json_is_the_clients_fault(body):
    with pytest.raises(SeldonMicroserviceException, match="Can't find JSON in data"):
        message_of(Asked(body), False, False)


def test_form_is_before_query_and_query_before_body():
    form = "application/x-www-form-urlencoded"
    asked = Asked(b"json=%7B%22a%22%3A1%7D", form, "json=2")
    assert message_of(asked, False, False) == {"a": 1}
    assert message_of(Asked(b"3", query="json=2"), False, False) == 2
    assert message_of(Asked(b"3", query="other=json"), False, False) == 3


def test_parts_of_a_form_keep_their_bytes():
    data = b"\r\n--almost\r\n\x00\xff--mark"
    body = (
        b"preamble\r\n--mark\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--mark  \r\n"
        b'content-disposition: form-data; name="f"; filename="x \\" y"\r\nContent-Type: a/b\r\n\r\n'
    ) + data + b"\r\n--mark--\r\nepilogue"  # fmt: skip
    assert parts_of('multipart/form-data; boundary="mark"', body) == [
        ("a", None, b"1"),
        ("f", 'x " y', data),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--mark\r\n",
        b"--mark\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
        b"--markless\r\n\r\n1\r\n--mark--",
        b"--mark\r\nno end of the head\r\n--mark--",
        b"--mark\r\n\r\n\r\n" * 1002,
    ],
)
def test_form_that_is_none_is_an_error(body):
    with pytest.raises(ValueError, match="multipart: expected"):
        parts_of("multipart/form-data; boundary=mark", body)


# --- Messages.


def test_answers_are_written_as_flask_writes_them():
    found = dump({"b": np.float32(0.5), "a": [np.int64(1), np.array([True])], "\u00e9": np.nan})
    assert found == b'{"a":[1,[true]],"b":0.5,"\\u00e9":NaN}\n'
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        dump({"a": {1}})


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int32", "int64", "uint8", "bool", "float16"]
)
def test_tensors_of_tensorflow_survive(dtype):
    array = np.array([[1, 0], [3, 4]]).astype(dtype)
    tensor = _messages.message("DefaultData")().tftensor
    _tensors.fill(tensor, array)
    back = _tensors.array_of(tensor)
    assert back.dtype == array.dtype and (back == array).all() and back.flags.writeable


def test_tensor_with_values_of_their_own_is_read():
    tensor = _messages.message("DefaultData")().tftensor
    tensor.dtype = 1
    tensor.float_val.extend([1.5])
    for size in (2, 2):
        tensor.tensor_shape.dim.add(size=size)
    assert _tensors.array_of(tensor).tolist() == [[1.5, 1.5], [1.5, 1.5]]  # The last one goes on.
    tensor.float_val.extend([1.0] * 9)
    with pytest.raises(
        SeldonMicroserviceException, match="expected 4 values for its shape, got 10"
    ):
        _tensors.array_of(tensor)
    tensor.tensor_shape.dim[0].size = 1 << 60
    with pytest.raises(SeldonMicroserviceException, match="values for its shape"):
        _tensors.array_of(tensor)


def tensor_of(dtype, shape, **fields):
    tensor = _messages.message("DefaultData")().tftensor
    tensor.dtype = dtype
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    for name, value in fields.items():
        getattr(tensor, name).extend(value)
    return tensor


@pytest.mark.parametrize(
    ("dtype", "shape", "fields"),
    [
        (2, [1 << 28], {"double_val": [1]}),
        (2, [1 << 14, 1 << 14], {}),
        (7, [1 << 26], {"string_val": [b"a"]}),
        (6, [(64 << 20) + 1], {"int_val": [1]}),
        (2, [-1], {"double_val": [1]}),
        (2, [-2, -2], {"double_val": [1]}),
        (4, [1], {"int_val": [300]}),
        (4, [1], {"int_val": [-1]}),
        (2, [0, 1 << 62, 1 << 62], {}),
        (2, [1] * 70, {"double_val": [1]}),
        (2, [0], {"double_val": [1]}),
    ],
)
def test_a_small_tensor_of_tensorflow_asks_for_little_memory(dtype, shape, fields):
    with most_memory(1 << 20), pytest.raises(SeldonMicroserviceException, match="tftensor: "):
        _tensors.array_of(tensor_of(dtype, shape, **fields))


@contextlib.contextmanager
def most_memory(most):
    """What is allocated inside, NumPy's included, is at most so many bytes at a time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_a_tensor_that_is_filled_up_is_made_once():
    with most_memory(20 << 20):
        array = _tensors.array_of(tensor_of(2, [1 << 21], double_val=[1, 2]))
    assert array[0] == 1 and (array[1:] == 2).all() and array.flags.writeable
    assert _tensors.array_of(tensor_of(7, [2])).tolist() == [b"", b""]
    assert _tensors.array_of(tensor_of(10, [0, 3])).shape == (0, 3)


@pytest.mark.parametrize("nested", [False, True])
def test_one_long_text_among_many_does_not_ask_for_all_memory(nested):
    short = [[""] for _ in range(1000)] if nested else [""] * 1000
    long = "a" * 100_000
    values = [*short, [long] if nested else long]
    data = _messages.message("SeldonMessage")()
    _values.fill_value(data.jsonData, values)
    data.data.ndarray.CopyFrom(data.jsonData.list_value)
    asked = [
        lambda: features_of({"data": {"ndarray": values}}),
        lambda: features_of({"data": {"tensor": {"values": values, "shape": [len(values)]}}}),
        lambda: _values.payload_of(data),
    ]
    for ask in asked:
        with most_memory(4 << 20), pytest.raises(SeldonMicroserviceException, match="the longest"):
            ask()
    deep = json.loads("[" * 900 + "]" * 900)
    with pytest.raises(ValueError, match="maximum number of dimension"):
        features_of({"data": {"ndarray": deep}})
    same = features_of({"data": {"ndarray": [long, 1, *[long] * 50]}})
    assert same.shape == (52,) and same[1] == "1"
