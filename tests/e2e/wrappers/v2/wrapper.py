# SPDX-License-Identifier: Apache-2.0
"""A v2 wrapper as the template writes it: class, fields of aiges_embed, Response."""

import json

try:
    from aiges.sdk import WrapperBase
except ImportError:  # The package is optional: the classes come from the worker.
    WrapperBase = object

from aiges_embed import Response, ResponseData


class Wrapper(WrapperBase):
    serviceId = "svcName"
    version = "v1"

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.options = kwargs
        self.calls = 0

    def wrapperInit(self, config):
        self.settings = dict(config)
        return 0

    def wrapperOnceExec(self, params, reqData, usrTag, psrId):
        self.calls += 1
        response = Response()
        if params.get("do") == "error":
            return response.response_err(int(params["code"]))
        if params.get("do") == "describe":
            node = reqData.list[0]
            seen = {
                "params": dict(params),
                "usrTag": usrTag,
                "psrId": psrId,
                "nodes": [[n.key, n.len, n.type, n.status] for n in reqData.list],
                "class": type(node.data).__name__,
                "same": reqData.get(node.key).get_data() == node.data,
                "absent": reqData.get("no such key") is None,
                "options": sorted(self.options),
                "config": self.settings,
            }
            item = ResponseData("result", 0, 0, 0)
            item.setData(json.dumps(seen).encode())
            response.list = [item]
            return response
        for node in reqData.list:
            item = ResponseData()
            item.key = node.key
            item.setDataType(node.type)
            item.data = node.data
            response.list.append(item)
        return response

    def wrapperError(self, code):
        return f"v2 error {code}"

    def wrapperFini(self):
        return 0
