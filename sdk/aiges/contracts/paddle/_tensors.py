# SPDX-License-Identifier: Apache-2.0
"""Arrays and LoD to and from the Tensor of both generations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types, _wire

__all__ = ["Value", "flat_of", "levels_of", "read_v2", "read_v3", "write_v2", "write_v3"]

_LISTS = {0: "int64_data", 2: "int_data", 4: "int_data", 6: "uint32_data", 9: "bool_data"}
_RAW = {1: "float_data", 3: "float64_data"}
_LISTS_V2 = {0: "int64_data", 1: "float_data", 2: "int_data"}
_MOST_DIMS = 32


@dataclass
class Value:
    """What one variable holds: an array, or texts as bytes; with LoD, offsets of each level."""

    array: Any
    type: int
    lod: list[list[int]] = field(default_factory=list)
    name: str = ""
    alias: str = ""

    @property
    def shape(self) -> list[int]:
        """The shape with its batch axis; of texts, how many there are."""
        return [len(self.array)] if self.type == _types.STRING else list(self.array.shape)


def flat_of(levels: Iterable[Sequence[int]]) -> list[int]:
    """Return LoD as the wire has it: one list of the offsets of all levels."""
    return [int(offset) for level in levels for offset in level]


def levels_of(flat: Iterable[int]) -> list[list[int]]:
    """Return the levels: a 0 begins a new one, but for those at a level's beginning.

    Raises ValueError where offsets fall or do not begin with 0.
    """
    levels: list[list[int]] = []
    for each in flat:
        offset = int(each)
        if offset == 0 and (not levels or levels[-1][-1] != 0):
            levels.append([])
        if not levels or (levels[-1] and offset < levels[-1][-1]):
            raise ValueError("expected LoD offsets that begin with 0 and never fall")
        levels[-1].append(offset)
    return levels


def write_v3(made: Any, value: Value) -> None:
    """Fill a Tensor of the set ``raw``. Raises ValueError for types that have no place in it."""
    made.elem_type, made.name, made.alias_name = value.type, value.name, value.alias
    made.shape.extend(value.shape)
    made.lod.extend(flat_of(value.lod))
    array = value.array
    if value.type == _types.STRING:
        made.data.extend(array)
    elif value.type in _RAW:
        getattr(made, _RAW[value.type]).append(_little(array, value.type))
    elif value.type in _LISTS:
        getattr(made, _LISTS[value.type]).extend(array.ravel().tolist())
    elif value.type in (5, 7, 8):
        made.tensor_content = _little(array, value.type)
    else:
        raise ValueError(f"{value.alias}: {_types.name_of(value.type)} is not carried")


def _little(array: Any, kind: int) -> bytes:
    dtype = _types.DTYPES[kind].newbyteorder("<")
    return bytes(np.ascontiguousarray(array, dtype=dtype).tobytes())


def read_v3(tensor: Any) -> Value:
    """Return what a Tensor of the set ``raw`` holds. Raises ValueError, which names it."""
    who, kind = tensor.alias_name or tensor.name or "a tensor", tensor.elem_type
    made = Value(None, kind, _levels(who, tensor.lod), tensor.name, tensor.alias_name)
    if kind == _types.STRING:
        made.array = list(tensor.data)
        return made
    dtype = _types.dtype_of(kind, who)
    if tensor.tensor_content:
        made.array = _from_bytes(who, tensor.tensor_content, dtype)
    elif kind in _RAW:
        made.array = _raw_numbers(who, tensor, kind, dtype)
    elif kind in _LISTS:
        made.array = _from_list(getattr(tensor, _LISTS[kind]), dtype)
    else:
        made.array = np.empty(0, dtype)
    made.array = _shaped(who, made.array, list(tensor.shape))
    return made


def _levels(who: str, flat: Iterable[int]) -> list[list[int]]:
    try:
        return levels_of(flat)
    except ValueError as fault:
        raise ValueError(f"{who}: {fault}") from None


def _from_bytes(who: str, data: bytes, dtype: np.dtype[Any]) -> Any:
    if len(data) % dtype.itemsize:
        raise ValueError(f"{who}: expected whole elements of {dtype}, got {len(data)} bytes")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _raw_numbers(who: str, tensor: Any, kind: int, dtype: np.dtype[Any]) -> Any:
    runs = getattr(tensor, _RAW[kind])
    if runs:
        return _from_bytes(who, runs[0] if len(runs) == 1 else b"".join(runs), dtype)
    # Numbers that each have a tag, as proto2 writes them, are unknown to the set raw.
    typed = _wire.v3().Tensor.FromString(tensor.SerializeToString())
    return _from_list(getattr(typed, _RAW[kind]), dtype)


def _from_list(numbers: Any, dtype: np.dtype[Any]) -> Any:
    return np.fromiter(numbers, dtype, len(numbers))


def _shaped(who: str, array: Any, shape: list[int]) -> Any:
    if not shape:
        return array
    wrong = len(shape) > _MOST_DIMS or any(size < 0 for size in shape)
    count = 1
    for size in shape:
        count *= size  # Of Python's numbers: nothing overflows.
    if wrong or count != array.size:
        raise ValueError(f"{who}: expected elements for shape {shape[:40]}, got {array.size}")
    return array.reshape(shape)


def write_v2(made: Any, value: Value) -> None:
    """Fill a Tensor of the set ``v2``. Raises ValueError for types that it does not carry."""
    made.elem_type = value.type
    made.shape.extend(value.shape)
    made.lod.extend(flat_of(value.lod))
    if value.type == _types.STRING:
        made.data.extend(value.array)
    elif value.type in _LISTS_V2:
        getattr(made, _LISTS_V2[value.type]).extend(value.array.ravel().tolist())
    else:
        raise ValueError(
            f"{value.alias}: {_types.name_of(value.type)} is not carried by the messages of 0.6"
        )


def read_v2(tensor: Any, name: str, alias: str, kind: int) -> Value:
    """Return what a Tensor of the set ``v2`` holds; ``kind`` counts where it says no type."""
    kind = tensor.elem_type if tensor.HasField("elem_type") else kind
    made = Value(None, kind, _levels(alias, tensor.lod), name, alias)
    if kind == _types.STRING:
        made.array = list(tensor.data)
        return made
    if kind not in _LISTS_V2:
        raise ValueError(f"{alias}: {_types.name_of(kind)} is not carried by the messages of 0.6")
    numbers = getattr(tensor, _LISTS_V2[kind])
    made.array = _shaped(alias, _from_list(numbers, _types.DTYPES[kind]), list(tensor.shape))
    return made
