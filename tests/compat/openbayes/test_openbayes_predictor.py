# SPDX-License-Identifier: Apache-2.0
"""What a predictor is given, and what becomes of what it does."""

import json
import re
import subprocess
import sys
import threading

import pytest
from loader_process import DIE_WITH_PARENT
from openbayes_served import BIN, HEAD, JSON, RUN, Predictor
from waiting import wait_until
from xsf_client import XsfClient

MIB = 1 << 20
# One program for all that does not need its own.
DOES = """
from __future__ import annotations
import logging, os, sys, threading, time
import openbayes_serving as serv

class Predictor:
    def __init__(self, config, size: int = 3, *args, **kwargs):
        self.size, self.rest = size, (args, kwargs)
        self.gate, self.seen = threading.Event(), 0
    def run(self):
        self.seen = threading.get_ident()
        logging.info("background at %s", self.size)
    def predict(self, body: "payload", params: dict, top: int = 5, *args, **kwargs):
        do = params.get("do")
        if do == "about":
            return {"size": self.size, "rest": list(self.rest), "top": top, "args": list(args),
                    "fl": "fl" "ask" in sys.modules, "werkzeug": "werkzeug" in sys.modules,
                    "numpy": "numpy" in sys.modules, "msgpack": "msgpack" in sys.modules,
                    "background": bool(self.seen), "own": self.seen == threading.get_ident()}
        if do == "len":
            return {"type": type(body).__name__, "len": len(body)}
        if do == "wait":
            return [self.gate.wait(20)]
        if do == "open":
            self.gate.set()
        if do == "exit":
            sys.exit(3)
        if do == "die":
            os._exit(3)
        if do == "event":
            serv.emit_event("result.json", {"bytes": [b"x"]} if body == b"bad" else [1])
            return "told"
        if do == "key":
            return body["url"]
        if do == "log":
            logging.info("said by %s", "the user")
            print("printed")
        return body if isinstance(body, (dict, list)) else {"type": type(body).__name__}

if __name__ == "__main__":
    serv.run(Predictor)
"""


@pytest.fixture(scope="module")
def does(tmp_path_factory):
    folder = tmp_path_factory.mktemp("does")
    (folder / "predictor.py").write_text(DOES, encoding="utf-8")
    (folder / "requirements.txt").write_text(
        "# of the platform\nopenbayes-serving>=0.1.14\nno-such-thing==1.0  # not there\n"
        "-r other.txt\nnumpy>=9999; python_version > '3'\nwin-only; sys_platform == 'win32'\n"
        "git+https://example.org/x.git\n./folder\nflask[async] >= 2\n"
    )
    predictor = Predictor(folder)
    try:
        predictor.start()
        yield predictor
    finally:
        predictor.kill()


# --- What it is given.


def test_annotations_defaults_and_the_rest_are_harmless(does):
    told = does.post(b"{}", "/?do=about").json
    assert told["size"] == 3 and told["rest"] == [[], {}] and told["top"] == 5
    assert told["args"] == []


def test_who_does_not_ask_for_flask_never_imports_it(does):
    told = does.json(b"{}", "/?do=about&x=1", X_Any="1").json
    assert told["fl"] is False and told["werkzeug"] is False and told["numpy"] is False


def test_background_run_is_a_thread_beside_the_calls(does):
    wait_until(lambda: does.json(b"{}", "/?do=about").json["background"], "run() to have begun")
    assert does.json(b"{}", "/?do=about").json["own"] is False
    does.wait_log("background at 3")
    does.wait_log("后台线程正常结束")


def test_requirements_that_are_missing_are_named(does):
    lines = re.findall(r"requirements.txt: (.*)", does.log())
    assert [line.partition(" (")[0] for line in lines] == ["no-such-thing", "numpy>=9999"]


@pytest.mark.parametrize("size", [0, 1, 65536, 5 * MIB + 3])
def test_chunked_bodies_come_whole(does, size):
    connection = does.web.connect()
    pieces = (b"x" * min(70_000, size - at) for at in range(0, size, 70_000))
    connection.request(
        "POST", "/?do=len", pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    answer = connection.getresponse()
    assert json.loads(answer.read()) == {"type": "bytes", "len": size}
    connection.close()


def test_plain_curl_gives_its_bytes(does, tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff" + bytes(1000))
    url = f"http://{does.address}/?do=len"
    told = subprocess.check_output(["curl", "-sS", url, "--data-binary", f"@{tmp_path}/cat.jpg"])
    assert json.loads(told) == {"type": "bytes", "len": 1003}


def test_http2_and_keep_alive(does):
    head = ["-H", "Content-Type: application/json", "-d", '{"a": 1}']
    line = ["curl", "-sS", "--http2-prior-knowledge", *head, f"http://{does.address}/"]
    assert subprocess.check_output(line) == b'{"a": 1}'
    connection = does.web.connect()
    assert [does.json(b"[1]", connection=connection).body for _ in range(3)] == [b"[1]"] * 3
    connection.close()


def test_hostile_json_is_the_callers_fault(does):
    """RecursionError was a 500."""
    for body in (b"[" * 500_000, b"{" * 10, b'{"a":' * 100_000):
        assert does.json(body, "/?do=len").json["type"] == "bytes"  # payload: as it came.
    assert does.json(b"9" * 5000).status == 200  # More digits than int() takes: bytes.


def test_too_large_a_body_is_refused_without_being_kept(serve, tmp_path):
    (tmp_path / "aiges.toml").write_text("[wrapper]\nmax_body_mb = 1\n")
    predictor = serve(HEAD + "class Predictor:\n    def predict(self, data): return data\n" + RUN)
    answer = predictor.post(b"x" * (MIB + 1))
    assert (answer.status, answer.json) == (413, {"error": "the body is too large"})
    body = b"x" * MIB
    assert predictor.post(body).body == body


def test_hostile_heads_and_queries(does):
    assert (
        does.web.exchange(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")[9:12]
        == b"400"
    )
    query = "&".join(f"a{n}={n}" for n in range(2000))
    assert does.post(b"", f"/?{query}").status == 200
    answer = does.web.exchange(
        b"POST /?x=\xff\xfe HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert answer[9:12] in (b"200", b"400")
    assert does.web.get("/").status == 200


# --- What becomes of it.


def test_exceptions_are_in_the_log_and_on_the_page_not_in_the_answer(does):
    answer = does.json(b"{}", "/?do=key")
    assert (answer.status, answer.body) == (500, b"")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    does.wait_log("KeyError: 'url'")
    entries = does.web.get("/-/status.json").json["failures"]["entries"]
    assert any("KeyError: 'url'" in json.dumps(entry) for entry in entries)


def test_exit_of_a_call_ends_that_call_alone(does):
    before = does.workers()
    assert does.json(b"{}", "/?do=exit").status == 500
    assert does.json(b"{}", "/?do=len").status == 200 and does.workers() == before


def test_events_are_encoded_first_and_logged_on_a_desk(does):
    assert does.post(b"", "/?do=event").body == b"told"
    does.wait_log("记录事件：result.json -> [1]")
    assert does.post(b"bad", "/?do=event").status == 500
    does.wait_log("Object of type bytes is not JSON serializable")


def test_users_lines_are_in_the_log(does):
    does.json(b"{}", "/?do=log")
    does.wait_log("said by the user")
    does.wait_log("printed")


def test_hosts_own_protocols_call_it_too(does):
    """One model, by raw, JSON and the envelope; its own path stays the first."""
    answer = does.web.raw_mode(b'{"a": [1]}')
    assert (answer.status, answer.body) == (200, b'{"a": [1]}')
    assert does.web.raw_mode(b"\x00\xff").body == b'{"type": "bytes"}'
    assert does.web.raw_mode(b"{}", "?p.do=len").json == {"type": "dict", "len": 0}
    assert does.web.raw_mode(b"{}", "?p.do=key").status == 500
    plain = does.web.request("POST", "/v1/json/svcName", b'{"input": {"a": [1]}}', JSON)
    assert plain.status == 200 and plain.json == {"result": {"a": [1]}}, plain.body
    xsf = XsfClient(does.address)
    assert xsf.once(xsf.payload("input", b'{"a": [3]}')).text() == '{"a": [3]}'
    assert xsf.once(xsf.payload("a"), xsf.payload("b")).code != 0
    xsf.close()


def test_pages_are_beside_it(does):
    assert does.web.get("/-/status").status == 200 and does.web.get("/-/healthz").status == 200
    assert "message" in does.web.get("/").json


def test_dead_worker_is_replaced(does):
    before = does.workers()
    assert does.json(b"{}", "/?do=die").status == 503
    wait_until(lambda: does.workers() and does.workers() != before, "another worker", 20)
    wait_until(lambda: does.json(b"[7]").body == b"[7]", "it to answer", 20)


# --- Programs of their own.


def test_answers_stream_as_they_are_made(serve):
    text = (
        HEAD
        + """
import threading
import flask
class Predictor:
    def __init__(self):
        self.more = threading.Event()
    def predict(self, params):
        if "more" in params:
            self.more.set()
            return "ok"
        def pieces():
            yield "data: first\\n\\n"
            yield f"data: {self.more.wait(20)}\\n\\n"
        return flask.Response(pieces(), mimetype="text/event-stream")
"""
    )
    predictor = serve(text + RUN)
    with predictor.web.socket() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        got = b""
        while b"first" not in got:
            got += client.recv(4096)
        assert b"True" not in got
        assert predictor.post(b"", "/?more=1").body == b"ok"
        while b"data: True" not in got:
            piece = client.recv(4096)
            assert piece, got
            got += piece
    assert b"content-type: text/event-stream; charset=utf-8" in got.lower()


LIMITED = (
    HEAD
    + """
import os, time
class Predictor:
    def __init__(self, config):
        config.limit_concurrency(2)
        self.inside = self.most = 0
    def predict(self) -> list:
        self.inside += 1
        self.most = max(self.most, self.inside)
        open(f"inside{self.inside}", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        self.inside -= 1
        return [self.most]
"""
)


@pytest.mark.parametrize("workers", [10, 1])
def test_limit_concurrency_refuses_what_is_beyond(serve, tmp_path, workers):
    """Of two that are let in, one waits where one thread may call predict."""
    (tmp_path / "aiges.toml").write_text(f"[wrapper]\nmax_workers = {workers}\n")
    predictor = serve(LIMITED + RUN)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(predictor.post())) for _ in range(2)]
    threads[0].start()
    wait_until((tmp_path / "inside1").exists, "the first to be served")
    threads[1].start()

    def refused():
        connection = predictor.web.connect(timeout_s=1)
        try:
            return predictor.post(b"", connection=connection)
        except TimeoutError:  # It came before the second.
            return None
        finally:
            connection.close()

    answer = wait_until(refused, "two to be let in", 20)
    assert (answer.status, answer.body) == (503, b"Service Unavailable")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert predictor.web.get("/").status == 200
    if workers > 1:
        wait_until((tmp_path / "inside2").exists, "the second to be served")
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(30)
    served = [answer for answer in answers if answer.status == 200]
    assert served and max(answer.json[0] for answer in served) == min(workers, 2)
    # predict says that it returns a list: who takes none is told before it runs.
    wait_until(lambda: predictor.post().status == 200, "room for more")
    (tmp_path / "inside1").unlink()
    assert predictor.post(b"", Accept="image/png").status == 406
    assert not (tmp_path / "inside1").exists()
    assert predictor.post(b"", Accept="*/*").status == 200 and (tmp_path / "inside1").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with b.onnx (x + 1) and a.onnx (x + 2)."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("model")
    for name, added in (("b.onnx", 1.0), ("a.onnx", 2.0)):
        kind = onnx.TensorProto.FLOAT
        x, y = (onnx.helper.make_tensor_value_info(n, kind, [None]) for n in "xy")
        more = onnx.helper.make_tensor("more", kind, [1], [added])
        node = onnx.helper.make_node("Add", ["x", "more"], ["y"])
        graph = onnx.helper.make_graph([node], "g", [x], [y], [more])
        made = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
        )
        onnx.save(made, folder / name)
    return folder


ONNX = (
    HEAD
    + """
import numpy
class Predictor:
    def __init__(self, onnx):
        self.onnx = onnx
    def predict(self, json):
        return self.onnx.run(None, {"x": numpy.array(json, "float32")})
"""
)


def test_onnx_of_a_folder_is_the_first_by_name(serve, model):
    (model / "predictor.py").write_text(ONNX + RUN)
    predictor = serve(None, folder=model)
    assert predictor.json(b"[1, 2]").body == b"[[3.0, 4.0]]"
    assert "a.onnx, b.onnx; a.onnx is used" in predictor.log()


def test_onnx_of_a_file_is_that_file(serve, model):
    predictor = serve(ONNX + RUN, "--model-path", str(model / "b.onnx"))
    assert predictor.json(b"[1, 2]").body == b"[[2.0, 3.0]]"


FAILING_RUN = (
    HEAD
    + """
import os, time
class Predictor:
    def run(self):
        while not os.path.exists("fail"):
            time.sleep(0.01)
        os.rename("fail", "failed")
        raise RuntimeError("the queue is gone")
    def predict(self):
        return str(os.getpid())
"""
)


@pytest.mark.parametrize("production", [True, False])
def test_background_that_fails_ends_its_instance_where_deployed(serve, tmp_path, production):
    predictor = serve(FAILING_RUN + RUN, production=production)
    first = predictor.post().body
    (tmp_path / "fail").touch()
    predictor.wait_log("RuntimeError: the queue is gone")
    if production:
        another = lambda: predictor.post().status == 200 and predictor.post().body != first  # noqa: E731
        wait_until(another, "another worker", 20)
    else:
        assert predictor.post().body == first


REQUIRES = "import openbayes_serving as serv\nimport no_such_thing\nserv.run(no_such_thing.P)\n"


def test_import_that_fails_names_what_requirements_miss(tmp_path):
    """Where the host starts it; the user's own command has failed before."""
    (tmp_path / "predictor.py").write_text(REQUIRES)
    (tmp_path / "requirements.txt").write_text("no-such-thing>=1\n")
    (tmp_path / "aiges.toml").write_text(
        '[svcName]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "off"\n'
        f'[aiges]\ncontract = "openbayes"\n[instances]\npython = {json.dumps(sys.executable)}\n'
    )
    predictor = Predictor(tmp_path)
    predictor.command = [*DIE_WITH_PARENT, str(BIN / "AIService"), "-c", "aiges.toml"]
    try:
        predictor.start(ready=False)
        code, _, log = predictor.ended()
    finally:
        predictor.kill()
    assert code == 1
    assert "requirements.txt names what is missing: no-such-thing (not installed)" in log
