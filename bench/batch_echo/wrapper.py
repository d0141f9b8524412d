# SPDX-License-Identifier: Apache-2.0
"""An echo that costs nothing and takes batches: what the wait for company costs can be seen."""


def answer(items):
    return [{**item, "status": 3} for item in items]


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData += answer(reqData)
    return 0


def wrapperBatchExec(params, reqData):
    return [answer(items) for items in reqData]
