# SPDX-License-Identifier: Apache-2.0
"""xsf_status/recording: how far the start has come, as platforms of the earlier loader read it."""

import os

from loader_process import Loader

WRAPPER = """
seen = []
def wrapperInit(config):
    with open("xsf_status/recording") as file:
        seen.append(file.read())
    return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = seen[0].encode()
    respData.append(dict(key="result", data=data, len=len(data), status=3, type=0))
    return 0
"""
PLAIN = WRAPPER.replace('    with open("xsf_status/recording") as file:\n', "").replace(
    "        seen.append(file.read())", '    seen.append("plain")'
)


def test_the_engine_starts_as_user_and_the_service_is_done(binaries, tmp_path):
    state = tmp_path / "xsf_status"
    state.mkdir()
    with Loader(binaries, tmp_path, WRAPPER) as loader:
        assert (state / "recording").read_text() == "xsf_done"
        assert loader.xsf.once().text() == "user_initializing"
        assert os.listdir(state) == ["recording"]


def test_without_the_folder_nothing_is_written(binaries, tmp_path):
    with Loader(binaries, tmp_path, PLAIN) as loader:
        assert loader.xsf.once().text() == "plain"
        assert not (tmp_path / "xsf_status").exists()


def test_a_state_that_cannot_be_written_is_none(binaries, tmp_path):
    """As where an earlier image made a folder of that name."""
    (tmp_path / "xsf_status" / "recording" / "old").mkdir(parents=True)
    with Loader(binaries, tmp_path, PLAIN) as loader:
        assert loader.xsf.once().text() == "plain"
        assert os.listdir(tmp_path / "xsf_status") == ["recording"]
