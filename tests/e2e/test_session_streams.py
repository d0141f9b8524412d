# SPDX-License-Identifier: Apache-2.0
"""Streams of a session end one by one, and the session with the last of them, in every protocol."""

from itertools import islice

import pytest
from session_fronts import (
    BEGIN,
    CONTINUE,
    END,
    FRONTS,
    ONCE,
    Item,
    NativeStream,
    ServerSentEvents,
    Xsf,
)

TALKING = [front for front in FRONTS if front is not ServerSentEvents]


@pytest.fixture(scope="module", params=["read", "callback"])
def loader(request, binaries, tmp_path_factory):
    from loader_process import Loader

    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    config = {"instances": {"library": str(engine)}}
    with Loader(binaries, tmp_path_factory.mktemp("streams"), config=config) as started:
        yield started


def released(loader):
    loader.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize("front", FRONTS)
def test_each_output_stream_ends_on_its_own(loader, front):
    session = front(loader, keys="3", items="2")
    session.write(b"a", ONCE)
    assert list(session) == [
        Item("out2", "", BEGIN),
        Item("out3", "", BEGIN),
        Item("out", "A", END),  # The session goes on.
        Item("out2", "1", CONTINUE),
        Item("out2", "2", END),
        Item("out3", "1", CONTINUE),
        Item("out3", "2", END),
    ]
    released(loader)


@pytest.mark.parametrize("front", TALKING)
def test_input_goes_on_while_one_of_its_streams_is_open(loader, front):
    session = front(loader, inputs="2")
    outputs = iter(session)
    session.write(b"a", BEGIN, "left")
    session.write(b"b", ONCE, "right")
    assert list(islice(outputs, 2)) == [Item("out", "A", CONTINUE), Item("out", "B", CONTINUE)]
    session.write(b"c", CONTINUE, "left")
    assert next(outputs) == Item("out", "C", CONTINUE)
    session.write(b"d", END, "left")
    assert list(outputs) == [Item("out", "D", END)]
    released(loader)


def test_input_streams_of_one_request_end_together(loader):
    session = ServerSentEvents(loader, inputs="2")
    session.write_all({"left": b"a", "right": b"b"})
    assert list(session) == [Item("out", "AB", END)]
    released(loader)


def test_half_close_ends_every_input_stream_that_is_open(loader):
    session = NativeStream(loader, inputs="3")
    session.write(b"a", BEGIN, "left")
    session.write(b"b", BEGIN, "right")
    session.write(b"c", ONCE, "middle")
    session.half_close()
    items = list(session)
    assert [item.text for item in items if item.text] == ["A", "B", "C"]
    assert [item.status for item in items][-1] == END
    assert all(item.status == CONTINUE for item in items[:-1])
    released(loader)


def test_engine_without_sessions_waits_for_the_last_input_stream(start, toolbox):
    session = Xsf(start(toolbox), do="echo")
    session.write(b"one", BEGIN, "left")
    session.write(b"two", ONCE, "right")
    assert session.session.out(wait_ms=1).output.pl == []
    session.write(b"three", END, "left")
    assert [item[:2] for item in session] == [("left", "one"), ("right", "two"), ("left", "three")]
