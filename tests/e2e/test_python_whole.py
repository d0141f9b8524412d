# SPDX-License-Identifier: Apache-2.0
"""An answer of several items is whole: each as it is, in their order, of every kind of hook."""

import pytest
from test_grpc_stream import Stream

ITEM = "dict(key='k', data='c', len=1, status=3, type=1)"
CLASS = {
    "tuple": "def wrapperOnceExec(self, params, reqData): return ('a', 'b', ITEM)",
    "list": "def wrapperOnceExec(self, params, reqData): return ['a', ('b',), [[ITEM]]]",
    "generator": "def wrapperOnceExec(self, params, reqData): yield 'a'; yield ['b', ITEM]",
    "generator that is returned": "def wrapperOnceExec(self, params, reqData): "
    "return (each for each in ('a', 'b', ITEM))",
    "async": "async def wrapperOnceExec(self, params, reqData): return ('a', 'b', ITEM)",
    "async generator": "async def wrapperOnceExec(self, params, reqData): "
    "yield 'a'; yield ('b', ITEM)",
    "stream": "def wrapperStream(self, params, requests): yield 'a'; yield ('b', ITEM)",
    "async stream": "async def wrapperStream(self, params, requests): yield ('a', 'b'); yield ITEM",
    "batch": "def wrapperBatchExec(self, params, reqData): "
    "return tuple(('a', 'b', ITEM) for _ in reqData)",
    "later": "def wrapperOnceExecAsync(self, params, reqData, usrTag): "
    "from aiges_embed import callback; return callback(('a', 'b', ITEM), usrTag)",
}
WHOLE = [("result", b"a", 0), ("result", b"b", 0), ("k", b"c", 1)]


def items(output):
    return [(p.meta.name, p.data, p.meta.dataType) for p in output.pl]


@pytest.mark.parametrize("kind", CLASS)
def test_class_style_gives_all_of_them(start, kind):
    loader = start(f"ITEM = {ITEM}\nclass Wrapper:\n    {CLASS[kind]}\n")
    answer = loader.xsf.once()
    assert answer.code == 0, answer.error
    assert items(answer.output) == WHOLE
    assert answer.output.status == 3


ARGUMENTS = "usrTag, params, reqData, respData, psrIds, psrCnt"
MODULE = {
    "appended": "def wrapperOnceExec(A): respData += [item('a'), item('b'), ITEM]; return 0",
    "returned": "def wrapperOnceExec(A): return [item('a'), (item('b'), ITEM)]",
    "tuple": "def wrapperOnceExec(A): return ('a', 'b', ITEM)",
    "both": "def wrapperOnceExec(A): respData.append(item('a')); return ('b', ITEM)",
    "generator": "def wrapperOnceExec(A): yield item('a'); yield [item('b'), ITEM]",
    "generator that appends": "def wrapperOnceExec(A):\n    respData.append(item('a'))\n"
    "    yield 'b'\n    respData.append(ITEM)",
    "async": "async def wrapperOnceExec(A): respData += [item('a'), item('b'), ITEM]; return 0",
    "async that returns": "async def wrapperOnceExec(A): return ['a', 'b', ITEM]",
    "async, both": "async def wrapperOnceExec(A): respData.append(item('a')); return ('b', ITEM)",
    "async generator": "async def wrapperOnceExec(A):\n    respData.append(item('a'))\n"
    "    yield 'b'\n    respData.append(ITEM)",
}


def module(kind):
    hook = MODULE[kind].replace("(A)", f"({ARGUMENTS})")
    helper = "def item(data): return {**ITEM, 'key': 'result', 'data': data, 'type': 0}"
    return f"ITEM = {ITEM}\n{helper}\n{hook}\n"


@pytest.mark.parametrize("kind", MODULE)
def test_function_style_gives_all_of_them(start, kind):
    """What an async hook or a generator had appended to respData was lost."""
    answer = start(module(kind)).xsf.once()
    assert answer.code == 0, answer.error
    assert items(answer.output) == WHOLE
    assert answer.output.status == 3


@pytest.mark.parametrize("kind", ["generator that appends", "async generator", "async"])
def test_session_gives_what_was_appended_too(start, kind):
    stream = Stream(start(module(kind)).xsf).piece(b"x", 2)
    stream.half_close()
    found = [
        (p.meta.name, p.data, p.meta.attribute["status"]) for output in stream for p in output.pl
    ]
    whole = [(key, data) for key, data, _ in found if data]
    assert whole == [(key, data) for key, data, _ in WHOLE]
    assert [(key, status) for key, data, status in found if not data] == [
        ("result", "2"),
        ("k", "2"),
    ]


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        ("async def wrapperOnceExec(A): return 7", "own text of 7;code=7"),
        (
            "async def wrapperOnceExec(A): respData.append(5); return 0",
            "respData[0]: expected a dict, got int;code=30005",
        ),
        (
            "def wrapperOnceExec(A):\n    yield 'a'\n    respData.append(5)",
            "respData[0]: expected a dict, got int;code=30005",
        ),
        (
            "async def wrapperOnceExec(A):\n    yield 'a'\n    respData.append(5)",
            "respData[0]: expected a dict, got int;code=30005",
        ),
        (
            "def wrapperOnceExec(A): return ['a', 5]",
            "wrapperOnceExec returned list: [1]: expected a ResponseData, got int without key;"
            "code=30005",
        ),
        (
            "def wrapperOnceExec(A): return 'text'",
            "wrapperOnceExec returned str, expected int (0 = ok);code=30004",
        ),
    ],
)
def test_what_is_wrong_with_one_of_them_is_told(start, hook, text):
    hook = hook.replace("(A)", f"({ARGUMENTS})")
    answer = start(f"{hook}\ndef wrapperError(code): return f'own text of {{code}}'\n").xsf.once()
    assert (answer.code, answer.error) == (10909, text)
