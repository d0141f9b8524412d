# SPDX-License-Identifier: Apache-2.0
"""Sessions of the first generation, and nothing else: for shim_v1_sessions_test.cc."""

sessions = {}


def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    if params.get("create") == "raise":
        raise ValueError("no room")
    if params.get("create") == "code":
        return 55
    if params.get("create") == "none":
        return None
    sessions["h-" + usrTag] = [{**item("", 0), "data": repr((usrTag, psrIds, psrCnt, errNum))}]
    return "h-" + usrTag


def item(data, status):
    return {"key": "out", "data": data, "len": len(data), "status": status, "type": 0}


def wrapperWrite(handle, reqData):
    if reqData[0]["data"] == b"bad":
        return 66
    sessions[handle] += [item(each["data"].upper(), each["status"]) for each in reqData]
    return 0


def wrapperRead(handle):  # The old demos' arity: the list is returned.
    results, sessions[handle] = sessions[handle], []
    if any(each["data"] == b"NINE" for each in results):
        return [item("x", 9)]
    return results


def wrapperDestory(handle):  # Sic.
    del sessions[handle]
    return 0
