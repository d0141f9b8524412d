# SPDX-License-Identifier: Apache-2.0
"""plugins/llm with SmolLM2, by OpenAI's client and by AIGES's own protocols."""

import contextlib
import threading

import openai
import pytest
from aiges.client import Client, DataType, Payload
from models import CALL_S, client_of, served

HELLO = [{"role": "user", "content": "Hello"}]
SURE = {"model": "llm", "temperature": 0, "seed": 1}  # The same text each time.


@pytest.fixture(scope="module")
def llm(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llm")
    with served("llm", binaries, folder, slots=2, threads=1, context=512) as loader:
        yield loader


@pytest.fixture
def ai(llm):
    with client_of(llm) as client:
        yield client


def stream_of(ai, **options):
    return ai.chat.completions.create(
        stream=True, stream_options={"include_usage": True}, **{**SURE, **options}
    )


def test_a_stream_has_the_text_of_the_whole_answer(ai):
    whole = ai.chat.completions.create(messages=HELLO, max_tokens=12, **SURE)
    (choice,) = whole.choices
    assert choice.message.content and choice.finish_reason == "length"
    assert (whole.usage.completion_tokens, whole.usage.total_tokens) == (
        12,
        whole.usage.prompt_tokens + 12,
    )
    chunks = list(stream_of(ai, messages=HELLO, max_tokens=12))
    pieces = [c.choices[0].delta.content for c in chunks if c.choices]
    assert "".join(filter(None, pieces)) == choice.message.content
    assert len(list(filter(None, pieces))) > 3
    assert chunks[-1].usage == whole.usage
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"


def test_the_template_of_the_model_is_used(ai):
    """Its tokens, and its system message where there is none, are counted with the prompt."""
    plain = ai.chat.completions.create(messages=HELLO, max_tokens=1, **SURE)
    system = [{"role": "system", "content": "Hi"}, *HELLO]
    short = ai.chat.completions.create(messages=system, max_tokens=1, **SURE)
    assert plain.usage.prompt_tokens == 31 and 10 < short.usage.prompt_tokens < 20


def test_an_answer_ends_at_a_stop(ai):
    made = ai.chat.completions.create(messages=HELLO, max_tokens=64, stop=["!"], **SURE)
    assert made.choices[0].finish_reason == "stop"
    assert made.choices[0].message.content and "!" not in made.choices[0].message.content


def test_a_completion(ai):
    made = ai.completions.create(prompt="The sky is", max_tokens=6, **SURE)
    assert made.choices[0].text.strip() and made.usage.completion_tokens == 6


def test_json_as_a_schema_has_it(ai):
    schema = {
        "type": "object",
        "properties": {"yes": {"type": "boolean"}},
        "required": ["yes"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    made = ai.chat.completions.create(messages=HELLO, max_tokens=40, response_format=form, **SURE)
    assert made.choices[0].message.content.lstrip().startswith("{")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"messages": [{"role": "user", "content": "word " * 600}]}, "exceeds the available"),
        ({"messages": HELLO, "temperature": 1000}, "temperature: expected a number from 0"),
        ({"messages": HELLO, "n": 2}, "n: expected 1"),
        ({"messages": HELLO, "response_format": {"type": "nonsense"}}, "response_format"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_requests_are_told_before_anything_streams(ai, options, text, stream):
    with pytest.raises(openai.BadRequestError, match=text) as raised:
        ai.chat.completions.create(stream=stream, **{**SURE, **options})
    assert raised.value.type == "invalid_request_error"


def test_several_chats_at_once(ai):
    answers = {}

    def ask(topic):
        messages = [{"role": "user", "content": f"Tell me about {topic}."}]
        made = ai.chat.completions.create(messages=messages, max_tokens=8, **SURE)
        answers[topic] = made.choices[0].message.content

    threads = [threading.Thread(target=ask, args=(each,)) for each in ("cats", "tea", "rain")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CALL_S)
    assert all(answers.get(each) for each in ("cats", "tea", "rain")) and len(answers) == 3


def test_clients_that_leave_free_their_slots(ai):
    """Both slots would be busy for minutes."""
    endless = [{"role": "user", "content": "Write a very long story about a lighthouse."}]
    for _ in range(4):
        stream = stream_of(ai, messages=endless, max_tokens=400, extra_body={"min_p": 0.1})
        with contextlib.closing(stream):
            next(iter(stream))
    made = ai.chat.completions.create(messages=HELLO, max_tokens=2, **SURE)
    assert made.choices[0].message.content


def test_calls_and_sessions_of_aiges(llm):
    said = [Payload("text", b"Hello", DataType.TEXT)]
    options = {"max_tokens": "6", "temperature": "0", "seed": "1"}
    with Client(llm.grpc, "llm", timeout_s=CALL_S) as client:
        whole = client.once(said, params=options, expect=["text"]).payloads["text"].data
        with client.stream(said, params=options) as stream:
            pieces = [piece.data for piece in stream]
    assert whole and b"".join(pieces) == whole
    assert llm.web.raw_mode(b"", "?key=text&type=text", "llm").status == 400
