# SPDX-License-Identifier: Apache-2.0
"""Typed models of the tests, and how a loader of one is started."""

import json

from loader_process import Loader

# One function that takes each kind of input, and gives what `give` says.
GIVER = '''
import enum, os, pathlib
from typing import Annotated, Any, Literal, Optional
import aiges
import annotated_types
import numpy as np
from PIL import Image


class Mode(enum.Enum):
    FAST = "fast"
    BEST = "best"


def predict(
    text: str,
    top: Annotated[int, annotated_types.Ge(0), "How many."] = 2,
    share: float = 0.5,
    loud: bool = False,
    mode: Mode = Mode.FAST,
    tags: Optional[list[str]] = None,
    point: Optional[dict] = None,
    picture: Optional[Image.Image] = None,
    files: Optional[list[pathlib.Path]] = None,
    data: Optional[bytes] = None,
    give: str = "",
) -> Any:
    """Say what came.

    text: what to read
    """
    said = {
        "text": text, "top": top, "share": share, "loud": loud, "mode": mode.value, "tags": tags,
        "point": point, "picture": picture and picture.size,
        "files": files and [[f.name, f.read_text()] for f in files], "data": data and data.hex(),
    }
    name, _, rest = give.partition(" ")
    if name == "text":
        return text
    if name == "picture":
        return Image.new("RGB", (4, 2), "red")
    if name == "bytes":
        return b"\\\\0\\\\xff"
    if name == "array":
        return np.arange(4, dtype="float32").reshape(2, 2)
    if name == "sound":
        return aiges.Audio(np.zeros(8), 8000)
    if name == "file":
        file = pathlib.Path(rest)
        file.write_text("data")
        return file
    if name == "none":
        return None
    if name == "nan":
        return float("nan")
    if name == "object":
        return object()
    if name == "answer":
        status, _, field = rest.partition(" ")
        field, _, value = field.partition("=")
        return aiges.Answer(said if point is None else point["value"], status=int(status),
                            headers={field: value} if field else None)
    if name == "loose":
        answer = aiges.Answer(pathlib.Path(text) if "file" in point else text, status=200)
        answer.status, answer.headers = point.get("status", 0), point["headers"]
        return answer
    if name == "fail":
        raise RuntimeError("made to fail")
    if name == "bad":
        raise aiges.errors.BadInput("no such word")
    if name == "missing":
        raise aiges.errors.NotFound("no such thing")
    if name == "exit":
        os._exit(7)
    return said
'''.replace("\\\\", "\\")

STREAM = """
import sys
from collections.abc import Iterator


def predict(text: str, cut: int = 0) -> Iterator[str]:
    try:
        for at, word in enumerate(text.split()):
            if cut and at == cut:
                raise RuntimeError("cut off")
            yield {"word": word} if word.isdigit() else word
    finally:
        print("stream ended", file=sys.stderr, flush=True)
"""

LATER_STREAM = """
import asyncio


async def predict(text: str):
    for word in text.split():
        await asyncio.sleep(0)
        yield word
"""

LATER = """
import asyncio


async def predict(text: str) -> dict:
    await asyncio.sleep(0)
    return {"text": text}
"""

BATCH = """
import aiges


class Model:
    @aiges.batch(max_size=4, max_delay_ms=200)
    def predict(self, x: list[int]):
        return [ValueError("thirteen") if n == 13 else {"x": n} for n in x]
"""

ARRAYS = """
import numpy as np
from numpy.typing import NDArray


def predict(x: NDArray[np.float32], scale: float = 2.0, label: str = "") -> np.ndarray:
    return x * np.float32(scale)
"""

CHAT = """
async def predict(messages: list[dict], temperature: float = 1.0):
    for word in messages[-1]["content"].split():
        yield f"{word} "
    yield f"at {temperature}"
"""

COMPLETE = """
def predict(prompt: str, max_tokens: int = 16) -> str:
    return prompt.upper()[:max_tokens]
"""

EMBED = """
import numpy as np


def predict(texts: list[str]) -> np.ndarray:
    return np.array([[len(text), 1] for text in texts], "float32")
"""

HEAR = """
import aiges


def predict(audio: aiges.Audio, language: str = "en") -> str:
    return f"{audio.rate} Hz of {language}"
"""

# What the first of them says where nothing but a text came.
NOTHING = {
    "text": "a",
    "top": 2,
    "share": 0.5,
    "loud": False,
    "mode": "fast",
    "tags": None,
    "point": None,
    "picture": None,
    "files": None,
    "data": None,
}

TYPED = {"aiges": {"contract": "typed", "app": "model"}}


def typed_loader(binaries, folder, text, **config):
    """A Loader, not started, of a model.py with that text."""
    place = folder / "code"
    place.mkdir(parents=True)
    (place / "model.py").write_text(text, encoding="utf-8")
    settings = {section: dict(keys) for section, keys in TYPED.items()}
    for section, keys in config.items():
        settings[section] = {**settings.get(section, {}), **keys}
    return Loader(binaries, folder / "loader", place, config=settings)


def write_models(repository, **texts):
    """A repository with a model of each of these names."""
    for name, text in texts.items():
        folder = repository / name / "1"
        folder.mkdir(parents=True)
        (folder / "model.py").write_text(text, encoding="utf-8")
        (repository / name / "model.toml").write_text('contract = "typed"\napp = "model"\n')


def send(web, body, query="", **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(body, bytes):
        body, given = json.dumps(body).encode(), {"Content-Type": "application/json", **given}
    return web.request("POST", f"/predict{query}", body, given)


def error_of(answer):
    """What a refusal says; its form is always the same."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"error": answer.json["error"]}
    assert set(answer.json["error"]) == {"code", "message"}
    assert isinstance(answer.json["error"]["code"], int)
    return answer.status, answer.json["error"]["message"]
