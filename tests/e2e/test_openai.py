# SPDX-License-Identifier: Apache-2.0
"""OpenAI's API by its official client, sync and async, and over plain HTTP where that has no word.

The engine is openai_engine.py: hooks for tasks, and nothing else.
"""

import asyncio
import json

import openai
import pytest
from loader_fixtures import HERE
from loader_process import Loader
from test_access import bearer, line
from waiting import wait_until

ENGINE = (HERE / "openai_engine.py").read_text(encoding="utf-8")
WAV = ("a.wav", b"RIFF....", "audio/wav")
EMBED_ONLY = "def embed(inputs):\n    return [[1.0] for each in inputs]\n"


@pytest.fixture(scope="module")
def shared(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("openai"), ENGINE, service="llm") as loader:
        yield loader


def client_of(loader, key="none", kind=openai.OpenAI):
    return kind(base_url=f"http://{loader.http}/v1", api_key=key, max_retries=0, timeout=30)


@pytest.fixture
def ai(shared):
    with client_of(shared) as client:
        yield client


def say(text):
    return [{"role": "system", "content": "be short"}, {"role": "user", "content": text}]


def post(loader, path, body, headers=None):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **(headers or {})}
    return loader.web.request("POST", path, text, given)


def error_of(answer):
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    return answer.json["error"]


def test_chat(ai):
    made = ai.chat.completions.create(model="llm", messages=say("one two"))
    assert made.choices[0].message.content == "one two "
    assert made.choices[0].message.role == "assistant"
    assert made.choices[0].finish_reason == "stop"
    assert (made.usage.prompt_tokens, made.usage.total_tokens) == (2, 5)
    assert made.id.startswith("chatcmpl-")
    assert (made.object, made.model) == ("chat.completion", "llm")
    assert made.created > 1_700_000_000
    assert made._request_id


def test_options_reach_the_hook(ai):
    made = ai.chat.completions.create(
        model="m", messages=say("options"), temperature=0, max_completion_tokens=9, top_p=0.5
    )
    content = made.choices[0].message.content
    assert content == "0 9 ['max_completion_tokens', 'model', 'top_p']"


def test_chat_stream(ai):
    stream = ai.chat.completions.create(
        model="llm",
        messages=say("one two three"),
        stream=True,
        stream_options={"include_usage": True},
    )
    pieces = list(stream)
    deltas = [piece.choices[0].delta for piece in pieces[:-1]]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == "one two three "
    assert pieces[-2].choices[0].finish_reason == "stop"
    assert pieces[-1].choices == [] and pieces[-1].usage.total_tokens == 5
    assert len({piece.id for piece in pieces}) == 1
    assert {piece.object for piece in pieces} == {"chat.completion.chunk"}


def test_stream_on_the_wire(shared):
    answer = post(shared, "/v1/chat/completions", {"messages": say("hi"), "stream": True})
    assert answer.headers["content-type"] == "text/event-stream"
    lines = answer.body.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert all(line.startswith("data: {") and "\n" not in line for line in lines[:-2])


def test_completions(ai):
    made = ai.completions.create(model="llm", prompt=["a", "b"], max_tokens=3)
    assert [choice.text for choice in made.choices] == ["A", "B"]
    assert made.choices[0].finish_reason == "length"
    assert (made.object, made.id[:5]) == ("text_completion", "cmpl-")
    pieces = list(ai.completions.create(model="llm", prompt="a", stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == "A"


def test_embeddings(ai):
    made = ai.embeddings.create(model="llm", input=["a", "bcd"])  # As base64.
    assert [each.embedding for each in made.data] == [[1, 0.5], [3, 0.5]]
    made = ai.embeddings.create(model="llm", input="ab", encoding_format="float")
    assert (made.object, made.data[0].embedding) == ("list", [2, 0.5])
    assert made.usage.total_tokens == 2


def test_transcriptions(ai):
    create = ai.audio.transcriptions.create
    assert create(model="llm", file=WAV).text == "8 bytes of a.wav"
    assert create(model="llm", file=WAV, response_format="text") == "8 bytes of a.wav\n"
    assert create(model="llm", file=WAV, response_format="srt").startswith("1\n00:00:00,000 --> ")
    assert create(model="llm", file=WAV, response_format="vtt").startswith("WEBVTT\n\n")
    verbose = create(
        model="llm",
        file=WAV,
        response_format="verbose_json",
        language="de",
        timestamp_granularities=["segment"],
    )
    assert (verbose.language, verbose.segments[0].end) == ("de", 1.25)
    events = list(create(model="llm", file=WAV, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + [
        "transcript.text.done"
    ]


def test_async_client(shared):
    async def talk():
        async with client_of(shared, kind=openai.AsyncOpenAI) as client:
            texts = [say(f"number {n}") for n in range(5)]
            made = await asyncio.gather(
                *(client.chat.completions.create(model="llm", messages=text) for text in texts)
            )
            stream = await client.chat.completions.create(
                model="llm", messages=say("a b"), stream=True
            )
            return [each.choices[0].message.content for each in made], [
                piece.choices[0].delta.content async for piece in stream
            ]

    whole, pieces = asyncio.run(talk())
    assert whole == [f"number {n} " for n in range(5)]
    assert "".join(piece or "" for piece in pieces) == "a b "


def test_large_bodies(shared, ai):
    text = ("x" * 5000 + " ") * 40  # Parsed beside the lane.
    made = ai.chat.completions.create(model="llm", messages=say(text))
    assert made.choices[0].message.content == text
    assert ai.audio.transcriptions.create(model="llm", file=("big.wav", b"\0" * 300_000)).text


def test_models(shared, ai):
    (model,) = ai.models.list().data
    assert (model.id, model.object, model.owned_by) == ("llm", "model", "aiges")
    assert ai.models.retrieve("llm").id == "llm"
    listed = shared.web.get("/v1/models").json
    assert listed["models"] == ["llm"]  # KServe's field.
    asked = shared.web.get("/v1/models/llm").json
    assert (asked["name"], asked["ready"]) == ("llm", True)


def test_bad_input_names_the_parameter(shared, ai):
    with pytest.raises(openai.BadRequestError) as caught:
        ai.chat.completions.create(model="llm", messages=[])
    assert caught.value.param == "messages"
    assert caught.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as caught:
        ai.chat.completions.create(model="llm", messages=say("bad"), stream=True)
    assert caught.value.param == "messages[0].content"
    for body, param in (({"model": 1}, "model"), ({"stream": "x"}, "stream"), (b"{", None)):
        answer = post(shared, "/v1/chat/completions", body)
        assert (answer.status, error_of(answer)["param"]) == (400, param)


def test_what_the_engine_breaks_is_its_fault(ai):
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError, match="no model for that") as caught:
            ai.chat.completions.create(model="llm", messages=say("broken"), stream=stream)
        assert caught.value.type == "server_error"


def test_error_in_a_stream(ai):
    stream = ai.chat.completions.create(model="llm", messages=say("a break"), stream=True)
    seen = []
    with pytest.raises(openai.APIError, match="in the middle"):
        seen += [piece.choices[0].delta.content for piece in stream]
    # The pieces before it have come; what was on the way with it may be lost.


def test_methods_and_content(shared):
    answer = shared.web.get("/v1/chat/completions")
    assert answer.status == 405 and answer.headers["allow"] == "POST, OPTIONS"
    assert error_of(answer)["type"] == "invalid_request_error"
    answer = post(shared, "/v1/models", {})
    assert answer.status == 405 and answer.headers["allow"] == "GET, OPTIONS"
    assert post(shared, "/v1/audio/transcriptions", {}).status == 415
    answer = post(shared, "/v1/chat/completions", b"x", {"Content-Type": "image/png"})
    assert answer.status == 415 and "application/json" in error_of(answer)["message"]


def test_client_that_leaves_ends_the_generator(shared, ai, tmp_path):
    file = tmp_path / "closed"
    stream = ai.chat.completions.create(model="llm", messages=say(f"forever {file}"), stream=True)
    next(iter(stream))
    stream.close()
    wait_until(file.exists, "the generator's end")
    wait_until(lambda: shared.metric("aiges_running") == 0, "the end of the call")
    file = tmp_path / "closed too"
    body = json.dumps({"messages": say(f"forever {file}")}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with shared.web.socket() as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: shared.metric("aiges_running") != 0, "the call in the engine")
    wait_until(file.exists, "the generator's end")


def test_task_that_is_not_declared(start):
    loader = start(EMBED_ONLY, service="emb")
    with client_of(loader) as client:
        with pytest.raises(openai.NotFoundError, match="does not declare the task chat") as caught:
            client.chat.completions.create(model="emb", messages=say("hi"))
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        assert client.embeddings.create(model="emb", input="x").data[0].embedding == [1]


def test_not_ready(loading):
    loader, gate = loading
    for answer in (
        loader.web.get("/v1/models"),
        loader.web.get("/v1/models/svcName"),
        post(loader, "/v1/chat/completions", {"messages": say("hi")}),
    ):
        assert answer.status == 503 and answer.headers["retry-after"] == "1"
        assert error_of(answer)["code"] == "service_unavailable"
    gate.touch()
    loader.wait_ready_line()
    assert loader.web.get("/v1/models").status == 200


def test_keys_and_limits(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(line("alice", "k-alice") + line("bob", "k-bob", "call:other"))
    config = {"access": {"keys_file": str(keys)}, "limits": {"max_message_bytes": 4096}}
    loader = start(EMBED_ONLY, config=config)
    with client_of(loader, "k-alice") as client:
        assert client.embeddings.create(model="m", input="x").data
        assert client.models.list().data
        with pytest.raises(openai.APIStatusError) as caught:
            client.embeddings.create(model="m", input="x" * 5000)
        assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")
    with client_of(loader, "nobody") as client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    assert caught.value.code == "invalid_api_key"
    with client_of(loader, "k-bob") as client, pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model="m", input="x")
    assert error_of(post(loader, "/v1/embeddings", {}))["type"] == "authentication_error"
    assert loader.web.request("GET", "/v1/models", headers=bearer("k-alice")).status == 200


OWN = """
from aiges.dto import Response, ResponseData

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        answer = ResponseData()
        answer.key, answer.type = "result", 0
        answer.setData(b"own: " + reqData.list[0].data)
        response = Response()
        response.list = [answer]
        return response

    {hook}
"""
HOOKS = (
    "def chat(self, messages): return 'yes'",
    "async def chat(self, messages): return 'yes'",
)
ASYNC_ONCE = OWN.replace("    def wrapperOnceExec", "    async def wrapperOnceExec")


@pytest.mark.parametrize(
    "wrapper",
    [OWN.format(hook=HOOKS[0]), OWN.format(hook=HOOKS[1]), ASYNC_ONCE.format(hook=HOOKS[0])],
)
def test_class_keeps_its_own_hook_for_other_calls(start, wrapper):
    loader = start(wrapper)
    assert loader.web.raw_mode(b"data").body == b"own: data"
    with client_of(loader) as client:
        made = client.chat.completions.create(model="m", messages=say("hi"))
        assert made.choices[0].message.content == "yes"
        pieces = list(client.chat.completions.create(model="m", messages=say("hi"), stream=True))
        assert "".join(p.choices[0].delta.content or "" for p in pieces) == "yes"


BODIES = """
import json
tasks = ("chat",)
def openai(task, body):
    if body["model"] == "gone":
        return {"error": {"message": "it left", "type": "invalid_request_error", "param": "model"}}
    if body.get("stream"):
        return iter([{"choices": [{"index": 0, "delta": {"content": str(n)}}]} for n in range(3)])
    return json.dumps({"id": "mine", "choices": [{"index": 0, "message":
        {"role": "assistant", "content": task}}]}, indent=1)
"""


def test_one_hook_for_whole_bodies(start):
    loader = start(BODIES)
    with client_of(loader) as client:
        made = client.chat.completions.create(model="m", messages=say("hi"))
        assert (made.id, made.choices[0].message.content) == ("mine", "chat")
        pieces = client.chat.completions.create(model="m", messages=say("hi"), stream=True)
        assert [piece.choices[0].delta.content for piece in pieces] == ["0", "1", "2"]
        with pytest.raises(openai.BadRequestError, match="it left"):
            client.chat.completions.create(model="gone", messages=say("hi"))
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="m", input="x")


APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the app's own " + scope["path"].encode()})
"""


def test_paths_of_an_application_are_its_own(start, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text(APP, encoding="utf-8")
    loader = start(folder, config={"aiges": {"contract": "asgi", "app": "main:app"}})
    answer = post(loader, "/v1/chat/completions", {})
    assert answer.body == b"the app's own /v1/chat/completions"
    assert loader.web.get("/v1/models").body == b"the app's own /v1/models"
