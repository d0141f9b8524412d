# SPDX-License-Identifier: Apache-2.0
"""The images that the tests of this folder run."""

import fcntl
import os
import subprocess

import pytest
from containers import REPOSITORY

BUILT = REPOSITORY / "build" / "images.built"


@pytest.fixture(scope="session")
def images(testrun_uid):
    """Builds the images, once in a run of all tests: whichever process comes first, others wait.

    AIGES_IMAGES=there takes those that are there (`make images` has just built them whole);
    otherwise the programs of `make build` are in place of the build stage.
    """
    if os.environ.get("AIGES_IMAGES") == "there":
        return
    with BUILT.open("a+") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() == testrun_uid:
            return
        command = [REPOSITORY / "scripts" / "images.sh", "--prebuilt"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        built.truncate(0)
        built.write(testrun_uid)
