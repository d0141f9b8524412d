# SPDX-License-Identifier: Apache-2.0
"""aiges.testing.Client: the same tests of a model in this process and by the real loader."""

import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest
import tried_models
from aiges.client import BadRequest, EngineError, Unavailable
from aiges.testing import LoaderFailed
from waiting import wait_until

pytest_plugins = ["aiges.testing.plugin"]
ROOT = Path(__file__).resolve().parents[2]

V1 = """
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = reqData[0]["data"].upper() + params.get("mark", "").encode()
    respData.append({"key": "out", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
"""
V2 = """
class Wrapper:
    def wrapperInit(self, config):
        self.mark = config.get("mark", "")
        return 0
    def wrapperOnceExec(self, params, reqData):
        if params.get("n") == "0":
            return self.words(reqData)
        item = reqData.get("text")
        text = item.data.decode().upper() + self.mark + params.get("n", "")
        return {"key": "out", "data": text, "len": len(text), "status": 3, "type": 0}
    def words(self, reqData):
        yield from reqData.get("text").data.decode().split()
"""


@pytest.fixture(autouse=True)
def programs(monkeypatch, binaries):
    monkeypatch.setenv("AIGES_BIN", str(binaries.loader.parent))


@pytest.fixture(params=["local", "loader"])
def open_model(request, aiges_client):
    """open_model(model) -> a client in that mode; closed after the test."""
    return lambda model, **more: aiges_client(model, loader=request.param == "loader", **more)


def test_a_function(open_model):
    client = open_model(tried_models.predict)
    reply = client.predict(text="hi", top=3)
    assert reply.json() == {"text": "HI", "top": 3, "mode": "a"}
    assert reply.content_type == "application/json" and reply.request_id and reply.status == 200
    assert client.post("/predict", json={"text": "x"}).json()["text"] == "X"
    assert client.get("/predict?text=y&top=4").json() == {"text": "Y", "top": 4, "mode": "a"}
    for inputs, says in (
        ({"text": "x", "top": "y"}, 'top: expected an integer, got "y"'),
        ({"text": "x", "mode": "c"}, 'mode: expected one of "a", "b", got "c"'),
        ({}, "text: expected a string, got none"),
        ({"text": "x", "tpo": 1}, "did you mean top"),
    ):
        with pytest.raises(BadRequest) as caught:
            client.predict(**inputs)
        assert says in caught.value.text
        assert (caught.value.code, caught.value.status) == (10909, 400)
    with pytest.raises(BadRequest) as caught:
        client.post("/predict", data=b"{", headers={"Content-Type": "application/json"})
    assert caught.value.status == 400
    with pytest.raises(BadRequest) as caught:
        client.post("/elsewhere", json={})
    assert (caught.value.code, caught.value.status) == (10003, 404)


def test_a_class_and_what_it_is_set_up_with(open_model, tmp_path):
    client = open_model(tried_models.Model, config={"greeting": "good day"})
    reply = client.predict(name="cat")
    assert (reply.value(), reply.status, reply.headers["x-kind"]) == (
        "good day cat",
        201,
        "greeting",
    )
    file = tmp_path / "ü.bin"
    file.write_bytes(bytes(9))
    assert client.predict(file=file).text() == "ü.bin 9"
    assert client.predict(raw=b"\x00\r\n\xff").bytes == b"\xff\n\r\x00"
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        client.predict()


def test_streams(open_model):
    client = open_model(tried_models.words)
    assert list(client.stream(text="one two")) == ["one", "two"]
    assert client.predict(text="one two").text() == "onetwo"
    stream = client.stream(text="one bad")
    assert next(stream) == "one"
    with pytest.raises(EngineError, match="predict raised ValueError: no such word|no such word"):
        next(stream)


@pytest.mark.parametrize("mode", ["local", "loader"])
def test_async_models_and_batches(aiges_client, mode):
    for name, wanted in (("later", "a b"), ("together", "A B"), ("later_words", "ab")):
        client = aiges_client(getattr(tried_models, name), loader=mode == "loader")
        assert client.predict(text="a b").text() == wanted
        client.close()
        if mode == "loader":
            break  # The others are the typed contract's own tests.


@pytest.mark.parametrize(("text", "name"), [(V1, "v1"), (V2, "v2")])
def test_wrappers_without_types(open_model, tmp_path, text, name):
    file = tmp_path / "wrapper.py"
    file.write_text(text)
    if name == "v1":
        client = open_model(tmp_path)
        assert client.with_options(params={"mark": "!"}).predict(data="hi").text() == "HI!"
        assert client.post("/v1/raw/svcName", data=b"x").text() == "X"
        assert client.post("/v1/json/svcName", json={"data": "y"}).value() in ("Y", {"out": "Y"})
    else:
        client = open_model(file, config={"mark": "?"})
        assert client.predict(text="hi", n=7).text("out") == "HI?7"
        assert list(client.stream(text="a b", n=0)) == ["a", "b"]


def test_a_file_of_any_name_and_a_module(open_model, tmp_path, monkeypatch):
    file = tmp_path / "my_model.py"
    file.write_text("import beside\ndef predict(x: int) -> int:\n    return x + beside.ONE\n")
    (tmp_path / "beside.py").write_text("ONE = 1\n")
    client = open_model(file)
    assert client.predict(x=1).value() == 2
    client.close()
    assert "my_model" not in sys.modules and str(tmp_path) not in sys.path
    sys.modules.pop("beside", None)
    monkeypatch.chdir(Path(__file__).parent)
    assert open_model("tried_models:words").predict(text="a").text() == "a"


def test_the_models_own_error_is_the_cause(aiges_client):
    client = aiges_client(tried_models.words)
    with pytest.raises(EngineError, match="predict raised ValueError") as caught:
        client.predict(text="bad")
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.text.endswith(")") and "tried_models.py, line " in caught.value.text


def test_the_object_is_there_to_look_at(aiges_client):
    tried_models.Model.closed = False
    with aiges_client(tried_models.Model) as client:
        assert client.model.greeting == "hi"
    assert tried_models.Model.closed


def test_what_cannot_be_tried_is_named(aiges_client, tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a model at"):
        aiges_client(tmp_path / "none.py")
    with pytest.raises(ValueError, match="expected a function predict, or a class with one"):
        aiges_client(types.ModuleType("empty"))
    with pytest.raises(ValueError, match="expected a file with predict, or wrapper.py"):
        aiges_client(tmp_path)
    with pytest.raises(ValueError, match="expected loader=True beside them"):
        aiges_client(tried_models.predict, settings={"instances": {"count": 2}})

    def inner(text: str) -> str:
        return text

    assert aiges_client(inner).predict(text="x").text() == "x"
    with pytest.raises(TypeError, match="at the top of a module"):
        aiges_client(inner, loader=True)


def test_a_model_that_does_not_start_shows_the_log(aiges_client, tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text("raise RuntimeError('no weights')\ndef predict(x: int): ...\n")
    with pytest.raises(LoaderFailed, match="no weights"):
        aiges_client(file, loader=True)
    with pytest.raises(RuntimeError, match="no weights"):
        aiges_client(file)


def test_settings_of_the_project_and_of_the_test(aiges_client, tmp_path):
    (tmp_path / "wrapper.py").write_text(V2)
    (tmp_path / "aiges.toml").write_text('[own]\nhost = "0.0.0.0"\nport = 1\n[wrapper]\nmark="#"\n')
    client = aiges_client(tmp_path, loader=True, settings={"instances": {"count": 2}})
    assert client.predict(text="x").text() == "X#"
    assert len(client.get("/status.json").json()["instances"]) == 2
    assert "AIService ready" in client.log


def test_the_loader_ends_with_what_started_it(tmp_path):
    code = (
        "import aiges.testing, sys, tried_models\n"
        "client = aiges.testing.Client(tried_models.predict, loader=True)\n"
        "print(client._process.stop.peek()[2][0].pid, flush=True)\n"
        "sys.stdin.read()"
    )
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), str(Path(__file__).parent)]),
    }
    pids = []
    for kill in (True, False):
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=tmp_path,
        )
        pids.append(int(child.stdout.readline()))
        if kill:
            child.send_signal(signal.SIGKILL)
        child.communicate("")
    for pid in pids:
        wait_until(lambda pid=pid: not is_running(pid), f"the end of {pid}")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
