# SPDX-License-Identifier: Apache-2.0
"""The inputs of ``predict``, named Python values, as what travels: text, JSON, numbers and files.

A value that is a file (a Path, bytes, an open file, a PIL image, an array of numpy) goes as its
bytes; one within a list or a dict goes as ``{"base64": ..}``, which the host takes in JSON. None is
not sent: the model's own default counts. Neither Pillow nor numpy is imported here: their values
are known by what they are.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import io
import json
import mimetypes
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, cast

from aiges._narrow import is_buffer, is_mapping
from aiges.client._content import BYTES, JSON, TEXT
from aiges.client.message import DataType, Payload

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import TypeGuard

__all__ = ["Input", "is_file", "json_text", "part_type", "payloads_of", "plain", "read_inputs"]

NPY = "application/x-npy"


@dataclass(frozen=True)
class Input:
    """One input. ``value`` is what JSON says of it; a file has ``data`` and no value."""

    name: str
    value: Any = None
    data: bytes | Path | None = None
    content_type: str = ""
    filename: str = ""
    array: Any = None  # The array of numpy that the file is of.

    @property
    def is_scalar(self) -> bool:
        """Whether it is a number or a boolean: what engines without types have as parameters."""
        return isinstance(self.value, (bool, int, float))

    def field_text(self) -> str:
        """Return how a form and a parameter write the value."""
        return self.value if isinstance(self.value, str) else json_text(self.value, self.name)

    def bytes(self) -> _Bytes:
        """Return the data; reads the file. Raises OSError."""
        if isinstance(self.data, Path):
            return self.data.read_bytes()
        return self.field_text().encode() if self.data is None else self.data


_Bytes = bytes


def json_text(value: Any, name: str) -> str:
    """Return the JSON text of a value. Raises ValueError for a number that JSON has not."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"{name}: expected what JSON can hold: {error}") from None


def _module_of(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _is_picture(value: Any) -> bool:
    """Of PIL: its classes lie in modules of plugins, and are derived from one of PIL.Image."""
    return any(
        each.__module__ == "PIL.Image" and each.__name__ == "Image" for each in type(value).__mro__
    )


def _is_array(value: Any) -> TypeGuard[np.ndarray[Any, Any]]:
    return _module_of(value) == "numpy" and hasattr(value, "tolist") and hasattr(value, "shape")


def is_file(value: Any) -> bool:
    """Return whether the value goes as bytes."""
    if isinstance(value, (bytes, bytearray, memoryview, os.PathLike)) or _is_picture(value):
        return True
    return hasattr(value, "read") or (_is_array(value) and value.shape != ())


def _picture_bytes(value: Any) -> bytes:
    out = io.BytesIO()
    plain_mode = value.mode in ("1", "L", "LA", "I", "P", "RGB", "RGBA", "I;16")
    (value if plain_mode else value.convert("RGB")).save(out, "PNG")
    return out.getvalue()


def _array_bytes(value: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.save(out, value, allow_pickle=False)
    return out.getvalue()


def _file(name: str, value: Any) -> Input:
    if is_buffer(value):
        return Input(name, data=bytes(value), content_type=BYTES, filename=name)
    if isinstance(value, os.PathLike):
        path = Path(cast("os.PathLike[str]", value))
        if not path.is_file():
            raise FileNotFoundError(f"{name}: expected a file, found none at {path}")
        kind = mimetypes.guess_type(path.name)[0] or BYTES
        return Input(name, data=path, content_type=kind, filename=path.name)
    if _is_picture(value):
        return Input(
            name, data=_picture_bytes(value), content_type="image/png", filename=f"{name}.png"
        )
    if hasattr(value, "read"):
        data = value.read()
        if isinstance(data, str):
            return Input(name, value=data)
        shown = os.path.basename(str(getattr(value, "name", "") or name))
        kind = mimetypes.guess_type(shown)[0] or BYTES
        return Input(name, data=bytes(data), content_type=kind, filename=shown)
    return Input(
        name,
        data=_array_bytes(value),
        content_type=NPY,
        filename=f"{name}.npy",
        array=value,
    )


def plain(value: Any, place: str) -> Any:
    """Return what JSON can hold of a value. Raises TypeError with the place of what it cannot."""
    if value is None or isinstance(value, (bool, int, float, str)):
        # A member of an enum that is also a str or an int is its value.
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, enum.Enum):
        return plain(value.value, place)
    if is_mapping(value):
        return {str(key): plain(each, f"{place}.{key}") for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = cast("Iterable[Any]", value)
        return [plain(each, f"{place}[{i}]") for i, each in enumerate(items)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {
            each.name: plain(getattr(value, each.name), f"{place}.{each.name}") for each in fields
        }
    if _is_array(value):  # Also its scalars.
        return plain(value.tolist(), place)
    if is_file(value):
        item = _file(place, value)
        if item.data is None:
            return item.value
        return {"base64": base64.b64encode(item.bytes()).decode(), "type": item.content_type}
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):  # A model of pydantic.
        return dump(mode="json")
    raise TypeError(
        f"{place}: expected text, a number, a list, a dict, a dataclass, bytes, a Path, a PIL "
        f"image or an array of numpy, got {type(value).__name__}"
    )


def read_inputs(values: Mapping[str, Any]) -> list[Input]:
    """Return what is to be sent. Raises TypeError, ValueError and OSError."""
    found: list[Input] = []
    for name, value in values.items():
        if value is None:
            continue
        if is_file(value):
            found.append(_file(name, value))
        else:
            found.append(Input(name, value=plain(value, name)))
    return found


def _kind(content_type: str) -> DataType:
    known = {"text": DataType.TEXT, "image": DataType.IMAGE, "audio": DataType.AUDIO}
    return known.get(content_type.partition("/")[0], DataType.OTHER)


def _payload(item: Input) -> Payload:
    if item.array is not None:
        from aiges import tensors

        datatype, shape, data = tensors.encode(item.array)
        desc = {"datatype": datatype, "shape": shape}
        return Payload(item.name, data, DataType.OTHER, desc)
    if item.data is not None:
        desc = {} if item.content_type == BYTES else {"content_type": item.content_type}
        if item.filename != item.name:
            desc["filename"] = item.filename
        return Payload(item.name, item.bytes(), _kind(item.content_type), desc)
    if isinstance(item.value, str):
        return Payload(item.name, item.value.encode(), DataType.TEXT)
    return Payload(item.name, item.bytes(), DataType.TEXT, {"content_type": JSON})


def payloads_of(inputs: list[Input]) -> tuple[list[Payload], dict[str, str]]:
    """Return the payloads and the parameters of a call over gRPC: numbers are parameters."""
    scalars = [item for item in inputs if item.is_scalar]
    others = [item for item in inputs if not item.is_scalar]
    if not others:  # A call has at least one payload: an engine with types takes numbers as such.
        others, scalars = scalars, []
    return [_payload(item) for item in others], {i.name: i.field_text() for i in scalars}


def part_type(item: Input) -> str:
    """Return the Content-Type of the part of a form that the input is."""
    if item.data is not None:
        return item.content_type
    return TEXT if isinstance(item.value, str) else JSON
