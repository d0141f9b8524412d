# SPDX-License-Identifier: Apache-2.0
"""What a function returns, as the client takes it.

Over HTTP (``Form.HTTP``) everything has a media type: JSON, text, a picture, sound, bytes. To the
Open Inference Protocol (``Form.TENSOR``) everything is a tensor. Elsewhere (``Form.PAYLOAD``: XSF,
the envelope, streams) an array is a tensor, and the rest as over HTTP.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import enum
import io
import json
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aiges import tensors
from aiges._narrow import is_buffer, is_dict, is_mapping
from aiges.answer import Answer
from aiges.contracts.typed._objects import is_pydantic

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from aiges.audio import Audio

__all__ = ["Form", "Writer", "is_plain", "plain_value", "to_json"]

_TEXT, _AUDIO, _IMAGE, _OTHER = 0, 1, 2, 4  # Types of data, as include/aiges/type.h has them.
_ONCE = 3
_KEY = "result"
_LENGTH = struct.Struct("<I")
_SEPARATORS = (",", ":")
# Pictures that browsers show and Pillow writes, the first where the client takes any; of each the
# modes that it may have.
_PICTURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "image/png": ("PNG", ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")),
    "image/jpeg": ("JPEG", ("L", "RGB", "CMYK")),
    "image/webp": ("WEBP", ("L", "RGB", "RGBA")),
    "image/gif": ("GIF", ("1", "L", "P", "RGB", "RGBA")),
}
_LISTS = (collections.abc.Set, collections.abc.MappingView, collections.deque, range)
_TEXTS = (("uuid", "UUID"), ("decimal", "Decimal"))  # By name, so that nothing is imported.

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
    except RecursionError:
        raise ValueError("the result is nested too deep for JSON") from None
    except ValueError as fault:
        if "Out of range float" not in str(fault):
            raise
        raise ValueError(
            "the result has NaN or infinity, which JSON has not: return None in its place"
        ) from None


def _json_bytes(value: Any) -> bytes:
    text = to_json(value)
    try:
        return text.encode()
    except UnicodeEncodeError:  # Half a surrogate pair, which JSON can say by its number alone.
        return json.dumps(json.loads(text), separators=_SEPARATORS).encode()


def _text(text: str) -> str:
    """Return a text without halves of surrogate pairs, which UTF-8 has not."""
    if not text.isascii():
        try:
            text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def plain_value(value: Any) -> Any:
    """Return what stands in JSON for an object that JSON does not know. Raises TypeError."""
    if isinstance(value, type):
        raise _no_form(value)
    if is_pydantic(type(value)):
        dump = getattr(value, "model_dump", None) or value.dict
        return dump()
    if dataclasses.is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, _LISTS) or hasattr(value, "__next__"):
        return list(cast("Iterable[Any]", value))
    if is_mapping(value):
        return dict(value)
    if (type(value).__module__, type(value).__name__) in _TEXTS:
        return str(value)
    if isinstance(value, os.PathLike):
        return _base64_of(*_file_of(value)[:2])
    if is_buffer(value):
        return _base64_of(bytes(value), "")
    if _is_picture(value):
        return _base64_of(_picture(value, "image/png"), "image/png")
    if _is_sound(value):
        return _base64_of(value.wav(), "audio/wav")
    if _is_table(value):
        return json.loads(value.to_json(orient="records", date_format="iso"))
    for name in ("tolist", "item"):  # Arrays and scalars of numpy, torch and others.
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if hasattr(value, "_asdict"):
        return value._asdict()
    raise _no_form(value)


def _no_form(value: Any) -> TypeError:
    return TypeError(
        "expected a result that JSON, a picture, sound, a file or a tensor can be made of, got "
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
    return hasattr(value, "getbands") and not isinstance(value, type)


def _is_sound(value: Any) -> TypeGuard[Audio]:
    return callable(getattr(value, "wav", None)) and hasattr(value, "rate")


def _is_table(value: Any) -> bool:
    return hasattr(value, "iloc") and callable(getattr(value, "to_csv", None))


def _picture(image: Any, media: str) -> bytes:
    form, modes = _PICTURES[media]
    out = io.BytesIO()
    if image.mode in ("La", "RGBa"):  # From where Pillow goes to one other mode alone.
        image = image.convert(image.mode.upper())
    if image.mode == "I" and "I;16" in modes:
        image = image.convert("I;16")
    if image.mode not in modes:
        clear = image.mode in ("LA", "PA", "RGBA") and "RGBA" in modes
        image = image.convert("RGBA" if clear else "RGB")
    image.save(out, format=form)
    return out.getvalue()


def _file_of(path: Any) -> tuple[bytes, str, str]:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"the result is a path: expected a file there, got none: {file}")
    import mimetypes  # Slow, and of files alone.

    media = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return file.read_bytes(), media, file.name


def _wanted(accept: str, offered: list[str]) -> str:
    """Return the media type of those offered that the client likes best; the first by default."""
    ranges = _ranges(accept)
    no = [media for media, weight in ranges if weight == 0]
    offered = [each for each in offered if each not in no] or offered
    best, best_q = offered[0], -1.0
    for place, (media, weight) in enumerate(ranges):
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


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Return what the header Accept has, in order, with the weight of each."""
    found: list[tuple[str, float]] = []
    for part in accept.split(","):
        media, *rest = (each.strip().lower() for each in part.split(";"))
        q = next((each[2:] for each in rest if each.startswith("q=")), "1")
        try:
            found.append((media, float(q)))
        except ValueError:
            continue
    return found


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
            return _text(value)  # The host makes a payload of it.
        if type(value) is Answer:
            return self._answer(value)
        if self.form is Form.TENSOR:
            return self._tensor(value)
        return self._item_of(value)

    def _item_of(self, value: Any) -> Any:
        if self.form is Form.EVENTS:
            return _item(_json_bytes(value), _TEXT, {"format": "json"})
        if isinstance(value, str):
            return _item(_text(value).encode("utf-8", "surrogateescape"), _TEXT, {})
        if is_buffer(value):
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
        return _item(_json_bytes(value), _TEXT, {"format": "json"})

    def _answer(self, answer: Answer) -> Any:
        made = self.write(answer.value)
        if self.form is not Form.HTTP or not (answer.status or answer.headers):
            return made
        item = made
        if isinstance(made, str):
            item = _item(made.encode("utf-8", "surrogateescape"), _TEXT, {})
        if answer.status:
            item["desc"][":status"] = str(answer.status)
        if answer.headers:
            item["desc"][":headers"] = json.dumps(answer.headers)
        return item

    def _tensor(self, value: Any) -> Any:
        if is_dict(value) and value and all(map(_is_array, value.values())):
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
            data = _text(value).encode("utf-8", "surrogateescape")
        elif is_buffer(value):
            data = bytes(value)
        elif isinstance(value, os.PathLike):
            data = _file_of(value)[0]
        elif _is_picture(value):
            data = _picture(value, "image/png")
        elif _is_sound(value):
            data = value.wav()
        else:
            data = _json_bytes(value)
        return _one("BYTES", _LENGTH.pack(len(data)) + data)


def _one(datatype: str, data: bytes) -> Item:
    return _item(data, _OTHER, {"datatype": datatype, "shape": "1"})


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and tensors.is_tensor(value) and not _is_table(value)


def _kind_of(media: str) -> int:
    return {"text": _TEXT, "audio": _AUDIO, "image": _IMAGE}.get(media.partition("/")[0], _OTHER)
