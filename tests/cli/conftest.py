"""Fixtures of the tests of asectl; the helpers of tests/e2e and tests/cluster are theirs too."""

import contextlib
import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
E2E, CLUSTER = HERE.parent / "e2e", HERE.parent / "cluster"
for folder in (E2E, CLUSTER, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from asectl_process import Asectl, Serving  # noqa: E402
from consul_agent import ConsulAgent  # noqa: E402

# Several files are called conftest.py, so that of tests/e2e is loaded by its path.
_spec = importlib.util.spec_from_file_location("e2e_conftest_of_cli", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
binaries, start, xsf_stubs = _e2e.binaries, _e2e.start, _e2e.xsf_stubs


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
