# SPDX-License-Identifier: Apache-2.0
"""The pages under /-/: always there, for this machine, and for others with the token; and what an
engine may have of the other paths."""

import base64
import http.client
import re
import socket

import pytest
from declared import MIRROR
from http_client import HttpClient

PAGES = [
    *("/-/", "/-/status", "/-/status.json", "/-/metrics", "/-/healthz", "/-/readyz"),
    *("/-/docs", "/-/openapi.json"),
]
EVERYWHERE = {"svcName": {"host": "127.0.0.1", "port": 0}, "wrapper": {"http_listen": ":0"}}


def outside(loader):
    """The loader by an address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing.
        except OSError:
            pytest.skip("this machine has no address but loopback")
        host = probe.getsockname()[0]
    return HttpClient(f"{host}:{loader.web.port}")


def everywhere(start, wrapper, **admin):
    return start(wrapper, config={**EVERYWHERE, "admin": admin})


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there(shared, path):
    answer = shared.web.get(path)
    assert answer.status == 200
    other = {"/-/": "/", "/-/status": "/"}.get(path, path.removeprefix("/-"))
    same = shared.web.get(other)
    assert answer.headers["content-type"] == same.headers["content-type"]
    if path not in ("/-/status.json", "/-/metrics"):
        assert answer.body == same.body
    assert shared.web.request("POST", path, b"").status == 405


def test_this_machine_is_known_on_a_port_of_both_families(start, toolbox):
    """Clients of IPv4 come as ::ffff:127.0.0.1 there."""
    config = {"svcName": {"host": "::"}, "wrapper": {"http_listen": "[::]:0"}}
    loader = start(toolbox, config=config)
    port = loader.http.rpartition(":")[2]
    for address in (f"127.0.0.1:{port}", f"[::1]:{port}"):
        host = address.rpartition(":")[0].strip("[]")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("GET", "/-/status.json")
        assert connection.getresponse().status == 200, address
        connection.close()


@pytest.mark.parametrize("page", ["/", "/-/", "/-/status", "/docs", "/-/docs"])
def test_what_a_page_loads_lies_beside_it(shared, page):
    html = shared.web.get(page).body.decode()
    files = re.findall(r'(?:src|href)="(?!data:|#)([^"]+)"', html)
    assert len(files) >= 3
    for file in files:
        assert not file.startswith("/")
        path = page.rpartition("/")[0] + "/" + file
        assert shared.web.get(path).status == 200, path


def test_a_page_that_is_not_there_is_404_and_says_what_there_is(shared):
    for path in ("/-/nothing", "/-/v1/raw/svcName", "/-/admin", "/%2D/nothing"):
        answer = shared.web.get(path)
        assert (answer.status, answer.code) == (404, 10003)
        assert "there are /-/status," in answer.message
    assert shared.web.get("/%2D/healthz").status == 200
    assert shared.web.get("/-/swagger/index.html").headers["location"] == "/-/docs"


def test_reload_is_there_too(start, toolbox):
    loader = start(toolbox)
    answer = loader.web.request("POST", "/-/admin/reload", b"")
    assert (answer.status, answer.json) == (200, {"reloaded": True})
    answer = loader.web.request("POST", "/-/admin/reload", b"", {"Origin": "http://a.example"})
    assert (answer.status, answer.message) == (
        403,
        "/-/admin is not for web pages; set [admin] token",
    )


def test_other_machines_see_the_probes_and_no_page(start, toolbox):
    loader = everywhere(start, toolbox)
    web = outside(loader)
    for path in (*PAGES, "/-/nothing"):
        answer = web.get(path)
        assert (answer.status, answer.code) == (403, 10003), path
        assert answer.message == "/-/ is for this machine only; set [admin] token, or open = true"
    assert web.request("POST", "/-/admin/reload", b"").status == 403
    for path in ("/healthz", "/readyz", "/metrics", "/status.json"):
        assert web.get(path).status == 200
    assert HttpClient(f"127.0.0.1:{web.port}").get("/-/status").status == 200


def test_the_token_opens_the_pages_also_as_a_password(start, toolbox):
    web = outside(everywhere(start, toolbox, token="secret"))
    answer = web.get("/-/status")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")

    def with_header(value, path="/-/status", method="GET"):
        return web.request(method, path, None, {"Authorization": value}).status

    def basic(user, password):
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    assert with_header("Bearer secret") == 200
    assert with_header(basic("any", "secret")) == 200
    for wrong in ("Bearer secre", "Bearer secrets", "Bearer ", "secret", basic("secret", "")):
        assert with_header(wrong) == 401, wrong
    for wrong in ("Basic ****", "Basic", basic("", "Secret")):
        assert with_header(wrong) == 401, wrong
    # What a browser adds by itself changes nothing.
    assert with_header(basic("any", "secret"), "/-/admin/reload", "POST") == 403
    assert with_header("Bearer secret", "/-/admin/reload", "POST") == 200


def test_open_pages_are_for_all_and_reload_is_not(start, toolbox):
    web = outside(everywhere(start, toolbox, open=True))
    assert web.get("/-/status.json").status == 200
    assert web.request("POST", "/-/admin/reload", b"").status == 403


def declaring(*routes):
    return MIRROR.replace('["/mirror"]', str(list(routes)))


def test_an_engine_takes_what_yields_and_gives_it_back(start):
    loader = start(declaring("/docs", "/status.json", "/healthz", "/-/status", "/mirror"))

    def posted(path):
        text = b'{"payload": {"img": {"image": "eA=="}}}'
        return loader.web.request("POST", path, text, {"Content-Type": "application/json"}).status

    for path in ("/docs", "/status.json", "/mirror"):
        assert posted(path) == 200
        assert loader.web.get(path).status == 405  # The engine's: POST only.
    assert loader.web.get("/healthz").body == b"ok\n"
    loader.wait_log("route /healthz: claimed by the engine, but the loader has it")
    loader.wait_log("route /-/status: claimed by the engine, but /-/ is the loader's own")
    assert loader.web.get("/-/status").status == 200
    assert loader.web.get("/-/docs").status == 200
    (loader.wrapper_folder / "wrapper.py").write_text(declaring("/mirror"), encoding="utf-8")
    loader.web.request("POST", "/-/admin/reload", b"")
    assert loader.web.get("/docs").status == 200
    assert loader.web.get("/status.json").json["ready"] is True


def test_app_paths_gives_an_engine_all_but_our_own(start):
    loader = start(declaring("/healthz", "/-/healthz"), config={"http": {"app_paths": True}})
    assert loader.web.get("/healthz").status == 405
    assert loader.web.get("/readyz").status == 200
    assert loader.web.get("/-/healthz").body == b"ok\n"
