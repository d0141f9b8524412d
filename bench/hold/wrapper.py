# SPDX-License-Identifier: Apache-2.0
"""An echo that keeps the payload "hold" for a minute: a call that is there when its worker dies."""

import time


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if reqData[0]["data"] == b"hold":
        time.sleep(60)
    respData += [{**item, "status": 3} for item in reqData]
    return 0
