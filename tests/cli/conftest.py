# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of asectl; the helpers of tests/e2e and tests/cluster are theirs too."""

import contextlib

import pytest
from asectl_process import Asectl, Serving
from consul_agent import ConsulAgent
from loader_fixtures import binaries, start, xsf_stubs


@pytest.fixture
def asectl(binaries, tmp_path):
    """asectl("check", folder) -> what it said; in tmp_path unless cwd says where."""
    return Asectl(binaries.loader.parent, tmp_path)


@pytest.fixture
def serve(binaries, tmp_path):
    """serve(folder, *arguments) -> a Serving that is ready; stopped after the test."""
    with contextlib.ExitStack() as started:

        def run(folder, *arguments, **options):
            serving = Serving(binaries.loader.parent, folder, arguments, **options)
            started.callback(serving.kill)
            serving.start()
            return serving

        yield run


@pytest.fixture(scope="module")
def consul(tmp_path_factory):
    """An agent of its own for the tests of a module."""
    with ConsulAgent(tmp_path_factory.mktemp("consul")) as agent:
        yield agent
