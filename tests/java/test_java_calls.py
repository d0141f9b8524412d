# SPDX-License-Identifier: Apache-2.0
"""Once calls, batches and resources of an engine in Java."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

LARGE = 300_000  # More than crosses in a frame.


def test_engine_is_told_with_its_java_and_its_jar(java):
    (instance,) = java.web.get("/status.json").json["instances"]
    assert "/libwrapper_java.so (java 17." in instance["plugin"]
    assert instance["plugin"].endswith(", engine.jar)")


@pytest.mark.parametrize("size", [0, 1, 256, 4096, 4097, 65_535, 65_536, LARGE, 5_000_000])
@pytest.mark.parametrize("action", ["echo", "copy"])
def test_payloads_of_every_size_come_back(java, size, action):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert java.xsf.do(action, data, wait_ms=20000).data("data") == data


def test_many_payloads_come_back_in_order_with_what_is_said_of_them(java):
    given = [java.xsf.payload(f"p{i}", b"%d" % i * (i * 900), kind=i % 4) for i in range(40)]
    answer = java.xsf.once(*given, params={"do": "echo"})
    assert [(p.meta.name, p.meta.dataType, p.data) for p in answer.output.pl] == [
        (p.meta.name, p.meta.dataType, p.data) for p in given
    ]


def test_small_input_is_copied_and_large_input_is_the_hosts_memory(java):
    small = java.xsf.do("describe", b"abc").text("out")
    assert small.startswith("data TEXT ONCE 3 bytes heap read-only ")
    large = java.xsf.do("describe", b"a" * LARGE).text("out")
    assert large.startswith(f"data TEXT ONCE {LARGE} bytes direct read-only ")


def test_attributes_and_params_arrive_as_text(java):
    payload = java.xsf.payload("p", b"", kind=2, sample="16k", title="ü中")
    answer = java.xsf.once(payload, params={"do": "describe", "named": "𝄞ü"})
    assert "p IMAGE ONCE 0 bytes" in answer.text("out")
    assert "sample=16k" in answer.text("out")
    assert "title=ü中" in answer.text("out")
    assert answer.text("out").endswith(";𝄞ü")


def test_request_that_is_larger_than_the_usual_buffer(java):
    answer = java.xsf.do("describe", b"x" * 5000, named="n" * 400_000, wait_ms=20000)
    assert answer.text("out").endswith(";" + "n" * 400_000)
    many = [java.xsf.payload(f"p{i}", b"x" * 1000) for i in range(1000)]
    answer = java.xsf.once(*many, params={"do": "echo"}, wait_ms=20000)
    assert [p.data for p in answer.output.pl] == [b"x" * 1000] * 1000


@pytest.mark.parametrize("more", [{}, {"direct": 1}, {"slice": 1}])
@pytest.mark.parametrize("size", [100, 70_000, 3_000_000])
def test_results_of_arrays_slices_and_direct_buffers(java, more, size):
    answer = java.xsf.do("big", size=size, fill="q", wait_ms=20000, **more)
    expected = size - 5 if "slice" in more else size
    assert answer.data("out") == b"q" * expected


def test_large_results_at_once_on_several_threads(java):
    def ask(number):
        fill = chr(ord("a") + number % 26)
        got = java.xsf.do("big", size=200_000 + number, fill=fill, wait_ms=30000).data("out")
        assert got == fill.encode() * (200_000 + number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(200)))


def test_input_kept_beyond_its_call_is_refused_and_reading_its_memory_harms_nobody(java):
    for i in range(8):
        java.xsf.do("keep", b"%d" % i * LARGE, wait_ms=20000)
    for i in range(20):
        assert java.xsf.do("echo", b"%d" % i * LARGE, wait_ms=20000).code == 0
    assert java.xsf.do("late").text("out") == "8 refused of 8"
    assert java.metric("aiges_instance_restarts_total") in (0, None)


def test_slow_calls_run_at_once(java):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: java.xsf.do("sleep", b"x", ms=300), range(8)))
    assert [answer.data("data") for answer in answers] == [b"x"] * 8


def test_printed_lines_are_in_the_log_as_utf8(java):
    java.xsf.do("print")
    java.wait_log("printed out ü中")
    java.wait_log("printed err ü中")


def test_meters_reach_the_metrics(java):
    java.xsf.do("meter", count=7)
    java.wait_metric("aiges_meter_total", 7, key="tokens")


def test_param_that_is_no_number_is_the_callers_fault(java):
    answer = java.web.raw_mode(b"x", "?p.do=int&p.value=many")
    assert answer.status == 400
    assert 'value: expected a whole number, got "many"' in answer.message


def test_batch_is_one_call_with_an_answer_for_each(start, jar):
    config = {
        "instances": {"threads": 1},
        "batch": {"max_size": 4, "max_delay_us": 500_000},
    }
    loader = start(jar.parent, config=config)
    loader.xsf.do("sleep", b"warm")

    def ask(*texts):
        futures = [
            loader.xsf.begin(loader.xsf.payload("data", text), wait_ms=20000) for text in texts
        ]
        return [loader.xsf.answer(future) for future in futures]

    def together():
        answers = ask(b"a", b"bad", b"worse", b"large")
        first = answers[0].payloads.get("out")
        return answers if first is not None and first.data == b"a of 4" else None

    a, bad, worse, large = wait_until(together, "four calls in one batch", 20)
    assert a.text("out") == "a of 4"
    assert bad.error == "bad one;code=30006"
    assert worse.error.startswith("execBatch: IllegalStateException: worse one (TestEngine.java")
    assert worse.error.endswith(";code=30003")
    assert large.data("out") == b"\0" * 200_000


def test_batch_that_throws_fails_all_of_its_calls(start, jar):
    loader = start(jar.parent, config={"batch": {"max_size": 4, "max_delay_us": 200_000}})
    futures = [loader.xsf.begin_do("batch_fails", b"x", wait_ms=20000) for _ in range(4)]
    for future in futures:
        error = loader.xsf.answer(future).error
        if "batch_fails" in error:
            continue  # Alone, it went to exec, which knows no such word.
        assert "execBatch raised IllegalStateException: all of " in error


def test_resources_are_loaded_named_and_given_up(start, jar):
    loader = start(jar.parent)

    def load(data):
        return loader.web.request("POST", "/v1/resources/svcName?patch_id=voice", data)

    def named(**params):
        return loader.xsf.do("resources", **params).text("out")

    assert load(b"one").json == {"res_id": 1}
    assert load(b"two").json == {"res_id": 2}
    assert named(psr_ids="2,1") == "[2=two][1=one]"
    refused = load(b"bad")
    assert (refused.status, refused.code) == (400, 10903)
    assert refused.message.endswith("a resource that cannot be used;code=30006")
    assert loader.web.request("DELETE", "/v1/resources/svcName?res_id=1").status == 200
    assert named(psr_ids="1") == "[1=null]"
    assert named() == ""
