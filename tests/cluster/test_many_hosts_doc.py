# SPDX-License-Identifier: Apache-2.0
"""docs/many_hosts.md against the code: which keys are hot, and which rights are enough."""

import re
from pathlib import Path

import pytest
from aiges.client import Client
from aiges.registry import Registry, RegistryError, Scope
from consul_agent import ConsulAgent
from loader_process import default_config, toml
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCOPE = Scope("svcName")
TOKEN = "topsecret"
WRAPPER = """
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({"key": "value", "data": "x", "len": 1, "status": 3, "type": 0})
    return 0
"""


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "many_hosts.md").read_text()


def test_the_effect_of_each_key_is_that_of_the_loader(page):
    code = (ROOT / "loader" / "config" / "changes.cc").read_text()
    told = {}
    for effect in ("hot", "rolling", "restart"):
        (row,) = re.findall(rf"^\| {effect}: .*?\| (.*) \|$", page, re.M)
        for section, key in re.findall(r"`\[(\w+)\](?: (\w+))?`", row):
            told[f"{section}.{key}" if key else section] = effect
    found = dict(re.findall(r'\{"([\w.]+)", Effect::k(\w+)\}', code))
    assert told == {key: effect.lower() for key, effect in found.items()}
    assert "? Effect::kRestart :" in code  # And all else.


class Guarded:
    """An agent that denies what no policy of the page allows."""

    def __init__(self, agent, page):
        self.agent = agent
        (block,) = re.findall(r"```hcl\n(.*?)```", page, re.S)
        parts = re.findall(r"^# (\w+)[^\n]*\n(.*?)(?=^#|\Z)", block, re.S | re.M)
        self.tokens = {name: self._token(name, rules) for name, rules in parts}

    def _token(self, name, rules):
        self.agent.ask("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        body = {"Policies": [{"Name": name}]}
        return self.agent.ask("PUT", "/v1/acl/token", body)["SecretID"]


@pytest.fixture
def guarded(tmp_path, page):
    acl = {
        "enabled": True,
        "default_policy": "deny",
        "tokens": {"initial_management": TOKEN, "agent": TOKEN},
    }
    with ConsulAgent(tmp_path / "consul", token=TOKEN, acl=acl) as agent:
        yield Guarded(agent, page)


def test_the_rights_of_the_page_are_enough(guarded, start, monkeypatch):
    agent = guarded.agent
    assert set(guarded.tokens) == {"loader", "client", "who"}
    with Registry(agent.http, guarded.tokens["who"]) as registry:
        registry.push(SCOPE, {"aiges.toml": toml(default_config())}, message="m", author="a")
        env = {"CONSUL_HTTP_TOKEN": guarded.tokens["loader"]}
        loader = start(WRAPPER, arguments=["-m=1", f"-u={agent.http}"], env=env)
        more = toml({**default_config(), "fc": {"max": 7}})
        revision = registry.push(SCOPE, {"aiges.toml": more}, message="m", author="a")
        wait_until(
            lambda: (
                [(s.revision, s.result) for s in registry.status(SCOPE)] == [(revision, "applied")]
            ),
            "the verdict",
        )
        assert len(registry.history(SCOPE)) == 2
    wait_until(lambda: loader.metric("aiges_registry_registered") == 1, "registered")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", guarded.tokens["client"])
    with Client(f"consul://svcName?agent={agent.http}") as client:
        wait_until(client.endpoints, "the loader in discovery")
        assert client.once("x").host == loader.grpc
    with Registry(agent.http) as registry, pytest.raises(RegistryError, match="Permission denied"):
        registry.push(SCOPE, {"aiges.toml": "x"}, message="m", author="a")
    assert loader.metric("aiges_registry_failures_total") == 0
    loader.stop()
    assert agent.kv("aiges-status/") == {}
    for name in ("svcName", "svcName-http"):
        assert agent.ask("GET", f"/v1/health/service/{name}") == []
