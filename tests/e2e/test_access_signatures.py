# SPDX-License-Identifier: Apache-2.0
"""[access] hmac_file: requests that are signed as clients of the iFlytek gateway sign theirs."""

import json
import time

import pytest
from h2_client import CALL, GRPC, H2Client, message
from signers import GatewaySigner, digest_of
from test_access import WHO, line
from test_http_websocket import Socket
from waiting import wait_until
from websockets.exceptions import InvalidStatus

SCOPE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    if body == b"bodx":
        print("whole", flush=True)
    query = scope["query_string"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": query + (b"|" + body if body else b"")})
"""
RAW = "/v1/raw/svcName"
WS = "/v1/private/svcName"
SECRET = "MDkyZjE4Njk3ZjE4"
SIGNER = GatewaySigner("app1", SECRET)
MISMATCH = "HMAC signature does not match"


@pytest.fixture
def signed(start, tmp_path):
    """signed(access={..}) -> a loader that takes the signatures of app1 and app2."""
    (tmp_path / "app2").write_text("second-secret\n")
    file = tmp_path / "secrets"

    def make(wrapper=WHO, access=None, **config):
        file.write_text(
            f"app1 {SECRET} call\napp2 @{tmp_path / 'app2'} call:other\n"
            "root rootsecret call,admin\n"
        )
        return start(
            wrapper, config={"access": {"hmac_file": str(file), **(access or {})}, **config}
        )

    make.file, make.second = file, tmp_path / "app2"
    return make


def post(loader, path=RAW, body=b"x", headers=None):
    return loader.web.request("POST", path, body, headers)


def test_the_url_form(signed):
    loader = signed()
    host = loader.http
    for zone in ("GMT", "UTC"):
        answer = post(loader, SIGNER.url(host, "POST", RAW, zone=zone))
        assert (answer.status, answer.body) == (200, b"app1"), answer.body
    kong = GatewaySigner("app1", SECRET, name="username")
    assert post(loader, kong.url("api.example", "POST", RAW, at=time.time() - 5)).body == b"app1"
    plus = SIGNER.url("api.example:8443", "POST", RAW, at=time.time() - 7, timeout_ms="9000")
    assert post(loader, plus).status == 200
    spaces = SIGNER.url(host, "POST", RAW, at=time.time() - 9).replace("+", "%20")
    assert post(loader, spaces).status == 200


def test_the_header_form(signed):
    loader = signed()
    host = loader.http
    answer = post(loader, headers=SIGNER.headers(host, "POST", RAW))
    assert (answer.status, answer.body) == (200, b"app1"), answer.body
    # The SDK signs the host without its port.
    bare = SIGNER.headers("127.0.0.1", "POST", RAW, host_header=host, zone="UTC")
    assert post(loader, headers=bare).status == 200
    # Kong signs the query, too.
    path = RAW + "?p.a=1"
    for signs in (path, RAW):
        answer = post(loader, path, headers=SIGNER.headers(host, "POST", signs, at=time.time() - 3))
        assert answer.status == (200 if signs == path else 200)


def test_the_body_is_that_whose_digest_is_signed(signed):
    loader = signed()
    body = json.dumps({"text": "x" * 200_000}).encode()
    path = "/v1/json/svcName"
    kind = {"Content-Type": "application/json"}
    good = SIGNER.headers(loader.http, "POST", path, body)
    assert post(loader, path, body, {**good, **kind}).json == {"result": "app1"}
    good = SIGNER.headers(loader.http, "POST", path, body, at=time.time() - 2)
    answer = post(loader, path, body[:-3] + b'y"}', {**good, **kind})
    assert (answer.status, answer.code) == (401, 10420)
    assert answer.message == MISMATCH + ": the body has another digest"
    other = SIGNER.headers(loader.http, "POST", path, body, at=time.time() - 4)
    answer = post(loader, path, body, {**other, **kind, "Digest": digest_of(b"other")})
    assert answer.status == 401
    # Signed as "digest", and not that.
    none = SIGNER.headers(loader.http, "POST", path, body, at=time.time() - 6)
    assert post(loader, path, body, {**none, **kind, "Digest": "MD5=abc"}).status == 401


def test_what_is_wrong_is_said_in_words_that_clients_know(signed):
    loader = signed()
    host = loader.http
    now = time.time()
    late = "HMAC signature cannot be verified, a valid date or x-date header is required"
    cannot = "HMAC signature cannot be verified: "
    url, headers = SIGNER.url, SIGNER.headers
    for path, fields, said in (
        (url(host, "POST", RAW, at=now - 301), {}, late),
        (url(host, "POST", RAW, at=now + 302), {}, late),
        (url(host, "GET", RAW), {}, MISMATCH),
        (url(host, "POST", "/v1/raw/other").replace("other", "svcName"), {}, MISMATCH),
        (url(host, "POST", RAW).replace("127.0.0.1", "127.0.0.2"), {}, MISMATCH),
        (GatewaySigner("app1", SECRET + "x").url(host, "POST", RAW), {}, MISMATCH),
        (GatewaySigner("nobody", SECRET).url(host, "POST", RAW), {}, MISMATCH),
        (RAW + "?authorization=YWJj", {}, cannot),
        (RAW + "?authorization=YWJj&host=a&date=b", {}, cannot),
        (RAW + "?authorization=***&host=a&date=b", {}, cannot),
        (url(host, "POST", RAW) + "&date=x", {}, cannot),
        (RAW, {"Authorization": "hmac x"}, cannot),
        (RAW, {"Authorization": 'hmac api_key="a"'}, cannot),
        (RAW, {**headers(host, "POST", RAW), "Date": "yesterday"}, late),
        (RAW, {"Authorization": headers(host, "POST", RAW)["Authorization"]}, cannot),
    ):
        answer = loader.web.request("POST", path, b"x", fields)
        assert (answer.status, answer.code) == (401, 10420), (path, answer.body)
        assert answer.message.startswith(said), (path, answer.message)
        assert SECRET not in answer.message
    assert post(loader).message.startswith("expected a signature (Authorization: hmac ..")
    weak = SIGNER.authorization([f"date: {time.strftime('%a')}"], "date")
    answer = post(loader, headers={"Authorization": "hmac " + weak, "Date": "x"})
    assert "expected host, date and request-line" in answer.message
    sha1 = headers(host, "POST", RAW)
    sha1["Authorization"] = sha1["Authorization"].replace("hmac-sha256", "hmac-sha1")
    assert 'expected algorithm="hmac-sha256"' in post(loader, headers=sha1).message


def test_a_signature_counts_once_also_after_a_change_of_access(signed, tmp_path):
    loader = signed(access={"hmac_once": True})
    path = SIGNER.url(loader.http, "POST", RAW)
    assert post(loader, path).status == 200
    answer = post(loader, path)
    assert (answer.status, answer.message) == (
        401,
        "HMAC signature has been used before: expected a new date",
    )
    once = {"hmac_once": True, "hmac_skew_s": 360, "hmac_file": str(signed.file)}
    loader.change({"access": once})
    admin = GatewaySigner("root", "rootsecret")
    reload = admin.url(loader.http, "POST", "/-/admin/reload")
    assert post(loader, reload).status == 200
    assert post(loader, path).status == 401
    assert post(loader, SIGNER.url(loader.http, "POST", RAW, at=time.time() - 290)).status == 200


def test_equal_requests_of_one_second_are_as_good_as_others(signed):
    loader = signed(access={"hmac_skew_s": 20})
    path = SIGNER.url(loader.http, "POST", RAW, at=time.time() - 10)
    assert [post(loader, path).status for _ in range(3)] == [200] * 3
    assert post(loader, SIGNER.url(loader.http, "POST", RAW, at=time.time() - 21)).status == 401


def test_hosts_are_those_that_are_named(signed):
    loader = signed(access={"hmac_hosts": ["API.example", "other.example:8443"]})
    for host, status in (
        ("api.example", 200),
        ("api.example:1888", 200),
        ("other.example:8443", 200),
        ("other.example", 401),
        (loader.http, 401),
    ):
        answer = post(loader, SIGNER.url(host, "POST", RAW))
        assert answer.status == status, (host, answer.body)
    assert answer.message == "HMAC signature is for another host: none of [access] hmac_hosts"


def test_secrets_change_while_it_runs_also_those_in_files_of_their_own(signed):
    loader = signed()
    second = GatewaySigner("app2", "second-secret")
    third = GatewaySigner("app2", "third-secret")
    moment = iter(range(1, 200))

    def status(signer):
        path = signer.url(loader.http, "POST", RAW, at=time.time() - next(moment))
        return post(loader, path).status

    assert (status(second), status(third)) == (403, 401)
    signed.second.write_text("third-secret\n")
    wait_until(lambda: status(third) == 403, "the new secret")
    assert status(second) == 401
    signed.file.write_text("app1\n")
    loader.wait_log("line 1: expected an API key, its secret and what it may, got 1 words")
    assert status(SIGNER) == 200
    later = signed.second.with_name("later")
    signed.file.write_text(f"app2 {SECRET} call\napp3 @{later} call\n")
    loader.wait_log("secrets of before stay in force")
    assert status(SIGNER) == 200
    later.write_text("third-secret\n")  # The file that names it stays as it is.
    wait_until(lambda: status(SIGNER) == 401, "app1 is gone")
    assert SECRET not in loader.log()


def test_the_websocket_as_clients_of_the_gateway_open_it(signed, toolbox, binaries):
    loader = signed(toolbox)
    with Socket(loader, SIGNER.url(loader.http, "GET", WS)) as ws:
        assert ws.ws.protocol.state.name == "OPEN"
    for path in (WS, SIGNER.url(loader.http, "POST", WS)):
        with pytest.raises(InvalidStatus) as refused:
            Socket(loader, path)
        assert refused.value.response.status_code == 401


def test_grpc_takes_the_header_form_and_no_digest(signed):
    loader = signed()
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    body = message(loader.xsf.request(inner, param={"SeqNo": "1"}).SerializeToString())
    with H2Client(loader.grpc) as client:
        for digest, status in ((None, 0), (b"", 16)):
            fields = SIGNER.headers(loader.grpc, "POST", CALL, digest, at=time.time() - status)
            fields = {name.lower(): value for name, value in fields.items() if name != "Host"}
            stream = client.ask(body, headers=[*GRPC.items(), *fields.items()])
            assert stream.grpc_status == status, stream.grpc_message
    assert "expected no digest among what is signed" in stream.grpc_message


def test_a_wrong_signature_is_refused_whatever_else_there_is(signed, tmp_path):
    (tmp_path / "keys").write_text(line("bob", "k-bob"))
    loader = signed(access={"keys_file": str(tmp_path / "keys")})
    key = {"X-Api-Key": "k-bob"}
    assert post(loader, headers=key).body == b"bob"
    wrong = SIGNER.headers(loader.http, "GET", RAW)
    assert post(loader, headers={**wrong, **key}).status == 401
    path = SIGNER.url(loader.http, "GET", RAW)
    assert post(loader, path, headers=key).status == 401
    assert post(loader, path, headers={"Authorization": "Bearer k-bob"}).status == 401


@pytest.fixture
def application(tmp_path):
    folder = tmp_path / "application"
    folder.mkdir()
    (folder / "main.py").write_text(SCOPE)
    return folder


def test_an_application_sees_no_signature(signed, application):
    asgi = {"contract": "asgi", "app": "main:app"}
    loader = signed(application, aiges=asgi)
    answer = loader.web.get(SIGNER.url(loader.http, "GET", "/a", n="1", m="2"))
    assert (answer.status, answer.body) == (200, b"n=1&m=2")
    ask = {"Origin": "http://a.example", "Access-Control-Request-Method": "GET"}
    answer = loader.web.request("OPTIONS", SIGNER.url(loader.http, "GET", "/a", n="1"), None, ask)
    assert (answer.status, answer.body) == (200, b"n=1")
    path = SIGNER.headers(loader.http, "GET", "/a?n=1")
    answer = loader.web.request("GET", "/a?n=1", None, path)
    assert (answer.status, answer.body) == (200, b"n=1")


def test_an_application_is_not_told_that_a_body_of_another_digest_is_whole(signed, application):
    asgi = {"contract": "asgi", "app": "main:app"}
    loader = signed(application, aiges=asgi)
    good = SIGNER.headers(loader.http, "POST", "/a", b"body")
    answer = loader.web.request("POST", "/a", b"body", good)
    assert (answer.status, answer.body) == (200, b"|body")
    wrong = SIGNER.headers(loader.http, "POST", "/a", b"body", at=time.time() - 3)
    answer = loader.web.request("POST", "/a", b"bodx", wrong)
    assert (answer.status, answer.code) == (401, 10420)
    assert "whole" not in loader.log()
