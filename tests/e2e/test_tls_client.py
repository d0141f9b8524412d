# SPDX-License-Identifier: Apache-2.0
"""Our own clients by TLS, with certificates of theirs."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import Authority, tls


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def mutual(start, toolbox, authority):
    config = tls(authority.issue("server"), client_ca=str(authority.file))
    return start(toolbox, config={"tls": config})


def test_client_of_the_package(mutual, authority):
    from aiges.client import Client, Unavailable

    own = authority.issue("package")
    files = {"ca": str(authority.file), "cert": str(own.cert), "key": str(own.key)}
    with Client(mutual.grpc, **files) as client:
        assert client.once(b"hello").data() == b"hello"
    with Client(mutual.grpc, ca=str(authority.file), timeout_s=3) as client:
        with pytest.raises(Unavailable):
            client.once(b"hello")


def test_asyncio_client_of_the_package(mutual, authority):
    from aiges.client import AsyncClient

    own = authority.issue("asyncio")
    files = {"ca": str(authority.file), "cert": str(own.cert), "key": str(own.key)}

    async def ask_once():
        async with AsyncClient(mutual.grpc, **files) as client:
            return (await client.once(b"hello")).data()

    assert asyncio.run(ask_once()) == b"hello"


def test_client_says_what_is_wrong_with_its_files():
    from aiges.client import Client

    with pytest.raises(ValueError, match="expected key beside cert, got none"):
        Client("127.0.0.1:1", cert="cert.pem")
    with pytest.raises(FileNotFoundError):
        Client("127.0.0.1:1", ca="no.pem")


def test_asectl_calls_by_tls(mutual, authority, binaries):
    own = authority.issue("operator")
    command = [sys.executable, "-m", "aiges", "call", mutual.grpc, "data=hello"]
    files = ["--ca", str(authority.file), "--cert", str(own.cert), "--key", str(own.key)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "sdk")}
    done = subprocess.run([*command, *files], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
    env.update(zip(("AIGES_CA", "AIGES_CERT", "AIGES_KEY"), files[1::2]))
    for words in (
        ["call", f"https://{mutual.http}", "data=hello"],
        ["status", f"https://{mutual.http}"],
    ):
        command = [sys.executable, "-m", "aiges", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr


WHO = """
from aiges import context

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        return context.caller() or "nobody"
"""


def test_name_in_the_certificate_is_the_caller(start, authority):
    from aiges.client import Client

    config = tls(authority.issue("server"), client_ca=str(authority.file))
    loader = start(WHO, config={"tls": config})
    for name, subject, expected in (("alice", "same", "alice"), ("bob", None, "bob.example")):
        own = authority.issue(name, alternative=f"DNS:{expected}", subject=subject)
        files = {"ca": str(authority.file), "cert": str(own.cert), "key": str(own.key)}
        with Client(loader.grpc, **files) as client:
            assert client.once(b"x").text() == expected
