# SPDX-License-Identifier: Apache-2.0
"""xtest finds its hosts in a Consul: real agents, real loaders, every kind of port."""

import pytest
from consul_agent import ConsulAgent
from waiting import wait_until
from xtest_tool import Xtest

TOKEN = "topsecret"
WRAPPER = """
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({"key": "out", "data": b"x", "len": 1, "status": 3, "type": 0})
    return 0
"""


@pytest.fixture
def xtest(binaries, tmp_path):
    config = {"output": {"name": "out"}}
    return Xtest(binaries, tmp_path / "xtest", {"one.txt": b"hello"}, config)


@pytest.fixture
def registered(start):
    """Starts loaders that the agent then knows as passing."""

    def make(agent, *settings):
        url = {"backend": "consul", "url": agent.http}
        loaders = [start(WRAPPER, config={"registry": {**url, **own}}) for own in settings]
        # Those of the test before may still be there: wait for these, and for no other.
        wanted = {int(loader.grpc.rpartition(":")[2]) for loader in loaders}

        def known():
            found = agent.ask("GET", "/v1/health/service/svcName?passing=true")
            return {one["Service"]["Port"] for one in found} == wanted

        wait_until(known, "these loaders, and no other, pass in Consul", 30)
        return loaders

    return make


@pytest.mark.parametrize("protocol", ["xsf", "stream", "json", "raw", "ws", "sse"])
def test_calls_go_to_all_passing_instances(consul, registered, xtest, protocol):
    """json, raw, ws and sse went to the gRPC port: meta.http_port was not read."""
    loaders = registered(consul, {"weight": 3}, {"weight": 1})
    # One that Consul doubts gets none.
    ghost = consul.register("svcName", "127.0.0.1:1", ready=False)
    where = f"-target=consul://svcName?agent={consul.http}&dc=dc1"
    try:
        (step,) = xtest.run(where, f"-protocol={protocol}", "-balance=round_robin")
    finally:
        consul.deregister(ghost)
    assert (step["done"], step["failed"]) == (100, 0), step["codes"]
    grpc = protocol in ("xsf", "stream")
    hosts = [loader.grpc if grpc else loader.http for loader in loaders]
    assert sorted(step["hosts"]) == sorted(hosts)
    assert [step["hosts"][host]["calls"] for host in hosts] == [75, 25]
    # Of both together, by the http_port of the registration, also for gRPC.
    server, once = xtest.result["server"], protocol in ("xsf", "json", "raw")
    assert server["known"], server
    assert (server["requests"], server["sessions"]) == ((100, 0) if once else (0, 100))


def test_environment_and_tags_say_where(consul, registered, xtest, monkeypatch):
    blue, _ = registered(consul, {"tags": ["blue"]}, {"tags": ["green"]})
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul.http.removeprefix("http://"))
    (step,) = xtest.run("-target=consul://svcName?tag=blue")
    assert list(step["hosts"]) == [blue.grpc]
    xtest.start("-target=consul://svcName?tag=red")
    xtest.wait(code=3)
    assert f"{consul.http} knows no passing instance with the tag red" in xtest.err


def test_a_consul_that_wants_a_token(tmp_path, xtest, monkeypatch, start):
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": TOKEN}}
    with ConsulAgent(tmp_path / "consul", token=TOKEN, acl=acl) as agent:
        agent.register("svcName", start(WRAPPER).grpc)
        where = f"-target=consul://svcName?agent={agent.http}"
        xtest.start(where)
        xtest.wait(code=3)
        monkeypatch.setenv("CONSUL_HTTP_TOKEN", TOKEN)
        (step,) = xtest.run(where)
        assert step["failed"] == 0
        # It has said no HTTP port.
        xtest.start(where, "-protocol=json")
        xtest.wait(code=2)
        assert "expected the HTTP port of the hosts" in xtest.err
