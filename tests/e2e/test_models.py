# SPDX-License-Identifier: Apache-2.0
"""Many models in one loader: found in folders, loaded and unloaded, each with its own calls."""

import json
import os
import signal
import threading
import urllib.error
import urllib.request

import pytest
from loader_process import Loader

WRAPPER = """
import os

def wrapperInit(config):
    global begin
    begin = f"{config.get('word', NAME)} {os.path.basename(os.getcwd())}"
    return 0

def wrapperFini():
    return 0

def wrapperError(code):
    return "bad"

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    text = reqData[0]["data"].decode()
    if text == "pid":
        text = str(os.getpid())
    if text == "environment":
        text = os.environ["AIGES_MODEL_NAME"] + " " + os.environ["AIGES_RESOURCES"]
    data = f"{begin}: {text}".encode()
    respData.append({"key": "out", "data": data, "len": len(data), "type": 0, "status": 3})
    return 0
"""


def write_model(repository, name, version="1", wrapper=WRAPPER, toml=None):
    folder = repository / name / version
    folder.mkdir(parents=True)
    (folder / "wrapper.py").write_text(f"NAME = {name!r}\n{wrapper}")
    if toml:
        (repository / name / "model.toml").write_text(toml)
    return folder


def call(loader, model, text="hi", timeout=20):
    request = urllib.request.Request(
        f"http://{loader.http}/v1/raw/{model}",
        text.encode(),
        {"Content-Type": "text/plain"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def models_of(loader):
    url = f"http://{loader.http}/status.json"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return {m["name"]: m for m in json.load(answer)["models"]}


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def loader_of(binaries, tmp_path, repository):
    """Makes a loader of the repository, with these keys of [models]."""

    def make(**models):
        config = {"models": {"repository": str(repository), **models}}
        return Loader(binaries, tmp_path / "loader", config=config)

    return make


def test_each_model_has_its_own_calls_and_folder(repository, loader_of):
    write_model(repository, "one")
    write_model(repository, "two", toml='[wrapper]\nword = "deux"\n')
    with loader_of(resources="/data") as loader:
        assert call(loader, "one") == (200, "one 1: hi")
        assert call(loader, "two") == (200, "deux 1: hi")
        assert call(loader, "one", "environment") == (200, "one 1: one /data")
        status, text = call(loader, "three")
        assert status == 404
        assert 'unknown model \\"three\\"; there are: one, two' in text
        assert loader.metric("aiges_requests_total", model="one", version="1", code="0") == 2
        assert loader.metric("aiges_requests_total", model="two", version="1", code="0") == 1


def test_the_latest_version_is_served_unless_the_model_says_more(repository, loader_of):
    for version in ("1", "2", "10"):
        write_model(repository, "one", version)
    write_model(repository, "two", "1")
    write_model(repository, "two", "3", toml='versions = ["1"]\n')
    with loader_of() as loader:
        assert call(loader, "one") == (200, "one 10: hi")
        assert call(loader, "two") == (200, "two 1: hi")


def test_a_model_that_fails_names_itself_and_the_others_serve_on(repository, loader_of):
    write_model(repository, "good")
    write_model(repository, "bad", wrapper="raise RuntimeError('no luck')")
    write_model(repository, "odd", toml="weigth = 2\n")
    with loader_of() as loader:
        assert call(loader, "good") == (200, "good 1: hi")
        status, text = call(loader, "bad")
        assert status == 503
        assert "bad" in text and "no luck" in text
        status, text = call(loader, "odd")
        assert status == 503
        assert "did you mean weight?" in text
        states = {name: m["state"] for name, m in models_of(loader).items()}
        assert states == {"good": "ready", "bad": "failed", "odd": "failed"}


def test_a_call_loads_its_model_and_the_one_not_used_for_longest_leaves(repository, loader_of):
    for name in ("one", "two", "three", "pinned"):
        write_model(repository, name)
    rules = {"load": [], "pinned": ["pinned"], "max_loaded": 2, "default": "two"}
    with loader_of(**rules) as loader:
        for name in ("one", "two", "three", "one"):
            assert call(loader, name) == (200, f"{name} 1: hi")
        states = {name: m["state"] for name, m in models_of(loader).items()}
        assert states["pinned"] == "ready"
        assert states["one"] == "ready"
        assert "ready" not in (states["two"], states["three"])


def test_calls_at_once_to_a_model_that_is_not_loaded_are_all_answered(repository, loader_of):
    write_model(repository, "one")
    with loader_of(load=[]) as loader:
        answers = []
        threads = [
            threading.Thread(target=lambda i=i: answers.append(call(loader, "one", f"{i}")))
            for i in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == sorted((200, f"one 1: {i}") for i in range(20))


def test_on_demand_false_refuses_what_is_not_loaded(repository, loader_of):
    write_model(repository, "one")
    write_model(repository, "two")
    with loader_of(load=["one"], on_demand=False) as loader:
        assert call(loader, "one") == (200, "one 1: hi")
        status, text = call(loader, "two")
        assert status == 404
        assert "on_demand = false" in text


def test_killed_workers_cost_their_own_calls_only(repository, loader_of):
    for name in ("one", "two", "three"):
        write_model(repository, name)
    with loader_of() as loader:
        pids = {name: int(call(loader, name, "pid")[1].split()[-1]) for name in ("one", "two")}
        for name, pid in pids.items():
            os.kill(pid, signal.SIGKILL)
            for other in {"one", "two", "three"} - {name}:
                assert call(loader, other) == (200, f"{other} 1: hi")
            loader.wait_metric(
                "aiges_instance_restarts_total", 1, model=name, version="1", timeout_s=20
            )
            assert call(loader, name) == (200, f"{name} 1: hi")


def test_folders_are_watched_where_the_configuration_says_so(repository, loader_of):
    write_model(repository, "one")
    with loader_of(watch=True) as loader:
        assert call(loader, "one") == (200, "one 1: hi")
        loader.wait_log("one 1 is ready")
        write_model(repository, "two")
        loader.wait_log("two 1 is ready", timeout_s=30)
        assert call(loader, "two") == (200, "two 1: hi")
        write_model(repository, "one", "2")
        loader.wait_log("one 1 is gone", timeout_s=30)
        assert call(loader, "one") == (200, "one 2: hi")


def test_without_a_default_a_call_must_name_its_model(repository, loader_of):
    write_model(repository, "one")
    write_model(repository, "two")
    with loader_of() as loader:
        status, text = call(loader, "")
        assert status == 404
        assert "there are: one, two" in text


APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http", scope
    body = f"{scope['root_path']} {scope['path']} {scope['query_string'].decode()}".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""


def get(loader, path):
    try:
        with urllib.request.urlopen(f"http://{loader.http}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_an_application_answers_behind_its_models_name(repository, loader_of):
    for name in ("one", "two"):
        folder = repository / name / "1"
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(APP)
        (repository / name / "model.toml").write_text('contract = "asgi"\napp = "main:app"\n')
    with loader_of(default="one") as loader:
        loader.wait_log("two 1 is ready")
        loader.wait_log("one 1 is ready")
        assert get(loader, "/m/two/items/3?x=1") == (200, "/m/two /items/3 x=1")
        assert get(loader, "/m/one/items") == (200, "/m/one /items ")
        assert get(loader, "/items/3?x=1") == (200, " /items/3 x=1")
        assert get(loader, "/m/three/items")[0] == 404


def test_mistakes_stop_the_start_with_their_place(repository, loader_of):
    with pytest.raises(AssertionError, match="no model absent in .*models"):
        loader_of(load=["absent"]).start(ready=False)
