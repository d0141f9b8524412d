# SPDX-License-Identifier: Apache-2.0
"""Hooks for OpenAI's API. The models are toys: the form is what counts."""

from aiges.errors import BadInput


def wrapperInit(config):
    return 0  # Load models here.


def chat(messages, temperature=1.0, max_tokens=100, **options):
    """/v1/chat/completions, bit by bit. A client that wants no stream gets the pieces joined."""
    words = str(messages[-1]["content"]).split()
    if len(words) > 1000:
        raise BadInput(f"messages: expected at most 1000 words, got {len(words)}")
    for word in words[:max_tokens]:
        yield word.upper() + " "
    yield {
        "finish_reason": "length" if len(words) > max_tokens else "stop",
        "usage": {"prompt_tokens": len(words), "completion_tokens": min(len(words), max_tokens)},
    }


def complete(prompt):
    """/v1/completions."""
    return prompt + ", and so on"


def embed(inputs):
    """/v1/embeddings: a vector for each input, as lists or as an array of two dimensions."""
    return [[float(len(text)), float(text.count("a"))] for text in inputs]


def transcribe(audio, language=None, filename=None):
    """/v1/audio/transcriptions: text, or segments, of which json, text, srt, vtt are made."""
    yield {"start": 0.0, "end": 1.5, "text": f"{len(audio)} bytes"}
    yield {"start": 1.5, "end": 2.0, "text": f" of {filename}"}
