# SPDX-License-Identifier: Apache-2.0
"""What a test needs of its machine: without it a test is skipped here, and fails in CI."""

import os

import pytest


def need(lacking, what):
    """Goes on if `lacking` is empty. CI has all, so that nothing passes there by not being run."""
    if not lacking:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} needs {lacking}, which scripts/setup.sh test should have installed")
    pytest.skip(f"{what} needs {lacking}")
