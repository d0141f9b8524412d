# SPDX-License-Identifier: Apache-2.0
"""WrapperBase.run(): a good wrapper passes, each violation is named."""

import subprocess
import sys

import pytest
from aiges.dto import Response, ResponseData, SessionCreateResponse, callback
from aiges.errors import BadInput
from aiges.sdk import (
    BooleanParamField,
    ImageBodyField,
    IntegerParamField,
    StringBodyField,
    StringParamField,
    WrapperBase,
)


class Request:
    text = StringBodyField(key="text", value="hello")
    picture = ImageBodyField(key="picture", path="no/such/file.png")
    count = IntegerParamField(key="count", value=3)
    loud = BooleanParamField(key="loud", default=True)
    name = StringParamField(key="name", value="x")


class Answer:
    result = StringBodyField(key="result")


class Upper(WrapperBase):
    requestCls = Request()
    responseCls = Answer()

    def wrapperOnceExec(self, params, reqData):
        assert params == {"count": "3", "loud": "true", "name": "x", "sid": params["sid"]}
        response = Response()
        item = ResponseData("result")
        item.setData(reqData.get("text").data.upper())
        response.list.append(item)
        return response


def test_a_good_wrapper_is_verified(caplog):
    caplog.set_level("INFO")
    assert Upper().run()
    assert "wrapper.py has been verified" in caplog.text
    assert "no/such/file.png" in caplog.text


def test_fields_are_gathered_by_key():
    assert set(Upper.inputs) == {"text", "picture"}
    assert set(Upper.params) == {"count", "loud", "name"}
    assert set(Upper.accepts) == {"result"}


def item(**changes):
    made = ResponseData("result")
    made.data = b"x"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (
            None,
            "a dict, an array, bytes, str, or a list of these, got",
        ),
        (5, "or a list of these, got int"),
        ([], "expected at least one ResponseData"),
        ({"key": "result"}, "Response.list[0]: expected key, data, len, status, type, data, len"),
        (item(key="other"), "declares (result), got 'other'"),
        (item(type=2), "declares 0, got 2"),
        (item(len=9), "data has 1 bytes, len says 9"),
        (item(status=0), "expected one of [3], got 0"),
    ],
)
def test_each_violation_is_named(caplog, result, text):
    class Wrong(Upper):
        def wrapperOnceExec(self, params, reqData):
            if result is None or isinstance(result, int):
                return result
            response = Response()
            response.list = result if result == [] else [result]
            return response

    assert not Wrong().run()
    assert text in caplog.text


def test_all_violations_of_a_result_are_named_at_once(caplog):
    class Wrong(Upper):
        def wrapperOnceExec(self, params, reqData):
            response = Response()
            response.list = [item(len=2, status=1), item()]
            return response

    assert not Wrong().run()
    for text in ("len says 2", "got 1", "in 2 places"):
        assert text in caplog.text


def test_an_exception_is_logged_with_its_traceback(caplog):
    class Raises(Upper):
        def wrapperOnceExec(self, params, reqData):
            raise KeyError("weights")

    assert not Raises().run()
    assert "Traceback" in caplog.text
    assert "wrapperOnceExec raised KeyError: 'weights'" in caplog.text


def test_a_failed_init_ends_it(caplog):
    class NoInit(Upper):
        def wrapperInit(self, config):
            return 7

    assert not NoInit().run()
    assert "wrapperInit: expected 0, got 7" in caplog.text


def test_an_error_code_is_a_valid_answer(caplog):
    class Refuses(Upper):
        def wrapperOnceExec(self, params, reqData):
            return Response().response_err(100)

    assert Refuses().run()


@pytest.mark.parametrize("names", ["params, reqData, usrTag, psrId", "params, req", "reqData, sid"])
def test_signature_variants_get_what_they_name(names):
    seen = {}
    scope = {"note": seen.update, "Response": Response}
    exec(
        f"def hook(self, {names}):\n    note(locals())\n    return Response().response_err(1)\n",
        scope,
    )

    class Variant(Upper):
        pass

    Variant.wrapperOnceExec = scope["hook"]
    assert Variant().run()
    data = seen.get("reqData", seen.get("req"))
    assert data.get("text").data == b"hello"
    if "sid" in seen:
        assert seen["sid"] == "test-111111"


def test_a_stream_wrapper_is_verified_until_its_end():
    class Stream(Upper):
        def wrapperCreate(self, params, sid):
            self.sid = sid
            return SessionCreateResponse("h1", 0)

        def wrapperWrite(self, handle, req, sid):
            for status in (0, 1, 2):
                response = Response()
                response.list = [item(status=status)]
                callback(response, self.sid)
            return 0

    assert Stream().run(stream=True)


def test_importing_the_sdk_loads_nothing_heavy():
    code = (
        "import sys, aiges.sdk; heavy = {'numpy', 'grpc', 'flask', 'pydantic', 'onnxruntime'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["returns", "yields", "awaits"])
def test_wrapper_that_refuses_the_test_values_keeps_the_contract(caplog, kind):
    caplog.set_level("INFO")
    ended = []

    class Strict(Upper):
        def wrapperFini(self):
            ended.append(True)
            return 0

    def refuse(self, params, reqData):
        raise BadInput("expected a picture, got text", code=4)

    def later(self, params, reqData):
        yield from refuse(self, params, reqData)

    async def waits(self, params, reqData):
        refuse(self, params, reqData)

    Strict.wrapperOnceExec = {"returns": refuse, "yields": later, "awaits": waits}[kind]
    assert Strict().run()
    text = "wrapperOnceExec: refuses the test values, code 4: expected a picture, got text"
    assert text in caplog.text
    assert ended == [True]


def test_bad_input_of_wrapper_init_is_a_fault(caplog):
    class Wrong(Upper):
        def wrapperInit(self, config):
            raise BadInput("no model")

    assert not Wrong().run()
    assert "wrapperInit raised BadInput: no model" in caplog.text
