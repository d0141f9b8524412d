# SPDX-License-Identifier: Apache-2.0
"""``predict`` and ``stream`` of the real loader: the same answers over HTTP and over gRPC."""

import pytest
from aiges.client import BadRequest, EngineError
from client_faces import KINDS

# Engines without types: text and files are payloads, numbers parameters.
WRAPPER = """
import json

def out(key, data, **more):
    is_text = data.isascii()
    kind = 0 if is_text else 4
    return {"key": key, "data": data, "len": len(data), "type": kind, "status": 3, **more}

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        names = {item.key: item.data for item in reqData.list}
        do = params.get("do", "tell")
        if do == "echo":
            return [out(key, data) for key, data in names.items()]
        if do == "fail":
            raise RuntimeError("made to fail")
        if do == "split":
            return self.words(names["text"].decode())
        told = {key: len(data) for key, data in sorted(names.items())}
        told.update(top=params.get("top"), on=params.get("on"))
        return out("told", json.dumps(told).encode(), desc={"format": "json"})

    def words(self, text):
        for word in text.split():
            yield word
"""


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("targets"), WRAPPER) as made:
        yield made


@pytest.fixture(params=[f"{kind} {way}" for kind in KINDS for way in ("http", "grpc")])
def client(request, loader):
    kind, way = request.param.split()
    target = f"http://{loader.http}" if way == "http" else loader.grpc
    with KINDS[kind](target) as made:
        yield made


def test_text_and_files_are_payloads_and_numbers_parameters(client, tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(1000))
    reply = client.predict(text="grüße", raw=b"\x00\xff", file=file, boxes=[1, 2], top=3, on=True)
    told = {"text": 7, "raw": 2, "file": 1000, "boxes": 5, "top": "3", "on": "true"}
    assert reply.json("told") == told == reply.json()


def test_outputs_have_their_names(client):
    reply = client.with_options(params={"do": "echo"}).predict(a="one", b=b"\x89PNG\r\n\x1a\n")
    assert reply.text("a") == "one"
    assert reply.payloads["b"].content_type == "image/png"
    assert sorted(reply.payloads) == ["a", "b"]


def test_a_picture_comes_back_as_one(client):
    image = pytest.importorskip("PIL.Image")
    picture = image.new("RGB", (3, 2), (255, 0, 0))
    got = client.with_options(params={"do": "echo"}).predict(picture=picture).image()
    assert (got.size, got.getpixel((0, 0))) == ((3, 2), (255, 0, 0))


def test_a_call_has_a_name_and_times(client):
    reply = client.with_options(request_id="mine-7").predict(text="x")
    assert set(reply.timing) == {"queue", "channel", "engine", "total"}
    assert client.predict(text="x").request_id


def test_the_error_of_an_engine_has_its_code(client):
    options = client.with_options(params={"do": "fail"}, request_id="mine-8")
    with pytest.raises(EngineError, match="made to fail") as caught:
        options.predict(text="x")
    assert (caught.value.code, caught.value.request_id) == (10909, "mine-8")


def test_values_of_a_stream(client):
    stream = client.with_options(params={"do": "split"}).stream(text="one two three")
    assert list(stream) == ["one", "two", "three"]


def test_another_service_is_refused(loader):
    with KINDS["sync"](f"http://{loader.http}", "other") as client:
        with pytest.raises(BadRequest, match='unknown serviceId "other"') as caught:
            client.predict(text="x")
    assert (caught.value.code, caught.value.status) == (10003, 404)
