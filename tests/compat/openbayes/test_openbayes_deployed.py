# SPDX-License-Identifier: Apache-2.0
"""What is for the platform: events, start.sh; and what is for authors: debug, the console."""

import http.server
import json
import os
import re
import socket
import sys
import threading
import time

import msgpack
import pytest
from free_ports import free_ports
from http_client import HttpClient
from loader_process import DIE_WITH_PARENT
from openbayes_served import BIN, HEAD, JSON, RUN, Predictor
from waiting import wait_until

EMITS = (
    HEAD
    + """
import threading
class Predictor:
    def predict(self, json):
        if json == "thread":
            thread = threading.Thread(target=serv.emit_event, args=("a.txt", 1.5, 9))
            thread.start()
            thread.join()
        elif json == "many":
            for number in range(1200):
                serv.emit_event(f"{number}.txt", b"x")
        else:
            serv.emit_event("image.jpg", b"\\xff\\xd8")
            serv.emit_event("result.json", {"a": [1]})
            serv.emit_event("time.txt", 3)
            serv.emit_event("name.txt", "猫")
        return ["told"]
"""
)


class Agent(http.server.ThreadingHTTPServer):
    """Where the platform's agent would be. ``gate`` shut: it takes no event to its end."""

    daemon_threads = True

    def __init__(self):
        self.events, self.gate = [], threading.Event()
        self.gate.set()
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                agent.gate.wait(30)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent.events.append(
                    (self.path, self.headers["Content-Type"], msgpack.unpackb(body))
                )
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server_port}"


@pytest.fixture
def agent():
    agent = Agent()
    yield agent
    agent.gate.set()
    agent.shutdown()
    agent.server_close()


def test_events_of_a_deployed_predictor_reach_the_agent(serve, agent):
    env = {"AIGES_OPENBAYES_AGENT": agent.address}
    predictor = serve(EMITS + RUN, production=True, env=env)
    assert predictor.json(b'"x"', X_Openbayes_Serving_Request_Id="7").body == b'["told"]'
    wait_until(lambda: len(agent.events) == 4, "four events")
    kinds = {(path, kind) for path, kind, _ in agent.events}
    assert kinds == {("/events", "application/msgpack")}
    assert [event for _, _, event in agent.events] == [
        {"id": 7, "name": "image.jpg", "data": b"\xff\xd8"},
        {"id": 7, "name": "result.json", "data": b'{"a": [1]}'},
        {"id": 7, "name": "time.txt", "data": "3"},
        {"id": 7, "name": "name.txt", "data": "猫".encode()},
    ]
    predictor.json(b'"x"')  # Without the id.
    predictor.wait_log("无法获取 Request Id，不会记录当前事件。", 4)
    predictor.json(b'"thread"')
    wait_until(lambda: len(agent.events) == 5, "the event of a thread")
    assert agent.events[-1][2] == {"id": 9, "name": "a.txt", "data": "1.5"}
    # An agent that hangs holds no prediction; what is too much is dropped, and said.
    agent.gate.clear()
    begin = time.monotonic()
    assert predictor.json(b'"many"', X_Openbayes_Serving_Request_Id="8").status == 200
    assert time.monotonic() - begin < 4  # Less than the time that one event may take.
    predictor.wait_log("记录事件失败： 1 dropped")
    agent.gate.set()
    wait_until(lambda: len(agent.events) > 500, "the others to come", 20)


# --- start.sh.

SCRIPT = """
cd "$(dirname "$0")"
echo started >> starts
test -z "$AIGES_CONTRACT" || exit 9
exec python server.py
"""
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
http.server.HTTPServer(("127.0.0.1", int(open("port").read())), Handler).serve_forever()
"""


def of_script(folder, script, port, **wrapper):
    (folder / "start.sh").write_text(script)
    (folder / "server.py").write_text(SERVER)
    (folder / "port").write_text(str(port))
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in wrapper.items())
    (folder / "aiges.toml").write_text(
        '[svcName]\nhost = "127.0.0.1"\nport = 0\n[aiges]\ncontract = "openbayes"\n'
        f'[wrapper]\nhttp_listen = "off"\nscript_port = {port}\n{more}'
        f"[instances]\npython = {json.dumps(sys.executable)}\nlame_duck_ms = 0\n"
    )
    loader = Predictor(folder)
    loader.command = [*DIE_WITH_PARENT, str(BIN / "AIService"), "-c", "aiges.toml"]
    return loader


def test_start_sh_wins_and_is_watched(tmp_path):
    (port,) = free_ports(1)
    (tmp_path / "predictor.py").write_text("raise SystemExit(9)")
    loader = of_script(tmp_path, SCRIPT, port)
    script = HttpClient(f"127.0.0.1:{port}")
    try:
        loader.start(ready=False)
        loader.wait(lambda: any("AIService ready" in line for line in loader.lines))
        first = int(script.get("/").body)  # Ready is when it answers.
        address = re.search(r"grpc=(\S+) ", loader.lines[0]).group(1)
        assert HttpClient(address).get("/-/readyz").status == 200
        os.kill(first, 9)
        loader.wait_log("ended with code -9")

        def another():
            try:
                return int(script.get("/").body) != first
            except OSError:
                return False

        wait_until(another, "the script to run again", 30)
        second = int(script.get("/").body)
        assert loader.stop()[0] == 0
        wait_until(lambda: not os.path.exists(f"/proc/{second}"), "the script to have ended")
    finally:
        loader.kill()
    assert (tmp_path / "starts").read_text() == "started\nstarted\n"


def test_start_sh_that_ends_or_finds_its_port_taken_is_said(tmp_path):
    (port,) = free_ports(1)
    loader = of_script(tmp_path, "exit 7\n", port)
    try:
        loader.start(ready=False)
        code, _, log = loader.ended()
        assert code == 1 and f"start.sh ended with code 7 before port {port} took" in log
        with socket.create_server(("127.0.0.1", port)):
            loader = of_script(tmp_path, SCRIPT, port)
            loader.start(ready=False)
            code, _, log = loader.ended()
        assert code == 1 and f"port {port} is in use" in log
    finally:
        loader.kill()


# --- debug, and the console.

RAISES = (
    HEAD
    + """
class Predictor:
    def predict(self, json):
        secret = [json, 41]
        raise ValueError("no such cat")
"""
)


def test_debug_gives_the_cause_in_the_answer(serve):
    predictor = serve(RAISES + RUN, env={"AIGES_DEBUG": "1"})
    answer = predictor.json(b"1")
    assert answer.status == 500 and answer.json["error"] == "ValueError: no such cat"
    assert "raise ValueError" in answer.json["traceback"]
    assert predictor.web.get("/.debug/console/1").status == 404


@pytest.mark.parametrize("origin", [{}, {"Origin": "http://elsewhere"}], ids=["curl", "browser"])
def test_cause_that_the_answer_hides_is_on_the_page(serve, origin):
    text = "class Predictor:\n    def predict(self, json):\n        return json['gone']\n"
    predictor = serve(HEAD + text + RUN, production=True)
    answer = predictor.web.request("POST", "/", b"{}", {**JSON, **origin})
    assert (answer.status, answer.body) == (500, b"")
    entries = predictor.web.get("/-/status.json").json["failures"]["entries"]
    assert ["KeyError: 'gone'" in each["text"] for each in entries] == [True]
    assert "predictor.py" in entries[0]["detail"]


def test_there_is_no_console_unless_it_is_asked_for(serve):
    predictor = serve(RAISES + RUN, env={"OPENBAYES_JOB_URL": "x"})
    assert predictor.json(b"1").body == b""
    for method, path in (("GET", "console/1"), ("GET", "traceback/1"), ("POST", "frame/1/exec")):
        body = b'{"code": "1"}' if method == "POST" else None
        assert predictor.web.request(method, f"/.debug/{path}", body).status == 404


def test_console_is_for_this_machine_with_the_token(serve):
    predictor = serve(RAISES + RUN, env={"AIGES_DEBUG_CONSOLE": "1"})
    token = re.search(r"its token: (\S+)", predictor.log()).group(1)
    url = predictor.json(b'"<tabby>"').json["debug_url"]
    assert url.startswith(f"http://{predictor.address}/.debug/console/") and token not in url
    number = url.rpartition("/")[2]
    page, trace, frame = (
        f"/.debug/{what}"
        for what in (f"console/{number}", f"traceback/{number}", f"frame/{number}-")
    )
    head = {"X-Debug-Token": token}

    def ask(method, path, body=None, **more):
        return predictor.web.request(method, path, body, {**head, **more})

    assert "no such cat" in ask("GET", page).body.decode()
    told = ask("GET", trace).json
    assert told["exception_type"] == "ValueError" and told["frames"][-1]["function"] == "predict"
    last = told["frames"][-1]["id"]
    run = f"/.debug/frame/{last}/exec"
    assert ask("POST", run, b'{"code": "secret[1] + 1"}').json["output"] == "42"
    assert "NameError" in ask("POST", run, b'{"code": "nothing"}').json["traceback"]
    for body in (b"", b"[]", b'{"code": 1}', b'{"code": "1", "more": 1}'):
        assert ask("POST", run, body).json == {"error": "Invalid input"}
    # Without the token, with another one, by another name, through a proxy: nothing.
    for more in (
        {"X-Debug-Token": ""},
        {"X-Debug-Token": token[:-1]},
        {"Host": "rebound.example"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
    ):
        assert ask("POST", run, b'{"code": "1"}', **more).status == 403
        assert "no such cat" not in ask("GET", page, **more).body.decode()
    assert ask("POST", f"{frame}99/exec", b'{"code": "1"}').status == 404
    # A caller that is none of these is not told where it is.
    answer = predictor.json(b"1", X_Forwarded_For="10.0.0.1")
    assert (answer.status, answer.body) == (500, b"")
    for _ in range(11):  # The last ten are kept.
        predictor.json(b"1")
    assert ask("GET", trace).status == 404


STRICT = (
    HEAD
    + """
class Predictor:
    def predict(self, payload, data):
        return None if payload == {} else [type(payload).__name__, len(data)]
"""
)


def test_strict_upstream_brings_the_oddities_back(serve, tmp_path):
    (tmp_path / "aiges.toml").write_text("[compat]\nstrict_upstream = true\n")
    predictor = serve(STRICT + RUN)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert predictor.post(b"x=1", **form).json == ["bytes", 0]
    assert predictor.json(b"{").status == 400
    assert (predictor.json(b"{}").status, predictor.json(b"[]").json) == (500, ["list", 2])


def test_options_that_are_none_end_the_start(serve, tmp_path):
    for line, text in (
        ("max_workers = 0", "[wrapper] max_workers: expected a number from 1 to 1000, got 0"),
        ('debug = "maybe"', "[wrapper] debug: expected true or false, got 'maybe'"),
    ):
        (tmp_path / "aiges.toml").write_text(f"[wrapper]\n{line}\n")
        predictor = serve(STRICT + RUN, ready=False)
        code, _, log = predictor.ended()
        assert code == 1 and text in log


def test_reload_reads_the_users_program_anew(serve, tmp_path):
    predictor = serve(HEAD + "class Predictor:\n    def predict(self): return 'one'\n" + RUN)
    assert predictor.post().body == b"one"
    (tmp_path / "predictor.py").write_text(
        HEAD + "class Predictor:\n    def predict(self): return 'two'\n" + RUN
    )
    assert predictor.web.request("POST", "/-/admin/reload").status in (200, 202)
    wait_until(lambda: predictor.post().body == b"two", "the new program", 20)
