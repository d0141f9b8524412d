# SPDX-License-Identifier: Apache-2.0
"""What all contracts share: how one is chosen, the lines on stdout, further ports, a slow start."""

import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from aiges.contracts._detect import find_contracts, folders_here
from asgi_loader import asgi
from free_ports import free_ports
from h2_client import H2Client
from http_client import HttpClient
from loader_process import DIE_WITH_PARENT, ROOT, environment, toml
from waiting import wait_until

PREDICTOR = "import openbayes_serving as serv\n\n\nclass Predictor:\n    pass\n"
MODEL = "class Model:\n    pass\n"


def test_contract_that_is_not_there(start):
    loader = start(config={"aiges": {"contract": "nothing"}}, ready=False)
    assert loader.wait_exit() == 1
    said = "[aiges] contract: expected one of those in the package aiges.contracts"
    assert f'{said}, got "nothing"' in loader.log()


def test_contract_is_a_word(start):
    with pytest.raises(AssertionError, match="expected the name of a contract, as"):
        start(config={"aiges": {"contract": "../asgi"}}, ready=False)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"predictor.py": PREDICTOR, "Model.py": MODEL}, ("seldon", "openbayes")),
        (
            {"predictor.py": PREDICTOR, "wrapper.py": "class Wrapper: pass\n"},
            ("aiges", "openbayes"),
        ),
    ],
    ids=["two systems", "beside a wrapper"],
)
def test_folder_for_two_contracts_is_refused(start, tmp_path, files, named):
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    loader = start(folder, ready=False)
    assert loader.wait_exit() == 1
    log = loader.log()
    assert "expected code for one contract, found" in log
    for contract, file in zip(sorted(named), sorted(files)):
        assert f"{folder / file}" in log, contract
    for contract in named:
        assert f"{contract} (" in log


def test_file_that_only_looks_like_one(start, tmp_path, toolbox):
    """Named in a text, or imported by no statement of its own: nobody's contract."""
    folder = tmp_path / "code"
    folder.mkdir()
    text = (Path(toolbox) / "wrapper.py").read_text(encoding="utf-8")
    (folder / "wrapper.py").write_text(text, encoding="utf-8")
    (folder / "notes.py").write_text('"""No import openbayes_serving here."""\n', encoding="utf-8")
    assert start(folder).web.raw_mode(b"x").body == b"x"


def test_other_lines_on_stdout(binaries, tmp_path, toolbox):
    (port,) = free_ports(1)
    first, last = f"listening address: [::]:{port}", "it is over"
    config = {
        "svcName": {"host": "127.0.0.1", "port": port},
        "wrapper": {"http_listen": "off"},
        "log": {"listening_line": first, "stopped_line": last},
    }
    (tmp_path / "aiges.toml").write_text(toml(config), encoding="utf-8")
    env = environment(toolbox, {})
    command = [*DIE_WITH_PARENT, str(binaries.loader), "-c", "aiges.toml"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout.readline() == f"{first}\n"
        assert HttpClient(f"127.0.0.1:{port}").raw_mode(b"x").body == b"x"  # It is ready then.
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == f"{last}\n"
    assert process.returncode == 0


def test_further_addresses(start, toolbox, tmp_path):
    (port,) = free_ports(1)
    socket = tmp_path / "also.sock"
    also = [f"127.0.0.1:{port}", f"unix:{socket}"]
    start(toolbox, config={"http": {"also_listen": also}})
    assert HttpClient(f"127.0.0.1:{port}").raw_mode(b"x").body == b"x"
    command = ["curl", "-sS", "--unix-socket", str(socket), "http://x/healthz"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "ok\n"
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10)
    assert answer == b"\x08\x01"


def test_further_address_that_is_none(start):
    with pytest.raises(AssertionError, match=r"also_listen: expected .*, got .nowhere"):
        start(config={"http": {"also_listen": ["nowhere"]}}, ready=False)


# A program that serves itself as AIGES's own contract, with the port from its command line.
SERVES = """
import sys
from pathlib import Path
from aiges.contracts._command import SERVICE, become_loader

if __name__ == "__main__":
    Path("wrapper.py").write_text('''
def wrapperInit(config):
    global said
    said = config["mine"]
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append(dict(key="result", data=said, len=len(said), status=3, type=0))
    return 0
''')
    over = {SERVICE: {"port": int(sys.argv[1])}}
    become_loader("aiges", "0.0.0.0", 1, {}, folder=Path.cwd(), first=over)
"""

SLOW = """
import asyncio
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})
"""


def test_paths_are_not_unknown_while_the_engine_starts(start, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(SLOW, encoding="utf-8")
    loader = start(folder, config=asgi(), ready=False)
    early = loader.web.get("/items")
    assert (early.status, early.headers["retry-after"]) == (503, "1")
    assert early.message == "the engine is starting, and has not said what it answers"
    with H2Client(loader.grpc) as client:
        assert client.wait(client.ask(path="/pkg.Service/Method")).grpc_status == 14
    assert loader.web.get("/healthz").status == 200
    (loader.folder / "go").touch()
    loader.wait_ready_line()
    wait_until(lambda: loader.web.get("/items").body == b"here", "the application's answer")


LENGTHS = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    length = [(b"content-length", scope["query_string"])]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for piece in (b"01234", b"56789"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
"""


def test_length_that_the_engine_announces(start, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(LENGTHS, encoding="utf-8")
    loader = start(folder, config=asgi())
    answer = loader.web.get("/?10")
    assert (answer.headers["content-length"], answer.body) == ("10", b"0123456789")
    assert "transfer-encoding" not in answer.headers
    head = loader.web.request("HEAD", "/?10")
    assert (head.headers["content-length"], head.body) == ("10", b"")
    answer = loader.web.get("/?ten")  # No number: it is as if none had been said.
    assert (answer.headers.get("content-length", "10"), answer.body) == ("10", b"0123456789")
    # More than was announced is not sent, and less ends the connection: no client mistakes it.
    command = ["curl", "-sS", f"http://{loader.http}/?", "-o", "/dev/null"]
    for wrong in ("7", "12"):
        command[2] = f"http://{loader.http}/?{wrong}"
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0, wrong
    assert loader.web.get("/?10").body == b"0123456789"


def test_batches_are_a_mistake_where_the_contract_has_none(start, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(LENGTHS, encoding="utf-8")
    loader = start(folder, config=asgi(batch={"max_size": 4}), ready=False)
    assert loader.wait_exit() == 1
    assert "[batch] max_size = 4: expected an engine that takes batches" in loader.log()


DOORS = """
import json
from aiges.contracts import _doors
import aiges_embed

def wrapperInit(config):
    return 0

def wrapperDoors():
    return {"doors": [
        {"http": "/predict", "methods": ["POST"], "about": "Predict something"},
        {"http": "/items/{id}"},
        {"http": "/files/{path..}", "methods": ["GET", "BREW"]},
        {"http": "/{path..}"},
        {"grpc": "pkg.Service"},
    ]}
"""


def test_openapi_lists_what_the_engine_answers_itself(start):
    loader = start(DOORS)
    paths = loader.web.get("/-/openapi.json").json["paths"]
    assert paths["/predict"]["post"]["summary"] == "Predict something"
    assert set(paths["/items/{id}"]) == {"get", "post"}
    assert [p["name"] for p in paths["/items/{id}"]["get"]["parameters"]] == ["id"]
    assert set(paths["/files/{path}"]) == {"get"}
    assert "/{path}" not in paths and "/v1/raw/svcName" in paths


def test_file_beside_a_command_is_read_as_a_file(binaries, tmp_path):
    """Its secrets are on nobody's command line, users' keys do not name the service, and the
    command line goes before it."""
    (tmp_path / "main.py").write_text(SERVES, encoding="utf-8")
    first, second = free_ports(2)
    (tmp_path / "aiges.toml").write_text(
        '[wrapper]\nhost = "db.internal"\nmine = "in the file"\n'
        f'[admin]\ntoken = "hush"\n[mine]\nhost = "127.0.0.1"\nport = {first}\n',
        encoding="utf-8",
    )
    env = {
        **environment(None, {}),
        "AIGES_BIN": str(binaries.loader.parent),
        "PYTHONPATH": str(ROOT / "sdk"),
    }
    command = [*DIE_WITH_PARENT, sys.executable, "main.py", str(second)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert f"grpc=127.0.0.1:{second} http=off" in process.stdout.readline()
        assert process.stdout.readline().startswith("AIService ready")
        words = Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
        assert "hush" not in words and "-s=mine" in words
        assert HttpClient(f"127.0.0.1:{second}").raw_mode(service="mine").body == b"in the file"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_programs_are_told_by_every_way_to_import(tmp_path):
    for number, line in enumerate(
        ["import os, aipod.rpc.server as s", "from seldon_core import x", "import json; import re"]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "one.py").write_text(f'"""A text."""\n{line}\n', encoding="utf-8")
    found = [[name for name, _ in find_contracts(tmp_path / str(n))] for n in range(3)]
    assert found == [["aipod"], ["seldon"], []]


def test_current_folder_is_the_users_wherever_it_lies(monkeypatch, tmp_path):
    """Below sys.prefix, as in images that work in /usr/src/app."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lib'}:.")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    assert folders_here() == [tmp_path / "app"]
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "li"))  # Only begins with the same letters.
    assert folders_here() == [tmp_path / "lib", tmp_path / "app"]
