# SPDX-License-Identifier: Apache-2.0
"""[metering]: a usage record for each call, in a file, at a URL, over kills."""

import http.client
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from session_wrappers import GENERATOR
from waiting import wait_until

WORDS = """
from aiges.dto import Response, ResponseData, callback_metric

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        callback_metric("", "words", len(reqData.list[0].data.split()))
        callback_metric("", "words", 1)
        answer = ResponseData()
        answer.key, answer.type = "result", 0
        answer.setData(reqData.list[0].data)
        response = Response()
        response.list = [answer]
        return response
"""


def events_of(folder):
    """The events in the files of lines of a folder; a line that is being written is left out."""
    text = "".join(file.read_text() for file in sorted(folder.glob("usage-*.jsonl")))
    return [json.loads(line) for line in text.split("\n")[:-1]]


def wait_events(folder, count):
    def enough():
        found = events_of(folder)
        return found if len(found) >= count else None

    return wait_until(enough, f"{count} usage records")


@pytest.fixture
def metered(start, tmp_path):
    """metered(wrapper, **[metering]) -> a loader; metered.folder has its usage records."""

    def begin(wrapper, **keys):
        return start(wrapper, config={"metering": {"folder": str(begin.folder), **keys}})

    begin.folder = tmp_path / "usage"
    return begin


def test_a_call_leaves_one_record_with_what_its_engine_counted(metered):
    loader = metered(WORDS)
    loader.web.raw_mode(b"one two three", headers={"X-Request-Id": "mine"})
    loader.web.raw_mode(b"four", headers={"X-Request-Id": "other"})
    first, second = wait_events(metered.folder, 2)
    instance = (metered.folder / "instance").read_text().strip()
    assert (first["specversion"], first["type"]) == ("1.0", "org.aiges.usage.v1")
    assert first["source"] == f"urn:aiges:instance:{instance}"
    assert [e["id"] for e in (first, second)] == [f"{instance}-1", f"{instance}-2"]
    data = first["data"]
    assert (data["request_id"], data["model"], data["protocol"]) == ("mine", "svcName", "raw")
    assert (data["code"], data["bytes_in"], data["bytes_out"], data["outputs"]) == (0, 13, 13, 1)
    assert data["meters"] == {"words": 4} and second["data"]["meters"] == {"words": 2}
    assert 0 < data["engine_ms"] <= data["total_ms"] and data["queue_ms"] >= 0
    assert (data["session"], data["refused"], data["replayed"]) == (False, False, False)
    loader.wait_metric("aiges_meter_total", 6, key="words")
    loader.wait_metric("aiges_usage_delivered_total", 2)
    assert loader.metric("aiges_usage_records_total") == 2
    assert loader.web.get("/status.json").json["metering"]["waiting"] == 0


def test_a_session_leaves_one_record(metered):
    loader = metered(GENERATOR)
    answer = loader.web.request(
        "POST",
        "/v1/json/svcName?p.n=3",
        b'{"data": "abc"}',
        {"Content-Type": "application/json", "Accept": "text/event-stream"},
    )
    assert answer.status == 200
    (event,) = wait_events(metered.folder, 1)
    assert (event["data"]["session"], event["data"]["code"]) == (True, 0)
    assert event["data"]["outputs"] >= 3 and "engine_ms" not in event["data"]


def test_a_killed_loader_loses_and_doubles_no_answered_call(metered):
    answered = []
    for turn in range(4):
        loader = metered(WORDS)
        stop = threading.Event()

        def call(worker, loader=loader, turn=turn, stop=stop):
            number = 0
            while not stop.is_set():
                name = f"{turn}-{worker}-{number}"
                try:
                    if loader.web.raw_mode(b"x", headers={"X-Request-Id": name}).status != 200:
                        return
                except (OSError, http.client.HTTPException):
                    return
                answered.append(name)
                number += 1

        before = len(answered)
        threads = [threading.Thread(target=call, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda n=before + 50 * (turn + 1): len(answered) > n, "answers")
        loader.kill()
        stop.set()
        for thread in threads:
            thread.join()
    last = metered(WORDS)
    last.web.raw_mode(b"x", headers={"X-Request-Id": "last"})
    wait_until(
        lambda: any(e["data"]["request_id"] == "last" for e in events_of(metered.folder)),
        "the last",
    )
    found = events_of(metered.folder)
    ids = [event["data"]["request_id"] for event in found]
    assert len(ids) == len(set(ids))
    assert set(answered) <= set(ids)
    numbers = [int(event["id"].rpartition("-")[2]) for event in found]
    assert numbers == list(range(1, len(numbers) + 1))


class Collector:
    """An HTTP server that takes batches of events; ``statuses`` are answered first."""

    def __init__(self, *statuses, slow_s=0):
        self.statuses, self.batches, self.heads = list(statuses), [], []
        self.slow_s = slow_s
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(collector.slow_s)
                status = collector.statuses.pop(0) if collector.statuses else 202
                collector.heads.append(dict(self.headers))
                if status == 202:
                    collector.batches.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]


@pytest.fixture
def collector():
    made = []

    def make(*statuses, **how):
        made.append(Collector(*statuses, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_url_gets_batches_again_after_an_error(metered, collector):
    there = collector(503)
    loader = metered(WORDS, sink=there.url, token="hush")
    for _ in range(5):
        loader.web.raw_mode(b"x")
    wait_until(lambda: len(there.events) == 5, "five events")
    assert len({event["id"] for event in there.events}) == 5
    head = there.heads[0]
    assert head["Content-Type"] == "application/cloudevents-batch+json"
    assert head["Authorization"] == "Bearer hush"
    assert loader.metric("aiges_usage_sink_failures_total") == 1
    loader.wait_metric("aiges_usage_waiting", 0)


def test_what_a_url_refuses_for_good_is_kept_aside(metered, collector):
    there = collector(400)
    loader = metered(WORDS, sink=there.url)
    loader.web.raw_mode(b"x")
    loader.wait_metric("aiges_usage_dead_letters_total", 1)
    kept = (metered.folder / "dead-letters.jsonl").read_text().splitlines()
    assert len(kept) == 1 and json.loads(kept[0])["data"]["code"] == 0
    loader.web.raw_mode(b"y")
    wait_until(lambda: len(there.events) == 1, "the next event")


def test_what_was_not_delivered_is_after_the_next_start(metered, collector):
    nobody = collector()
    nobody.close()
    loader = metered(WORDS, sink=nobody.url)
    loader.web.raw_mode(b"x")
    loader.stop()
    there = collector()
    metered(WORDS, sink=there.url)
    wait_until(lambda: len(there.events) == 1, "the event")


def test_a_slow_url_does_not_hold_up_the_end(metered, collector):
    there = collector(slow_s=0.5)
    loader = metered(WORDS, sink=there.url)
    for _ in range(3000):
        loader.web.raw_mode(b"x")
    loader.stop()
    assert len(there.events) < 3000
    there.slow_s = 0
    metered(WORDS, sink=there.url)
    ids = wait_until(lambda: len(e := {x["id"] for x in there.events}) == 3000 and e, "the rest")
    assert len(ids) == 3000


def test_a_folder_is_one_loaders(metered):
    loader = metered(WORDS)
    command = [loader.binaries.loader, "-m=0", "-c", "aiges.toml", "-s", "svcName"]
    second = subprocess.run(
        command, cwd=loader.folder, env=loader.env, capture_output=True, text=True, timeout=30
    )
    assert second.returncode == 1
    assert "another process holds" in second.stderr


def test_a_full_store_refuses_calls(metered, collector):
    nobody = collector()
    nobody.close()
    many = "[callback_metric('', f'{i:064}', 1) for i in range(16)]"  # Long records fill sooner.
    wrapper = WORDS.replace('callback_metric("", "words", 1)', many)
    loader = metered(wrapper, sink=nobody.url, max_mb=1)

    def refused():
        answer = loader.web.raw_mode(b"x")
        return answer if answer.status != 200 else None

    answer = wait_until(refused, "a refusal", timeout_s=60)
    assert (answer.status, answer.code) == (429, 10110)
    assert b"the store of usage records is full" in answer.body
    assert loader.metric("aiges_usage_refused_calls_total") >= 1
    assert loader.metric("aiges_usage_dropped_total") == 0
