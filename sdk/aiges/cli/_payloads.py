# SPDX-License-Identifier: Apache-2.0
"""What ``asectl call`` sends and gets, whatever protocol carries it; how it is shown and saved."""

from __future__ import annotations

import mimetypes
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiges.cli._errors import CliError

__all__ = ["TYPES", "Payload", "Wanted", "line", "pair", "payload", "shown", "wanted"]

TYPES = ("text", "audio", "image", "video", "other")
ENDINGS = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".wav",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"fLaC": ".flac",
}
BY_TYPE = {"text": ".txt", "audio": ".pcm", "image": ".img", "video": ".h264", "other": ".bin"}


@dataclass(frozen=True)
class Payload:
    """``kind`` is one of TYPES; ``file`` the name of the file that the data are from."""

    name: str
    data: bytes
    kind: str = "text"
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    file: str = ""


@dataclass(frozen=True)
class Wanted:
    """An output that is expected; ``kind`` empty: of any type."""

    name: str
    kind: str = ""


def pair(text: str, what: str) -> tuple[str, str]:
    """Return KEY and VALUE of an argument; ``what`` names it in errors."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise CliError(f"{what}: expected KEY=VALUE, got {text!r}")
    return key, value


def _kind(name: str, what: str) -> str:
    if name not in TYPES:
        raise CliError(f"{what}: expected one of {', '.join(TYPES)}, got {name!r}")
    return name


def payload(text: str, kinds: Mapping[str, str]) -> Payload:
    """Return the input of KEY=TEXT, KEY=@FILE or KEY=@-; ``kinds``: types that the user gave."""
    key, value = pair(text, "input")
    kind, name = kinds.get(key, "text"), ""
    if value == "@-":
        data = sys.stdin.buffer.read()
    elif value.startswith("@"):
        file = Path(value[1:])
        data, name = file.read_bytes(), file.name
        guessed = (mimetypes.guess_type(name)[0] or "text/plain").partition("/")[0]
        kind = kinds.get(key, guessed if guessed in TYPES else _by_content(data))
    else:
        data = value.encode()
    return Payload(key, data, _kind(kind, f"--type {key}"), file=name)


def _by_content(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "other"
    return "text"


def wanted(text: str) -> Wanted:
    """Return the output of KEY or KEY:TYPE."""
    key, _, kind = text.partition(":")
    return Wanted(key, _kind(kind, f"--expect {key}") if kind else "")


def shown(
    payloads: Iterable[Payload], folder: Path | None, first: int = -1
) -> list[dict[str, Any]]:
    """Return the outputs as JSON values; what is not text is in a file.

    ``first``: the number of the first one, where they are part of a stream.
    """
    answers: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for each in payloads:
        answer: dict[str, Any] = {
            "key": each.name,
            "type": each.kind,
            "bytes": len(each.data),
            "attributes": dict(each.attributes),
        }
        text = None
        if each.kind in ("text", "other"):
            try:
                text = each.data.decode()
            except UnicodeDecodeError:
                pass
        if text is not None:
            answer["text"] = text
        if folder is not None or text is None:
            number = first if first >= 0 else seen[each.name]
            name = each.name if first < 0 and not number else f"{each.name}-{number}"
            seen[each.name] += 1
            answer["file"] = str(_save(folder or Path("result"), name, each.data, each.kind))
        answers.append(answer)
    return answers


def _save(folder: Path, name: str, data: bytes, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ending = next((e for head, e in ENDINGS.items() if data.startswith(head)), BY_TYPE[kind])
    # The name comes from the service: nothing outside of the folder may be meant by it.
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "output"
    file = folder / f"{safe}{ending}"
    file.write_bytes(data)
    return file


def line(answer: Mapping[str, Any]) -> str:
    """Return an output as a line for people."""
    where = f" -> {answer['file']}" if "file" in answer else ""
    if "text" in answer:
        return f"{answer['key']}: {answer['text']}{where}"
    return f"{answer['key']}: {answer['type']}, {answer['bytes']} bytes{where}"
