# SPDX-License-Identifier: Apache-2.0
"""A wrapper of the first generation, for shim_v1_test.cc: params["mode"] says what to do."""

import threading

config = {}
meeting = threading.Barrier(4)


def wrapperInit(given):
    config.update(given)
    return 0


def echo(item, **changes):
    return {**{k: item[k] for k in ("key", "data", "len", "status", "type")}, **changes}


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    mode = params.get("mode", "echo")
    item = reqData[0] if reqData else {}
    if mode == "echo":
        for each in reqData:
            respData.append(echo(each, desc=each["desc"]))
    elif mode == "describe":
        text = repr(
            (usrTag, sorted(params.items()), reqData, psrIds, psrCnt, sorted(config.items()))
        )
        respData.append({"key": "r", "data": text, "len": len(text), "status": 3, "type": 0})
    elif mode == "large":
        data = b"L" * 1_000_000
        respData.append({"key": "r", "data": data, "len": len(data), "status": 3, "type": 2})
    elif mode == "str":  # len counts characters, as the old demo did.
        respData.append({"key": b"r", "data": "gr\u00fc\u00df", "len": 4, "status": 3, "type": 0})
    elif mode == "buffer":
        respData.append(echo(item, data=bytearray(b"ab")))
        respData.append(echo(item, data=memoryview(b"cd")))
    elif mode == "wrong":
        changes = {
            "not a dict": 5,
            "no key": {"data": b"", "len": 0, "status": 3, "type": 0},
            "no data": {"key": "k", "len": 0, "status": 3, "type": 0},
            "no len": {"key": "k", "data": b"", "status": 3, "type": 0},
            "no status": {"key": "k", "data": b"", "len": 0, "type": 0},
            "no type": {"key": "k", "data": b"", "len": 0, "status": 3},
            "type": echo(item, type=9),
            "data": echo(item, data=5),
            "key": echo(item, key=5),
            "desc": echo(item, desc=5),
            "huge": echo(item, len=1 << 80),
        }
        respData.append(echo(item, data=b"x" * 1_000_000))  # A good one before it.
        respData.append(changes[params["what"]])
    elif mode == "raise":
        raise ValueError("no such model")
    elif mode == "deep":
        raise ValueError("€" * 5000 + "the end")
    elif mode == "exit":
        raise SystemExit(3)
    elif mode == "code":
        return int(params["code"])
    elif mode == "return":
        return {"none": None, "str": "0", "huge": 1 << 40}[params["what"]]
    elif mode == "meet":  # Returns only when four calls are in here at once.
        meeting.wait(timeout=20)
    return 0


def wrapperError(code):
    if code == 78:
        raise RuntimeError("broken wrapperError")
    return f"own text of {code}" if code == 77 else 5


def wrapperFini():
    return 0
