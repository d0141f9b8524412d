# SPDX-License-Identifier: Apache-2.0
"""Pages of any origin may call the engine; what else this loader has is not for them."""

import pytest

PAGE = {"Origin": "https://page.example"}
ASK = {
    **PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-app",
}
CALLS = ["/v1/private/svcName", "/v1/raw/svcName"]


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


def allowed(answer):
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize("path", CALLS)
def test_a_browser_that_asks_first_is_told_what_it_may(web, path):
    connection = web.connect()
    answer = web.request("OPTIONS", path, None, ASK, connection=connection)
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers  # RFC 9110, 8.6.
    assert allowed(answer) == {
        "allow-origin": "*",
        "allow-methods": "POST",
        "allow-headers": "content-type,x-app",
        "max-age": "7200",
        "expose-headers": "*",
    }
    assert web.request("POST", "/v1/raw/svcName", b"on", connection=connection).body == b"on"
    connection.close()


@pytest.mark.parametrize("path", CALLS)
def test_options_without_a_browser_names_the_methods(web, path):
    answer = web.request("OPTIONS", path)
    assert (answer.status, answer.headers["allow"]) == (204, "POST, OPTIONS")
    assert allowed(answer) == {"allow-origin": "*"}


def test_a_page_can_read_answers_and_refusals(web):
    answer = web.raw_mode(b"hello", headers=PAGE)
    assert (answer.status, answer.body) == (200, b"hello")
    assert allowed(answer) == {"allow-origin": "*", "expose-headers": "*"}
    answer = web.raw_mode(b"hello", "?type=nothing", headers=PAGE)
    assert (answer.status, allowed(answer)["allow-origin"]) == (400, "*")
    answer = web.raw_mode(b"hello", headers={"Accept": "text/event-stream", **PAGE})
    assert allowed(answer)["allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/status.json", "/metrics", "/healthz", "/admin/reload"])
def test_other_paths_are_not_for_pages_of_other_origins(web, path):
    for method in ("GET", "OPTIONS"):
        answer = web.request(method, path, None, ASK)
        assert allowed(answer) == {}
    assert web.request("OPTIONS", path, None, ASK).status in (403, 405)


def test_only_pages_of_named_origins_may_call(start, toolbox):
    config = {"http": {"cors_origins": ["https://page.example", "http://a:8080"]}}
    web = start(toolbox, config=config).web
    for path in CALLS:
        answer = web.request("OPTIONS", path, None, ASK)
        assert (answer.status, answer.headers["vary"]) == (204, "Origin")
        assert allowed(answer)["allow-origin"] == "https://page.example"
        assert allowed(answer)["allow-methods"] == "POST"
        for other in ("https://page.example.org", "http://page.example", "null"):
            answer = web.request("OPTIONS", path, None, {**ASK, "Origin": other})
            assert (answer.status, allowed(answer)) == (204, {})
    answer = web.raw_mode(b"x", headers={"Origin": "http://a:8080"})
    assert allowed(answer) == {"allow-origin": "http://a:8080", "expose-headers": "*"}
    assert allowed(web.raw_mode(b"x", headers={"Origin": "http://b"})) == {}
    answer = web.raw_mode(b"x")
    assert (answer.body, answer.headers["vary"], allowed(answer)) == (b"x", "Origin", {})
    assert allowed(web.request("GET", "/nothing", None, {"Origin": "http://b"})) == {}
