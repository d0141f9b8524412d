# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests with several programs; the helpers of tests/e2e are theirs too."""

import pytest
from client_streams import client, engine, loader, open_client
from consul_agent import ConsulAgent
from hosts import NAMES, HostCluster
from loader_fixtures import binaries, start, xsf_stubs
from network import Network, missing
from prerequisites import need


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
