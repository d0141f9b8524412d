# SPDX-License-Identifier: Apache-2.0
"""Resources in engines of other kinds than test_resources.py: v1 functions, and a C plugin."""

import pytest
from xsf_client import XsfSession

V1 = """
loaded, sessions = {}, {}

def named(psrIds, psrCnt):
    assert len(psrIds) == psrCnt
    return "".join(f"[{i}={loaded.get(i, '?')}]" for i in psrIds)

def answer(respData, text):
    respData.append({"key": "out", "data": text, "len": len(text), "status": 2, "type": 0})
    return 0

def wrapperError(code):
    return "seven"

def wrapperLoadRes(reqData, patch_id, resId):
    if reqData[0]["data"] == b"bad":
        return 7
    loaded[resId] = reqData[0]["data"].decode()
    print("loaded", patch_id, resId)
    return 0

def wrapperUnloadRes(patch_id, resId):
    print("unloaded", patch_id, resId)
    return 0 if loaded.pop(resId, None) else 7

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return answer(respData, reqData[0]["data"].decode().upper() + named(psrIds, psrCnt))

def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    sessions[usrTag] = [named(psrIds, psrCnt), ""]
    return usrTag

def wrapperWrite(handle, reqData):
    sessions[handle][1] = reqData[0]["data"].decode().upper()
    return 0

def wrapperRead(handle, respData):
    return answer(respData, sessions[handle][1] + sessions[handle][0])

def wrapperDestroy(handle):
    del sessions[handle]
    return 0
"""


@pytest.fixture(params=["v1", "C"])
def loader(request, start, binaries):
    if request.param == "v1":
        return start(V1)
    return start(config={"instances": {"library": str(binaries.engine)}})


def load(loader, data, patch="voice"):
    path = f"/v1/resources/svcName?patch_id={patch}"
    return loader.web.request("POST", path, data)


def once(loader, **params):
    answer = loader.xsf.once(loader.xsf.payload("in", b"x"), params=params)
    return answer.data("out").decode()


def session(loader, **params):
    talk = XsfSession(loader.xsf)
    talk.open(params=params)
    talk.write(b"x", status=3)
    return talk.all()


def test_resources_reach_calls_and_sessions_in_the_order_that_is_asked_for(loader):
    assert load(loader, b"one").json == {"res_id": 1}
    assert load(loader, b"two").json == {"res_id": 2}
    for psr_ids, text in (("1", "X[1=one]"), ("2,1", "X[2=two][1=one]"), ("5", "X[5=?]")):
        assert once(loader, psr_ids=psr_ids) == text
        assert session(loader, psr_ids=psr_ids) == [text]
    assert once(loader) == "X"
    assert session(loader) == ["X"]


def test_unload(loader):
    load(loader, b"one")
    gone = loader.web.request("DELETE", "/v1/resources/svcName?res_id=1")
    assert gone.status == 200
    assert once(loader, psr_ids="1") == "X[1=?]"


def test_code_of_the_engine_is_told(loader):
    answer = load(loader, b"bad")
    assert (answer.status, answer.code) == (500, 10903)
    assert answer.message.endswith("seven;code=7")
    assert load(loader, b"good").json == {"res_id": 2}


def test_v1_hooks_get_the_patch_id(start):
    loader = start(V1)
    load(loader, b"one", "my-voice")
    loader.wait_log("loaded my-voice 1")
    loader.web.request("DELETE", "/v1/resources/svcName?res_id=1")
    loader.wait_log("unloaded my-voice 1")
