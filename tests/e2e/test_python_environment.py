# SPDX-License-Identifier: Apache-2.0
"""The interpreter inside a worker: output, logging, argv, packages, and where they come from."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from waiting import wait_until

EXEC = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
APPEND = "    respData.append(dict(key='result', data=out, len=len(out), status=3, type=0))\n"


def reply(expression, head=""):
    """A wrapper that answers JSON of the expression."""
    return (
        f"import json\n{head}\n{EXEC}"
        f"    out = json.dumps({expression}).encode()\n{APPEND}    return 0\n"
    )


def ask(loader):
    return json.loads(loader.xsf.once(wait_ms=20000).text())


def test_print_reaches_the_log_at_once_and_not_the_channel(start):
    head = "print('at import')\ndef say():\n    print('in a call, no newline', end='')\n    print()"
    loader = start(reply("say()", head))
    loader.wait_log("at import")
    assert ask(loader) is None
    loader.wait_log("[worker0] in a call, no newline")


def test_stderr_and_c_output_reach_the_log(start):
    head = (
        "import os, sys\ndef say():\n    print('to stderr', file=sys.stderr)\n"
        "    os.write(1, b'straight to 1\\n'); os.write(2, b'straight to 2\\n')"
    )
    loader = start(reply("say()", head))
    ask(loader)
    for text in ("to stderr", "straight to 1", "straight to 2"):
        loader.wait_log("[worker0] " + text)


def test_logging_reaches_the_log(start):
    head = "import logging\nlogging.basicConfig(level=logging.INFO)"
    loader = start(reply("logging.info('said by logging')", head))
    ask(loader)
    loader.wait_log("INFO:root:said by logging")


def test_output_that_is_no_utf8_does_no_harm(start):
    head = "import os\ndef say():\n    os.write(1, b'odd \\xff\\xfe\\x00 bytes\\n')"
    loader = start(reply("say()", head))
    ask(loader)
    loader.wait_log("odd ")
    assert ask(loader) is None


def test_argv_is_there(start):
    head = "import sys, argparse\nargparse.ArgumentParser().parse_args([])"
    assert ask(start(reply("sys.argv", head))) == [""]


def test_interpreter_is_the_one_of_instances_python(start):
    seen = ask(start(reply("[sys.executable, sys.prefix]", "import sys")))
    assert seen == [sys.executable, sys.prefix]


def test_numpy_and_onnxruntime_run_inside(start):
    head = """
import numpy, onnxruntime
from onnx import TensorProto, helper
FLOAT = TensorProto.FLOAT
graph = helper.make_graph(
    [helper.make_node("Add", ["x", "x"], ["y"])], "double",
    [helper.make_tensor_value_info("x", FLOAT, [2])],
    [helper.make_tensor_value_info("y", FLOAT, [2])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString())
def run():
    return session.run(None, {"x": numpy.array([1, 2], numpy.float32)})[0].tolist()
"""
    assert ask(start(reply("run()", head))) == [2.0, 4.0]


def test_packages_of_a_venv_are_visible(start, tmp_path):
    folder = tmp_path / "venv"
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    (Path(site.stdout.strip()) / "only_in_this_venv.py").write_text("NAME = 'found'\n")
    head = "import sys, only_in_this_venv"
    config = {"instances": {"python": str(python)}}
    loader = start(reply("[only_in_this_venv.NAME, sys.prefix]", head), config=config)
    assert ask(loader) == ["found", str(folder)]


def test_pythonpath_of_instances_beats_the_environment(start, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "wrapper.py").write_text(reply("'first'"))
    (second / "helper_of_the_wrapper.py").write_text("NAME = 'second'\n")
    paths = [str(first), str(second)]
    loader = start(reply("'environment'"), config={"instances": {"pythonpath": paths}})
    assert ask(loader) == "first"
    head = "import helper_of_the_wrapper as h"
    loader = start(reply("h.NAME", head), config={"instances": {"pythonpath": str(second)}})
    assert ask(loader) == "second"


def test_wrapper_in_the_current_folder_needs_no_setting(start, tmp_path):
    folder = tmp_path / "loader1"  # Where the first loader of a test is started.
    folder.mkdir()
    (folder / "wrapper.py").write_text(reply("'here'"))
    assert ask(start()) == "here"


def test_threads_of_the_wrapper_go_on_between_calls(start):
    head = """
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.005)
threading.Thread(target=tick, daemon=True).start()
"""
    loader = start(reply("ticks", head))
    first = ask(loader)
    for _ in range(1000):
        if ask(loader) >= first + 3:
            return
    pytest.fail("expected the wrapper's own thread to run while the worker waits")


def test_threads_setting_runs_calls_at_once_in_one_worker(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"threads": 3}})
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    held = [
        loader.xsf.begin_do("gate", gate=gate, notes=notes, name=i, wait_ms=20000) for i in range(3)
    ]
    loader.wait_metric("aiges_in_flight", 3)
    loader.wait_metric("aiges_queue_depth", 0)
    wait_until(lambda: notes.exists() and notes.read_text().count("begin") == 3, "3 calls at once")
    gate.touch()
    assert [loader.xsf.answer(future).code for future in held] == [0, 0, 0]
    assert len(loader.workers()) == 1


def test_sdk_and_iflags_import_inside(start):
    head = """
from aiges.dto import Response as PlainResponse
from aiges.core.types import DataText, Once
from aiges.utils.log import log
from iflags.flags import logger
logger.info("said by iflags", flush=True)
"""
    assert ask(start(reply("[int(DataText), int(Once)]", head))) == [0, 3]


def test_write_to_a_closed_pipe_is_an_exception_as_in_plain_python(start):
    head = """
import os
def write():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        os.write(writer, b"x")
    except BrokenPipeError:
        return "BrokenPipeError"
"""
    loader = start(reply("write()", head))
    answer = loader.xsf.once(wait_ms=20000)
    assert answer.code == 0, answer.error
    assert json.loads(answer.text()) == "BrokenPipeError"


def test_asyncio_subprocess_and_multiprocessing_work_inside(start):
    head = """
import asyncio, multiprocessing, subprocess
async def later():
    await asyncio.sleep(0.001)
    return "async"
def square(n):
    return n * n
def run():
    out = subprocess.run(["echo", "sub"], capture_output=True, text=True).stdout.strip()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(square, [1, 2, 3])
    return [asyncio.run(later()), out, squares]
"""
    loader = start(reply("run()", head))
    assert ask(loader) == ["async", "sub", [1, 4, 9]]
    assert ask(loader) == ["async", "sub", [1, 4, 9]]
    loader.stop()


def test_stdin_is_empty(start):
    head = "import sys"
    assert ask(start(reply("sys.stdin.read()", head))) == ""
