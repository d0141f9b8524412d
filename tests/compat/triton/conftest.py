# SPDX-License-Identifier: Apache-2.0
"""Models of Triton's users, served by the real loader."""

import contextlib

import pytest
from loader_fixtures import binaries, start, xsf_stubs
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
