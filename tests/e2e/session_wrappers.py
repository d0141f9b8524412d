# SPDX-License-Identifier: Apache-2.0
"""wrapper.py in the shapes that users write, for test_python_sessions.py."""

V1_ECHO = """
sessions = {}
def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    assert psrIds == () and psrCnt == 0 and errNum == 0
    if params.get("create") == "raise": raise ValueError("no room")
    sessions[usrTag] = []
    return usrTag
def wrapperWrite(handle, reqData):
    sessions[handle] += [(i["data"].upper(), i["status"]) for i in reqData]
    return 0
def wrapperRead(handle, respData):
    for data, status in sessions[handle]:
        respData.append({"key": "out", "data": data, "len": len(data), "status": status, "type": 0})
    sessions[handle] = []
    return 0
def wrapperDestory(handle):
    del sessions[handle]
    print("destroyed", handle)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({"key": "n", "data": str(len(sessions)), "len": 1, "status": 3, "type": 0})
    return 0
"""

V2_HEAD = """
import threading
from aiges_embed import ResponseData, Response, DataListCls, SessionCreateResponse, callback
from aiges.sdk import WrapperBase

def item(text, status, key="out"):
    data = ResponseData()
    data.key, data.status = key, status
    data.setDataType(0)
    data.setData(text.encode() if isinstance(text, str) else text)
    return data

def response(text, status):
    r = Response()
    r.list = [item(text, status)]
    return r
"""

V2_READ = (
    V2_HEAD
    + """
class Wrapper(WrapperBase):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sessions = {}
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        self.sessions["mine-" + sid] = []
        return SessionCreateResponse("mine-" + sid, 0)
    def wrapperWrite(self, handle, reqData):
        self.sessions[handle] += [(n.data.upper(), n.status) for n in reqData.list]
        return 0
    def wrapperRead(self, handle):
        r = Response()
        for data, status in self.sessions[handle]:
            r.list.append(item(data, status))
        self.sessions[handle] = []
        return r
    def wrapperDestroy(self, handle):
        print("destroyed", handle)
        return 0
    def wrapperOnceExec(self, params, reqData):
        return response("once", 3)
"""
)

V2_CALLBACK = (
    V2_HEAD
    + """
class Wrapper(WrapperBase):
    def wrapperCreate(self, params, sid, psrId, usrTag):
        self.names = {"tag": (usrTag,), "sid": (sid,), "handle": ("mine", sid)}[params["name"]]
        return SessionCreateResponse("mine", 0)
    def wrapperWrite(self, handle, reqData, sid):
        def work():
            for node in reqData.list:
                callback(response(node.data.upper(), node.status), *self.names)
            late = callback(response(b"x", 2), *self.names)
            print(f"late: {late}\\n", end="")  # In one piece: two threads print.
        threading.Thread(target=work).start()
        return 0
    def wrapperDestroy(self, handle):
        print(f"destroyed {handle}\\n", end="")
        return 0
    def wrapperOnceExec(self, params, reqData):
        return response("once", 3)
"""
)

GENERATOR = """
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        try:
            for n in range(int(params["n"])):
                if params.get("bad") == str(n): raise ValueError("bad token")
                yield f"t{n}"
        finally:
            print("closed", flush=True)
"""

ASYNC_GENERATOR = """
import asyncio
class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        try:
            for n in range(int(params["n"])):
                if params.get("bad") == str(n): raise ValueError("bad token")
                await asyncio.sleep(float(params.get("pause", 0)))
                yield f"t{n}"
        finally:
            print("closed", flush=True)
"""

STREAM = """
class Wrapper:
    def wrapperStream(self, params, requests):
        for request in requests:
            for node in request.list:
                yield node.data.upper()
"""

ASYNC_STREAM = """
class Wrapper:
    async def wrapperStream(self, params, requests):
        async for request in requests:
            for n in request.list:
                yield dict(key="out", data=n.data.upper(), len=0, status=0, type=0)
"""

BATCH = """
import time
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        time.sleep(0.5)  # Meanwhile the others come.
        return self.wrapperBatchExec([params], [reqData])[0]
    def wrapperBatchExec(self, params, reqData):
        from aiges_embed import Response, ResponseData
        out = []
        for p, r in zip(params, reqData):
            if p.get("bad"): out.append(ValueError("bad item")); continue
            answer = Response()
            answer.list = [ResponseData(key="n", data=str(len(params)))]
            out.append(answer)
        if params[0].get("short"): out.pop()
        return out
"""

CONTEXT = """
import time
from aiges import context
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        from aiges_embed import Response, ResponseData
        if params.get("wait"):
            print("waits now", flush=True)
            while not context.cancelled(): time.sleep(0.001)
            print("saw the end", flush=True)
            time.sleep(0.05)
        answer = Response()
        answer.list = [ResponseData(key="ms", data=str(context.remaining_ms()))]
        return answer
"""

COROUTINE = """
import asyncio
class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.sleep(0.5)
        return "done"
"""

ONCE_ASYNC = (
    V2_HEAD
    + """
class Wrapper(WrapperBase):
    def wrapperOnceExecAsync(self, params, reqData, sid):
        threading.Thread(target=lambda: callback(response("async", 3), sid)).start()
        return 0
"""
)

POOL = (
    V2_HEAD
    + """
from aiges.stream import StreamHandleThread
class Upper(StreamHandleThread):
    def infer(self, request):
        for node in request.list:
            self.session_thread.callback_fn(
                response(node.data.upper(), node.status), self.session_thread.sid)
class Wrapper(WrapperBase):
    def wrapperInit(self, config):
        self.session.init_wrapper_config(config)
        self.session.init_handle_pool("thread", 1, Upper)
        return 0
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        handle = self.session.get_idle_handle()
        if handle is None:
            return SessionCreateResponse("", 77)
        session = self.session.get_session(handle)
        session.setup_sid(sid)
        session.setup_params(params)
        session.setup_callback_fn(callback)
        return SessionCreateResponse(handle, 0)
    def wrapperWrite(self, handle, reqData):
        self.session.get_session(handle).in_q.put(reqData)
        return 0
    def wrapperDestroy(self, handle):
        self.session.set_idle_session(handle)
        print("destroyed", handle)
        return 0
    def wrapperOnceExec(self, params, reqData):
        return response("once", 3)
"""
)
