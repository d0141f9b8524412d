# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests; those that other folders use, too, are in loader_fixtures."""

import pytest
from h2_client import H2Client, xsf_bytes
from loader_fixtures import binaries, shared, start, toolbox, v2_folder, xsf_stubs

LOADING = """
import os, time
def wrapperInit(config):
    while not os.path.exists({gate!r}): time.sleep(0.01)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0
"""


@pytest.fixture
def client(shared):
    with H2Client(shared.grpc) as client:
        yield client


@pytest.fixture
def echo(shared):
    """A serialised ReqData that the engine of `shared` echoes."""
    return xsf_bytes(shared, b"hello")


@pytest.fixture
def loading(start, tmp_path):
    """(loader, gate): its engine is in wrapperInit until the file `gate` is made."""
    gate = tmp_path / "gate"
    return start(LOADING.format(gate=str(gate)), ready=False), gate
