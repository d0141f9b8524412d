# SPDX-License-Identifier: Apache-2.0
"""Faults of the disk and the system: each is an answer, and nothing stays as it was taken.

No host is needed for it.
"""

import errno
import fcntl
import os
import threading
import types

import pytest
from aiges.contracts.aipod import _disk, _trainings
from aiges.contracts.aipod._pool import Pool
from aiges.contracts.aipod._service import Service
from aiges.contracts.aipod._trainings import Trainings
from waiting import wait_until


class Seat:
    """Counts trainings."""

    count = 0

    def begin_training(self):
        self.count += 1
        return True

    def end_training(self):
        self.count -= 1


class Model:
    def __init__(self, version):
        self.version = version

    def initialize(self, **kwargs):
        pass

    def train(self, **kwargs):
        return "trained"

    def predict(self, **kwargs):
        return self.version


class Reply:
    gone = False

    def __init__(self):
        self.there = threading.Event()

    def detach(self):
        pass

    def answer(self, data_json):
        self.got = data_json
        self.there.set()

    def refuse(self, code, text, fault=None):
        self.got = (code, text)
        self.there.set()


class Host:
    """A service with one place for instances."""

    def __init__(self, folder):
        self.disk, self.seat = _disk.Disk(str(folder)), Seat()
        self.pool = Pool(Model, 1, signature=self.disk.signature)
        self.trainings = Trainings(self.pool, self.disk, self.seat, 2)
        self.service = Service(Model, self.pool, self.disk, self.trainings, False)

    def call(self, method, version="v1"):
        reply = Reply()
        self.service.serve(method, version, b"{}", b"", reply)
        assert reply.there.wait(20), f"expected an answer of {method}"
        return reply.got


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def full(monkeypatch):
    def pwrite(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", pwrite)


def broken(monkeypatch):
    def flock(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)


def without_threads(monkeypatch):
    def thread(**_):
        raise RuntimeError("can't start new thread")

    names = {"Lock": threading.Lock, "Event": threading.Event, "Thread": thread}
    monkeypatch.setattr(_trainings, "threading", types.SimpleNamespace(**names))


@pytest.mark.parametrize(
    ("breaks", "text"),
    [
        (full, "[Errno 28] No space left on device"),
        (broken, "[Errno 5] Input/output error"),
        (without_threads, "can't start new thread"),
    ],
)
def test_training_that_cannot_begin_leaves_nothing_behind(host, monkeypatch, breaks, text):
    with monkeypatch.context() as patched:
        breaks(patched)
        for _ in range(2):
            assert host.call("train") == (2, f"Exception calling application: {text}")
            assert host.seat.count == 0
    assert host.call("train") == b'"trained"'
    wait_until(lambda: host.seat.count == 0, "the end of the training")
    assert host.call("initialize") == b'{"result": true}'
    host.trainings.end(20)


@pytest.mark.parametrize("breaks", [full, broken])
@pytest.mark.parametrize("loaded", [False, True])
def test_initialize_that_cannot_begin_leaves_nothing_behind(host, monkeypatch, breaks, loaded):
    if loaded:
        host.call("predict")
    with monkeypatch.context() as patched:
        breaks(patched)
        for _ in range(2):
            code, text = host.call("initialize")
            assert code == 2 and text.startswith("Exception calling application: [Errno ")
    assert host.call("predict", "other") == b'"other"'  # Has the one place: v1 was idle.
    assert host.call("initialize") == b'{"result": true}'


def test_cancel_says_what_the_disk_says(host, monkeypatch):
    host.call("train")
    wait_until(lambda: host.seat.count == 0, "the end of the training")
    with monkeypatch.context() as patched:
        broken(patched)
        assert host.call("cancel") == (
            *(2, "Exception calling application: [Errno 5] Input/output error"),
        )
    assert host.call("cancel") == b'{"result": false}'


def test_the_end_waits_until_the_outcome_is_told(host):
    told, ended = threading.Event(), threading.Event()
    ends = []

    def end():
        host.trainings.end(20)
        ended.set()

    def tell(result, fault):
        thread = threading.Thread(target=end, daemon=True)
        thread.start()
        ends.append((result, fault, ended.wait(0.3)))
        told.set()

    assert host.trainings.start("v1", {}, lambda: True, tell) == ""
    assert told.wait(20) and ended.wait(20)
    assert ends == [("trained", None, False)]


def test_who_hears_of_the_end_may_train_again(host):
    got = []

    def tell(*_):
        got.append(host.trainings.start("v1", {}, lambda: True, lambda *_: got.append("told")))

    host.trainings.start("v1", {}, lambda: True, tell)
    wait_until(lambda: got == ["", "told"], "the second training")
