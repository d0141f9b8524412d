# SPDX-License-Identifier: Apache-2.0
"""What hostile code in a worker can do: each attack first succeeds where nothing is in its way,
and then fails with [sandbox]."""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from loader_process import Loader
from waiting import wait_until

HOSTILE = """
import ctypes, json, os, socket, subprocess, sys

def read(path):
    with open(path) as file:
        return file.read()

def write(path):
    with open(path, "a") as file:
        file.write("# mine")

def replace(path):
    with open(path + ".new", "w") as file:
        file.write("mine")
    os.rename(path + ".new", path)

def connect(address):
    host, port = address.split(":")
    socket.create_connection((host, int(port)), 5).close()

def send(address):
    host, port = address.split(":")
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (host, int(port)))

def signal(pid):
    os.kill(int(pid), 0)

def environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return "BAIT=caught" in file.read().decode()

def memory(pid):
    open(f"/proc/{pid}/mem", "r+b").close()

def run(command):
    done = subprocess.run(json.loads(command), capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr)
    return done.stdout.strip()

def fork(count):
    children = []
    try:
        for _ in range(int(count)):
            children.append(subprocess.Popen(["sleep", "60"]))
    finally:
        for child in children:
            child.kill()
            child.wait()

def own(variable):
    return os.environ[variable]

def core(_):
    import resource
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise OSError("no core files")

def user(_):
    return os.getuid(), os.getgid(), os.environ["HOME"]

def work(_):
    import numpy, onnxruntime, threading
    import multiprocessing.pool
    total = []
    threads = [threading.Thread(target=total.append, args=(1,)) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    subprocess.run(["true"], check=True)
    with open("/dev/stdout", "w") as out:
        print("said to /dev/stdout", file=out)
    return [len(total), float(numpy.ones(3).sum()), bool(onnxruntime.get_available_providers())]

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    try:
        told = {"did": globals()[params["do"]](params.get("to"))}
    except Exception as error:
        told = {"refused": f"{type(error).__name__}: {error}"}
    out = json.dumps(told).encode()
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""
OPEN = {"no_new_privs": False, "core": True, "environment": ["*"]}
OTHER_USER = "65529"  # One that nobody else has.


def landlock_abi():
    return max(ctypes.CDLL(None).syscall(444, None, 0, 1), 0)


def attack(loader, do, to=""):
    return json.loads(loader.xsf.once(params={"do": do, "to": str(to)}, wait_ms=30000).text())


def assert_did(loader, do, to=""):
    told = attack(loader, do, to)
    assert "did" in told, told
    return told["did"]


def assert_refused(loader, do, to="", why="ermi"):
    told = attack(loader, do, to)
    assert why in told.get("refused", ""), told


@pytest.fixture(scope="module")
def hostile(binaries, tmp_path_factory):
    """hostile(name, **sandbox) -> a loader for all tests of this file that ask for that name."""
    loaders = {}

    def start(name, **sandbox):
        if name not in loaders:
            folder = tmp_path_factory.mktemp(name)
            loaders[name] = Loader(
                binaries, folder, HOSTILE, config={"sandbox": sandbox}, env={"BAIT": "caught"}
            )
            loaders[name].start()
        return loaders[name]

    yield start
    for loader in loaders.values():
        loader.kill()


@pytest.fixture
def bare(hostile):
    return hostile("open", **OPEN)


@pytest.fixture
def strict(hostile):
    if landlock_abi() < 6:
        pytest.skip(f"expected Landlock with ABI 6 or later (Linux 6.12), have {landlock_abi()}")
    return hostile("strict", strict=True)


def test_engines_work_in_a_strict_sandbox(strict):
    assert assert_did(strict, "work") == [3, 3.0, True]
    strict.wait_log("said to /dev/stdout")


@pytest.mark.parametrize("do", ["read", "write", "replace"])
def test_files_of_others(bare, strict, tmp_path, do):
    file = tmp_path / "file"
    file.write_text("secret", encoding="utf-8")
    assert_did(bare, do, file)
    file.write_text("secret", encoding="utf-8")
    assert_refused(strict, do, file)
    assert file.read_text(encoding="utf-8") == "secret"


@pytest.mark.parametrize("do", ["read", "write", "replace"])
def test_the_loaders_own_files_beside_the_wrapper(bare, strict, do):
    """The worker may read the folder that it runs in, where aiges.toml lies, with its tokens."""
    for loader in (bare, strict):
        (loader.folder / "data").write_text("for the engine", encoding="utf-8")
    before = bare.config_text
    config = bare.folder / "aiges.toml"
    assert_did(bare, do, config)
    config.write_text(before, encoding="utf-8")
    assert_refused(strict, do, strict.folder / "aiges.toml")
    assert (strict.folder / "aiges.toml").read_text(encoding="utf-8") == strict.config_text


def test_files_of_the_system(bare, strict):
    if os.getuid() != 0:
        pytest.skip("expected root, who may read /etc/shadow")
    assert assert_did(bare, "read", "/etc/shadow")
    assert_refused(strict, "read", "/etc/shadow")


@pytest.mark.parametrize("do", ["signal", "environment", "memory"])
def test_the_loader_itself(bare, strict, do):
    assert assert_did(bare, do, bare.process.pid) in (None, True)
    assert_refused(strict, do, strict.process.pid)


def test_namespaces(bare, strict):
    command = json.dumps(["unshare", "--user", "--map-root-user", "id", "-u"])
    if subprocess.run(json.loads(command), capture_output=True, check=False).returncode:
        pytest.skip("expected the right to make a user namespace, have none")
    assert assert_did(bare, "run", command) == "0"
    assert_refused(strict, "run", command, "Operation not permitted")


def test_connections_to_others(bare, hostile):
    """SSRF: metadata services, databases, other pods."""
    closed = hostile("closed", network=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:" + str(server.getsockname()[1])
        for do in ("connect", "send"):
            assert_did(bare, do, address)
            assert_refused(closed, do, address, "PermissionError")


def test_secrets_in_the_environment(start):
    """By default: who reads os.environ into a log, or is told to print it, has no tokens."""
    env = {"HF_TOKEN": "secret", "MAX_TOKENS": "5", "DB_PASSWORD": "secret"}
    loader = start(HOSTILE, config={"sandbox": OPEN}, env=env)
    assert assert_did(loader, "own", "HF_TOKEN") == "secret"
    loader = start(HOSTILE, env=env)
    assert_refused(loader, "own", "HF_TOKEN", "KeyError")
    assert assert_did(loader, "own", "MAX_TOKENS") == "5"
    loader.wait_log("whose names look like secrets: ")
    assert "DB_PASSWORD" in loader.log()
    named = {"sandbox": {"environment": ["plain", "HF_TOKEN"]}}
    loader = start(HOSTILE, config=named, env=env)
    assert assert_did(loader, "own", "HF_TOKEN") == "secret"
    assert_refused(loader, "own", "DB_PASSWORD", "KeyError")


def test_core_files_with_the_requests_of_clients(bare, hostile):
    assert_did(bare, "core")
    assert_refused(hostile("default"), "core", why="no core files")


def test_what_cannot_be_done_is_the_reason_of_a_failed_start(binaries, tmp_path):
    for number, (sandbox, why) in enumerate(
        [
            ({"user": "no-such-user"}, "[sandbox] user: no such user: no-such-user"),
            ({"strict": True, "read": ["/no/such"]}, "[sandbox] read: /no/such: No such file"),
            ({"open_files": 1 << 29}, "[sandbox] open_files = 536870912: "),
        ]
    ):
        if "strict" in sandbox and landlock_abi() == 0:
            continue
        loader = Loader(binaries, tmp_path / str(number), HOSTILE, config={"sandbox": sandbox})
        loader.start(ready=False)
        assert loader.wait_exit() == 1
        assert why in loader.log_path.read_text(encoding="utf-8")
        loader.kill()


def test_settings_that_cannot_be_are_told_before_anything_starts(binaries, tmp_path):
    (tmp_path / "aiges.toml").write_text(
        "[svcName]\n[sandbox]\nstrict = true\nno_new_privs = false\nread = ['/']\n"
    )
    command = [binaries.loader, "-m=0", "-c", "aiges.toml", "-s", "svcName", "-show-config"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "[sandbox] no_new_privs: expected true beside strict = true" in ended.stderr
    assert '[sandbox] read: expected folders or files, none of them /; got "/"' in ended.stderr


# --- A user of its own, which only root can give to a worker.

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="expected root")


@pytest.fixture
def elsewhere(binaries):
    """elsewhere(**sandbox) -> a loader whose files other users may read."""
    folder = Path(tempfile.mkdtemp(prefix="aiges-attacks-", dir="/tmp"))
    folder.chmod(0o755)
    loaders = []

    def start(**sandbox):
        place = folder / str(len(loaders))
        loader = Loader(binaries, place, HOSTILE, config={"sandbox": sandbox})
        loaders.append(loader)
        loader.start()
        return loader

    yield start
    for loader in loaders:
        loader.kill()
    shutil.rmtree(folder)


@needs_root
def test_another_user_reads_only_what_is_open_to_it(bare, elsewhere):
    assert assert_did(bare, "read", "/etc/shadow")
    loader = elsewhere(user=OTHER_USER)
    assert assert_did(loader, "user") == [int(OTHER_USER), int(OTHER_USER), "/"]
    assert_refused(loader, "read", "/etc/shadow")
    assert_refused(loader, "write", loader.folder / "aiges.toml")
    for do in ("signal", "environment", "memory"):
        assert_refused(loader, do, loader.process.pid)
    assert assert_did(loader, "work")[0] == 3
    (worker,) = loader.workers()
    loader.process.kill()
    loader.process.wait()
    wait_until(lambda: not Path("/proc", str(worker)).exists(), "the end of the worker", 10)


@needs_root
def test_programs_with_setuid(elsewhere):
    first = elsewhere(user=OTHER_USER, no_new_privs=False)
    program = first.folder.parent / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    command = json.dumps([str(program), "-u"])
    if assert_did(first, "run", command) != "0":
        pytest.skip(f"expected a file system with setuid at {program.parent}")
    assert assert_did(elsewhere(user=OTHER_USER), "run", command) == OTHER_USER


@needs_root
def test_fork_bombs(elsewhere):
    assert_did(elsewhere(user=OTHER_USER), "fork", 200)
    loader = elsewhere(user=OTHER_USER, processes=100)
    assert_refused(loader, "fork", 200, "temporarily unavailable")
    assert_did(loader, "work")
