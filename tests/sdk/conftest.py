# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the package: servers that say what a test wants, and the real one."""

from importlib.util import find_spec

import pytest
from answering_server import AnsweringServer, echo
from client_faces import KINDS

if find_spec("grpc_tools"):  # Not where tests/package tries the package in other Pythons.
    from loader_fixtures import binaries, start, xsf_stubs


@pytest.fixture(params=KINDS)
def open_client(request):
    """open_client(url) -> a client of that kind; closed after the test."""
    made = []

    def make(*args, **options):
        made.append(KINDS[request.param](*args, **options).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__(None, None, None)


@pytest.fixture
def serve():
    """serve(answer) -> a server; stopped after the test."""
    made = []

    def start(answer=echo, **options):
        made.append(AnsweringServer(answer, **options).__enter__())
        return made[-1]

    yield start
    for server in made:
        server.__exit__()
