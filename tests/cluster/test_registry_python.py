# SPDX-License-Identifier: Apache-2.0
"""aiges.registry, and the discovery of aiges.balance, against a real Consul."""

import hashlib
import json
import threading
import time
import urllib.parse
import urllib.request
import uuid

import pytest
from aiges.balance import ConsulSource, Picker, parse_target
from aiges.registry import (
    Config,
    Conflict,
    Registry,
    RegistryError,
    Scope,
    diff,
    revision_of,
)
from aiges.registry._store import Store
from consul_agent import ConsulAgent
from waiting import wait_until

WHO = {"message": "because", "author": "me"}


@pytest.fixture
def registry(consul):
    with Registry(consul.http) as made:
        yield made


@pytest.fixture
def scope():
    return Scope(f"svc{uuid.uuid4().hex[:8]}")


@pytest.fixture
def service(scope):
    return scope.service


@pytest.fixture
def follow():
    """follow(agent, service) -> a picker that discovery keeps, and its source."""
    sources = []

    def start(agent, service, options=""):
        picker = Picker()
        source = ConsulSource(parse_target(f"consul://{service}?agent={agent.http}{options}"))
        sources.append(source)
        source.start(picker.update)
        return picker, source

    yield start
    for source in sources:
        source.close()


def wait_addresses(picker, *addresses):
    wait_until(
        lambda: sorted(e.address for e in picker.endpoints()) == sorted(addresses),
        f"endpoints {addresses}",
    )


# Files.


def test_revision_is_the_one_that_loaders_compute():
    files = {"b.txt": "\u00fc", "aiges.toml": "[fc]\n"}
    text = b"10:aiges.toml5:[fc]\n5:b.txt2:\xc3\xbc"
    assert revision_of(files) == hashlib.sha256(text).hexdigest()[:12]
    assert revision_of({}) == ""
    assert revision_of({"a": "bc"}) != revision_of({"ab": "c"})


def test_what_was_pushed_is_pulled(registry, scope, consul):
    assert registry.pull(scope) == Config({}, "")
    files = {"aiges.toml": "[fc]\nmax = 1\n", "words/a.txt": "\u00fc\n", "empty": ""}
    revision = registry.push(scope, files, **WHO)
    assert revision == revision_of(files)
    assert registry.pull(scope) == Config(files, revision)
    assert set(consul.kv(f"aiges/{scope}/")) == {f"aiges/{scope}/{name}" for name in files}


def test_a_push_is_the_whole_content(registry, scope):
    registry.push(scope, {"a": "1", "b": "2"}, **WHO)
    registry.push(scope, {"b": "2", "c": "3"}, **WHO)
    assert registry.pull(scope).files == {"b": "2", "c": "3"}


def test_a_push_leaves_other_scopes_alone(registry, scope):
    longer = Scope(scope.service, version=scope.version + ".1")
    registry.push(longer, {"a": "longer"}, **WHO)
    registry.push(scope, {"b": "1"}, **WHO)
    assert registry.pull(longer).files == {"a": "longer"}
    assert registry.pull(scope).files == {"b": "1"}


def test_a_push_on_another_revision_than_expected_is_a_conflict(registry, scope):
    first = registry.push(scope, {"a": "1"}, expect_revision="", **WHO)
    second = registry.push(scope, {"a": "2"}, expect_revision=first, **WHO)
    with pytest.raises(Conflict, match=f"expected revision {first}, found {second}") as error:
        registry.push(scope, {"a": "3"}, expect_revision=first, **WHO)
    assert (error.value.expected, error.value.found) == (first, second)
    assert registry.pull(scope).files == {"a": "2"}


def test_of_pushes_at_once_one_wins_and_no_files_are_mixed(consul, registry, scope):
    barrier, results = threading.Barrier(8), []

    def push(number):
        with Registry(consul.http) as mine:
            barrier.wait()
            try:
                made = mine.push(scope, {f"file{number}": "x"}, expect_revision="", **WHO)
                results.append(made)
            except Conflict:
                results.append(None)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [revision for revision in results if revision]
    found = registry.pull(scope)
    assert (found.revision, len(found.files)) == (won, 1)
    assert [entry.revision for entry in registry.history(scope)] == [won]


def test_a_change_by_hand_during_a_push_is_a_conflict(consul, registry, scope, monkeypatch):
    registry.push(scope, {"a": "1", "b": "1"}, **WHO)
    change = Store.change

    def late(store, operations):
        put_raw(consul, f"aiges/{scope}/b", b"by hand")
        return change(store, operations)

    monkeypatch.setattr(Store, "change", late)
    with pytest.raises(Conflict):
        registry.push(scope, {"a": "2", "b": "1"}, **WHO)
    assert registry.pull(scope).files == {"a": "1", "b": "by hand"}


def test_history_tells_who_when_and_why(registry, scope):
    before = time.time()
    first = registry.push(scope, {"a": "1"}, message="one", author="ann")
    second = registry.push(scope, {"a": "2", "b": ""}, message="two", author="bob")
    newest, oldest = registry.history(scope)
    assert (newest.revision, newest.author, newest.message) == (second, "bob", "two")
    assert (oldest.revision, oldest.files) == (first, {"a": "1"})
    assert before - 1 <= oldest.time <= newest.time <= time.time() + 1


def test_rollback_brings_the_files_of_a_revision_back(registry, scope):
    first = registry.push(scope, {"a": "1", "old": "x"}, **WHO)
    registry.push(scope, {"a": "2"}, **WHO)
    assert registry.rollback(scope, first, author="me") == first
    assert registry.pull(scope).files == {"a": "1", "old": "x"}
    assert registry.history(scope)[0].message == f"rollback to {first}"
    with pytest.raises(LookupError, match="the history has no revision 'f00'"):
        registry.rollback(scope, "f00")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "expected at least one file"),
        ({"/a": ""}, "expected a relative path, got '/a'"),
        ({"a/": ""}, "expected a relative path, got 'a/'"),
        ({"a/../b": ""}, "expected a relative path"),
        (dict.fromkeys(map(str, range(63)), ""), "expected at most 62 files old and new, got 63"),
        ({"a": "x" * 300_000}, "expected at most 524288 bytes in one transaction"),
    ],
)
def test_a_push_that_consul_cannot_take_is_told_before(registry, scope, files, told):
    with pytest.raises(ValueError) as error:
        registry.push(scope, files, **WHO)
    assert told in str(error.value)
    assert registry.pull(scope).files == {}


def test_a_push_may_be_as_large_as_consul_takes(registry, scope):
    files = {"a": "x" * 190_000, **{f"f{number}": "y" for number in range(60)}}
    registry.push(scope, files, **WHO)
    assert registry.pull(scope).files == files


def test_a_folder_of_the_web_console_is_no_file(consul, registry, scope):
    registry.push(scope, {"a": "1"}, **WHO)
    put_raw(consul, f"aiges/{scope}/folder/", b"")
    assert registry.pull(scope) == Config.of({"a": "1"})


def test_a_file_that_is_no_text_is_told(consul, registry, scope):
    put_raw(consul, f"aiges/{scope}/image.png", b"\x89PNG\xff")
    with pytest.raises(RegistryError, match="image.png: expected UTF-8 text"):
        registry.pull(scope)


def test_a_scope_has_no_slash():
    with pytest.raises(ValueError, match="group: expected text without a slash, got 'a/b'"):
        Scope(group="a/b")
    assert str(Scope()) == "AIpaas/hu/svcName/1.0.0"


def test_diff_shows_changed_new_and_deleted_files():
    a = Config.of({"same": "x", "aiges.toml": "[fc]\nmax = 1\n", "gone": "1\n"})
    b = Config.of({"same": "x", "aiges.toml": "[fc]\nmax = 2\n", "new": "1\n", "void": ""})
    text = diff(a, b)
    assert (
        "--- a/aiges.toml\n+++ b/aiges.toml\n@@ -1,2 +1,2 @@\n [fc]\n-max = 1\n+max = 2\n" in text
    )
    assert "--- a/gone\n+++ /dev/null\n" in text
    assert "--- /dev/null\n+++ b/new\n" in text
    assert "void" in text
    assert "same" not in text
    assert diff(a, a) == ""


def test_status_is_what_each_loader_said(consul, registry, scope):
    assert registry.status(scope) == []
    said = {"revision": "abc", "result": "refused", "errors": ["why"], "restart": [], "time": 5}
    put_raw(consul, f"aiges-status/{scope}/svc-1", json.dumps(said).encode())
    (status,) = registry.status(scope)
    assert (status.id, status.revision, status.result) == ("svc-1", "abc", "refused")
    assert (status.errors, status.restart, status.time) == (("why",), (), 5.0)


def test_watch_tells_the_files_and_every_change(registry, scope):
    seen = []
    with registry.watch(scope, seen.append):
        wait_until(lambda: len(seen) == 1, "the first word")
        assert seen[0] == Config({}, "")
        registry.push(scope, {"a": "1"}, **WHO)
        wait_until(lambda: len(seen) == 2, "the first push")
        registry.push(scope, {"a": "1"}, **WHO)  # The same again is no change.
        last = registry.push(scope, {"a": "2"}, **WHO)
        wait_until(lambda: seen[-1].revision == last, "the last push")
    assert [config.files.get("a") for config in seen] == [None, "1", "2"]
    registry.push(scope, {"a": "3"}, **WHO)
    time.sleep(0.2)
    assert len(seen) == 3


def test_watch_outlives_an_exception_of_its_function(registry, scope, caplog):
    seen = []

    def listen(config):
        seen.append(config)
        raise KeyError("mine")

    with registry.watch(scope, listen):
        wait_until(lambda: len(seen) == 1, "the first word")
        registry.push(scope, {"a": "1"}, **WHO)
        wait_until(lambda: len(seen) == 2, "the push")
    assert "the function for changes raised" in caplog.text


def test_a_registry_that_is_away_is_told():
    with Registry("http://127.0.0.1:1") as away, pytest.raises(RegistryError, match="127.0.0.1:1"):
        away.pull(Scope())


def test_a_token_reaches_reads_and_transactions(tmp_path):
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": "root"}}
    with ConsulAgent(tmp_path, token="root", acl=acl) as agent:
        scope = Scope()
        with Registry(agent.http, token="root") as known:
            revision = known.push(scope, {"a": "1"}, **WHO)
            assert known.pull(scope).revision == revision
        with Registry(agent.http, token="") as stranger, pytest.raises(RegistryError):
            stranger.push(scope, {"a": "2"}, **WHO)


# Services.


def test_services_are_listed_with_their_standing_and_meta(consul, registry, service):
    meta = {"protocols": "xsf,http", "licences": "8", "http_port": "81"}
    consul.register(service, "127.0.0.1:80", Meta=meta, Tags=["1.0.0", "hu"])
    consul.register(f"{service}-http", "127.0.0.1:81", Meta=meta)
    found = {each.name: each for each in registry.services()}
    assert service in found and f"{service}-http" not in found and "consul" not in found
    loader = found[service]
    assert (loader.address, loader.http_address) == ("127.0.0.1:80", "127.0.0.1:81")
    assert (loader.standing, loader.tags, loader.meta) == ("ready", ("1.0.0", "hu"), meta)
    consul.say(loader.id, "critical", "not ready: draining")
    assert [each.standing for each in registry.services(service)] == ["not ready"]


# Discovery.


def test_discovery_follows_what_is_registered(consul, follow, service):
    picker, source = follow(consul, service)
    wait_until(lambda: source.trouble() == "", "the first answer")
    assert picker.pick() is None
    first = consul.register(service, "127.0.0.1:81")
    wait_addresses(picker, "127.0.0.1:81")
    second = consul.register(service, "127.0.0.1:82", Weights={"Passing": 5, "Warning": 1})
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")
    assert {e.address: e.weight for e in picker.endpoints()}["127.0.0.1:82"] == 5
    consul.say(first, "critical", "not ready: draining")
    wait_addresses(picker, "127.0.0.1:82")
    consul.say(first, "passing", "ready")
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")
    consul.say(second, "critical", "not ready: draining")
    wait_addresses(picker, "127.0.0.1:81")
    consul.deregister(second)
    wait_addresses(picker, "127.0.0.1:81")


def test_a_change_reaches_discovery_at_once(consul, follow, service):
    picker, _ = follow(consul, service)
    first = consul.register(service, "127.0.0.1:81")
    consul.register(service, "127.0.0.1:82")
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")
    begin = time.monotonic()
    consul.say(first, "critical", "not ready: draining")
    wait_addresses(picker, "127.0.0.1:82")
    assert time.monotonic() - begin < 2  # A blocking query, not the end of its 30 s.


def test_a_critical_check_without_that_word_is_a_doubt(consul, follow, service):
    picker, _ = follow(consul, service)
    first = consul.register(service, "127.0.0.1:81")
    consul.register(service, "127.0.0.1:82")
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")
    consul.say(first, "critical", "TTL expired")
    third = consul.register(service, "127.0.0.1:83")
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82", "127.0.0.1:83")
    consul.ask("PUT", f"/v1/agent/service/maintenance/{third}?enable=true")
    wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")


def test_a_tag_chooses_endpoints(consul, follow, service):
    picker, _ = follow(consul, service, "&tag=v2")
    consul.register(service, "127.0.0.1:81", Tags=["v1"])
    consul.register(service, "127.0.0.1:82", Tags=["v2", "x"])
    wait_addresses(picker, "127.0.0.1:82")


def test_close_ends_a_waiting_query_at_once(consul, follow, service):
    consul.register(service, "127.0.0.1:81")
    picker, source = follow(consul, service)
    wait_addresses(picker, "127.0.0.1:81")
    threads = [t for t in threading.enumerate() if t.name == "aiges-consul" and t.is_alive()]
    begin = time.monotonic()
    source.close()
    wait_until(lambda: not all(thread.is_alive() for thread in threads), "the end of the thread")
    assert time.monotonic() - begin < 2


def test_endpoints_stay_while_consul_is_away_and_change_when_it_is_back(tmp_path, follow, service):
    with ConsulAgent(tmp_path) as agent:
        agent.register(service, "127.0.0.1:81")
        agent.register(service, "127.0.0.1:82")
        picker, source = follow(agent, service)
        wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82")
        agent.stop()
        wait_until(source.trouble, "trouble")
        assert len(picker.endpoints()) == 2
        agent.start()  # It knows nothing, and counts from the start.
        wait_until(lambda: source.trouble() == "", "an answer")
        assert len(picker.endpoints()) == 2
        agent.register(service, "127.0.0.1:83")
        wait_addresses(picker, "127.0.0.1:81", "127.0.0.1:82", "127.0.0.1:83")


def put_raw(consul, key, data):
    url = f"{consul.http}/v1/kv/{urllib.parse.quote(key)}"
    request = urllib.request.Request(url, data=data, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
