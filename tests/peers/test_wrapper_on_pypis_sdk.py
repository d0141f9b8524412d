# SPDX-License-Identifier: Apache-2.0
"""A wrapper in an environment with PyPI's aiges: it gets ours, or theirs where it insists."""

import json

import pytest

WRAPPER = """
import sys
{first}
import aiges
from aiges_embed import Response, ResponseData, callback, init_rq
from aiges.sdk import StringBodyField, WrapperBase

class Request:
    text = StringBodyField(key="data", value=b"x")

class Answer:
    result = StringBodyField(key="result")

class Wrapper(WrapperBase):
    serviceId, version = "mine", "v2"
    requestCls, responseCls = Request(), Answer()

    def wrapperInit(self, config):
        return 0

    def wrapperOnceExec(self, params, reqData, usrTag="", persId=0):
        item = ResponseData()
        item.key = "result"
        item.setData(aiges.__file__.encode())
        answer = Response()
        answer.list = [item]
        return answer
"""
BODY = {"header": {"appid": "a", "status": 3}, "payload": {"data": {"status": 3, "text": "aGk="}}}


@pytest.mark.parametrize("insists", [False, True])
def test_it_is_served_by_what_its_schema_says(start, pypi_aiges, pypi_package, insists):
    first = f"sys.path.insert(0, {str(pypi_package.parent)!r})" if insists else ""
    python = {"instances": {"python": str(pypi_aiges / "bin/python")}}
    loader = start(WRAPPER.format(first=first), config=python)
    path = "/v2/private/mine"
    said = loader.web.request(
        "POST", path, json.dumps(BODY).encode(), {"Content-Type": "application/json"}
    )
    assert said.status == 200, said.body
    assert path in json.loads(loader.web.get("/openapi.json").body)["paths"]
    theirs = str(pypi_package) in json.loads(said.body)["payload"]["result"]["text"]
    assert theirs == insists
