# SPDX-License-Identifier: Apache-2.0
"""Services of Seldon's users as they start them, and the original in an environment of its own."""

import contextlib
import sys

import pytest
from loader_fixtures import binaries, start, xsf_stubs
from seldon_service import COMPAT, PEERS, Service

sys.path += [str(PEERS), str(PEERS.parent)]  # seldon_cases, record
sys.path.append(str(COMPAT))  # seldon_core


@pytest.fixture(scope="session")
def original_python():
    """The Python that has seldon-core 1.18.2."""
    from environments import python_of

    return python_of("seldon")


@pytest.fixture
def serve(binaries, tmp_path):
    """serve(name, *arguments, **options): a Service that takes calls."""
    with contextlib.ExitStack() as started:
        count = 0

        def start(name, *arguments, **options):
            nonlocal count
            count += 1
            service = Service(binaries, tmp_path / f"service{count}", name, *arguments, **options)
            return started.enter_context(service)

        yield start
