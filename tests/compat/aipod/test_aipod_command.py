# SPDX-License-Identifier: Apache-2.0
"""How an AIPOD user starts a service, and that nothing else of the machine changes by it."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from aipod_host import COMPAT, AipodCommand, python_path
from free_ports import free_ports
from loader_process import ROOT, Loader

from aipod_cases import message_of  # isort: skip

EXAMPLE = ROOT / "docs" / "examples" / "aipod"

# A program without a guard, whose class is made in a function, of a base in another module; it
# reads its arguments and files before it serves, and says by variables what it wants.
ODD = """
import argparse
import json
import os
import sys
from aipod.rpc.server import serve
from base import Base

parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=int)
options = parser.parse_args()
classes = json.load(open("classes.json"))
os.environ["AIPOD_DATA_PATH"] = "mine"
os.environ["AIPOD_MODEL_POOL_SIZE"] = "2"


def make():
    class Local(Base):
        def predict(self, x, **kwargs):
            folder = self.datapath.as_posix()
            return [classes[x], options.factor * x, __name__, sys.argv[1:], folder]

        def log(self, name="trainning"):
            return name

    return Local


serve(make(), PORT)
"""
BASE = """
from aipod.model import AIModelBase


class Base(AIModelBase):
    pass
"""
PLAIN = """
from aipod.model import AIModelBase
from aipod.rpc.server import serve


class Model(AIModelBase):
    def predict(self, **kwargs):
        return sorted(kwargs)


if __name__ == "__main__":
    serve(Model)
"""


def listening_ports(pid):
    """The TCP ports that a process listens at."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{entry}"))
        except OSError:
            continue
        if match:
            inodes.add(match.group(1))
    ports = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            for words in map(str.split, lines):
                if words[3] == "0A" and words[9] in inodes:
                    ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_program_of_the_users_own(binaries, tmp_path, how):
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "classes.json").write_text('["zero", "one", "two"]')
    (folder / "base.py").write_text(BASE)
    port, other = free_ports(2)
    program = ODD.replace("PORT", str(port))
    arguments = ["--factor", "5"]
    command = AipodCommand(binaries, folder, program, arguments=arguments, port=port)
    command.env["AIPOD_LISTEN_PORT"] = str(other)  # The argument of serve() goes first.
    with command:
        assert command.call("predict", x=2) == ["two", 10, "__main__", arguments, "mine"]
        assert command.call("log") == "trainning"  # binary_data is not for it,
        status, text = command.fault("log", data=b"1")  # unless there is some.
        assert status == "UNKNOWN" and "unexpected keyword argument 'binary_data'" in text
        assert (folder / "mine" / "models" / "v1").is_dir() and not (folder / "appdata").exists()
        assert listening_ports(command.process.pid) == {port}
        if socket.has_dualstack_ipv6():
            with socket.create_connection(("::1", port), timeout=10):
                pass
        assert command.stop(how) == 0
        assert command.lines == [f"listening address: [::]:{port}", "RPC server shutdown"]


def test_original_client_talks_to_us(binaries, original_python, tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with AipodCommand(binaries, tmp_path / "user", EXAMPLE / "main.py") as command:
        client = [original_python, EXAMPLE / "client.py", command.address]
        (tmp_path / "client").mkdir()
        out = subprocess.check_output(client, cwd=tmp_path / "client", env=env, text=True)
        ours = subprocess.check_output(
            [sys.executable, *client[1:]],
            cwd=tmp_path,
            env={**env, "PYTHONPATH": python_path()},
            text=True,
        )
    assert out == ours and out.splitlines() == [
        "initialize: {'result': True}",
        "train: None",
        "log: [25.0, 50.0, 75.0, 100.0, 100]",
        "predict: {'y': 40}",
    ]


@pytest.mark.parametrize("app", ["main.py", "main:Model", ""])
def test_host_serves_the_folder(binaries, tmp_path, app):
    """By aiges.toml, with the program or the class; without a word, by what main.py imports.

    Where the original is installed, too, a worker takes ours.
    """
    folder = tmp_path / "code"
    folder.mkdir()
    (tmp_path / "real" / "aipod").mkdir(parents=True)
    (tmp_path / "real" / "aipod" / "__init__.py").write_text("raise ImportError('original')\n")
    (folder / "main.py").write_text(PLAIN)
    said = {"contract": "aipod", "app": app} if app else {}
    given = {"PYTHONPATH": os.pathsep.join(map(str, [tmp_path / "real", folder, ROOT / "sdk"]))}
    with Loader(binaries, tmp_path, folder, config={"aiges": said}, env=given) as loader:
        import grpc

        with grpc.insecure_channel(loader.grpc) as channel:
            call = channel.unary_unary("/ai.AI/predict")
            request = message_of(("", "predict", "v1", '{"x": 1}', b""))
            assert call(request, timeout=20) == b'\x0a\x14["binary_data", "x"]'
        assert loader.web.request("POST", "/predict", b'{"y": 1}').json == ["binary_data", "y"]
        loader.stop()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("AIPOD_LISTEN_PORT", "x", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("AIPOD_MODEL_POOL_SIZE", "", "ValueError: invalid literal for int() with base 10: ''"),
        ("AIPOD_RPC_MAX_WORKERS", "-1", "AIPOD_RPC_MAX_WORKERS: expected a number from 1 to 1000"),
    ],
)
def test_mistaken_variable_ends_the_command(binaries, tmp_path, name, value, text):
    (tmp_path / "main.py").write_text(PLAIN)
    env = {**os.environ, "PYTHONPATH": python_path(), "AIGES_BIN": str(binaries.loader.parent)}
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={**env, name: value},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1 and text in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("import aipod\n", "ended without serve()"),
        (PLAIN.replace("serve(Model)", "serve(Model())"), "expected a class of models, got"),
        ("import aipod\nraise RuntimeError('no GPU')\n", "no GPU"),
    ],
)
def test_program_that_hands_no_class_over(binaries, tmp_path, program, text):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(program)
    loader = Loader(binaries, tmp_path, folder, config={"aiges": {"contract": "aipod"}})
    try:
        loader.start(ready=False)
        assert loader.wait_exit() == 1 and text in loader.log()
    finally:
        loader.kill()


def test_mistaken_word_for_debug_ends_the_start(binaries, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(PLAIN)
    config = {"aiges": {"contract": "aipod"}, "wrapper": {"debug": "tru"}}
    loader = Loader(binaries, tmp_path, folder, config=config)
    try:
        loader.start(ready=False)
        assert loader.wait_exit() == 1
        assert "[wrapper] debug: expected true or false, got 'tru'" in loader.log()
    finally:
        loader.kill()


def test_package_needs_no_host_to_be_imported(tmp_path):
    code = (
        "import aipod.rpc.server, aipod.model, sys;"
        "assert 'aiges.contracts._threads' not in sys.modules and 'grpc' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": python_path()}, check=True)
    assert (COMPAT / "aipod").is_dir()


def test_predict_by_the_hosts_own_protocols(binaries, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    program = PLAIN.replace(
        "sorted(kwargs)", "[self.version, kwargs['binary_data'].hex(), kwargs.get('x')]"
    )
    (folder / "main.py").write_text(program)
    config = {"aiges": {"contract": "aipod"}, "wrapper": {"debug": True}}
    with Loader(binaries, tmp_path, folder, config=config) as loader:
        raw = loader.web.raw_mode(b'{"x": 3}', query="?p.version=v2")
        assert (raw.status, raw.body) == (200, b'["v2", "", 3]')
        assert loader.web.raw_mode(b"\x00\x01").body == b'["default", "0001", null]'
        refused = loader.web.raw_mode(b"{}", query="?p.version=../x")
        assert refused.status == 400 and b"version '../x'" in refused.body
        xsf = loader.xsf
        given = [xsf.payload("kwargs", b'{"x": 4}'), xsf.payload("binary_data", b"{}")]
        assert xsf.once(*given).text() == '["default", "7b7d", 4]'
        answer = loader.web.request("POST", "/log", b'{"name": "x"}')  # What debug adds.
        assert answer.json == {"error": "Exception calling application: NotImplementedError: "}
        loader.stop()
