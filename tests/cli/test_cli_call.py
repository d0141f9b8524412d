# SPDX-License-Identifier: Apache-2.0
"""asectl call, load and doctor: what runs here is found, by HTTP and gRPC."""

import json
import subprocess
import sys

import pytest
from asectl_process import ROOT, environment

ECHO = """
def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if params.get("fail"):
        raise ValueError("no way")
    for each in reqData:
        data = each["data"]
        respData.append({"key": each["key"], "data": data, "len": len(data), "status": 3,
                         "type": each["type"]})
    return 0
"""
STREAM = """
class Wrapper:
    def wrapperStream(self, params, reqData):
        for each in reqData:
            for word in each.get("text").data.decode().split():
                yield word + " "
"""
PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff"


@pytest.fixture
def echo(serve, tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    (tmp_path / "cat.png").write_bytes(PICTURE)
    return serve(tmp_path)


def targets(serving):
    return {
        "none": [],
        "http": [f"http://{serving.http}"],
        "grpc": [f"grpc://{serving.grpc}"],
        "address": [serving.http],
    }


@pytest.mark.parametrize("how", ["none", "http", "grpc", "address"])
def test_files_and_texts_go_both_ways(asectl, echo, tmp_path, how):
    words = [*targets(echo)[how], "text=it is", "picture=@cat.png", "--json"]
    made = asectl("call", *words).json
    text, picture = made["outputs"]
    assert (text["key"], text["text"], text["type"]) == ("text", "it is", "text")
    assert picture["type"] == "image"
    assert (tmp_path / picture["file"]).read_bytes() == PICTURE
    assert made["host"] in (echo.http, echo.grpc)


def test_a_folder_below_finds_it_too_and_nothing_is_left(asectl, echo, tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    assert "a: b" in asectl("call", "a=b", cwd=tmp_path / "deep/er").out
    assert asectl("status", "--json", cwd=tmp_path / "deep").json["ready"]
    assert echo.interrupt() == 0
    assert not (tmp_path / ".asectl").exists()
    said = asectl("call", "--json", "http://127.0.0.1:1", "a=b", code=1).json
    assert "Is it running?" in said["error"]


@pytest.mark.parametrize("how", ["http", "grpc"])
def test_an_error_is_told_with_its_code(asectl, echo, how):
    words = [*targets(echo)[how], "a=b", "-p", "fail=1", "--json"]
    said = asectl("call", *words, code=1).json
    assert said["code"] == 10909 and said["kind"] == "EngineError"
    assert "no way" in said["error"]


@pytest.mark.parametrize("how", ["none", "grpc"])
def test_a_stream_is_shown_as_it_comes(asectl, serve, tmp_path, how):
    (tmp_path / "wrapper.py").write_text(STREAM)
    serving = serve(tmp_path)
    said = asectl("call", *targets(serving)[how], "text=one two three", "--stream", "--json").json
    assert [each["text"] for each in said["outputs"]] == ["one ", "two ", "three "]
    assert serving.interrupt() == 0


def test_a_url_with_a_path_is_sent_a_form(asectl, echo, tmp_path):
    address = f"http://{echo.http}/v1/raw/svcName?output=picture"
    made = asectl("call", address, "picture=@cat.png", "-p", "x=y", "--json").json
    [output] = made["outputs"]
    assert (output["key"], output["type"]) == ("picture", "image")
    assert (tmp_path / output["file"]).read_bytes() == PICTURE


def test_http_needs_no_grpc(binaries, echo, tmp_path):
    """Also where a target is HOST:PORT: any port speaks both."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none/sitecustomize.py").write_text(
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'grpc':\n"
        "            raise ModuleNotFoundError(name, name='grpc')\n"
        "sys.meta_path.insert(0, No())\n"
    )
    env = environment(binaries.loader.parent)
    env["PYTHONPATH"] = f"{tmp_path / 'none'}:{ROOT / 'sdk'}"
    for target in ([], [echo.grpc]):
        done = subprocess.run(
            [sys.executable, "-m", "aiges", "call", *target, "a=b", "-s", "svcName"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0 and "a: b" in done.stdout, done.stderr


# load


def test_load_needs_no_file(asectl, echo, tmp_path):
    made = asectl("load", "--json", "--count", "40", "text=hi", "picture=@cat.png").json
    [step] = made["steps"]
    assert (step["done"], step["failed"]) == (40, 0), step["codes"]
    made = asectl("load", "--json", f"http://{echo.http}/healthz", "--seconds", "0.1").json
    assert made["steps"][0]["failed"] == 0
    made = asectl("load", "--json", "a=b", "--", "-count=5", "-concurrency=1").json
    assert made["steps"][0]["done"] == 5
    assert "good/s" in asectl("load", echo.http, "--count", "10", "--concurrency", "2").out
    assert (tmp_path / "log/latest/report.html").is_file()


def test_load_of_a_dead_target_is_one_sentence(asectl, tmp_path):
    said = asectl("load", "127.0.0.1:1", "a=b", code=1)
    assert said.err == (
        "asectl: cannot connect to 127.0.0.1:1: Connection refused: is the service running?\n"
    )
    assert not (tmp_path / "log").exists()


# doctor


def test_doctor_finds_nothing_wrong_with_a_new_project(asectl, tmp_path):
    (tmp_path / "aiges.toml").write_text("[my]\nport = 0\n")
    made = asectl("doctor", "--json").json
    assert made["ok"], made
    levels = {each["what"]: each["level"] for each in made["findings"]}
    for what in ("aiges", "AIService", "xtest", "system", "python", "aiges.toml", "files"):
        assert levels[what] == "ok", made
    assert "gpu" in levels


def test_doctor_knows_the_service_that_runs_here(asectl, serve, tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    serving = serve(tmp_path, ports=False)
    made = asectl("doctor", "--json").json
    said = [each["said"] for each in made["findings"] if each["what"] == "port"]
    assert made["ok"] and any("that of asectl serve here" in each for each in said), made
    assert serving.interrupt() == 0


def test_doctor_says_what_is_wrong_and_what_to_do(asectl, echo, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    port = echo.http.rpartition(":")[2]
    (tmp_path / "hides").mkdir()
    (other / "aiges.toml").write_text(
        f'[my]\nhost = "127.0.0.1"\nprot = 5\nport = {port}\n'
        '[instances]\npython = "/no/such/python3"\n'
    )
    assert echo.process.poll() is None
    (tmp_path / ".asectl/serve.json").unlink()
    made = asectl("doctor", "--json", cwd=other, code=1).json
    wrong = {each["what"]: each for each in made["findings"] if each["level"] == "wrong"}
    assert wrong.keys() == {"python", "aiges.toml", "port"}, json.dumps(made)
    assert "/no/such/python3" in wrong["python"]["said"]
    assert "did you mean port?" in wrong["aiges.toml"]["said"]
    assert f"{port}: Address already in use" == wrong["port"]["said"]
    assert all(each["fix"] for each in wrong.values())
