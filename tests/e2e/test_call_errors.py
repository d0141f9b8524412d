# SPDX-License-Identifier: Apache-2.0
"""What an engine may say of a call beside that its input cannot be used: the classes of
aiges.errors, and the numbers of wrapperErrorClass."""

import pytest

KINDS = [
    ("BadInput", 400, 30006),
    ("NotFound", 404, 30007),
    ("Unavailable", 503, 30008),
    ("Unsupported", 501, 30009),
    ("AlreadyExists", 409, 30010),
    ("Cancelled", 499, 30011),
    ("Unknown", 500, 30012),
]
WRAPPER = """
from aiges import errors

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        if params["kind"] == "own":
            class Own(errors.NotFound):
                pass
            raise Own("no such voice", code=4)
        if params["kind"] == "strange":
            fault = errors.NotFound("no such voice")
            fault.error_class = 77
            raise fault
        raise getattr(errors, params["kind"])("no such voice")
"""
BATCH = """
from aiges import errors

class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        return [getattr(errors, p["kind"])("no such voice") for p in params]
"""


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("errors"), WRAPPER) as started:
        yield started


def raw(loader, kind):
    answer = loader.web.raw_mode(b"x", f"?timeout_ms=20000&p.kind={kind}")
    return answer.status, answer.code, answer.message


@pytest.mark.parametrize(("kind", "status", "code"), KINDS)
def test_each_class_has_its_status(loader, kind, status, code):
    assert raw(loader, kind) == (status, 10909, f"no such voice;code={code}")
    got = loader.xsf.once(loader.xsf.payload("data", b"x"), params={"kind": kind})
    assert (got.code, got.error) == (10909, f"no such voice;code={code}")
    assert "Traceback" not in loader.log()


def test_classes_of_ones_own_are_as_their_base(loader):
    assert raw(loader, "own") == (404, 10909, "no such voice;code=4")


def test_a_class_that_nobody_knows_is_the_engines_fault(loader):
    assert raw(loader, "strange") == (500, 10909, "no such voice;code=30007")


def test_unavailable_is_not_a_dead_worker(loader):
    assert raw(loader, "Unavailable")[0] == 503
    assert loader.metric("aiges_instance_restarts_total") == 0


def test_each_call_of_a_batch_has_its_own(start):
    loader = start(BATCH, config={"batch": {"max_size": 4}})
    for kind, status, code in KINDS:
        assert raw(loader, kind) == (status, 10909, f"no such voice;code={code}")
