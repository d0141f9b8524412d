# SPDX-License-Identifier: Apache-2.0
"""The life of Python in a worker: hooks that end in odd ways, native crashes, how it starts."""

import pytest
from waiting import wait_until
from xsf_client import XsfSession

ASYNC = """
import asyncio, sys

async def leave(code):
    sys.exit(code)

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        do = reqData.list[0].data.decode()
        if do == "sub-task":  # Somebody cancelled what is awaited.
            task = asyncio.ensure_future(asyncio.sleep(60))
            task.cancel()
            await task
        elif do == "all":
            for task in asyncio.all_tasks():
                task.cancel()
            await asyncio.sleep(60)
        elif do == "task":  # Python ends the event loop with it.
            await asyncio.create_task(leave(3))
        elif do == "exit":
            sys.exit(3)
        elif do == "interrupt":
            raise KeyboardInterrupt("by hand")
        elif do == "generator":
            raise GeneratorExit("odd")
        elif do == "stop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)
        return do
"""


def test_async_hook_that_ends_in_any_way_is_answered(start):
    """CancelledError and its like went past `except Exception`: nobody was told."""
    loader = start(ASYNC)
    for do, name in {
        "sub-task": "CancelledError",
        "all": "CancelledError",
        "task": "SystemExit: 3",
        "exit": "SystemExit: 3",
        "interrupt": "KeyboardInterrupt: by hand",
        "generator": "GeneratorExit: odd",
    }.items():
        answer = loader.web.raw_mode(do.encode(), "?timeout_ms=20000")
        assert (answer.status, answer.code) == (500, 10909), do
        assert answer.message.startswith(f"wrapperOnceExec raised {name}"), do
    assert loader.web.raw_mode(b"stop", "?timeout_ms=20000").body == b"stop"
    assert loader.web.raw_mode(b"ok", "?timeout_ms=20000").body == b"ok"
    wait_until(lambda: loader.log().count("Traceback (most recent call last)") >= 6, "tracebacks")
    assert loader.metric("aiges_instance_restarts_total") == 0


BLOCKS = """
import asyncio, time
class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        do = reqData.list[0].data
        if do == b"block":
            time.sleep(10**6)
        if do == b"wait":
            await asyncio.sleep(3)
        return do
"""


def test_event_loop_that_is_blocked_is_replaced(start):
    """The calls that wait for it pass their deadlines: none is in the worker, and none gets on."""
    loader = start(BLOCKS, config={"instances": {"hang_kill_ms": 1000}})
    assert loader.web.raw_mode(b"block", "?timeout_ms=200").status == 504
    loader.wait_log("no progress within hang_kill_ms=1000")
    loader.wait_metric("aiges_instance_restarts_total", 1)
    loader.wait_readyz()
    assert loader.web.raw_mode(b"x", "?timeout_ms=20000").body == b"x"


def test_event_loop_that_turns_may_have_slow_calls(start):
    loader = start(BLOCKS, config={"instances": {"hang_kill_ms": 1500}})
    assert loader.web.raw_mode(b"wait", "?timeout_ms=20000").body == b"wait"
    assert "no progress" not in loader.log()


PLAIN = """
import asyncio, sys
from aiges_embed import SessionCreateResponse

RAISED = {"exit": lambda: SystemExit(3), "interrupt": lambda: KeyboardInterrupt("by hand"),
          "generator": lambda: GeneratorExit("odd"), "cancelled": asyncio.CancelledError,
          "stop": lambda: StopIteration("odd"), "own": lambda: type("Own", (BaseException,), {})()}

def fail(text, where):
    hook, _, kind = text.partition(" ")
    if hook == where:
        raise RAISED[kind]()

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        fail(reqData.list[0].data.decode(), "once")
        return "ok"

    def wrapperCreate(self, params, sid):
        fail(params.get("do", ""), "create")
        return SessionCreateResponse(sid, 0)

    def wrapperWrite(self, handle, reqData):
        self.said = reqData.list[0].data.decode()
        fail(self.said, "write")
        return 0

    def wrapperRead(self, handle):
        fail(self.said, "read")
        return "ok"

    def wrapperDestroy(self, handle):
        fail(self.said, "destroy")
        return 0
"""
NAMES = {
    "exit": "SystemExit: 3",
    "interrupt": "KeyboardInterrupt: by hand",
    "generator": "GeneratorExit: odd",
    "cancelled": "CancelledError",
    "stop": "StopIteration: odd",
    "own": "Own",
}


@pytest.fixture(scope="module")
def plain(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("plain"), PLAIN) as loader:
        yield loader


@pytest.mark.parametrize("kind", NAMES)
def test_plain_hook_that_ends_in_any_way_is_answered(plain, kind):
    answer = plain.web.raw_mode(f"once {kind}".encode(), "?timeout_ms=20000")
    assert (answer.status, answer.code) == (500, 10909)
    assert answer.message.startswith(f"wrapperOnceExec raised {NAMES[kind]} (wrapper.py, line ")
    assert plain.web.raw_mode(b"ok").body == b"ok"


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("hook, code", [("create", 10905), ("write", 10907), ("read", 10908)])
def test_session_whose_hook_ends_in_any_way_ends_with_it(plain, hook, code, kind):
    session = XsfSession(plain.xsf)
    session.open(params={"do": f"{hook} {kind}"})
    session.write(f"{hook} {kind}".encode(), status=2)
    answer = session.failure()
    assert answer.code == code
    text = f"wrapper{hook.title()} raised {NAMES[kind]} (wrapper.py, line "
    assert answer.error.startswith(text), answer.error
    plain.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize("kind", NAMES)
def test_session_whose_destroy_ends_in_any_way_is_over(plain, kind):
    session = XsfSession(plain.xsf)
    session.open()
    session.write(f"destroy {kind}".encode(), status=2)
    assert session.all(key="result") == ["ok"]
    plain.wait_metric("aiges_in_flight", 0)
    plain.wait_log(f"wrapperDestroy raised {NAMES[kind]}")
    assert plain.metric("aiges_instance_restarts_total") == 0


RAISES = PLAIN.partition("class Wrapper")[0]
LAZY = {
    "generator": "def wrapperOnceExec(self, params, reqData):\n"
    "        yield 'a'\n        fail(reqData.list[0].data.decode(), 'lazy')",
    "stream": "def wrapperStream(self, params, requests):\n        for each in requests:\n"
    "            yield 'a'\n            fail(each.list[0].data.decode(), 'lazy')",
    "async generator": "async def wrapperOnceExec(self, params, reqData):\n"
    "        yield 'a'\n        fail(reqData.list[0].data.decode(), 'lazy')",
    "async stream": "async def wrapperStream(self, params, requests):\n"
    "        async for each in requests:\n"
    "            yield 'a'\n            fail(each.list[0].data.decode(), 'lazy')",
    "async": "async def wrapperOnceExec(self, params, reqData):\n"
    "        await asyncio.sleep(0)\n        fail(reqData.list[0].data.decode(), 'lazy')",
}


@pytest.mark.parametrize("kind", LAZY)
def test_generator_that_ends_in_any_way_ends_its_call_and_its_session(start, kind):
    loader = start(f"{RAISES}\nclass Wrapper:\n    {LAZY[kind]}\n")
    hook = "wrapperStream" if "stream" in kind else "wrapperOnceExec"
    for how, name in NAMES.items():
        if how == "stop":  # Python makes a RuntimeError of it, of which it is the cause.
            name = "RuntimeError: "
        answer = loader.web.raw_mode(f"lazy {how}".encode(), "?timeout_ms=20000")
        assert answer.status == 500, how
        assert answer.message.startswith(f"{hook} raised {name}"), answer.message
        if kind == "async":  # Serves no sessions.
            continue
        session = XsfSession(loader.xsf)
        session.open()
        session.write(f"lazy {how}".encode(), status=2)
        assert session.failure().error.startswith(f"{hook} raised {name}"), how
    loader.wait_metric("aiges_in_flight", 0)
    assert loader.metric("aiges_instance_restarts_total") == 0


OTHERS = {
    "later": "def wrapperOnceExecAsync(self, params, reqData):\n"
    "        fail(reqData.list[0].data.decode(), 'do')",
    "batch": "def wrapperBatchExec(self, params, reqData):\n"
    "        fail(reqData[0].list[0].data.decode(), 'do')",
    "in a batch": "def wrapperBatchExec(self, params, reqData):\n"
    "        return [RAISED[each.list[0].data.decode()[3:]]() for each in reqData]",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_hooks_that_end_in_any_way_are_answered(start, kind):
    loader = start(f"{RAISES}\nclass Wrapper:\n    {OTHERS[kind]}\n")
    hook = "wrapperOnceExecAsync" if kind == "later" else "wrapperBatchExec"
    for how, name in NAMES.items():
        answer = loader.web.raw_mode(f"do {how}".encode(), "?timeout_ms=20000")
        assert (answer.status, answer.code) == (500, 10909), how
        assert answer.message.startswith(f"{hook} raised {name}"), answer.message
    assert loader.metric("aiges_instance_restarts_total") == 0


CRASH = """
import ctypes

def crash():
    ctypes.string_at(0)

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    crash()
"""


def test_native_crash_shows_the_lines_of_python(start):
    loader = start(CRASH)
    answer = loader.web.raw_mode(b"x", "?timeout_ms=20000")
    assert answer.status == 503
    place = 'wrapper.py", line 5 in crash'
    loader.wait_log(place)

    def failures():
        return loader.web.get("/status.json").body.decode()

    wait_until(lambda: r"line 5 in crash" in failures(), "the crash on the status page")


WHERE = """
import json, sys
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = json.dumps([sys.prefix, sys.executable])  # No lone surrogate: that is in no UTF-8.
    data.encode()
    respData.append(dict(key="r", data=ascii(sys.prefix), len=0, status=3, type=0))
    return 0
"""


@pytest.mark.parametrize("name, value", [("PYTHONDEVMODE", "1"), ("PYTHONMALLOC", "debug")])
def test_what_python_reads_before_it_starts_is_honoured(start, name, value):
    """The allocator was used before it was chosen: a crash at the start."""
    assert start(WHERE, env={name: value}).web.raw_mode(b"x").status == 200


def test_interpreter_may_lie_at_any_path(start, tmp_path):
    import subprocess
    import sys

    folder = tmp_path / "\u73af\u5883"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    loader = start(
        WHERE,
        config={"instances": {"python": str(folder / "bin" / "python")}},
        env={"LC_ALL": "C.UTF-8"},
    )
    assert loader.web.raw_mode(b"x").body.decode() == ascii(str(folder))
