# SPDX-License-Identifier: Apache-2.0
"""What a predictor is given, and what becomes of what it does."""

import json
import re
import subprocess

import pytest
from openbayes_served import HEAD, JSON, RUN, Predictor
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
