# SPDX-License-Identifier: Apache-2.0
"""A v1 plugin that answers each payload with itself: what is measured is the host around it."""


def wrapperInit(config):
    return 0


def wrapperFini():
    return 0


def wrapperError(errNum):
    return f"unknown error {errNum} of the echo plugin"


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    for item in reqData:
        data = item["data"]
        respData.append(
            {"key": item["key"], "data": data, "len": len(data), "status": 3, "type": item["type"]}
        )
    return 0
