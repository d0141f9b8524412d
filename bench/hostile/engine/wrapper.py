# SPDX-License-Identifier: Apache-2.0
"""An echo that turns hostile when params["do"] says so."""

import os
import sys
import time

GROWN = []
MEGABYTE = 1 << 20


def wrapperInit(config):
    return 0


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    action = params.get("do")
    if action is not None:
        globals()["do_" + action](float(params.get("seconds", "5")))
    respData += [{**item, "status": 3} for item in reqData]
    return 0


def wrapperLoadRes(reqData, resId):
    return 0


def wrapperUnloadRes(resId):
    return 0


def wrapperFini():
    return 0


def wrapperError(code):
    return f"code {code}"


def do_chatter(seconds):
    """Prints without end, long lines and short ones, faster than anybody reads."""
    line = "x" * 4000 + "\n" + "y\n" * 500
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sys.stderr.write(line)


def do_fork(seconds):
    """Children that sleep, and children that return from the hook as the worker did."""
    for number in range(20):
        if os.fork() == 0:
            if number % 2:
                return
            time.sleep(seconds)
            os._exit(0)


def do_write(seconds):
    """Writes a file and to the log, as long as it can."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        print("a line of the engine", flush=True)
        with open("scratch", "wb") as file:
            file.write(b"x" * MEGABYTE)


def do_grow(seconds):
    """Takes memory until it is replaced."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and len(GROWN) < 40:
        GROWN.append(b"\1" * (16 * MEGABYTE))
        time.sleep(0.05)
