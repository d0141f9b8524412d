# SPDX-License-Identifier: Apache-2.0
"""asectl serve at the author's desk: files of any name, changes, lines and hints to be pasted."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request

import pytest
from asectl_process import Serving
from waiting import wait_until

MODEL = """
import shout

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = shout.it(reqData[0]["data"])
    respData.append({"key": "result", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
"""
UPPER = "def it(data): return data.upper()\n"
BROKEN = "def it(data): return data.upper(\n"
LOWER = "def it(data): return data.lower()\n"
CLASS = """
from aiges.dto import Response, ResponseData
from aiges.sdk import StringBodyField, WrapperBase

class Request:
    text = StringBodyField(key="text", value="it's me")

class Answer:
    result = StringBodyField(key="result")

class Wrapper(WrapperBase):
    requestCls = Request()
    responseCls = Answer()

    def wrapperOnceExec(self, params, reqData):
        return reqData.get("text").data.decode()
"""


TYPED = """
def predict(text: str = "it's me", loud: bool = False) -> str:
    return text + "!"
"""


def write(folder, name="wrapper.py", text=MODEL, other=UPPER):
    (folder / name).write_text(text)
    (folder / "shout.py").write_text(other)


def says(serving, text):
    wait_until(lambda: text in serving.text(), text, 30)


def answer(asectl, text, cwd):
    said = asectl("call", "--json", f"data={text}", cwd=cwd, code=None)
    return said.json["outputs"][0]["text"] if said.code == 0 else said.all


@pytest.mark.parametrize("name", ["model.py", "wrapper.py"])
def test_the_file_that_is_named_is_served(asectl, serve, tmp_path, name):
    write(tmp_path, "wrapper.py", MODEL.replace("shout.it", "(lambda x: b'wrapper')"))
    write(tmp_path, "model.py", MODEL.replace("shout.it", "(lambda x: b'model')"))
    (tmp_path / "aiges.toml").write_text("[my]\nport = 0\n")
    serving = serve(tmp_path, name)
    assert answer(asectl, "x", tmp_path) == name.removesuffix(".py")
    assert asectl("check", "--json", name).json["ok"]
    assert serving.interrupt() == 0


def test_a_file_needs_no_configuration_and_gets_none(asectl, serve, tmp_path):
    write(tmp_path, "my_model.py")
    serving = serve(tmp_path, "my_model.py")
    assert answer(asectl, "hey", tmp_path) == "HEY"
    assert serving.interrupt() == 0
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "__pycache__") == [
        "my_model.py",
        "shout.py",
    ]


def test_hooks_for_tasks_and_applications_are_served_by_their_name(serve, tmp_path):
    (tmp_path / "talk.py").write_text("def chat(messages):\n    yield 'hello'\n")
    (tmp_path / "pages.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': return\n"
        "    await send({'type': 'http.response.start', 'status': 200})\n"
        "    await send({'type': 'http.response.body', 'body': b'mine'})\n"
    )
    serving = serve(tmp_path, "talk.py")
    wait_until(lambda: serving.event("links"), "the links")
    run_pasted(serving.event("links")["try"][0])
    assert serving.interrupt() == 0
    serving = serve(tmp_path, "pages:app")
    with urllib.request.urlopen(f"http://{serving.http}/", timeout=10) as page:
        assert page.read() == b"mine"
    assert serving.interrupt() == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.py", "x = 1\n", "expected a file with a model"),
        ("my-model.py", MODEL, "expected the name of a Python module"),
        ("none:app", "", "there is no module none"),
        ("code.py", MODEL, "Python has a module code of its own"),
    ],
)
def test_what_cannot_be_served_by_name_is_said(asectl, tmp_path, name, text, said):
    if text:
        (tmp_path / name).write_text(text)
    assert said in asectl("serve", "--json", name, code=1).json["error"]


def run_pasted(line):
    """Run a hint as a user pastes it. Fails where the answer is none of 200."""
    words = shlex.split(line)
    assert words[0] == "curl"
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/stderr", "-w", "%{http_code}", *words[1:]],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "200", f"{line}\n{done.stdout} {done.stderr}"
    return done.stderr


@pytest.mark.parametrize(
    ("text", "expected"), [(MODEL, "HELLO"), (CLASS, "hello"), (TYPED, "it's me!")]
)
def test_links_answer_and_hints_can_be_pasted(asectl, serve, tmp_path, text, expected):
    write(tmp_path, "wrapper.py", text)
    serving = serve(tmp_path)
    wait_until(lambda: serving.event("links"), "the links")
    links = serving.event("links")
    assert set(links["pages"]) == {"status", "docs", "openapi", "metrics"}
    for url in links["pages"].values():
        with urllib.request.urlopen(url, timeout=10) as page:
            assert page.status == 200
    curl, call = links["try"]
    assert expected in run_pasted(curl)
    words = shlex.split(call)
    assert words[:2] == ["asectl", "call"]
    assert expected in asectl(*words[1:]).out


def test_each_call_is_a_line_and_quiet_means_none(asectl, serve, tmp_path):
    write(tmp_path)
    serving = serve(tmp_path)
    assert answer(asectl, "hey", tmp_path) == "HEY"
    wait_until(lambda: serving.event("call"), "the line of the call")
    call = serving.event("call")
    assert (call["method"], call["path"], call["status"]) == ("POST", "/v1/private/svcName", 200)
    assert call["bytes_in"] > 3 and call["bytes_out"] > 3 and call["ms"] > 0
    asectl("call", serving.grpc, "data=hey")
    wait_until(lambda: serving.event("call")["protocol"] == "gRPC", "the line of the other")
    assert serving.interrupt() == 0
    quiet = serve(tmp_path, "--quiet")
    assert answer(asectl, "hey", tmp_path) == "HEY"
    assert quiet.interrupt() == 0
    assert quiet.event("call") is None


def test_lines_have_no_colour_in_a_pipe(asectl, serve, tmp_path):
    write(tmp_path)
    serving = serve(tmp_path, as_json=False)
    says(serving, "ready after")
    assert answer(asectl, "hey", tmp_path) == "HEY"
    line = re.compile(
        r"^\d\d:\d\d:\d\d POST /v1/private/svcName 200 [\d.]+ ms \d+ B > \d+ B$", re.M
    )
    wait_until(lambda: line.search(serving.text()), "the line of the call")
    assert "\x1b" not in serving.text()


@pytest.mark.parametrize(("no_colour", "expected"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_no_color_is_set(no_colour, expected, monkeypatch):
    from aiges.cli._say import Out

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert ("\x1b" in Out(False).paint("200", "green")) is expected


@pytest.fixture
def reloading(binaries, tmp_path):
    """asectl serve --reload in tmp_path, not waited for."""
    serving = Serving(binaries.loader.parent, tmp_path, ["--reload"])
    yield serving
    serving.kill()


def test_reload_takes_what_is_saved_and_keeps_the_old_one_for_what_is_broken(
    asectl, reloading, tmp_path
):
    write(tmp_path, "wrapper.py")
    reloading.start()
    assert answer(asectl, "Hey", tmp_path) == "HEY"
    (tmp_path / "shout.py").write_text(BROKEN)
    says(reloading, "did not start, the old one goes on")
    assert answer(asectl, "Hey", tmp_path) == "HEY"
    (tmp_path / "shout.py").write_text(LOWER)
    says(reloading, "reload: done")
    assert answer(asectl, "Hey", tmp_path) == "hey"
    assert reloading.event("changed")["file"] == str(tmp_path / "shout.py")
    (tmp_path / "aiges.toml").write_text((tmp_path / "aiges.toml").read_text() + "[x\n")
    says(reloading, "the configuration has mistakes, the old one stays")
    assert "unknown key" not in reloading.text()
    assert answer(asectl, "Hey", tmp_path) == "hey"
    assert reloading.interrupt() == 0


@pytest.mark.parametrize("broken", ["code", "configuration"])
def test_a_broken_first_start_waits_for_the_fix(asectl, reloading, tmp_path, broken):
    write(tmp_path, other=BROKEN if broken == "code" else UPPER)
    toml = tmp_path / "aiges.toml"
    toml.write_text("[svcName]\nport = 0\n" + ("[x\n" if broken == "configuration" else ""))
    reloading.start(ready=False)
    wait_until(lambda: "waiting" in reloading.text(), "that it waits", 30)
    assert reloading.process.poll() is None
    (tmp_path / "shout.py").write_text(UPPER)
    toml.write_text("[svcName]\nport = 0\n")
    wait_until(lambda: reloading.event("ready"), "ready", 30)
    assert answer(asectl, "hey", tmp_path) == "HEY"
    assert reloading.interrupt() == 0


def test_an_end_is_an_end_while_it_waits(reloading, tmp_path):
    write(tmp_path, other=BROKEN)
    reloading.start(ready=False)
    wait_until(lambda: "waiting" in reloading.text(), "that it waits", 30)
    assert reloading.interrupt() == 0


def test_flags_of_aiservice_follow_the_dashes(serve, tmp_path):
    write(tmp_path)
    serving = serve(
        tmp_path, ".", "--", "-dc=[fc]\nmax = 7\n", "-oc", "[queue]\nmax_requests = 9\n"
    )
    with urllib.request.urlopen(f"http://{serving.http}/status.json", timeout=5) as page:
        assert json.load(page)["queue"]["licences"] == 7
    assert serving.interrupt() == 0


PRINT_PYTHON = """
import sys
print("prefix is", sys.prefix, flush=True)
from aiges.sdk import StringBodyField, WrapperBase

class Request:
    text = StringBodyField(key="text", value=sys.prefix)

class Answer:
    result = StringBodyField(key="result")

class Wrapper(WrapperBase):
    requestCls = Request()
    responseCls = Answer()

    def wrapperInit(self, config):
        return 0

    def wrapperOnceExec(self, params, reqData):
        return sys.prefix
"""


@pytest.mark.parametrize("how", ["file", "active", "file over active"])
def test_one_rule_says_which_python_runs_the_code(asectl, serve, tmp_path, how):
    """[instances] python, else the virtual environment that is active."""
    for name in ("one", "two"):
        done = [sys.executable, "-m", "venv", "--without-pip", tmp_path / name]
        subprocess.run(done, check=True)
    (tmp_path / "wrapper.py").write_text(PRINT_PYTHON)
    named = 'python = "one/bin/python"\n' if "file" in how else ""
    (tmp_path / "aiges.toml").write_text(f"[my]\nport = 0\n[instances]\n{named}")
    expected = str(tmp_path / ("one" if "file" in how else "two"))
    env = {"VIRTUAL_ENV": str(tmp_path / "two")} if "active" in how else {}
    for words in (["check", "-v"], ["run"], ["schema"]):
        assert f"prefix is {expected}" in asectl(*words, env=env).all, words
    serving = serve(tmp_path, env=env)
    says(serving, f"prefix is {expected}")
    assert serving.interrupt() == 0


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["sevre"], "'serve'"), (["serve", "--relaod"], "'--reload'"), (["config", "pul"], "'pull'")],
)
def test_what_was_probably_meant_is_said(asectl, words, meant):
    assert f"Did you mean {meant}" in asectl(*words, code=2).err


def test_exit_codes_are_in_the_help(asectl):
    assert "Exit codes:" in asectl("--help").out


def test_a_port_in_use_is_one_line(asectl, serve, tmp_path):
    write(tmp_path)
    serving = serve(tmp_path)
    port = serving.grpc.rpartition(":")[2]
    said = asectl("serve", "--port", port, "--http", "off", code=1)
    about = [line for line in said.all.splitlines() if "already in use" in line]
    assert len(about) == 1 and f"cannot listen on 127.0.0.1:{port} for gRPC" in about[0]
