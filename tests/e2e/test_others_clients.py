# SPDX-License-Identifier: Apache-2.0
"""AIService as the tools of others see it: h2spec, grpcurl, ghz, h2load and curl."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from certificates import Authority
from google.protobuf import json_format
from h2_client import GRPC, message, xsf_bytes
from others_tools import run_tool

CALL = "utils.XsfCall/call"
RAW = "/v1/raw/svcName"


@pytest.fixture(params=["grpc", "http"])
def address(request, shared):
    return {"grpc": shared.grpc, "http": shared.http}[request.param]


@pytest.fixture
def echo_json(echo):
    """The request `echo` in the JSON of protobuf."""
    from xsf_pb2 import ReqData

    return json_format.MessageToJson(ReqData.FromString(echo), indent=None)


def h2spec(address, report, *options):
    """What fails, of all 145 cases."""
    host, port = address.split(":")
    there = ["-h", host, "-p", port, *options]
    run_tool("h2spec", *there, "-o", 20, "-j", report, code=(0, 1))
    cases = ET.parse(report).getroot().findall(".//testcase")
    assert len(cases) == 145
    return [(case.get("package"), case.get("classname")) for case in cases if len(case) > 0]


def test_h2spec_finds_what_is_known_only(address, tmp_path):
    # The port speaks HTTP/1.1, too, in which such bytes are a request that gets a 400 before the
    # connection is closed. h2spec, which reads frames, takes only the second.
    known = [("http2/3.5", "Sends invalid connection preface")]
    assert h2spec(address, tmp_path / "h2spec.xml") == known


def test_h2spec_finds_nothing_where_tls_has_agreed_on_http2(start, toolbox, tmp_path):
    server = Authority(tmp_path / "ca").issue("server")
    loader = start(toolbox, config={"tls": {"cert": str(server.cert), "key": str(server.key)}})
    for address in (loader.grpc, loader.http):
        assert h2spec(address, tmp_path / "h2spec.xml", "-t", "-k") == []


def test_grpcurl_learns_by_reflection_and_calls(address, echo_json):
    from xsf_client import Answer
    from xsf_pb2 import ResData

    def grpcurl(*arguments):
        return run_tool("grpcurl", "-plaintext", "-max-time", 60, *arguments)

    assert {"utils.XsfCall", "aiges.v1.Stream", "grpc.health.v1.Health"} <= set(
        grpcurl(address, "list").split()
    )
    assert "rpc call ( .utils.ReqData ) returns ( .utils.ResData );" in grpcurl(
        address, "describe", "utils.XsfCall"
    )
    assert "repeated .utils.DataMeta data = 4;" in grpcurl(address, "describe", ".utils.ReqData")
    answer = json_format.Parse(grpcurl("-d", echo_json, address, CALL), ResData())
    assert Answer(answer).data("data") == b"hello"
    health = grpcurl("-d", '{"service": "utils.XsfCall"}', address, "grpc.health.v1.Health/Check")
    assert json.loads(health) == {"status": "SERVING"}


def test_grpcurl_tells_what_is_refused(address):
    said = run_tool("grpcurl", "-plaintext", "-d", "{}", address, "no.such.Service/Method", code=1)
    assert 'target server does not expose service "no.such.Service"' in said
    call = ["-d", '{"service": "no.such"}', address, "grpc.health.v1.Health/Check"]
    assert "Code: NotFound" in run_tool("grpcurl", "-plaintext", *call, code=64 + 5)


def test_ghz_loads_without_an_error(address, echo_json):
    load = ["-n", 2000, "-c", 16, "--connections", 4, "-d", echo_json, "-t", "60s", "-O", "json"]
    report = json.loads(run_tool("ghz", "--insecure", "--call", CALL, *load, address))
    assert (report["count"], report["errorDistribution"]) == (2000, {})
    assert report["statusCodeDistribution"] == {"OK": 2000}


def h2load(*arguments):
    """(counts of requests, counts of status codes, bytes of data)"""
    said = run_tool("h2load", "-n", 2000, "-c", 4, "-m", 8, *arguments)
    lines = dict(re.findall(r"^([a-z ]+): (.*)$", said, re.MULTILINE))
    counts = [
        {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", lines[key])}
        for key in ("requests", "status codes")
    ]
    return *counts, int(re.search(r"\((\d+)\) data", lines["traffic"])[1])


ALL = {"total": 2000, "started": 2000, "done": 2000, "succeeded": 2000}
NONE = {"failed": 0, "errored": 0, "timeout": 0}


def test_h2load_has_every_answer_of_http(address, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"x" * 1000)
    for options in ([], ["--h1"]):
        requests, codes, data = h2load(*options, "-d", body, f"http://{address}{RAW}")
        assert requests == ALL | NONE
        assert codes == {"2xx": 2000, "3xx": 0, "4xx": 0, "5xx": 0}
        assert data == 2000 * 1000


def test_h2load_has_every_answer_of_grpc(address, shared, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(message(xsf_bytes(shared, b"x" * 1000)))
    fields = [part for field in GRPC.items() for part in ("-H", ": ".join(field))]
    requests, codes, data = h2load(*fields, "-d", body, f"http://{address}/{CALL}")
    assert requests == ALL | NONE
    assert codes["2xx"] == 2000
    assert data > 2000 * 1000


def test_curl_sends_forms_and_large_files_over_http2(address, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 20_000)
    for body in (["--data-binary", f"@{large}"], ["-F", f"data=@{large}"], ["-T", large]):
        back = tmp_path / "back"
        options = ["--http2-prior-knowledge", "-X", "POST", "--fail", "--max-time", 60, "-o", back]
        written = ["-w", "%{http_version} %{http_code}", "-sS"]
        said = run_tool("curl", *options, *written, *body, f"http://{address}{RAW}")
        assert said == "2 200"
        assert back.read_bytes() == large.read_bytes()
