# SPDX-License-Identifier: Apache-2.0
"""Payloads in messages of gRPC as the user's code gets them, and its results as messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from google.protobuf import any_pb2, json_format  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.seldon import _arrays, _tensors
from aiges.contracts.seldon._arrays import is_numeric
from aiges.contracts.seldon._errors import SeldonMicroserviceException, bad_data

__all__ = [
    "array_of",
    "data_of",
    "features_of",
    "feedback_payload",
    "fill_array",
    "fill_data",
    "fill_value",
    "payload_of",
    "list_of",
    "meta_of",
]


_FEW = 16  # Values of a tensor that are worth their own way.


def list_of(values: Any) -> list[Any]:
    """Return a ListValue as a list."""
    return [_plain(value) for value in values.values]


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return list_of(value.list_value)
    if kind == "struct_value":
        return {key: _plain(each) for key, each in value.struct_value.fields.items()}
    return None if kind in ("null_value", None) else getattr(value, kind)


def fill_value(value: Any, plain: Any) -> None:
    """Write what JSON could say into a google.protobuf.Value. Raises TypeError."""
    if plain is None:
        value.null_value = 0
    elif isinstance(plain, (bool, np.bool_)):
        value.bool_value = bool(plain)
    elif isinstance(plain, str):
        value.string_value = plain
    elif isinstance(plain, (int, float, np.number)):
        value.number_value = float(plain)
    elif isinstance(plain, dict):
        value.struct_value.SetInParent()
        for key, each in plain.items():
            fill_value(value.struct_value.fields[str(key)], each)
    elif isinstance(plain, (list, tuple, np.ndarray)):
        _fill_list(value.list_value, plain)
    else:
        raise TypeError(f"Object of type {type(plain).__name__} is not JSON serializable")


def _fill_list(target: Any, plain: Iterable[Any]) -> None:
    target.SetInParent()
    add = target.values.add
    for each in plain:
        if type(each) is float:
            add().number_value = each
        else:
            fill_value(add(), each)


def _packed_head(count: int) -> bytes:
    """What stands before so many values of a Tensor, as protobuf packs them."""
    size, head = 8 * count, bytearray(b"\x12")
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head)


def _tensor_of(tensor: Any) -> Any:
    values = tensor.values
    count = len(values)
    if count > _FEW:
        # All at once: the values are the end of what is packed, unless a client has said more.
        data, head = tensor.SerializeToString(), _packed_head(count)
        at = len(data) - 8 * count
        if data[at - len(head) : at] == head:
            array = np.frombuffer(data, "<f8", count, at).astype(np.float64)
            return array.reshape(tuple(tensor.shape))
    return np.fromiter(values, np.float64, count).reshape(tuple(tensor.shape))


def array_of(data: Any, kind: str | None = None) -> Any:
    """Return the array of a DefaultData. Raises ValueError and SeldonMicroserviceException."""
    kind = kind or data.WhichOneof("data_oneof")
    if kind == "tensor":
        return _tensor_of(data.tensor)
    if kind == "ndarray":
        return _arrays.array_of(list_of(data.ndarray))
    if kind == "tftensor":
        return _tensors.array_of(data.tftensor)
    return np.array([])


def payload_of(message: Any) -> tuple[Any, list[str], str]:
    """Return what the user's method is given, the names, and the kind of a numeric answer's data.

    Raises SeldonMicroserviceException.
    """
    if message.WhichOneof("data_oneof") != "data":
        return features_of(message), [], "tensor"
    data = message.data
    kind = data.WhichOneof("data_oneof")
    try:
        array = array_of(data, kind)
    except ValueError as fault:
        raise bad_data(str(fault)) from None
    names = data.names
    return array, list(names) if names else [], kind or "ndarray"


def features_of(message: Any) -> Any:
    """Return what the user's method is given. Raises SeldonMicroserviceException."""
    kind = message.WhichOneof("data_oneof")
    if kind == "data":
        return payload_of(message)[0]
    if kind == "jsonData":
        return _plain(message.jsonData)
    if kind is None:
        raise bad_data(
            "Unknown data in SeldonMessage: expected data, binData, strData, jsonData "
            "or customData, got none of them"
        )
    return getattr(message, kind)


def feedback_payload(message: Any) -> tuple[Any, list[str], str]:
    """As payload_of, of what a feedback says of a request or of the truth; it may say nothing."""
    if message.WhichOneof("data_oneof") is None:
        return np.array([]), [], "tensor"
    return payload_of(message)


def meta_of(message: Any) -> dict[str, Any]:
    """Return the meta as JSON has it."""
    meta = message.meta
    return json_format.MessageToDict(meta) if meta.ByteSize() else {}


def data_of(result: Any) -> Any:
    """Return the array of a result, or None where it is no array. Raises for other types."""
    if isinstance(result, np.ndarray):
        return result
    if isinstance(result, list):
        return np.array(result)
    if isinstance(result, (dict, bytes, bytearray, str, any_pb2.Any)):
        return None
    raise SeldonMicroserviceException(
        f"Unknown data type returned as payload (must be list or np array):{result}",
        status_code=500,
    )


def fill_data(answer: Any, result: Any) -> None:
    """Write a result that is no array into a SeldonMessage."""
    if isinstance(result, str):
        answer.strData = result
    elif isinstance(result, dict):
        fill_value(answer.jsonData, result)
    elif isinstance(result, (bytes, bytearray)):
        answer.binData = bytes(result)
    else:
        answer.customData.CopyFrom(result)


def fill_array(data: Any, array: Any, kind: str) -> None:
    """Write an array into a DefaultData."""
    if not is_numeric(array):
        kind = "ndarray"
    if kind == "tensor":
        tensor = data.tensor
        tensor.shape.extend(array.shape)
        if array.size > _FEW:
            packed = array.astype("<f8", copy=False).tobytes()
            tensor.MergeFromString(_packed_head(array.size) + packed)
        else:
            tensor.values.extend(array.ravel().tolist())
    elif kind == "tftensor":
        _tensors.fill(data.tftensor, array)
    else:
        _fill_list(data.ndarray, array.tolist())
