# SPDX-License-Identifier: Apache-2.0
"""The module client.js in a real browser: on a page of another origin, docs/examples/browser."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from loader_process import Loader
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "browser"
MODULE = ROOT / "loader" / "pages" / "web" / "client.js"
TYPES = MODULE.with_name("client.d.ts")
TYPED = {"aiges": {"contract": "typed", "app": "model"}}

SESSION = """
import json
class Wrapper:
    def wrapperStream(self, params, requests):
        for request in requests:
            for item in request.list:
                if item.data == b"fail":
                    raise ValueError("made to fail")
                yield {"key": item.key, "data": item.data.upper() + params["mark"].encode(),
                       "len": len(item.data) + 1, "status": 1, "type": item.type}
"""


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("browser"), EXAMPLE, config=TYPED) as made:
        yield made


@pytest.fixture(scope="module")
def origin():
    """A server of files, as any web server: another origin than the loader."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(EXAMPLE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def opened(browser, origin, loader):
    browser.get(f"{origin}/?loader=http://{loader.http}")
    ready = "return document.body.dataset.ready"
    wait_until(lambda: browser.execute_script(ready), "the page")
    return browser


def run(browser, loader, script):
    """Runs the body of an async function, with Client and AigesError; what it returns."""
    text = f"""
    const done = arguments[arguments.length - 1];
    (async () => {{
      const {{ AigesError, Client }} = await import("http://{loader.http}/-/client.js");
      const client = new Client();
      {script}
    }})().then(done, (error) => done({{failed: String(error)}}));
    """
    return browser.execute_async_script(text)


def shown(browser, kind=""):
    script = "return document.querySelector('output').textContent"
    if kind:
        script = f"return document.querySelector('output.{kind}')?.textContent ?? ''"
    return browser.execute_script(script)


def press(browser, name, text, file=None):
    fill = "document.querySelector('[name=text]').value = arguments[0]"
    browser.execute_script(fill, text)
    if file:
        browser.find_element("css selector", "[name=file]").send_keys(str(file))
    browser.find_element("css selector", f"[name={name}]").click()


def test_the_example_shows_answers_streams_and_errors(opened, tmp_path, screenshot):
    press(opened, "whole", "a b")
    wait_until(lambda: shown(opened) == "A B ", "the whole answer")
    file = tmp_path / "f.bin"
    file.write_bytes(bytes(70000))
    press(opened, "live", "c d", file)
    wait_until(lambda: shown(opened) == "C D (70000 bytes)", "the streamed answer")
    screenshot("browser_example")
    press(opened, "whole", "")
    wait_until(lambda: "nothing to say" in shown(opened, "error"), "the error")
    assert shown(opened).startswith("10909: ")
    entries = opened.get_log("browser")
    assert all("status of 500" in each["message"] for each in entries), entries


def test_values_files_and_errors(opened, loader):
    found = run(
        opened,
        loader,
        """
        const answer = await client.predict({ text: "x", pause: 0.01, file: null });
        const several = await client.predict({ text: "y", file: new Blob([new Uint8Array(9)]) });
        const values = [];
        for await (const value of client.stream({ text: "a b c" })) {
          values.push(value);
          if (values.length === 2) break;
        }
        const errors = [];
        for (const [inputs, options] of [
          [{ txt: "x" }], [{ other: 1 }, { path: "/v1/json/svcName" }], [{ text: "" }]]) {
          try {
            if (inputs.text === "") {
              for await (const value of client.stream(inputs)) values.push(value);
            } else await client.predict(inputs, options);
          } catch (error) {
            errors.push([error instanceof AigesError, error.code, error.status, error.message,
                         error.requestId !== ""]);
          }
        }
        const stop = new AbortController();
        const slow = client.predict({ text: "x", pause: 30 }, { signal: stop.signal });
        stop.abort();
        const aborted = await slow.catch((error) => error.name);
        return { text: await answer.text(), id: answer.headers.get("X-Request-Id") !== null,
                 several: await several.text(), values, errors, aborted };
        """,
    )
    opened.get_log("browser")  # What was refused is told there, too.
    assert found.get("failed") is None, found
    assert (found["text"], found["several"]) == ("X ", "Y (9 bytes)")
    assert found["values"] == ["A ", "B "]
    assert found["aborted"] == "AbortError"
    wrong, other, late = found["errors"]
    assert wrong[:3] == [True, 10909, 400] and "did you mean text" in wrong[3]
    assert other[:3] == [True, 10909, 400] and other[4]
    assert late[:2] == [True, 10908] and "nothing to say" in late[3]


def test_a_session(browser, start, origin):
    loader = start(SESSION)
    browser.get(f"{origin}/?loader=http://{loader.http}")
    found = run(
        browser,
        loader,
        """
        const session = client.session({ mark: "!" }, "svcName");
        session.send({ word: "grüße" });
        session.send({ word: new Blob(["b"]) });
        const got = [];
        for await (const outputs of session) {
          got.push(outputs);
          if (got.length === 1) session.send({ word: "end" }, true);
        }
        const bad = client.session({ mark: "!" }, "svcName");
        bad.send({ word: "fail" });
        try {
          for await (const outputs of bad) got.push(outputs);
        } catch (error) {
          return { got, error: [error instanceof AigesError, error.code, error.message] };
        }
        """,
    )
    assert found.get("failed") is None, found
    words = [each["word"] for each in found["got"] if "word" in each]
    assert "END!" in words
    assert found["error"][0] and "made to fail" in found["error"][2]


def test_the_module_is_small_and_what_lies_in_the_tree(loader):
    got = loader.web.get("/-/client.js")
    assert got.body == MODULE.read_bytes() and len(got.body) <= 5 * 1024
    assert got.headers["content-type"].startswith("text/javascript")
    types = loader.web.get("/-/client.d.ts")
    assert types.body == TYPES.read_bytes()
    assert loader.web.get("/client.js").status == 404


def test_the_types_name_what_the_module_has():
    module, types = MODULE.read_text(), TYPES.read_text()
    exported = set(re.findall(r"^export (?:class|function|const) (\w+)", module, re.MULTILINE))
    assert exported == set(re.findall(r"^export class (\w+)", types, re.MULTILINE))
    methods = set(re.findall(r"^  (?:async )?\*?(\w+)\(.*\) \{$", module, re.MULTILINE))
    assert methods == set(re.findall(r"^  (\w+)\(", types, re.MULTILINE)) - {"send", "close"}
    options = re.search(r"async predict\(inputs, \{ (.*) \} = \{\}\)", module)[1]
    names = {each.partition(" ")[0] for each in options.split(", ")}
    inside = re.search(r"interface CallOptions \{(.*?)^\}", types, re.MULTILINE | re.DOTALL)[1]
    assert names == set(re.findall(r"^  (\w+)\?:", inside, re.MULTILINE))


def test_the_module_is_javascript(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: the browser reads it in the other tests")
    done = subprocess.run(
        [node, "--input-type=module", "--check"],
        input=MODULE.read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, json.dumps(done.stderr)
