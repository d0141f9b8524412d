# SPDX-License-Identifier: Apache-2.0
"""aiges.dto: what wrappers do with the data classes in the field."""

import subprocess
import sys

import pytest
from aiges import dto

EARLIER_SHIM = """
import sys, types
module = types.ModuleType("aiges_embed")
for name in ("ResponseData", "Response", "DataListNode", "DataListCls", "SessionCreateResponse"):
    setattr(module, name, type(name, (), {}))
for name in ("callback", "callback_metric", "callback_trace"):
    setattr(module, name, lambda *given: 7)
sys.modules["aiges_embed"] = module
import aiges.sdk
from aiges import context, dto
print(dto.Response is module.Response, dto.callback(), dto.current_tag() == "")
print(context.usr_tag() == "", context.cancelled(), context.remaining_ms())
"""


def test_under_an_earlier_shim_it_is_that_ones_module_as_far_as_it_goes():
    done = subprocess.run([sys.executable, "-c", EARLIER_SHIM], capture_output=True, text=True)
    assert done.stdout.split() == "True 7 True True False None".split(), done.stderr


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc"), "abc"])
def test_data_takes_anything_with_bytes_and_sets_len(data):
    node = dto.ResponseData("out")
    node.data = data
    assert (node.data, node.len) == (b"abc", 3)
    node.setData("\u00e9")
    assert (node.data, node.len) == (b"\xc3\xa9", 2)


def test_data_refuses_what_has_no_bytes_and_says_what_came():
    with pytest.raises(TypeError, match="expected bytes, a buffer or str, got float"):
        dto.ResponseData("out").data = 1.5


def test_positional_arguments_are_key_len_status_type():
    node = dto.ResponseData("out", 5, 2, 1)
    assert (node.key, node.len, node.status, node.type) == ("out", 5, 2, 1)


def test_keyword_arguments_of_the_old_mirror_work():
    node = dto.ResponseData(key="k", data=b"xy", length=2, type=2, status=3)
    assert (node.data, node.len, node.type, node.status) == (b"xy", 2, 2, 3)


def test_set_data_type_refuses_unknown_types():
    with pytest.raises(ValueError, match="expected 0 .text.*got 9"):
        dto.ResponseData().setDataType(9)


def test_response_starts_empty_and_response_err_works_both_ways():
    response = dto.Response()
    assert response.list == []
    response.list.append(dto.ResponseData("a"))
    assert len(response.list) == 1
    assert response.response_err(100) is response
    assert dto.Response().response_err(7).error_code == 7


def test_get_finds_a_payload_by_key_or_nothing():
    request = dto.DataListCls()
    request.list.append(dto.DataListNode(key="img", data=b"1"))
    found = request.get("img")
    assert found is not None and found.get_data() == b"1"
    assert request.get("other") is None


def test_callback_takes_two_or_three_arguments():
    results = dto.init_rq()
    assert dto.callback(dto.Response(), "tag") == 0
    assert dto.callback(dto.Response(), "handle", "sid") == 0
    assert [results.get()[1], results.get()[1]] == ["tag", "sid"]
