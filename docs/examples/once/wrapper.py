# SPDX-License-Identifier: Apache-2.0
"""A once wrapper: one request, one answer."""

from aiges.dto import Response, ResponseData
from aiges.errors import BadInput
from aiges.sdk import WrapperBase


class Wrapper(WrapperBase):
    def wrapperInit(self, config):
        self.suffix = config.get("suffix", "!")  # [wrapper] suffix of aiges.toml, as text.
        return 0  # Anything else ends the start.

    def wrapperOnceExec(self, params, reqData):
        node = reqData.get("text")
        if node is None:
            raise BadInput("expected a payload named text, got none")  # 400: the caller's fault.
        answer = ResponseData()
        answer.key = "result"
        answer.setDataType(0)  # Text.
        answer.setData(node.data.upper() + self.suffix.encode())
        response = Response()
        response.list = [answer]
        return response
