"""Fixtures of the tests with several programs; the helpers of tests/e2e are theirs too."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
for folder in (E2E, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from consul_agent import ConsulAgent  # noqa: E402

# Two files are called conftest.py, so that of tests/e2e is loaded by its path.
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
binaries, start, xsf_stubs = _e2e.binaries, _e2e.start, _e2e.xsf_stubs


@pytest.fixture(scope="module")
def consul(tmp_path_factory):
    """An agent of its own for the tests of a module."""
    with ConsulAgent(tmp_path_factory.mktemp("consul")) as agent:
        yield agent
