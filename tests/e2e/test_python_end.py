# SPDX-License-Identifier: Apache-2.0
"""The end of Python in a worker: at stop, recycling and reload it ends as plain Python does."""

import pytest
from waiting import wait_until

REPLY = """
def reply(respData, data):
    respData.append(dict(key="r", data=data, len=len(data), status=3, type=0))
    return 0
"""

# What each of these leaves is there only where Python has been ended: first what threading waits
# for, then atexit, last what is in the buffers of open files.
LEAVES = (
    REPLY
    + """
import atexit, gzip, os, threading, time
from concurrent.futures import ThreadPoolExecutor
here = os.getcwd() + "/"
journal = open(here + "journal", "a")
packed = gzip.open(here + "packed", "wt")
pool = ThreadPoolExecutor(1)
order = []

def later(name):
    while not os.path.exists(here + "fini"):
        time.sleep(0.01)
    order.append(name)

def at_exit():
    order.append("atexit")
    with open(here + "order", "a") as out:
        out.write(" ".join(order) + "\\n")

atexit.register(at_exit)

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    journal.write("one call\\n")
    packed.write("one call\\n")
    pool.submit(later, "work")
    threading.Thread(target=later, args=("work",)).start()
    return reply(respData, b"ok")

def wrapperFini():
    order.append("fini")
    open(here + "fini", "w").close()
    return 0
"""
)
ORDER = "fini work work atexit\n"


def test_stop_ends_python(start):
    import gzip

    loader = start(LEAVES)
    assert loader.web.raw_mode(b"x").status == 200
    loader.stop()
    assert (loader.folder / "order").read_text() == ORDER
    assert (loader.folder / "journal").read_text() == "one call\n"
    with gzip.open(loader.folder / "packed", "rt") as packed:
        assert packed.read() == "one call\n"
    assert "killed" not in loader.log()


def test_recycling_ends_python(start):
    loader = start(LEAVES, config={"instances": {"max_requests": 1}})
    assert loader.web.raw_mode(b"x").status == 200
    wait_until(lambda: (loader.folder / "order").exists(), "the end of the old worker")
    wait_until(lambda: len(loader.workers()) == 1, "the old worker gone", 20)
    assert (loader.folder / "order").read_text() == ORDER
    assert (loader.folder / "journal").read_text() == "one call\n"


PROCESSES = (
    REPLY
    + """
from concurrent.futures import ProcessPoolExecutor
pool = None

def square(n):
    return n * n

def wrapperInit(config):
    global pool
    pool = ProcessPoolExecutor(2)
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return reply(respData, repr(list(pool.map(square, [1, 2]))).encode())
"""
)


def test_pool_of_processes_does_not_hold_the_stop(start):
    """Its processes wait for work; who joins them before it has said the end waits for ever."""
    loader = start(PROCESSES)
    assert loader.web.raw_mode(b"x").body == b"[1, 4]"
    loader.stop()
    assert "killed" not in loader.log() and "cut off" not in loader.log()


ENDLESS = (
    REPLY
    + """
import os, threading, time
journal = open(os.getcwd() + "/journal", "a")

def endless():
    while True:
        time.sleep(0.01)

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    journal.write("one call\\n")
    threading.Thread(target=endless, name="endless").start()
    return reply(respData, b"ok")
"""
)


def test_thread_that_never_ends_is_cut_off_in_order(start):
    loader = start(ENDLESS, config={"instances": {"drain_ms": 1500}})
    assert loader.web.raw_mode(b"x").status == 200
    loader.stop()
    assert (loader.folder / "journal").read_text() == "one call\n"
    assert "what still runs is cut off: thread endless (" in loader.log()
    assert "did not finish in time, killed" not in loader.log()


ASYNC = """
import asyncio

async def beside():
    try:
        await asyncio.sleep(3600)
    finally:
        print("beside is told", flush=True)

class Wrapper:
    beside = None

    async def wrapperOnceExec(self, params, reqData):
        self.beside = self.beside or asyncio.create_task(beside())
        return "ok"

    def wrapperFini(self):
        print("still runs:", not self.beside.done(), flush=True)
        return 0
"""


def test_tasks_on_the_event_loop_are_cancelled_after_fini(start):
    loader = start(ASYNC)
    assert loader.web.raw_mode(b"x").body == b"ok"
    loader.stop()
    log = loader.log()
    assert -1 < log.find("still runs: True") < log.find("beside is told")


SHADOWS = {"types.py": "CAT = 1\n", "enum.py": "", "inspect.py": "", "queue.py": "MINE = 2\n"}


def test_files_named_as_modules_of_python_do_not_break_the_library(start, tmp_path):
    folder = tmp_path / "plugin"
    folder.mkdir()
    for name, text in SHADOWS.items():
        (folder / name).write_text(text)
    text = "import types, queue\nGOT = b'%d %d' % (types.CAT, queue.MINE)\n" + REPLY
    text += "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
    (folder / "wrapper.py").write_text(text + "    return reply(respData, GOT)\n")
    assert start(folder).web.raw_mode(b"x").body == b"1 2"


def test_file_that_breaks_an_import_of_the_user_is_named(start, tmp_path):
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "random.py").write_text("")
    (folder / "wrapper.py").write_text("import tempfile\n")
    with pytest.raises(AssertionError) as failed:
        start(folder)
    assert "imported instead of Python's own: " in str(failed.value)
    assert "plugin/random.py" in str(failed.value)
