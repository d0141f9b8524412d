# SPDX-License-Identifier: Apache-2.0
"""The life of a typed model: how it is found, begins, is replaced, fails, and ends."""

import json
import signal
import threading

import pytest
from loader_process import Loader
from typed_models import TYPED
from waiting import wait_until

LIVES = """
import os


class Model:
    def __init__(self):
        self.said = "made"

    def setup(self, config):
        self.said += f" {config.get('word', 'none')}"
        print("set up", flush=True)

    def predict(self, text: str = "", end: bool = False) -> str:
        if end:
            os._exit(7)
        return f"{VERSION} {self.said} {text}"

    def close(self):
        print("closed", flush=True)
"""

# Calls that end only together: each says how many there are.
TOGETHER = """
import threading, time
import aiges

there, most, lock = 0, 0, threading.Lock()


{mark}
def predict(count: int = 1) -> int:
    global there, most
    with lock:
        there += 1
        most = max(most, there)
    end = time.monotonic() + 10
    while most < count and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(0.02)
    with lock:
        there -= 1
        return most
"""

BATCHED = """
import aiges


@aiges.batch(max_size=3, max_delay_ms=50)
def predict(x: list[int]):
    return [len(x)] * len(x)
"""


ENDLESS = """
import asyncio, sys, time


{kind}def predict(text: str = ""):
    print("begun", file=sys.stderr, flush=True)
    try:
        while True:
            {wait}(0.005)
            yield 1
    finally:
        print("ended", file=sys.stderr, flush=True)
"""


def model(start, text, config=None, **options):
    """A loader of a model.py, of which the configuration says that it is typed."""
    settings = {section: dict(keys) for section, keys in TYPED.items()}
    for section, keys in (config or {}).items():
        settings[section] = {**settings.get(section, {}), **keys}
    return start({"model.py": text}, config=settings, **options)


@pytest.fixture
def start(binaries, tmp_path):
    """start({file: text}, ..) -> a Loader whose folder of code has these files."""
    started = []

    def start_loader(files, ready=True, **options):
        folder = tmp_path / f"loader{len(started)}"
        code = folder / "code"
        code.mkdir(parents=True)
        for name, text in files.items():
            (code / name).write_text(text, encoding="utf-8")
        loader = Loader(binaries, folder / "run", code, **options)
        started.append(loader)
        loader.start(ready=ready)
        return loader

    yield start_loader
    for loader in started:
        loader.kill()


def ask(loader, body=None, path="/predict"):
    data = json.dumps(body or {}).encode()
    return loader.web.request("POST", path, data, {"Content-Type": "application/json"})


def at_once(loader, count, body):
    """The answers of calls that are sent together."""
    answers = [None] * count

    def call(at):
        answers[at] = ask(loader, body[at] if isinstance(body, list) else body)

    threads = [threading.Thread(target=call, args=(at,)) for at in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return answers


def test_a_model_is_set_up_once_replaced_and_closed_once(start):
    loader = model(start, "VERSION = 1\n" + LIVES, {"wrapper": {"word": "hi"}})
    assert ask(loader, {"text": "a"}).body == b"1 made hi a"
    (old,) = loader.workers()
    (loader.wrapper_folder / "model.py").write_text("VERSION = 2\n" + LIVES, encoding="utf-8")
    stop, codes = threading.Event(), set()

    def load():
        while not stop.is_set():
            codes.add(ask(loader).status)

    caller = threading.Thread(target=load)
    caller.start()
    loader.process.send_signal(signal.SIGHUP)
    loader.wait_log("reload: done")
    wait_until(lambda: old not in loader.workers(), "the end of the old worker")
    stop.set()
    caller.join()
    assert codes == {200}
    assert ask(loader).body == b"2 made hi "
    assert (loader.log().count("set up"), loader.log().count("closed")) == (2, 1)
    loader.stop()
    assert loader.log().count("closed") == 2


@pytest.mark.parametrize(
    ("kind", "wait"),
    [("", "time.sleep"), ("async ", "await asyncio.sleep")],
    ids=["plain", "async"],
)
def test_a_generator_that_nobody_waits_for_ends(start, kind, wait):
    """An async one ran on for ever where the answer was to be whole."""
    loader = model(start, ENDLESS.format(kind=kind, wait=wait))
    assert ask(loader, path="/predict?timeout_ms=200").status == 504
    loader.wait_log("ended", 1)
    for count, accept in ((2, "*/*"), (3, "text/event-stream")):
        with loader.web.socket() as connection:
            head = f"GET /predict HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n"
            connection.sendall(head.encode())
            loader.wait_log("begun", count)
        loader.wait_log("ended", count)


def test_a_reload_that_fails_leaves_the_old_one(start):
    loader = model(start, "VERSION = 1\n" + LIVES)
    (loader.wrapper_folder / "model.py").write_text("def predict(x: complex):\n    pass\n")
    loader.process.send_signal(signal.SIGHUP)
    loader.wait_log("predict: x: expected a hint of str, int,")
    assert ask(loader).body == b"1 made none "


def test_a_worker_that_dies_costs_its_call_alone(start):
    loader = model(start, "VERSION = 1\n" + LIVES)
    (old,) = loader.workers()
    answer = ask(loader, {"end": True})
    assert answer.status >= 500 and set(answer.json) == {"error"}
    assert ask(loader, {"text": "a"}).body == b"1 made none a"
    assert loader.workers() != [old]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "class Model:\n    def setup(self, config):\n        raise OSError('no weights')\n\n"
            "    def predict(self):\n        pass\n",
            ["setup raised OSError: no weights (model.py, line 3)"],
        ),
        (
            "def predict(x: complex):\n    pass\n",
            ["predict: x: expected a hint of str, int, float, bool,"],
        ),
        ("def predict(x, /):\n    pass\n", ["expected parameters that can be given by name"]),
        (
            "from __future__ import annotations\n\n\ndef predict(x: Missing):\n    pass\n",
            ["predict: a hint names what is not there: name 'Missing' is not defined"],
        ),
        ("def predict(:\n", ["SyntaxError", "model.py"]),
        ("import nothing_of_that_name\n\n\ndef predict():\n    pass\n", ["nothing_of_that_name"]),
        ("x = 1\n", ["expected a function predict, or a class with one, got none"]),
    ],
    ids=["setup", "hint", "positional", "name", "syntax", "import", "none"],
)
def test_a_model_that_cannot_be_served_says_why(start, text, told):
    loader = model(start, text, ready=False)
    assert loader.wait_exit() == 1
    for each in told:
        assert each in loader.log()


@pytest.mark.parametrize(
    ("mark", "config", "most"),
    [
        ("", {}, 1),
        ("@aiges.threads(3)", {}, 3),
        ("@aiges.threads(3)", {"instances": {"threads": 2}}, 2),
        ("", {"instances": {"threads": 2}}, 2),
    ],
    ids=["alone", "asked", "both", "said"],
)
def test_threads(start, mark, config, most):
    loader = model(start, TOGETHER.format(mark=mark), {"fc": {"max": 8}, **config})
    assert max(each.json for each in at_once(loader, 4, {"count": most})) == most


@pytest.mark.parametrize(
    ("config", "most"),
    [({}, 3), ({"batch": {"max_size": 2, "max_delay_us": 50_000}}, 2)],
    ids=["asked", "said"],
)
def test_batches(start, config, most):
    loader = model(start, BATCHED, {"fc": {"max": 16}, **config})
    bodies = [{"x": 1}, {"x": 2}, {"x": 3}, {"x": 4}, {"x": 5}, {"x": "wrong"}]
    sizes = set()
    for _ in range(100):  # How many calls meet is chance; that more than so many do is a mistake.
        answers = at_once(loader, 6, bodies)
        assert [each.status for each in answers] == [200, 200, 200, 200, 200, 400]
        sizes |= {each.json for each in answers[:5]}
        if most in sizes:
            break
    assert max(sizes) == most


def test_a_folder_with_a_predict_needs_no_configuration(start):
    for name, files in (
        ("wrapper.py", {"helper.py": "def other():\n    pass\n"}),
        ("anything.py", {"test_anything.py": "def predict():\n    pass\n"}),
    ):
        loader = start({name: "def predict(x: int = 1) -> int:\n    return x\n", **files})
        assert ask(loader, {"x": 3}).json == 3


def test_a_function_may_be_named(start):
    text = "def predict():\n    return 1\n\n\ndef other(x: int = 2) -> int:\n    return x\n"
    loader = start({"mine.py": text}, config={"aiges": {"contract": "typed", "app": "mine:other"}})
    assert ask(loader, {"x": 5}).json == 5
    loader = start(
        {"mine.py": text}, ready=False, config={"aiges": {"contract": "typed", "app": "mine:no"}}
    )
    assert loader.wait_exit() == 1
    assert '[aiges] app: expected "no" in ' in loader.log()
