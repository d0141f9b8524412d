# SPDX-License-Identifier: Apache-2.0
"""The original in an environment of its own."""

import sys

import pytest
from loader_fixtures import binaries, xsf_stubs
from loader_process import ROOT

sys.path.append(str(ROOT / "tests" / "peers"))


@pytest.fixture(scope="session")
def original_python():
    """The Python that has aipod 1.0.0, without grpcio-tools, which protobuf 3.20 does not suit."""
    from environments import python_of

    return python_of("aipod")
