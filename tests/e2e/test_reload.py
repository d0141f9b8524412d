# SPDX-License-Identifier: Apache-2.0
"""Reload and recycling: workers are replaced, all or none, and no client notices."""

import os
import signal

import pytest
from client_load import Load
from waiting import wait_until

VERSIONED = """
VERSION = {version!r}
def wrapperInit(config):
    global ANSWER
    ANSWER = VERSION + config.get("suffix", "")
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({{"key": "v", "data": ANSWER, "len": len(ANSWER), "status": 3, "type": 0}})
    return 0
"""


def version_of(loader):
    return loader.xsf.once().data("v").decode()


def rewrite(loader, text):
    (loader.wrapper_folder / "wrapper.py").write_text(text, encoding="utf-8")


def hup(loader):
    loader.process.send_signal(signal.SIGHUP)


def test_sighup_takes_the_new_code_and_the_new_wrapper_section(start):
    loader = start(VERSIONED.format(version="one"))
    assert version_of(loader) == "one"
    rewrite(loader, VERSIONED.format(version="two"))
    change_the_configuration(loader)
    (old,) = loader.workers()
    hup(loader)
    loader.wait_log("reload: done")
    assert version_of(loader) == "two!"
    wait_until(lambda: old not in loader.workers(), "the end of the old worker")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("def wrapperInit(:\n", "SyntaxError"),
        (VERSIONED.format(version="x") + "raise OSError('no model file')\n", "no model file"),
        ("import os\nos._exit(4)\n", "exit status 4"),
    ],
)
def test_new_version_that_does_not_start_leaves_the_old_one_serving(start, broken, why):
    loader = start(VERSIONED.format(version="good"), config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    workers = loader.workers()
    rewrite(loader, broken)
    hup(loader)
    loader.wait_log("reload: the new worker 0 did not start, the old one goes on: ")
    assert why in loader.log()
    assert version_of(loader) == "good"
    wait_until(lambda: loader.workers() == workers, "the old workers alone")
    rewrite(loader, VERSIONED.format(version="better"))
    hup(loader)
    loader.wait_log("reload: done")
    assert version_of(loader) == "better"


FIRST_STARTS_ALONE = """
import os
def wrapperInit(config):
    os.close(os.open("first", os.O_CREAT | os.O_EXCL))  # Only one of all workers can.
    return 0
"""


def test_second_worker_that_does_not_start_leaves_the_first_one_old_too(start, tmp_path):
    loader = start(VERSIONED.format(version="good"), config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    workers = loader.workers()
    once = FIRST_STARTS_ALONE.replace("first", str(tmp_path / "first"))
    rewrite(loader, VERSIONED.format(version="half") + once)
    hup(loader)
    loader.wait_log("reload: the new worker 1 did not start, the old one goes on: ")
    assert {version_of(loader) for _ in range(20)} == {"good"}
    wait_until(lambda: loader.workers() == workers, "the old workers alone")


def test_mistakes_in_the_configuration_leave_the_old_one(start):
    loader = start(VERSIONED.format(version="one"))
    (loader.folder / "aiges.toml").write_text("[svcName]\nport = 'x'\n", encoding="utf-8")
    hup(loader)
    loader.wait_log("reload: the configuration has mistakes, the old one stays:")
    assert version_of(loader) == "one"


def change_the_code(loader):
    rewrite(loader, VERSIONED.format(version="second"))


def change_the_configuration(loader):
    path = loader.folder / "aiges.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[wrapper]\n", '[wrapper]\nsuffix = "!"\n'), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "answer"), [(change_the_code, "second"), (change_the_configuration, "one!")]
)
def test_watch_reloads_when_a_file_changes(start, change, answer):
    loader = start(VERSIONED.format(version="one"), config={"instances": {"watch": True}})
    assert version_of(loader) == "one"
    change(loader)
    wait_until(lambda: version_of(loader) == answer, "what has changed")


def test_reloads_under_load_lose_nothing(start, toolbox):
    loader = start(toolbox, config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    load = Load(loader, threads=8)
    try:
        for reload in range(1, 9):
            hup(loader)
            loader.wait_log("reload: done", count=reload, timeout_s=30)
    finally:
        codes = load.end()
    assert load.faults == []
    assert set(codes) == {0}, codes
    assert loader.metric("aiges_in_flight") == 0
    loader.stop()


def test_call_in_an_old_worker_is_finished_there(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", b"held", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    (old,) = loader.workers()
    hup(loader)
    loader.wait_log("a new one has taken its place")
    assert loader.xsf.do("echo", b"new").data("data") == b"new"
    assert old in loader.workers()
    gate.touch()
    assert loader.xsf.answer(held).data("data") == b"held"
    wait_until(lambda: old not in loader.workers(), "the end of the old worker")


def test_old_worker_that_does_not_finish_is_killed_after_drain_ms(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"drain_ms": 300}})
    held = loader.xsf.begin_do("gate", b"held", gate=tmp_path / "never", wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    hup(loader)
    answer = loader.xsf.answer(held)
    assert answer.code == 10109
    assert "replaced, and not finished within drain_ms" in answer.error
    assert loader.xsf.do("echo", b"new").data("data") == b"new"


def test_max_requests_recycles_a_worker_unnoticed(start, toolbox):
    config = {"instances": {"max_requests": 50, "hang_kill_ms": 1000}}
    loader = start(toolbox, config=config)
    (first,) = loader.workers()
    load = Load(loader, threads=4)
    try:
        loader.wait_log("is replaced: ", count=2, timeout_s=20)
        wait_until(lambda: first not in loader.workers(), "the end of the first worker")
    finally:
        codes = load.end()
    assert set(codes) == {0}, codes


GROWS = """
held = []
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    held.append(bytearray(60 << 20))
    respData.append({"key": "v", "data": "x", "len": 1, "status": 3, "type": 0})
    return 0
"""


def test_max_rss_mb_recycles_a_worker_that_has_grown(start):
    config = {"instances": {"max_rss_mb": 100, "hang_kill_ms": 1000}}
    loader = start(GROWS, config=config)
    (first,) = loader.workers()
    for _ in range(2):
        assert loader.xsf.once().code == 0
    loader.wait_log("MB resident, max_rss_mb = 100")
    wait_until(lambda: first not in loader.workers(), "the end of the large worker")
    assert loader.xsf.once().code == 0


def test_worker_that_dies_during_a_reload_is_replaced_all_the_same(start, toolbox):
    loader = start(toolbox)
    (old,) = loader.workers()
    hup(loader)
    os.kill(old, signal.SIGKILL)
    loader.wait_log("reload: done")
    loader.wait_readyz()
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    assert len(wait_until(lambda: len(loader.workers()) == 1 and loader.workers(), "one")) == 1


def test_admin_reload_answers_when_it_is_done(start):
    loader = start(VERSIONED.format(version="one"))
    rewrite(loader, VERSIONED.format(version="two"))
    answer = loader.web.request("POST", "/admin/reload", b"")
    assert (answer.status, answer.json) == (200, {"reloaded": True})
    assert version_of(loader) == "two"
    rewrite(loader, "raise OSError('no model')\n")
    answer = loader.web.request("POST", "/admin/reload", b"")
    assert answer.status == 500
    assert "did not start, the old one goes on" in answer.message
    assert loader.web.request("GET", "/admin/reload").status == 405


def test_admin_token_keeps_others_out(start):
    loader = start(VERSIONED.format(version="one"), config={"admin": {"token": "secret"}})
    assert loader.web.request("POST", "/admin/reload", b"").status == 403
    wrong = {"Authorization": "Bearer other"}
    assert loader.web.request("POST", "/admin/reload", b"", wrong).status == 403
    right = {"Authorization": "Bearer secret"}
    assert loader.web.request("POST", "/admin/reload", b"", right).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        # A name of somebody else that leads to this machine: the browser takes it for one site.
        {
            "Origin": "http://rebound.example",
            "Host": "rebound.example",
            "Sec-Fetch-Site": "same-origin",
        },
    ],
)
def test_web_pages_need_the_token_also_on_this_machine(start, headers):
    loader = start(VERSIONED.format(version="one"))
    worker = loader.workers()
    answer = loader.web.request("POST", "/admin/reload", b"", headers)
    assert answer.status == 403
    why = "for this machine only" if "Host" in headers else "not for web pages"
    assert answer.message == f"/admin is {why}; set [admin] token"
    assert loader.workers() == worker
    assert (
        loader.web.request("POST", "/admin/reload", b"", {"Sec-Fetch-Site": "none"}).status == 200
    )


def test_page_with_the_token_may_reload(start):
    loader = start(VERSIONED.format(version="one"), config={"admin": {"token": "secret"}})
    page = {"Origin": f"http://{loader.http}", "Sec-Fetch-Site": "same-origin"}
    assert loader.web.request("POST", "/admin/reload", b"", page).status == 403
    page["Authorization"] = "Bearer secret"
    assert loader.web.request("POST", "/admin/reload", b"", page).status == 200
