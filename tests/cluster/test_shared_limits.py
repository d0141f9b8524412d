# SPDX-License-Identifier: Apache-2.0
"""[access] limits_share = "hosts": several loaders together give what the file says.

Windows are so long that nothing comes back while a test runs.
"""

import pytest
from consul_agent import ConsulAgent
from loader_process import default_config, toml
from test_config_centre import SCOPE
from test_registration import WRAPPER
from waiting import wait_until


@pytest.fixture(params=["file", "consul"])
def registry(request, tmp_path):
    """The keys of [registry]."""
    if request.param == "file":
        yield {"backend": "file", "url": str(tmp_path / "centre")}
        return
    with ConsulAgent(tmp_path / "consul") as agent:
        yield {"backend": "consul", "url": agent.http, "ttl_ms": 1000}


@pytest.fixture
def three(start, registry, tmp_path):
    """Three loaders, each of which knows of all."""
    (tmp_path / "limits").write_text("* * calls=30/1h\n")
    access = {"limits_file": str(tmp_path / "limits"), "limits_share": "hosts"}
    config = {"access": access, "registry": registry}
    loaders = [start(WRAPPER, config=config) for _ in range(3)]
    for loader in loaders:
        loader.wait_metric("aiges_limit_hosts", 3, 30)
    return loaders


def passed(loader, calls=40):
    """How many of so many calls are let in."""
    codes = [loader.web.raw_mode(b"x").status for _ in range(calls)]
    assert set(codes) <= {200, 429}
    return codes.count(200)


def test_together_they_give_what_the_file_says(three):
    assert [passed(loader) for loader in three] == [10, 10, 10]
    one, two, gone = three
    gone.stop()
    for loader in (one, two):
        loader.wait_metric("aiges_limit_hosts", 2, 30)
    policy = one.web.raw_mode(b"x").headers["ratelimit-policy"]
    assert policy == '"calls-1h";q=15;w=3600'
    two.kill()
    one.wait_metric("aiges_limit_hosts", 1, 30)


def test_both_keys_change_while_it_runs(start, tmp_path):
    (tmp_path / "one").write_text("* * calls=2/1h\n")
    (tmp_path / "two").write_text("* * calls=5/1h\n")
    tree = tmp_path / "centre" / str(SCOPE)
    tree.mkdir(parents=True)

    def push(**access):
        config = {**default_config(), "access": access}
        (tree / "aiges.toml").write_text(toml(config))

    def quota():
        return loader.web.raw_mode(b"x").headers.get("ratelimit-policy")

    push()
    loader = start(WRAPPER, arguments=["-m=1", f"-u=file:{tmp_path / 'centre'}"])
    assert quota() is None
    for name, told in (("one", '"calls-1h";q=2;w=3600'), ("two", '"calls-1h";q=5;w=3600')):
        push(limits_file=str(tmp_path / name))
        wait_until(lambda told=told: quota() == told, f"the limits of {name}", 20)
    push(limits_file=str(tmp_path / "none"))
    loader.wait_metric("aiges_config_refused", 1, 20)
    assert "[access] limits_file" in loader.web.get("/-/status.json").json["config"]["refusal"]
    assert quota() == '"calls-1h";q=5;w=3600', "those of before stay"
    push()
    wait_until(lambda: quota() is None, "no limits", 20)
    restarts = loader.web.get("/-/status.json").json["config"]["restart"]
    assert restarts == []
