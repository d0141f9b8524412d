# SPDX-License-Identifier: Apache-2.0
"""What a target says, and what is told about one that says nothing."""

import subprocess
import sys

import pytest
from aiges.balance import ConsulSpec, FileSpec, parse_target
from aiges.balance.targets import Agent, parse_agent


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_list_has_addresses_and_weights():
    spec = parse_target(" 127.0.0.1:1888, host.example:7*3 ,[::1]:9,")
    assert [(e.address, e.weight) for e in spec.endpoints] == [
        ("127.0.0.1:1888", 1),
        ("host.example:7", 3),
        ("[::1]:9", 1),
    ]


def test_a_file_has_a_path_and_may_have_filters():
    assert parse_target("file:/etc/peers.toml") == FileSpec("/etc/peers.toml")
    assert parse_target("file:///etc/p.toml") == FileSpec("/etc/p.toml")
    assert parse_target("file:p.toml?tag=v1&service=s") == FileSpec("p.toml", "s", "v1")


def test_consul_has_a_service_and_the_usual_agent():
    spec = parse_target("consul://svcName")
    assert spec == ConsulSpec("svcName", Agent("http", "127.0.0.1", 8500))


def test_consul_takes_its_agent_tag_and_dc():
    spec = parse_target("consul://svcName?tag=v1&agent=https://c.example:8501&dc=eu")
    assert spec == ConsulSpec("svcName", Agent("https", "c.example", 8501), "v1", "eu")


def test_the_environment_names_the_agent_and_its_token(monkeypatch):
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "10.1.2.3:99")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "secret")
    assert parse_agent() == Agent("http", "10.1.2.3", 99, "secret")
    assert parse_agent("http://h:1", token="mine") == Agent("http", "h", 1, "mine")
    assert "secret" not in repr(parse_agent())


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("", "expected consul://<service>, file:<path> or host:port,host:port, got ''"),
        ("localhost", "expected host:port, got 'localhost'"),
        ("h:0", "expected host:port, got 'h:0'"),
        ("h:65536", "expected host:port, got 'h:65536'"),
        ("::1:80", "expected host:port, got '::1:80'"),
        ("h:1*0", "expected a weight of 1 or more after *, got '0'"),
        ("h:1*x", "expected a weight of 1 or more after *, got 'x'"),
        ("http://h:1", "expected host:port"),
        ("file:", "expected file:<path>"),
        ("consul:svc", "expected consul://<service>"),
        ("consul://", "expected consul://<service>"),
        ("consul://svc/other", "expected consul://<service>"),
        (
            "consul://svc?tags=v1",
            "expected one of the options tag, agent, dc, ca, cert, key, got 'tags'",
        ),
        ("consul://svc?agent=ftp://h", "Consul agent: expected http://host:port, got 'ftp://h'"),
        ("consul://svc?agent=http://h:x", "Consul agent: expected http://host:port"),
    ],
)
def test_a_wrong_target_says_what_was_expected(target, told):
    with pytest.raises(ValueError) as error:
        parse_target(target)
    assert told in str(error.value)


@pytest.mark.parametrize("module", ["aiges.sdk", "aiges.balance"])
def test_neither_wrappers_nor_balancing_need_grpc(module):
    heavy = "{'grpc', 'google.protobuf', 'consul', 'requests'}"
    code = f"import sys, {module}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
