# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of GeneralModelService as JSON: the fields of the messages by their names.

As brpc writes it: scalars that are 0 and empty lists are left out, bytes are base64.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._tensors import Value, flat_of, levels_of
from aiges.contracts.paddle.server._calls import Call, Output

__all__ = ["read_json", "write_json"]

_FIELDS = {
    0: "int64_data",
    1: "float_data",
    2: "int_data",
    3: "float64_data",
    4: "int_data",
    _types.BFLOAT16: "uint32_data",
    9: "bool_data",
}
_SCALARS = (int, float)


def read_json(body: bytes) -> Call:
    """Return what a body asks. Raises ValueError, which names the place."""
    said = _object_of(body)
    tensors = said.get("tensor")
    if not isinstance(tensors, list) or not tensors:
        raise ValueError('tensor: expected a list like [{"name": "x", "float_data": [..]}]')
    names = said.get("fetch_var_names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("fetch_var_names: expected a list of names")
    values = [_value(f"tensor[{at}]", each) for at, each in enumerate(tensors)]
    log_id = _number("log_id", said.get("log_id") or 0)
    return Call(values, names, log_id, said.get("profile_server") is True)


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"expected a body of JSON: {fault}") from None
    if not isinstance(said, dict):
        raise ValueError(f"expected an object of JSON, got {type(said).__name__}")
    return said


def _number(where: str, value: Any) -> int:
    try:
        number = int(value)  # 64 bits may be text.
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{where}: expected a number, got {str(value)[:40]!r}") from None
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{where}: expected a number of 64 bits, got {number}")
    return number


def _value(where: str, said: Any) -> Value:
    if not isinstance(said, dict):
        raise ValueError(f"{where}: expected an object, got {type(said).__name__}")
    name, alias = (str(said.get(key) or "") for key in ("name", "alias_name"))
    kind = _number(f"{where}.elem_type", said.get("elem_type") or 0)
    try:
        lod = levels_of(_integers(f"{where}.lod", said.get("lod") or []))
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from None
    made = Value(None, kind, lod, name, alias)
    if kind == _types.STRING:
        made.array = [_text(f"{where}.data", text) for text in said.get("data") or []]
        return made
    dtype = _types.dtype_of(kind, where)
    if said.get("tensor_content"):
        array = _content(f"{where}.tensor_content", said["tensor_content"], dtype)
    else:
        field = _FIELDS.get(kind, "tensor_content")
        array = _array(f"{where}.{field}", said.get(field) or [], dtype)
    made.array = _shaped(where, array, _integers(f"{where}.shape", said.get("shape") or []))
    return made


def _text(where: str, text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"{where}: expected texts, got {type(text).__name__}")
    return text.encode()


def _integers(where: str, said: Any) -> list[int]:
    if not isinstance(said, list) or not all(type(each) is int for each in said):
        raise ValueError(f"{where}: expected a list of integers")
    return said


def _content(where: str, text: Any, dtype: np.dtype[Any]) -> Any:
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{where}: expected base64: {fault}") from None
    if len(data) % dtype.itemsize:
        raise ValueError(f"{where}: expected whole elements of {dtype}, got {len(data)} bytes")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _array(where: str, said: Any, dtype: np.dtype[Any]) -> Any:
    if not isinstance(said, list):
        raise ValueError(f"{where}: expected a list of numbers, got {type(said).__name__}")
    if not said:
        return np.empty(0, dtype)
    try:
        array = np.array(said)
        if array.dtype.kind not in "biuf":  # Numbers of 64 bits may be texts.
            array = np.array([_SCALARS[dtype.kind == "f"](each) for each in said])
        if array.ndim != 1:
            raise ValueError("it has lists in it; shape says how many there are")
        if array.dtype.kind == "f" and dtype.kind in "iu":
            raise ValueError(f"they are no integers, as {dtype} wants them")
        made = array.astype(dtype)
        if dtype.kind in "iu" and not np.array_equal(made, array):
            raise ValueError(f"not all of them are {dtype}")
    except (TypeError, ValueError, OverflowError) as fault:
        raise ValueError(f"{where}: expected numbers: {fault}") from None
    return made


def _shaped(where: str, array: Any, shape: list[int]) -> Any:
    if not shape:
        return array
    if min(shape) < 0 or len(shape) > 32 or math.prod(shape) != array.size:
        raise ValueError(
            f"{where}: expected elements for shape {shape[:40]}, got {array.size} of them"
        )
    return array.reshape(shape)


def write_json(outputs: Sequence[Output], log_id: int, times: Sequence[int]) -> bytes:
    """Return the body of an answer. Raises ValueError for types that it does not carry."""
    made = ",".join(
        f'{{"tensor":[{",".join(map(_tensor, output.values))}],'
        f'"engine_name":{json.dumps(output.engine)}}}'
        for output in outputs
    )
    beside = f',"profile_time":[{",".join(map(str, times))}]' if times else ""
    beside += f',"log_id":{log_id}' if log_id else ""
    return f'{{"outputs":[{made}]{beside}}}'.encode()


def _tensor(value: Value) -> str:
    fields = []
    if value.type == _types.STRING:
        texts = [text.decode("utf-8", "replace") for text in value.array]
        fields.append(f'"data":{json.dumps(texts, ensure_ascii=False)}')
    elif value.type in _FIELDS and value.array.size:
        fields.append(f'"{_FIELDS[value.type]}":[{_numbers(value.array)}]')
    elif value.type not in _FIELDS and value.type not in (5, 7, 8):
        raise ValueError(f"{value.alias}: {_types.name_of(value.type)} is not carried")
    if value.type:
        fields.append(f'"elem_type":{value.type}')
    for name, numbers in (("shape", value.shape), ("lod", flat_of(value.lod))):
        if numbers:
            fields.append(f'"{name}":[{",".join(map(str, numbers))}]')
    fields += [f'"name":{json.dumps(value.name)}', f'"alias_name":{json.dumps(value.alias)}']
    if value.type in (5, 7, 8):
        dtype = _types.DTYPES[value.type].newbyteorder("<")
        content = base64.b64encode(np.ascontiguousarray(value.array, dtype=dtype).tobytes())
        fields.append(f'"tensor_content":"{content.decode()}"')
    return "{" + ",".join(fields) + "}"


def _numbers(array: Any) -> str:
    flat = array.ravel()
    if flat.dtype.kind == "b":
        return ",".join("true" if each else "false" for each in flat.tolist())
    if flat.dtype.kind != "f":
        return ",".join(map(str, flat.tolist()))
    # The shortest text that reads as the same number of that type: 18.901152 for a float.
    texts = flat.astype("U").tolist()
    if not np.isfinite(flat).all():  # JSON has no words for these; messages as JSON have them so.
        words = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
        texts = [words.get(text, text) for text in texts]
    return ",".join(texts)
