# SPDX-License-Identifier: Apache-2.0
"""The engines of tests/engine/go and tests/engine/rust, built once for all tests of a machine."""

from pathlib import Path

import engine_builds
import pytest

ENGINES = Path(__file__).resolve().parents[1] / "engine"
LANGUAGES = ("go", "rust")


def need(language, oldest=None):
    """Skips the test that asks where the language cannot be built here."""
    missing = engine_builds.shortfall(language, oldest)
    if missing:
        pytest.skip(missing)


def library_of(language, name):
    """The libwrapper.so of tests/engine/<language>/<name>."""
    need(language)
    return engine_builds.library_of(language, ENGINES / language / name, quick=True)
