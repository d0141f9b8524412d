# SPDX-License-Identifier: Apache-2.0
"""What a worker's Python has of ours, whichever Python it is, and what the user's own files win."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WRAPPER = """
import json, sys
import aiges.sdk, flags, iflags.flags

def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    files = [aiges.sdk.__file__, iflags.flags.__file__, flags.__file__]
    said = json.dumps([sys.path, files])
    respData.append(dict(key="result", data=said, len=0, status=3, type=0))
    return 0
"""


@pytest.fixture
def ask(start, tmp_path):
    """ask(text of wrapper.py, environment, [instances]) -> sys.path and the files of ours."""
    folder = tmp_path / "mine"
    folder.mkdir()

    def run(env=None, **instances):
        (folder / "wrapper.py").write_text(WRAPPER)
        loader = start(
            folder, env={"PYTHONPATH": str(folder), **(env or {})}, config={"instances": instances}
        )
        return json.loads(loader.web.raw_mode(b"x", "?key=data&type=text").body)

    run.folder = folder
    return run


def test_a_python_that_has_nothing_finds_them_at_both_ends_of_its_path(ask):
    path, files = ask(python="/usr/bin/python3")
    assert files[0] == f"{path[0]}/aiges/sdk.py"
    systems = len([each for each in (ROOT / "compat").iterdir() if each.is_dir()])
    ends = [f"{folder}/iflags/flags.py" for folder in path[-systems:]]
    assert files[1] in ends
    assert files[2] == files[1].replace("/iflags/flags.py", "/flags.py")
    assert files[1].endswith("/compat/iflags/iflags/flags.py")


def test_a_file_of_the_users_own_is_not_hidden_by_a_stand_in(ask):
    (ask.folder / "flags.py").write_text("")
    assert ask(python="/usr/bin/python3")[1][2] == str(ask.folder / "flags.py")


def test_a_library_of_an_earlier_image_does_not_take_a_wrapper_py(ask, start, binaries, tmp_path):
    """Such images have their shim in LD_LIBRARY_PATH; that of a C engine is looked for there."""
    library = tmp_path / "library" / "libwrapper.so"
    library.parent.mkdir()
    shutil.copy(binaries.engine, library)
    searched = {"LD_LIBRARY_PATH": str(library.parent)}
    assert ask(env=searched)[1][0].endswith("/aiges/sdk.py")
    named = start(ask.folder, env=searched, config={"instances": {"library": str(library)}})
    named.wait_log(f": {library}")
    start(env=searched).wait_log(f": {library}")
