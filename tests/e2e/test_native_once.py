# SPDX-License-Identifier: Apache-2.0
"""Engines in Go and Rust: once calls, errors, batches, answers of other threads, resources."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loader_process import Loader
from native_engines import LANGUAGES, library_of
from waiting import wait_until

# Go's rules for its pointers in C, checked as far as a run can.
CHECKED = {"GODEBUG": "cgocheck=1"}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def loader(language, binaries, tmp_path_factory):
    """Serves the engine of tests/engine/<language>/all, for tests that leave it as it was."""
    config = {"instances": {"library": str(library_of(language, "all"))}, "wrapper": {"mark": "!"}}
    place = tmp_path_factory.mktemp(language)
    with Loader(binaries, place, config=config, env=CHECKED) as started:
        yield started


@pytest.fixture
def served(language, start):
    """served(config, engine="all") -> a loader of its own."""

    def start_loader(config=None, engine="all", **options):
        made = {**(config or {})}
        made["instances"] = {
            "library": str(library_of(language, engine)),
            **made.get("instances", {}),
        }
        return start(config=made, env=CHECKED, **options)

    return start_loader


def once(loader, data=b"x", key="text", kind=0, **params):
    text = {name: str(value) for name, value in params.items()}
    payload = loader.xsf.payload(key, data, kind)
    return loader.xsf.once(payload, params=text, wait_ms=20000)


def failed(loader, **params):
    answer = once(loader, **params)
    assert answer.code != 0
    return answer.error


def http(loader, do):
    return loader.web.raw_mode(b"x", f"?key=text&p.do={do}")


def test_answer_has_what_was_sent(loader):
    assert once(loader, b"hello").text("text") == "HELLO"
    assert once(loader, b"", do="echo").data("text") == b""
    big = os.urandom(3 << 20)
    assert once(loader, big, do="echo", key="any", kind=2).data("any") == big


def test_payloads_keep_their_names_kinds_and_attributes(loader):
    first = loader.xsf.payload("a", b"1", 1, encoding="raw", rate="16000")
    second = loader.xsf.payload("b", b"\x00\xff", 4)
    answer = loader.xsf.once(first, second, params={"do": "echo"})
    assert {name: p.data for name, p in answer.payloads.items()} == {"a": b"1", "b": b"\x00\xff"}
    assert [p.meta.dataType for p in answer.output.pl] == [1, 4]
    assert dict(answer.payloads["a"].meta.attribute)["rate"] == "16000"


def test_an_answer_may_be_empty(loader):
    answer = once(loader, do="empty")
    assert (answer.code, [p.data for p in answer.output.pl]) == (0, [b""])


def test_configuration_is_the_section_wrapper(loader):
    assert once(loader, do="config").text("text") == "!"


def test_many_calls_at_once(loader):
    with ThreadPoolExecutor(8) as pool:
        sent = [b"call %d" % i for i in range(400)]
        answers = list(pool.map(lambda data: once(loader, data).data("text"), sent))
    assert answers == [data.upper() for data in sent]


@pytest.mark.parametrize(
    ("do", "status", "text", "code"),
    [
        ("bad", 400, "expected a picture, got 1 bytes", 30006),
        ("missing", 404, "no such voice", 30007),
        ("own", 400, "unusable", 4242),
        ("fail", 500, "(?i)exec failed: no boxes: unexpected (EOF|end of file)", 30003),
        ("nul", 500, "a key: expected no NUL in .*", 30005),
    ],
)
def test_errors_are_told_by_whose_fault_they_are(loader, do, status, text, code):
    answer = http(loader, do)
    assert answer.status == status
    assert re.search(f"{text};code={code}$", answer.message), answer.message
    assert re.search(f"{text};code={code}$", failed(loader, do=do))


def test_a_nil_error_of_a_type_of_its_own_is_an_error_of_its_call(loader, language):
    if language != "go":
        pytest.skip("only Go has such a thing")
    workers = loader.workers()
    answer = http(loader, "typed_nil")
    assert answer.status == 500
    assert "Exec failed with a *aiges.Error, which panicked when it was asked" in answer.message
    assert once(loader, do="wrong_status").code == 0, "as one that is not said"
    assert loader.workers() == workers


def test_what_clients_send_never_looks_like_a_pointer_of_go(loader, language):
    """C memory is used again, and the collector must not see in it what stood there before."""
    if language != "go":
        pytest.skip("only Go has a collector")
    workers = loader.workers()
    words = b"".join((0xC000000000 + 8 * i).to_bytes(8, "little") for i in range(512))
    for _ in range(300):
        once(loader, words, do="echo")
        assert once(loader, words, do="attributes").code == 0
    assert loader.workers() == workers


@pytest.mark.parametrize(("do", "text"), [("panic", "the model is gone"), ("nil", "")])
def test_panic_is_an_error_of_its_call(loader, language, do, text):
    """With its text to the client, and the stack in the log and on the status page."""
    workers = loader.workers()
    answer = http(loader, do)
    assert answer.status == 500
    assert re.match(f".*(?i:exec) panicked: .*{text}.*;code=30003$", answer.message)
    place = {"go": "main.go:", "rust": "lib.rs:"}[language]
    assert place in loader.log()
    assert place in str(loader.web.get("/status.json?detail=1").json["failures"])
    assert once(loader).text("text") == "X"
    assert loader.workers() == workers


def test_call_knows_its_deadline_and_trace(start, language):
    library = str(library_of(language, "all"))
    config = {"instances": {"library": library}, "aiges": {"headerPass": "traceparent"}}
    loader = start(config=config)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = loader.web.raw_mode(b"x", "?key=text&p.do=who", headers={"traceparent": trace})
    caller, said, *limits = answer.body.decode().split(" ")
    assert (caller, limits) == ('""', ["true", "true"])
    assert said.split("-")[1] == trace.split("-")[1]


def test_cancelled_call_ends_its_context(loader):
    future = loader.xsf.begin_do("wait", wait_ms=20000)
    loader.wait_metric("aiges_meter_total", 1, key="waits")
    future.cancel()
    loader.wait_metric("aiges_meter_total", 1, key="saw_cancel")


def test_meter_trace_and_progress(loader):
    assert once(loader, do="meter").code == 0
    loader.wait_metric("aiges_meter_total", 3, key="words")
    loader.wait_log("found=boxes")
    loader.wait_log("progress=0.5")


def test_schema_is_that_of_the_struct(loader):
    document = loader.web.get("/openapi.json").json
    assert "any words" in json.dumps(document)
    assert "what to do" in json.dumps(document)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"init": "fail"}, "(?i)init failed: no model in the folder"),
        ({"init": "panic"}, "(?i)init panicked: no memory for the model"),
        ({"mark": "cold"}, "(?i)warm_?up failed: too cold"),
    ],
)
def test_failed_start_says_why(served, config, why):
    with pytest.raises(AssertionError, match=why):
        served({"wrapper": config})


def test_end_is_told_to_the_engine(served):
    loader = served()
    loader.stop()
    assert "closed in order" in loader.log()


def test_calls_that_come_together_are_one_batch(served):
    loader = served({"batch": {"max_size": 16}, "instances": {"threads": 1}})
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda i: once(loader, b"%d" % i).text("text"), range(64)))
    # A call that is alone is none of a batch.
    assert [text.split()[-1] for text in texts] == [str(i) for i in range(64)]
    assert max(int(text.split()[0]) for text in texts if " " in text) > 1


def test_call_of_a_batch_fails_alone(served):
    loader = served({"batch": {"max_size": 8}, "instances": {"threads": 1}})
    with ThreadPoolExecutor(16) as pool:
        kinds = ["bad", "fail", "upper", "upper"] * 8
        answers = list(pool.map(lambda do: once(loader, do=do), kinds))
    for do, answer in zip(kinds, answers):
        assert (answer.code == 0) == (do == "upper")
        code = {"bad": ";code=30006", "fail": ";code=30003"}
        assert answer.error.endswith(code.get(do, ""))
    texts = {answer.error for answer in answers}
    assert any('expected a number, got "x"' in text for text in texts)
    assert any("failed: one of many" in text for text in texts)


def test_batch_that_panics_fails_all_its_calls(served):
    loader = served({"batch": {"max_size": 8}, "instances": {"threads": 1}})
    with ThreadPoolExecutor(12) as pool:
        errors = list(pool.map(lambda do: failed(loader, do=do), ["panic"] * 24))
    assert all("panicked: the " in error for error in errors)
    assert any("panicked: the batch is gone" in error for error in errors)
    assert once(loader).code == 0


def test_calls_are_answered_by_other_threads(served):
    loader = served({"instances": {"threads": 1}}, engine="later")
    slow = [
        loader.xsf.begin(loader.xsf.payload("text", b"slow"), params={"delay_ms": "300"})
        for _ in range(8)
    ]
    assert once(loader, b"quick").text("text") == "QUICK"
    assert [loader.xsf.answer(each).text("text") for each in slow] == ["SLOW"] * 8
    assert failed(loader, do="bad").endswith("expected a word;code=30006")
    assert "panicked: no room for the call" in failed(loader, do="panic")


def test_call_that_the_engine_drops_is_answered(served):
    loader = served(engine="later")
    assert "dropped the call unanswered" in failed(loader, do="drop")


@pytest.mark.parametrize("engine", ["all", "later"])
def test_once_calls_may_be_asked_for_by_callback(served, engine):
    loader = served({"aiges": {"asyncMode": True}}, engine=engine)
    assert once(loader, b"hello").text("text") == "HELLO"
    assert failed(loader, do="bad").endswith(";code=30006")
    assert "panicked: " in failed(loader, do="panic")


def test_call_that_is_answered_later_sees_its_end(served):
    loader = served(engine="later")
    future = loader.xsf.begin_do("wait", wait_ms=20000)
    loader.wait_metric("aiges_meter_total", 1, key="waits")
    future.cancel()
    loader.wait_metric("aiges_meter_total", 1, key="saw_cancel")


def test_what_the_engine_has_not_is_not_claimed(served):
    loader = served({"batch": {"max_size": 4}}, engine="later")
    assert "max_size = 4 has no effect" in loader.log()
    loader.stop()


def test_resources_reach_the_calls_that_name_them(served):
    loader = served()
    path = "/v1/resources/svcName?patch_id=voice"
    assert loader.web.request("POST", path, b"one").json == {"res_id": 1}
    assert once(loader, psr_ids="1").text("text") == "X[1=one]"
    bad = loader.web.request("POST", path, b"bad")
    assert bad.status == 400
    assert "expected a voice;code=30006" in bad.message
    assert loader.web.request("DELETE", "/v1/resources/svcName?res_id=1").status == 200
    assert once(loader, psr_ids="1").text("text") == "X[1=]"


def resident_kb(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def test_memory_stays_as_it_is(served):
    """AIGES_LONG=1: a million calls."""
    loader = served()
    (worker,) = loader.workers()
    rounds = 1_000_000 if os.environ.get("AIGES_LONG") else 4_000
    payload = loader.xsf.payload("text", os.urandom(4096))

    def calls(count):
        for _ in range(count // 32):
            many = [loader.xsf.begin(payload, params={"do": "echo"}) for _ in range(32)]
            assert all(loader.xsf.answer(each).code == 0 for each in many)
        for do in ("fail", "bad", "panic"):
            failed(loader, do=do)

    calls(rounds // 4)
    before = resident_kb(worker)
    calls(rounds)
    wait_until(lambda: resident_kb(worker) < before + 16_000, "memory as before")
    assert loader.workers() == [worker]
