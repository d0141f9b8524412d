# SPDX-License-Identifier: Apache-2.0
"""A batch wrapper: calls that come together run as one."""

from aiges.dto import Response, ResponseData


def answer(text):
    response = Response()
    response.list = [ResponseData(key="result", data=text)]
    return response


class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        results = []
        for request in reqData:
            number = request.list[0].data.decode()
            if number.isdigit():
                results.append(answer(str(int(number) ** 2)))
            else:
                results.append(ValueError(f"expected a number, got {number!r}"))
        return results
