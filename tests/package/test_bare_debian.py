# SPDX-License-Identifier: Apache-2.0
"""The wheel on a Debian 12 that has Python and nothing else, without a network."""

import shutil

import debian_root
import pytest
from environment import Loader, run

WRAPPER = """
import sys
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    out = sys.prefix.encode() + b" " + reqData[0]["data"].upper()
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""
HOME = "srv/aiges"


@pytest.fixture
def root(root_build):
    """The root, with an empty folder for this test in it."""
    if root_build is None:
        pytest.skip(debian_root.why_not())
    folder = root_build.root()
    shutil.rmtree(folder / HOME, ignore_errors=True)
    (folder / HOME / "wheels").mkdir(parents=True)
    return folder


class Bare:
    """What an Environment is for a Loader."""

    env = {"PATH": f"/{HOME}/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def test_it_installs_serves_and_stops(environments, root):
    libraries = [file.name for file in root.glob("usr/lib/**/*.so*")]
    assert not [name for name in libraries if name.startswith(("libgrpc", "libpython3"))]

    made = environments("3.11")  # Debian 12's.
    made.pip("download", "--dest", root / HOME / "wheels", made.wheel)
    inside = debian_root.within(root, f"/{HOME}")
    run([*inside, "python3", "-m", "venv", "venv"], env=Bare.env)
    offline = ["--no-index", "--find-links", "wheels"]
    run([*inside, "venv/bin/pip", "install", *offline, "aiges-host"], env=Bare.env)
    assert run([*inside, "xtest", "-h"], env=Bare.env).startswith("xtest:")

    inside = debian_root.within(root, f"/{HOME}/service")
    loader = Loader(Bare, root / HOME / "service", WRAPPER, within=inside)
    with loader:
        answer = loader.web.raw_mode(b"hello", "?key=data&type=text")
        assert (answer.status, answer.body) == (200, f"/{HOME}/venv HELLO".encode())
        assert loader.xsf.once(wait_ms=20000).code == 0
        loader.stop()
