# SPDX-License-Identifier: Apache-2.0
"""Typed models of the real loader: the same answers over HTTP and over gRPC, to every value."""

import dataclasses
import enum

import pytest
from aiges.client import BadRequest, DeadlineExceeded, EngineError
from client_faces import KINDS
from loader_process import Loader

numpy = pytest.importorskip("numpy")
image = pytest.importorskip("PIL.Image")

MODEL = """
import dataclasses, pathlib, time
from typing import Any, Optional
import aiges
import numpy as np
from PIL import Image

@dataclasses.dataclass
class Box:
    x: int
    label: str = "thing"

class Model:
    def predict(
        self,
        do: str = "tell",
        text: str = "",
        top: int = 2,
        loud: bool = False,
        tags: Optional[list[str]] = None,
        box: Optional[Box] = None,
        raw: Optional[bytes] = None,
        file: Optional[pathlib.Path] = None,
        picture: Optional[Image.Image] = None,
        pictures: Optional[list[Image.Image]] = None,
        array: Optional[np.ndarray] = None,
    ) -> Any:
        if do == "tell":
            return {
                "text": text, "top": top, "loud": loud, "tags": tags,
                "box": box and [box.x, box.label], "raw": raw and len(raw),
                "file": file and [file.name, file.stat().st_size],
                "picture": picture and picture.size,
                "pictures": pictures and [each.size for each in pictures],
                "array": None if array is None else [str(array.dtype), array.tolist()],
            }
        if do == "text":
            return text
        if do == "picture":
            return picture.rotate(90, expand=True)
        if do == "bytes":
            return raw
        if do == "number":
            return 7
        if do == "list":
            return [1, "2"]
        if do == "fail":
            raise RuntimeError("made to fail")
        if do == "bad":
            raise aiges.errors.BadInput("no such word")
        if do == "sleep":
            time.sleep(top)
"""
STREAM = """
def predict(text: str, cut: int = 0):
    for at, word in enumerate(text.split()):
        if cut and at == cut:
            raise RuntimeError("cut off")
        yield {"word": word} if at % 2 else word
"""
CONFIG = {"aiges": {"contract": "typed", "app": "model"}}


def load(binaries, folder, text):
    place = folder / "plugin"
    place.mkdir()
    (place / "model.py").write_text(text)
    return Loader(binaries, folder, place, config=CONFIG)


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    with load(binaries, tmp_path_factory.mktemp("typed"), MODEL) as made:
        yield made


@pytest.fixture(scope="module")
def streamer(binaries, tmp_path_factory):
    with load(binaries, tmp_path_factory.mktemp("streamer"), STREAM) as made:
        yield made


@pytest.fixture(params=[f"{kind} {way}" for kind in KINDS for way in ("http", "grpc")])
def open_target(request):
    """open_target(loader) -> a client of that kind; closed after the test."""
    kind, way = request.param.split()
    made = []

    def make(loader):
        target = f"http://{loader.http}" if way == "http" else loader.grpc
        made.append(KINDS[kind](target).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__(None, None, None)


@pytest.fixture
def client(open_target, loader):
    return open_target(loader)


def told(client, **inputs):
    found = client.predict(**inputs).json()
    return {name: value for name, value in found.items() if name in inputs}


def test_plain_values(client):
    given = {"text": "grüße", "top": 5, "loud": True, "tags": ["a", "ü"]}
    assert told(client, **given) == given
    assert client.predict(do="tell", text=None).json()["text"] == ""


def test_objects(client):
    @dataclasses.dataclass
    class Box:
        x: int
        label: str

    class Word(str, enum.Enum):
        A = "a"

    assert told(client, box={"x": 3}) == {"box": [3, "thing"]}
    assert told(client, box=Box(4, "cat")) == {"box": [4, "cat"]}
    assert told(client, text=Word.A, tags=(Word.A,)) == {"text": "a", "tags": ["a"]}


def test_files(client, tmp_path):
    file = tmp_path / "some file.bin"
    file.write_bytes(bytes(3000))
    picture = tmp_path / "p.png"
    image.new("RGB", (8, 4)).save(picture)
    assert told(client, file=file) == {"file": ["some file.bin", 3000]}
    assert told(client, raw=b"\x00\r\n\xff" * 9) == {"raw": 36}
    assert told(client, picture=picture) == {"picture": [8, 4]}
    assert told(client, picture=image.new("L", (3, 2)), top=9) == {"picture": [3, 2], "top": 9}
    assert told(client, pictures=[picture, image.new("L", (3, 2))]) == {
        "pictures": [[8, 4], [3, 2]]
    }


def test_arrays(client):
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    assert told(client, array=array) == {"array": ["float32", array.tolist()]}
    assert told(client, top=numpy.int64(4)) == {"top": 4}


def test_results_are_what_they_are(client):
    text = client.predict(do="text", text="ja ü")
    assert text.value() == text.text() == "ja ü" and text.content_type.startswith("text/plain")
    picture = client.predict(do="picture", picture=image.new("RGB", (8, 4)))
    assert picture.image().size == (4, 8) and picture.content_type == "image/png"
    assert client.predict(do="bytes", raw=b"\x00\xff").value() == b"\x00\xff"
    assert client.predict(do="number").value() == 7
    assert client.predict(do="list").value() == [1, "2"]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"top": "x"}, 'top: expected an integer, got "x"'),
        ({"tetx": "x"}, "did you mean text"),
        ({"do": "bad"}, "no such word"),
    ],
)
def test_what_is_wrong_is_a_bad_request(client, inputs, says):
    with pytest.raises(BadRequest) as caught:
        client.predict(**inputs)
    assert says in caught.value.text and caught.value.request_id
    assert not caught.value.text.endswith("30006")


def test_what_fails_is_the_engines(client):
    with pytest.raises(EngineError, match="predict raised RuntimeError: made to fail"):
        client.predict(do="fail")
    with pytest.raises(DeadlineExceeded):
        client.with_options(timeout_s=0.3).predict(do="sleep", top=2)


def test_a_stream_of_values(open_target, streamer):
    client = open_target(streamer)
    assert list(client.stream(text="one two three")) == ["one", {"word": "two"}, "three"]
    stream, got = client.stream(text="one two three", cut=1), []
    with pytest.raises(EngineError, match="cut off"):
        for value in stream:
            got.append(value)
    assert got == ["one"]
    with pytest.raises(BadRequest, match="txt: expected"):
        next(client.stream(txt="x"))
    assert list(client.stream(text="")) == []


def test_a_generator_called_whole(open_target, streamer):
    client = open_target(streamer)
    assert client.predict(text="one").value() == "one"
    assert client.predict(text="one two three").all()
