# SPDX-License-Identifier: Apache-2.0
"""What came over HTTP: a Reply, the values of events, or the error that it tells. No I/O."""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiges._narrow import is_dict, is_mapping
from aiges.client._content import BYTES, media_type
from aiges.client.errors import AigesError, Limited, Unavailable, error_of, error_of_http
from aiges.client.message import DataType, Payload, Reply, by_name, stages_of

__all__ = ["Answer", "Events", "event_value", "parameter", "split_parts"]

NO_SUCH_PATH = 10003
MOST_SHOWN = 500
OUTPUT_NAME = "result"


@dataclass
class Answer:
    """``headers`` have names in lower case, ``host`` is who answered. A streamed body is empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def kind(self) -> str:
        """The media type of the body."""
        return media_type(self.headers.get("content-type", ""))

    @property
    def is_no_such_path(self) -> bool:
        """Whether the loader, rather than a model, knows no such path; then nothing has run."""
        return self.status == 404 and self._told()[0] == NO_SUCH_PATH

    def _told(self) -> tuple[int, str]:
        """Return the code and the text of an error: of ours, in either form, or of others."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if is_mapping(value):
            said = next((value[n] for n in ("error", "header") if n in value), value)
            if is_mapping(said):
                text = said.get("message") or said.get("detail")
                code = said.get("code")
                if text is not None:
                    return code if isinstance(code, int) else 0, str(text)
            elif isinstance(said, str):
                return 0, said
        shown = self.body[:MOST_SHOWN].decode("utf-8", "replace").strip()
        return 0, f"HTTP {self.status}: {shown}" if shown else f"HTTP {self.status}"

    def error(self) -> AigesError:
        """Return the error that an answer without success is."""
        code, text = self._told()
        request_id = self.headers.get("x-request-id", "")
        error = error_of_http(self.status, code, text, self.host, request_id)
        again = self.headers.get("retry-after", "")
        if isinstance(error, Limited) and again.isdecimal():
            error.retry_after_s = float(again)
        return error

    def limited_s(self) -> float:
        """Return in how many seconds a call may come again that a limit of its caller refused."""
        if self.status != 429:
            return 0.0
        error = self.error()
        return error.retry_after_s if isinstance(error, Limited) else 0.0

    def reply(self) -> Reply:
        """Return what the caller gets. Raises the error that the answer tells."""
        if not 200 <= self.status < 300:
            raise self.error()
        if self.kind == "multipart/mixed":
            outputs = self._parts()
        else:
            name = self.headers.get("x-output-key") or OUTPUT_NAME
            outputs = (_payload(name, self.body, self.headers.get("content-type", "")),)
        timing = stages_of(self.headers.get("server-timing", ""))
        return Reply(by_name(outputs), self.host, timing, outputs, self.headers, self.status)

    def _parts(self) -> tuple[Payload, ...]:
        """Several outputs: parts whose heads name them."""
        made: list[Payload] = []
        for fields, data in split_parts(self.body, self.headers["content-type"]):
            name = parameter(fields.get("content-disposition", ""), "name") or OUTPUT_NAME
            made.append(_payload(name, data, fields.get("content-type", "")))
        return tuple(made)


def split_parts(body: bytes, content_type: str) -> list[tuple[dict[str, str], bytes]]:
    """Return the head and the data of each part of a multipart body (RFC 2046)."""
    boundary = b"\r\n--" + parameter(content_type, "boundary").encode()
    found: list[tuple[dict[str, str], bytes]] = []
    for part in (b"\r\n" + body).split(boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, _, data = part.partition(b"\r\n\r\n")
        fields: dict[str, str] = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            key, _, value = line.partition(":")
            fields[key.strip().lower()] = value.strip()
        found.append((fields, data))
    return found


def parameter(field: str, wanted: str) -> str:
    """Return what is said behind a field's value: the charset of ``text/plain; charset=utf-8``."""
    for name, quoted, bare in _PARAMETER.findall(field):
        if name.lower() == wanted:
            return re.sub(r"\\(.)", r"\1", quoted) or str(bare)
    return ""


_PARAMETER = re.compile(r';\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


def _payload(name: str, data: bytes, content_type: str) -> Payload:
    kinds = {"text": DataType.TEXT, "image": DataType.IMAGE, "audio": DataType.AUDIO}
    kind = kinds.get(media_type(content_type).partition("/")[0], DataType.OTHER)
    return Payload(name, data, kind, {"mime": content_type or BYTES})


class Events:
    """Server-Sent Events: bytes in, the values of the answer out. Belongs to one thread."""

    def __init__(self, answer: Answer, typed: bool) -> None:
        self._host, self._typed = answer.host, typed
        self._request_id = answer.headers.get("x-request-id", "")
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._event = "", ""
        self._data: list[str] = []
        self._fault: AigesError | None = None
        self.ended = False

    def feed(self, data: bytes) -> list[Any]:
        """Return the values that have come whole; an error among them is kept for ``check``."""
        lines = (self._rest + self._text.decode(data)).split("\n")
        self._rest = lines.pop()
        values: list[Any] = []
        for line in lines:
            if self.ended:
                break
            line = line.rstrip("\r")
            if line:
                self._line(line)
            else:
                values += self._complete()
        return values

    def check(self) -> None:
        """Raise the error that an event has told; after the values that came before it."""
        if self._fault is not None:
            raise self._fault

    def closed(self) -> None:
        """Take note that the body has ended. Raises Unavailable where more was to come."""
        if not self.ended:
            error = Unavailable(
                0, "the stream ended without its last event", self._host, maybe_ran=True
            )
            error.request_id = self._request_id
            raise error

    def _line(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value

    def _complete(self) -> list[Any]:
        event, text = self._event, "\n".join(self._data)
        has_data = bool(self._data)
        self._event, self._data = "", []
        if event == "end":
            self.ended = True
            return []
        if not has_data:
            return []
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if event == "error":
            self.ended, self._fault = True, self._error(value)
            return []
        return [event_value(value, self._typed)]

    def _error(self, value: Any) -> AigesError:
        said: Any = value.get("error", value.get("header", value)) if is_dict(value) else {}
        code = said.get("code") if is_dict(said) else 0
        text = str(said.get("message", value)) if is_dict(said) else str(value)
        error = error_of(code if isinstance(code, int) else 0, text, self._host)
        error.request_id = self._request_id
        return error


def event_value(value: Any, typed: bool) -> Any:
    """Return what an event says: bytes as such; of a loader's own path the only output."""
    if not typed and is_dict(value) and len(value) == 1:
        (value,) = value.values()
    if is_dict(value) and "base64" in value and value.keys() <= {"base64", "type"}:
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (ValueError, TypeError):
            return value
    return value
