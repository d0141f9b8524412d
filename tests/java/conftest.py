# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of engines in Java: the jar is compiled once for all of them."""

import pytest
from java_builds import ENGINE, build_jar
from loader_fixtures import binaries, start, xsf_stubs
from loader_process import Loader


@pytest.fixture(scope="session")
def own_jar(binaries):
    jar = binaries.loader.parent / "aiges-engine.jar"
    assert jar.is_file(), f"expected {jar}: scripts/setup.sh test, then make build"
    return jar


@pytest.fixture(scope="session")
def jar(own_jar, tmp_path_factory):
    """A folder with engine.jar, the engine that does what params["do"] says."""
    folder = tmp_path_factory.mktemp("java")
    return build_jar(own_jar, folder / "engine.jar", ENGINE)


@pytest.fixture(scope="module")
def java(binaries, jar, tmp_path_factory):
    """One loader with that engine for all tests of a module that leave it as they found it."""
    with Loader(binaries, tmp_path_factory.mktemp("loader"), jar.parent) as loader:
        yield loader
