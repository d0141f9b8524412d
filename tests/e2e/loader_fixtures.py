# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests with the real AIService, started by each test as a user would."""

import contextlib
from pathlib import Path

import pytest
from loader_process import Binaries, Loader
from stubs import generate_stubs

HERE = Path(__file__).resolve().parent
WRAPPERS = HERE / "wrappers"


@pytest.fixture(scope="session")
def binaries():
    return Binaries.find()


@pytest.fixture(scope="session", autouse=True)
def xsf_stubs(tmp_path_factory):
    """Makes `import xsf_pb2, loader_pb2` work for the whole session."""
    generate_stubs(tmp_path_factory.mktemp("stubs"))


@pytest.fixture(scope="session")
def toolbox():
    """The folder of the wrapper that does what params["do"] says."""
    return WRAPPERS / "toolbox"


@pytest.fixture(scope="session")
def v2_folder():
    return WRAPPERS / "v2"


@pytest.fixture
def start(binaries, tmp_path):
    """start(wrapper, config=.., ..) -> a ready Loader; all of them are stopped after the test.

    `wrapper` is a folder with a wrapper.py, or the text of one.
    """
    with contextlib.ExitStack() as loaders:
        count = 0

        def start_loader(wrapper=None, *, ready=True, **options):
            nonlocal count
            count += 1
            folder = tmp_path / f"loader{count}"
            loader = Loader(binaries, folder, wrapper, **options)
            loaders.callback(loader.kill)
            loader.start(ready=ready)
            return loader

        yield start_loader


@pytest.fixture(scope="module")
def shared(binaries, tmp_path_factory, toolbox):
    """One loader with the toolbox for all tests of a module that leave it as they found it."""
    loader = Loader(binaries, tmp_path_factory.mktemp("shared"), toolbox)
    with loader:
        yield loader
