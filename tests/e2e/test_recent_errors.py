# SPDX-License-Identifier: Apache-2.0
"""Recent errors of /status.json: what failed, in which instance, and the traceback behind it."""

import http.client

import pytest
from session_wrappers import ASYNC_GENERATOR, GENERATOR, V1_ECHO, V2_HEAD
from waiting import wait_until

V2_RAISES = (
    V2_HEAD
    + """
class Model:
    def run(self, text): raise RuntimeError(text)
class Wrapper(WrapperBase):
    def wrapperOnceExec(self, params, reqData):
        return Model().run(params["text"])
"""
)
ASYNC_ONCE = """
import asyncio
class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.sleep(0)
        raise LookupError("no such voice")
"""
BATCH_RAISES = """
import time
class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        time.sleep(0.05)
        raise MemoryError("too many")
"""
BATCH_ITEMS = (
    V2_HEAD
    + """
def check(params):
    if params.get("bad"): raise ValueError("bad item")
class Wrapper(WrapperBase):
    def wrapperBatchExec(self, params, reqData):
        out = []
        for p in params:
            try:
                check(p)
                out.append(response("good", 3))
            except ValueError as error:
                out.append(error)
        return out
"""
)


def failures(loader, kind=None, **query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    found = loader.web.get(f"/status.json?{text}").json["failures"]["entries"]
    return [f for f in found if kind in (None, f["kind"])]


def only(loader, kind):
    (found,) = wait_until(lambda: failures(loader, kind), f"a failed {kind}")
    return found


def stream(loader, query):
    """One request with a stream of answers, read to its end: a session."""
    connection = http.client.HTTPConnection(loader.web.host, loader.web.port, timeout=20)
    try:
        accept = {"Accept": "text/event-stream"}
        connection.request("POST", "/v1/raw/svcName" + query, b"x", accept)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_without_errors_there_is_none(shared):
    assert shared.xsf.do("echo", b"x").code == 0
    assert shared.web.get("/status.json").json["failures"] == {
        "kept": 50,
        "last": 0,
        "entries": [],
    }


def test_exception_of_a_v1_wrapper(start, toolbox):
    loader = start(toolbox)
    answer = loader.xsf.do("raise", text="no such file")
    failure = only(loader, "call")
    assert (failure["code"], failure["instance"], failure["count"]) == (10909, 0, 1)
    assert failure["text"] == answer.error
    lines = failure["detail"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no such file"
    assert "in do_raise" in failure["detail"]
    assert "Traceback" not in answer.error, "clients get the text only"


def test_exception_of_a_v2_wrapper_with_the_inner_frames(start):
    loader = start(V2_RAISES)
    loader.web.raw_mode(b"x", "?p.text=<script>alert(1)</script>")
    detail = only(loader, "call")["detail"]
    assert "in wrapperOnceExec" in detail
    assert "in run" in detail
    assert detail.endswith("RuntimeError: <script>alert(1)</script>\n")


def test_sid_names_the_call(start, toolbox):
    loader = start(toolbox)
    answer = loader.web.raw_mode(b"x", "?p.do=raise")
    assert only(loader, "call")["sid"] == answer.json["header"]["sid"]


def test_same_error_is_one_entry_with_a_count(start, toolbox):
    loader = start(toolbox)
    for _ in range(7):
        loader.xsf.do("raise", text="again")
    first = only(loader, "call")
    assert first["count"] == 7
    assert failures(loader, failures=first["id"] + 6) == []
    loader.xsf.do("raise", text="another")
    (fresh,) = failures(loader, failures=first["id"] + 6)
    assert "another" in fresh["text"]


def test_own_code_of_the_wrapper_has_a_text_and_no_traceback(start, toolbox):
    loader = start(toolbox)
    loader.xsf.do("raise", text="before")
    loader.xsf.do("code", code=7)
    failure = failures(loader)[-1]
    assert (failure["text"], failure["detail"]) == ("toolbox error 7;code=7", "")


def test_plugin_in_cpp_has_a_text_and_no_traceback(start, binaries):
    loader = start(None, config={"instances": {"library": str(binaries.engine)}})
    assert "code=7" in stream(loader, "?p.write=fail")
    failure = only(loader, "session")
    assert failure["code"] == 10907
    assert failure["text"].endswith(";code=7")
    assert failure["detail"] == ""


@pytest.mark.parametrize("wrapper", [GENERATOR, ASYNC_GENERATOR])
def test_exception_in_a_stream(start, wrapper):
    loader = start(wrapper)
    assert "bad token" in stream(loader, "?p.n=5&p.bad=2")
    failure = only(loader, "session")
    assert failure["code"] in (10908, 10910)
    assert failure["instance"] == 0
    assert failure["sid"]
    assert "in wrapperOnceExec" in failure["detail"]
    assert failure["detail"].endswith("ValueError: bad token\n")


def test_exception_in_a_session_hook(start):
    loader = start(V1_ECHO)
    stream(loader, "?p.create=raise")
    failure = only(loader, "session")
    assert failure["code"] == 10905
    assert "in wrapperCreate" in failure["detail"]
    assert failure["detail"].endswith("ValueError: no room\n")


def test_exception_in_a_coroutine(start):
    loader = start(ASYNC_ONCE)
    loader.web.raw_mode(b"x")
    failure = only(loader, "call")
    assert "in wrapperOnceExec" in failure["detail"]
    assert failure["detail"].endswith("LookupError: no such voice\n")


def test_exception_of_a_whole_batch(start):
    loader = start(BATCH_RAISES, config={"batch": {"max_size": 4}})
    held = [loader.xsf.begin_do("x", wait_ms=20000) for _ in range(6)]
    assert {loader.xsf.answer(future).code for future in held} == {10909}
    failure = only(loader, "call")
    assert failure["count"] == 6
    assert "in wrapperBatchExec" in failure["detail"]


def test_item_of_a_batch_that_fails_alone(start):
    loader = start(BATCH_ITEMS, config={"batch": {"max_size": 4}})
    held = [loader.xsf.begin_do("x", bad=1, wait_ms=20000)]
    held += [loader.xsf.begin_do("x", wait_ms=20000) for _ in range(3)]
    assert sorted(loader.xsf.answer(future).code for future in held) == [0, 0, 0, 10909]
    failure = only(loader, "call")
    assert failure["count"] == 1
    assert "ValueError: bad item" in failure["detail"]
    assert "in check" in failure["detail"]


def test_death_of_a_worker_comes_with_its_last_words(start):
    words = 'import os, sys\nprint("to stdout", flush=True)\nprint("<b>last</b>", file=sys.stderr)'
    loader = start(
        f"""
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    exec({words!r})
    sys.stderr.flush()
    os._exit(3)
""".replace("def wrapper", "import os, sys\ndef wrapper", 1)
    )
    assert loader.xsf.once().code == 10109
    death = only(loader, "worker")
    assert (death["code"], death["instance"], death["text"]) == (0, 0, "died: exit status 3")
    assert "to stdout\n<b>last</b>\n" in death["detail"]
    assert only(loader, "call")["text"] == "worker 0 died with the call: exit status 3"


def test_worker_that_does_not_start_comes_with_its_traceback(start):
    loader = start("def wrapperOnceExec(*a): return 0\n")
    (loader.wrapper_folder / "wrapper.py").write_text("raise OSError('no model')\n", "utf-8")
    loader.web.request("POST", "/admin/reload")
    death = only(loader, "worker")
    assert death["text"].startswith("did not start: ")
    assert "OSError: no model" in death["detail"]
    assert 'wrapper.py", line 1' in death["detail"]


def test_refused_calls_do_not_push_out_why_a_worker_died(start, toolbox, tmp_path):
    loader = start(toolbox, config={"fc": {"max": 1}})
    loader.xsf.do("exit")
    loader.wait_metric("aiges_instances", 1, state="ready")
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    for _ in range(100):
        assert loader.xsf.do("echo").code == 10110
    gate.touch()
    assert loader.xsf.answer(held).code == 0
    kinds = {(f["kind"], f["code"]): f["count"] for f in failures(loader)}
    assert kinds == {("worker", 0): 1, ("call", 10109): 1, ("call", 10110): 100}
