# SPDX-License-Identifier: Apache-2.0
"""What hostile clients and web pages can do to the loader: each attack first succeeds where a
setting, or who asks, lets it, and then fails."""

import base64
import io
import json
import os
import pickle
import urllib.parse

import grpc
import numpy as np
import pytest
from test_own_pages import outside
from tritonclient.grpc import service_pb2

ECHO = """
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = reqData[0]["data"]
    respData.append({"key": "out", "data": data, "len": len(data), "type": 0, "status": 3})
    return 0
"""
EVIL = """
import os

def wrapperInit(config):
    open(os.environ["BAIT"], "w").close()
    return 0
"""
PAGE = {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"}
REBOUND = {"Host": "rebound.example"}
TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture
def repository(start, tmp_path):
    """repository(**admin) -> a loader with the model m, open to every address of this machine; its
    `bait` is there once the attacker's code has run."""
    bait = tmp_path / "bait"

    def make(**admin):
        bait.unlink(missing_ok=True)
        folder = tmp_path / "models" / "m" / "1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "wrapper.py").write_text(ECHO)
        config = {
            "models": {"repository": str(tmp_path / "models")},
            "svcName": {"host": "0.0.0.0", "port": 0},
            "wrapper": {"http_listen": "0.0.0.0:0"},
            "admin": admin,
        }
        loader = start(config=config, env={"BAIT": str(bait)})
        loader.web.host, loader.bait = "127.0.0.1", bait
        return loader

    return make


def code(text, path="1/wrapper.py"):
    return {
        "config": "{}",
        f"file:{path}": base64.b64encode(text.encode()).decode(),
    }


def load(web, parameters=None, model="evil", headers=None, what="load"):
    body = json.dumps({"parameters": parameters} if parameters else {}).encode()
    path = f"/v2/repository/models/{model}/{what}"
    return web.request("POST", path, body, headers or {})


# --- Management that anybody can reach: ShellTorch, ShadowRay.


def test_code_of_a_client_runs_for_this_machine_or_the_token_alone(repository):
    """Bug: whoever reached a port could have a worker run code of his own."""
    loader = repository()
    assert load(loader.web, code(EVIL + ECHO)).status == 200
    assert loader.bait.exists()
    loader.bait.unlink()
    answer = load(outside(loader), code(EVIL + ECHO, "2/wrapper.py"), "evil2")
    assert answer.status == 403
    assert "a load with files or a configuration is for this machine only" in answer.json["error"]
    assert load(outside(loader), {"config": "{}"}, "m").status == 403
    assert not loader.bait.exists()


def test_with_a_token_nothing_changes_without_it(repository):
    """Bug: /v2/repository did not ask for [admin] token."""
    loader = repository(token="secret")
    for web in (loader.web, outside(loader)):
        for what in ("load", "unload"):
            assert load(web, None, "m", what=what).status == 403
            assert load(web, None, "m", what=what, headers=TOKEN).status == 200
        assert load(web, code(EVIL + ECHO)).status == 403
    assert not loader.bait.exists()
    assert load(outside(loader), code(EVIL + ECHO), headers=TOKEN).status == 200
    assert loader.bait.exists()


def test_the_same_over_grpc(repository):
    loader = repository()
    request = service_pb2.RepositoryModelLoadRequest(model_name="evil")
    request.parameters["config"].string_param = "{}"
    request.parameters["file:1/wrapper.py"].bytes_param = (EVIL + ECHO).encode()
    port = loader.grpc.rpartition(":")[2]

    def ask(address, *metadata):
        with grpc.insecure_channel(f"{address}:{port}") as channel:
            method = channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")
            method(request.SerializeToString(), timeout=20, metadata=metadata)

    with pytest.raises(grpc.RpcError, match="is for this machine only"):
        ask(outside(loader).host)
    assert not loader.bait.exists()
    ask("127.0.0.1")
    assert loader.bait.exists()
    locked = repository(token="secret")
    port = locked.grpc.rpartition(":")[2]
    with pytest.raises(grpc.RpcError, match="expected Authorization"):
        ask("127.0.0.1")
    ask(outside(locked).host, ("authorization", "Bearer secret"))
    assert locked.bait.exists()


def test_reloads_are_for_this_machine(repository):
    loader = repository()
    assert loader.web.request("POST", "/admin/reload", b"").status == 200
    for path in ("/admin/reload", "/-/admin/reload"):
        assert outside(loader).request("POST", path, b"").status == 403


# --- Web pages in a browser on this machine.


def test_web_pages_change_nothing(repository):
    """CSRF, by every method: a plain-text POST needs no leave of the browser's, and Ray had
    forgotten DELETE."""
    loader = repository()
    plain = {"Content-Type": "text/plain"}
    for what, parameters in (("load", None), ("unload", None), ("load", code(EVIL + ECHO))):
        answer = load(loader.web, parameters, "m", {**plain, **PAGE}, what)
        assert answer.status == 403, what
        assert "not for web pages" in answer.json["error"]
    assert not loader.bait.exists()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/admin/reload", "/-/admin/reload", "/v1/resources/m"):
            answer = loader.web.request(method, path, b"", PAGE)
            assert answer.status in (403, 405), (method, path, answer)
    for path in ("/v2/logging", "/v2/trace/setting", "/v2/systemsharedmemory/region/r/register"):
        assert loader.web.request("POST", path, b"{}", PAGE).status == 403, path
    assert load(loader.web, None, "m", plain).status == 200


def test_resources_are_neither_made_nor_taken_away_by_pages(start, toolbox):
    loader = start(toolbox)
    for method in ("POST", "DELETE"):
        path = "/v1/resources/svcName" + ("?res_id=1" if method == "DELETE" else "?key=a")
        assert loader.web.request(method, path, b"x", PAGE).status == 403
        assert loader.web.request(method, path, b"x").status != 403


def test_names_of_others_that_lead_here(start, toolbox):
    """DNS rebinding: for the browser the page is of the same site, and sends no Origin with GET."""
    loader = start(toolbox)
    port = loader.http.rpartition(":")[2]
    for own in (
        "localhost",
        f"localhost:{port}",
        f"127.0.0.1:{port}",
        "[::1]",
        "a.localhost",
        "box",
    ):
        assert loader.web.request("GET", "/-/status.json", None, {"Host": own}).status == 200, own
    for path in ("/-/status.json", "/-/metrics", "/-/"):
        answer = loader.web.request("GET", path, None, REBOUND)
        assert answer.status == 403
        assert "/-/ is for this machine only" in answer.message
    assert loader.web.request("POST", "/admin/reload", b"", REBOUND).status == 403
    opened = start(toolbox, config={"admin": {"open": True}})
    assert opened.web.request("GET", "/-/status.json", None, REBOUND).status == 200


# --- What is in requests.


class Bomb:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


UNPICKLES = """
import pickle
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    pickle.loads(bytes(reqData[0]["data"]))
    return 0
"""
TYPED = """
import numpy as np
def predict(x: np.ndarray) -> int:
    return int(x.size)
"""
SELDON = """
class Model:
    def predict(self, X, features_names=None):
        return X
"""


def bombs(path):
    """(content type, body) of one request each."""
    bare = pickle.dumps(Bomb(path))
    array = io.BytesIO()
    np.save(array, np.array([Bomb(path)], dtype=object), allow_pickle=True)
    text = base64.b64encode(bare).decode()
    yield "application/octet-stream", bare
    yield "application/x-python-pickle", bare
    yield "application/python-pickle", bare
    yield "application/x-npy", array.getvalue()
    yield "application/octet-stream", array.getvalue()
    yield "application/json", json.dumps({"x": {"npy": text}, "data": text}).encode()
    yield "application/json", json.dumps({"binData": text}).encode()
    yield "application/json", json.dumps({"py/reduce": [{"py/type": "os.mkdir"}]}).encode()


def test_pickles_in_requests(start, tmp_path):
    bait = tmp_path / "bait"
    careless = start(UNPICKLES)
    careless.web.raw_mode(pickle.dumps(Bomb(bait)))
    assert bait.exists(), "the bomb works, where an engine lights it itself"
    bait.rmdir()
    typed = tmp_path / "typed"
    typed.mkdir()
    (typed / "model.py").write_text(TYPED)
    folder = tmp_path / "seldon"
    folder.mkdir()
    (folder / "Model.py").write_text(SELDON)
    loaders = {
        "/v1/raw/svcName": start(ECHO),
        "/predict": start(typed, config={"aiges": {"contract": "typed", "app": "model"}}),
        "/api/v1.0/predictions": start(
            folder, config={"aiges": {"contract": "seldon", "app": "Model:Model"}}
        ),
    }
    for path, loader in loaders.items():
        workers = loader.workers()
        for kind, body in bombs(bait):
            loader.web.request("POST", path, body, {"Content-Type": kind})
            assert not bait.exists(), (path, kind)
        assert loader.workers() == workers


def test_addresses_in_requests_are_not_fetched(start):
    """SSRF: the loader asks nobody whom a client names."""
    loader = start(ECHO)
    assert loader.web.raw_mode(b"x").status == 200
    body = {
        "header": {"status": 3},
        "payload": {"data": {"dataSrc": "http", "data": "http://169.254.169.254/latest/"}},
    }
    answer = loader.web.request("POST", "/v1/private/svcName", json.dumps(body).encode())
    assert answer.status == 400


UP = ["../../etc/passwd", "..", "/etc/passwd", "a/../../b", "m/../../../etc", "\0", ".hidden/../x"]


@pytest.mark.parametrize("name", UP)
def test_paths_in_names(repository, name):
    loader = repository()
    assert loader.web.request("POST", "/v1/raw/m", b"x").status == 200
    quoted = urllib.parse.quote(name, safe="")
    for method, path in (
        ("POST", f"/v2/repository/models/{quoted}/load"),
        ("POST", f"/v2/repository/models/{quoted}/unload"),
        ("GET", f"/v2/models/{quoted}"),
        ("GET", f"/v2/models/{quoted}/config"),
        ("GET", f"/m/{quoted}/"),
        ("GET", f"/m/{quoted}/docs"),
        ("POST", f"/v1/raw/{quoted}"),
        ("POST", f"/v1/private/{quoted}"),
        ("GET", f"/-/{quoted}"),
        ("GET", f"/docs/{quoted}"),
    ):
        answer = loader.web.request(method, path, b"{}" if method == "POST" else None)
        # As Triton has it a load that fails is 500, and what is not loaded may be unloaded.
        assert 400 <= answer.status <= 500 or path.endswith("/unload"), (path, answer)
        assert b"root:" not in answer.body
    answer = load(loader.web, code(ECHO, name))
    assert answer.status == 400, answer
    assert load(loader.web, code(ECHO, "2/wrapper.py"), "fine").status == 200


def test_paths_in_names_of_shared_memory(start, toolbox, tmp_path):
    """And none at all where [oip] client_shm does not let clients name any."""
    (tmp_path / "secret").write_text("secret")
    body = {"key": "/../" + str(tmp_path / "secret"), "offset": 0, "byte_size": 6}
    path = "/v2/systemsharedmemory/region/r/register"
    closed = start(toolbox)
    assert closed.web.request("POST", path, json.dumps(body).encode()).status == 501
    opened = start(toolbox, config={"oip": {"client_shm": True}})
    answer = opened.web.request("POST", path, json.dumps(body).encode())
    assert (answer.status, "one object of /dev/shm" in answer.json["error"]) == (400, True)
    with open(f"/dev/shm/aiges-test-{os.getpid()}", "wb") as file:
        file.write(b"x" * 6)
    try:
        body["key"] = f"/aiges-test-{os.getpid()}"
        assert opened.web.request("POST", path, json.dumps(body).encode()).status == 200
    finally:
        os.unlink(f"/dev/shm/aiges-test-{os.getpid()}")


def test_resources_have_no_path(start, toolbox, tmp_path):
    """A key of a resource is a word for the engine; nothing is written by it."""
    loader = start(toolbox)
    before = {str(p) for p in tmp_path.rglob("*")}
    key = urllib.parse.quote("../../../evil", safe="")
    loader.web.request("POST", f"/v1/resources/svcName?key={key}", b"x")
    loader.log()
    assert {str(p) for p in tmp_path.rglob("*")} - before == set()
    assert not list(tmp_path.parent.rglob("evil"))
