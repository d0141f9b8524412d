# SPDX-License-Identifier: Apache-2.0
"""Every hook of a wrapper.py is driven by asectl check; what cannot be is said in a note."""

import pytest
from aiges.cli import _drive_session
from aiges.cli._drive import Driver
from aiges.cli._findings import Findings
from aiges.cli._hooks import Given
from aiges.cli._load import Failed
from aiges.dto import Response, ResponseData, callback
from aiges.errors import BadInput


class Good:
    """Class style, with the hooks that are rare."""

    def __init__(self):
        self.seen = []

    def wrapperInit(self, config):
        return 0

    def wrapperOnceExec(self, params, reqData):
        self.seen.append("once")
        return b"x"

    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        self.seen.append(("async", reqData.list[0].data))
        return 0 if callback(answer(b"x"), usrTag) == 0 else 1

    def wrapperLoadRes(self, reqData, patch_id, resId):
        node = reqData.list[0]
        self.seen.append(("load", node.data, node.type, node.status, node.desc, patch_id, resId))
        return 0

    def wrapperUnloadRes(self, patch_id, resId):
        self.seen.append(("unload", patch_id, resId))
        return 0


def answer(*data):
    made = Response()
    made.list = [ResponseData("result", data=each) for each in data]
    return made


def drive(holder, is_class=True, resource=None):
    findings = Findings("/nowhere")
    Driver(holder, is_class, findings, Given({}, {}, {}, resource)).run()
    return [(each.level, each.hook, each.text) for each in findings.all]


@pytest.fixture
def short_waits(monkeypatch):
    monkeypatch.setattr(_drive_session, "CALLBACK_TIMEOUT_S", 0.2)


def test_resources_and_asynchronous_calls_are_driven_in_the_loaders_order():
    good = Good()
    assert drive(good) == []
    assert good.seen == [
        ("load", b"test", 4, 2, {"patch_id": "test-resource"}, "test-resource", 1),
        "once",
        "once",
        ("async", b"test"),
        ("unload", "test-resource", 1),
    ]


def test_function_style_gets_the_same_in_its_own_form():
    seen = []

    class Module:
        @staticmethod
        def wrapperInit(config):
            return 0

        @staticmethod
        def wrapperLoadRes(reqData, patch_id):
            seen.append((reqData[0]["key"], reqData[0]["desc"], patch_id))
            return 0

        @staticmethod
        def wrapperOnceExecAsync(usrTag, params, reqData, respData, psrIds, psrCnt):
            seen.append((reqData[0]["data"], respData, psrIds, psrCnt))
            return callback(b"x", usrTag)

    assert drive(Module(), is_class=False) == []
    assert seen == [
        ("test-resource", {"patch_id": "test-resource"}, "test-resource"),
        (b"test", [], (), 0),
    ]


def test_a_resource_of_the_user_is_loaded():
    good = Good()
    assert drive(good, resource=("voice", b"data of it")) == []
    assert good.seen[0][1] == b"data of it" and good.seen[0][5] == "voice"


class Refuses(Good):
    def wrapperLoadRes(self, reqData, patch_id, resId):
        return 3


class Raises(Good):
    def wrapperLoadRes(self, reqData, patch_id, resId):
        raise ValueError("no model")


class ReturnsNone(Good):
    def wrapperLoadRes(self, reqData, patch_id, resId):
        return None


class UnloadFails(Good):
    def wrapperUnloadRes(self, patch_id, resId):
        return 4


@pytest.mark.parametrize(
    ("cls", "resource", "hook", "level", "text"),
    [
        (Refuses, None, "wrapperLoadRes", "warning", "answered the test values with the error 3"),
        (Raises, None, "wrapperLoadRes", "warning", "raised ValueError: no model"),
        (Raises, ("a", b"b"), "wrapperLoadRes", "error", "raised ValueError: no model"),
        (ReturnsNone, None, "wrapperLoadRes", "error", "expected 0, got None"),
        (UnloadFails, None, "wrapperUnloadRes", "error", "expected 0, got the error code 4"),
    ],
)
def test_faults_with_resources_are_found(cls, resource, hook, level, text):
    found = drive(cls(), resource=resource)
    assert [each for each in found if each[:2] == (level, hook) and text in each[2]], found
    if cls in (Refuses, Raises, ReturnsNone):
        note = "not tried: wrapperUnloadRes, because no resource was loaded"
        assert ("note", "wrapperUnloadRes", note) in found


class Silent(Good):
    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        return 0


class Empty(Good):
    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        return callback(Response(), usrTag)


class WrongAnswer(Good):
    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        return callback(7, usrTag)


class NoCode(Good):
    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        callback(answer(b"x"), usrTag)


class Yields(Good):
    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        yield b"x"


@pytest.mark.parametrize(
    ("cls", "hook", "text"),
    [
        (Silent, "wrapperOnceExecAsync", "expected a callback with the answer, got none in"),
        (Empty, "callback", "at least one ResponseData, got none"),
        (WrongAnswer, "callback", "or a list of these, got int 7"),
        (NoCode, "wrapperOnceExecAsync", "expected 0, got None"),
        (Yields, "wrapperOnceExecAsync", "got a generator or a coroutine"),
    ],
)
def test_faults_of_asynchronous_calls_are_found(short_waits, cls, hook, text):
    found = drive(cls())
    assert [each for each in found if each[:2] == ("error", hook) and text in each[2]], found


def test_a_coroutine_of_function_style_returns_its_answer():
    class Module:
        wrapperInit = staticmethod(lambda config: 0)

        @staticmethod
        async def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
            return Module.returned

    Module.returned = b"x"
    assert drive(Module(), is_class=False) == []
    Module.returned = 0  # Then the answer is what it has appended.
    [(level, hook, text)] = drive(Module(), is_class=False)
    assert (level, hook) == ("error", "wrapperOnceExec") and "respData: expected at least" in text


def test_a_batch_must_be_a_list_and_0_is_no_result():
    class Batch(Good):
        def wrapperBatchExec(self, params, reqData):
            return self.returned

    for returned, text in [({b"a", b"b"}, "got set"), ([b"a", 0], "got int 0")]:
        batch = Batch()
        batch.returned = returned
        found = drive(batch)
        assert [each for each in found if each[1] == "wrapperBatchExec" and text in each[2]], found


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (None, None),
        ("", None),
        ({"meta": {}}, None),
        ('{"meta": {}}', None),
        ("{", "Expecting"),
        ([1], "expected a dict or its JSON, got list"),
        ({"a": b"x"}, "not JSON serializable"),
        (KeyError("x"), "x"),
    ],
)
def test_the_schema_of_the_users_own(returned, text):
    class Declares(Good):
        def wrapperSchema(self):
            if isinstance(returned, Exception):
                raise returned
            return returned

    found = drive(Declares())
    assert [each[:2] for each in found] == [("warning", "wrapperSchema")] * (text is not None)
    assert text is None or text in found[0][2]


def test_bad_input_is_a_matter_of_the_test_values():
    class Strict(Good):
        def wrapperOnceExec(self, params, reqData):
            raise BadInput("expected a picture", code=4)

    text = "refuses the test values: expected a picture (code 4)"
    assert drive(Strict()) == [("warning", "wrapperOnceExec", text)]


def test_bad_input_of_the_start_is_a_fault():
    class Wrong(Good):
        def wrapperInit(self, config):
            raise BadInput("no model")

    findings = Findings("/nowhere")
    with pytest.raises(Failed):
        Driver(Wrong(), True, findings, Given({}, {}, {}, None)).run()
    assert [(each.level, each.text) for each in findings.all] == [
        ("error", "raised BadInput: no model")
    ]
