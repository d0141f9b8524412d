# SPDX-License-Identifier: Apache-2.0
"""Kinds that need a library of the user's: pictures, arrays, tables, sound; and uploaded files.

A library is imported when a hint asks for its class, so that it is there already.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from aiges._narrow import is_dict, is_list
from aiges.contracts._once import OTHER
from aiges.contracts.typed._files import keep_file
from aiges.contracts.typed._item import Item
from aiges.contracts.typed._kinds import Kind, Schema, decode_bytes, parse_json
from aiges.contracts.typed._wrong import Wrong
from aiges.utils._pictures import what_came

__all__ = ["ArrayKind", "AudioKind", "ImageKind", "PathKind", "TableKind"]

_AUDIO, _IMAGE = 1, 2
_MOST_PIXELS = 50_000_000
_MOST_TOLD = 200  # Characters of what another library says.
_BINARY = {"type": "string", "format": "binary"}


class ImageKind(Kind):
    """A picture, as Pillow opens it: turned as its EXIF data say, in the mode that it has."""

    payload, is_file, datatype = _IMAGE, True, ""

    def schema(self) -> Schema:
        return {**_BINARY, "contentMediaType": "image/*"}

    def json(self, value: Any) -> Any:
        if isinstance(value, list):  # Rows of pixels, as an array has them.
            return _image_of(ArrayKind("UINT8").json(value))
        return _open_image(decode_bytes(value, "a picture")[0])

    def text(self, text: str) -> Any:
        return self.json(text)

    def item(self, item: Item) -> Any:
        if item.is_tensor and item.desc["datatype"] != "BYTES":
            return _image_of(item.array())
        if item.media.endswith("json"):
            return self.json(parse_json(item.data))
        return self.text(item.text) if _is_url(item.data) else _open_image(item.data)


def _is_url(data: bytes) -> bool:
    """Tell whether a field of a form has a file as scripts in browsers write it."""
    return data[:5] == b"data:"


def _image_of(array: Any) -> Any:
    from PIL import Image

    if array.dtype != "uint8" or array.ndim not in (2, 3) or not array.size:
        raise Wrong("a picture as UINT8 [height, width, 3]", got=f"{array.dtype} {array.shape}")
    try:
        return Image.fromarray(array)
    except (TypeError, ValueError):
        raise Wrong("a picture as UINT8 [height, width, 3]", got=f"{array.shape}") from None


def _open_image(data: bytes) -> Any:
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > _MOST_PIXELS:
            raise Wrong(f"a picture of at most {_MOST_PIXELS} pixels", got=f"{image.size}")
        image.load()
        return ImageOps.exif_transpose(image)
    except Wrong:
        raise
    except Exception as fault:  # Pillow raises many kinds, of its plugins too.
        raise Wrong("a picture (PNG, JPEG, WebP, ..)", got=what_came(data, fault)) from None


class ArrayKind(Kind):
    """An array of numpy: a tensor without a copy, or lists of numbers, or an .npy file."""

    def __init__(self, datatype: str = "") -> None:
        """``datatype``: of its elements; empty: any."""
        self.datatype = datatype

    def schema(self) -> Schema:
        return {"type": "array", "items": {}, "description": f"array of {self.datatype or 'any'}"}

    def json(self, value: Any) -> Any:
        import numpy as np

        from aiges.tensors import dtype_of

        if not isinstance(value, (list, int, float, bool)):
            raise Wrong("an array as lists of numbers", value)
        dtype = dtype_of(self.datatype) if self.datatype else None
        expected = f"an array of {self.datatype or 'numbers'}"
        try:
            if dtype is not None and dtype.kind in "iu":
                _check_whole(np.array(value), expected)
            made = np.array(value, dtype=dtype)
        except (ValueError, TypeError, OverflowError) as fault:
            raise Wrong(expected, got=str(fault)[:_MOST_TOLD]) from None
        if dtype is None and made.dtype.kind == "O":
            raise Wrong(expected, got="what is none")
        return made

    def item(self, item: Item) -> Any:
        import numpy as np

        if not item.is_tensor:
            if item.data[:6] == b"\x93NUMPY":
                try:
                    loaded = np.load(io.BytesIO(item.data), allow_pickle=False)
                except Exception as fault:  # Of its parser, and of a shape without bounds.
                    raise Wrong("an .npy file", got=str(fault)[:_MOST_TOLD]) from None
                return self._cast(loaded)
            return self.json(parse_json(item.data))
        return self._cast(item.array())

    def _cast(self, array: Any) -> Any:
        from aiges.tensors import dtype_of

        if not self.datatype or array.dtype == dtype_of(self.datatype):
            return array
        raise Wrong(f"an array of {self.datatype}", got=f"one of {array.dtype}")


def _check_whole(array: Any, expected: str) -> None:
    """Raise Wrong where numpy would cut numbers off to make integers of them."""
    if array.dtype.kind == "f" and not (array == array.round()).all():
        raise Wrong(expected, got="numbers that are not whole")


class TableKind(Kind):
    """A DataFrame of pandas: records, columns of a dict, or a CSV file."""

    is_file, datatype = True, ""

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "object"}, "description": "records, or CSV"}

    def json(self, value: Any) -> Any:
        pandas: Any = importlib.import_module("pandas")

        if is_dict(value) and "base64" in value:
            return self._csv(decode_bytes(value, "a table")[0])
        records = is_list(value) and all(map(is_dict, value))
        columns = is_dict(value) and all(map(is_list, value.values()))
        if not records and not columns:
            raise Wrong("a table: a list of objects, or an object of lists", value)
        try:
            return pandas.DataFrame(value)
        except ValueError as fault:
            raise Wrong("columns of one length", got=str(fault)) from None

    def item(self, item: Item) -> Any:
        data = item.data
        is_json = item.media.endswith("json") or data[:1] in (b"[", b"{")
        return self.json(parse_json(data)) if is_json else self._csv(data)

    def text(self, text: str) -> Any:
        return self._csv(text.encode())

    @staticmethod
    def _csv(data: bytes) -> Any:
        pandas: Any = importlib.import_module("pandas")

        try:
            return pandas.read_csv(io.BytesIO(data))
        except (ValueError, UnicodeDecodeError) as fault:
            raise Wrong("a table in CSV", got=str(fault).strip()) from None


class AudioKind(Kind):
    """Sound: samples and rate of a WAV or FLAC file, or of PCM of which these are said."""

    payload, is_file = _AUDIO, True

    def schema(self) -> Schema:
        return {**_BINARY, "contentMediaType": "audio/*"}

    def json(self, value: Any) -> Any:
        from aiges.audio import Audio

        data, media = decode_bytes(value, "sound")
        return _decoded(lambda: Audio.decode(data, media=media))

    def text(self, text: str) -> Any:
        return self.json(text)

    def item(self, item: Item) -> Any:
        from aiges.audio import Audio

        if _is_url(item.data):
            return self.text(item.text)
        media = item.desc.get("content_type", "")
        rate = item.desc.get("sample_rate", item.desc.get("rate", ""))
        return _decoded(lambda: Audio.decode(item.data, media=media, rate=rate))


def _decoded(decode: Any) -> Any:
    try:
        return decode()
    except ValueError as fault:
        expected, _, got = str(fault).partition(", got ")
        raise Wrong(expected.removeprefix("expected "), got=got) from None


class PathKind(Kind):
    """An uploaded file: a path that is there until the call has ended, with its own name."""

    payload, is_file = OTHER, True

    def schema(self) -> Schema:
        return dict(_BINARY)

    def json(self, value: Any) -> Any:
        data, media = decode_bytes(value, "a file")
        return keep_file(data, "", media)

    def text(self, text: str) -> Any:
        return keep_file(text.encode(), "")

    def item(self, item: Item) -> Any:
        return keep_file(item.data, item.filename, item.media)
