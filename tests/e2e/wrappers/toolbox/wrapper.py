# SPDX-License-Identifier: Apache-2.0
"""A v1 wrapper that does what params["do"] says: well-behaved things and the opposite."""

import ctypes
import json
import os
import sys
import threading
import time

CONFIG = {}
INSTANCE = os.getpid()


def wrapperInit(config):
    CONFIG.update(config)
    return 0


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    note(params, "begin")
    action = globals()["do_" + params.get("do", "echo")]
    code = action(usrTag, params, reqData, respData)
    note(params, "end")
    return 0 if code is None else code


def wrapperError(code):
    return f"toolbox error {code}"


def note(params, what):
    """Leaves a trace on disk: what was executed, also when nobody got the answer."""
    if "notes" in params:
        with open(params["notes"], "a", encoding="utf-8") as out:
            out.write(f"{what} {params.get('name', '')}\n")


def result(respData, data, key="result", kind=0, **more):
    respData.append({"key": key, "data": data, "len": len(data), "status": 3, "type": kind, **more})


def do_echo(usrTag, params, reqData, respData):
    for item in reqData:
        result(respData, item["data"], item["key"], item["type"])


def do_echo_desc(usrTag, params, reqData, respData):
    for item in reqData:
        result(respData, item["data"], item["key"], item["type"], desc=item["desc"])


def do_describe(usrTag, params, reqData, respData):
    items = [
        {
            "class": type(item["data"]).__name__,
            "bytes": len(item["data"]),
            **{name: item[name] for name in ("key", "len", "status", "type", "desc")},
        }
        for item in reqData
    ]
    seen = {"usrTag": usrTag, "params": params, "items": items, "pid": INSTANCE, "config": CONFIG}
    result(respData, json.dumps(seen).encode(), desc={"lang": "en", "seq": "9"})


def do_size(usrTag, params, reqData, respData):
    """A result of params["bytes"] bytes."""
    result(respData, b"x" * int(params["bytes"]))


def do_nothing(usrTag, params, reqData, respData):
    """No result at all."""


def do_code(usrTag, params, reqData, respData):
    return int(params["code"])


def do_raise(usrTag, params, reqData, respData):
    raise ValueError(params.get("text", "made to fail"))


def do_sleep(usrTag, params, reqData, respData):
    time.sleep(float(params["ms"]) / 1000)
    do_echo(usrTag, params, reqData, respData)


def do_gate(usrTag, params, reqData, respData):
    """Waits until the file params["gate"] is there."""
    while not os.path.exists(params["gate"]):
        time.sleep(0.002)
    do_echo(usrTag, params, reqData, respData)


def do_spin(usrTag, params, reqData, respData):
    """Busy, holding the GIL, until the file params["gate"] is there."""
    while not os.path.exists(params["gate"]):
        pass
    do_echo(usrTag, params, reqData, respData)


def do_exit(usrTag, params, reqData, respData):
    os._exit(3)


def do_exit_after(usrTag, params, reqData, respData):
    """Behind the gate: a good answer, and the end of the process right after it is out."""
    do_gate(usrTag, params, reqData, respData)
    threading.Timer(0.2, os._exit, (3,)).start()


def do_sys_exit(usrTag, params, reqData, respData):
    sys.exit(5)


def do_segfault(usrTag, params, reqData, respData):
    ctypes.string_at(0)


def do_abort(usrTag, params, reqData, respData):
    os.abort()


def do_hang(usrTag, params, reqData, respData):
    threading.Event().wait()


def do_flood(usrTag, params, reqData, respData):
    """Writes params["bytes"] bytes to stdout, in lines."""
    line = "flood " * 16 + "\n"
    for _ in range(int(params["bytes"]) // len(line)):
        sys.stdout.write(line)
    do_echo(usrTag, params, reqData, respData)


def do_garbage(usrTag, params, reqData, respData):
    """Writes nonsense to every descriptor from params["first"] up that is open."""
    written = []
    for fd in range(int(params["first"]), 64):
        try:
            os.write(fd, b"\xff\x00garbage" * 8)
            written.append(fd)
        except OSError:
            pass
    result(respData, json.dumps(written).encode())
