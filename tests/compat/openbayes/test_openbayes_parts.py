# SPDX-License-Identifier: Apache-2.0
"""Parts of the contract beside those that they stand in for: werkzeug's dicts, pip's files."""

import importlib.metadata
import sys
import types

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.wrappers import Request

# The module of the worker is there for these imports alone: other tests share this process.
sys.modules["aiges_embed"] = types.ModuleType("aiges_embed")
from aiges.contracts.openbayes import _accept, _bodies, _events, _inject, _requirements  # noqa: E402
from aiges.contracts.openbayes._onnx import find_model  # noqa: E402
from aiges.contracts.openbayes._refused import Missing, Refused  # noqa: E402
from aiges.contracts.openbayes._values import Headers, Params  # noqa: E402

del sys.modules["aiges_embed"]

QUERIES = [
    "",
    "a=1",
    "a=1&a=2&b=",
    "%E7%8C%AB=a+b%20c",
    "a=%FF%fe&b=%zz",
    "=x&&y",
    "a;b=1",
    "a=1=2",
]


def theirs(query):
    return Request({"REQUEST_METHOD": "POST", "QUERY_STRING": query}).args


@pytest.mark.parametrize("query", QUERIES)
def test_params_are_what_werkzeug_makes_of_the_query(query):
    ours, real = Params(query), theirs(query)
    assert isinstance(real, ImmutableMultiDict) and isinstance(ours, dict)
    assert dict(ours) == dict(real) and [*ours] == [*real] and len(ours) == len(real)
    for name in [*real, "none"]:
        assert ours.get(name) == real.get(name) and (name in ours) == (name in real)
        assert ours.getlist(name) == real.getlist(name)
        assert ours.get(name, -1, type=int) == real.get(name, -1, type=int)
        assert ours.getlist(name, type=int) == real.getlist(name, type=int)
    assert [*ours.items()] == [*real.items()] and [*ours.values()] == [*real.values()]
    assert [*ours.items(multi=True)] == [*real.items(multi=True)]
    assert [*ours.lists()] == [*real.lists()] and [*ours.listvalues()] == [*real.listvalues()]
    assert ours.to_dict() == real.to_dict() and ours.to_dict(flat=False) == real.to_dict(flat=False)


def test_params_cannot_be_changed_and_what_is_not_there_is_the_callers_fault():
    params = Params("a=1")
    for change in (
        lambda: params.__setitem__("b", "2"),
        lambda: params.pop("a"),
        lambda: params.update(a="2"),
        lambda: params.setdefault("b", "2"),
        params.clear,
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    with pytest.raises(Missing):
        params["none"]
    assert params["a"] == "1" and issubclass(Missing, KeyError)


def test_headers_are_found_in_any_letters():
    headers = Headers([(b"content-type", b"a/b"), (b"x-any", b"1"), (b"x-any", b"2")])
    assert headers["CONTENT-type"] == "a/b" and headers.get("X-Any") == "1,2"
    assert headers.get("x-none") is None and headers.get("x-none", "d") == "d"
    assert "Content-Type" in headers and "x-none" not in headers and len(headers) == 2
    assert [*headers] == [("Content-Type", "a/b"), ("X-Any", "1,2")]
    assert dict(headers) == {"Content-Type": "a/b", "X-Any": "1,2"}
    assert headers.getlist("x-any") == ["1,2"] and headers.getlist("x-none") == []
    with pytest.raises(KeyError):
        headers["x-none"]
    with pytest.raises(AttributeError):
        headers.no_such_method  # noqa: B018


def test_annotations_count_only_where_they_are_names():
    def predict(json: dict, body: "payload", raw: "'data'", more: "Unknown" = 5, *args, **rest):  # noqa: F821
        pass

    wanted = _inject.wanted("predict", predict, _inject.PREDICT)
    assert wanted == {"json": "json", "body": "payload", "raw": "data"}
    with pytest.raises(_inject.Unknown, match="predict: parameter image: expected one of json"):
        _inject.wanted("predict", lambda image: image, _inject.PREDICT)
    with pytest.raises(_inject.Unknown, match="not to be positional only"):
        _inject.wanted("predict", eval("lambda json, /: json"), _inject.PREDICT)
    assert _inject.wanted("Cat", object, _inject.CONSTRUCTOR) == {}


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (dict, True),
        ("list[int]", True),
        (tuple, True),
        (str, False),
        ("Nothing", False),
        (None, False),
    ],
)
def test_structures_are_known_by_what_predict_says(said, known):
    def predict():
        pass

    predict.__annotations__ = {"return": said}
    assert _inject.returns_structure(predict) is known


def test_requirements_are_looked_up(tmp_path):
    there = importlib.metadata.version("numpy")
    (tmp_path / "requirements.txt").write_text(
        f"numpy=={there}\nNumPy[all]>=1,<9999 --hash=sha256:00\nnumpy==0.1 # old\nno_such.Thing\n"
        "other; python_version < '3'\nopenbayes_serving==99\n-e ./here\n--index-url https://x\n"
        "pkg @ https://example.org/x.whl\n????\n\n"
    )
    assert _requirements.missing(tmp_path) == [
        f"numpy==0.1 ({there} is installed)",
        "no_such.Thing (not installed)",
        "pkg (not installed)",
    ]
    assert _requirements.missing(tmp_path / "none") == []


def test_bad_weights_of_accept_are_none():
    assert _accept.form_for(b"application/json;q=-,application/msgpack;q=0.9") == "json"
    assert _accept.form_for(b"a/b,*/*;q=0.1") == "json" and _accept.form_for(b"\xff/b") == ""


def test_bodies_that_cannot_be_read_are_refused():
    for body in (b"", b"\x00", b"{\x00", b"[" * 200_000, b"9" * 5000):
        with pytest.raises(Refused):
            _bodies.parsed("json", body)
    for body in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x91" * 5000, b"\xc4\xff"):
        with pytest.raises(Refused):
            _bodies.parsed("msgpack", body)


@pytest.mark.parametrize("said", [b"9" * 30, b"1e3", b"-", b"\xd9\xa3", b""])
def test_header_of_a_client_that_is_no_id_does_no_harm(monkeypatch, caplog, said):
    monkeypatch.setenv("OPENBAYES_SERVING_PRODUCTION", "1")
    monkeypatch.setattr(_events._sender, "put", lambda event: pytest.fail(str(event)))
    token = _events.request_id.set(said)
    try:
        _events.emit_event("a.txt", "text")
        _events.emit_event("a.txt", "text", id=1 << 70)
    finally:
        _events.request_id.reset(token)
    assert caplog.text.count("Request Id") == 2


def test_folder_named_like_a_model_is_none(tmp_path):
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(FileNotFoundError):
        find_model(str(tmp_path))
    (tmp_path / "b.onnx").touch()
    assert find_model(str(tmp_path)).name == "b.onnx"
