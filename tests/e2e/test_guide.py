# SPDX-License-Identifier: Apache-2.0
"""The wrappers of docs/plugin_guide.md do what the guide says."""

import http.client
from pathlib import Path

import pytest
from xsf_client import XsfSession

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
GUIDE = EXAMPLES.parent / "plugin_guide.md"


def serve(start, name, **config):
    return start(EXAMPLES / name, config=config)


def speak(loader, *pieces):
    session = XsfSession(loader.xsf)
    session.open()
    for number, data in enumerate(pieces):
        session.write(data, status=2 if number + 1 == len(pieces) else 1)
    return [text for text in session.all("result") if text]


def test_once(start):
    loader = serve(start, "once", wrapper={"suffix": "?"})
    assert loader.xsf.once(loader.xsf.payload("text", b"abc")).text() == "ABC?"
    answer = loader.xsf.once(loader.xsf.payload("other", b"abc"))
    assert answer.code == 10909
    assert answer.error == "expected a payload named text, got none;code=30006"


def test_tokens_by_curl_and_by_session(start):
    loader = serve(start, "tokens")
    connection = http.client.HTTPConnection(loader.web.host, loader.web.port, timeout=20)
    accept = {"Accept": "text/event-stream"}
    connection.request("POST", "/v1/raw/svcName", b"one two", accept)
    body = connection.getresponse().read().decode()
    connection.close()
    assert body.count("data: ") == 3
    assert '"text":"one "' in body
    assert speak(loader, b"one two three") == ["one ", "two ", "three "]
    assert loader.xsf.once(loader.xsf.payload("t", b"one two")).output.pl[1].data == b"two "


def test_chat(start):
    assert speak(serve(start, "chat"), b"hi", b"there") == ["1: hi", "2: there"]


@pytest.mark.parametrize("name", ["session", "threads"])
def test_sessions(start, name):
    loader = serve(start, name)
    assert speak(loader, b"one") == ["ONE"]
    assert loader.xsf.once(loader.xsf.payload("a", b"x")).text() == "X"


def test_async_calls_run_side_by_side(start):
    loader = serve(start, "async")
    calls = [loader.xsf.begin(loader.xsf.payload("a", b"abc de"), wait_ms=9000) for _ in range(20)]
    assert [loader.xsf.answer(call).text() for call in calls] == ["cba ed"] * 20


def test_calls_answered_later(start):
    loader = serve(start, "later")
    calls = [loader.xsf.begin(loader.xsf.payload("a", b"%d" % n), wait_ms=9000) for n in (12, 34)]
    assert [loader.xsf.answer(call).text() for call in calls] == ["21", "43"]


def test_batch(start):
    loader = serve(start, "batch", batch={"max_size": 8, "max_delay_us": 2000})
    calls = [loader.xsf.begin(loader.xsf.payload("n", b"%d" % n), wait_ms=9000) for n in range(50)]
    assert [int(loader.xsf.answer(call).text()) for call in calls] == [n * n for n in range(50)]
    bad = loader.xsf.once(loader.xsf.payload("n", b"abc"))
    assert "expected a number, got 'abc'" in bad.error


def test_every_example_is_in_the_guide():
    text = GUIDE.read_text(encoding="utf-8")
    for folder in sorted(file.parent for file in EXAMPLES.glob("*/wrapper.py")):
        assert f"examples/{folder.name}/wrapper.py" in text


def test_client_of_the_protocol_page(start):
    page = (EXAMPLES.parent / "protocol.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    names = {}
    exec(compile(code, "docs/protocol.md", "exec"), names)
    loader = serve(start, "tokens")
    assert list(names["run"](loader.grpc, b"one two")) == [b"one ", b"two ", b""]
