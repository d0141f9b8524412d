# SPDX-License-Identifier: Apache-2.0
"""What a function returns, as the client takes it.

Over HTTP (``Form.HTTP``) everything has a media type: JSON, text, a picture, sound, bytes. To the
Open Inference Protocol (``Form.TENSOR``) everything is a tensor. Elsewhere (``Form.PAYLOAD``: XSF,
the envelope, streams) an array is a tensor, and the rest as over HTTP.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import io
import json
import mimetypes
import os
import struct
from pathlib import Path
from typing import Any

from aiges import tensors
from aiges.answer import Answer
from aiges.contracts.typed._objects import is_pydantic

__all__ = ["Form", "Writer", "is_plain", "plain_value", "to_json"]

_TEXT, _AUDIO, _IMAGE, _OTHER = 0, 1, 2, 4  # Types of data, as include/aiges/type.h has them.
_ONCE = 3
_KEY = "result"
_LENGTH = struct.Struct("<I")
_SEPARATORS = (",", ":")
# Pictures that browsers show and Pillow writes, the first where the client takes any.
_PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}

Item = dict[str, Any]


class Form(enum.Enum):
    """How a call's answer is written."""

    PAYLOAD = 0
    HTTP = 1
    EVENTS = 2  # Over HTTP, one event for each value: JSON always.
    TENSOR = 3


def to_json(value: Any) -> str:
    """Return a value as JSON: also dataclasses, models of pydantic, arrays, pictures, bytes.

    Raises TypeError for what has no form there, and ValueError for NaN and infinity.
    """
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=_SEPARATORS, default=plain_value
        )
    except ValueError as fault:
        if "circular" in str(fault).lower():
            raise
        raise ValueError(
            "the result has NaN or infinity, which JSON has not: return None in its place"
        ) from None


def plain_value(value: Any) -> Any:
    """Return what stands in JSON for an object that JSON does not know. Raises TypeError."""
    if is_pydantic(type(value)):
        dump = getattr(value, "model_dump", None) or value.dict
        return dump()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, range)) or hasattr(value, "__next__"):
        return list(value)
    if isinstance(value, os.PathLike):
        return _base64_of(*_file_of(value)[:2])
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _base64_of(bytes(value), "")
    if _is_picture(value):
        return _base64_of(_picture(value, "image/png"), "image/png")
    if _is_sound(value):
        return _base64_of(value.wav(), "audio/wav")
    if _is_table(value):
        return json.loads(value.to_json(orient="records"))
    for name in ("tolist", "item"):  # Arrays and scalars of numpy, torch and others.
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if hasattr(value, "_asdict"):
        return value._asdict()
    raise TypeError(
        f"expected a result that JSON, a picture, sound, a file or a tensor can be made of, got "
        f"{type(value).__name__}"
    )


def _base64_of(data: bytes, media: str) -> dict[str, str]:
    import base64

    made = {"base64": base64.b64encode(data).decode()}
    return {**made, "type": media} if media else made


def is_plain(value: Any) -> bool:
    """Tell whether a value goes as JSON or text, and not as bytes of its own kind."""
    bytes_like = isinstance(value, (bytes, bytearray, memoryview, os.PathLike, Answer))
    return not (bytes_like or _is_picture(value) or _is_sound(value))


def _is_picture(value: Any) -> bool:
    return callable(getattr(value, "save", None)) and hasattr(value, "getbands")


def _is_sound(value: Any) -> bool:
    return callable(getattr(value, "wav", None)) and hasattr(value, "rate")


def _is_table(value: Any) -> bool:
    return hasattr(value, "iloc") and callable(getattr(value, "to_csv", None))


def _picture(image: Any, media: str) -> bytes:
    out = io.BytesIO()
    if media == "image/jpeg" and image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    elif media in ("image/png", "image/gif", "image/webp") and image.mode in ("CMYK", "F", "LAB"):
        image = image.convert("RGB")
    image.save(out, format=_PICTURES[media])
    return out.getvalue()


def _file_of(path: Any) -> tuple[bytes, str, str]:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"the result is a path: expected a file there, got none: {file}")
    media = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return file.read_bytes(), media, file.name


def _wanted(accept: str, offered: list[str]) -> str:
    """Return the media type of those offered that the client likes best; the first by default."""
    best, best_q = offered[0], -1.0
    for place, part in enumerate(accept.split(",")):
        media, *rest = (each.strip().lower() for each in part.split(";"))
        q = next((each[2:] for each in rest if each.startswith("q=")), "1")
        try:
            weight = float(q)
        except ValueError:
            continue
        found = (
            offered[0]
            if media in ("*/*", "")
            else next((o for o in offered if o == media or media == o.partition("/")[0] + "/*"), "")
        )
        # What stands first counts, of equal ones; a type by its name more than one by "*".
        weight -= place * 1e-6 + ("*" in media) * 1e-3
        if found and 0 < weight and weight > best_q:
            best, best_q = found, weight
    return best


def _item(data: Any, kind: int, desc: dict[str, str]) -> Item:
    return {
        "key": _KEY,
        "data": data,
        "len": len(data),
        "type": kind,
        "status": _ONCE,
        "desc": desc,
    }


class Writer:
    """Writes the results of one call. ``accept``: the client's header, of HTTP."""

    __slots__ = ("_accept", "form")

    def __init__(self, form: Form, accept: str = "") -> None:
        self.form, self._accept = form, accept

    def write(self, value: Any) -> Any:
        """Return what the host is given for a result. Raises what the value is to blame for."""
        if type(value) is str and self.form in (Form.PAYLOAD, Form.HTTP):
            return value  # The host makes a text of it.
        if type(value) is Answer:
            return self._answer(value)
        if self.form is Form.TENSOR:
            return self._tensor(value)
        return self._item_of(value)

    def _item_of(self, value: Any) -> Any:
        if self.form is Form.EVENTS:
            return _item(to_json(value).encode(), _TEXT, {"format": "json"})
        if isinstance(value, str):
            return _item(value.encode("utf-8", "surrogateescape"), _TEXT, {})
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _item(bytes(value), _OTHER, {})
        if isinstance(value, os.PathLike):
            data, media, name = _file_of(value)
            return _item(data, _kind_of(media), {"content_type": media, "filename": name})
        if _is_picture(value):
            media = _wanted(self._accept, list(_PICTURES))
            return _item(_picture(value, media), _IMAGE, {"content_type": media})
        if _is_sound(value):
            return _item(value.wav(), _AUDIO, {"content_type": "audio/wav"})
        if _is_table(value) and _wanted(self._accept, ["application/json", "text/csv"]) != (
            "application/json"
        ):
            csv = value.to_csv(index=False).encode()
            return _item(csv, _TEXT, {"content_type": "text/csv; charset=utf-8"})
        if self.form is Form.PAYLOAD and _is_array(value):
            return {_KEY: value}
        return _item(to_json(value).encode(), _TEXT, {"format": "json"})

    def _answer(self, answer: Answer) -> Any:
        made = self.write(answer.value)
        if self.form is not Form.HTTP or not (answer.status or answer.headers):
            return made
        item = _item(made.encode(), _TEXT, {}) if isinstance(made, str) else made
        if answer.status:
            item["desc"][":status"] = str(answer.status)
        if answer.headers:
            item["desc"][":headers"] = json.dumps(answer.headers)
        return item

    def _tensor(self, value: Any) -> Any:
        if isinstance(value, dict) and value and all(map(_is_array, value.values())):
            return value
        if _is_array(value):
            return {_KEY: value}
        if isinstance(value, bool):
            return _one("BOOL", b"\1" if value else b"\0")
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            return _one("INT64", struct.pack("<q", value))
        if isinstance(value, float):
            return _one("FP64", struct.pack("<d", value))
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
        elif isinstance(value, (bytes, bytearray, memoryview)):
            data = bytes(value)
        elif isinstance(value, os.PathLike):
            data = _file_of(value)[0]
        elif _is_picture(value):
            data = _picture(value, "image/png")
        elif _is_sound(value):
            data = value.wav()
        else:
            data = to_json(value).encode()
        return _one("BYTES", _LENGTH.pack(len(data)) + data)


def _one(datatype: str, data: bytes) -> Item:
    return _item(data, _OTHER, {"datatype": datatype, "shape": "1"})


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and tensors.is_tensor(value) and not _is_table(value)


def _kind_of(media: str) -> int:
    return {"text": _TEXT, "audio": _AUDIO, "image": _IMAGE}.get(media.partition("/")[0], _OTHER)
