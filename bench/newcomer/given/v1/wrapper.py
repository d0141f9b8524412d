# SPDX-License-Identifier: Apache-2.0
"""The text model of bench/newcomer as contract v1 has it."""


def wrapperInit(config):
    return 0


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    text = reqData[0]["data"].decode().upper().encode()
    respData.append({"key": "result", "data": text, "len": len(text), "status": 3, "type": 0})
    return 0


def wrapperFini():
    return 0


def wrapperError(code):
    return ""
