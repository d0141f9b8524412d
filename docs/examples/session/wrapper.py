# SPDX-License-Identifier: Apache-2.0
"""A session by hand, in the function style: create, write, read, destroy."""

sessions = {}


def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    sessions[usrTag] = []
    return usrTag  # The handle of the calls that follow.


def wrapperWrite(handle, reqData):
    for item in reqData:
        sessions[handle].append((item["data"].upper(), item["status"]))
    return 0


def wrapperRead(handle, respData):
    for data, status in sessions[handle]:
        # Status 2 ends the stream "result", and with it the session.
        respData.append(
            {"key": "result", "data": data, "len": len(data), "status": status, "type": 0}
        )
    sessions[handle] = []
    return 0


def wrapperDestroy(handle):
    del sessions[handle]
    return 0


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    for item in reqData:
        data = item["data"].upper()
        respData.append({"key": "result", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
