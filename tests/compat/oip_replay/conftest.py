# SPDX-License-Identifier: Apache-2.0
"""The requests that Triton has answered, and the environment in which it still does."""

import sys

import pytest
from loader_fixtures import binaries, xsf_stubs
from loader_process import ROOT

PEERS = ROOT / "tests" / "peers"
sys.path += [str(PEERS), str(PEERS / "triton")]


@pytest.fixture(scope="session")
def original_python():
    """The Python that has nvidia-pytriton 0.7.0."""
    from environments import python_of

    return python_of("triton")
