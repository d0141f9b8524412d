# SPDX-License-Identifier: Apache-2.0
"""pip install of the wheel, for every Python that is here: what is on PATH, and what it serves."""

import json
import os
import shutil
import signal
import sys
import zipfile
from pathlib import Path

import pytest
from asectl_process import Serving
from environment import DIE_WITH_PARENT, ROOT, Bare, run
from waiting import wait_until

V1 = """
import json, sys
import only_here
def wrapperInit(config): return 0
def wrapperFini(): print("fini is done"); return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    seen = [only_here.NAME, sys.executable, sys.prefix, sys.argv, "" in sys.path]
    out = json.dumps(seen).encode()
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""
V2 = """
from aiges_embed import Response, ResponseData
from aiges.sdk import WrapperBase
class Wrapper(WrapperBase):
    def wrapperInit(self, config): return 0
    def wrapperFini(self): return 0
    def wrapperError(self, code): return "wrong"
    def wrapperOnceExec(self, params, reqData):
        item = ResponseData()
        item.key, item.data, item.status, item.type = "result", reqData.list[0].data.upper(), 3, 0
        response = Response()
        response.list = [item]
        return response
"""
CALL = """
import sys
from aiges.client import Client
with Client(sys.argv[1]) as client:
    print(client.once("hello").text())
"""


def test_the_wheel_brings_its_libraries_and_asks_for_none_of_python(environment):
    with zipfile.ZipFile(environment.wheel) as wheel:
        names = wheel.namelist()
        modes = {item.filename: item.external_attr >> 16 for item in wheel.infolist()}
    assert any(name.startswith("aiges_host.libs/libnghttp2") for name in names)
    assert not any("libpython" in name for name in names)
    assert "manylinux" in environment.wheel.name
    assert modes["aiges_host/bin/AIService"] & 0o111
    assert "aiges_host/include/aiges/wrapper.h" in names
    # What asectl create copies.
    assert {"aiges_host/sdk/go/engine.go", "aiges_host/sdk/rust/src/lib.rs"} <= set(names)
    ours = ("aiges_host/", "aiges_host.libs/", "aiges_host-", "aiges_host.pth")
    assert [name for name in names if not name.startswith(ours)] == []


def test_a_v1_wrapper_runs_in_this_environment(environment, serve):
    (environment.site / "only_here.py").write_text("NAME = 'of this environment'\n")
    loader = serve(environment, V1)
    name, executable, prefix, argv, empty = json.loads(loader.xsf.once(wait_ms=20000).text())
    assert (name, prefix) == ("of this environment", str(environment.folder))
    assert executable.startswith(str(environment.bin / "python"))
    assert (argv, empty) == ([""], False)
    loader.stop()
    assert "fini is done" in loader.log()


def test_a_v2_wrapper_is_called_over_http_and_by_the_client(environment, serve, tmp_path):
    loader = serve(environment, V2)
    answer = loader.web.raw_mode(b"hello", "?key=data&type=text")
    assert (answer.status, answer.body) == (200, b"HELLO")
    said = run([environment.bin / "python", "-c", CALL, loader.grpc], env=environment.env)
    assert said == "HELLO\n"
    loader.stop()


def test_the_default_python_is_told_where_it_comes_from(environment, tmp_path):
    (tmp_path / "aiges.toml").write_text("[svcName]\nport = 0\n")
    for name in ("AIService", "AIservice"):
        shown = environment.run(name, "-show-config", "-s", "svcName", cwd=tmp_path)
        line = next(line for line in shown.splitlines() if line.startswith("python = "))
        assert line.startswith(f'python = "{environment.bin}/python')
        assert line.endswith("# AIGES_DEFAULT_PYTHON")


def test_asectl_creates_checks_and_serves(environment, tmp_path):
    environment.run("asectl", "create", "hello", cwd=tmp_path)
    project = tmp_path / "hello"
    assert "in order" in environment.run("asectl", "check", cwd=project)
    serving = InstalledServing(environment, project)
    try:
        serving.start()
        said = environment.run("asectl", "call", serving.grpc, "text=hi", cwd=project)
        assert "HI" in said
        assert serving.interrupt() == 0
    finally:
        serving.kill()


class InstalledServing(Serving):
    def __init__(self, environment, folder):
        super().__init__("", folder)
        self._env = environment.env
        own = ["serve", "--json", "--port", "0", "--http", "127.0.0.1:0"]
        self._command = [*DIE_WITH_PARENT, str(environment.bin / "asectl"), *own]


WHERE = "import aiges.dto, sys; print(aiges.__file__)"
BESIDE = """
import aiges, json
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append(dict(key="result", data=aiges.__file__, len=0, status=3, type=0))
    return 0
"""


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_pypis_aiges_and_ours_leave_each_other_alone(environments, serve, tmp_path, first):
    """In either order of install and removal, none of the two breaks or hides the other's files."""
    wheel = environments("3.11").wheel
    beside = Bare(environments("3.11").bin / "python", tmp_path / "venv")
    theirs = ["--no-deps", "aiges==0.16.0"]
    for package in ([wheel], theirs) if first == "ours" else (theirs, [wheel]):
        beside.pip("install", "-q", *package)
    own = beside.site / "aiges_host"
    assert beside.python(WHERE, tmp_path) == str(beside.site / "aiges/__init__.py")
    assert "asectl" in beside.run("asectl", "--help", cwd=tmp_path)
    loader = serve(beside, BESIDE)
    assert loader.xsf.once(wait_ms=20000).text() == str(own / "sdk/aiges/__init__.py")
    loader.stop()

    beside.pip("uninstall", "-q", "-y", "aiges" if first == "ours" else "aiges-host")
    left = own / "sdk/aiges" if first == "ours" else beside.site / "aiges"
    assert beside.python(WHERE, tmp_path) == str(left / "__init__.py")
    assert own.exists() == (first == "ours")


def test_xtest_is_there(environment, tmp_path):
    assert environment.run("xtest", "-h", cwd=tmp_path).startswith("xtest:")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_the_tests_of_the_sdk_pass_in_other_pythons(environments, version, tmp_path):
    environment = environments(version)
    environment.pip("install", "-q", "numpy", "ml_dtypes")  # What the tests of arrays make them of.
    # Those of the loader, and of what packages of pictures and tables give, are for the one Python.
    left = ("client", "testing_client", "jupyter", "typed")
    sdk = ROOT / "tests/sdk"
    tests = [sdk, *(f"--ignore-glob={sdk}/test_{name}*" for name in left)]
    environment.run("python", "-m", "pytest", "-p", "no:cacheprovider", *tests, cwd=tmp_path)


def test_an_interpreter_that_does_not_fit_is_named(environments, tmp_path):
    """As where the shim starts the interpreter itself: tests/e2e/test_start_engine.py."""
    environment = environments("3.11")
    (tmp_path / "wrapper.py").write_text(V1)
    for python, text in [
        ("/no/such/python3", "no such interpreter: /no/such/python3"),
        ("/bin/false", "/bin/false is not a working Python, this libwrapper.so was built for "),
    ]:
        config = f'[svcName]\nport = 0\n[instances]\npython = "{python}"\n'
        (tmp_path / "aiges.toml").write_text(config)
        with pytest.raises(AssertionError) as said:
            environment.run("AIService", "-check", "-s", "svcName", cwd=tmp_path)
        assert f"AIService: wrapperInit failed: [instances] python: {text}" in str(said.value)


def test_the_worker_is_watched_and_dies_with_the_loader(environments, serve):
    loader = serve(environments("3.11"), V2)
    (first,) = loader.workers()
    assert Path(f"/proc/{first}/comm").read_text() == "aiges-worker\n"
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: loader.workers() not in ([], [first]), "another worker")
    loader.wait_readyz()
    (second,) = loader.workers()
    loader.process.kill()
    wait_until(lambda: not Path(f"/proc/{second}").exists(), "the end of the worker")


def test_the_interpreter_is_to_a_wrapper_what_it_is_when_embedded(environments, tmp_path):
    """tests/e2e/test_python_environment.py, with the programs of the wheel and this Python."""
    environment = environments(f"{sys.version_info[0]}.{sys.version_info[1]}")
    package = tmp_path / "aiges_host"
    shutil.copytree(environment.site / "aiges_host", package)
    (tmp_path / "aiges_host.libs").symlink_to(environment.site / "aiges_host.libs")
    (package / "plugins").symlink_to(ROOT / "build/plugins")  # For the fixtures only.
    tests = ROOT / "tests/e2e/test_python_environment.py"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tests]
    run(command, cwd=ROOT, env={**os.environ, "AIGES_BIN": str(package / "bin")})
