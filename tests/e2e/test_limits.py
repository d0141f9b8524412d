# SPDX-License-Identifier: Apache-2.0
"""[access] limits_file: how much each caller may use, in the words of every protocol.

Windows are so long that nothing comes back while a test runs.
"""

import asyncio
import base64
import http.client
import json

import grpc
import numpy as np
import openai
import pytest
from aiges.client import AsyncClient, Client, Limited
from asgi_loader import asgi
from command import Command
from h2_client import GRPC, H2Client, message
from loader_fixtures import HERE, WRAPPERS
from oip_loader import grpcclient, infer_json, oip_loader
from session_wrappers import GENERATOR
from test_access import bearer, line
from test_grpc_web import RUN, WEB, Answer
from test_model_calls import ECHO, config_of, write_models
from tritonclient.utils import InferenceServerException
from waiting import wait_until
from websockets.sync.client import connect

WORDS = """
from aiges.dto import Response, ResponseData, callback_metric

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        callback_metric("", "words", len(reqData.list[0].data.split()))
        answer = ResponseData()
        answer.key, answer.type = "result", 0
        answer.setData(reqData.list[0].data)
        response = Response()
        response.list = [answer]
        return response
"""
OUTER = """
import aiges

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        given = {"text": reqData.list[0].data.decode()}
        return " ".join(aiges.call("echo", given)["text"].data.decode() for _ in range(5))
"""
LIMITED = 10422
RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


@pytest.fixture
def limited(start, tmp_path):
    """limited(text of the file, wrapper, keys=text of keys, **config) -> a loader."""
    file, keys_file = tmp_path / "limits", tmp_path / "keys"

    def begin(text, wrapper=WORDS, keys=None, ready=True, **config):
        file.write_text(text)
        access = {"limits_file": str(file)}
        if keys is not None:
            keys_file.write_text(keys)
            access["keys_file"] = str(keys_file)
        return start(wrapper, config={"access": access, **config}, ready=ready)

    begin.file = file
    return begin


def states(loader, headers=None):
    """{(caller, model, limit): left}"""
    told = loader.web.request("GET", "/-/status.json", None, headers).json["limits"]
    return {(s["caller"], s["model"], s["limit"]): s["left"] for s in told["states"]}


def assert_retry_info(trailers):
    """Of a refusal of gRPC by a limit that comes back within hours."""
    assert RETRY_INFO in base64.b64decode(trailers["grpc-status-details-bin"] + "==")
    assert 0 < int(trailers["grpc-retry-pushback-ms"]) <= 3_600_000
    assert 0 < int(trailers["retry-after"]) <= 3600


def test_http_tells_what_is_left_and_when_to_come_again(limited):
    loader = limited("* * calls=3/1h concurrent=8\n* svcName bytes=1kB/1h\n")
    passed = [loader.web.raw_mode(b"x" * 10) for _ in range(3)]
    assert [a.status for a in passed] == [200] * 3
    assert passed[0].headers["ratelimit-policy"] == (
        '"model-bytes-1h";q=1000;qu="content-bytes";w=3600, "calls-1h";q=3;w=3600, '
        '"concurrent";q=8;qu="concurrent-requests"'
    )
    assert '"calls-1h";r=2;t=1200' in passed[0].headers["ratelimit"]
    assert '"model-bytes-1h";r=950' in passed[2].headers["ratelimit"], "in and out, and in again"
    assert '"concurrent";r=7' in passed[2].headers["ratelimit"]
    assert "retry-after" not in passed[2].headers
    refused = loader.web.raw_mode(b"x")
    assert (refused.status, refused.code) == (429, LIMITED)
    assert refused.message.startswith(
        "the limit calls=3/1h of callers without a name is used up: try again in 1"
    )
    assert 1 < int(refused.headers["retry-after"]) <= 1200
    assert '"calls-1h";r=0' in refused.headers["ratelimit"]
    envelope = loader.web.envelope({"header": {}, "payload": {"data": {"text": "eA=="}}})
    assert (envelope.status, envelope.code) == (429, LIMITED)
    plain = loader.web.request("POST", "/v1/json/svcName", "{}", {"Content-Type": "text/json"})
    assert plain.status == 400 and "ratelimit" not in plain.headers, "no call came of it"
    sent = {"Content-Type": "application/json"}
    plain = loader.web.request("POST", "/v1/json/svcName", '{"text": "x"}', sent)
    assert (plain.status, plain.json["error"]["code"]) == (429, LIMITED)
    assert "ratelimit" not in loader.web.get("/-/status.json").headers
    assert loader.metric("aiges_limit_refused_total", limit="calls") == 3
    assert loader.metric("aiges_limit_refused_total", limit="bytes") == 0
    assert loader.metric("aiges_requests_total", code="10422") == 3
    assert loader.metric("aiges_limit_callers") == 1
    told = loader.web.get("/-/status.json").json["limits"]
    assert (told["lines"], told["hosts"], told["refused"]["calls"]) == (2, 1, 3)
    assert states(loader)["-", "*", "calls=3/1h"] == 0


def test_each_key_has_its_own(limited):
    keys = line("alice", "k-a") + line("bob", "k-b") + line("ops", "k-ops", "call,admin")
    loader = limited("* * calls=1/1h\nalice * calls=2/1h\nops * unlimited\n", keys=keys)
    asked = {
        name: [loader.web.raw_mode(b"x", headers=bearer(key)).status for _ in range(3)]
        for name, key in {"alice": "k-a", "bob": "k-b", "ops": "k-ops"}.items()
    }
    assert asked == {"alice": [200, 200, 429], "bob": [200, 429, 429], "ops": [200, 200, 200]}
    assert loader.web.raw_mode(b"x").status == 401
    assert "limit calls=2/1h of alice" in loader.web.raw_mode(b"x", headers=bearer("k-a")).message
    assert states(loader, bearer("k-ops"))["bob", "*", "calls=1/1h"] == 0


def test_what_an_engine_counts_is_charged_afterwards(limited):
    loader = limited("* * words=5/1h\n")
    assert loader.web.raw_mode(b"one two").status == 200
    assert loader.web.raw_mode(b" ".join([b"w"] * 100)).status == 200, "3 are left: a debt"
    refused = loader.web.raw_mode(b"x")
    assert (refused.status, refused.code) == (429, LIMITED)
    assert 60_000 < int(refused.headers["retry-after"]) < 72_000
    assert loader.metric("aiges_limit_refused_total", limit="meter") == 1


def test_what_an_engine_counts_in_a_session_is_charged_too(limited):
    loader = limited("* * words=4/1h\n")
    sent = {"Content-Type": "text/plain", "Accept": "text/event-stream"}
    first = loader.web.request("POST", "/v1/raw/svcName", b"one two three four five", sent)
    assert first.status == 200 and first.headers["content-type"].startswith("text/event-stream")
    wait_until(lambda: loader.web.raw_mode(b"x").status == 429, "the words are charged")


def test_who_leaves_before_the_end_pays_what_was_counted(limited):
    """The whole answer of a chat is there before its usage is."""
    engine = (HERE / "openai_engine.py").read_text(encoding="utf-8")
    loader = limited("* * tokens=5/1h\n", engine)
    body = {"messages": [{"role": "user", "content": "one two"}], "stream": True}
    host, _, port = loader.http.rpartition(":")

    def chat():
        link = http.client.HTTPConnection(host, int(port), timeout=20)
        sent = {"Content-Type": "application/json"}
        link.request("POST", "/v1/chat/completions", json.dumps(body), sent)
        answer = link.getresponse()
        if answer.status == 200:
            while b"two" not in answer.readline():
                pass
        link.sock.close()
        answer.close()
        return answer.status

    wait_until(lambda: chat() == 429, "tokens of those that have left")


def test_xsf_has_a_code_that_sends_nobody_to_another_node(limited):
    loader = limited("* * calls=1/1h\n")
    assert loader.xsf.once().code == 0
    answer = loader.xsf.once()
    assert (answer.code, answer.res.code) == (LIMITED, 0)
    assert "calls=1/1h" in answer.error
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    body = message(loader.xsf.request(inner).SerializeToString())
    with H2Client(loader.grpc) as client:
        stream = client.ask(body, headers=GRPC)
    assert stream.grpc_status == 0 and int(stream.trailers["retry-after"]) > 60
    assert stream.headers["ratelimit"].startswith('"calls-1h";r=0;t=')


def test_a_stream_of_grpc_is_told_by_status_and_retry_info(limited):
    loader = limited("* * calls=1/1h\n")
    loader.web.raw_mode(b"x")
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    run = loader.xsf.channel.stream_stream(RUN)
    with pytest.raises(grpc.RpcError) as refused:
        list(run(iter([inner.SerializeToString()]), timeout=30))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "calls=1/1h" in refused.value.details()
    told = dict(refused.value.trailing_metadata())
    assert RETRY_INFO in told["grpc-status-details-bin"]
    body = message(inner.SerializeToString())
    sent = loader.web.request("POST", RUN, body, {"content-type": WEB})
    web = Answer(sent.status, sent.headers, sent.body)
    assert web.grpc_status == 8
    assert_retry_info(web.trailers)


def test_openai_has_its_own_words(limited):
    engine = (HERE / "openai_engine.py").read_text(encoding="utf-8")
    loader = limited("* * calls=2/1h\n", engine)
    with openai.OpenAI(
        base_url=f"http://{loader.http}/v1", api_key="none", max_retries=0, timeout=30
    ) as client:
        chat = client.chat.completions.with_raw_response.create
        said = [{"role": "user", "content": "one"}]
        made = chat(model="llm", messages=said)
        assert made.headers["x-ratelimit-limit-requests"] == "2"
        assert made.headers["x-ratelimit-remaining-requests"] == "1"
        assert made.headers["x-ratelimit-reset-requests"] == "30m0s"
        client.chat.completions.create(model="llm", messages=said, stream=True).close()
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError) as refused:
                chat(model="llm", messages=said, stream=stream)
            error = refused.value
            assert error.body["type"] == "rate_limit_error"
            assert error.body["code"] == "rate_limit_exceeded"
            assert int(error.response.headers["retry-after"]) > 60
            assert error.response.headers["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_of_openai_are_counted(limited, stream):
    engine = (HERE / "openai_engine.py").read_text(encoding="utf-8")
    loader = limited("* * tokens=7/1h\n", engine)
    body = {"messages": [{"role": "user", "content": "one two"}], "stream": stream}
    sent = {"Content-Type": "application/json"}
    statuses = [
        loader.web.request("POST", "/v1/chat/completions", json.dumps(body), sent) for _ in range(3)
    ]
    assert [a.status for a in statuses] == [200, 200, 429], "5 tokens each"
    assert statuses[1].headers["x-ratelimit-remaining-tokens"] == "2"
    assert loader.metric("aiges_meter_total", key="tokens") == 10
    assert loader.metric("aiges_meter_total", key="completion_tokens") == 6


def test_open_inference_protocol_is_429_and_resource_exhausted(binaries, tmp_path):
    file = tmp_path / "limits"
    file.write_text("* * calls=1/1h\n")
    body = {"inputs": [{"name": "INPUT0", "shape": [1, 16], "datatype": "FP32"}]}
    body["inputs"][0]["data"] = [0.0] * 16
    access = {"limits_file": str(file)}
    with oip_loader(binaries, tmp_path / "oip", "identity", access=access) as loader:
        passed = infer_json(loader, body)
        assert passed.status == 200 and '"calls-1h";r=0' in passed.headers["ratelimit"]
        refused = infer_json(loader, body)
        assert refused.status == 429 and "calls=1/1h" in refused.json["error"]
        assert int(refused.headers["retry-after"]) > 60
        with grpcclient.InferenceServerClient(loader.grpc) as client:
            given = grpcclient.InferInput("INPUT0", [1, 16], "FP32")
            given.set_data_from_numpy(np.zeros((1, 16), "float32"))
            with pytest.raises(InferenceServerException) as told:
                client.infer("m", [given])
        assert "RESOURCE_EXHAUSTED" in str(told.value.status())


def test_sessions_are_bounded_and_their_end_makes_room(limited):
    loader = limited("* * sessions=1\n", GENERATOR)

    def open_socket(n):
        ws = connect(f"ws://{loader.http}/v1/private/svcName", open_timeout=20)
        payload = {"data": {"encoding": "utf8", "text": "eA==", "status": 3}}
        head = {"header": {"status": 0}, "parameter": {"group": {"n": n}}, "payload": payload}
        ws.send(json.dumps(head))
        return ws, json.loads(ws.recv(timeout=20))["header"]

    first, opened = open_socket("1000000")
    assert opened["code"] == 0
    second, refused = open_socket("1")
    assert refused["code"] == LIMITED and "sessions=1" in refused["message"]
    second.close()
    sent = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    events = loader.web.request("POST", "/v1/json/svcName?p.n=1", '{"text": "x"}', sent)
    assert events.status == 429 and events.headers["retry-after"] == "1"
    assert loader.metric("aiges_limit_refused_total", limit="sessions") == 2
    first.close()
    wait_until(
        lambda: (
            loader.web.request("POST", "/v1/json/svcName?p.n=1", '{"text": "x"}', sent).status
            == 200
        ),
        "room for a session",
    )


def test_an_application_and_its_websockets_are_limited_too(limited):
    loader = limited("* * calls=1/1h\n", WRAPPERS / "asgi", **asgi())
    passed = loader.web.get("/a")
    assert '"calls-1h";r=0' in passed.headers["ratelimit"]
    refused = loader.web.get("/a")
    assert refused.status == 429 and int(refused.headers["retry-after"]) > 60


def test_models_that_call_models_are_their_callers(limited, tmp_path):
    write_models(tmp_path / "models", {"outer": OUTER, "echo": ECHO})
    text = "* * calls=2/1h concurrent=1\n* echo calls=1/1h\n"
    loader = limited(text, None, **config_of(tmp_path / "models"))
    answer = loader.web.raw_mode(b"y", service="outer")
    assert (answer.status, answer.body) == (200, b"y y y y y")
    assert loader.web.raw_mode(b"x", service="echo").status == 200
    refused = loader.web.raw_mode(b"x", service="echo")
    assert refused.code == LIMITED and "for the model echo" in refused.message


def test_the_file_is_hot_and_a_bad_one_changes_nothing(limited):
    loader = limited("* * calls=1/1h\n")
    assert [loader.web.raw_mode(b"x").status for _ in range(2)] == [200, 429]
    limited.file.write_text("* * call=5/1h\n")
    loader.wait_metric("aiges_limit_file_refused", 1)
    assert loader.web.raw_mode(b"x").status == 429
    told = loader.web.get("/-/status.json").json["limits"]
    assert "line 1: expected calls=" in told["problem"]
    assert "the limits of before stay in force" in loader.log()
    limited.file.write_text("* * calls=1/1h\n* * bytes=1/1s\n")
    wait_until(
        lambda: "line 2" in loader.web.get("/-/status.json").json["limits"]["problem"], "the new"
    )
    limited.file.write_text("# the same, and more\n* * calls=1/1h bytes=1GB/1h\n")
    loader.wait_metric("aiges_limit_file_refused", 0)
    assert loader.web.raw_mode(b"x").status == 429, "what was used stays used"
    limited.file.write_text("* * calls=2/1h\n")
    wait_until(lambda: loader.web.raw_mode(b"x").status == 200, "the new limit")


def test_a_bad_file_ends_the_start_and_the_check(binaries, tmp_path):
    (tmp_path / "limits").write_text("* * calls=1/1w\n")
    access = {"limits_file": str(tmp_path / "limits")}
    command = Command(binaries, tmp_path / "loader", WORDS, {"access": access})
    for words in ((), ("-check",)):
        said = command.run("-m=0", "-c", "aiges.toml", "-s", "svcName", *words)
        assert said.code == 1
        assert "limits: line 1: expected a number and its time" in said.err


@pytest.mark.parametrize("place", ["grpc", "http"])
def test_the_client_waits_as_long_as_it_is_told(limited, place):
    loader = limited("* * calls=1/1s\n")
    target = loader.grpc if place == "grpc" else f"http://{loader.http}"
    with Client(target, retries=1, timeout_s=20) as client:
        for _ in range(3):
            assert client.predict(data="x")
    with Client(target, retries=0) as client, pytest.raises(Limited) as refused:
        for _ in range(1000):
            client.predict(data="x")
    assert 0 < refused.value.retry_after_s <= 1
    assert refused.value.code == LIMITED


def test_the_asyncio_client_waits_too(limited):
    loader = limited("* * calls=1/1s\n")

    async def ask(target):
        async with AsyncClient(target, retries=1, timeout_s=20) as client:
            for _ in range(2):
                await client.predict(data="x")

    for target in (loader.grpc, f"http://{loader.http}"):
        asyncio.run(ask(target))


def test_a_client_without_the_time_is_told_at_once(limited):
    loader = limited("* * calls=1/1h\n")
    with Client(loader.grpc, retries=1) as client:
        client.predict(data="x")
        with pytest.raises(Limited) as refused:
            client.predict(data="x")
    assert refused.value.retry_after_s > 60
