# SPDX-License-Identifier: Apache-2.0
"""Wrappers that declare what they take and give, for the tests of /openapi.json and /docs."""

MIRROR = """
from aiges.dto import Response, ResponseData
from aiges.sdk import (AudioBodyField, BooleanParamField, ImageBodyField, IntegerParamField,
                       NumberParamField, StringBodyField, StringParamField, WrapperBase)


class Request:
    img = ImageBodyField(key="img", encoding="png")
    count = IntegerParamField(key="count", minimum=1, maximum=9, value=3)
    rate = NumberParamField(key="rate", maximum=1.5, value=0.5)
    loud = BooleanParamField(key="loud", title="Loud?", default=True)
    name = StringParamField(key="name", maxLength=8, enums=["a", "b"], value="a")


class Answer:
    out = ImageBodyField(key="out", encoding="png")


class Wrapper(WrapperBase):
    serviceId, version, route = "mirror", "v2", ["/mirror"]
    requestCls, responseCls = Request(), Answer()

    def wrapperOnceExec(self, params, reqData):
        answer = ResponseData()
        answer.key, answer.type = "out", 2
        answer.setData(reqData.list[0].data)
        answer.desc = {"encoding": "png"}
        response = Response()
        response.list = [answer]
        return response
"""

SOUND = MIRROR.replace("ImageBodyField(", "AudioBodyField(").replace('"png"', '"wav"')
SOUND = SOUND.replace('"out", 2', '"out", 1')
