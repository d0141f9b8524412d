# SPDX-License-Identifier: Apache-2.0
"""Serves a language model (plugins/llm) and chats with it as OpenAI's clients do.

    .venv/bin/python scripts/demo_llm.py --bin build/bin

Two messages of one conversation, streamed word by word, then two chats at once.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

import demo_tasks
from demo_loader import (
    REPOSITORY,
    DemoError,
    Loader,
    heading,
    model_python,
    stops_on_signals,
)

FOLDER = REPOSITORY / "plugins" / "llm"
TALK = ("Write one sentence about the sea.", "And one about the mountains.")
AT_ONCE = ("Tell me about cats.", "Tell me about tea.")
OPTIONS = {"model": "llm", "temperature": 0, "seed": 1, "max_tokens": 48}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=Path, default=REPOSITORY / "build" / "bin")
    arguments = parser.parse_args()
    return stops_on_signals(lambda: run(arguments.bin.resolve()))


def run(binaries):
    heading("A language model: plugins/llm, SmolLM2-135M")
    place = REPOSITORY / "build" / "demo" / "llm"
    python = model_python("llm")
    with Loader(binaries, FOLDER, place, {"slots": 2}, service="llm", python=python) as loader:
        heading("POST /v1/chat/completions, as a stream")
        messages = []
        for said in TALK:
            print(f"  you: {said}")
            messages.append({"role": "user", "content": said})
            messages.append({"role": "assistant", "content": talk(loader.http, messages)})
        heading("Two chats at once")
        ask_at_once(loader.http)


def talk(address, messages):
    """Prints the answer as it comes, and returns it."""
    body = {**OPTIONS, "messages": messages, "stream": True}
    body["stream_options"] = {"include_usage": True}
    started, first, text, usage = time.perf_counter(), None, "", {}
    print("  llm: ", end="", flush=True)
    with demo_tasks.post_json(address, "/v1/chat/completions", body) as answer:
        for chunk in demo_tasks.events(answer):
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                piece = choice["delta"].get("content") or ""
                if piece and first is None:
                    first = time.perf_counter() - started
                text += piece
                print(piece.replace("\n", "\n       "), end="", flush=True)
    seconds = time.perf_counter() - started
    if not text.strip():
        raise DemoError("expected an answer, got an empty one")
    count = usage.get("completion_tokens", 0)
    print(f"\n       ({count} tokens; the first after {first:.2f} s, all after {seconds:.2f} s)")
    return text


def ask_at_once(address):
    answers = {}

    def ask(said):
        body = {**OPTIONS, "messages": [{"role": "user", "content": said}], "max_tokens": 24}
        try:
            with demo_tasks.post_json(address, "/v1/chat/completions", body) as answer:
                answers[said] = json.load(answer)["choices"][0]["message"]["content"]
        except DemoError as error:
            answers[said] = error

    threads = [threading.Thread(target=ask, args=(said,)) for said in AT_ONCE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for said in AT_ONCE:
        if isinstance(answers[said], DemoError):
            raise answers[said]
        print(f"  you: {said}\n  llm: {answers[said]} ..")


if __name__ == "__main__":
    sys.exit(main())
