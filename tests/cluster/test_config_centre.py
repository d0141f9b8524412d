# SPDX-License-Identifier: Apache-2.0
"""A loader takes its configuration from the config centre, and follows what is pushed."""

import json
import os
import time

import pytest
from aiges.registry import Registry, Scope
from command import Command
from consul_agent import ConsulAgent
from hosts import Traffic
from loader_process import default_config, toml
from waiting import wait_until

SCOPE = Scope("svcName")
WRAPPER = """
import os, pathlib
CONFIG = {}
def wrapperInit(config):
    CONFIG.update(config)
    return int(config.get("result", 0))
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    name = params.get("file")
    if name:
        data = pathlib.Path(os.environ["AIGES_CONFIG_DIR"], name).read_text()
    else:
        data = CONFIG.get(params.get("key"), "-")
    respData.append({"key": "value", "data": data, "len": 0, "status": 3, "type": 0})
    respData.append({"key": "pid", "data": str(os.getpid()), "len": 0, "status": 3, "type": 0})
    return 0
"""


def config(**sections):
    merged = default_config()
    for section, keys in sections.items():
        merged[section] = {**merged.get(section, {}), **keys}
    return toml(merged)


class Centre:
    """Pushes, and reads what loaders say of it."""

    def __init__(self, agent):
        self.agent, self.registry = agent, Registry(agent.http)

    def push(self, text, **files):
        files = {name.replace("__", "/"): data for name, data in files.items()}
        return self.registry.push(SCOPE, {"aiges.toml": text, **files}, message="m", author="a")

    def verdicts(self):
        rows = self.agent.kv(f"aiges-status/{SCOPE}/")
        return [json.loads(data) for data in rows.values()]

    def wait(self, revision, result="applied", timeout_s=20):
        def told():
            return [
                v for v in self.verdicts() if (v["revision"], v["result"]) == (revision, result)
            ]

        return wait_until(told, f"{result} of {revision}", timeout_s)[0]


@pytest.fixture
def agent(tmp_path):
    with ConsulAgent(tmp_path / "consul") as found:
        yield found


@pytest.fixture
def centre(agent):
    return Centre(agent)


@pytest.fixture
def start_central(start, agent):
    def start_it(**options):
        arguments = ["-m=1", f"-u={agent.http}"]
        return start(WRAPPER, arguments=[*arguments, *options.pop("more", ())], **options)

    return start_it


def value(loader, **params):
    answer = loader.xsf.once(params=params)
    return answer.text("value"), answer.text("pid")


def traffic(loader, key):
    """Clients who call all the time and repeat nothing; each call is counted, by its value."""
    return Traffic(
        loader.grpc,
        threads=2,
        read=lambda client: client.once(b"x", {"key": key}).text("value"),
        idempotent=False,
        retries=0,
    )


def test_start_takes_the_configuration_and_says_so(start_central, centre):
    revision = centre.push(config(wrapper={"color": "red"}), labels__names_txt="cat dog")
    loader = start_central()
    assert value(loader, key="color")[0] == "red"
    assert value(loader, file="labels/names_txt")[0] == "cat dog"
    centre.wait(revision)
    assert loader.metric("aiges_config_info", revision=revision) == 1
    loader.stop()
    assert centre.verdicts() == []


def test_rolling_key_replaces_the_workers(start_central, centre):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    before = value(loader, key="color")
    centre.wait(centre.push(config(wrapper={"color": "green"})))
    after = value(loader, key="color")
    assert (before[0], after[0]) == ("red", "green")
    assert before[1] != after[1]


def test_hot_key_is_applied_without_a_new_worker(start_central, centre):
    centre.push(config())
    loader = start_central()
    pid = value(loader)[1]
    centre.wait(centre.push(config(fc={"max": 7}, log={"level": "debug"})))
    assert loader.metric("aiges_licences") == 7
    assert value(loader)[1] == pid


def test_restart_key_is_told_and_not_applied(start_central, centre):
    centre.push(config())
    loader = start_central()
    pid = value(loader)[1]
    revision = centre.push(config(instances={"count": 3}, limits={"max_connections": 9}))
    verdict = centre.wait(revision, "restart needed")
    assert verdict["restart"] == ["[instances] count", "[limits] max_connections"]
    assert value(loader)[1] == pid
    assert loader.metric("aiges_config_restart_keys") == 2
    centre.wait(centre.push(config()))
    assert loader.metric("aiges_config_restart_keys") == 0


def test_file_of_the_plugin_rolls_the_workers(start_central, centre):
    centre.push(config(), words="one")
    loader = start_central()
    assert value(loader, file="words")[0] == "one"
    centre.wait(centre.push(config(), words="two"))
    assert value(loader, file="words")[0] == "two"


def test_push_with_mistakes_is_refused_as_a_whole(start_central, centre):
    first = centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    bad = config(wrapper={"color": "green"}, fc={"max": "many"}, queue={"nonsense": 1})
    verdict = centre.wait(centre.push(bad), "refused")
    assert "[fc] max: expected an integer" in verdict["errors"][0]
    assert "[queue] nonsense: unknown key" in verdict["errors"][1]
    assert value(loader, key="color")[0] == "red"
    assert loader.metric("aiges_config_info", revision=first) == 1
    assert loader.metric("aiges_config_pushes_total", result="refused") == 1
    assert loader.metric("aiges_config_refused") == 1
    assert "is refused, the old one stays" in loader.log()
    centre.wait(centre.push(config(wrapper={"color": "blue"})))
    assert value(loader, key="color")[0] == "blue"
    assert loader.metric("aiges_config_refused") == 0


def test_push_whose_engine_does_not_start_is_refused(start_central, centre):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    verdict = centre.wait(centre.push(config(wrapper={"result": 7})), "refused")
    assert "wrapperInit" in verdict["errors"][0]
    assert value(loader, key="color")[0] == "red"


def test_tree_without_the_file_is_refused(start_central, centre):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    revision = centre.registry.push(SCOPE, {"other": "x"}, message="m", author="a")
    assert "the tree has no file aiges.toml" in centre.wait(revision, "refused")["errors"][0]
    assert value(loader, key="color")[0] == "red"


def test_deleted_tree_leaves_the_service_as_it_is(start_central, centre, agent):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    with traffic(loader, "color") as calls:
        calls.wait_hosts(["red"])
        agent.ask("DELETE", f"/v1/kv/aiges/{SCOPE}/?recurse")
        loader.wait_log("keeping the configuration")
        calls.wait_hosts(["red"])
        centre.wait(centre.push(config(wrapper={"color": "green"})))
        calls.wait_hosts(["green"])
    assert calls.failed() == []
    assert set(calls.by_host()) == {"red", "green"}


def test_fifty_pushes_in_five_seconds_end_with_the_last_and_fail_no_call(start_central, centre):
    """Each replaces the workers; several that come while that goes on are one."""
    centre.push(config(wrapper={"n": "0"}))
    loader = start_central()
    with traffic(loader, "n") as calls:
        calls.wait_hosts(["0"])
        begin = time.monotonic()
        for n in range(1, 51):
            time.sleep(max(0.0, begin + n * 0.1 - time.monotonic()))
            revision = centre.push(config(wrapper={"n": str(n)}))
        centre.wait(revision, timeout_s=30)
        calls.wait_hosts(["50"])
    assert calls.failed() == []
    assert loader.metric("aiges_config_pushes_total", result="applied") <= 50


def test_consul_away_at_start_means_the_kept_configuration(start_central, centre, agent, tmp_path):
    kept = [f"-cache={tmp_path / 'cache'}"]
    revision = centre.push(config(wrapper={"color": "red"}))
    start_central(more=kept).stop()
    agent.stop()
    loader = start_central(more=kept)
    assert value(loader, key="color")[0] == "red"
    assert loader.metric("aiges_config_cached") == 1
    assert loader.metric("aiges_config_info", revision=revision) == 1
    agent.start()
    assert centre.push(config(wrapper={"color": "red"})) == revision
    wait_until(lambda: loader.metric("aiges_config_cached") == 0, "the centre's own word")
    centre.wait(centre.push(config(wrapper={"color": "green"})))
    assert value(loader, key="color")[0] == "green"


def test_bad_tree_at_start_means_the_kept_configuration(start_central, centre, tmp_path):
    kept = [f"-cache={tmp_path / 'cache'}"]
    centre.push(config(wrapper={"color": "red"}))
    start_central(more=kept).stop()
    bad = centre.push(config(fc={"max": 0}))
    loader = start_central(more=kept)
    assert value(loader, key="color")[0] == "red"
    assert "starting with revision" in loader.log()
    centre.wait(bad, "refused")


def test_consul_that_restarts_is_followed_again(start_central, centre, agent):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    agent.stop()
    wait_until(lambda: loader.metric("aiges_registry_connected") == 0, "the loader has noticed")
    agent.start()
    centre.wait(centre.push(config(wrapper={"color": "green"})))
    assert value(loader, key="color")[0] == "green"


def test_sighup_rolls_the_workers_with_the_same_tree(start_central, centre):
    centre.push(config(wrapper={"color": "red"}))
    loader = start_central()
    before = value(loader, key="color")
    assert loader.web.request("POST", "/admin/reload").status == 200
    after = value(loader, key="color")
    assert (after[0], after[1] != before[1]) == ("red", True)


def test_folder_is_a_config_centre_too(start, tmp_path):
    folder = tmp_path / "centre" / str(SCOPE)
    folder.mkdir(parents=True)
    file = folder / "aiges.toml"
    file.write_text(config(wrapper={"color": "red"}))
    loader = start(WRAPPER, arguments=["-m=1", f"-u=file:{tmp_path / 'centre'}"])
    assert value(loader, key="color")[0] == "red"
    fresh = folder.parent / "new"
    fresh.write_text(config(wrapper={"color": "green"}))
    os.replace(fresh, file)
    wait_until(lambda: value(loader, key="color")[0] == "green", "the new color")


@pytest.fixture
def command(binaries, tmp_path):
    return Command(binaries, tmp_path / "command", WRAPPER)


def test_nothing_in_the_centre_and_nothing_kept_is_said(command, agent):
    ended = command.run("-m=1", f"-u={agent.http}", "-s=svcName", "-p=mine")
    assert ended.code == 2
    assert "has no files for project mine, group hu, service svcName, version 1.0.0" in ended.err
    assert "no earlier configuration is kept in .aiges" in ended.err


def test_centre_that_does_not_answer_is_said(command, agent):
    agent.stop()
    ended = command.run("-m=1", f"-u={agent.http}", "-s=svcName")
    assert ended.code == 2
    assert f"-m=1: pull aiges/AIpaas/hu/svcName/1.0.0/ from {agent.http}: " in ended.err


def test_wrong_address_of_the_centre_is_said(command):
    ended = command.run("-m=1", "-u=ftp://x", "-s=svcName")
    assert ended.code == 2
    assert "[registry] url: expected http://host:port or https://host:port" in ended.err


def test_show_config_shows_the_centre_s(command, centre):
    centre.push(config(wrapper={"color": "red"}))
    ended = command.run("-m=1", f"-u={centre.agent.http}", "-s=svcName", "-show-config")
    assert ended.code == 0
    assert 'color = "red"' in ended.out


def test_pushed_checks_weight_and_tags_change_the_registration(start_central, centre, agent):
    centre.push(config())
    start_central()

    def registered():
        (entry,) = agent.ask("GET", "/v1/health/service/svcName?passing=true") or [None]
        return entry

    entry = wait_until(registered, "the loader in discovery")
    assert entry["Service"]["Weights"]["Passing"] == 1
    centre.wait(centre.push(config(registry={"check": "ttl", "weight": 9, "tags": ["green"]})))

    def changed():
        entry = registered()
        kinds = {check["CheckID"].rpartition(":")[2] for check in entry["Checks"]}
        same = entry["Service"]["Weights"]["Passing"] == 9 and "grpc" not in kinds
        return same and "green" in entry["Service"]["Tags"]

    wait_until(changed, "the new registration")
