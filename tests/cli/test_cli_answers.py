# SPDX-License-Identifier: Apache-2.0
"""What may be an answer: `run`, `check` and the real loader take the same, and refuse the same."""

import pytest
from aiges.cli._drive import Driver
from aiges.cli._findings import ERROR, Findings
from aiges.cli._hooks import Given
from xsf_client import XsfSession

TAKEN = [
    "'text'",
    "b'bytes'",
    "bytearray(b'x')",
    "ResponseData('result', data=b'x')",
    "ResponseData('result')",
    "response(ResponseData('result', data=b'x'))",
    "response(item)",
    "[response(ResponseData('result', data=b'x'))]",
    "(item,)",
    "item",
    "{**item, 'data': memoryview(b'x')}",
    "{**item, 'key': b'result'}",
    "{**item, 'desc': {'a': 1, b'b': 'c'}}",
    "{**item, 'desc': None}",
    "['text']",
    "Plain(key='result', data='x', type=0)",
    "Plain(error_code=0, list=(item,))",
    "Plain(key='result', data=array.array('h', [1, 2]), type=0)",
    "Plain(key='result', data=numpy.arange(6).reshape(2, 3)[:, ::2], type=0)",
    "Plain(key='result', data=numpy.zeros(2, dtype=[('Object', 'i4'), ('P', 'f8')]), type=0)",
    "Plain(key='result', data=numpy.zeros(2, dtype='complex128'), type=0)",
    "Plain(key='result', data=b'a\\0b', type=0)",
    "'a\\0b'",
    "deep(32, b'x')",
    "('a', 'b') * 500",
    "numpy.arange(3)",
    "numpy.float32(1)",
    "('result', numpy.ones((2, 0)))",
    "[('result', numpy.arange(6).reshape(2, 3).T)]",
    "{'result': numpy.array(['a', b'b'], dtype=object)}",
    "{'key': 'result', 'data': numpy.arange(2)}",
    "{**item, 'data': numpy.arange(2, dtype='>u2'), 'desc': {'datatype': 'BF16', 'shape': '9'}}",
    "Plain(key='result', data=numpy.arange(2), type=0, desc={'a': 'b'})",
    "ResponseData('result', data=numpy.arange(2))",
    "'\\udc80'",  # A byte that is no UTF-8, as Python keeps it in a str.
]
REFUSED = [
    "None",
    "7",
    "True",
    "1.5",
    "object()",
    "Response()",
    "[]",
    "{}",
    "[7]",
    "[b'x', None]",
    "response(7)",
    "response(None)",
    "response(b'x')",
    "response([item])",
    "Plain(error_code=0, list=7)",
    "Plain(error_code=0)",
    "Plain(error_code='none', list=[item])",
    "Plain(error_code=2**40, list=[item])",
    "Plain(key='result', data=7, type=0)",
    "Plain(key=None, data=b'x', type=0)",
    "Plain(key='result', data=b'x', type=None)",
    "Plain(key='result', data=b'x')",
    "ResponseData('result', type=9)",
    *[f"{{k: v for k, v in item.items() if k != {key!r}}}" for key in ("key", "data", "type")],
    *[f"{{k: v for k, v in item.items() if k != {key!r}}}" for key in ("len", "status")],
    "{**item, 'len': '1'}",
    "{**item, 'status': None}",
    "{**item, 'type': 'text'}",
    "{**item, 'type': 5}",
    "{**item, 'data': 7}",
    "{**item, 'data': None}",
    "{**item, 'key': 7}",
    "{**item, 'desc': 'text'}",
    "{**item, 'desc': [('a', 'b')]}",
    "{**item, 'desc': {7: 'b'}}",
    "'\\ud800'",
    "{**item, 'data': '\\ud800'}",
    "{**item, 'key': '\\ud800'}",
    "{**item, 'desc': {'a': '\\ud800'}}",
    "{**item, 'key': 'a\\0b'}",
    "{**item, 'key': b'a\\0b'}",
    "{**item, 'desc': {'a\\0': 'b'}}",
    "{**item, 'desc': {'a': 'b\\0'}}",
    "Plain(key='a\\0b', data='x', type=0)",
    "{**item, 'data': numpy.array([b'cat', None], dtype=object)}",
    "{**item, 'data': numpy.zeros(2, dtype=[('a', 'i4'), ('b', 'O')])}",
    "{**item, 'data': numpy.array(['2026-01-01'], dtype='datetime64[D]')}",
    "{**item, 'data': (ctypes.py_object * 2)(1, 2)}",
    "{**item, 'data': (ctypes.c_char_p * 1)(b'x')}",
    "{**item, 'data': (ctypes.POINTER(ctypes.c_int) * 1)()}",
    "Plain(key='result', data=numpy.array([None]), type=0)",
    "numpy.zeros(1, 'c8')",
    "('result', numpy.array([None]))",
    "{'result': numpy.zeros(1, 'M8[s]')}",
    "{'result': numpy.zeros(1), 'other': 7}",
    "{'result': numpy.zeros(1), 7: numpy.zeros(1)}",
    "{**item, 'data': numpy.zeros(1), 'desc': {'datatype': 'FP32'}}",
    "{**item, 'data': numpy.zeros(1), 'desc': {'datatype': 'none'}}",
    "{**item, 'data': numpy.zeros(1), 'type': 5}",
    "Plain(key='result', data=numpy.zeros(1), type=0, desc={'a': 'b\\0'})",
    "{**item, 'len': 2**70}",
    "{**item, 'status': 2**70}",
    "{**item, 'type': 2**70}",
    "{**item, 'type': 2**32}",
    "{**item, 'type': -1}",
    "Plain(key='result', data=b'x', type=2**70)",
    "Plain(error_code=2**70, list=[item])",
    "Plain(error_code=2**32, list=[item])",
    "deep(33, b'x')",
    "deep(50_000, b'x')",
    "holds_itself()",
    "doubled(40)",
    "doubled(30)",
    "[b'x'] * 100_001",
    "response(*[item] * 100_001)",
]
CASES = TAKEN + REFUSED
HELPERS = """
import array, ctypes
import numpy

def deep(levels, inner):
    for _ in range(levels):
        inner = [inner]
    return inner

def holds_itself():
    made = []
    made.append(made)
    return made

def doubled(times):
    made = []
    for _ in range(times):
        made = (made, made)
    return made
"""
CLASS = f"""
try:
    from aiges_embed import Response, ResponseData, SessionCreateResponse
except ImportError:
    from aiges.dto import Response, ResponseData, SessionCreateResponse
from aiges.sdk import StringBodyField, WrapperBase

CASES = {CASES!r}
CASE = 0
{HELPERS}
item = {{"key": "result", "data": b"x", "len": 1, "status": 3, "type": 0}}


class Plain:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def response(*items):
    made = Response()
    made.list = list(items)
    return made


class Request:
    text = StringBodyField(key="text", value="hello")


class Answer:
    result = StringBodyField(key="result")


class Wrapper(WrapperBase):
    requestCls = Request()
    responseCls = Answer()

    def wrapperOnceExec(self, params, reqData):
        return eval(CASES[int(params.get("case", CASE))])
"""
READ = """
    def wrapperCreate(self, params, sid):
        self.case = params.get("case", CASE)
        return SessionCreateResponse(sid, 0)

    def wrapperWrite(self, handle, reqData):
        return 0

    def wrapperRead(self, handle):
        return self.wrapperOnceExec({"case": self.case}, None)
"""
FUNCTIONS = f"""
CASES = {CASES!r}
{HELPERS}
item = {{"key": "result", "data": b"x", "len": 1, "status": 3, "type": 0}}

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append(eval(CASES[int(params["case"])]))
    return 0
"""


def checked(scope, number, is_class=True):
    """The errors that asectl check finds."""
    findings = Findings("/nowhere")
    holder = scope["Wrapper"]() if is_class else type("Module", (), {})()
    if not is_class:
        holder.wrapperInit, holder.wrapperOnceExec = scope["wrapperInit"], scope["wrapperOnceExec"]
    Driver(holder, is_class, findings, Given({}, {"case": str(number)}, {})).run()
    return [each.text for each in findings.all if each.level == ERROR]


def expected(number):
    return number < len(TAKEN)


def wrong(verdicts):
    return [CASES[i] for i, taken in enumerate(verdicts) if taken != expected(i)]


@pytest.fixture(scope="module")
def scope():
    names = {"__name__": "wrapper"}
    exec(CLASS, names)
    return names


def test_run(scope):
    verdicts = []
    for number in range(len(CASES)):
        scope["CASE"] = number
        verdicts.append(scope["Wrapper"]().run())
    assert wrong(verdicts) == []


def test_check(scope):
    assert wrong([checked(scope, number) == [] for number in range(len(CASES))]) == []


def test_the_loader(start):
    xsf = start(CLASS).xsf

    def code(number):
        answer = xsf.once(xsf.payload("text", b"hello"), params={"case": str(number)})
        assert answer.code in (0, 10909, 10106), answer.error
        return answer.code

    assert wrong([code(number) == 0 for number in range(len(CASES))]) == []


def test_what_is_read_is_judged_in_the_same_way(start):
    """An empty answer, and None, are "nothing yet" there, in all of them."""
    names = {"__name__": "wrapper"}
    exec(CLASS + READ, names)
    xsf = start(CLASS + READ).xsf
    empty = ("None", "[]", "Response()")
    for number, case in enumerate(CASES):
        if case in empty:
            continue
        session = XsfSession(xsf)
        session.open(params={"case": str(number)})
        session.write(b"in", status=2)
        while not session.ended and session.failed is None:
            session.out()
        assert (session.failed is None) == expected(number), case
        assert (checked(names, number) == []) == expected(number), case
        names["CASE"] = number
        assert names["Wrapper"]().run(stream=True) == expected(number), case


def test_what_is_appended_must_be_a_dict(start):
    """Function style: dicts only, judged in the same way by check and the loader."""
    numbers = [i for i, case in enumerate(CASES) if case.startswith(("{", "item", "7", "'text'"))]
    names = {"__name__": "wrapper"}
    exec(FUNCTIONS, names)
    xsf = start(FUNCTIONS).xsf
    for number in numbers:
        taken = expected(number) and CASES[number] != "'text'"
        answer = xsf.once(xsf.payload("data", b"x"), params={"case": str(number)})
        assert (answer.code == 0) == taken, CASES[number]
        assert (checked(names, number, is_class=False) == []) == taken, CASES[number]
