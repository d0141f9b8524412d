# SPDX-License-Identifier: Apache-2.0
"""/-/login: a browser shows once who its user is, and reads pages from then on. tests/web has it in
a browser."""

import http.client
import re
import ssl
import time
from urllib.parse import urlencode

import pytest
from certificates import Authority, tls
from h2_client import GRPC, H2Client, message
from loader_process import Loader
from signers import TokenSigner, jwks
from test_access import WHO, bearer, line
from waiting import wait_until

HTML = {"Accept": "text/html,application/xhtml+xml"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEYS = line("alice", "k-alice") + line("ops", "k-ops", "call,admin")


@pytest.fixture
def locked(start, tmp_path):
    (tmp_path / "keys").write_text(KEYS)

    def make(**access):
        access = {"keys_file": str(tmp_path / "keys"), **access}
        return start(WHO, config={"access": access, "admin": {"token": "t-admin"}})

    make.keys = tmp_path / "keys"
    return make


def log_in(loader, key, after="/-/status", headers=None):
    body = urlencode({"key": key, "next": after})
    return loader.web.request("POST", "/-/login", body, {**FORM, **(headers or {})})


def cookie_of(answer):
    assert answer.status == 303, answer.body
    return {"Cookie": "a=b; " + answer.headers["set-cookie"].partition(";")[0]}


def get(loader, path, headers):
    return loader.web.request("GET", path, None, headers).status


def test_a_browser_is_shown_a_form_and_others_are_not(locked):
    web = locked().web
    for path, action in (("/-/status", "../-/login"), ("/", "-/login"), ("/docs", "-/login")):
        answer = web.request("GET", path, None, HTML)
        assert answer.status == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["www-authenticate"] == 'Bearer realm="AIService"'
        assert f'action="{action}"' in answer.body.decode()
        assert "form-action 'self'" in answer.headers["content-security-policy"]
    answer = web.request("GET", "/-/status")
    assert (answer.status, answer.code) == (401, 10420)
    assert "Basic realm" in answer.headers["www-authenticate"]
    assert web.request("POST", "/v1/raw/svcName", b"x", HTML).code == 10420
    assert web.request("GET", "/-/login").status == 200
    assert web.request("PUT", "/-/login").status == 405


def test_a_login_shows_pages_and_does_nothing_else(locked):
    loader = locked()
    answer = log_in(loader, "k-ops")
    assert answer.headers["location"] == "/-/status"
    assert re.fullmatch(
        r"aiges_login=[0-9a-f]{64}; Path=/-/; HttpOnly; SameSite=Strict; Max-Age=28800",
        answer.headers["set-cookie"],
    )
    cookie = cookie_of(answer)
    for path in ("/-/status", "/-/status.json", "/-/metrics", "/-/docs", "/-/ui/status.css"):
        assert get(loader, path, cookie) == 200, path
    web = loader.web
    # Nothing that changes or calls, and no page that an engine may have.
    for method, path in (
        ("POST", "/-/admin/reload"),
        ("POST", "/v1/raw/svcName"),
        ("POST", "/v1/json/svcName"),
        ("POST", "/v1/resources/svcName"),
        ("POST", "/v2/repository/models/svcName/load"),
        ("GET", "/v2/models"),
        ("GET", "/status.json"),
        ("GET", "/metrics"),
        ("DELETE", "/-/status"),
    ):
        assert web.request(method, path, b"", cookie).status == 401, path
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "MDEyMzQ1Njc4OWFiY2RlZg=="
    for path in ("/v1/private/svcName", "/-/status"):
        assert get(loader, path, {**cookie, **upgrade}) == 401
    with H2Client(loader.grpc) as client:
        fields = [*GRPC.items(), *((name.lower(), value) for name, value in cookie.items())]
        assert client.ask(message(b""), headers=fields).grpc_status == 16
    assert get(loader, "/-/status", {**cookie, **bearer("k-wrong")}) == 401
    assert get(loader, "/-/status", {"Cookie": "aiges_login=" + "0" * 64}) == 401


def test_who_may_not_administer_reads_what_that_one_may(locked):
    loader = locked()
    cookie = cookie_of(log_in(loader, "k-alice", "/-/docs"))
    assert (get(loader, "/-/metrics", cookie), get(loader, "/-/status", cookie)) == (200, 403)
    cookie = cookie_of(log_in(loader, "t-admin"))
    assert get(loader, "/-/status", cookie) == 200


def test_a_wrong_key_is_said_and_never_shown(locked):
    loader = locked()
    answer = log_in(loader, "k-<wrong>")
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "No: the key is not known." in answer.body.decode()
    assert "wrong" not in answer.body.decode()
    assert log_in(loader, "").status == 401
    assert loader.web.request("POST", "/-/login", b"{}", {"Content-Type": "a/b"}).status == 415
    assert "k-" not in loader.log()


@pytest.mark.parametrize(
    ("after", "page"),
    [
        ("/-/docs", "/-/docs"),
        ("/docs", "/-/docs"),
        ("/", "/-/status"),
        ("", "/-/status"),
        ("//evil.example", "/-/status"),
        ("/-//evil.example", "/-/status"),
        ("https://evil.example", "/-/status"),
        ("/-/../v1", "/-/status"),
        ("/-/a\r\nX: y", "/-/status"),
        ("/-/logout", "/-/status"),
    ],
)
def test_a_login_leads_to_pages_of_ours_alone(shared_login, after, page):
    assert log_in(shared_login, "k-ops", after).headers["location"] == page


@pytest.fixture(scope="module")
def shared_login(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("login")
    (folder / "keys").write_text(KEYS)
    config = {"access": {"keys_file": str(folder / "keys")}}
    with Loader(binaries, folder / "loader", WHO, config=config) as loader:
        yield loader


def test_pages_of_others_log_nobody_in_or_out(shared_login):
    host = shared_login.http
    for given, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}, 303),
        ({"Origin": f"http://{host}"}, 303),
        ({}, 303),
    ):
        assert log_in(shared_login, "k-ops", headers=given).status == status, given
        cookie = cookie_of(log_in(shared_login, "k-ops"))
        answer = shared_login.web.request("POST", "/-/logout", b"", {**cookie, **given})
        assert answer.status == status
        assert get(shared_login, "/-/status", cookie) == (401 if status == 303 else 200)


def test_a_login_ends_with_the_keys_that_it_came_of(locked, tmp_path):
    signer = TokenSigner(tmp_path)
    (tmp_path / "jwks").write_text(jwks(signer))
    loader = locked(jwks=str(tmp_path / "jwks"), jwt_leeway_s=0)
    cookie = cookie_of(log_in(loader, signer.sign({"scope": "admin"})))
    assert get(loader, "/-/status", cookie) == 200
    locked.keys.write_text(line("ops", "k-other", "call,admin"))
    wait_until(lambda: get(loader, "/-/status", cookie) == 401, "the end of all logins")
    cookie = cookie_of(log_in(loader, signer.sign({"scope": "admin", "exp": time.time() + 2})))
    wait_until(lambda: get(loader, "/-/status", cookie) == 401, "the end of the token")


def test_by_tls_the_cookie_goes_nowhere_else(start, tmp_path):
    authority = Authority(tmp_path / "ca")
    (tmp_path / "keys").write_text(KEYS)
    loader = start(
        WHO,
        config={
            "tls": tls(authority.issue("server")),
            "access": {"keys_file": str(tmp_path / "keys")},
        },
    )
    made = ssl.create_default_context(cafile=authority.file)
    host, _, port = loader.http.rpartition(":")
    link = http.client.HTTPSConnection(host, int(port), timeout=20, context=made)
    link.request("POST", "/-/login", urlencode({"key": "k-ops"}), FORM)
    answer = link.getresponse()
    assert "; Secure;" in answer.headers["Set-Cookie"]
    link.close()


def test_without_keys_the_token_of_admin_logs_in(start):
    loader = start(WHO, config={"admin": {"token": "t-admin"}})
    assert log_in(loader, "t-wrong").status == 401
    assert get(loader, "/-/status", cookie_of(log_in(loader, "t-admin"))) == 200
    loader = start(WHO)
    assert log_in(loader, "").status == 401
