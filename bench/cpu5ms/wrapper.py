# SPDX-License-Identifier: Apache-2.0
"""A v1 plugin that computes for 5 ms per call, then answers each payload with itself.

The time is that of the processor, not of the clock: two instances that share one core take twice
as long, as those of a real engine do.
"""

import time

CALL_S = 0.005


def wrapperInit(config):
    return 0


def wrapperFini():
    return 0


def wrapperError(errNum):
    return f"unknown error {errNum} of the cpu5ms plugin"


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    until = time.process_time() + CALL_S
    while time.process_time() < until:
        pass
    for item in reqData:
        data = item["data"]
        respData.append(
            {"key": item["key"], "data": data, "len": len(data), "status": 3, "type": item["type"]}
        )
    return 0
