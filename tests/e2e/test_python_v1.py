# SPDX-License-Identifier: Apache-2.0
"""Contract v1, module functions: signatures, the result list, and what wrappers get wrong."""

import pytest

FULL = "usrTag, params, reqData, respData, psrIds, psrCnt"


def item(**changes):
    fields = {"key": "'result'", "data": "b'abc'", "len": "3", "status": "3", "type": "0"}
    fields.update(changes)
    inner = ", ".join(f"'{name}': {value}" for name, value in fields.items() if value is not None)
    return "{" + inner + "}"


def wrapper(body, signature=FULL):
    return f"def wrapperOnceExec({signature}):\n    {body}\n"


def call(start, body, signature=FULL, **options):
    loader = start(wrapper(body, signature))
    return loader, loader.xsf.once(loader.xsf.payload("data", b"in"), **options)


def appended(start, **changes):
    return call(start, f"respData.append({item(**changes)}); return 0")


@pytest.mark.parametrize(
    "signature",
    [
        FULL,
        "a, b, c, d, e, f",
        "usrTag, params, reqData, respData",
        "*args",
        "usrTag, params, reqData, respData, psrIds=(), psrCnt=0",
        "usrtag, params, req_data, resp, psrids, psrcnt",
    ],
)
def test_signature_is_called_with_what_it_takes(start, signature):
    names = [name.split("=")[0].strip() for name in signature.split(",")]
    tag, params, req, resp = (
        ("args[0]", "args[1]", "args[2]", "args[3]") if signature == "*args" else names[:4]
    )
    body = (
        f"assert {tag} == 'h' and {params} == {{'sid': ''}}; "
        f"assert isinstance({req}, tuple) and {req}[0]['data'] == b'in'; "
        f"assert {resp} == []; {resp}.append({item()}); return 0"
    )
    assert call(start, body, signature, handle="h")[1].text() == "abc"


def test_personalisation_arguments_are_empty(start):
    body = f"assert (psrIds, psrCnt) == ((), 0); respData.append({item()}); return 0"
    assert call(start, body)[1].text() == "abc"


def test_str_data_is_sent_as_utf8(start):
    text = "gr\u00fc\u00df \u4e2d"
    loader, answer = appended(start, data=repr(text), len=len(text))
    assert answer.data("result") == text.encode()
    loader.wait_log("the real length is sent")


def test_wrong_len_is_corrected_with_one_warning(start):
    loader, answer = appended(start, data="b'abcdef'", len=2)
    assert answer.data("result") == b"abcdef"
    for _ in range(5):
        assert loader.xsf.once().data("result") == b"abcdef"
    warning = "a result item says len=2, its data has 6 bytes; the real length is sent (said once)"
    loader.wait_log(warning)
    assert loader.log().count("the real length is sent") == 1


def test_key_may_be_bytes(start):
    assert appended(start, key="b'result'")[1].text() == "abc"


@pytest.mark.parametrize("data", ["bytearray(b'abc')", "memoryview(b'abc')"])
def test_data_may_be_any_buffer(start, data):
    assert appended(start, data=data)[1].text() == "abc"


def test_desc_of_an_item_is_delivered(start):
    _, answer = appended(start, desc="{'lang': 'en', 'pages': 3}")
    attributes = dict(answer.payloads["result"].meta.attribute)
    assert attributes == {"lang": "en", "pages": "3", "seq": "0", "status": "3"}


def test_status_of_an_item_is_made_once(start):
    _, answer = appended(start, status=1)
    assert answer.output.status == 3
    assert answer.payloads["result"].meta.attribute["status"] == "3"


def test_item_of_0_bytes_is_delivered_empty(start):
    assert appended(start, data="b''", len=0)[1].data("result") == b""


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"key": None}, "respData[0]: respdata need key item"),
        ({"data": None}, "respData[0]: respdata need data item"),
        ({"len": None}, "respData[0]: respdata need len item (int)"),
        ({"status": None}, "respData[0]: respdata need status item (int)"),
        ({"type": None}, "respData[0]: respdata need type item (int)"),
        ({"type": "'text'"}, "respData[0]: respdata need type item (int)"),
        ({"type": 9}, "respData[0]: type: expected 0 to 4, got 9"),
        ({"key": 5}, "respData[0]: key: expected bytes or str, got int"),
        (
            {"data": "'\\ud800'"},
            "respData[0]: data: this str has lone surrogates, so no UTF-8 form",
        ),
        ({"data": 5}, "respData[0]: data: expected bytes or str, got int"),
        ({"data": "None"}, "respData[0]: data: expected bytes or str, got NoneType"),
        ({"desc": "3"}, "respData[0]: desc: expected a dict"),
    ],
)
def test_item_that_is_wrong_is_10909_and_says_what(start, changes, text):
    loader, answer = appended(start, **changes)
    assert answer.code == 10909
    assert answer.error.rpartition(";code=")[0] == text
    loader.wait_log(text)


def test_item_that_is_no_dict_is_10909(start):
    _, answer = call(start, "respData.append('abc'); return 0")
    assert answer.error.rpartition(";code=")[0] == "respData[0]: expected a dict, got str"


@pytest.mark.parametrize(
    ("returned", "kind"), [("None", "NoneType"), ("{1}", "set"), ("'0'", "str"), ("1.0", "float")]
)
def test_return_that_is_no_int_is_10909(start, returned, kind):
    _, answer = call(start, f"respData.append({item()}); return {returned}")
    assert answer.code == 10909
    assert answer.error.rpartition(";code=")[0] == (
        f"wrapperOnceExec returned {kind}, expected int (0 = ok)"
    )


def test_code_has_the_text_of_wrapper_error(start):
    texts = "def wrapperError(errNum):\n    return {7: 'no voice'}[errNum]\n"
    xsf = start(texts + wrapper("return 7")).xsf
    assert xsf.once().error == "no voice;code=7"


def test_code_without_wrapper_error_still_has_its_number(start):
    assert call(start, "return 7")[1].error == "wrapper error;code=7"


def test_wrapper_error_that_raises_costs_the_text_only(start):
    texts = "def wrapperError(errNum):\n    return {}[errNum]\n"
    loader = start(texts + wrapper("return 7"))
    assert loader.xsf.once().error == "wrapper error;code=7"
    loader.wait_log("KeyError: 7")


def test_traceback_is_in_the_log_once_per_exception(start):
    loader, answer = call(start, "raise RuntimeError('broken')")
    assert answer.error == (
        "wrapperOnceExec raised RuntimeError: broken (wrapper.py, line 2);code=30003"
    )
    loader.wait_log("RuntimeError: broken")
    assert loader.log().count("Traceback (most recent call last)") == 1


def test_sys_exit_in_a_call_is_an_error_of_that_call(start):
    loader, answer = call(start, "import sys; sys.exit(5)")
    assert answer.code == 10909
    assert answer.error.startswith("wrapperOnceExec raised SystemExit: 5")
    assert loader.xsf.once().code == 10909
    assert loader.metric("aiges_instance_restarts_total") == 0


def test_fini_is_called_at_the_end(start, tmp_path):
    mark = tmp_path / "fini"
    fini = f"def wrapperFini():\n    open({str(mark)!r}, 'w').close()\n    return 0\n"
    loader = start(fini + wrapper("return 7"))
    loader.stop()
    assert mark.exists()
