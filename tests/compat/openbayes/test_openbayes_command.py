# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 (tables)
"""``python predictor.py`` becomes the loader: its arguments, ports, words and end."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from free_ports import free_ports
from http_client import HttpClient
from loader_process import DIE_WITH_PARENT
from openbayes_served import HEAD, JSON, RUN, Predictor, environment
from waiting import wait_until

ECHO = HEAD + "class Predictor:\n    def predict(self, json):\n        return json\n" + RUN
# Without a __main__ guard; arguments read before the call; a class made in a function; a file
# beside it; a module beside it; a name that is in neither of ours.
ODD = """
import argparse, json, os, sys
import openbayes_serving as serv
import beside

given = argparse.ArgumentParser()
given.add_argument("--label", default="none")
said = given.parse_args(sys.argv[sys.argv.index("--") + 1:])

def make(label):
    class Cat(beside.Base):
        def __init__(self):
            with open("classes.json") as f:
                self.classes = json.load(f)
        def predict(self, payload):
            main = sys.modules["__main__"]
            return {"label": label, "classes": self.classes, "base": self.base, "argv": sys.argv,
                    "main": main.__name__, "same": main.said is said, "cwd": os.getcwd(),
                    "file": __file__, "mark": os.environ["MARK"], "python": sys.executable}
    return Cat

os.chdir("sub")
serv.run(make(said.label))
raise RuntimeError("code behind the call runs in no process")
"""


def command(folder, *arguments, text=ECHO, **env):
    """Runs it to its end."""
    (folder / "predictor.py").write_text(text, encoding="utf-8")
    line = [*DIE_WITH_PARENT, sys.executable, "predictor.py", *arguments]
    options = {"capture_output": True, "text": True, "timeout": 30, "stdin": subprocess.DEVNULL}
    return subprocess.run(line, cwd=folder, env=environment(**env), **options)


def test_users_program_runs_in_the_worker_as_it_was_started(serve, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "classes.json").write_text('["cat"]')
    (tmp_path / "beside.py").write_text("class Base:\n    base = 'beside'\n")
    predictor = serve(ODD, "--", "--label", "tabby", env={"MARK": "mine"})
    told = predictor.post(b"").json
    assert told["classes"] == ["cat"] and told["base"] == "beside" and told["label"] == "tabby"
    said = ["--host", "127.0.0.1", "--port", "0", "--", "--label", "tabby"]
    assert told["argv"] == ["predictor.py", *said]
    assert told["main"] == "__main__" and told["same"] is True and told["mark"] == "mine"
    assert os.path.samefile(told["cwd"], tmp_path / "sub") and told["file"].endswith(
        "/predictor.py"
    )
    assert told["python"] == sys.executable
    assert "code behind the call" not in predictor.log()


def ports_of(pid):
    """TCP ports that the process listens on."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as lines:
            for line in list(lines)[1:]:
                parts = line.split()
                if parts[3] == "0A" and f"socket:[{parts[9]}]" in inodes:
                    found.add(int(parts[1].rpartition(":")[2], 16))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_drains(serve, tmp_path, number):
    text = ECHO.replace(
        "return json", "open('begun', 'w'); import time; time.sleep(json); return json"
    )
    predictor = serve(text.replace("return json", "return [json]"))
    assert ports_of(predictor.process.pid) == {int(predictor.address.rpartition(":")[2])}
    connection = predictor.web.connect()
    connection.request("POST", "/", b"1.0", JSON)
    wait_until((tmp_path / "begun").exists, "the call to begin")
    predictor.process.send_signal(number)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"[1.0]")
    connection.close()
    code, out, _ = predictor.ended()
    assert code == 0 and out.splitlines()[0] == "Openbayes Serving 正在启动..."


def test_local_port_is_of_the_environment(serve):
    (port,) = free_ports(1)
    variables = {"OPENBAYES_SERVING_PORT": str(port)}
    predictor = serve(ECHO, own_port=False, ready=False, env=variables)
    predictor.wait_ready(f"127.0.0.1:{port}")
    assert predictor.json(b"[1]").body == b"[1]"
    line = f"Openbayes Serving 开始服务，本地访问地址：http://0.0.0.0:{port}"
    assert predictor.lines == ["Openbayes Serving 正在启动...", line]
    assert predictor.process.args[-1] == "predictor.py"


SHOW_PORT = """
import aiges.contracts.openbayes._command as command
def stand_in(contract, host, port, tables, *, first, **rest):
    print([host, port, first])
    raise SystemExit(0)
command.become_loader = stand_in
import openbayes_serving
class Predictor:
    def __init__(self{onnx}): pass
    def predict(self, json): return json
openbayes_serving.run(Predictor)
"""


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [
        ({}, [], ["0.0.0.0", 25252, {}]),
        ({"OPENBAYES_SERVING_PORT": "3000"}, [], ["0.0.0.0", 3000, {}]),
        ({"OPENBAYES_SERVING_PRODUCTION": "1", "OPENBAYES_SERVING_PORT": "3000"}, [], ["0.0.0.0", 80, {}]),
        ({"OPENBAYES_JOB_URL": "x", "OPENBAYES_SERVING_PRODUCTION": "1"}, [], ["0.0.0.0", 8080, {}]),
        ({"OPENBAYES_JOB_URL": "", "OPENBAYES_SERVING_PRODUCTION": ""}, [], ["0.0.0.0", 25252, {}]),
        (
            {"OPENBAYES_SERVING_PRODUCTION": "1"},
            ["--port", "81", "--host", "::1"],
            ["::1", 81, {"svcName": {"host": "::1", "port": 81}}],
        ),
        ({"OPENBAYES_SERVING_PORT": "3000"}, ["--po=81"], ["0.0.0.0", 81, {"svcName": {"port": 81}}]),
    ],
)  # fmt: skip
def test_port_rules_of_the_modes(tmp_path, variables, arguments, expected):
    done = command(tmp_path, *arguments, text=SHOW_PORT.format(onnx=""), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == str(expected)


def test_model_path_is_known_where_the_constructor_asks_for_onnx(tmp_path):
    text = SHOW_PORT.format(onnx=", onnx")
    done = command(tmp_path, "--model-path", "a.onnx", text=text)
    assert str({"wrapper": {"model_path": str(tmp_path / "a.onnx")}}) in done.stdout
    done = command(tmp_path, "--model-path", "a.onnx", text=SHOW_PORT.format(onnx=""))
    assert done.returncode == 2 and "unrecognized arguments: --model-path a.onnx" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--prot", "80"], "openbayes-serv: error: unrecognized arguments: --prot 80"),
        (["--port", "many"], "openbayes-serv: error: argument --port: invalid port value: 'many'"),
        (["--port", "65536"], "openbayes-serv: error: argument --port: invalid port value: '65536'"),
        (["extra"], "openbayes-serv: error: unrecognized arguments: extra"),
    ],
)  # fmt: skip
def test_unknown_arguments_end_it(tmp_path, arguments, text):
    done = command(tmp_path, *arguments)
    assert done.returncode == 2 and done.stderr.splitlines()[-1] == text


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (
            "class Predictor:\n    def __init__(self, model): pass\n    def predict(self): pass",
            "openbayes_serving.run: Predictor.__init__: parameter model: expected one of onnx, "
            "config, or a default",
        ),
        ("Predictor = 5", "openbayes_serving.run: expected a class, got an object of int"),
    ],
)
def test_what_cannot_be_served_ends_it_before_there_is_a_loader(tmp_path, cls, text):
    done = command(tmp_path, text=HEAD + cls + RUN)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == text


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (
            "class Predictor:\n    def predict(self, json, image): pass",
            "Predictor.predict: parameter image: expected one of json, payload, data, params, "
            "args, headers, request, or a default",
        ),
        ("class Predictor: pass", "Predictor: expected a method predict, found none"),
        (
            "class Predictor:\n    def __init__(self): raise OSError('no weights')\n"
            "    def predict(self): pass",
            "OSError: no weights",
        ),
        (
            "class Predictor:\n    def __init__(self, onnx): pass\n    def predict(self): pass",
            "没有找到 ONNX 模型",
        ),
    ],
)
def test_what_only_the_object_shows_ends_the_start(tmp_path, cls, text):
    done = command(tmp_path, "--port", "0", "--host", "127.0.0.1", text=HEAD + cls + RUN)
    assert done.returncode == 1 and text in done.stderr


def test_port_in_use_ends_it(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = command(tmp_path, "--port", port, "--host", "127.0.0.1")
    assert done.returncode == 1 and port in done.stderr


def test_pypis_aiges_beside_it_is_not_asked(serve, tmp_path):
    """A distribution aiges on PyPI has a package of that name."""
    (tmp_path / "aiges").mkdir()
    (tmp_path / "aiges" / "__init__.py").write_text("raise ImportError('of PyPI')\n")
    assert serve(ECHO).json(b"[1]").body == b"[1]"


def test_address_of_ipv6(serve):
    (port,) = free_ports(1)
    predictor = serve(ECHO, "--host", "::1", "--port", str(port), own_port=False, ready=False)
    line = f"Openbayes Serving 开始服务，本地访问地址：http://[::1]:{port}"
    predictor.wait(lambda: line in predictor.lines)
    web = HttpClient(f"::1:{port}")
    assert web.request("POST", "/", b"[1]", JSON).body == b"[1]"


def test_two_processes_share_one_port(serve, tmp_path):
    """SO_REUSEPORT: connections go to either."""
    (port,) = free_ports(1)
    text = ECHO.replace("return json", "import os; return os.getpid()")
    address = f"127.0.0.1:{port}"
    arguments = ["--host", "127.0.0.1", "--port", str(port)]
    (tmp_path / "two").mkdir()
    for folder in (tmp_path, tmp_path / "two"):
        predictor = serve(text, *arguments, folder=folder, own_port=False, ready=False)
        predictor.wait(lambda predictor=predictor: any(address in line for line in predictor.lines))
    web = HttpClient(address)

    def both():
        answers = [web.request("POST", "/", b"1", JSON) for _ in range(40)]
        pids = {answer.body for answer in answers if answer.status == 200}
        return len(pids) == 2

    wait_until(both, "both to have answered", 20)


def test_aiges_toml_goes_before_the_modes_and_arguments_before_it(serve, tmp_path):
    first, second = free_ports(2)
    (tmp_path / "aiges.toml").write_text(
        f'[openbayes]\nhost = "127.0.0.1"\nport = {first}\n[wrapper]\nmax_workers = 1\n'
        "[instances]\nlame_duck_ms = 0\n"
    )
    predictor = serve(ECHO, own_port=False, ready=False)
    predictor.wait_ready(f"127.0.0.1:{first}")
    assert predictor.stop()[0] == 0
    predictor = serve(ECHO, "--port", str(second), own_port=False, ready=False)
    predictor.wait_ready(f"127.0.0.1:{second}")
    assert predictor.json(b"[1]").body == b"[1]"


@pytest.mark.parametrize(
    "said",
    [
        "",
        'contract = "openbayes"\napp = "predictor.py"\n',
        'contract = "openbayes"\napp = "predictor:Predictor"\n',
    ],
)
def test_aiservice_serves_the_folder(tmp_path, said):
    """By what predictor.py imports, by the program, or by the class alone.

    Where the original is installed, too, a worker takes ours.
    """
    (tmp_path / "real" / "openbayes_serving").mkdir(parents=True)
    original = tmp_path / "real" / "openbayes_serving" / "__init__.py"
    original.write_text("raise ImportError('of the original')\n")
    (tmp_path / "predictor.py").write_text(ECHO)
    (tmp_path / "aiges.toml").write_text(
        '[svcName]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "off"\n'
        f"[aiges]\n{said}[instances]\npython = {json.dumps(sys.executable)}\n"
        'pythonpath = "."\nlame_duck_ms = 0\n'
    )
    predictor = Predictor(tmp_path)
    predictor.env["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path / "real"), predictor.env["PYTHONPATH"]]
    )
    loader = os.path.join(predictor.env["AIGES_BIN"], "AIService")
    predictor.command = [*DIE_WITH_PARENT, loader, "-c", "aiges.toml"]
    try:
        predictor.start()
        assert predictor.json(b'{"a": 1}').body == b'{"a": 1}'
    finally:
        predictor.kill()
