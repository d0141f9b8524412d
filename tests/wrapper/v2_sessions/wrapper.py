# SPDX-License-Identifier: Apache-2.0
"""Sessions answered by callback from a thread of the wrapper: for shim_v2_sessions_test.cc."""

import threading

from aiges import context
from aiges_embed import Response, ResponseData, SessionCreateResponse, callback

loaded = {}


def response(data, status, key="out"):
    made = Response()
    made.list = [ResponseData(key=key, data=data, status=status)]
    return made


class Wrapper:
    def wrapperCreate(self, params, sid, psrId, usrTag):
        how = params.get("create")
        if how == "raise":
            raise ValueError("no room")
        if how == "code":
            return SessionCreateResponse("", 55)
        if how == "none":
            return None
        if how == "early":
            callback(response(b"early", 0), usrTag)
        self.names = {"tag": (usrTag,), "sid": (sid,), "handle": ("mine", sid)}.get(
            params.get("name"), (usrTag,)
        )
        self.about = f"{psrId} {context.usr_tag() == usrTag}"
        return SessionCreateResponse("mine", 0)

    def wrapperWrite(self, handle, reqData, sid):
        names, node, about = self.names, reqData.list[0], self.about
        if node.data == b"raise":
            raise ValueError("bad input")

        def work():
            if node.data == b"empty":
                loaded["empty"] = callback(Response(), *names)
            elif node.data == b"wrong":
                loaded["wrong"] = callback([5], *names)
            elif node.data == b"code":
                callback(Response().response_err(42), *names)
            elif node.data == b"about":
                callback(response(about, 2), *names)
            else:
                callback(response(node.data.upper(), node.status), *names)

        thread = threading.Thread(target=work)
        thread.start()
        if node.data in (b"empty", b"wrong"):
            thread.join()
        return 0

    def wrapperDestroy(self, handle):
        return 0

    def wrapperOnceExec(self, params, reqData, usrTag):
        what = params["what"]
        if what == "late":  # The tag of a session that has ended.
            return response(str(callback(response(b"x", 2), params["of"])), 3)
        if what == "loaded":
            return response(repr(sorted(loaded.items())), 3)
        return response(
            f"{context.usr_tag()} {context.remaining_ms(what)} {context.cancelled(what)}", 3
        )

    def wrapperOnceExecAsync(self, params, reqData, sid):
        if params.get("fail"):
            return 9

        def answer(number):
            barrier.wait()
            codes.append(callback(response(f"answer {number}", 1), sid))

        codes, barrier = [], threading.Barrier(4)
        threads = [threading.Thread(target=answer, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        loaded["codes"] = sorted(codes)
        return 0

    def wrapperLoadRes(self, reqData, patch_id):
        if reqData.list[0].data == b"bad":
            raise OSError("not a resource")
        loaded[patch_id] = reqData.list[0].data
        return 0

    def wrapperUnloadRes(self, patch_id):
        del loaded[patch_id]
        return 0

    def wrapperError(self, code):
        return f"text of {code}"
