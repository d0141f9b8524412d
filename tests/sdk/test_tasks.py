# SPDX-License-Identifier: Apache-2.0
"""Hooks for tasks: what a client's body becomes for them, and what they give for the client."""

import asyncio
import base64
import json
import struct

import pytest
from aiges.contracts._tasks._call import Call, read_call
from aiges.contracts._tasks._hooks import Hook, find_hooks, tasks_of
from aiges.contracts._tasks._serve import serve, serve_async
from aiges.errors import BadInput

MESSAGES = [{"role": "user", "content": "hi"}]
TOOL = {"id": "c1", "index": 0, "function": {"name": "f", "arguments": '{"a"'}}


def bodies(results):
    """The JSON of what goes to the host."""
    flat = [
        each for result in results for each in (result if isinstance(result, list) else [result])
    ]
    return [json.loads(each["data"]) for each in flat]


def ask(task, hook, file=None, about=None, **body):
    return bodies(serve({task: Hook(task, hook)}, Call(task, body, file, about or {})))


def chat(hook, **body):
    return ask("chat", hook, messages=MESSAGES, **body)


def deltas(pieces):
    return [c["delta"] for p in pieces for c in p["choices"]]


def test_text_is_a_chat_completion():
    (body,) = chat(lambda messages: f"you said {messages[0]['content']}")
    assert body == {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "you said hi"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ]
    }


def test_a_generator_streams_with_the_role_first_and_the_reason_last():
    def hook(messages):
        yield "a"
        yield ""
        yield {"text": "b", "finish_reason": "length", "usage": {"prompt_tokens": 1}}

    pieces = chat(hook, stream=True)
    assert deltas(pieces) == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {"content": "b"},
        {},
    ]
    assert [p["choices"][0]["finish_reason"] for p in pieces] == [None, None, None, "length"]
    assert not any("usage" in p for p in pieces)
    (body,) = chat(hook)
    assert body["choices"][0]["message"]["content"] == "ab"
    assert body["usage"] == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}


def test_usage_is_streamed_where_the_client_asks_for_it():
    def hook(messages):
        yield "a"
        return {"usage": {"prompt_tokens": 2, "completion_tokens": 3}}

    last = chat(hook, stream=True, stream_options={"include_usage": True})[-1]
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 5


def test_a_plain_hook_streams_its_text_as_one_piece():
    assert deltas(chat(lambda messages: "all", stream=True))[1:] == [{"content": "all"}, {}]


def test_an_empty_generator_is_an_empty_text():
    def hook(messages):
        yield from ()

    assert chat(hook)[0]["choices"][0]["message"]["content"] == ""
    assert deltas(chat(hook, stream=True)) == [{"role": "assistant", "content": ""}, {}]


def test_calls_of_tools_are_joined_from_their_pieces():
    def hook(messages):
        yield {"tool_calls": [TOOL]}
        yield {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}

    choice = chat(hook)[0]["choices"][0]
    call = {"type": "function", "id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert choice["message"] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert choice["finish_reason"] == "tool_calls"
    pieces = chat(hook, stream=True)
    assert deltas(pieces)[1]["tool_calls"] == [TOOL]
    assert pieces[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_several_choices():
    (body,) = chat(lambda messages, n: ["x"] * n, n=2)
    assert [(c["index"], c["message"]["content"]) for c in body["choices"]] == [(0, "x"), (1, "x")]
    with pytest.raises(BadInput, match="n: expected 1"):
        chat(lambda messages: "x", n=2)


def test_a_whole_body_is_as_it_is():
    said = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}],
        "id": "mine",
    }
    assert chat(lambda messages: said) == [said]


def test_options_are_those_of_the_signature():
    seen = {}

    def hook(messages, temperature=1.0, *, max_tokens=5, stop=None):
        seen.update(temperature=temperature, max_tokens=max_tokens, stop=stop)
        return ""

    chat(hook, temperature=0, max_completion_tokens=7, stop=None, top_p=1, model="m")
    assert seen == {"temperature": 0, "max_tokens": 7, "stop": None}


def test_all_options_with_stars():
    seen = {}
    chat(lambda messages, **options: seen.update(options) or "", seed=1, model="m", user=None)
    assert seen == {"seed": 1, "model": "m"}


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (None, "messages: expected an array of messages, got null"),
        ([], "messages: expected an array of messages, got an empty one"),
        ("hi", "messages: expected an array of messages, got a string"),
        ([1], r"messages\[0\]: expected an object, got a number"),
        ([{"content": "x"}], r"messages\[0\].role: expected a string, got null"),
        ([{"role": "user", "content": 1}], r"messages\[0\].content: expected a string or an"),
    ],
)
def test_wrong_messages_are_the_callers_fault(messages, text):
    with pytest.raises(BadInput, match=text):
        ask("chat", lambda messages: "", messages=messages)


@pytest.mark.parametrize(
    "given", [b"x", 1, {"texts": "x"}, {"text": 1}, {"usage": 1}, {"usage": {"prompt_tokens": "1"}}]
)
def test_what_a_hook_may_not_give_is_its_own_fault(given):
    with pytest.raises(TypeError, match="expected"):
        chat(lambda messages: given)


def test_each_prompt_is_a_choice():
    def hook(prompt):
        return {"text": prompt.upper(), "usage": {"prompt_tokens": 1, "completion_tokens": 2}}

    (body,) = ask("complete", hook, prompt=["a", "b"])
    assert [(c["index"], c["text"]) for c in body["choices"]] == [(0, "A"), (1, "B")]
    assert body["usage"]["total_tokens"] == 6
    pieces = ask("complete", hook, prompt="a", stream=True)
    assert [c["text"] for p in pieces for c in p["choices"]] == ["A", ""]
    with pytest.raises(BadInput, match="prompt: expected a string or an array"):
        ask("complete", hook)


def test_tokens_are_one_prompt():
    assert (
        ask("complete", lambda prompt: str(prompt), prompt=[1, 2])[0]["choices"][0]["text"]
        == "[1, 2]"
    )


def test_embeddings_are_numbers_or_base64():
    def hook(inputs):
        return [[float(len(each)), 0.5] for each in inputs]

    (body,) = ask("embed", hook, input=["a", "bcd"])
    assert [(d["index"], d["embedding"]) for d in body["data"]] == [(0, [1, 0.5]), (1, [3, 0.5])]
    assert body["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    (body,) = ask("embed", hook, input="a", encoding_format="base64")
    packed = base64.b64decode(body["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == (1, 0.5)


def test_arrays_are_embeddings():
    numpy = pytest.importorskip("numpy")
    made = {"embeddings": numpy.ones((2, 3), "float32"), "usage": {"prompt_tokens": 4}}
    (body,) = ask("embed", lambda inputs: made, input=["a", "b"])
    assert body["data"][1]["embedding"] == [1, 1, 1]
    assert body["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_an_embedding_for_each_input():
    with pytest.raises(TypeError, match="a vector for each of 2 inputs, got 1"):
        ask("embed", lambda inputs: [[1.0]], input=["a", "b"])
    with pytest.raises(TypeError, match="vectors of numbers"):
        ask("embed", lambda inputs: [["x"]], input="a")
    with pytest.raises(BadInput, match="input: expected"):
        ask("embed", lambda inputs: [], input=1)


SEGMENTS = [
    {"start": 0.0, "end": 1.5, "text": " Hello"},
    {"start": 1.5, "end": 62.25, "text": " there"},
]


def transcript(hook, **body):
    call = Call("transcribe", body, b"wav", {"filename": "a.wav", "content-type": "audio/wav"})
    return list(serve({"transcribe": Hook("transcribe", hook)}, call))


def test_transcripts_in_each_form():
    def hook(audio):
        assert audio == b"wav"
        yield from SEGMENTS
        return {"language": "en"}

    assert bodies(transcript(hook)) == [{"text": "Hello there"}]
    (text,) = transcript(hook, response_format="text")
    assert text["data"] == b"Hello there\n"
    assert text["desc"] == {"content-type": "text/plain; charset=utf-8"}
    (srt,) = transcript(hook, response_format="srt")
    assert srt["data"].decode().startswith("1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n")
    (vtt,) = transcript(hook, response_format="vtt")
    assert b"00:00:01.500 --> 00:01:02.250\nthere" in vtt["data"]
    (verbose,) = bodies(transcript(hook, response_format="verbose_json"))
    assert verbose["language"] == "en" and verbose["duration"] == 62.25
    assert [each["id"] for each in verbose["segments"]] == [0, 1]


def test_a_transcript_streams():
    pieces = bodies(transcript(lambda audio: iter(["a ", "b"]), stream=True))
    assert [p["type"] for p in pieces] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert pieces[-1]["text"] == "a b"


def test_a_form_needs_segments():
    with pytest.raises(BadInput, match="response_format: expected json, text or verbose_json"):
        transcript(lambda audio: "x", response_format="srt")
    with pytest.raises(BadInput, match="response_format: expected one of"):
        transcript(lambda audio: "x", response_format="mp3")
    (made,) = transcript(lambda audio, response_format: "1\n..", response_format="srt")
    assert made["data"] == b"1\n.."


def test_the_name_of_the_file_is_an_option():
    (body,) = bodies(transcript(lambda audio, filename, content_type: f"{filename} {content_type}"))
    assert body == {"text": "a.wav audio/wav"}


def test_one_hook_answers_whole_bodies():
    class Owner:
        tasks = ("embed", "chat")

        def openai(self, task, body):
            if body.get("stream"):
                return iter([{"n": 1}, '{"n": 2}'])
            return {"task": task, "model": body["model"]}

    hooks = find_hooks(Owner())
    assert tasks_of(Owner()) == ["chat", "embed"]
    assert bodies(serve(hooks, Call("chat", {"model": "m"}))) == [{"task": "chat", "model": "m"}]
    assert bodies(serve(hooks, Call("chat", {"stream": True}))) == [{"n": 1}, {"n": 2}]


def test_a_hook_that_cannot_be_called_is_told_at_once():
    with pytest.raises(TypeError, match=r"chat: expected chat\(messages, ..\), got chat\(\)"):
        Hook("chat", lambda: None)


def test_a_module_of_that_name_is_no_hook():
    class Owner:
        openai = json

    assert tasks_of(Owner()) == [] and find_hooks(Owner()) == {}


def test_a_generator_is_closed_when_its_client_leaves():
    closed = []

    def hook(messages):
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    run = serve({"chat": Hook("chat", hook)}, Call("chat", {"messages": MESSAGES, "stream": True}))
    next(run)
    run.close()
    assert closed == [True]


async def gather(hooks, call):
    return [each async for each in serve_async(hooks, call)]


def run_async(hook, **body):
    call = Call("chat", {"messages": MESSAGES, **body})
    return bodies(asyncio.run(gather({"chat": Hook("chat", hook)}, call)))


async def coroutine(messages):
    await asyncio.sleep(0)
    return "ab"


async def async_generator(messages):
    yield "a"
    await asyncio.sleep(0)
    yield "b"


def generator(messages):
    yield "a"
    yield "b"


@pytest.mark.parametrize("hook", [coroutine, async_generator, generator, lambda messages: "ab"])
def test_hooks_on_the_event_loop(hook):
    (body,) = run_async(hook)
    assert body["choices"][0]["message"]["content"] == "ab"
    assert "".join(d.get("content", "") for d in deltas(run_async(hook, stream=True))) == "ab"


def test_a_call_is_read_from_payloads_of_either_generation():
    node = {"key": "openai", "data": b'{"model": "m"}', "desc": {}}
    file = {"key": "file", "data": b"x", "desc": {"filename": "f"}}
    call = read_call({":task": "chat"}, (node, file))
    assert (call.body, call.file, call.about_file) == ({"model": "m"}, b"x", {"filename": "f"})
    assert read_call({}, (node,)) is None
    for data in (b"[1]", b"{", b"[" * 100_000):
        with pytest.raises(BadInput, match="the body"):
            read_call({":task": "chat"}, ({"key": "openai", "data": data},))
    with pytest.raises(BadInput, match="expected a payload openai"):
        read_call({":task": "chat"}, ({"key": "text", "data": b""},))
