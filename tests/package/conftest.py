# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the wheel: an environment per Python, without the checkout's packages.

All wheels and the Debian root are begun at once, at the first use of one: they take a while, and
each test waits for its own only.
"""

import contextlib
import shutil

import debian_root
import pytest
from environment import Environment, Loader, WheelBuild
from loader_fixtures import binaries, xsf_stubs
from pythons import VERSIONS, find_python


@pytest.fixture(scope="session")
def builds(tmp_path_factory):
    """The wheels of all Pythons that are here, by version, on their way."""
    folder = tmp_path_factory.mktemp("wheels")
    found = {version: find_python(version) for version in VERSIONS}
    made = {
        version: WheelBuild(python, folder / version) for version, python in found.items() if python
    }
    yield made
    for build in made.values():
        build.stop()


@pytest.fixture(scope="session")
def root_build():
    """The plain Debian, on its way; None where there cannot be one."""
    build = None if debian_root.why_not() else debian_root.RootBuild()
    yield build
    if build is not None:
        build.stop()


@pytest.fixture(scope="session")
def environments(builds, root_build, tmp_path_factory):
    """environments(version) -> an Environment of that Python with the wheel in it."""
    made = {}

    def get(version):
        if version not in builds:
            pytest.skip(f"no Python {version} on this machine")
        if version not in made:
            folder = tmp_path_factory.mktemp(f"python{version}") / "venv"
            made[version] = Environment(builds[version], folder)
        return made[version]

    yield get
    for environment in made.values():
        shutil.rmtree(environment.folder, ignore_errors=True)


@pytest.fixture(scope="session", params=VERSIONS)
def environment(request, environments):
    return environments(request.param)


@pytest.fixture
def serve(tmp_path):
    """serve(environment, wrapper text, ..) -> a ready Loader; stopped after the test."""
    with contextlib.ExitStack() as loaders:

        def start(environment, wrapper, **options):
            loader = Loader(environment, tmp_path / "service", wrapper, **options)
            loaders.callback(loader.kill)
            loader.start()
            return loader

        yield start
