# SPDX-License-Identifier: Apache-2.0
"""Models that call models: aiges.call, aiges.acall and aiges.stream in one loader."""

import ast
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from loader_process import Loader
from waiting import wait_until

# Does what the parameter "do" says, which is Python in the names of this module.
CALLER = """
import asyncio, threading
import aiges
from aiges import context

class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag):
        given = reqData.list[0].data.decode()
        try:
            return str(eval(params["do"], globals(), {**locals(), "call": call}))
        except aiges.CallFailed as failed:
            return f"{failed.kind} {failed.code} {failed.model}: {failed.text}"

def call(model="echo", given="x", params=None, **options):
    return aiges.call(model, {"text": given}, params, **options)["text"].data.decode()

def in_thread(work):
    told = []
    thread = threading.Thread(target=lambda: told.append(work()))
    thread.start()
    thread.join()
    return told[0]

async def together(count):
    answers = await asyncio.gather(
        *(aiges.acall("echo", {"text": str(i)}) for i in range(count))
    )
    return "".join(answer["text"].data.decode() for answer in answers)

async def given_up():
    task = asyncio.ensure_future(aiges.acall("echo", {"text": "x"}, {"until": "cancelled"}))
    await asyncio.sleep(0.05)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"

async def pieces(count):
    got = aiges.stream("tokens", {"text": str(count)})
    return [answer[0].data.decode() async for answer in got]
"""
ECHO = """
import os, time
from aiges import context, errors

class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag):
        if params.get("ask"):
            return answer(f"{context.remaining_ms()} {params.get('sid')}")
        if params.get("bad"):
            raise errors.BadInput("expected good, got bad")
        if params.get("until"):
            print("waits", flush=True)
            while not context.cancelled():
                time.sleep(0.001)
            print("saw the end", flush=True)
        return answer(reqData.list[0].data)

def answer(data):
    return {"key": "text", "data": data, "len": len(data), "type": 0, "status": 3}
"""
# Calls the one that calls it.
BACK = """
import aiges

class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag):
        return aiges.call("caller", reqData, params)
"""
TOKENS = """
class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag):
        for i in range(int(reqData.list[0].data)):
            yield str(i)
"""
ASYNC = """
import aiges

class Wrapper:
    async def wrapperOnceExec(self, params, reqData, usrTag):
        got = await aiges.acall("echo", reqData)
        parts = [piece[0].data.decode() async for piece in aiges.stream("tokens", {"text": "3"})]
        return got["text"].data.decode() + "".join(parts)
"""
MODELS = {"caller": CALLER, "echo": ECHO, "back": BACK, "tokens": TOKENS, "later": ASYNC}
INTERNAL = {"echo.part"}
MODELS["echo.part"] = ECHO


def write_models(folder, models):
    for name, text in models.items():
        place = folder / name / "1"
        place.mkdir(parents=True)
        (place / "wrapper.py").write_text(text, encoding="utf-8")
        if name in INTERNAL:
            (folder / name / "model.toml").write_text("internal = true\n")


def config_of(folder, **more):
    return {
        "models": {"repository": str(folder)},
        "queue": {"default_timeout_ms": 20_000},
        **more,
    }


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_models(folder, MODELS)
    place = tmp_path_factory.mktemp("loader")
    with Loader(binaries, place, config=config_of(folder)) as loader:
        yield loader


@pytest.fixture
def pair(start, tmp_path):
    """pair(section={..}) -> a loader of its own with the models caller and echo."""

    def start_pair(**more):
        write_models(tmp_path / "models", {"caller": CALLER, "echo": ECHO})
        return start(config=config_of(tmp_path / "models", **more))

    return start_pair


def ask(loader, do, given="x", model="caller", timeout=""):
    query = f"?p.do={quote(do, safe='')}" + (f"&timeout_ms={timeout}" if timeout else "")
    answer = loader.web.raw_mode(given.encode(), query, model)
    return answer.body.decode() if answer.status == 200 else f"{answer.status} {answer.body!r}"


def test_answer_is_that_of_the_other_model(loader):
    assert ask(loader, "call(given=given)", "hello") == "hello"
    assert ask(loader, "aiges.call('echo', reqData)[0].data.decode()", "as it came") == "as it came"
    assert ask(loader, "aiges.call('echo', b'plain')[0].key") == "text"


def test_thousand_calls_in_a_row(loader):
    assert ask(loader, "[call(given=str(i)) for i in range(1000)][-1]") == "999"


def test_many_callers_at_one_time(loader):
    with ThreadPoolExecutor(16) as pool:
        got = pool.map(lambda i: ask(loader, "call(given=given)", str(i)), range(200))
        assert list(got) == [str(i) for i in range(200)]


def test_large_data_go_both_ways(loader):
    assert ask(loader, "len(call(given='x' * 3_000_000))") == "3000000"


def test_errors_name_the_model_and_their_kind(loader):
    assert ask(loader, "call('nobody')").startswith("not_found 10106 nobody: ")
    bad = ask(loader, "call(params={'bad': 1})")
    assert bad.startswith("invalid 10909 echo: expected good, got bad")


def test_cycle_is_refused_with_its_path(loader):
    text = ask(loader, "aiges.call('back', reqData, {'do': 'call(\"back\")'})")
    assert "caller -> back -> caller" in text


def test_sid_and_deadline_go_along(loader):
    do = "[call(params={'ask': 1}), context.remaining_ms(), params['sid']]"
    answer = ask(loader, do, timeout="5000")
    echoed, left, sid = ast.literal_eval(answer)
    echoed_left, echoed_sid = echoed.split()
    assert echoed_sid == sid
    assert 0 <= left <= float(echoed_left) <= 5000


def test_own_timeout_is_one_of_the_call(loader):
    got = ask(loader, "call(params={'until': 'cancelled'}, timeout=0.05)")
    assert got.startswith("deadline 10102 echo: ")


def test_thread_of_the_users_own_calls_too(loader):
    assert ask(loader, "in_thread(lambda: call(given='y'))") == "y"


def test_event_loop_goes_on_meanwhile(loader):
    assert ask(loader, "asyncio.run(together(50))") == "".join(map(str, range(50)))
    assert ask(loader, "asyncio.run(given_up())") == "cancelled"


def test_async_hook_calls(loader):
    assert ask(loader, "", "z", "later") == "z012"


def test_session_is_read_piece_by_piece(loader):
    do = "[a[0].data.decode() for a in aiges.stream('tokens', {'text': '5'})]"
    assert ask(loader, do) == str(list("01234"))
    assert ask(loader, "asyncio.run(pieces(3))") == str(list("012"))


def test_internal_model_is_for_other_models_only(loader):
    assert ask(loader, "call('echo.part', given='in')") == "in"
    refused = ask(loader, "", model="echo.part")
    assert refused.startswith("404 ") and "unknown model" in refused
    assert "echo.part" not in refused.partition("there are")[2]
    for path in ("/v2/models/echo.part", "/v2/models/echo.part/ready", "/m/echo.part/x"):
        assert loader.web.get(path).status == 404
    for path in ("/v1/models", "/v2/models"):
        assert "echo.part" not in loader.web.get(path).body.decode()
    index = loader.web.request("POST", "/v2/repository/index", b"").body.decode()
    assert '"echo"' in index and "echo.part" not in index
    status = json.loads(loader.web.get("/status.json").body)
    assert "echo.part" in {model["name"] for model in status["models"]}


def test_graph_has_counts(loader):
    ask(loader, "call()")
    between = json.loads(loader.web.get("/status.json").body)["calls_between"]
    found = {(each["from"], each["to"]): each["calls"] for each in between}
    assert found["caller", "echo"] > 0
    assert ("caller", "nobody") not in found


WSGI = """
import aiges

def app(environ, start_response):
    text = environ["QUERY_STRING"]
    body = aiges.call("echo", {"text": text})["text"].data
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""


def test_threads_of_an_application_call_too(start, tmp_path):
    """They are none of the worker's own: whoever of these reads for them must not be the last."""
    write_models(tmp_path / "models", {"echo": ECHO})
    place = tmp_path / "models" / "web" / "1"
    place.mkdir(parents=True)
    (place / "main.py").write_text(WSGI)
    (place.parent / "model.toml").write_text('contract = "wsgi"\napp = "main:app"\n')
    loader = start(config=config_of(tmp_path / "models"))

    def call(i):
        answer = loader.web.get(f"/m/web/x?{i}")
        return answer.status, answer.body.decode()

    wait_until(lambda: call(0) == (200, "0"), "an answer of the application")
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(call, range(600)))
    assert got == [(200, str(i)) for i in range(600)]


def test_one_licence_is_enough(pair):
    loader = pair(fc={"max": 1})
    assert ask(loader, "[call(given=str(i)) for i in range(20)][-1]") == "19"


def test_death_of_the_other_is_an_error_of_the_call(pair):
    loader = pair()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, loader, "call(params={'until': 'cancelled'})")
        loader.wait_log("waits")
        os.kill(worker_of(loader, "echo"), signal.SIGKILL)
        assert answer.result().startswith("unavailable 10109 echo: ")
    wait_until(lambda: ask(loader, "call()") == "x", "an answer again")


def worker_of(loader, model):
    """The pid of a model's worker: it runs in the model's folder."""
    return next(
        pid for pid in loader.workers() if f"/{model}/" in os.readlink(f"/proc/{pid}/cwd") + "/"
    )


def test_client_that_leaves_ends_the_nested_call(pair):
    loader = pair()
    connection = loader.web.connect()
    do = quote("call(params={'until': 'cancelled'})", safe="")
    connection.request("POST", f"/v1/raw/caller?p.do={do}", b"x")
    loader.wait_log("waits")
    connection.close()
    loader.wait_log("saw the end")
