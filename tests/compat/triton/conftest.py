# SPDX-License-Identifier: Apache-2.0
"""Models of Triton's users, served by the real loader."""

import contextlib

import pytest
from loader_fixtures import binaries, start, xsf_stubs
from triton_models import DECOUPLED, SCRIPTED, config
from triton_served import Served


@pytest.fixture
def serve(binaries, tmp_path):
    """serve(model, config, ..): a Served that takes calls."""
    with contextlib.ExitStack() as started:
        count = 0

        def start_served(model, config="", **options):
            nonlocal count
            count += 1
            folder = tmp_path / f"served{count}"
            return started.enter_context(Served(binaries, folder, model, config, **options))

        yield start_served


@pytest.fixture(scope="module")
def scripted(binaries, xsf_stubs, tmp_path_factory):
    """A model that runs what the parameter "body" of a request says; for any types of strings."""
    folder = tmp_path_factory.mktemp("scripted")
    with Served(binaries, folder, SCRIPTED, config(("INPUT0",), ("OUTPUT0", "OUTPUT1"))) as served:
        yield served


@pytest.fixture(scope="module")
def decoupled(binaries, xsf_stubs, tmp_path_factory):
    """The same, decoupled."""
    folder = tmp_path_factory.mktemp("decoupled")
    text = config(("INPUT0",), ("OUTPUT0", "OUTPUT1"), more=DECOUPLED)
    with Served(binaries, folder, SCRIPTED, text) as served:
        yield served
