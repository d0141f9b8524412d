# SPDX-License-Identifier: Apache-2.0
"""A loader makes itself known to Consul, and is forgotten in order."""

import contextlib
import http.server
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from consul_agent import ConsulAgent
from hosts import HostAgent, host_loader
from loader_process import Loader
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
        30,
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


def test_each_model_that_is_loaded_is_a_service_of_its_own(binaries, agent, tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / "models" / name / "1"
        folder.mkdir(parents=True)
        (folder / "wrapper.py").write_text(WRAPPER)
    models = {"repository": str(tmp_path / "models"), "load": ["one"], "max_loaded": 1}
    config = {**with_consul(agent), "models": models}
    with Loader(binaries, tmp_path / "loader", config=config) as loader:
        (entry,) = wait_passing(agent, name="one")
        assert entry["Service"]["Meta"]["loader"] == "svcName"
        assert entry["Service"]["Port"] == int(loader.grpc.rpartition(":")[2])
        assert entries(agent, "two") == []
        url = f"http://{loader.http}/v1/raw/two"
        with urllib.request.urlopen(urllib.request.Request(url, b"x"), timeout=30) as answer:
            assert answer.status == 200
        wait_passing(agent, name="two")
        wait_until(lambda: entries(agent, "one") == [], "one is taken back", 30)
        loader.stop()
    wait_until(lambda: entries(agent, "two") == [], "two is taken back", 30)


def test_address_can_be_given(start, agent):
    start(WRAPPER, config=with_consul(agent, address="127.0.0.9", check="ttl"))
    (entry,) = wait_passing(agent)
    assert entry["Service"]["Address"] == "127.0.0.9"
    assert set(checks(entry)) & {"ttl", "grpc"} == {"ttl"}


def test_checks_have_what_makes_consul_forget_a_silent_loader(start, tmp_path):
    """The agent's API does not tell it, but an agent that keeps its checks writes it down.

    Not waited for: Consul forgets nothing before a minute.
    """
    with ConsulAgent(tmp_path / "consul", data_dir=str(tmp_path / "data")) as agent:
        start(WRAPPER, config=with_consul(agent, deregister_after_s=77))
        wait_passing(agent)

        def kept():
            # Others there: a folder, and files that Consul still writes.
            files = [file for file in (tmp_path / "data" / "checks").glob("*") if not file.suffix]
            kinds = [json.loads(f.read_text())["ChkType"] for f in files if f.is_file()]
            return {
                kind["CheckID"].rpartition(":")[2]: kind["DeregisterCriticalServiceAfter"]
                for kind in kinds
            }

        seconds = 77 * 10**9
        wait_until(lambda: (kept().get("ttl"), kept().get("grpc")) == (seconds, seconds), "both")


class Refusing(http.server.BaseHTTPRequestHandler):
    """Before a real agent: refuses gRPC checks and hands on all else.

    As an agent from before there were gRPC checks does, to which one says nothing at all. The agent
    of these tests has no setting for that.
    """

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        request = urllib.request.Request(self.server.agent.http + self.path, body, method="PUT")
        if b'"GRPC"' in body:
            self.server.refused += 1
            return self.answer(400, b"Invalid check: TTL must be > 0 for TTL checks")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self.answer(error.code, error.read())

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def refusing(agent):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.agent, server.refused = agent, 0
        server.http = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_agent_that_refuses_grpc_checks_gets_the_loaders_own_word_only(start, agent):
    with refusing(agent) as old:
        loader = start(WRAPPER, config=with_consul(old, ttl_ms=600))
        (entry,) = wait_passing(agent)
        assert set(checks(entry)) & {"ttl", "grpc"} == {"ttl"}
        assert "consul refuses the gRPC check" in loader.log()
        assert "going on with the loader's own reports only" in loader.log()
        loader.wait_metric("aiges_registry_registered", 1)
        agent.deregister(entry["Service"]["ID"])  # It registers anew, and has not forgotten that.
        loader.wait_log("has forgotten this loader")
        wait_passing(agent)
        assert old.refused == 1
        loader.stop()
        assert entries(agent) == []


@pytest.mark.parametrize("agent_is", ["elsewhere", "beside it"])
def test_address_of_a_loader_that_binds_to_all_is_that_of_its_host(
    binaries, network, tmp_path, agent_is
):
    """The address that leads to the agent; to an agent at 127.0.0.1, that of the interface."""
    places = [network.host() for _ in range(2)]
    beside = agent_is == "beside it"
    agent = HostAgent(tmp_path / "consul", places[1 if beside else 0])
    config = {
        "svcName": {"host": "0.0.0.0"},
        "wrapper": {"http_listen": "0.0.0.0:1888"},
        "registry": {"url": "http://127.0.0.1:8500" if beside else agent.http},
    }
    loader = host_loader(binaries, tmp_path / "it", places[1], agent, "it", config=config)
    try:
        agent.start()
        loader.start()
        (entry,) = wait_passing(agent)
        assert entry["Service"]["Address"] == places[1].address
        assert entry["Service"]["ID"] == f"svcName-{places[1].address}-5090"
    finally:
        loader.kill()
        agent.stop()


def test_drain_is_told_before_the_ports_close_and_the_entry_goes_after(start, agent):
    config = {**with_consul(agent), "instances": {"lame_duck_ms": 3000}}
    loader = start(WRAPPER, config=config)
    wait_passing(agent)
    call = loader.xsf.begin(wait_ms="20000", params={"s": "2"})
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
    loader.wait_metric("aiges_registry_connected", 1)


def test_entry_deleted_by_hand_comes_back(start, agent):
    loader = start(WRAPPER, config=with_consul(agent, ttl_ms=600))
    (entry,) = wait_passing(agent)
    agent.deregister(entry["Service"]["ID"])
    loader.wait_log("has forgotten this loader")
    wait_passing(agent)


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
