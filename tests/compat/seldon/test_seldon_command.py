# SPDX-License-Identifier: Apache-2.0
"""seldon-core-microservice as users start it: ports, variables, exit status, the object's life."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from aiges.contracts.seldon import _messages, _stubs
from free_ports import free_ports
from loader_process import ROOT, children_of
from seldon_service import COMPAT, HERE, Service
from waiting import wait_until

PREDICT = "/api/v1.0/predictions"
NO_NUMBER = '[{"name":"a","value":"b","type":"INT"}]'
UNITS = HERE / "seldon_units.py"


@pytest.fixture
def started(serve):
    """started(class, *arguments, **options): a Service of seldon_units."""

    def start(name, *arguments, **options):
        return serve(f"seldon_units.{name}", *arguments, sources=[UNITS], **options)

    return start


def run(folder, *arguments, env=None):
    """The command until it ends."""
    path = os.pathsep.join([str(COMPAT), str(ROOT / "sdk")])
    command = [sys.executable, "-m", "seldon_core.microservice", *arguments]
    environment = {**os.environ, "PYTHONPATH": path, **(env or {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def open_ports(pid):
    """The TCP ports of IPv4 and IPv6 that a process listens on."""
    held = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            held.add(os.readlink(entry.path))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in held:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def test_three_ports_speak_and_no_other_one_is_open(started):
    service = started("Given", "--parameters", '[{"name":"a","value":"1","type":"INT"}]',
                      env={"SAID": "yes"})  # fmt: skip
    expected = {"given": {"a": 1}, "variable": "yes", "cwd": str(service.folder)}
    assert service.post(PREDICT, {"strData": "x"})[1]["jsonData"] == {**expected, "grpc": True}
    assert service.get("/metrics", service.metrics)[0] == 200
    assert service.get("/health/ping", service.grpc) == (200, "pong")
    assert open_ports(service.process.pid) == {service.rest, service.grpc, service.metrics}
    wait_until(lambda: "a line of the model" in service.log(), "the line of the model")
    assert service.stop() == 0


def test_parameters_come_from_the_environment(started):
    parameters = '[{"name":"model_uri","value":"/mnt/models","type":"STRING"}]'
    service = started("Given", env={"PREDICTIVE_UNIT_PARAMETERS": parameters})
    answer = service.post(PREDICT, {"strData": "x"})[1]["jsonData"]
    assert answer["given"] == {"model_uri": "/mnt/models"}


def test_without_grpc_workers_its_port_is_closed(started):
    service = started("Given", "--grpc-workers", "0")
    assert open_ports(service.process.pid) == {service.rest, service.metrics}
    assert service.post(PREDICT, {"strData": "x"})[1]["jsonData"]["grpc"] is False
    with grpc.insecure_channel(f"127.0.0.1:{service.rest}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            stub = _stubs.made()["ModelStub"](channel)
            stub.Predict(_messages.message("SeldonMessage")(strData="x"), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_access_log_has_a_line_for_each_request(started):
    service = started("Given", "--access-log")
    service.ask("POST", "/predict?a=%22", b'{"strData": "a"}', {"User-Agent": 'own "agent"'})
    service.get("/metrics", service.metrics)
    expected = '"POST /predict?a=%22 HTTP/1.1" 200 '
    wait_until(lambda: expected in service.log(), "the line of the request", 20)
    line = next(line for line in service.log().splitlines() if expected in line)
    assert "127.0.0.1 - - [" in line and line.endswith('"-" "own \\"agent\\""')
    assert "GET /metrics" not in service.log()


def test_workers_are_instances_with_one_object_each(started):
    service = started("Better", "--workers", "2")
    wait_until(lambda: len(children_of(service.process.pid)) >= 2, "two instances", 30)
    asked = [service.post(PREDICT, {"strData": "calls"})[1]["jsonData"]["pid"] for _ in range(3)]
    assert set(asked) <= set(children_of(service.process.pid))


def test_threads_are_calls_at_a_time_in_the_model(started):
    delay = '[{"name":"delay","value":"0.5","type":"FLOAT"}]'
    service = started("Better", "--threads", "3", "--parameters", delay)
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(service.post, PREDICT, {"strData": "slow"}) for _ in range(6)]
        assert max(call.result()[1]["jsonData"]["most"] for call in calls) == 3


def test_flags_without_meaning_are_said_in_the_log(started, tmp_path):
    pid = tmp_path / "pid"
    service = started("Given", "--debug", "--tracing=1", "--persistence", f"--pidfile={pid}",
                      "--max-requests-jitter=3")  # fmt: skip
    for flag in ("--debug", "--tracing", "--max-requests-jitter"):
        assert f"{flag} is without meaning here" in service.log()
    assert "persistence is deprecated" in service.log()
    assert int(pid.read_text()) == service.process.pid


def test_load_that_is_not_there_or_later_is_no_fault(started):
    assert started("LoadIsLater").post(PREDICT, {"strData": "x"})[0] == 200
    assert started("Given").post(PREDICT, {"strData": "x"})[0] == 200


def test_ready_means_loaded_and_the_end_waits_for_calls(binaries, tmp_path):
    service = Service(binaries, tmp_path, "seldon_units.LoadWaits", sources=[UNITS])
    service.begin()
    try:
        wait_until(lambda: "AIService listening" in service.log(), "the ports", 30)
        for path in ("/ready", "/health/status"):
            assert service.get(path)[0] in (404, 503), path
        (tmp_path / "go").touch()
        wait_until(lambda: service.get("/ready")[0] == 200, "readiness", 30)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(service.post, PREDICT, {"strData": "x"})
            wait_until((tmp_path / "begun").exists, "predict", 20)
            assert service.stop() == 0
            assert call.result() == (200, {"meta": {}, "strData": "x"})
    finally:
        service.kill()


def test_toml_beside_the_model_goes_before_the_command(started):
    compat = "[compat]\nstrict_upstream = true\n"
    toml = f'{compat}[wrapper]\npredictive_unit_id = "own"\n[instances]\ncount = 1\n'
    service = started("Given", "--workers=2", toml=toml)
    answer = service.post(PREDICT, {"strData": "x"})[1]
    assert answer["meta"]["requestPath"] == {"own": "NOT_IMPLEMENTED:NOT_IMPLEMENTED"}
    assert "ready instances=1" in service.log()
    assert service.ask("DELETE", PREDICT).status == 500
    assert service.ask("POST", PREDICT, b'{"strData":"x"}').status == 400


def test_ports_are_bound_where_the_services_section_says(binaries, tmp_path):
    service = Service(binaries, tmp_path, "seldon_units.Given", sources=[UNITS])
    other = '[wrapper]\nhost = "192.0.2.1"\n'
    (tmp_path / "aiges.toml").write_text(other + '[model]\nhost = "127.0.0.1"\n')
    with service:
        assert service.get("/live", service.metrics)[0] == 200
    assert "192.0.2" not in service.log()


def test_a_toml_that_is_none_ends_the_command(tmp_path):
    (tmp_path / "aiges.toml").write_text("[svcName\n")
    code, text = run(tmp_path, "Given")
    assert code == 1 and "aiges.toml: expected TOML: " in text and "Traceback" not in text


def test_a_switch_that_says_neither_yes_nor_no_ends_the_command(binaries, tmp_path):
    service = Service(binaries, tmp_path, "seldon_units.Given", sources=[UNITS],
                      toml='[wrapper]\ngrpc = "maybe"\n')  # fmt: skip
    service.begin()
    try:
        assert service.process.wait(30) != 0
        assert "[wrapper] grpc: expected true or false, got 'maybe'" in service.log()
    finally:
        service.kill()


def test_attribute_that_load_misses_is_told(binaries, tmp_path):
    service = Service(binaries, tmp_path, "seldon_units.LoadFails", sources=[UNITS])
    service.begin()
    try:
        wait_until(lambda: "'LoadFails' object has no attribute 'weights'" in service.log(),
                   "the error of load()", 30)  # fmt: skip
        assert service.process.wait(30) != 0
    finally:
        service.kill()


def test_custom_service_runs_beside(started):
    service = started("Custom")
    file = service.folder / "custom"
    wait_until(lambda: file.exists() and file.read_text(), "what custom_service has written", 20)
    assert service.post(PREDICT, {"strData": "x"})[0] == 200


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["Given", "REST"], 255, "Unknown args ['REST']"),
        (["Given", "--service-type", "X"], 2, "invalid choice: 'X'"),
        ([], 2, "interface_name"),
        (
            ["Given", "--parameters", '[{"name":"a","value":"b","type":"INT"}]'],
            1,
            "can't be parsed",
        ),
        (["--help"], 0, "--service-type"),
    ],
)
def test_wrong_arguments_end_the_command(tmp_path, arguments, code, text):
    got = run(tmp_path, *arguments)
    assert got[0] == code and text in got[1]


def test_class_that_cannot_be_imported_ends_the_command(binaries, tmp_path):
    (tmp_path / "aiges.toml").write_text('[svcName]\nhost = "127.0.0.1"\n')
    env = {"AIGES_BIN": str(binaries.loader.parent)}
    ports = zip(("http", "grpc", "metrics"), free_ports(3))
    code, text = run(tmp_path, "Nope", *(f"--{kind}-port={port}" for kind, port in ports), env=env)
    assert code != 0 and "No module named 'Nope'" in text
