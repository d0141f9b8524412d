# SPDX-License-Identifier: Apache-2.0
"""Parts of the contract that need no service: parameters, signatures, metadata, errors, folders."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from aiges.contracts.seldon._arguments import annotations_of, parsed
from aiges.contracts.seldon._errors import SeldonMicroserviceException, grpc_of
from aiges.contracts.seldon._folder import VARIABLE, make_folder
from aiges.contracts.seldon._metadata import Metadata
from aiges.contracts.seldon._model import UserModel
from aiges.contracts.seldon._parameters import parameters_of, switch_of
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


def test_switches_are_words_that_say_yes_or_no():
    for word in ("true", "1", "YES", "on"):
        assert switch_of(word, "s") is True
    for word in ("false", "0", "No", "off"):
        assert switch_of(word, "s") is False
    for word in ("maybe", "2", "ture", "tr ue"):
        with pytest.raises(
            ValueError, match=rf"\[wrapper\] s: expected true or false, got '{word}'"
        ):
            switch_of(word, "[wrapper] s")


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
    assert made["wrapper"]["max_body_mb"] == "96"  # As long, in whole MiB.
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


# --- Errors, names, folders.


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
