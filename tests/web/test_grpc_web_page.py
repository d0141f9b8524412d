# SPDX-License-Identifier: Apache-2.0
"""gRPC-Web from a page of another origin: what a browser lets it ask, and read."""

import base64
import http.server
import threading

import pytest
from h2_client import CALL, message
from test_grpc_web import TEXT, WEB, Answer

CALL_SCRIPT = """
const [url, type, body, done] = arguments;
const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
const headers = { "Content-Type": type, "X-Grpc-Web": "1", "X-Request-Id": "page-1" };
fetch(url, { method: "POST", headers, body: type.includes("text") ? body : bytes })
  .then(async (answer) => {
    const data = new Uint8Array(await answer.arrayBuffer());
    done({
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join("")),
    });
  })
  .catch((error) => done({ error: String(error) }));
"""


class Empty(http.server.BaseHTTPRequestHandler):
    """A page with nothing on it."""

    def do_GET(self):  # noqa: N802 (the library's name)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>page</title><link rel=icon href='data:,'>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page():
    """The address of a page that is not the loader's."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def call(browser, page, loader, kind, data):
    inner = loader.xsf.input(loader.xsf.payload("data", data), params={"do": "echo"})
    request = loader.xsf.request(inner, param={"SeqNo": "1"})
    body = base64.b64encode(message(request.SerializeToString())).decode()
    browser.get(page)
    url = f"http://{loader.http}{CALL}"
    return browser.execute_async_script(CALL_SCRIPT, url, kind, body)


@pytest.mark.parametrize("kind", [WEB, TEXT])
def test_a_page_calls_and_reads_the_answer(browser, page, start, toolbox, kind):
    loader = start(toolbox)
    found = call(browser, page, loader, kind, b"from a page")
    answer = Answer(found["status"], found["headers"], base64.b64decode(found["body"]))
    assert answer.grpc_status == 0
    assert b"from a page" in answer.messages[0]
    assert answer.headers["x-request-id"] == "page-1"


def test_a_page_that_may_not_call_gets_nothing(chromium, page, start, toolbox):
    loader = start(toolbox, config={"http": {"cors_origins": ["https://page.example"]}})
    assert "Failed to fetch" in call(chromium, page, loader, WEB, b"x")["error"]
    assert loader.metric("aiges_requests_total", code="0") == 0
