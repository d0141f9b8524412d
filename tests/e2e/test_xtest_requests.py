# SPDX-License-Identifier: Apache-2.0
"""xtest with any request of HTTP and gRPC, and every protocol of it by TLS with keys."""

import hashlib

import pytest
from certificates import Authority, tls
from xtest_tool import Xtest, text_of

KEY = "k-load"


@pytest.fixture
def xtest(binaries, tmp_path):
    def make(**config):
        return Xtest(binaries, tmp_path / "xtest", {"one.txt": b"hello"}, config)

    return make


@pytest.fixture
def alone(xtest):
    """A run in a folder without xtest.toml."""
    tool = xtest()
    (tool.folder / "xtest.toml").unlink()
    return tool


LOAD = ("-count=50", "-concurrency=4")


def test_any_request_of_http_without_a_file(shared, alone):
    (alone.folder / "body").write_bytes(b"0123456789")
    (step,) = alone.run(
        f"-target={shared.http}",
        "-protocol=http",
        "-path=/v1/raw/svcName?type=other",
        "-header=Content-Type: application/octet-stream",
        "-header=X-Request-Id: from xtest",
        "-body=body",
        *LOAD,
    )
    assert (step["sent"], step["done"], step["failed"]) == (50, 50, 0), step["codes"]


def test_an_address_is_enough(shared, alone):
    (step,) = alone.run(f"http://{shared.http}/healthz", "-count=50")
    assert (step["done"], step["failed"]) == (50, 0), step["codes"]
    (alone.folder / "body").write_bytes(b"hello")
    (step,) = alone.run(
        f"http://{shared.http}/v1/raw/svcName?key=data", "-body=body", "-duration=100ms"
    )
    assert step["done"] > 0 and step["failed"] == 0, step["codes"]


def test_status_of_http_is_the_code(shared, alone):
    alone.run(f"-target={shared.http}", "-protocol=http", "-path=/nothing", *LOAD, code=3)
    (step,) = alone.result["steps"]
    assert step["failed"] == 50
    assert "no such path: /nothing" in text_of(step, 404)


def test_method_without_a_body(shared, alone):
    (step,) = alone.run(
        f"-target={shared.http}", "-protocol=http", "-path=/healthz", "-method=HEAD", *LOAD
    )
    assert step["done"] == 50, step["codes"]


def test_any_method_of_grpc(shared, alone):
    (alone.folder / "message").write_bytes(b"")  # grpc.health.v1.HealthCheckRequest.
    (step,) = alone.run(
        f"-target={shared.grpc}",
        "-protocol=grpc",
        "-path=/grpc.health.v1.Health/Check",
        "-body=message",
        *LOAD,
    )
    assert (step["sent"], step["done"], step["failed"]) == (50, 50, 0), step["codes"]
    alone.run(f"-target={shared.grpc}", "-protocol=grpc", "-path=/a.B/C", *LOAD, code=3)
    (step,) = alone.result["steps"]
    assert "gRPC UNIMPLEMENTED: no method /a.B/C" in text_of(step, 12)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-protocol=http", "-path=x"], '--path: expected a path that begins with /, got "x"'),
        (["-protocol=http", "-header=x"], '--header: expected "Name: value", got "x"'),
        (["-protocol=http", "-body=gone"], "--body: cannot open gone: No such file"),
        (["-protocol=http", "-method=GET /"], '--method: expected GET, POST, .., got "GET /"'),
        (["-protocol=grpc", "-path=/x"], '--path: expected /package.Service/Method, got "/x"'),
        (["-protocol=grpc", "-path=/a.B/C", "-method=GET"], "alone with --protocol=grpc"),
        (["-protocol=http", "-ca=gone.pem"], "--ca: cannot use gone.pem"),
        (["-protocol=http", "-cert=own.pem"], "--cert and --key: expected both or none"),
    ],
)
def test_mistakes(alone, flags, said):
    alone.start("-target=127.0.0.1:1", *flags)
    alone.wait(code=2)
    assert said in alone.err


def test_flags_of_another_protocol(xtest):
    tool = xtest()
    tool.start("-target=127.0.0.1:1", "-path=/x")
    tool.wait(code=2)
    assert "expected --protocol=http or --protocol=grpc with them" in tool.err


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def locked(start, toolbox, authority, tmp_path):
    """A loader with everything on: TLS, certificates of clients, keys."""
    keys = tmp_path / "keys"
    keys.write_text(f"load sha256:{hashlib.sha256(KEY.encode()).hexdigest()} call\n")
    config = {
        "tls": tls(authority.issue("server"), client_ca=str(authority.file)),
        "access": {"keys_file": str(keys)},
    }
    return start(toolbox, config=config)


def test_every_protocol_by_tls_with_certificate_and_key(locked, xtest, authority):
    own = authority.issue("load")
    files = [f"-ca={authority.file}", f"-cert={own.cert}", f"-key={own.key}"]
    tool = xtest()
    (tool.folder / "body").write_bytes(b"hello")
    raw = ["-path=/v1/raw/svcName", "-body=body"]
    health = ["-path=/grpc.health.v1.Health/Check"]
    for protocol, more in {
        **dict.fromkeys(("xsf", "stream", "json", "raw", "ws", "sse"), []),
        "http": raw,
        "grpc": health,
    }.items():
        address = locked.grpc if protocol in ("xsf", "stream", "grpc") else locked.http
        flags = [f"-target={address}", f"-protocol={protocol}", *more, *files, "-count=20"]
        (step,) = tool.run(*flags, f"-api-key={KEY}")
        assert (step["done"], step["failed"]) == (20, 0), (protocol, step["codes"])
    (step,) = [*tool.run(f"-target={locked.http}", "-protocol=raw", *files, "-count=5", code=3)]
    assert "10420" in step["codes"]
    tool.run(f"-target={locked.http}", "-protocol=raw", *files[:1], "-count=5", code=3)
    tool.run(f"-target={locked.http}", "-protocol=raw", "-count=5", code=3)
