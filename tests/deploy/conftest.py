# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of deploy/; the helpers of tests/e2e and tests/cluster are theirs, too."""

from loader_fixtures import binaries, start, xsf_stubs
