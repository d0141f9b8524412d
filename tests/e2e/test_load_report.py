# SPDX-License-Identifier: Apache-2.0
"""Every answer says how busy the loader is (ORCA), for those who choose between loaders.

gRPC's own client keeps this trailer for its balancers: curl shows what is on the wire.
"""

import base64
import re
import struct
import subprocess

from waiting import wait_until

TRAILER = "endpoint-load-metrics-bin"
HEADER = "endpoint-load-metrics"


def grpc_by_curl(loader, tmp_path):
    """Trailers of a once call of the toolbox's echo."""
    message = loader.xsf.request(loader.xsf.input(loader.xsf.payload())).SerializeToString()
    body = tmp_path / "request.bin"
    body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    command = ["curl", "-sv", "--max-time", "20", "--http2-prior-knowledge", "-o", "/dev/null"]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    command += ["--data-binary", f"@{body}", f"http://{loader.grpc}/utils.XsfCall/call"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(re.findall(r"^< ([a-z-]+): (.*?)\r?$", ended.stderr, re.MULTILINE))


def report(trailers):
    from orca_pb2 import OrcaLoadReport

    text = trailers[TRAILER]
    return OrcaLoadReport.FromString(base64.b64decode(text + "=" * (-len(text) % 4)))


def text_of(answer):
    """{"application_utilization": 0.5, ..} of Envoy's TEXT form."""
    kind, _, pairs = answer.headers[HEADER].partition(" ")
    assert kind == "TEXT"
    return {name: float(value) for name, _, value in (p.partition("=") for p in pairs.split(", "))}


def test_idle_loader_says_so(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"threads": 1}})
    load = report(grpc_by_curl(loader, tmp_path))
    assert load.application_utilization <= 1
    assert load.named_metrics["queued"] == 0
    assert text_of(loader.web.raw_mode(b"x"))["application_utilization"] <= 1


def test_waiting_calls_make_the_utilization_exceed_one(start, toolbox):
    loader = start(toolbox, config={"instances": {"threads": 1}})
    calls = [loader.xsf.begin_do("sleep", wait_ms="20000", ms=1000) for _ in range(8)]
    loader.wait_metric("aiges_in_flight", 8)

    def seen():
        answer = text_of(loader.web.raw_mode(b"x", "?timeout_ms=1"))
        return answer["application_utilization"] >= 7 and answer["named_metrics.queued"] >= 5

    wait_until(seen, "a report of 8 calls at one engine")
    for call in calls:
        call.cancel()


def test_rates_are_those_of_the_answers(shared, tmp_path):
    def seen():
        for _ in range(100):
            shared.xsf.do("echo", b"x")
            shared.xsf.do("code", code=7)
        load = report(grpc_by_curl(shared, tmp_path))
        return load.rps_fractional > 10 and 0 < load.eps < load.rps_fractional

    wait_until(seen, "rates in the report")


def test_refusals_carry_it_and_pages_do_not(start, toolbox, tmp_path):
    loader = start(toolbox, config={"fc": {"max": 1}})
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", wait_ms="20000", gate=gate)
    loader.wait_metric("aiges_in_flight", 1)
    assert TRAILER in grpc_by_curl(loader, tmp_path)
    refused = loader.web.raw_mode(b"x")
    assert refused.status == 429
    assert HEADER in refused.headers
    assert HEADER not in loader.web.get("/healthz").headers
    gate.touch()
    assert loader.xsf.answer(held).code == 0
