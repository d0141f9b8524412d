# SPDX-License-Identifier: Apache-2.0
"""Payloads in JSON as the user's code gets them, and its results as JSON."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import json
import uuid
from email.utils import format_datetime
from typing import Any

import numpy as np

from aiges.contracts.seldon._errors import SeldonMicroserviceException, bad_data

__all__ = [
    "Payload",
    "array_of",
    "data_of",
    "dump",
    "features_of",
    "http_date",
    "is_numeric",
    "names_of",
]

Payload = tuple[str, Any]  # The key in a message, and what stands there.

_KINDS = ("data", "jsonData", "strData", "binData")
_MOST_PADDING = 64 << 20  # Characters.
_MOST_AXES = 64


def features_of(message: dict[str, Any]) -> Any:
    """Return what the user's method is given. Raises SeldonMicroserviceException."""
    for kind in _KINDS:
        value = message.get(kind)
        if value is None and not (kind == "jsonData" and kind in message):
            continue
        if kind == "data":
            return _array_of(message, value)
        if kind == "binData":
            return _bytes_of(value)
        return value
    raise bad_data(f"Invalid request data type: {message}")


def _array_of(message: dict[str, Any], data: Any) -> Any:
    if not isinstance(data, dict):
        raise bad_data(f"Invalid request data type: {message}")
    tensor = data.get("tensor")
    if tensor is not None:
        return array_of(tensor.get("values")).reshape(tensor.get("shape"))
    ndarray = data.get("ndarray")
    if ndarray is not None:
        return array_of(ndarray)
    if data.get("tftensor") is not None:
        return _tftensor_of(data["tftensor"])
    return np.array([])


def array_of(value: Any) -> Any:
    """Return a list of JSON as an array. Raises ValueError and SeldonMicroserviceException.

    NumPy gives each text the room of the longest one: one long text among many short ones would
    ask for all the memory there is.
    """
    if isinstance(value, list):
        count, longest, total = _texts_in(value)
        if count * longest - total > _MOST_PADDING:
            raise bad_data(
                f"expected texts of about the same length in an array, got {count} values, "
                f"the longest of which has {longest} characters: send them as jsonData"
            )
    return np.array(value)


def _texts_in(values: list[Any], depth: int = 0) -> tuple[int, int, int]:
    """How many values there are, how long the longest text is, and all of them together."""
    kinds = set(map(type, values))
    count, longest, total = len(values), 0, 0
    if str in kinds:
        lengths = [len(each) for each in values if isinstance(each, str)]
        longest, total = max(lengths), sum(lengths)
    if list in kinds and depth < _MOST_AXES:  # NumPy refuses what has more.
        for each in values:
            if type(each) is list:
                its_count, its_longest, its_total = _texts_in(each, depth + 1)
                count, total = count + its_count, total + its_total
                longest = max(longest, its_longest)
    return count, longest, total


def _tftensor_of(value: Any) -> Any:
    from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

    from aiges.contracts.seldon import _messages, _tensors

    holder = _messages.message("DefaultData")()
    try:
        json_format.ParseDict(value, holder.tftensor)
    except json_format.ParseError as fault:
        raise bad_data(f"Invalid JSON: {fault}") from None
    return _tensors.array_of(holder.tftensor)


def _bytes_of(value: Any) -> bytes:
    return base64.b64decode(value)


def names_of(message: dict[str, Any]) -> Any:
    """Return the names of the columns, of a message that has some."""
    data = message.get("data")
    return (data.get("names") or []) if isinstance(data, dict) else []


def is_numeric(array: Any) -> bool:
    """Whether all of it are numbers."""
    return array.dtype.kind in "iufc"


def data_of(result: Any, request: Any) -> tuple[Payload, Any]:
    """Return what the answer says, and the array where it is one. Raises for other types.

    ``request``: the message, whose kind of data the answer has, too, where it can.
    """
    if isinstance(result, dict):
        return ("jsonData", result), None
    if isinstance(result, (bytes, bytearray)):
        return ("binData", base64.b64encode(result).decode("ascii")), None
    if isinstance(result, str):
        return ("strData", result), None
    if isinstance(result, np.ndarray):
        array, plain = result, None
    elif isinstance(result, list):
        array, plain = np.array(result), result
    else:
        raise _unknown(result)
    asked = request.get("data") if isinstance(request, dict) else None
    kind = "ndarray"
    if is_numeric(array):
        kind = _kind_like(asked)
    if kind == "tensor":
        value: Any = {"shape": list(array.shape), "values": array.ravel().tolist()}
    elif kind == "tftensor":
        value = _tftensor_json(array)
    else:
        value = array.tolist() if plain is None else plain
    return ("data", {kind: value}), array


def _kind_like(asked: Any) -> str:
    if not isinstance(asked, dict):
        return "tensor"
    return next((kind for kind in ("tensor", "tftensor") if kind in asked), "ndarray")


def _tftensor_json(array: Any) -> Any:
    from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

    from aiges.contracts.seldon import _messages, _tensors

    holder = _messages.message("DefaultData")()
    _tensors.fill(holder.tftensor, array)
    return json_format.MessageToDict(holder.tftensor)


def _unknown(result: Any) -> SeldonMicroserviceException:
    return bad_data(f"Unknown data type returned as payload (must be list or np array):{result}")


def http_date(value: datetime.date) -> str:
    """Return a date as HTTP has it."""
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return format_datetime(value.astimezone(datetime.timezone.utc), usegmt=True)


def _plain(value: Any) -> Any:
    """What JSON has no word for, but means nothing else."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime.date):
        return http_date(value)
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_compact = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain)


def dump(value: Any) -> bytes:
    """Return an answer's text: keys sorted, compact, in ASCII, with a newline."""
    return (_compact.encode(value) + "\n").encode("ascii")
