# SPDX-License-Identifier: Apache-2.0
"""Contract v2, class Wrapper: signatures in the field, construction, the aiges_embed classes."""

import pytest
from xsf_client import XsfSession

HEAD = "from aiges_embed import Response, ResponseData, DataListCls, DataListNode\n"
REPLY = """
def reply(text):
    item = ResponseData()
    item.key = "result"
    item.setDataType(0)
    item.setData(str(text).encode())
    response = Response()
    response.list = [item]
    return response
"""


def wrapper(body, head=HEAD + REPLY):
    return head + "class Wrapper:\n" + body


def call(start, body, **options):
    xsf = start(wrapper(body)).xsf
    return xsf.once(xsf.payload("data", b"in"), **options)


@pytest.mark.parametrize(
    ("signature", "seen"),
    [
        ("self, params, reqData", "()"),
        ("self, params, reqData, usrTag", "('the tag',)"),
        ("self, params, reqData, usrTag, psrId", "('the tag', 0)"),
        ('self, params, reqData, usrTag: str = "", persId: int = 0', "('the tag', 0)"),
        ("self, params, reqData, usrTag='', psr_id=0", "('the tag', 0)"),
        ("self, params, reqData, userTag", "('the tag',)"),
        ("self, params, reqData, sid", "('the sid',)"),
        ("self, params, req, sid, usrTag", "('the sid', 'the tag')"),
        ("self, a, b", "()"),
        ("self, a, b, c", "('the tag',)"),
        ("self, a, b, c, d", "('the tag', 0)"),
        ("self, params, data, mine=None", "(None,)"),
    ],
)
def test_once_exec_gets_what_its_signature_names(start, signature, seen):
    names = [part.split(":")[0].split("=")[0].strip() for part in signature.split(",")[1:]]
    rest = "".join(name + ", " for name in names[2:])
    answer = call(
        start,
        f"    def wrapperOnceExec({signature}):\n"
        f"        assert {names[0]}['sid'] == 'the sid'\n"
        f"        assert {names[1]}.list[0].data == b'in'\n"
        f"        return reply(({rest}))\n",
        handle="the tag",
        headers={"sid": "the sid"},
    )
    assert answer.text() == seen


def test_once_exec_with_star_args_gets_all(start):
    body = """
    def wrapperOnceExec(self, *args):
        return reply((args[0]["sid"], args[1].list[0].key, args[2:4]))
"""
    answer = call(start, body, handle="tag", headers={"sid": "s"})
    assert answer.text() == "('s', 'data', ('tag', 0))"


def test_once_exec_as_class_or_static_method(start):
    body = """
    @classmethod
    def wrapperInit(cls, config):
        cls.ready = "ready"
        return 0

    @staticmethod
    def wrapperOnceExec(params, reqData):
        return reply(Wrapper.ready)
"""
    assert call(start, body).text() == "ready"


@pytest.mark.parametrize(
    ("init", "seen"),
    [
        ("self", "none"),
        ("self, *args, **kwargs", "is_aipaas keep_schema_default_value legacy"),
        ("self, legacy=True, is_aipaas=False, keep_schema_default_value=False", "legacy=False"),
        ("self, other=1", "none"),
    ],
)
def test_init_of_the_class_gets_what_it_takes(start, init, seen):
    body = f"""
    def __init__({init}):
        self.seen = "none"
        if "kwargs" in locals():
            self.seen = " ".join(sorted(kwargs))
        elif "legacy" in locals():
            self.seen = f"legacy={{legacy}}"

    def wrapperOnceExec(self, params, reqData):
        return reply(self.seen)
"""
    assert call(start, body).text() == seen


def test_only_once_exec_is_mandatory(start):
    """No wrapperInit, wrapperFini, wrapperError, wrapperTestFunc."""
    body = "    def wrapperOnceExec(self, params, reqData):\n        return reply('alone')\n"
    loader = start(wrapper(body))
    assert loader.xsf.once().text() == "alone"
    loader.stop()


def test_list_can_be_appended_to_and_assigned(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        response = Response()
        assert response.list == []
        for key in "ab":
            item = ResponseData()
            item.key, item.data = key, key * 2
            response.list.append(item)
        response.list += response.list[:0]
        return response
"""
    answer = call(start, body)
    assert [(p.meta.name, p.data) for p in answer.output.pl] == [("a", b"aa"), ("b", b"bb")]


@pytest.mark.parametrize(
    "data", ["b'abc'", "bytearray(b'abc')", "memoryview(b'abc')", "'abc'", "array('B', b'abc')"]
)
def test_data_takes_bytes_buffers_and_str(start, data):
    body = f"""
    def wrapperOnceExec(self, params, reqData):
        from array import array
        response = Response()
        for name in ("set", "assign"):
            item = ResponseData(name, 0, 0, 0)
            if name == "set":
                item.setData({data})
            else:
                item.data = {data}
            assert item.len == 3 and bytes(item.data) == b"abc"
            response.list.append(item)
        return response
"""
    answer = call(start, body)
    assert [p.data for p in answer.output.pl] == [b"abc", b"abc"]


def test_response_data_is_made_key_len_status_type(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        item = ResponseData("k", 7, 1, 2)
        assert (item.key, item.len, item.status, item.type) == ("k", 7, 1, 2)
        item.status, item.type, item.len, item.key = 2, 1, 9, "j"
        assert (item.key, item.len, item.status, item.type) == ("j", 9, 2, 1)
        fresh = ResponseData()
        assert (fresh.key, fresh.len, fresh.status, fresh.type, fresh.data) == ("", 0, 3, 0, b"")
        item.setData(b"real")
        response = Response()
        response.list = [item]
        return response
"""
    answer = call(start, body)
    assert answer.data("j") == b"real"
    assert answer.payloads["j"].meta.dataType == 1
    assert answer.output.status == 3  # Whatever the wrapper wrote.


def test_request_nodes_can_be_read_and_found(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        assert isinstance(reqData, DataListCls)
        node = reqData.get("data")
        assert isinstance(node, DataListNode)
        assert (node.key, node.data, node.len, node.type, node.status) == ("data", b"in", 2, 0, 3)
        assert node.get_data() == b"in"
        assert reqData.get("other") is None
        assert len(reqData.list) == 1
        return reply("fine")
"""
    assert call(start, body).text() == "fine"


def test_response_err_is_the_engines_code(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        return Response().response_err(1234)

    def wrapperError(self, code):
        return {1234: "no such voice"}.get(code, "?")
"""
    answer = call(start, body)
    assert (answer.code, answer.error) == (10909, "no such voice;code=1234")


def test_error_code_can_be_assigned(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        response = reply("x")
        response.error_code = 5
        return response
"""
    answer = call(start, body)
    assert (answer.code, answer.error) == (10909, "wrapper error;code=5")


def test_callbacks_outside_a_session_do_no_harm(start):
    body = """
    def wrapperOnceExec(self, params, reqData, usrTag):
        from aiges_embed import SessionCreateResponse, callback, callback_metric, callback_trace
        created = SessionCreateResponse()
        created.handle, created.error_code = "h", 3
        assert (created.handle, created.error_code) == ("h", 3)
        assert callback(Response(), usrTag) == -1
        assert callback(Response(), usrTag, "sid") == -1
        assert callback_trace(usrTag, "stage", "decoded") == 0
        return reply(callback_metric(usrTag, "pages", 3))
"""
    loader = start(wrapper(body))
    assert loader.xsf.once().text() == "0"
    loader.wait_metric("aiges_meter_total", 3, key="pages")
    loader.wait_log("stage=decoded")


@pytest.mark.parametrize(
    ("returned", "items"),
    [
        ("'text'", [("result", b"text", 0)]),
        ("b'bytes'", [("result", b"bytes", 0)]),
        ("bytearray(b'x')", [("result", b"x", 0)]),
        ("ResponseData('k', data=b'one', type=2)", [("k", b"one", 2)]),
        ("[ResponseData('k', data=b'one'), 'two']", [("k", b"one", 0), ("result", b"two", 0)]),
        ("(reply('a'), ResponseData('b'))", [("result", b"a", 0), ("b", b"", 0)]),
        ("dict(key='d', data='x', len=1, status=0, type=1)", [("d", b"x", 1)]),
    ],
)
def test_an_answer_may_have_every_form_that_may_be_yielded(start, returned, items):
    answer = call(start, f"    def wrapperOnceExec(self, p, r):\n        return {returned}\n")
    assert [(p.meta.name, p.data, p.meta.dataType) for p in answer.output.pl] == items
    assert answer.output.status == 3


def test_wrapper_read_may_return_every_form_too(start):
    body = """
    def wrapperCreate(self, params, sid):
        from aiges_embed import SessionCreateResponse
        self.left = [[ResponseData("a", data=b"1", status=0)], None, [],
                     dict(key="a", data=b"2", len=1, status=2, type=0)]
        return SessionCreateResponse(sid, 0)

    def wrapperWrite(self, handle, reqData):
        return 0

    def wrapperRead(self, handle):
        return self.left.pop(0)

    def wrapperDestroy(self, handle):
        return 0
"""
    loader = start(wrapper(body))
    session = XsfSession(loader.xsf)
    session.open()
    session.write(b"in", status=2)
    assert "".join(session.all(key="a")) == "12"


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("None", "wrapperOnceExec returned NoneType, expected a Response"),
        ("7", "wrapperOnceExec returned int, expected a Response"),
        ("object()", "wrapperOnceExec returned object, expected a Response"),
        (
            "{'key': '', 'data': b''}",
            "wrapperOnceExec returned dict: respdata need type item (int)",
        ),
        (
            "[b'', 5]",
            "wrapperOnceExec returned list: [1]: expected a ResponseData, got int without key",
        ),
        ("plain(5)", "Response.list is int, expected a list of ResponseData"),
        ("plain([5])", "Response.list[0]: expected a ResponseData, got int without key"),
        ("made([5])", "Response.list[0]: expected a ResponseData, got int without key"),
        ("made([None])", "Response.list[0]: expected a ResponseData, got NoneType without key"),
    ],
)
def test_result_that_is_no_response_is_10909(start, returned, text):
    body = f"""
    def wrapperOnceExec(self, params, reqData):
        def made(items):
            response = Response()
            response.list = items
            return response
        def plain(items):
            return type("Plain", (), dict(list=items, error_code=0))()
        return {returned}
"""
    answer = call(start, body)
    assert answer.code == 10909
    assert answer.error.rpartition(";code=")[0] == text


def test_empty_response_is_10106(start):
    answer = call(start, "    def wrapperOnceExec(self, p, r):\n        return Response()\n")
    assert (answer.code, answer.error) == (
        10106,
        "wrapper output data is nil: the engine returned no data",
    )


def test_item_of_0_bytes_is_delivered_empty(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        response = Response()
        response.list = [ResponseData("nothing", 0, 3, 0)]
        return response
"""
    answer = call(start, body)
    assert answer.data("nothing") == b""


def test_exception_is_once_in_the_log_and_short_in_the_answer(start):
    body = """
    def wrapperOnceExec(self, params, reqData):
        raise KeyError("no such page")
"""
    loader = start(wrapper(body))
    answer = loader.xsf.once()
    assert answer.code == 10909
    assert answer.error.startswith("wrapperOnceExec raised KeyError: 'no such page' (wrapper.py, ")
    assert ";code=" in answer.error
    loader.wait_log("KeyError: 'no such page'")
    assert loader.log().count("Traceback (most recent call last)") == 1


def test_class_that_raises_in_init_says_so(start):
    with pytest.raises(AssertionError) as raised:
        start(wrapper("    def __init__(self):\n        raise OSError('no model')\n"))
    assert "Wrapper() raised OSError: no model (wrapper.py, line " in str(raised.value)
