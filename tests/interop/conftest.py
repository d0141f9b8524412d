# SPDX-License-Identifier: Apache-2.0
"""The service of gRPC's interoperability cases, generated and served."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from grpc_tools import protoc
from loader_fixtures import binaries, shared, start, toolbox, xsf_stubs
from loader_process import Loader

HERE = Path(__file__).resolve().parent
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


@pytest.fixture(scope="session")
def interop_stubs(tmp_path_factory):
    """The folder of grpc_testing_pb2 and grpc_testing_pb2_grpc."""
    folder = tmp_path_factory.mktemp("interop")
    out = [f"-I{HERE}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", *out, str(HERE / "grpc_testing.proto")]) == 0
    return folder


@pytest.fixture(scope="session", params=["sync", "aio"])
def grpcio_server(request, interop_stubs):
    """The address of grpcio's own server with the service."""
    command = [*DIE_WITH_PARENT, sys.executable, HERE / "interop_service.py", request.param]
    env = {**os.environ, "PYTHONPATH": str(interop_stubs)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
        yield f"127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


@pytest.fixture(scope="session", params=["register", "register_aio"])
def aiservice(request, binaries, interop_stubs, tmp_path_factory):
    """The address of AIService with the same servicer behind a door."""
    config = {"aiges": {"contract": "grpc", "app": f"interop_service:{request.param}"}}
    path = os.pathsep.join([str(interop_stubs), str(HERE)])
    folder = tmp_path_factory.mktemp("loader")
    with Loader(binaries, folder, config=config, env={"PYTHONPATH": path}) as loader:
        yield loader.grpc
