# SPDX-License-Identifier: Apache-2.0
"""Parts of the contract that need no service: parameters, forms, metadata, signatures, messages."""

import contextlib
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from aiges.contracts.seldon import _messages, _tensors, _values
from aiges.contracts.seldon._arguments import annotations_of, parsed
from aiges.contracts.seldon._arrays import dump, features_of
from aiges.contracts.seldon._bodies import message_of
from aiges.contracts.seldon._errors import SeldonMicroserviceException, grpc_of
from aiges.contracts.seldon._folder import VARIABLE, make_folder
from aiges.contracts.seldon._metadata import Metadata
from aiges.contracts.seldon._model import UserModel
from aiges.contracts.seldon._multipart import parts_of
from aiges.contracts.seldon._parameters import parameters_of
from aiges.contracts.seldon._start import tables_of
from aiges.contracts.seldon._unit import unit_of
from aiges.contracts.seldon._user import class_named

# --- Parameters and arguments.


def parameter(value, kind):
    return json.dumps([{"name": "p", "value": value, "type": kind}])


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("3", "INT", 3),
        ("0.5", "FLOAT", 0.5),
        ("2", "DOUBLE", 2.0),
        ("text", "STRING", "text"),
        *((word, "BOOL", True) for word in ("y", "yes", "T", "true", "on", "1")),
        *((word, "BOOL", False) for word in ("n", "no", "F", "false", "off", "0")),
    ],
)
def test_parameters_have_their_types(value, kind, expected):
    assert parameters_of(parameter(value, kind)) == {"p": expected}


WRONG = [parameter("a", "INT"), parameter("1", "COMPLEX"), parameter("maybe", "BOOL")]


@pytest.mark.parametrize("text", [*WRONG, "{}", "[1]", "x"])
def test_wrong_parameters_are_an_error_with_its_reason(text):
    with pytest.raises(SeldonMicroserviceException) as caught:
        parameters_of(text)
    assert caught.value.reason == "MICROSERVICE_BAD_PARAMETER" and str(caught.value)


def tables(*arguments, environment=None, annotations=None):
    environment = environment or {}
    given, unknown = parsed(["Model", *arguments], environment)
    assert not unknown
    return tables_of(given, environment, annotations or {})


def test_ports_are_those_that_users_know():
    given, _ = parsed(["Model"], {})
    assert (given.http_port, given.grpc_port, given.metrics_port) == (9000, 5000, 6000)
    made = tables()
    assert made["wrapper"]["http_listen"] == "0.0.0.0:9000"
    assert made["http"] == {"also_listen": ["0.0.0.0:6000"], "app_paths": True}
    assert made["instances"] == {"count": 1} and made["wrapper"]["max_workers"] == "1"


def test_equal_ports_are_opened_once():
    made = tables("--http-port=5000", "--metrics-port=5000")
    assert made["wrapper"]["http_listen"] == "off" and made["http"]["also_listen"] == []


def test_no_grpc_workers_means_no_grpc():
    made = tables("--grpc-workers", "0")
    assert made["wrapper"]["grpc"] == "false" and made["wrapper"]["http_listen"] == "0.0.0.0:6000"


def test_variables_stand_for_flags():
    environment = {
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "9100",
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": "5100",
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "6100",
        "GUNICORN_WORKERS": "2",
        "GUNICORN_THREADS": "3",
        "GUNICORN_MAX_REQUESTS": "10",
        "GRPC_THREADS": "4",
        "SELDON_LOG_LEVEL": "warning",
        "GUNICORN_ACCESS_LOG": "True",
    }
    made = tables("--log-level=DEBUG", environment=environment)
    assert made["wrapper"]["http_listen"] == "0.0.0.0:9100"
    assert made["http"]["also_listen"] == ["0.0.0.0:6100"]
    assert made["instances"] == {"count": 2, "max_requests": 10}
    assert made["wrapper"]["max_workers"] == "4" and made["wrapper"]["access_log"] == "true"
    assert made["log"]["level"] == "warn"
    one = tables("--single-threaded=1", environment=environment)
    assert one["wrapper"]["max_workers"] == "1"


def test_annotations_give_limits(tmp_path):
    file = tmp_path / "annotations"
    file.write_text('seldon.io/rest-timeout="2500"\nseldon.io/grpc-max-message-size="100000000"\n')
    made = tables(annotations=annotations_of(str(file)))
    assert made["instances"]["exec_timeout_ms"] == 2000
    assert made["limits"] == {"max_message_bytes": 100000000}
    assert annotations_of(str(tmp_path / "none")) == {}


@pytest.mark.parametrize("argument", ["--service-type=X", "--http-port=99999", "--workers=-1"])
def test_wrong_values_end_with_status_2(argument, capsys):
    with pytest.raises(SystemExit) as caught:
        parsed(["Model", argument], {})
    assert caught.value.code == 2 and "argument" in capsys.readouterr().err


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "seldon_named.py").write_text("class seldon_named: pass\nclass Other: pass\n")
    package = tmp_path / "seldon_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "part.py").write_text("class Deep: pass\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("seldon_named", "seldon_named"),
        ("seldon_named.Other", "Other"),
        ("seldon_named:Other", "Other"),
        ("seldon_package.part.Deep", "Deep"),
    ],
)
def test_class_is_found_by_its_name(modules, name, expected):
    assert class_named(name).__name__ == expected


def test_class_that_is_not_there_is_named(modules):
    with pytest.raises(ValueError, match="expected a class Nope in .*seldon_named.py, found none"):
        class_named("seldon_named.Nope")


# --- How methods are called.


@pytest.mark.parametrize(
    "predict",
    [
        lambda X, names: (X, names),
        lambda X, feature_names=None, meta=None: (X, feature_names, meta),
        lambda X, features_names: (X, features_names),
        lambda X, names, **kwargs: (X, names, kwargs["meta"]),
        lambda *args, **kwargs: (*args, kwargs["meta"]),
        lambda X, names, *, meta: (X, names, meta),
    ],
)
def test_predict_gets_what_its_signature_takes(predict):
    holder = type("Holder", (), {"predict": staticmethod(predict)})()
    got = UserModel(holder).call("predict", "x", ["n"], {"m": 1}).data
    assert got in (("x", ["n"]), ("x", ["n"], {"m": 1}))
    wants_meta = "meta" in predict.__code__.co_varnames or "kwargs" in predict.__code__.co_varnames
    assert len(got) == (3 if wants_meta else 2)


def test_type_error_of_the_users_code_is_seen_and_runs_once():
    class Breaks:
        calls = 0

        def predict(self, X, names, meta=None):
            self.calls += 1
            return None + X

    user = Breaks()
    with pytest.raises(TypeError, match="NoneType"):
        UserModel(user).call("predict", 1, [], None)
    assert user.calls == 1


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


# --- Metadata.


def metadata_of(given, environment=None):
    user = type("User", (), {"init_metadata": lambda self: given})()
    return Metadata(user, unit_of(environment or {}))


def test_metadata_is_laid_over_the_images_name():
    environment = {"PREDICTIVE_UNIT_IMAGE": "host:5000/repo/image:1.2", "MODEL_METADATA": "name: y"}
    found = metadata_of({"name": "x", "platform": "p"}, environment).get()
    assert (found["name"], found["versions"], found["platform"]) == ("y", ["1.2"], "p")
    assert metadata_of({}, {"PREDICTIVE_UNIT_IMAGE": "host:5000/image"}).get()["versions"] == [""]


@pytest.mark.parametrize(
    "given",
    [
        {"versions": "v1"},
        {"custom": {"a": 1}},
        {"other": 1},
        {"inputs": [{"messagetype": "nope"}]},
        {"inputs": [{"messagetype": "tensor", "schema": {"shape": ["a"]}}]},
        {"outputs": [{"name": "a", "datatype": "FP99", "shape": [1]}]},
        {"inputs": {}},
        {"name": 1},
    ],
)
def test_wrong_metadata_is_told_at_its_page_alone(given):
    metadata = metadata_of(given)
    assert metadata.problem
    with pytest.raises(SeldonMicroserviceException) as caught:
        metadata.get()
    assert (caught.value.status_code, caught.value.reason) == (500, "MICROSERVICE_BAD_METADATA")


def test_metadata_that_is_no_dict_is_left_out():
    assert metadata_of(["list"]).get()["name"] == ""


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


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (SeldonMicroserviceException("m"), 3),
        (SeldonMicroserviceException("m", status_code=404), 5),
        (SeldonMicroserviceException("m", status_code=503), 14),
        (SeldonMicroserviceException("m", status_code=500), 13),
        (RuntimeError("m"), 13),
    ],
)
def test_errors_have_a_status_of_grpc_and_their_text(fault, code):
    assert grpc_of(fault) == (code, "m")


def test_names_of_users_code_are_there():
    import seldon_core
    from seldon_core import metrics, user_model, utils
    from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

    assert seldon_core.Storage and user_model.SeldonComponent and prediction_pb2_grpc.ModelStub
    message = utils.json_to_seldon_message({"data": {"ndarray": [[1.0, 2.0]]}})
    assert utils.get_data_from_proto(message).tolist() == [[1.0, 2.0]]
    assert isinstance(message, prediction_pb2.SeldonMessage)
    assert utils.seldon_message_to_json(message) == {"data": {"ndarray": [[1.0, 2.0]]}}
    made = utils.array_to_grpc_datadef("tensor", np.array([[1.0]]), ["a"])
    assert (list(made.names), list(made.tensor.shape)) == (["a"], [1, 1])
    assert utils.array_to_rest_datadef("ndarray", np.array([1]), ["a"]) == {
        "names": ["a"],
        "ndarray": [1],
    }
    assert metrics.create_counter("k", 1) == {"key": "k", "type": "COUNTER", "value": 1}
    with pytest.raises(SeldonMicroserviceException, match="Invalid JSON: "):
        utils.json_to_seldon_message({"nope": 1})


def test_storage_knows_what_lies_on_disk(tmp_path):
    from seldon_core import Storage

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("x")
    assert Storage.download(str(folder)) == str(folder)
    assert Storage.download(f"file://{folder}") == str(folder)
    out = tmp_path / "out"
    assert Storage.download(str(folder), str(out)) == str(out) and (out / "a").read_text() == "x"
    with pytest.raises(Exception, match="s3://bucket"):
        Storage.download("s3://bucket")


def test_folders_of_loaders_that_have_ended_are_removed(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    gone = tmp_path / f"aiges-seldon-metrics-{os.getuid()}-999999999"
    gone.mkdir(mode=0o700)
    mine = make_folder(os.getpid())
    assert not gone.exists() and os.stat(mine).st_mode & 0o777 == 0o700
    monkeypatch.delenv(VARIABLE)
    values = Path(mine, "counter_1.db")
    values.touch()
    assert make_folder(os.getpid()) == mine  # Another instance of the same loader.
    assert values.exists()
    monkeypatch.delenv(VARIABLE)
    assert make_folder(os.getpid(), anew=True) == mine and not values.exists()
    monkeypatch.delenv(VARIABLE)
    os.chmod(mine, 0o777)  # Somebody else may have written there.
    assert make_folder(os.getpid()) != mine
