# SPDX-License-Identifier: Apache-2.0
"""Sizes: from nothing to tens of megabytes, both ways, on both fronts."""

import json

import pytest
from xsf_client import IMAGE

MIB = 1 << 20
BIG = {"limits": {"max_message_bytes": 80 * MIB}, "queue": {"max_bytes": 256 * MIB}}


def pattern(size):
    """Bytes in which a shift or a cut shows."""
    block = bytes(range(251))
    return (block * (size // len(block) + 1))[:size]


@pytest.mark.parametrize(
    "size", [0, 1, 4095, 4096, 16 * 1024, 65535, 65536, 65537, MIB, MIB + 1, 3 * MIB + 17]
)
def test_every_size_comes_back_whole(shared, size):
    data = pattern(size)
    assert shared.xsf.once(shared.xsf.payload("d", data, IMAGE)).data("d") == data
    assert shared.web.raw_mode(data, "?type=image").body == data


def test_64_mib_come_back_whole(start, toolbox):
    loader = start(toolbox, config=BIG)
    data = pattern(64 * MIB)
    assert loader.xsf.do("echo", data, wait_ms=50000).data("data") == data
    assert loader.web.raw_mode(data).body == data
    loader.stop()


def test_result_may_be_larger_than_the_request(start, toolbox):
    loader = start(toolbox)
    for size in (65536, 70_001, 5 * MIB, 70 * MIB):  # The last: above max_message_bytes.
        answer = loader.xsf.do("size", bytes=size, wait_ms=50000)
        assert len(answer.data("result")) == size


def test_many_payloads_of_mixed_sizes_keep_apart(shared):
    sizes = [0, 10, 70_000, 5000, 0, 200_000, 4096, 65536, 1]
    sent = [shared.xsf.payload(f"p{i}", pattern(size)) for i, size in enumerate(sizes)]
    answer = shared.xsf.once(*sent)
    assert [p.data for p in answer.output.pl] == [pattern(size) for size in sizes]


def test_thousand_payloads(shared):
    sent = [shared.xsf.payload(f"p{i}", b"%d" % i) for i in range(1000)]
    answer = shared.xsf.once(*sent)
    assert [p.data for p in answer.output.pl] == [b"%d" % i for i in range(1000)]


def test_thousand_params_of_some_size(shared):
    params = {f"k{i}": "v" * (i % 50) for i in range(1000)}
    answer = shared.xsf.once(params={"do": "describe", **params})
    seen = json.loads(answer.text())["params"]
    assert {key: seen[key] for key in params} == params


def test_large_calls_at_once_give_their_memory_back(start, toolbox):
    """More in total than the shared memory holds at one time."""
    loader = start(toolbox, config={"limits": {"max_message_bytes": 16 * MIB}})
    data = pattern(8 * MIB)
    for _ in range(6):
        calls = [loader.xsf.begin_do("echo", data, wait_ms=50000) for _ in range(6)]
        assert all(loader.xsf.answer(future).data("data") == data for future in calls)
    assert loader.metric("aiges_queue_bytes") == 0


def test_odd_keys_and_values_survive(shared):
    for text in ("", " ", "a\nb", "\u4e2d\u6587", "x" * 5000, "a/b?c&d", '"', "\x7f"):
        answer = shared.xsf.once(
            shared.xsf.payload(text, b"d", IMAGE, note=text), params={"k": text}
        )
        assert [p.meta.name for p in answer.output.pl] == [text]
