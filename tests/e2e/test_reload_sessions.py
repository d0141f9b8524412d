# SPDX-License-Identifier: Apache-2.0
"""Reload with sessions open: each stays with its worker to its end, new ones go to new workers."""

from itertools import islice

import pytest
from session_fronts import BEGIN, CONTINUE, END, NativeStream
from test_reload import hup
from waiting import wait_until


@pytest.fixture(params=["read", "callback"])
def library(request, binaries):
    return binaries.engine if request.param == "read" else binaries.engine_without_read


class Talk:
    """A session whose answers begin with the number of the process that made them."""

    def __init__(self, loader):
        self.session = NativeStream(loader, pid="1")
        self.items = iter(self.session)
        self.status = BEGIN
        self.worker = self.say("hello")

    def say(self, text, last=False):
        self.session.write(text.encode(), END if last else self.status)
        self.status = CONTINUE
        (item,) = islice(self.items, 1)
        worker, _, answer = item.text.partition(" ")
        assert answer == text.upper()
        return int(worker)

    def finish(self):
        assert self.say("bye", last=True) == self.worker
        assert list(self.items) == []


def start_loader(start, library, count):
    loader = start(config={"instances": {"library": str(library), "count": count}})
    loader.wait_metric("aiges_instances", count, state="ready")
    return loader


def test_open_session_stays_in_the_old_worker(start, library):
    loader = start_loader(start, library, 1)
    old = Talk(loader)
    assert [old.worker] == loader.workers()
    hup(loader)
    loader.wait_log("a new one has taken its place")
    assert old.say("still here") == old.worker
    new = Talk(loader)
    assert new.worker != old.worker
    old.finish()
    loader.wait_log("reload: done")
    wait_until(lambda: loader.workers() == [new.worker], "the new worker alone")
    new.finish()
    loader.stop()


# The old worker was killed then, and the engine never heard of the end of its sessions.
def test_session_that_outlives_drain_ms_is_destroyed(start, library, tmp_path):
    log = tmp_path / "sessions.log"
    loader = start(config={"instances": {"library": str(library), "drain_ms": 300}})
    session = NativeStream(loader, log=str(log))
    session.write(b"x", BEGIN)
    next(iter(session))
    hup(loader)
    wait_until(lambda: "destroy" in log.read_text(encoding="utf-8"), "wrapperDestroy")
    loader.wait_log("did not finish within drain_ms, made to end")
    loader.stop()
    text = log.read_text(encoding="utf-8")
    assert (text.count("create"), text.count("destroy")) == (1, 1)


def test_sessions_keep_to_their_own_of_two_workers(start, library):
    """All new sessions go to the new workers, the old ones finish what they have."""
    loader = start_loader(start, library, 2)
    workers = set(loader.workers())
    talks = [Talk(loader) for _ in range(6)]
    assert {talk.worker for talk in talks} == workers
    hup(loader)
    loader.wait_log("reload: done")
    later = [Talk(loader) for _ in range(4)]
    assert {talk.worker for talk in later} == set(loader.workers()) - workers
    for talk in [*talks, *later]:
        assert talk.say("again") == talk.worker
    for talk in [*talks, *later]:
        talk.finish()
    wait_until(lambda: not workers & set(loader.workers()), "the new workers alone")
    loader.stop()
