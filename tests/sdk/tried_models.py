# SPDX-License-Identifier: Apache-2.0
"""Models that tests of aiges.testing name as a module's own."""

import asyncio
import pathlib
from typing import Literal, Optional

import aiges

BATCHES = []


def predict(text: str, top: int = 2, mode: Literal["a", "b"] = "a") -> dict:
    return {"text": text.upper(), "top": top, "mode": mode}


def words(text: str):
    for word in text.split():
        if word == "bad":
            raise ValueError("no such word")
        yield word


async def later(text: str) -> str:
    await asyncio.sleep(0)
    return text


async def later_words(text: str):
    for word in text.split():
        yield word


@aiges.batch(max_size=4)
def together(text: list[str]) -> list[str]:
    BATCHES.append(len(text))
    return [each.upper() for each in text]


class Model:
    """Told its greeting by setup."""

    closed = False

    def setup(self, config):
        self.greeting = config.get("greeting", "hi")

    def predict(
        self, name: str = "you", file: Optional[pathlib.Path] = None, raw: Optional[bytes] = None
    ) -> aiges.Answer:
        if file is not None:
            return aiges.Answer(f"{file.name} {file.stat().st_size}")
        if raw is not None:
            return aiges.Answer(raw[::-1])
        return aiges.Answer(f"{self.greeting} {name}", status=201, headers={"x-kind": "greeting"})

    def close(self):
        type(self).closed = True
