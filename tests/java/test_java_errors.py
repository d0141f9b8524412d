# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in an engine in Java: its calls are told why, and the process goes on."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.mark.parametrize(
    ("action", "status", "text"),
    [
        ("bad", 400, "text: expected a word, got none;code=30006"),
        ("missing", 404, "no such word;code=30007"),
        ("busy", 503, "later;code=30008"),
        ("exists", 409, "there already;code=30010"),
        ("coded", 500, "my own text;code=4711"),
    ],
)
def test_exception_for_the_client_is_its_text_and_status(java, action, status, text):
    answer = java.web.raw_mode(b"x", f"?p.do={action}")
    assert (answer.status, answer.code, answer.message) == (status, 10909, text)


@pytest.mark.parametrize(
    ("action", "begin"),
    [
        ("throw", "exec raised IllegalStateException: broken ü中\\x00end (TestEngine.java, line "),
        ("cause", "exec raised RuntimeException: outer (TestEngine.java, line "),
        ("null_pointer", "exec raised NullPointerException: Cannot invoke "),
        ("null_answer", "exec raised NullPointerException: exec: expected a list of payloads, got"),
        ("null_item", "exec raised NullPointerException: "),
        ("overflow", "exec raised StackOverflowError (TestEngine.java, line "),
    ],
)
def test_other_exception_is_told_with_its_line_and_its_stack_is_on_the_page(java, action, begin):
    answer = java.web.raw_mode(b"x", f"?p.do={action}")
    assert (answer.status, answer.code) == (500, 10909)
    assert answer.message.startswith(begin)
    assert answer.message.endswith(";code=30003")
    assert "\tat " not in answer.message
    java.wait_log(begin.removeprefix("exec raised ").split(" (")[0].split(":")[0])
    failures = java.web.get("/status.json").json["failures"]["entries"]
    assert any("at ai.aiges.Bridge.exec(" in (each.get("detail") or "") for each in failures)
    assert java.xsf.do("echo", b"on").data("data") == b"on"


def test_exception_that_throws_when_it_is_asked_is_told_by_its_name(java):
    answer = java.xsf.do("mute")
    assert answer.error.startswith(
        "exec raised Mute: its message cannot be told: java.lang.Illegal"
    )
    assert java.xsf.do("echo", b"on").data("data") == b"on"


def test_libraries_find_their_resources_on_every_thread(start, jar):
    """By the thread's class loader, which threads that are attached to a JVM have none of."""
    loader = start(jar.parent, config={"instances": {"threads": 4}})
    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(lambda _: loader.xsf.do("loader").text("out"), range(64)))
    assert all(each.endswith(" AppClassLoader") for each in said), said
    assert len(said) > 1, "one thread served them all"


def test_cause_is_in_the_log(java):
    java.xsf.do("cause")
    java.wait_log("Caused by: java.lang.IllegalArgumentException: inner")


def test_endless_text_is_cut(java):
    answer = java.xsf.do("long_text")
    assert answer.error.startswith("exec raised IllegalStateException: xxx")
    assert len(answer.error) < 5000


def test_null_checks_of_compiled_code_are_no_crash(java):
    """The JVM makes them out of SIGSEGV, once it has compiled the code."""
    for _ in range(2000):
        assert java.xsf.do("null_pointer").code == 10909
    assert java.metric("aiges_instance_restarts_total") in (0, None)


def test_call_past_its_deadline_sees_that(start, jar):
    loader = start(jar.parent)
    assert loader.xsf.do("time", wait_ms=20000).text("out") == "early"
    answer = loader.xsf.do("wait", wait_ms=200)
    assert answer.code == 10102
    loader.wait_metric("aiges_meter_total", 1, key="saw_cancel")
