# SPDX-License-Identifier: Apache-2.0
"""[access] keys_file: who may call what, in the words of every protocol; and who it is, to the
wrapper."""

import base64
import hashlib
import json
import socket

import grpc
import pytest
from h2_client import CALL, GRPC, H2Client, message
from loader_fixtures import WRAPPERS
from test_grpc_web import TEXT, WEB, Answer
from waiting import wait_until

WHO = """
from aiges import context
from aiges.dto import Response, ResponseData

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        assert ":caller" not in params
        answer = ResponseData()
        answer.key, answer.type = "result", 0
        answer.setData((context.caller() or "nobody").encode())
        response = Response()
        response.list = [answer]
        return response
"""
STREAM = """
from aiges import context

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        yield context.caller() or "nobody"
        yield context.caller() or "nobody"
"""
JSON = {"Content-Type": "application/json"}
NO_KEY = "expected a key (Authorization: Bearer <key>, or X-Api-Key), got none"


def line(name, key, may="call", salt=""):
    digest = hashlib.sha256((salt + key).encode()).hexdigest()
    return f"{name} sha256:{salt + ':' if salt else ''}{digest} {may}\n"


KEYS = (
    line("alice", "k-alice")
    + line("bob", "k-bob", "call:other")
    + line("carol", "k-carol", "call:svcName", salt="s1")
    + line("ops", "k-ops", "admin")
)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def locked(start, tmp_path):
    """locked(wrapper, ..) -> a loader with KEYS in force."""
    file = tmp_path / "keys"

    def make(wrapper=WHO, text=KEYS, ready=True, **config):
        file.write_text(text)
        return start(wrapper, config={"access": {"keys_file": str(file)}, **config}, ready=ready)

    make.file = file
    return make


def once(loader, **headers):
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    body = message(loader.xsf.request(inner, param={"SeqNo": "1"}).SerializeToString())
    with H2Client(loader.grpc) as client:
        return client.ask(body, headers=[*GRPC.items(), *headers.items()])


def test_http_wants_a_key_that_may_call(locked):
    web = locked().web
    answer = web.raw_mode(b"x")
    assert (answer.status, answer.code, answer.message) == (401, 10420, NO_KEY)
    assert answer.headers["www-authenticate"] == 'Bearer realm="AIService"'
    assert len(answer.headers["x-request-id"]) == 36
    for wrong in (bearer("k-alic"), bearer(""), {"X-Api-Key": "k"}, {"Authorization": "hmac x"}):
        assert web.raw_mode(b"x", headers=wrong).status == 401
    answer = web.raw_mode(b"x", headers=bearer("k-bob"))
    assert (answer.status, answer.code) == (403, 10421)
    assert answer.message == "the key of bob may not call svcName"
    assert web.raw_mode(b"x", headers=bearer("k-ops")).status == 403
    for given in (
        bearer("k-alice"),
        {"Authorization": "bearer  k-alice"},
        {"X-Api-Key": "k-alice"},
        {"X-Api-Key": "k-alice", "Authorization": "hmac username=x"},
    ):
        answer = web.raw_mode(b"x", headers=given)
        assert (answer.status, answer.body) == (200, b"alice")
    assert web.raw_mode(b"x", headers=bearer("k-carol")).body == b"carol"


def test_every_route_of_calls_wants_it(locked):
    web = locked().web
    for path in ("/v1/private/svcName", "/v1/raw/svcName", "/v1/json/svcName"):
        assert web.request("POST", path, b"{}").status == 401
        # A browser sends no key with that.
        asked = {"Access-Control-Request-Method": "POST"}
        assert web.request("OPTIONS", path, None, asked).status == 204
        assert web.request("OPTIONS", path).status == 401
    answer = web.request("POST", "/v1/json/svcName", b"{}")
    assert answer.json == {"error": {"code": 10420, "message": NO_KEY}}
    sent = json.dumps({"text": "x"})
    answer = web.request("POST", "/v1/json/svcName", sent, bearer("k-alice"))
    assert answer.json == {"result": "alice"}
    page = {"Origin": "https://page.example"}
    assert web.raw_mode(b"x", headers=page).headers["access-control-allow-origin"] == "*"
    websocket = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
    }
    assert web.request("GET", "/v1/private/svcName", None, websocket).status == 401


def test_a_client_cannot_say_who_it_is(locked, start):
    web = locked().web
    answer = web.raw_mode(b"x", "?p.:caller=root", headers=bearer("k-alice"))
    assert answer.body == b"alice"
    assert start(WHO).web.raw_mode(b"x", "?p.:caller=root").body == b"nobody"


def test_grpc_wants_it_in_its_own_words(locked):
    loader = locked()
    stream = once(loader)
    assert (stream.status, stream.grpc_status) == (200, 16)
    assert stream.grpc_message == NO_KEY
    assert once(loader, authorization="Bearer k-bob").grpc_status == 7
    for given in ({"authorization": "Bearer k-alice"}, {"x-api-key": "k-alice"}):
        stream = once(loader, **given)
        assert stream.grpc_status == 0
        assert b"alice" in stream.body
    with H2Client(loader.grpc) as client:
        assert client.ask(message(b""), path="/aiges.v1.Stream/Run").grpc_status == 16
        assert client.ask(message(b""), path="/grpc.health.v1.Health/Check").grpc_status == 0
        assert client.ask(message(b""), path="/utils.ToolBox/cmdserver").grpc_status == 16


@pytest.mark.parametrize("kind", [WEB, TEXT])
def test_grpc_web_wants_it_in_a_frame(locked, kind):
    loader = locked()
    answer = loader.web.request("POST", CALL, b"", {"content-type": kind})
    answer = Answer(answer.status, answer.headers, answer.body)
    assert (answer.status, answer.grpc_status) == (200, 16)


def test_resources_by_grpc_are_for_administrators(locked):
    loader = locked()
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    body = message(loader.xsf.request(inner, op="AILoad").SerializeToString())
    with H2Client(loader.grpc) as client:
        fields = [*GRPC.items(), ("authorization", "Bearer k-alice")]
        assert b"the key may not change the service" in client.ask(body, headers=fields).body


def test_pages_want_a_key_and_probes_none(locked):
    web = locked(admin={"token": "secret"}).web

    def status(path, key=None, method="GET"):
        return web.request(method, path, None, bearer(key) if key else {}).status

    for path in ("/healthz", "/readyz", "/-/healthz", "/-/readyz"):
        assert status(path) == 200
    for path in ("/metrics", "/openapi.json", "/docs", "/-/metrics", "/-/docs", "/ui/status.css"):
        assert (status(path), status(path, "k-alice"), status(path, "k-ops")) == (401, 200, 200)
    for path in ("/", "/status.json", "/-/status", "/-/status.json"):
        assert (status(path), status(path, "k-alice")) == (401, 403)
        assert (status(path, "k-ops"), status(path, "secret")) == (200, 200)
    for path in ("/admin/reload", "/-/admin/reload"):
        assert (status(path, None, "POST"), status(path, "k-alice", "POST")) == (401, 403)
        assert status(path, "k-ops", "POST") == 200
    assert web.raw_mode(b"x", headers=bearer("secret")).status == 403
    answer = web.get("/-/status")
    assert 'Basic realm="AIService"' in answer.headers["www-authenticate"]
    password = base64.b64encode(b"any:k-ops").decode()
    given = {"Authorization": f"Basic {password}"}
    assert web.request("GET", "/-/status", None, given).status == 200
    assert web.request("POST", "/-/admin/reload", None, given).status == 401


def test_keys_change_while_it_runs(locked):
    loader = locked()
    assert loader.web.raw_mode(b"x", headers=bearer("k-new")).status == 401
    locked.file.write_text(KEYS + line("new", "k-new"))
    wait_until(lambda: loader.web.raw_mode(b"x", headers=bearer("k-new")).status == 200, "the key")
    locked.file.write_text("alice nonsense call\n")
    loader.wait_log("line 1: expected sha256:<64 hex digits>")
    assert loader.web.raw_mode(b"x", headers=bearer("k-new")).status == 200
    locked.file.write_text(line("new", "k-new"))
    wait_until(lambda: loader.web.raw_mode(b"x", headers=bearer("k-alice")).status == 401, "no key")


def test_a_file_that_cannot_be_used_ends_the_start(locked):
    said = "line 1: expected an id, the hash of a key and what it may, got 1 words"
    with pytest.raises(AssertionError, match=said):
        locked(text="alice\n", ready=False)


def test_no_key_is_ever_in_the_log(locked):
    loader = locked()
    loader.web.raw_mode(b"x", headers=bearer("k-alice"))
    loader.web.raw_mode(b"x", headers=bearer("k-unknown"))
    loader.wait_log("the key is not known")
    assert "k-" not in loader.log()


def test_async_hooks_know_who_calls(locked):
    loader = locked(STREAM)
    headers = {**bearer("k-alice"), "Accept": "text/event-stream"}
    sent = json.dumps({"text": "x"})
    answer = loader.web.request("POST", "/v1/json/svcName", sent, headers)
    assert answer.body.count(b'{"result":"alice"}') == 2


def test_our_client_speaks_it(locked, monkeypatch):
    from aiges.client import BadRequest, Client

    loader = locked()
    with Client(loader.grpc, api_key="k-alice") as client:
        assert client.once("x").text() == "alice"
        assert client.once("x", timing=True).timing
        assert [payload.text() for payload in client.stream("x")][:1] == ["alice"]
    with Client(loader.grpc) as client, pytest.raises(BadRequest) as refused:
        client.once("x")
    assert refused.value.code == 10420
    monkeypatch.setenv("AIGES_API_KEY", "k-bob")
    with Client(loader.grpc) as client, pytest.raises(BadRequest) as refused:
        client.once("x")
    assert refused.value.code == 10421
    assert grpc.StatusCode.PERMISSION_DENIED.name in str(refused.value)


def test_an_application_behind_a_door_is_kept_too(start, tmp_path):
    file = tmp_path / "keys"
    file.write_text(KEYS)
    config = {
        "aiges": {"contract": "asgi", "app": "main:app"},
        "access": {"keys_file": str(file)},
    }
    web = start(WRAPPERS / "asgi", config=config).web
    path = "/a"
    answer = web.get(path)
    assert (answer.status, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert web.request("GET", path, None, bearer("k-ops")).status == 403
    assert web.request("GET", path, None, bearer("k-alice")).status not in (401, 403)
    assert web.request("OPTIONS", path).status == 401
    asked = {"Access-Control-Request-Method": "POST"}
    assert web.request("OPTIONS", path, None, asked).status not in (401, 403)


TYPED = """
def predict(text: str) -> str:
    return text
"""
DECLARED = """
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperSchema():
    return {"meta": {"route": "/api/echo"}, "schemainput": {"type": "object"}}
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return 0
"""


@pytest.mark.parametrize(("wrapper", "path"), [(TYPED, "/predict"), (DECLARED, "/api/echo")])
def test_the_first_request_at_a_path_of_the_engine_needs_a_key_too(start, tmp_path, wrapper, path):
    (tmp_path / "keys").write_text(KEYS)
    loader = start(wrapper, config={"access": {"keys_file": str(tmp_path / "keys")}})
    answers = [loader.web.request("POST", path, b"{}", JSON).status for _ in range(2)]
    assert answers == [401, 401]
    with_key = {**JSON, "X-Api-Key": "k-alice"}
    assert loader.web.request("POST", path, b'{"text": "x"}', with_key).status != 401


def test_a_body_does_not_outlast_what_let_its_head_in(start, tmp_path):
    """The path is nobody's when the head comes, and the engine's when the body has come."""
    (tmp_path / "keys").write_text(KEYS)
    loader = start(WHO, config={"access": {"keys_file": str(tmp_path / "keys")}})
    with socket.create_connection((loader.web.host, loader.web.port), timeout=20) as client:
        head = (
            "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
        )
        client.sendall(head.encode())
        (loader.wrapper_folder / "wrapper.py").write_text(DECLARED)
        admin = {"X-Api-Key": "k-ops"}
        assert loader.web.request("POST", "/-/admin/reload", b"", admin).status == 200
        assert loader.web.request("POST", "/api/echo", b"{}", JSON).status == 401
        client.sendall(b"x")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503"), answer
    assert b"send the request again" in answer
