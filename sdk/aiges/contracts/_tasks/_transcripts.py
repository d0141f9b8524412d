# SPDX-License-Identifier: Apache-2.0
"""What a hook of ``transcribe`` gives -> OpenAI's transcript in the form that the client wants.

A hook gives text, or a dict: ``text``, ``segments`` (each with ``start``, ``end`` and ``text``),
``language``, ``duration``, ``words``, ``usage``. A generator gives texts or segments one by one.
"""

from __future__ import annotations

from typing import Any

from aiges._narrow import is_dict
from aiges.contracts._tasks._call import Call, text_item
from aiges.contracts._tasks._hooks import Hook
from aiges.errors import BadInput

__all__ = ["Transcript"]

_FORMS = ("json", "text", "srt", "verbose_json", "vtt")
_KNOWN = ("text", "segments", "language", "duration", "words", "usage", "logprobs")
_SEGMENT = (
    *("id", "seek", "start", "end", "text", "tokens"),
    *("temperature", "avg_logprob", "compression_ratio", "no_speech_prob"),
)


def _segment(value: Any, number: int) -> dict[str, Any]:
    """Return a segment as a dict; it may be any object with these attributes."""
    made: dict[str, Any]
    if is_dict(value):
        made = dict(value)
    else:
        made = {name: getattr(value, name) for name in _SEGMENT if hasattr(value, name)}
    missing = [name for name in ("start", "end", "text") if name not in made]
    if missing:
        raise TypeError(
            f"expected str, or a segment with start, end and text, got {type(value).__name__} "
            f"without {missing[0]}"
        )
    made.setdefault("id", number)
    return made


def _clock(seconds: float, comma: str) -> str:
    ms = max(round(seconds * 1000), 0)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


class Transcript:
    """The answer to one request."""

    def __init__(self, call: Call, hook: Hook) -> None:
        if call.file is None:
            raise BadInput("file: expected an audio file, got none")
        options = dict(call.body)
        self._form = options.get("response_format") or "json"
        if self._form not in _FORMS:
            raise BadInput(
                f"response_format: expected one of {', '.join(_FORMS)}, got {self._form!r}"
            )
        options["filename"] = call.about_file.get("filename")
        options["content_type"] = call.about_file.get("content-type")
        self.runs = [(call.file, options)]
        self._makes_forms = hook.names("response_format")
        self._said: dict[str, Any] = {}
        self._texts: list[str] = []
        self._segments: list[dict[str, Any]] = []
        self._body: Any = None

    def returned(self, _run: int, value: Any) -> list[Any]:
        """Take what the hook has returned."""
        if is_dict(value) and "error" in value:
            self._body = value
            return [value]
        if not is_dict(value):
            return self.yielded(0, value)
        unknown = [name for name in value if name not in _KNOWN]
        if unknown:
            raise TypeError(f"expected a dict with {', '.join(_KNOWN)}, got {unknown[0]!r}")
        self._said.update(value)
        pieces: list[Any] = []
        for each in value.get("segments") or ():
            pieces += self._add_segment(each)
        if isinstance(value.get("text"), str) and not pieces:
            pieces += self._delta(value["text"])
        return pieces

    def yielded(self, _run: int, value: Any) -> list[Any]:
        """Take the next text or segment."""
        if isinstance(value, str):
            self._texts.append(value)
            return self._delta(value)
        if is_dict(value) and "start" not in value:
            return self.returned(0, value)
        return self._add_segment(value)

    def _add_segment(self, value: Any) -> list[Any]:
        segment = _segment(value, len(self._segments))
        self._segments.append(segment)
        self._texts.append(segment["text"])
        return self._delta(segment["text"])

    def _delta(self, text: str) -> list[Any]:
        return [{"type": "transcript.text.delta", "delta": text}] if text else []

    def _text(self) -> str:
        said = self._said.get("text")
        return said if isinstance(said, str) else "".join(self._texts).strip()

    def ended(self) -> list[Any]:
        """Return the last piece."""
        made = {"type": "transcript.text.done", "text": self._text()}
        if self._said.get("usage") is not None:
            made["usage"] = self._said["usage"]
        return [made]

    def about(self) -> Any:
        """Return what is said of the whole answer."""
        return self._said

    def body(self) -> Any:
        """Return the whole answer: a body, or what ``text_item`` makes."""
        if self._body is not None:
            return self._body
        text = self._text()
        if self._form == "json":
            usage = self._said.get("usage")
            return {"text": text, **({} if usage is None else {"usage": usage})}
        if self._form == "verbose_json":
            return self._verbose(text)
        if self._form == "text":
            return text_item(text + "\n", "text/plain")
        media = "text/vtt" if self._form == "vtt" else "application/x-subrip"
        if self._segments:
            return text_item(self._subtitles(), media)
        if self._makes_forms:  # The hook has made it itself.
            return text_item("".join(self._texts) or text, media)
        raise BadInput(
            f"response_format: expected json, text or verbose_json, as this model gives no "
            f"segments, got {self._form!r}"
        )

    def _verbose(self, text: str) -> dict[str, Any]:
        last = self._segments[-1]["end"] if self._segments else 0.0
        made = {
            "task": "transcribe",
            "language": self._said.get("language") or "",
            "duration": self._said.get("duration", last),
            "text": text,
            "segments": self._segments,
        }
        for name in ("words", "usage"):
            if self._said.get(name) is not None:
                made[name] = self._said[name]
        return made

    def _subtitles(self) -> str:
        vtt = self._form == "vtt"
        blocks = ["WEBVTT"] if vtt else []
        for number, each in enumerate(self._segments, 1):
            comma = "." if vtt else ","
            times = f"{_clock(each['start'], comma)} --> {_clock(each['end'], comma)}"
            head = times if vtt else f"{number}\n{times}"
            blocks.append(f"{head}\n{each['text'].strip()}")
        return "\n\n".join(blocks) + "\n\n"
