# SPDX-License-Identifier: Apache-2.0
"""Sessions that are read, of a class that derives from WrapperBase: for shim_v2_read_test.cc."""

from aiges.sdk import WrapperBase
from aiges_embed import Response, ResponseData, SessionCreateResponse, callback


class Wrapper(WrapperBase):
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        self.items, self.tag = [], usrTag
        return SessionCreateResponse(handle=sid, error_code=0)

    def wrapperWrite(self, handle, reqData):
        refused = str(callback(Response(), self.tag))
        for node in reqData.list:
            data = node.data.upper() + b" " + handle.encode() + b" " + refused.encode()
            self.items.append(ResponseData(key="out", data=data, status=node.status))
        return 0

    def wrapperRead(self, handle, sid):
        response = Response()
        response.list, self.items = self.items, []
        return response
