# SPDX-License-Identifier: Apache-2.0
"""What a wrapper returns that cannot be sent as it is: refused with the reason, never bent."""

import pytest

HEAD = """
import array, ctypes, numpy
from aiges_embed import Response, ResponseData

def item(**changes):
    return {"key": "r", "data": b"x", "len": 1, "status": 3, "type": 0, **changes}

def response(**changes):
    made = Response()
    data = ResponseData("r")
    for name, value in changes.items():
        setattr(data, name, value)
    made.list = [data]
    return made

def holds_itself():
    made = [b"x"]
    made.append(made)
    return made

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        return eval(reqData.list[0].data)
"""
MEND = "; convert it first, as with .astype(..), or send it as JSON"
ADDRESSES = "holds addresses of objects (format '{}'), not their values" + MEND
NO_BYTES = f"gives no bytes (ValueError: cannot include dtype 'M' in a buffer){MEND}"
NUL = "expected text without NUL characters, where it would be cut"


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    from loader_process import Loader

    with Loader(binaries, tmp_path_factory.mktemp("values"), HEAD) as started:
        yield started


def answer(loader, expression):
    got = loader.xsf.once(loader.xsf.payload("data", expression.encode()))
    assert loader.metric("aiges_instance_restarts_total") == 0
    return got


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            "holds_itself()",
            "list: expected lists of at most 32 levels, got more (does one hold itself?)",
        ),
        ("['x'] * 100_001", "list: expected at most 100000 items in an answer, got more"),
        (
            "item(data=numpy.array(['cat', None], dtype=object))",
            f"dict: data: this numpy.ndarray {ADDRESSES.format('O')}",
        ),
        (
            "item(data=numpy.zeros(1, dtype=[('Ox', 'i4'), ('b', 'O')]))",
            f"dict: data: this numpy.ndarray {ADDRESSES.format('T{i:Ox:O:b:}')}",
        ),
        (
            "item(data=(ctypes.c_char_p * 1)(b'x'))",
            f"dict: data: this c_char_p_Array_1 {ADDRESSES.format('<z')}",
        ),
        (
            "item(data=numpy.array(['2026-01-01'], dtype='datetime64[D]'))",
            f"dict: data: this numpy.ndarray {NO_BYTES}",
        ),
        ("item(key='a\\0b')", f"dict: key: {NUL}"),
        ("item(desc={'a\\0': 'b'})", f"dict: desc: {NUL}"),
        ("item(desc={'a': 'b\\0c'})", f"dict: desc: {NUL}"),
        ("response(key='a\\0b')", f"Response.list[0]: key: {NUL}"),
        ("item(type=2**32)", f"dict: type: expected 0 to 4, got {2**32}"),
        ("item(type=2**64)", "dict: type: expected 0 to 4, got an int beyond 64 bits"),
        ("item(status=2**64)", "dict: status: expected 0 to 3, got an int beyond 64 bits"),
        ("item(len=2**64)", "dict: len: expected a number of bytes, got an int beyond 64 bits"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(loader, expression, text):
    """Addresses were delivered as data, names cut at a NUL, a list in itself was a SIGSEGV."""
    got = answer(loader, expression)
    assert (got.code, got.error) == (
        10909,
        f"{'' if text.startswith('Response') else 'wrapperOnceExec returned '}{text};code=30005",
    )
    assert "Traceback" not in loader.log()


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("item(data=b'a\\0b')", b"a\0b"),
        ("item(data='a\\0b')", b"a\0b"),
        ("item(data=numpy.arange(6, dtype='u1').reshape(2, 3)[:, ::2])", bytes([0, 2, 3, 5])),
        ("item(data=numpy.ones(1, dtype=[('Object', 'u1'), ('P', 'u1')]))", b"\1\1"),
        ("item(data=numpy.zeros(1, dtype='complex64'))", bytes(8)),
        ("item(data=array.array('u', 'a'))", b"a\0\0\0"),
        ("response(data=numpy.ones(2, dtype='u1'))", b"\1\1"),
    ],
)
def test_what_has_bytes_is_sent_as_it_lies(loader, expression, data):
    assert answer(loader, expression).data("r") == data


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("response(data=numpy.array([None]))", ADDRESSES.format("O")),
        (
            "response(data=numpy.array(['2026-01-01'], dtype='M8[D]'))",
            NO_BYTES,
        ),
    ],
)
def test_what_is_set_in_a_response_data_raises_at_that_line(loader, expression, text):
    error = answer(loader, expression).error
    start = f"wrapperOnceExec raised TypeError: data: this numpy.ndarray {text} (wrapper.py, line "
    assert error.startswith(start), error


def test_a_number_beyond_its_field_raises_at_that_line(loader):
    for name, most in (("type", 2**31), ("status", 2**31), ("len", 2**64)):
        error = answer(loader, f"response({name}={most})").error
        assert error.startswith("wrapperOnceExec raised TypeError: "), error


HANDLE = """
def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    return "a\\0b"

def wrapperWrite(handle, reqData):
    return 0
"""


def test_handle_with_a_nul_is_refused(start):
    from xsf_client import XsfSession

    session = XsfSession(start(HANDLE).xsf)
    session.open()
    failure = session.failure()
    assert (failure.code, failure.error) == (
        10905,
        f"wrapperCreate returned a handle that cannot be one: {NUL};code=30004",
    )
