# SPDX-License-Identifier: Apache-2.0
"""A wrapper of the second generation, for shim_v2_test.cc: params["mode"] says what to do."""

import aiges_embed
from aiges_embed import Response, ResponseData


class Wrapper:
    def __init__(self, legacy=True, **kwargs):
        self.legacy = legacy

    def wrapperInit(self, config):
        self.config = dict(config)
        return 0

    def wrapperOnceExec(self, params, reqData, usrTag=""):
        mode = params.get("mode", "echo")
        resp = Response()
        if mode == "echo":
            for node in reqData.list:
                out = ResponseData(node.key, node.len, node.status, node.type)
                out.data = node.data
                resp.list.append(out)
        elif mode == "describe":
            node = reqData.get("img")
            text = repr((self.legacy, usrTag, type(node.data).__name__, node.len, dict(node.desc)))
            out = ResponseData()
            out.setKey("r")
            out.setData(text)
            resp.list = [out]
        elif mode == "absent":
            assert reqData.get("nothing") is None
            resp.list.append(ResponseData(key="r", data=b"none", type=0))
        elif mode == "error":
            return resp.response_err(int(params["code"]))
        elif mode == "meter":
            code = aiges_embed.callback_metric(usrTag, "tokens", 7)
            code += aiges_embed.callback_trace(usrTag, "k", "v")
            resp.list.append(ResponseData(key="r", data=str(code)))
        elif mode == "wrong":
            return {"none": None, "int": 0, "list": resp_with(5), "item": resp_with([5])}[
                params["what"]
            ]
        elif mode == "raise":
            raise KeyError("img")
        return resp

    def wrapperError(self, code):
        return f"v2 text of {code}"

    def wrapperFini(self):
        return 0


def resp_with(items):
    class Any:
        error_code = 0
        list = items

    return Any()
