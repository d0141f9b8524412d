# SPDX-License-Identifier: Apache-2.0
"""aiges.client and where its calls go: sessions, discovery, connections that break."""

import collections
import signal
import threading
import uuid
from pathlib import Path

import demo_client
import grpc
import pytest
from aiges.client import EngineError, Overloaded, Place, Unavailable, WorkerLost
from both_clients import KINDS
from client_calls import WRAPPER, attempt, attempts_until, in_background, reads
from free_ports import free_ports
from loader_process import Loader
from waiting import wait_until


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("client"), WRAPPER) as loader:
        yield loader


@pytest.fixture(params=KINDS)
def make(request):
    """Client, and AsyncClient behind the same methods."""
    return KINDS[request.param]


@pytest.fixture
def client(make, loader):
    with make(loader.grpc, keepalive_s=0) as made:
        yield made


@pytest.fixture
def pair(start):
    """Two loaders of their own, with one licence each."""
    return [start(WRAPPER, config={"fc": {"max": 1}}) for _ in range(2)]


# Sessions.


def test_a_session_answers_piece_by_piece(client, loader):
    with client.session() as session:
        assert (session.host, len(session.handle)) == (loader.grpc, 26)
        session.write("one", Place.BEGIN)
        assert [p.data for p in session.read(timeout_s=5)] == [b"ONE"]
        assert session.read(timeout_s=0.1) == []
        session.write("two")
        session.write("three", Place.END)
        assert b"".join(p.data for p in session) == b"TWOTHREE"
        assert session.ended and session.read() == []
    loader.wait_metric("aiges_in_flight", 0)


def test_closing_a_session_ends_it(client, loader):
    session = client.session()
    loader.wait_metric("aiges_in_flight", 1)
    session.close()
    session.close()
    loader.wait_metric("aiges_in_flight", 0)
    with pytest.raises(EngineError) as error:
        session.write("x")
    assert error.value.code == 10101


def test_sessions_stay_where_they_were_opened(make, start):
    loaders = [start(WRAPPER) for _ in range(2)]
    with reads(make, loaders, keepalive_s=0) as client:
        sessions = [client.session() for _ in range(10)]
        assert collections.Counter(s.host for s in sessions) == {each.grpc: 5 for each in loaders}
        for number, session in enumerate(sessions):
            session.write(f"s{number}", Place.WHOLE)
        for number, session in enumerate(sessions):
            assert b"".join(p.data for p in session) == b"S%d" % number


def test_a_session_is_opened_elsewhere_when_one_is_full(make, pair):
    with reads(make, pair, keepalive_s=0) as client:
        first = client.session()
        assert client.session().host != first.host
        with pytest.raises(Overloaded):
            client.session()
        first.close()
        wait_until(lambda: not isinstance(session_of(client), Exception), "a free licence")


def test_a_refused_stream_says_so_while_its_input_still_flows(make, pair):
    """gRPC for asyncio put INTERNAL in the place of an end that met a write."""
    with reads(make, pair[:1], keepalive_s=0) as client, client.session():
        for _ in range(20):
            with pytest.raises(Overloaded):
                list(client.stream(iter(["x" * 1000] * 500)))


def session_of(client):
    try:
        return client.session()
    except Overloaded as error:
        return error


def test_a_session_is_lost_with_its_worker_or_its_loader(make, start):
    loader = start(WRAPPER)
    with make(loader.grpc, keepalive_s=0) as client:
        session = client.session()
        with pytest.raises(WorkerLost):
            session.write("exit")
            list(session)
        loader.wait_readyz()
        session = client.session()
        loader.process.kill()
        with pytest.raises(Unavailable):
            session.write("x")
        session.close()


# Discovery.


def test_a_file_that_changes_moves_the_calls(make, start, tmp_path):
    loaders = [start(WRAPPER) for _ in range(2)]
    peers = tmp_path / "peers.toml"
    peers.write_text(f'[[peer]]\naddress = "{loaders[0].grpc}"\n')
    with make(f"file:{peers}", keepalive_s=0) as client:
        assert client.once("x").host == loaders[0].grpc
        peers.write_text(f'[[peer]]\naddress = "{loaders[1].grpc}"\nservice = "svcName"\n')
        wait_until(lambda: client.once("x").host == loaders[1].grpc, "the other loader")
        assert list(client._channels) == [loaders[1].grpc]


def test_consul_says_where_to_go(make, start, consul):
    service = f"svc{uuid.uuid4().hex[:8]}"
    loaders = [start(WRAPPER, service=service) for _ in range(2)]
    ids = [consul.register(service, each.grpc) for each in loaders]
    with make(f"consul://{service}?agent={consul.http}", service, keepalive_s=0) as client:
        wait_until(lambda: len(client.endpoints()) == 2, "both loaders")
        assert {client.once("x").host for _ in range(50)} == {each.grpc for each in loaders}
        consul.say(ids[0], "critical", "not ready: draining")
        wait_until(lambda: len(client.endpoints()) == 1, "the drain")
        assert {client.once("x").host for _ in range(50)} == {loaders[1].grpc}


def test_a_rolling_restart_under_load_costs_no_call(make, start, consul):
    service = f"svc{uuid.uuid4().hex[:8]}"
    config = {
        "registry": {"backend": "consul", "url": consul.http},
        "instances": {"lame_duck_ms": 500},
    }
    hosts = [start(WRAPPER, service=service, config=config) for _ in range(2)]
    with make(f"consul://{service}?agent={consul.http}", service, keepalive_s=5) as client:
        wait_until(lambda: len(client.endpoints()) == 2, "both loaders")
        stop = threading.Event()
        waits = [in_background(lambda: attempts_until(stop, client)) for _ in range(8)]
        for number in range(2):
            hosts.append(start(WRAPPER, service=service, config=config))
            wait_until(lambda: len(client.endpoints()) == 3, "the new loader")
            hosts[number].stop()
            wait_until(lambda: len(client.endpoints()) == 2, "the old one")
        stop.set()
        got = collections.Counter(kind for wait in waits for kind in wait())
        assert {each.address for each in client.endpoints()} == {each.grpc for each in hosts[2:]}
        assert set(client._channels) <= {each.grpc for each in hosts[2:]}
    assert set(got) == {"Reply"}, got


def test_the_first_call_waits_for_the_first_answer_of_consul(make, start, consul):
    service = f"svc{uuid.uuid4().hex[:8]}"
    loader = start(WRAPPER, service=service)
    consul.register(service, loader.grpc)
    with make(f"consul://{service}?agent={consul.http}", service, keepalive_s=0) as client:
        assert client.once("x").text() == "X"


def test_a_consul_that_never_answers_is_told(make):
    (port,) = free_ports(1)
    with make(f"consul://svcName?agent=http://127.0.0.1:{port}") as client:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}.*refused"):
            client.once("x", timeout_s=0.5)


# Connections.


def test_a_loader_that_is_back_is_found_soon(make, start, tmp_path):
    (port,) = free_ports(1)
    config = {"svcName": {"port": port}}
    first = start(WRAPPER, config=config)
    with make(first.grpc, keepalive_s=0) as client:
        assert client.once("x").text() == "X"
        first.kill()
        assert isinstance(attempt(client), Unavailable)
        start(WRAPPER, config=config)
        wait_until(lambda: not isinstance(attempt(client), Exception), "an answer", 5)


def test_a_stopped_loader_is_noticed_by_pings(make, start):
    loaders = [start(WRAPPER) for _ in range(2)]
    with reads(make, loaders, idempotent=True, timeout_s=10) as client:
        assert len({client.once("x").host for _ in range(50)}) == 2
        loaders[0].process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{loaders[0].process.pid}/stat")
        wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it stands still")
        assert all(client.once("x").host == loaders[1].grpc for _ in range(20))
        loaders[0].process.send_signal(signal.SIGCONT)


def test_a_call_that_outlives_many_pings_is_answered(make, start):
    with make(start(WRAPPER).grpc) as client:
        assert client.once("x", {"sleep_s": "6"}, timeout_s=10).text() == "X"


def test_the_errors_are_not_those_of_grpc(client):
    with pytest.raises(EngineError) as error:
        client.once("x", {"do": "fail"})
    assert not isinstance(error.value, grpc.RpcError)


def test_a_proxy_in_the_environment_is_not_asked(make, loader, monkeypatch):
    (port,) = free_ports(1)
    for name in ("http_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    with make(loader.grpc, keepalive_s=0) as client:
        assert client.once("x").text() == "X"


def test_the_demo_calls_through_the_client(start):
    source = Path(demo_client.__file__).read_text()
    assert "import grpc" not in source and "_pb2" not in source
    loader = start(
        "class Wrapper:\n"
        "    def wrapperOnceExec(self, params, data):\n"
        "        boxes = '{\"lines\": [%d]}' % len(data.get('img').data)\n"
        "        return {'key': 'boxes', 'data': boxes, 'len': 1, 'type': 0, 'status': 3}\n"
    )
    answer = demo_client.call_grpc(loader.grpc, b"12345")
    assert answer.result == {"lines": [5]}
    assert set(answer.stages) == {"queue", "channel", "engine", "total"}
    with pytest.raises(demo_client.DemoError, match="Unavailable"):
        demo_client.call_grpc(f"127.0.0.1:{free_ports(1)[0]}", b"x")
