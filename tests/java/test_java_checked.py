# SPDX-License-Identifier: Apache-2.0
"""The shim under -Xcheck:jni: the JVM looks at each call of JNI, and at what is left behind."""

from concurrent.futures import ThreadPoolExecutor

from session_fronts import NativeStream


def test_every_kind_of_call_keeps_the_rules_of_jni(start, jar):
    config = {
        "instances": {"java_options": ["-Xcheck:jni"]},
        "batch": {"max_size": 4, "max_delay_us": 20_000},
    }
    loader = start(jar.parent, config=config)

    def calls(number):
        for action in ("echo", "copy", "describe", "bad", "throw", "meter", "time"):
            for size in (10, 5000, 100_000):
                loader.xsf.do(action, b"x" * size, wait_ms=30000)
        for more in ({}, {"direct": 1}, {"slice": 1}):
            loader.xsf.do("big", size=200_000, wait_ms=30000, **more)
        for by in ("emitter", "read"):
            session = NativeStream(loader, by=by, items="3", bytes="70000")
            session.write(b"x" * 100, 2)
            assert len(list(session)) == 4
        futures = [loader.xsf.begin(loader.xsf.payload("data", b"large"), wait_ms=30000)] * 4
        assert {loader.xsf.answer(each).code for each in futures} == {0}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(calls, range(8)))
    loader.stop()
    log = loader.log()
    found = [line for line in log.splitlines() if "in native method" in line]
    assert found == []
    assert "local refs" not in log  # That are more than a frame has asked for.
