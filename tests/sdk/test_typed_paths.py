# SPDX-License-Identifier: Apache-2.0
"""Uploaded files of a model that wants paths: where they lie, what they are called, how long."""

import asyncio
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from typed_calls import Typed, based, body, got, payload, predict_with


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """All files of calls are in here; a call leaves nothing behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cat.png", "cat.png"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("/", "file"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("/etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("a\0b.png", "a_b.png"),
        ("\0", "_"),
        ("  a b.png ", "a b.png"),
        ("a\nb\x1b[31m.png", "a_b_[31m.png"),
        ("x" * 5000 + ".png", "x" * 96 + ".png"),
        ("x." + "y" * 5000, "x." + "y" * 19),
        ("é" * 5000 + ".png", None),
        ("\U0001f600" * 100 + ".png", None),
        ("\udcff.png", "_.png"),
        ("a\ud800.png", "a_.png"),
        ("%2e%2e%2fpasswd", "%2e%2e%2fpasswd"),
        ("~root", "~root"),
        ("-rf", "-rf"),
    ],
)
def test_names_are_made_harmless(temporary, name, kept):
    seen = []

    def look(x):
        lies_in = temporary in x.resolve().parents
        seen.append((x.read_bytes(), x.name, lies_in))

    Typed(predict_with(Path, look)).raw(payload("x", b"data", filename=name))
    ((data, made, inside),) = seen
    assert data == b"data" and inside
    assert made == kept if kept else made.endswith(".png")
    assert len(made.encode("utf-8", "surrogateescape")) <= 200


def test_files_of_json_and_text(temporary):
    model = Typed(predict_with(Path, lambda x: x.read_text()))
    assert model.one(body({"x": based(b"a")})) == "a"
    assert model.one(payload("x", b"b")) == "b"
    assert model.refusal(body({"x": "/etc/passwd"})).startswith("x: expected a file: a file of a ")


def test_a_name_tells_what_is_in_a_file_that_has_none(temporary):
    """Libraries go by the suffix."""
    model = Typed(predict_with(Path, lambda x: x.name))
    assert model.one(body({"x": based(b"a", type="image/png")})) == "file.png"
    assert model.one(payload("x", b"a", content_type="application/pdf")) == "file.pdf"
    assert model.one(payload("x", b"a", filename="a", content_type="text/html")) == "a.html"
    for media in ("image/../../x", "application/octet-stream", ""):
        assert model.one(payload("x", b"a", content_type=media)) == "file"


def test_files_of_one_name_do_not_meet(temporary):
    hint = list[Path]
    nodes = [payload("x", text, filename="a.txt") for text in (b"1", b"2")]
    model = Typed(predict_with(hint, lambda x: "".join(p.read_text() + p.name for p in x)))
    assert model.one(*nodes) == "1a.txt2a.txt"


def test_they_are_gone_after_the_call(temporary):
    path = got(Path, payload("x", b"a"))
    assert not path.exists()


def test_they_are_gone_after_a_call_that_failed(temporary):
    def fail(x):
        raise RuntimeError(str(x))

    with pytest.raises(RuntimeError):
        Typed(predict_with(Path, fail)).raw(payload("x", b"a"))

    def predict(a: Path, b: int):
        return ""

    assert Typed(predict).refusal(payload("a", b"a"), payload("b", b"x")).startswith("b: ")


def test_a_model_may_take_its_file_away(temporary):
    def unlink(x):
        x.unlink()
        x.parent.rmdir()
        return "ok"

    assert Typed(predict_with(Path, unlink)).one(payload("x", b"a")) == "ok"


def test_a_file_may_be_the_result(temporary):
    made = Typed(predict_with(Path, lambda x: x)).one(payload("x", b"a", filename="a.txt"))
    assert made["data"] == b"a" and made["desc"]["filename"] == "a.txt"


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", None])
def test_they_are_there_until_a_generator_has_ended(temporary, accept):
    def predict(file: Path):
        for _ in range(3):
            yield file.read_text()

    made = Typed(predict).raw(payload("file", b"a"), accept=accept)
    texts = [each if isinstance(each, str) else each["data"] for each in made]
    assert texts in (["aaa"], ["a"] * 3, [b'"a"'] * 3)


def requests(*nodes):
    return SimpleNamespace(list=list(nodes))


def test_they_are_gone_when_a_generator_is_left(temporary):
    ended = []

    def predict(file: Path):
        try:
            while True:
                yield file.read_text()
        finally:
            ended.append(file.exists())

    values = Typed(predict).engine.wrapperOnceExec({}, requests(payload("file", b"a")))
    assert next(values) == "a"
    values.close()
    assert ended == [True] and list(temporary.iterdir()) == []


def test_they_are_gone_when_an_async_generator_is_left(temporary):
    ended = []

    async def predict(file: Path):
        try:
            while True:
                yield file.read_text()
        finally:
            ended.append(file.exists())

    async def leave():
        values = Typed(predict).engine.wrapperOnceExec({}, requests(payload("file", b"a")))
        assert await values.__anext__() == "a"
        await values.aclose()

    asyncio.run(leave())
    assert ended == [True] and list(temporary.iterdir()) == []


def test_calls_at_once_have_files_of_their_own(temporary):
    async def predict(file: Path):
        for _ in range(3):
            await asyncio.sleep(0)
        return file.read_text()

    model = Typed(predict)

    async def both():
        calls = [requests(payload("file", text)) for text in (b"1", b"2")]
        return await asyncio.gather(*(model.engine.wrapperOnceExec({}, each) for each in calls))

    assert asyncio.run(both()) == ["1", "2"]


def test_files_of_a_batch(temporary):
    class Model:
        def predict(self, file: list[Path]):
            return [each.read_text() for each in file]

    from aiges import batch

    Model.predict = batch(max_size=4)(Model.predict)
    made = Typed(Model).batch([payload("file", b"1")], [payload("file", b"2")])
    assert made == ["1", "2"]
