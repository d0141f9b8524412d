# SPDX-License-Identifier: Apache-2.0
"""An asynchronous wrapper: it answers later, from a thread of its own."""

import threading

from aiges.dto import SessionCreateResponse

try:
    from aiges_embed import Response, ResponseData, callback
except ImportError:
    from aiges.dto import Response, ResponseData, callback


def piece(data, status):
    item = ResponseData()
    item.key = "result"
    item.status = status
    item.setData(data)
    response = Response()
    response.list = [item]
    return response


class Wrapper:
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        return SessionCreateResponse(usrTag, 0)

    def wrapperWrite(self, handle, reqData):
        threading.Thread(target=self.work, args=(handle, reqData)).start()
        return 0

    def work(self, handle, reqData):
        for node in reqData.list:
            # Waits while the client is slow; -1: nobody wants it any more.
            if callback(piece(node.data.upper(), node.status), handle) != 0:
                return

    def wrapperDestroy(self, handle):
        return 0

    def wrapperOnceExec(self, params, reqData):
        return piece(reqData.list[0].data.upper(), 3)
