# SPDX-License-Identifier: Apache-2.0
"""A wrapper that gives back what it gets, and counts the words for whoever pays."""

from aiges.dto import Response, ResponseData, callback_metric


class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        text = reqData.list[0].data
        callback_metric("", "words", len(text.split()))
        answer = ResponseData()
        answer.key, answer.type = "result", 0
        answer.setData(text)
        response = Response()
        response.list = [answer]
        return response
