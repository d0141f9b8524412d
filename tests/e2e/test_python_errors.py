# SPDX-License-Identifier: Apache-2.0
"""What is told of an exception: the user's own line, and a text that can be read to its end."""

import pytest
from waiting import wait_until

PLACES = """
import asyncio, concurrent.futures, json, re
import mine.parts
import known

def deep(n):
    return json.loads("{") if n == 0 else deep(n - 1)

class Text:
    def __init__(self, text):
        raise ValueError(text)

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    do = reqData[0]["data"].decode()
    if do == "library":
        json.loads("{")  # Line 16.
    if do == "helper":
        mine.parts.read("{")
    if do == "back":
        known.call(lambda: known.fail())  # Line 20.
    if do == "pool":
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(re.compile, "(").result()  # Line 23.
    if do == "loop":
        asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.01))  # Line 25.
    if do == "deep":
        deep(500)
    if do == "names a line":
        raise ValueError("a.yaml, line 3: what is this?")  # Line 29.
    if do == "eval":
        eval("1 +")
    return 0
"""


@pytest.fixture(scope="module")
def places(binaries, tmp_path_factory):
    from loader_process import Loader

    folder = tmp_path_factory.mktemp("places") / "plugin"
    site = folder / ".venv" / "lib" / "python3" / "site-packages"
    (folder / "mine").mkdir(parents=True)
    site.mkdir(parents=True)
    (folder / "wrapper.py").write_text(PLACES)
    (folder / "mine" / "parts.py").write_text("import json\n\ndef read(t):\n    json.loads(t)\n")
    (site / "known.py").write_text(
        "def call(f):\n    f()\n\ndef fail():\n    raise KeyError('library')\n"
    )
    path = f"{folder}:{site}"
    config = {"instances": {"pythonpath": path}}
    with Loader(binaries, folder.parent, folder, config=config) as loader:
        yield loader


@pytest.mark.parametrize(
    ("do", "place"),
    [
        ("library", "wrapper.py, line 16"),
        ("helper", "mine/parts.py, line 4"),
        ("back", "wrapper.py, line 20"),
        ("pool", "wrapper.py, line 23"),
        ("loop", "wrapper.py, line 25"),
        ("deep", "wrapper.py, line 7"),
        ("names a line", "wrapper.py, line 29"),
        ("eval", "<string>, line 1"),
    ],
)
def test_place_is_the_users_own_line(places, do, place):
    """It was the innermost one: a line of json, asyncio or numpy, which nobody can mend."""
    answer = places.web.raw_mode(do.encode())
    assert answer.status == 500
    assert answer.message.endswith(f" ({place});code=30003"), answer.message


IMPORT = "import json\n\njson.loads('{')\n"


def test_place_of_an_import_that_fails(start):
    with pytest.raises(AssertionError) as raised:
        start(IMPORT)
    assert "(wrapper.py, line 3)" in str(raised.value)


ASYNC = """
import asyncio

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.wait_for(asyncio.sleep(9), 0.01)  # Line 6.
"""
CANCELLED_FIRST = """
import asyncio

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        if reqData.list[0].data == b"first":
            loop = asyncio.get_running_loop()
            made = loop.create_task
            def create_task(coroutine):
                loop.create_task = made
                task = made(coroutine)
                task.cancel()
                return task
            loop.create_task = create_task
        return "ok"
"""


def test_place_in_an_event_loop(start):
    message = start(ASYNC).web.raw_mode(b"x").message
    assert message.endswith("(wrapper.py, line 6);code=30003"), message


def test_place_is_never_in_our_own_scripts(start):
    """A task that is cancelled before its first step has not been in any file."""
    loader = start(CANCELLED_FIRST)
    assert loader.web.raw_mode(b"first", "?timeout_ms=20000").body == b"ok"
    answer = loader.web.raw_mode(b"second", "?timeout_ms=20000")
    assert (answer.status, answer.message) == (
        500,
        "wrapperOnceExec raised CancelledError;code=30003",
    )


TEXTS = """
import sys

class Silent(Exception):
    def __str__(self): raise RuntimeError("no text")

class Exits(Exception):
    def __str__(self): sys.exit(1)

FAULTS = {
    "long": lambda: ValueError("cannot decode " + "\\u20ac" * 2_000_000 + " the end"),
    "surrogate": lambda: FileNotFoundError("no model caf\\udce9.onnx"),
    "nul": lambda: ValueError("before\\0after"),
    "silent": Silent,
    "exits": Exits,
    "empty": lambda: ValueError(),
    "code long": lambda: 1, "code surrogate": lambda: 2, "code nul": lambda: 3,
}

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    fault = FAULTS[reqData[0]["data"].decode()]()
    if isinstance(fault, int):
        return fault
    raise fault

def wrapperError(code):
    return {1: "x" * 10**6 + " the end", 2: "caf\\udce9", 3: "before\\0after"}[code]
"""


@pytest.fixture(scope="module")
def texts(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("texts"), TEXTS) as loader:
        yield loader


@pytest.mark.parametrize("do", ["long", "code long"])
def test_long_text_is_cut_and_says_so(texts, do):
    """Some MB made a gRPC client see RESOURCE_EXHAUSTED, and went into the log for each call."""
    before = len(texts.log())
    error = texts.xsf.once(texts.xsf.payload("data", do.encode())).error
    assert len(error.encode()) < 4096 + len(";code=30003")
    assert error.startswith("xxx" if "code" in do else "wrapperOnceExec raised ValueError: cannot")
    assert " bytes left out] " in error and "\ufffd" not in error
    assert " the end" in error
    if do == "long":
        assert "(wrapper.py, line " in error
        texts.wait_log("ValueError: cannot decode")
    assert len(texts.log()) - before < 16_000


@pytest.mark.parametrize(
    ("do", "text"),
    [
        ("surrogate", "wrapperOnceExec raised FileNotFoundError: no model caf\\udce9.onnx ("),
        ("nul", "wrapperOnceExec raised ValueError: before\\x00after ("),
        ("silent", "wrapperOnceExec raised Silent ("),
        ("exits", "wrapperOnceExec raised Exits ("),
        ("empty", "wrapperOnceExec raised ValueError ("),
        ("code surrogate", "caf\\udce9;code=2"),
        ("code nul", "before\\x00after;code=3"),
    ],
)
def test_text_is_whole_whatever_is_in_it(texts, do, text):
    answer = texts.web.raw_mode(do.encode())
    assert answer.status == 500
    assert answer.message.startswith(text), answer.message


def test_traceback_is_whole_too(texts):
    texts.web.raw_mode(b"nul")
    texts.web.raw_mode(b"surrogate")
    expected = (r"ValueError: before\x00after", r"no model caf\udce9.onnx")
    for text in expected:
        texts.wait_log(text)

    def page():
        entries = texts.web.get("/status.json").json["failures"]["entries"]
        return "".join(entry["detail"] for entry in entries)

    wait_until(lambda: all(text in page() for text in expected), "both on the status page")


OWN_HOOK = """
import sys
sys.excepthook = lambda kind, value, trace: print("told elsewhere:", value)

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    raise ValueError("odd")
"""


def test_excepthook_of_the_users_is_still_called(start):
    loader = start(OWN_HOOK)
    assert loader.web.raw_mode(b"x").status == 500
    loader.wait_log("told elsewhere: odd")
