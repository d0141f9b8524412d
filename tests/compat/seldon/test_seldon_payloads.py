# SPDX-License-Identifier: Apache-2.0
"""What requests and answers say: bodies, forms, arrays, tensors; no service is needed."""

import contextlib
import json
import tracemalloc

import numpy as np
import pytest
from aiges.contracts.seldon import _messages, _tensors, _values
from aiges.contracts.seldon._access import _quoted
from aiges.contracts.seldon._arrays import dump, features_of
from aiges.contracts.seldon._bodies import message_of
from aiges.contracts.seldon._calls import INPUT, OUTPUT, PREDICT, ROUTE, Served
from aiges.contracts.seldon._errors import SeldonMicroserviceException
from aiges.contracts.seldon._json_calls import JsonCalls
from aiges.contracts.seldon._metrics import SeldonMetrics
from aiges.contracts.seldon._model import UserModel
from aiges.contracts.seldon._multipart import parts_of
from aiges.contracts.seldon._proto_calls import ProtoCalls
from aiges.contracts.seldon._unit import unit_of

# --- Bodies.


MULTIPART = "multipart/form-data; boundary=m"


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


def test_a_boundary_that_is_everywhere_is_refused_before_its_parts_are_made():
    body = b"\r\n--a" * (1 << 20)
    kind = "multipart/form-data; boundary=a"
    with most_memory(3 * len(body)), pytest.raises(ValueError, match="at most 1000 parts"):
        parts_of(kind, body)
    with pytest.raises(SeldonMicroserviceException, match="at most 1000 parts"):
        message_of(Asked(body, kind), False, False)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", ""])
def test_more_fields_than_are_read_are_the_clients_fault(kind):
    fields = "json=%7B%7D" + "&a=1" * 1000
    asked = Asked(fields.encode(), kind, "" if kind else fields)
    with pytest.raises(SeldonMicroserviceException, match="expected at most 1000 fields"):
        message_of(asked, False, False)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", MULTIPART])
def test_json_of_a_form_that_is_too_deep_is_the_clients_fault(kind):
    deep = b"[" * 200_000
    part = b'--m\r\nContent-Disposition: form-data; name="data"\r\n\r\n' + deep + b"\r\n--m--"
    asked = Asked(part if kind == MULTIPART else b"json=" + deep, kind)
    with pytest.raises(SeldonMicroserviceException, match="Can't find JSON in data"):
        message_of(asked, False, False)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a\\", "a\\\\"),
        ('a\\" 200', 'a\\\\\\" 200'),
        ('"', '\\"'),
        ("\n\\", "\\n\\\\"),
        ('\n"', '\\n\\"'),
    ],
)
def test_what_a_client_says_does_not_end_its_quotes_in_the_access_log(said, written):
    assert _quoted(said) == written


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


# --- Hooks of old user code.


class Hooked:
    """Answers every call by one kind of hook, and says which."""

    def __init__(self, *kinds):
        for call in ("predict", "transform_input", "transform_output", "route", "aggregate"):
            for kind in kinds:
                name = f"{call}_{kind}"
                setattr(self, name, lambda asked, name=name: self.answered(name, asked))

    def answered(self, name, asked):
        self.asked = asked
        return {"strData": name}

    def predict(self, X, names):
        return "predict"


def calls_of(user):
    """Of each call: its name, the answer of gRPC, that of REST."""
    served = Served(UserModel(user), unit_of({}), None)
    proto, plain = ProtoCalls(served), JsonCalls(served)
    message = _messages.message("SeldonMessage")(strData="a")
    combined = _messages.message("SeldonMessageList")(seldonMessages=[message])
    for kind in (PREDICT, INPUT, OUTPUT, ROUTE):
        answer = proto.message_of(proto.call(kind, message)).strData
        yield kind.method, answer, plain.call(kind, {"strData": "a"})["strData"]
    answer = proto.message_of(proto.aggregate(combined)).strData
    rest = plain.aggregate({"seldonMessages": [{"strData": "a"}]})["strData"]
    yield "aggregate", answer, rest


def test_a_hook_of_rest_answers_grpc_too_but_for_predict():
    user = Hooked("rest")
    for call, grpc, rest in calls_of(user):
        assert rest == f"{call}_rest"
        assert grpc == ("predict" if call == "predict" else f"{call}_rest")
    proto = ProtoCalls(Served(UserModel(user), unit_of({}), None))
    asked = _messages.message("SeldonMessageList")()
    proto.aggregate(asked)
    assert user.asked is asked  # As it came.


def test_each_protocol_has_its_own_hook_where_both_are_there():
    for call, grpc, rest in calls_of(Hooked("rest", "grpc")):
        assert (grpc, rest) == (f"{call}_grpc", f"{call}_rest")


def test_feedback_is_text_for_a_hook_of_rest_and_a_message_for_one_of_grpc():
    asked = {"request": {"strData": "a"}}

    class Told:
        def told(self, feedback):
            self.given = feedback
            return {"strData": "told"}

    for kind in ("rest", "grpc"):
        user = Told()
        setattr(user, f"send_feedback_{kind}", user.told)
        calls = ProtoCalls(Served(UserModel(user), unit_of({}), SeldonMetrics()))
        feedback = calls.feedback_of(asked)
        assert calls.json_of(calls.send_feedback(feedback)) == {"strData": "told"}
        assert json.loads(user.given) == asked if kind == "rest" else user.given is feedback
