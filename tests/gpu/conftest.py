# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests that need a GPU; the helpers of tests/e2e are theirs too."""

from loader_fixtures import binaries, start, xsf_stubs
