"""Fixtures of the tests of the wheel: an environment per Python, without the checkout's packages.

All wheels and the Debian root are begun at once, at the first use of one: they take a while, and
each test waits for its own only.
"""

import contextlib
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
E2E, CLI = HERE.parent / "e2e", HERE.parent / "cli"
for folder in (E2E, CLI, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import debian_root  # noqa: E402
from environment import Environment, Loader, WheelBuild  # noqa: E402
from pythons import VERSIONS, find_python  # noqa: E402

# Several files are called conftest.py, so that of tests/e2e is loaded by its path.
_spec = importlib.util.spec_from_file_location("e2e_conftest_of_package", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
xsf_stubs = _e2e.xsf_stubs


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
