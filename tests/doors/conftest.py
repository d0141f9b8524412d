# SPDX-License-Identifier: Apache-2.0
"""One servicer, sync and asyncio, behind grpcio's own server and behind AIService."""

import os
import subprocess
import sys

import pytest
from grpc_tools import protoc
from loader_fixtures import binaries, start, xsf_stubs
from loader_process import DIE_WITH_PARENT
from tried import HERE, Tried, python_path, served


@pytest.fixture(scope="session", autouse=True)
def tryout_stubs(tmp_path_factory):
    """The folder of tryout_pb2 and tryout_pb2_grpc."""
    folder = tmp_path_factory.mktemp("tryout")
    out = [f"-I{HERE}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", *out, str(HERE / "tryout.proto")]) == 0
    sys.path.insert(0, str(folder))
    return folder


@pytest.fixture(scope="module", params=["grpcio-sync", "grpcio-aio", "aiges-sync", "aiges-aio"])
def tried(request, binaries, tryout_stubs, tmp_path_factory):
    """One server for the tests of a module."""
    host, flavour = request.param.split("-")
    if host == "aiges":
        folder = tmp_path_factory.mktemp("loader")
        with served(binaries, folder, tryout_stubs, flavour) as loader:
            tried = Tried(loader.grpc, flavour)
            yield tried
            tried.channel.close()
        return
    command = [*DIE_WITH_PARENT, sys.executable, HERE / "tryout_service.py", flavour]
    env = {**os.environ, "PYTHONPATH": python_path(tryout_stubs)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
        tried = Tried(f"127.0.0.1:{int(server.stdout.readline())}", flavour)
        yield tried
        tried.channel.close()
        server.kill()
