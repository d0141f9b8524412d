# SPDX-License-Identifier: Apache-2.0
"""asectl config and services against a real Consul, and validate against the real loader."""

import json
import os
import signal
import subprocess
import uuid

import pytest
from asectl_process import COMMAND, environment
from waiting import wait_until

ENGINE = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n    return 0\n"


@pytest.fixture
def service():
    return f"svc{uuid.uuid4().hex[:8]}"


@pytest.fixture
def centre(asectl, consul, service):
    """centre("pull", ..) -> asectl config pull, for a scope of the test's own."""

    def run(name, *arguments, **options):
        return asectl("config", name, "-s", service, "-a", consul.http, *arguments, **options)

    return run


@pytest.fixture
def project(tmp_path):
    (tmp_path / "aiges.toml").write_text("[fc]\nmax = 8\n")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/en.txt").write_text("cat\ndog\n")
    return tmp_path


def push(centre, *paths, message="because", **options):
    return centre("push", *paths, "-m", message, "--json", **options)


def test_push_pull_and_history(centre, project):
    first = push(centre, "aiges.toml").json
    assert first["files"] == ["aiges.toml"]
    (project / "aiges.toml").write_text("[fc]\nmax = 9\n")
    second = push(centre, project, message="more licences").json
    assert second["files"] == ["aiges.toml", "labels/en.txt"]
    pulled = centre("pull", "--json").json
    assert pulled["revision"] == second["revision"]
    assert pulled["files"]["labels/en.txt"] == "cat\ndog\n"
    centre("pull", "--out", "copy")
    assert (project / "copy/labels/en.txt").read_text() == "cat\ndog\n"
    assert (project / "copy/aiges.toml").read_text() == "[fc]\nmax = 9\n"
    entries = centre("history", "--json").json
    assert [each["message"] for each in entries] == ["more licences", "because"]
    assert [each["in_force"] for each in entries] == [True, False]
    assert "@" in entries[0]["author"]
    assert "more licences" in centre("history").out


def test_diff_tells_what_a_push_would_change(centre, project):
    first = push(centre, "aiges.toml").json["revision"]
    assert centre("diff", "aiges.toml").out.strip() == "no difference"
    (project / "aiges.toml").write_text("[fc]\nmax = 9\n")
    made = centre("diff", "aiges.toml", "--json", code=1).json
    assert made["from"] == first and "-max = 8\n+max = 9\n" in made["diff"]
    push(centre, "aiges.toml")
    assert "+max = 9" in centre("diff", "--revision", first, code=1).out
    said = centre("diff", "-r", "nothing", "--json", code=1).json["error"]
    assert "'nothing'" in said and first in said


def test_rollback(centre, project):
    first = push(centre, "aiges.toml").json["revision"]
    (project / "aiges.toml").write_text("[fc]\nmax = 9\n")
    push(centre, "aiges.toml")
    assert centre("rollback", first, "--json").json["revision"] == first
    assert centre("pull", "--json").json["files"] == {"aiges.toml": "[fc]\nmax = 8\n"}
    assert "no revision 'x'" in centre("rollback", "x", "--json", code=1).json["error"]


def test_a_push_onto_another_revision_is_refused(centre, project):
    first = push(centre, "aiges.toml", "--expect", "").json["revision"]
    said = push(centre, "labels", "--expect", "", code=1).json
    assert said["found"] == first and "pull, and push again" in said["error"]
    push(centre, "labels", "--expect", first)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["pull"], "expected files in the config centre, found none"),
        (["push", "-m", "x", "nothing.toml"], "expected a file or folder"),
        (["push", "-m", "x", "aiges.toml", "copy/aiges.toml"], "found two"),
        (["push", "-m", "x", "bad.bin"], "UTF-8"),
        (["diff"], "expected files to compare"),
        (["pull", "--project", "a/b"], "without a slash"),
    ],
)
def test_what_cannot_be_is_said(centre, project, arguments, text):
    (project / "copy").mkdir()
    (project / "copy/aiges.toml").write_text("")
    (project / "bad.bin").write_bytes(b"\xff\xfe\x00")
    assert text in centre(*arguments, "--json", code=1).json["error"]


@pytest.mark.parametrize("words", [["config", "pull"], ["config", "watch"], ["services"]])
def test_a_consul_that_is_not_there_is_said(asectl, words):
    said = asectl(*words, "-a", "http://127.0.0.1:1", "--json", code=1)
    assert "127.0.0.1:1" in said.json["error"]


def test_watch_prints_the_state_and_each_change(centre, project, consul, service, binaries):
    push(centre, "aiges.toml")
    process = subprocess.Popen(
        [*COMMAND, "config", "watch", "-s", service, "-a", consul.http, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(binaries.loader.parent),
        cwd=project,
    )
    try:
        first = json.loads(process.stdout.readline())
        (project / "aiges.toml").write_text("[fc]\nmax = 9\n")
        revision = push(centre, "aiges.toml").json["revision"]
        second = json.loads(process.stdout.readline())
        assert (first["event"], first["files"], first["diff"]) == ("config", ["aiges.toml"], "")
        assert second["revision"] == revision and "+max = 9" in second["diff"]
        key = f"aiges-status/AIpaas/hu/{service}/1.0.0/loader-1"
        consul.ask("PUT", f"/v1/kv/{key}", {"revision": revision, "result": "applied"})
        third = json.loads(process.stdout.readline())
        assert third == {
            "event": "loader",
            "id": "loader-1",
            "revision": revision,
            "result": "applied",
            "errors": [],
            "restart": [],
        }
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_agent_may_come_from_the_environment(asectl, consul, service, project):
    env = {"CONSUL_HTTP_ADDR": consul.http}
    asectl("config", "push", "-s", service, "aiges.toml", "-m", "x", env=env)
    assert "max = 8" in asectl("config", "pull", "-s", service, env=env).out


# services


def test_services_lists_a_real_loader_with_health_and_meta(
    asectl, consul, service, start, tmp_path
):
    loader = start(
        ENGINE, service=service, config={service: {"finder": 1}, "registry": {"url": consul.http}}
    )

    def listed():
        found = asectl("services", service, "-a", consul.http, "--json").json
        return found if found and found[0]["health"] == "ready" else None

    found = wait_until(listed, "the loader in Consul", 20)
    assert [each["address"] for each in found] == [loader.grpc]
    assert found[0]["meta"]["protocols"]
    text = asectl("services", "-a", consul.http).out
    assert service in text and loader.grpc in text and "ready" in text
    said = asectl(
        "call", f"consul://{service}?agent={consul.http}", "a=b", "-s", service, code=None
    )
    assert loader.grpc in said.all
    assert asectl("services", "none-such", "-a", consul.http).out.strip() == (
        "no loader is registered"
    )


# validate


def test_a_file_in_order_has_its_settings_with_their_origin(asectl, tmp_path):
    (tmp_path / "aiges.toml").write_text("[my]\nport = 7\n[fc]\nmax = 3\n")
    made = asectl("config", "validate", "--json").json
    assert made["ok"] and made["service"] == "my"
    assert made["config"]["fc"]["max"] == {"value": "3", "from": "aiges.toml:4"}
    assert made["config"]["fc"]["ttl"]["from"] == "default"
    assert "[fc]" in asectl("config", "validate", "--show").out


def test_all_mistakes_of_a_file_are_told_by_the_loader(asectl, tmp_path):
    (tmp_path / "a.toml").write_text('[my]\nport = 7\n[fc]\nmax = "many"\n[limits]\nxxx = true\n')
    said = asectl("config", "validate", "a.toml", "--json", code=1).json
    assert not said["ok"] and "max" in said["error"]
    (tmp_path / "b.toml").write_text("[my\n")
    assert "b.toml" in asectl("config", "validate", "b.toml", code=1).err
    assert "found none" in asectl("config", "validate", "c.toml", code=1).err


def test_the_plugin_can_be_validated_too(asectl, tmp_path):
    (tmp_path / "aiges.toml").write_text('[my]\nport = 0\n[instances]\npythonpath = "."\n')
    (tmp_path / "wrapper.py").write_text(ENGINE)
    assert "in order" in asectl("config", "validate", "--plugin").out
    (tmp_path / "wrapper.py").write_text("raise OSError('no model')\n" + ENGINE)
    assert "no model" in asectl("config", "validate", "--plugin", code=1).err
    assert os.path.exists(tmp_path / "wrapper.py")
