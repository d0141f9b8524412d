# SPDX-License-Identifier: Apache-2.0
"""The proxy of deploy/haproxy in front of real loaders, which it finds in a real Consul."""

import base64
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from consul_agent import ConsulAgent
from haproxy_process import (
    CONFIG,
    DOWN,
    DRAINING,
    SERVING,
    Callers,
    Cluster,
    SessionClient,
    by_grpc,
    by_http,
    reached,
    refused_over_grpc,
    refused_over_http,
    wait_200_ms,
)
from waiting import wait_until
from websockets.sync.client import connect
from xsf_client import XsfClient, XsfSession

EVENTS = {"Accept": "text/event-stream"}
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture(scope="module")
def shared(consul, tmp_path_factory):
    cluster = Cluster(consul, tmp_path_factory.mktemp("shared"), "svcShared")
    with cluster.stack:
        for _ in range(3):
            cluster.add()
        cluster.main = cluster.proxy()
        yield cluster


@pytest.fixture
def cluster(request, consul, tmp_path):
    """An empty cluster of a service of its own."""
    name = "svc" + re.sub(r"\W|_", "", request.node.name)[4:40]
    found = Cluster(consul, tmp_path, name)
    with found.stack:
        yield found


# ---- Protocols ----


def test_grpc_calls_are_spread_over_all_hosts(shared):
    seen = {by_grpc(shared.main) for _ in range(12)}
    assert seen == shared.pids()


def test_http_calls_are_spread_over_all_hosts(shared):
    seen = {by_http(shared.main, shared.service) for _ in range(12)}
    assert seen == shared.pids()


def test_envelope(shared):
    body = {"header": {"app_id": "a"}, "payload": {"data": {"text": "eA=="}}}
    answer = shared.main.web.envelope(body, shared.service)
    assert (answer.status, answer.code) == (200, 0)
    assert answer.json["payload"]["result"]["text"] in shared.pids()


def test_large_payloads_pass(shared):
    assert by_grpc(shared.main, size=5_000_000) in shared.pids()
    answer = shared.main.web.raw_mode(b"x" * 5_000_000, service=shared.service)
    assert answer.body.decode() in shared.pids()


def test_websocket_is_a_conversation_with_one_host(shared):
    url = f"ws://{shared.main.http}/v1/private/{shared.service}"
    with connect(url, open_timeout=10) as ws:
        heard = []
        for number in range(3):
            data = base64.b64encode(b"%d" % number).decode()
            header = {"app_id": "a", "status": min(number, 1)}
            ws.send(json.dumps({"header": header, "payload": {"in": {"text": data}}}))
            while "payload" not in (message := json.loads(ws.recv(timeout=20))):
                assert message["header"]["code"] == 0, message
            heard.append(base64.b64decode(message["payload"]["result"]["text"]).decode().split())
    assert [text for _, text in heard] == ["0", "1", "2"]
    assert len({host for host, _ in heard}) == 1


def test_events_are_not_held_back(shared, tmp_path):
    gate = tmp_path / "gate"
    connection = shared.main.web.connect()
    path = f"/v1/raw/{shared.service}?p.gate={gate}"
    connection.request("POST", path, b"x", EVENTS)
    response = connection.getresponse()
    assert response.readline() == b"id: 1\n"
    gate.touch()  # Only now there is more to come.
    assert b"after the gate" in response.read()
    connection.close()


def test_native_stream_is_not_held_back(shared):
    import loader_pb2

    xsf = shared.main.xsf
    run = xsf.channel.stream_stream(
        "/aiges.v1.Stream/Run",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=loader_pb2.LoaderOutput.FromString,
    )
    answered = threading.Semaphore(0)

    def inputs():
        for number in range(3):
            yield xsf.input(xsf.payload("in", b"%d" % number, status="1"), state=0)
            assert answered.acquire(timeout=20), "no answer before the next input"

    heard = []
    for output in run(inputs(), timeout=60):
        assert output.code == 0, output.err
        for payload in output.pl:
            if payload.data:
                heard.append(payload.data.decode().split())
                answered.release()
    assert [words[1:] for words in heard] == [["0"], ["1"], ["2"], []]
    assert len({words[0] for words in heard}) == 1


def test_other_paths_stay_inside(shared):
    """/admin trusts its own machine, and behind a proxy every client looks like that."""
    for path in ("/admin/reload", "/metrics", "/", "//admin/reload", "/v1", "/v1/../admin/reload"):
        answer = shared.main.web.request("POST", path, b"")
        assert (answer.status, answer.code) == (404, 10003), path


def test_numbers_of_the_proxy_itself(shared):
    text = shared.main.page("/metrics")
    assert 'haproxy_backend_status{proxy="grpc",state="UP"} 1' in text


def test_tls_for_grpc_and_http_on_one_port(shared, tmp_path):
    key, certificate, pem = (tmp_path / name for name in ("key", "certificate", "both.pem"))
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {key}"
    subprocess.run([*command.split(), "-out", certificate], check=True, capture_output=True)
    pem.write_bytes(certificate.read_bytes() + key.read_bytes())
    proxy = shared.proxy("tls", pem=pem)
    trust = grpc.ssl_channel_credentials(certificate.read_bytes())
    proxy.xsf.close()
    with grpc.secure_channel(proxy.tls, trust) as channel:
        proxy.xsf.raw = channel.unary_unary("/utils.XsfCall/call")
        assert by_grpc(proxy) in shared.pids()
    request = urllib.request.Request(f"https://{proxy.tls}/v1/raw/{shared.service}", b"x")
    with urllib.request.urlopen(
        request, timeout=20, context=ssl.create_default_context(cafile=certificate)
    ) as answer:
        assert answer.read().decode() in shared.pids()


# ---- Sessions ----


def test_calls_of_a_session_reach_one_host(shared):
    hosts = {}
    for number in range(24):
        name = f"session-{number}"
        both = {by_grpc(shared.main, ("x-aiges-session", name)) for _ in range(3)}
        assert len(both) == 1, name
        hosts[name] = both.pop()
        assert len({by_http(shared.main, shared.service, x_aiges_session=name) for _ in "ab"}) == 1
    assert len(set(hosts.values())) > 1


def test_xsf_sessions_through_the_proxy(shared):
    with contextlib.closing(SessionClient(shared.main.grpc, shared.service)) as client:
        hosts = set()
        for number in range(6):
            client.name = f"xsf-{number}"
            session = XsfSession(client)
            assert session.open().code == 0
            for text in (b"a", b"b"):
                assert session.write(text).code == 0
            assert session.write(b"c", status=2).code == 0
            heard = [text.split() for text in session.all("result") if text]
            assert [words[1:] for words in heard] == [["a"], ["b"], ["c"]]
            hosts |= {words[0] for words in heard}
        assert hosts <= shared.pids()


def test_reload_loses_no_call_and_no_session(shared):
    proxy = shared.proxy("reload")
    names = [("x-aiges-session", f"kept-{number}") for number in range(12)]
    before = [by_grpc(proxy, name) for name in names]
    # HAProxy hands over only what it has for sure, which takes it 5 s after its start.
    proxy.wait_synced()
    with Callers(proxy, shared.service) as callers:
        callers.more(50)
        proxy.start()
        proxy.wait_hosts(shared.loaders)
        callers.more(50)
    assert callers.failures == []
    proxy.wait_table("grpc_session", len(names))
    again = XsfClient(proxy.grpc, shared.service)
    proxy.xsf.close()
    proxy.xsf = again
    assert [by_grpc(proxy, name) for name in names] == before
    again.close()


# ---- Hosts that come and go ----


def test_drained_host_gets_no_call_and_no_call_fails(cluster):
    leaver = cluster.add(lame_duck_ms=6000)
    cluster.add()
    cluster.add()
    proxy = cluster.proxy()
    with Callers(proxy, cluster.service) as callers:
        callers.more(100)
        assert reached(leaver) > 0
        leaver.terminate()
        leaver.wait_readyz(503)
        # The promise: 200 ms after its readiness went off, the host gets no new call.
        wait_200_ms()
        leaver.wait_metric("aiges_in_flight", 0)
        told = reached(leaver)
        callers.more(300)
        assert reached(leaver) == told
        assert leaver.process.poll() is None, "it left before the test could count"
        assert leaver.wait_exit() == 0
        callers.more(100)
    assert callers.failures == []


def test_sessions_of_a_drained_host_stay_there(cluster):
    loaders = [cluster.add(lame_duck_ms=8000) for _ in range(2)]
    proxy = cluster.proxy()
    names = [("x-aiges-session", f"name-{number}") for number in range(16)]
    before = [by_grpc(proxy, name) for name in names]
    leaver = str(loaders[0].process.pid)
    assert leaver in before
    loaders[0].terminate()
    states = {loaders[0].grpc: DRAINING, loaders[1].grpc: SERVING}
    proxy.wait_states("grpc_session", states)
    proxy.wait_states("grpc", states)
    assert [by_grpc(proxy, name) for name in names] == before
    fresh = {by_grpc(proxy, ("x-aiges-session", f"new-{number}")) for number in range(16)}
    assert fresh == {str(loaders[1].process.pid)}


def test_killed_host_costs_no_later_call(cluster):
    victim = cluster.add()
    others = [cluster.add(), cluster.add()]
    proxy = cluster.proxy()
    victim.kill()
    for backend, port in (("grpc", "grpc"), ("http", "http")):
        states = {getattr(other, port): SERVING for other in others}
        proxy.wait_states(backend, {**states, getattr(victim, port): DOWN})
    with Callers(proxy, cluster.service) as callers:
        callers.more(200)
    assert callers.failures == []
    assert set(callers.served) == {str(other.process.pid) for other in others}


def test_host_without_an_instance_gets_calls_again_when_it_has_one(cluster):
    """Both checks see it: /readyz, and the gRPC health, which is off while no worker is left."""
    sick, healthy = cluster.add(), cluster.add()
    proxy = cluster.proxy()
    hold = sick.folder / "notes.hold"
    hold.touch()
    for worker in sick.workers():
        os.kill(worker, signal.SIGKILL)
    proxy.wait_states("http", {sick.http: DRAINING, healthy.http: SERVING})
    proxy.wait_states("grpc", {sick.grpc: DRAINING, healthy.grpc: SERVING})
    assert {by_http(proxy, cluster.service) for _ in range(10)} == {str(healthy.process.pid)}
    assert {by_grpc(proxy) for _ in range(10)} == {str(healthy.process.pid)}
    hold.unlink()
    proxy.wait_hosts([sick, healthy])
    assert {by_http(proxy, cluster.service) for _ in range(10)} == cluster.pids()
    assert {by_grpc(proxy) for _ in range(10)} == cluster.pids()


def test_consul_away(tmp_path):
    """What was known stays known, and the checks go on."""
    with ConsulAgent(tmp_path / "consul") as consul:
        cluster = Cluster(consul, tmp_path, "svcAway")
        with cluster.stack:
            loaders = [cluster.add() for _ in range(3)]
            proxy = cluster.proxy()
            consul.stop()
            proxy.wait_lookups_fail(5)
            assert {by_grpc(proxy) for _ in range(12)} == cluster.pids()
            loaders.pop().kill()
            known = {loader.grpc: SERVING for loader in loaders}
            proxy.wait_states("grpc", {**dict.fromkeys(proxy.states(), DOWN), **known})
            assert {by_grpc(proxy) for _ in range(12)} < cluster.pids()
            consul.start()  # It has forgotten all, until the loaders tell it again.
            for _ in range(200):
                assert by_grpc(proxy) in cluster.pids()


def test_no_host_at_all(cluster):
    proxy = cluster.proxy()
    proxy.xsf.wait_for_ready = False
    with pytest.raises(grpc.RpcError) as raised:
        by_grpc(proxy)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    answer = proxy.web.raw_mode(b"x", service=cluster.service)
    assert (answer.status, answer.code) == (503, 10109)
    assert proxy.web.get("/readyz").status == 503


# ---- Rate of an app id ----


@pytest.fixture(scope="module")
def limited(shared):
    return shared.proxy("limited", env={"AIGES_RATE": "4"})


def test_app_that_calls_too_often_is_told_so_over_http(limited, shared):
    answer = refused_over_http(limited, shared.service, x_app_id="greedy")
    assert (answer.status, answer.code) == (429, 10110)
    assert answer.message == "proxy: too many calls of this app id"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/json"
    assert by_http(limited, shared.service, x_app_id="modest") in shared.pids()


@pytest.mark.parametrize("size", [0, 3_000_000])
def test_app_that_calls_too_often_is_told_so_over_grpc(limited, shared, size):
    error = refused_over_grpc(limited, ("x-app-id", f"greedy{size}"), size=size)
    assert error.code() == EXHAUSTED, error
    assert error.details() == "proxy: too many calls of this app id"
    assert by_grpc(limited, ("x-app-id", f"modest{size}")) in shared.pids()


def test_app_id_in_the_address_counts_too(limited, shared):
    assert refused_over_http(limited, shared.service, "?app_id=here").status == 429
    assert by_http(limited, shared.service, "?app_id=there") in shared.pids()


def test_without_an_app_id_the_client_s_address_counts(limited, shared):
    assert refused_over_http(limited, shared.service).status == 429


def test_refused_calls_do_not_count(limited, shared):
    """Who is too fast still gets its share."""
    assert refused_over_http(limited, shared.service, x_app_id="stubborn").status == 429

    def passes():
        headers = {"x-app-id": "stubborn"}
        return limited.web.raw_mode(b"x", "", shared.service, headers).status == 200

    wait_until(passes, "a call that passes, without a pause before it", 20)


# ---- The file itself ----


def frame(kind, flags, stream, body):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def counted(value):
    return bytes([len(value)]) + value.encode()


def test_bytes_of_the_grpc_check():
    """They are one Check call; deploy/haproxy/README.md says how they are made."""
    head = b"\x83\x86\x04" + counted("/grpc.health.v1.Health/Check") + b"\x01" + counted("aiges")
    head += (
        b"\x0f\x10" + counted("application/grpc") + b"\x00" + counted("te") + counted("trailers")
    )
    call = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, head)
    call += frame(0, 1, 1, b"\0" + bytes(4))
    sent = re.findall(r"tcp-check send-binary (\w+)", CONFIG.read_text(encoding="utf-8"))
    assert bytes.fromhex("".join(sent)) == call


def test_file_has_no_warnings(tmp_path):
    (tmp_path / "aiges.state").write_text("1\n")
    command = ["haproxy", "-c", "-f", CONFIG, "-dW"]  # -dW: a warning is an error.
    env = {**os.environ, "AIGES_RUN": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
