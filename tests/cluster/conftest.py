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
from hosts import NAMES, HostCluster  # noqa: E402
from network import Network, missing  # noqa: E402
from prerequisites import need  # noqa: E402

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


@pytest.fixture
def network():
    need(missing(), "a network of hosts")
    with Network() as made:
        yield made


@pytest.fixture
def hosts(binaries, network, tmp_path):
    """Three loaders in discovery, and their Consul, on hosts of their own."""
    made = HostCluster(binaries, tmp_path, network)
    try:
        made.consul.start()
        for name in NAMES:
            made.start(name)
        made.wait_passing(*NAMES)
        yield made
    finally:
        made.stop()
