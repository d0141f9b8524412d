# SPDX-License-Identifier: Apache-2.0
"""What a file of peers and a health page of Consul say."""

import os

import pytest
from aiges.balance import Endpoint, FileSource, FileSpec, Picker, StaticSource
from aiges.balance.consul import next_index, snapshot_of
from balance_fakes import DOUBTED, NOT_READY, READY, names

TWO = """
[[peer]]
address = "a:1"
weight = 3
tags = ["v1"]
service = "svcName"
http_address = "a:2"

[[peer]]
address = "b:1"
"""


@pytest.fixture
def peers(tmp_path):
    """peers(text) writes the file; each time is newer than the last."""
    path = tmp_path / "peers.toml"
    times = iter(range(1_000_000_000, 2_000_000_000))

    def write(text):
        path.write_text(text, encoding="utf-8")
        when = next(times)
        os.utime(path, (when, when))
        return path

    return write


@pytest.fixture
def watched(peers):
    """A source that looks only when it is told to, and what it said so far."""
    made = []

    def start(text, **filters):
        source = FileSource(FileSpec(str(peers(text)), **filters), poll_s=3600)
        said = []
        source.start(said.append)
        made.append(source)
        return source, said

    yield start
    for source in made:
        source.close()


def endpoints(snapshot):
    return [item.endpoint for item in snapshot.listed]


def test_a_fixed_list_is_told_once_and_is_final():
    said = []
    StaticSource((Endpoint("a:1"),)).start(said.append)
    (only,) = said
    assert (endpoints(only), only.final) == ([Endpoint("a:1")], True)


def test_a_file_gives_its_peers(watched):
    _, (first,) = watched(TWO)
    assert endpoints(first) == [
        Endpoint("a:1", 3, http_address="a:2", tags=("v1",)),
        Endpoint("b:1"),
    ]
    assert first.final


def test_service_and_tag_choose_peers(watched):
    assert len(endpoints(watched(TWO, service="svcName")[1][0])) == 2
    assert [e.address for e in endpoints(watched(TWO, service="other")[1][0])] == ["b:1"]
    assert [e.address for e in endpoints(watched(TWO, tag="v1")[1][0])] == ["a:1"]


def test_a_changed_file_is_taken_and_an_unchanged_one_is_not(watched, peers):
    source, said = watched(TWO)
    source.look()
    assert len(said) == 1
    peers('[[peer]]\naddress = "c:1"\n')
    source.look()
    assert [e.address for e in endpoints(said[1])] == ["c:1"]


def test_a_broken_file_leaves_the_old_list(watched, peers, caplog):
    source, said = watched(TWO)
    path = peers("[[peer")
    source.look()
    source.look()
    assert len(said) == 1
    assert str(path) in source.trouble()
    assert caplog.text.count("the old list stays in use") == 1
    path.unlink()
    source.look()
    peers(TWO)
    source.look()
    assert (len(said), source.trouble()) == (2, "")


def test_a_closed_source_says_nothing(watched, peers):
    source, said = watched(TWO)
    source.close()
    peers("")
    source.look()
    assert len(said) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[peer", "peers.toml: "),
        ("peers = 1", "expected [[peer]] tables only, got ['peers']"),
        ("[[peer]]\nweight = 1", "peer 1: address: expected host:port, got ''"),
        ('[[peer]]\naddress = "a"', "peer 1: address: expected host:port, got 'a'"),
        ('[[peer]]\naddress = "a:1"\nweight = 0', "weight: expected an integer of 1 or more"),
        ('[[peer]]\naddress = "a:1"\nweight = true', "weight: expected an integer of 1 or more"),
        ('[[peer]]\naddress = "a:1"\ntags = "v1"', "tags: expected a list of strings, got 'v1'"),
        ('[[peer]]\naddress = "a:1"\nwait = 1', "expected a table with keys of"),
        (TWO + '[[peer]]\naddress = "b:1"', "peer 3: b:1 is there twice"),
    ],
)
def test_a_wrong_file_is_told_at_the_start(watched, text, told):
    with pytest.raises(ValueError) as error:
        watched(text)
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileSource(FileSpec(str(tmp_path / "none.toml"))).start(print)


def row(name="a", port=1, checks=(), **service):
    """An entry of /v1/health/service/svc; checks are (id, status, output)."""
    service = {"ID": f"svc-{name}", "Address": name, "Port": port, **service}
    shown = [{"CheckID": c, "Status": s, "Output": o} for c, s, o in checks]
    return {"Node": {"Address": "10.0.0.9"}, "Service": service, "Checks": shown}


def standings(*rows):
    return {item.endpoint.address: item.standing for item in snapshot_of(list(rows)).listed}


def test_an_entry_becomes_an_endpoint():
    entry = row(
        "a",
        7,
        Tags=["v1"],
        Meta={"http_port": "8", "version": "1"},
        Weights={"Passing": 4, "Warning": 1},
    )
    (item,) = snapshot_of([entry]).listed
    assert item.endpoint == Endpoint("a:7", 4, "svc-a", "a:8", ("v1",))
    assert item.endpoint.meta["version"] == "1"
    assert item.standing is READY


def test_without_an_address_it_is_that_of_the_node():
    assert list(standings(row("", 5))) == ["10.0.0.9:5"]


def test_a_warning_has_its_own_weight():
    entry = row(checks=[("x", "warning", "")], Weights={"Passing": 9, "Warning": 2})
    (item,) = snapshot_of([entry]).listed
    assert (item.endpoint.weight, item.standing) == (2, READY)


@pytest.mark.parametrize(
    ("check", "standing"),
    [
        (("svc-a:ttl", "passing", "ready"), READY),
        (("svc-a:ttl", "critical", "not ready: draining"), NOT_READY),
        (("svc-a:ttl", "critical", "TTL expired (last output before: ready)"), DOUBTED),
        (("svc-a:grpc", "critical", "not ready, says somebody else"), DOUBTED),
        (("serfHealth", "critical", "Agent not live or unreachable"), DOUBTED),
        (("_node_maintenance", "critical", ""), NOT_READY),
        (("_service_maintenance:svc-a", "critical", ""), NOT_READY),
    ],
)
def test_checks_say_how_an_endpoint_stands(check, standing):
    assert standings(row(checks=[("other", "passing", ""), check])) == {"a:1": standing}


def test_the_own_word_counts_more_than_a_doubt():
    checks = [("serfHealth", "critical", ""), ("svc-a:ttl", "critical", "not ready: no instance")]
    assert standings(row(checks=checks)) == {"a:1": NOT_READY}


def test_of_two_entries_with_one_address_the_better_counts():
    old = row("a", checks=[("svc-a:ttl", "critical", "TTL expired")])
    new = row("a", ID="svc-new")
    assert standings(old, new) == standings(new, old) == {"a:1": READY}


def test_a_drained_loader_that_leaves_is_gone():
    picker = Picker()
    picker.update(snapshot_of([row("a"), row("b")]))
    draining = row("a", checks=[("svc-a:ttl", "critical", "not ready: draining")])
    picker.update(snapshot_of([draining, row("b")]))
    picker.update(snapshot_of([row("b")]))
    assert names(picker) == ["b"]


def test_an_index_that_goes_back_starts_anew():
    assert next_index(0, 7) == 7
    assert next_index(7, 7) == 7
    assert next_index(7, 9) == 9
    assert next_index(9, 7) == 0
    assert next_index(0, 0) == 0
