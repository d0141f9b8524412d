# SPDX-License-Identifier: Apache-2.0
"""Command line and aiges.toml: what is refused, with which words; -check, -init, -show-config."""

import re
import socket
import subprocess
from pathlib import Path

import aiges
import pytest
from command import Command

GOOD = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0\n"


@pytest.fixture
def command(binaries, tmp_path):
    def make(wrapper=GOOD, **options):
        return Command(binaries, tmp_path, wrapper, **options)

    return make


def listener():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken, taken.getsockname()[1]


def test_five_mistakes_are_all_told_with_their_lines(command):
    text = """[svcName]
host = "127.0.0.1"
port = 70000
[wrapper]
http_listen = "nonsense"
nested = [1, 2]
[instances]
count = "many"
cuont = 3
[fc]
max = 0
"""
    ended = command(text=text).serve()
    ended.failed("AIService: 6 mistakes in the configuration:", 2)
    for line in (
        "aiges.toml:3: [svcName] port: expected an integer from 0 to 65535, got 70000",
        'aiges.toml:5: [wrapper] http_listen: expected "host:port", ":port", "unix:/path" or '
        '"off", got "nonsense"',
        "aiges.toml:6: [wrapper] nested: expected a string, number or boolean "
        "(engines get text), got an array",
        'aiges.toml:8: [instances] count: expected an integer from 1 to 1024, got "many" (string)',
        "aiges.toml:9: [instances] cuont: unknown key; did you mean count?",
        "aiges.toml:11: [fc] max: expected an integer from 1 to 1000000, got 0",
    ):
        ended.failed("  " + line, 2)
    assert len(ended.err.splitlines()) == 7


def test_one_mistake_is_no_plural(command):
    ended = command(config={"log": {"level": "loud"}}).serve()
    ended.failed("AIService: 1 mistake in the configuration:", 2)
    assert '[log] level: expected debug, info, warn, error or off, got "loud"' in ended.err


def test_toml_syntax_error_has_its_line(command):
    ended = command(text='[svcName]\nhost = "127.0.0.1"\nport = = 3\n').serve()
    assert ended.code == 2
    assert "  aiges.toml:3: not valid TOML: " in ended.err


@pytest.mark.parametrize("section", ["instances", "queue", "limits"])
def test_unknown_key_in_a_section_of_ours_is_a_mistake(command, section):
    ended = command(config={section: {"no_such_key": 1}}).serve()
    assert ended.code == 2
    assert f"[{section}] no_such_key: unknown key (AIService -init writes" in ended.err


def test_section_of_the_service_missing(command):
    ended = command().run("-m=0", "-c", "aiges.toml", "-s", "otherName")
    assert ended.code == 2
    assert (
        "  aiges.toml: [otherName] : section missing: -s=otherName names the section with the "
        "service's addresses (host, port)" in ended.err
    )


def test_config_file_missing(command):
    ended = command().run("-m=0", "-c", "no.toml", "-s", "svcName")
    ended.failed("  -c: cannot read no.toml: expected a TOML file (AIService -init writes one)", 2)


def test_child_mode_of_the_old_loader_is_refused(command):
    ended = command().serve(env={"AIGES_PLUGIN_MODE": "python"})
    ended.failed(
        "  environment: AIGES_PLUGIN_MODE: expected c, got python "
        "(Python wrappers need no mode: put wrapper.py on PYTHONPATH)",
        2,
    )


def test_grpc_port_in_use(command):
    taken, port = listener()
    with taken:
        ended = command(config={"svcName": {"port": port}}).serve()
    ended.failed(
        f"AIService: cannot listen on 127.0.0.1:{port} for gRPC ([svcName] host, port): "
        "Address already in use"
    )


def test_http_port_in_use(command):
    taken, port = listener()
    with taken:
        ended = command(config={"wrapper": {"http_listen": f"127.0.0.1:{port}"}}).serve()
    ended.failed(
        f"AIService: cannot listen on 127.0.0.1:{port} for HTTP (http_listen): "
        "Address already in use"
    )


def test_mode_unknown(command):
    ended = command().run("-m=5")
    assert ended.code == 2
    assert "AIService: -m: expected 0 (local file), 1 (config centre) or 2, got 5" in ended.err


@pytest.mark.parametrize("flag", ["-frobnicate", "--frobnicate=1"])
def test_flag_unknown(command, flag):
    ended = command().run("-m=0", flag)
    assert ended.code == 2
    assert "frobnicate" in ended.err
    assert "Run 'AIService -h' for the flags." in ended.err


def test_check_of_a_good_service(command):
    ended = command().run("-check", "-c", "aiges.toml", "-s", "svcName")
    assert ended.code == 0, ended.err
    assert ended.out == "AIService: configuration and plugin are in order\n"


def test_check_of_a_bad_plugin(command):
    ended = command("raise OSError('x')\n").run("-check", "-c", "aiges.toml", "-s", "svcName")
    assert ended.code == 1
    assert "AIService: wrapperInit failed: import of wrapper.py raised OSError: x" in ended.err


def test_check_of_a_bad_config(command):
    ended = command(config={"fc": {"max": -1}}).run("-check", "-c", "aiges.toml")
    assert (ended.code, ended.out) == (2, "")


def test_init_writes_a_file_that_is_in_order(command, tmp_path):
    run = command()
    (tmp_path / "aiges.toml").unlink()
    ended = run.run("-init")
    assert (ended.code, ended.out) == (0, "AIService: wrote aiges.toml\n")
    assert "#max_requests = 1024" in (tmp_path / "aiges.toml").read_text()
    assert run.run("-check").code == 0


def test_init_never_overwrites(command, tmp_path):
    (run := command(text="mine = 1\n")).run("-init").failed(
        "AIService: aiges.toml exists already, left as it is"
    )
    assert (tmp_path / "aiges.toml").read_text() == "mine = 1\n"
    assert run.run("-init").code == 1


def test_show_config_tells_value_and_origin(command):
    run = command(config={"instances": {"count": 3}, "wrapper": {"mine": 1.5}})
    over = "[instances]\ncount = 5\n[limits]\nmax_resources = 7\n"
    ended = run.run("-show-config", "-dc", "[queue]\nmax_requests = 9\n", "-oc", over)
    assert ended.code == 0
    lines = {" ".join(line.split()) for line in ended.out.splitlines()}
    for line in (
        "[instances]",
        "count = 5 # -oc:2",
        'mine = "1.5" # aiges.toml:7',
        "max_requests = 9 # -dc:2",
        "max_resources = 7 # -oc:4",
        "max = 1024 # default",
    ):
        assert line in lines, f"expected {line!r} in:\n{ended.out}"


def test_show_config_is_a_configuration_itself(command, tmp_path):
    first = command(config={"wrapper": {"mine": 1.5}}).run("-show-config")
    second = command(text=first.out).run("-show-config")
    assert second.code == 0, f"{second.err}\nfor the file\n{first.out}"


def test_all_parts_have_the_version_of_the_package(command, binaries):
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    ended = command().run("-v")
    assert (ended.code, ended.out, ended.err) == (0, f"AIService {version}\n", "")
    xtest = [binaries.loader.with_name("xtest"), "-v"]
    assert subprocess.run(xtest, capture_output=True, text=True).stdout == f"{version}\n"
    assert aiges.__version__ == version


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], []])
def test_usage_names_the_flags(command, arguments, tmp_path):
    run = command()
    if not arguments:  # Where nothing is to be served.
        (tmp_path / "aiges.toml").unlink()
    ended = run.run(*arguments)
    assert ended.code == 0
    for flag in ("-m", "-c", "-s", "-u", "-p", "-g", "-init", "-check", "-show-config", "-v", "-h"):
        assert f"{flag} " in ended.out or f"{flag}," in ended.out or f"{flag}\n" in ended.out
