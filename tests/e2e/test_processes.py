# SPDX-License-Identifier: Apache-2.0
"""What belongs to a worker: its helpers end with it, nobody inherits its channel, the loader is
the only one that waits for it, also as PID 1."""

import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from loader_process import children_of
from waiting import wait_until

ONCE = """
import json, os, subprocess, sys, time
def reply(out, data):
    out.append({"key": "result", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
"""

HELPER = (
    ONCE
    + """
def start(kind):
    if kind == "daemon":  # Its parent ends at once.
        code = "import subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True)"
        return subprocess.run([sys.executable, "-c", code], check=True)
    if kind == "renamed":  # As setproctitle: nothing is left of its environment.
        return subprocess.Popen(["sleep", "300"], env={})
    return subprocess.Popen(["sleep", "300"], start_new_session=kind == "session")
def wrapperInit(config):
    for kind in json.loads(config["kinds"]):
        start(kind)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if params.get("do") == "exit": os._exit(3)
    return reply(respData, os.environ["AIGES_OWNER"].encode())
"""
)
KINDS = ["plain", "session", "daemon", "renamed"]


def alive(pid):
    try:
        stat = Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def sleepers_of(owner):
    """Programs `sleep` in whose environment, or that of whose parent, `owner` is."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if Path("/proc", entry, "comm").read_text() != "sleep\n":
                continue
            parent = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1]
            environments = [Path("/proc", pid, "environ") for pid in (entry, parent)]
            if any(owner in file.read_bytes() for file in environments):
                found.append(int(entry))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("end", ["SIGTERM", "kill -9", "worker"])
def test_helpers_end_with_their_worker_and_with_the_loader(start, end):
    """Bug: those in a session of their own stayed for ever, after kill -9 all of them."""
    loader = start(HELPER, config={"wrapper": {"kinds": json.dumps(KINDS)}})
    owner = loader.xsf.once().data("result")
    helpers = sleepers_of(owner)
    assert len(helpers) == len(KINDS)
    if end == "SIGTERM":
        loader.stop()
    elif end == "kill -9":
        loader.process.kill()
    else:
        assert loader.xsf.once(params={"do": "exit"}, wait_ms=20000).code == 10109
    wait_until(lambda: not any(map(alive, helpers)), "the end of all helpers", 20)


def test_helpers_of_a_live_worker_stay(start):
    """Also when another worker of the same loader has died."""
    config = {"wrapper": {"kinds": json.dumps(KINDS)}, "instances": {"count": 2}}
    loader = start(HELPER, config=config)
    loader.wait_metric("aiges_instances", 2, state="ready")
    first, second = loader.workers()
    owners = {pid: owner_of(pid) for pid in (first, second)}
    stay, go = sleepers_of(owners[second]), sleepers_of(owners[first])
    assert (len(stay), len(go)) == (len(KINDS), len(KINDS))
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, go)), "the end of the dead worker's helpers", 20)
    assert all(map(alive, stay))


def owner_of(pid):
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(e for e in entries if e.startswith(b"AIGES_OWNER=")).partition(b"=")[2]


def test_worker_that_leaves_its_group_is_killed_all_the_same(start):
    """Bug: hang_kill_ms had no effect, and SIGTERM never ended."""
    loader = start(
        ONCE + "def wrapperInit(config):\n"
        "    os.setpgid(0, os.getpgid(os.getppid()))\n"
        "    return 0\n"
        "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    time.sleep(1000)\n",
        config={"instances": {"hang_kill_ms": 500, "drain_ms": 500}},
    )
    (worker,) = loader.workers()
    answer = loader.xsf.once(wait_ms=20000)
    assert answer.error.endswith("no progress within hang_kill_ms=500, killed")
    wait_until(lambda: not alive(worker), "the end of the worker", 10)
    held = loader.xsf.begin(wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    assert loader.wait_exit(10) == 0
    assert loader.xsf.answer(held).code == 10109


def test_programs_of_the_wrapper_inherit_no_descriptor_of_ours(start):
    """Bug: what os.system starts could read the requests of all clients."""
    loader = start(
        ONCE + "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    os.system('ls /proc/self/fd > seen')\n"
        "    return reply(respData, open('seen', 'rb').read())\n"
    )
    seen = loader.xsf.once().data("result").split()
    # 3 is the folder that ls itself reads.
    assert [fd for fd in seen if fd in (b"4", b"5", b"6")] == []


def test_closed_stderr_is_no_place_for_anything_else(start, toolbox):
    loader = start(toolbox, within=("sh", "-c", 'exec "$@" 2>&-', "sh"))
    assert os.readlink(f"/proc/{loader.process.pid}/fd/2") == "/dev/null"
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    loader.stop()


def test_closed_stdout_is_no_place_for_anything_else(start, toolbox):
    """Bug: what AIService prints went into the memory of the requests."""
    first = start(toolbox)  # Its folder and environment serve a second one, which tells nothing.
    command = [str(first.binaries.loader), "-m=0", "-c", "aiges.toml", "-s", first.service]
    with subprocess.Popen(
        ["sh", "-c", 'exec "$@" 1>&-', "sh", *command],
        cwd=first.folder,
        env=first.env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as second:
        try:
            wait_until(lambda: children_of(second.pid), "its worker", 20)
            assert os.readlink(f"/proc/{second.pid}/fd/1") == "/dev/null"
        finally:
            second.terminate()
            assert second.wait(30) == 0


def test_orphans_are_reaped_as_pid_1(start):
    """Bug: in a container each of them stayed as a zombie until there were no numbers left."""
    within = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("expected the right to make a namespace (unshare --pid), have none")
    loader = start(
        ONCE + "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    subprocess.run(['sh', '-c', 'sleep 0.01 & exit 0'])\n"
        "    return reply(respData, b'ok')\n",
        within=within,
    )
    (pid_1,) = children_of(loader.process.pid)
    for _ in range(10):
        assert loader.xsf.once().data("result") == b"ok"
    wait_until(lambda: zombies_of(pid_1) == 0, "the end of all zombies", 10)
    assert loader.xsf.once().data("result") == b"ok"


def zombies_of(parent):
    count = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", entry, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, ppid = stat.rpartition(")")[2].split()[:2]
        count += state == "Z" and int(ppid) == parent
    return count


def test_tokens_of_the_registry_do_not_reach_a_worker(start):
    loader = start(
        ONCE + "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    return reply(respData, json.dumps(dict(os.environ)).encode())\n",
        env={"CONSUL_HTTP_TOKEN": "secret", "MINE": "kept"},
    )
    seen = json.loads(loader.xsf.once().data("result"))
    assert "CONSUL_HTTP_TOKEN" not in seen
    assert seen["MINE"] == "kept"


@pytest.mark.parametrize("stays", [True, False])
def test_worker_that_closes_its_channel_is_told_as_that(start, stays):
    """Bug: told as killed by signal 9, as if by the system: that signal was the loader's own."""
    loader = start(
        ONCE + "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    os.closerange(3, 30)\n"
        "    while 'stay' in params: time.sleep(1)\n"
        "    return 0\n"
    )
    answer = loader.xsf.once(wait_ms=20000, **({"params": {"stay": "1"}} if stays else {}))
    assert (answer.code, answer.error) == (10109, "worker 0 died with the call: closed its channel")
    loader.wait_readyz()


def test_no_worker_can_be_started_is_told_with_the_reason(start, toolbox):
    loader = start(toolbox, within=("prlimit", "--nofile=64:64"))
    sockets = []
    try:
        while len(sockets) < 80:
            sockets.append(loader.web.socket())
        (worker,) = loader.workers()
        os.kill(worker, signal.SIGKILL)
        loader.wait_log("Too many open files (ulimit -n)", timeout_s=20)
    finally:
        for connection in sockets:
            connection.close()
    loader.wait_readyz(timeout_s=40)


def test_start_without_descriptors_or_threads_says_which_limit(binaries, tmp_path):
    """Bug: std::terminate, a core and a text that named nothing."""
    (tmp_path / "aiges.toml").write_text(
        '[svcName]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "127.0.0.1:0"\n'
    )
    tmp_path.chmod(0o777)
    limits = {"Too many open files (ulimit -n)": ["prlimit", "--nofile=20:20"]}
    if os.getuid() == 0:  # For root there is no limit of threads.
        other = ["setpriv", "--reuid", "65529", "--regid", "65529", "--clear-groups"]
        limits["cannot start a thread: Resource temporarily unavailable (ulimit -u"] = [
            *other,
            *("prlimit", "--nproc=5"),
        ]
    for text, within in limits.items():
        command = [*within, str(binaries.loader), "-m=0", "-c", "aiges.toml", "-s", "svcName"]
        ended = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (ended.returncode, text in ended.stderr) == (1, True), ended


def test_files_that_may_not_grow_are_errors_and_no_end(start):
    """Bug: a log at `ulimit -f` ended the loader, a file of a hook's the worker."""
    loader = start(
        ONCE
        + """
def wrapperInit(config):
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    print("a line for the log " * 100, flush=True)
    try:
        with open("grows", "wb") as file:
            file.write(b"x" * 100_000)
    except OSError as error:
        return reply(respData, str(error).encode())
    return reply(respData, b"written")
"""
    )
    assert loader.xsf.once().text() == "written"
    (worker,) = loader.workers()
    for pid in (loader.process.pid, worker):
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, before[1]))
    for _ in range(20):
        assert "File too large" in loader.xsf.once().text()
    assert loader.workers() == [worker]
