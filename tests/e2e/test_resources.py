# SPDX-License-Identifier: Apache-2.0
"""Personalisation: resources are in every instance, under one number, and reach exec and create."""

import json
import os
import signal

import pytest
from waiting import wait_until
from xsf_client import XsfSession

WRAPPER = """
import os
from aiges_embed import Response, ResponseData, SessionCreateResponse, callback
loaded = {}
def answer(text, status=3):
    r = Response(); d = ResponseData(key="out", data=text); d.status = status; r.list = [d]
    return r
class Wrapper:
    def wrapperLoadRes(self, reqData, patch_id, resId):
        if reqData.list[0].data == b"bad": raise ValueError("no voice in it")
        loaded[resId] = (patch_id, reqData.list[0].data.decode())
        return 0
    def wrapperUnloadRes(self, patch_id, resId):
        assert loaded.pop(resId)[0] == patch_id
        return 0
    def wrapperOnceExec(self, params, reqData, usrTag, psrId):
        return answer(f"{os.getpid()} {psrId} {loaded.get(psrId)}")
    def wrapperCreate(self, params, sid, psrId, usrTag):
        self.psr = psrId
        return SessionCreateResponse(usrTag, 0)
    def wrapperWrite(self, handle, reqData):
        callback(answer(f"{self.psr}", 2), handle)
        return 0
    def wrapperDestroy(self, handle):
        return 0
"""


@pytest.fixture
def loader(start):
    loader = start(WRAPPER, config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    return loader


def load(loader, data, query="?patch_id=voice-1"):
    return loader.web.request("POST", f"/v1/resources/svcName{query}", data)


def ask(loader, **params):
    """{pid: what that instance has}, from both."""
    seen = {}
    for _ in range(50):
        text = loader.xsf.once(params=params).data("out").decode()
        pid, _, rest = text.partition(" ")
        seen[pid] = rest
    return seen


def test_resource_is_in_every_instance(loader):
    answer = load(loader, b"data of a voice")
    assert (answer.status, answer.json) == (200, {"res_id": 1})
    assert ask(loader, psr_ids="1") == dict.fromkeys(
        map(str, loader.workers()), "1 ('voice-1', 'data of a voice')"
    )
    assert set(ask(loader).values()) == {"0 None"}
    session = XsfSession(loader.xsf)
    session.open(params={"psr_ids": "1"})
    session.write(b"x", status=2)
    assert session.all() == ["1"]


def test_new_workers_have_it_under_the_same_number(loader):
    load(loader, b"one")
    load(loader, b"two", "?patch_id=voice-2")
    for pid in loader.workers():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(loader.workers()) == 2, "new workers")
    loader.wait_metric("aiges_instances", 2, state="ready")
    assert set(ask(loader, psr_ids="2").values()) == {"2 ('voice-2', 'two')"}
    loader.process.send_signal(signal.SIGHUP)
    loader.wait_log("reload: done")
    assert set(ask(loader, psr_ids="1").values()) == {"1 ('voice-1', 'one')"}


def test_unload(loader):
    load(loader, b"one")
    answer = loader.web.request("DELETE", "/v1/resources/svcName?res_id=1")
    assert answer.status == 200
    assert set(ask(loader, psr_ids="1").values()) == {"1 None"}
    again = loader.web.request("DELETE", "/v1/resources/svcName?res_id=1")
    assert (again.status, again.code) == (400, 10904)


def test_resource_that_cannot_be_loaded_is_in_none(loader):
    answer = load(loader, b"bad")
    assert (answer.status, answer.code) == (500, 10903)
    assert "ValueError: no voice in it" in answer.message
    assert load(loader, b"good").json == {"res_id": 2}


def test_by_xsf_operations(loader):
    xsf = loader.xsf
    inner = xsf.input(xsf.payload("voice", b"data", patch_id="p1"))
    answer = xsf.answer(xsf.send(xsf.request(inner, op="AILoad")))
    assert answer.data("res_id") == b"1"
    assert set(ask(loader, psr_ids="1").values()) == {"1 ('p1', 'data')"}
    inner = xsf.input(params={"res_id": "1"})
    assert xsf.answer(xsf.send(xsf.request(inner, op="AIUnLoad"))).code == 0
    assert xsf.answer(xsf.send(xsf.request(inner, op="AIUnLoad"))).code == 10904


def test_engine_without_the_hook_says_so(start, toolbox):
    loader = start(toolbox)
    answer = load(loader, b"x")
    assert (answer.code, answer.message) == (10903, "the engine has no wrapperLoadRes")
    assert json.loads(answer.body)["payload"] is None


@pytest.mark.parametrize("number", ["4294967297", "1x", "-1", " 1", "", "0x1"])
def test_a_number_of_a_resource_is_read_as_a_whole(loader, number):
    load(loader, b"data")
    wrong = "/v1/resources/svcName?res_id=" + number.replace(" ", "%20")
    answer = loader.web.request("DELETE", wrong)
    assert (answer.status, answer.code) == (400, 10009)
    assert answer.message == f"res_id: expected the number of a resource, got {number}"
    assert loader.web.request("DELETE", "/v1/resources/svcName?res_id=1").status == 200


def test_web_pages_may_not_load_resources(loader):
    page = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    answer = loader.web.request("POST", "/v1/resources/svcName", b"data", page)
    assert (answer.status, answer.code) == (403, 10003)
    assert answer.message == "/v1/resources is not for web pages; set [admin] token"
    assert "access-control-allow-origin" not in answer.headers
    assert loader.web.request("DELETE", "/v1/resources/svcName?res_id=1", None, page).status == 403
    # The browser's question before a POST with a header of the page's own.
    ask = {**page, "Access-Control-Request-Method": "POST"}
    assert loader.web.request("OPTIONS", "/v1/resources/svcName", None, ask).status == 403
    assert load(loader, b"data").json == {"res_id": 1}


def test_with_a_token_resources_need_it(start):
    loader = start(WRAPPER, config={"admin": {"token": "secret"}})
    path = "/v1/resources/svcName"
    answer = loader.web.request("POST", path, b"data")
    assert (answer.status, answer.message) == (
        403,
        "expected Authorization: Bearer <[admin] token>",
    )
    known = {"Authorization": "Bearer secret", "Origin": f"http://{loader.http}"}
    assert loader.web.request("POST", path, b"data", known).json == {"res_id": 1}
    assert loader.web.request("DELETE", path + "?res_id=1", None, known).status == 200


def test_bounds_are_told_by_their_names(start):
    limits = {"max_resources": 2, "max_resource_bytes": 1000}
    loader = start(WRAPPER, config={"limits": limits})
    too_large = load(loader, b"x" * 1001)
    assert (too_large.status, too_large.code) == (429, 10903)
    assert "[limits] max_resource_bytes = 1000 would be passed" in too_large.message
    assert [load(loader, b"x").json["res_id"] for _ in range(2)] == [1, 2]
    too_many = load(loader, b"x")
    assert (too_many.status, too_many.code) == (429, 10903)
    assert "[limits] max_resources = 2 resources are loaded: unload one" in too_many.message
    assert loader.web.request("DELETE", "/v1/resources/svcName?res_id=1").status == 200
    assert load(loader, b"x").status == 200
