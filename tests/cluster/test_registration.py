"""A loader makes itself known to Consul, and is forgotten in order."""

import urllib.error
from pathlib import Path

import pytest
from consul_agent import ConsulAgent
from waiting import wait_until

WRAPPER = """
import os, time
def wrapperInit(config):
    while config.get("gate") and not os.path.exists(config["gate"]):
        time.sleep(0.01)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if params.get("do") == "exit":
        os._exit(3)
    time.sleep(float(params.get("s", 0)))
    respData.append({"key": "pid", "data": str(os.getpid()), "len": 0, "status": 3, "type": 0})
    return 0
"""


def with_consul(agent, **registry):
    return {"registry": {"backend": "consul", "url": agent.http, **registry}}


def entries(agent, name="svcName"):
    return agent.ask("GET", f"/v1/health/service/{name}")


def passing(agent, name="svcName"):
    return agent.ask("GET", f"/v1/health/service/{name}?passing=true")


def checks(entry):
    return {check["CheckID"].rpartition(":")[2]: check for check in entry["Checks"]}


def tasks_of(pid):
    return Path(f"/proc/{pid}/task").glob("*/comm")


@pytest.fixture
def agent(tmp_path):
    with ConsulAgent(tmp_path / "consul") as found:
        yield found


def wait_passing(agent, count=1, name="svcName"):
    return wait_until(
        lambda: len(passing(agent, name)) == count and (passing(agent, name) or True),
        f"{count} passing of {name}",
    )


def test_registered_only_once_it_is_ready(start, agent, tmp_path):
    gate = tmp_path / "gate"
    config = {**with_consul(agent), "wrapper": {"gate": str(gate)}}
    loader = start(WRAPPER, config=config, ready=False)
    wait_until(lambda: loader.workers(), "a worker that loads its engine")
    assert entries(agent) == []
    gate.touch()
    wait_passing(agent)


def test_entry_says_what_clients_and_balancers_need(start, agent):
    own = {"weight": 7, "tags": ["blue"], "version": "2.1", "group": "north"}
    loader = start(WRAPPER, config=with_consul(agent, **own))
    (entry,) = wait_passing(agent)
    service = entry["Service"]
    host, _, port = loader.grpc.rpartition(":")
    assert service["ID"] == f"svcName-{host}-{port}"
    assert (service["Address"], service["Port"]) == (host, int(port))
    assert service["Tags"] == ["2.1", "north", "blue"]
    assert service["Weights"]["Passing"] == 7
    meta = service["Meta"]
    assert meta["http_port"] == loader.http.rpartition(":")[2]
    assert meta["protocols"] == "xsf,stream,http,ws,sse"
    assert meta["licences"] == "1024"
    assert set(checks(entry)) >= {"ttl", "grpc"}
    (http,) = wait_passing(agent, name="svcName-http")
    assert http["Service"]["Port"] == int(meta["http_port"])


def test_address_can_be_given(start, agent):
    start(WRAPPER, config=with_consul(agent, address="127.0.0.9", check="ttl"))
    (entry,) = wait_passing(agent)
    assert entry["Service"]["Address"] == "127.0.0.9"
    assert set(checks(entry)) & {"ttl", "grpc"} == {"ttl"}


def test_drain_is_told_before_the_ports_close_and_the_entry_goes_after(start, agent):
    config = {**with_consul(agent), "instances": {"lame_duck_ms": 3000}}
    loader = start(WRAPPER, config=config)
    wait_passing(agent)
    call = loader.xsf.begin(wait_ms="20000", params={"s": "1"})
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    wait_until(lambda: not passing(agent), "no passing entry")
    word = checks(entries(agent)[0])["ttl"]
    assert (word["Status"], word["Output"]) == ("critical", "not ready: draining")
    wait_until(lambda: not passing(agent, "svcName-http"), "the same of the HTTP entry")
    assert loader.xsf.once().code == 0  # Still served: not everybody knows yet.
    assert loader.xsf.answer(call).code == 0
    assert loader.wait_exit() == 0
    assert entries(agent) == []
    assert entries(agent, "svcName-http") == []


def test_loader_without_workers_is_critical_until_one_is_back(start, agent):
    loader = start(WRAPPER, config=with_consul(agent))
    wait_passing(agent)
    marker = loader.folder / "stop"
    (loader.wrapper_folder / "wrapper.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(marker)!r}): time.sleep(0.01)\n" + WRAPPER
    )
    loader.xsf.once(params={"do": "exit"})
    wait_until(lambda: not passing(agent), "no passing entry")
    assert checks(entries(agent)[0])["ttl"]["Output"] == "not ready: no worker is ready"
    marker.touch()
    wait_passing(agent)


def test_agent_that_restarts_empty_learns_of_the_loader_again(start, agent):
    loader = start(WRAPPER, config=with_consul(agent, ttl_ms=600))
    wait_passing(agent)
    agent.stop()
    wait_until(lambda: loader.metric("aiges_registry_connected") == 0, "the loader has noticed")
    assert loader.xsf.once().code == 0
    agent.start()
    wait_passing(agent)
    wait_passing(agent, name="svcName-http")
    assert loader.metric("aiges_registry_connected") == 1


def test_entry_deleted_by_hand_comes_back(start, agent):
    loader = start(WRAPPER, config=with_consul(agent, ttl_ms=600))
    (entry,) = wait_passing(agent)
    agent.deregister(entry["Service"]["ID"])
    wait_until(lambda: entries(agent) == [], "gone")
    wait_passing(agent)
    assert "has forgotten this loader" in loader.log()


def test_killed_loader_turns_critical_by_its_silence(start, agent):
    loader = start(WRAPPER, config=with_consul(agent, ttl_ms=600, check="ttl"))
    wait_passing(agent)
    loader.process.kill()
    wait_until(lambda: not passing(agent), "no passing entry")
    assert "TTL expired" in checks(entries(agent)[0])["ttl"]["Output"]


def test_consul_away_at_start_does_not_keep_the_loader_from_serving(start, agent):
    agent.stop()
    loader = start(WRAPPER, config=with_consul(agent))
    assert loader.xsf.once().code == 0
    assert loader.metric("aiges_registry_registered") == 0
    loader.wait_log("consul: register: ")
    agent.start()
    wait_passing(agent)
    loader.stop()


def test_stop_is_not_held_up_by_a_consul_that_is_away(start, agent):
    loader = start(WRAPPER, config=with_consul(agent))
    wait_passing(agent)
    agent.stop()
    loader.stop()


def test_acl_token_is_sent(start, tmp_path):
    acl = {
        "enabled": True,
        "default_policy": "deny",
        "tokens": {"initial_management": "topsecret", "agent": "topsecret"},
    }
    with ConsulAgent(tmp_path / "consul", token="topsecret", acl=acl) as agent:
        refused = start(WRAPPER, config=with_consul(agent))
        refused.wait_log("register: HTTP 403")
        assert refused.xsf.once().code == 0
        refused.stop()
        by_file = start(WRAPPER, config=with_consul(agent, token="topsecret"))
        wait_passing(agent)
        by_file.stop()
        start(WRAPPER, config=with_consul(agent), env={"CONSUL_HTTP_TOKEN": "topsecret"})
        wait_passing(agent)


def test_finder_of_a_legacy_file_registers(start, agent):
    config = {"svcName": {"finder": 1}}
    start(WRAPPER, config=config, arguments=["-m=0", f"-u={agent.http}", "-p=AIaaS", "-g=dx"])
    (entry,) = wait_passing(agent)
    assert entry["Service"]["Meta"]["project"] == "AIaaS"
    assert entry["Service"]["Tags"] == ["1.0.0", "dx"]


def test_without_a_registry_nobody_is_asked(start, agent):
    loader = start(WRAPPER, env={"CONSUL_HTTP_ADDR": agent.http})
    assert loader.xsf.once().code == 0
    assert entries(agent) == []
    threads = {task.read_text().strip() for task in tasks_of(loader.process.pid)}
    assert "hub" in threads
    assert "registry" not in threads
    with pytest.raises(urllib.error.HTTPError):
        agent.ask("GET", "/v1/kv/aiges?recurse")
