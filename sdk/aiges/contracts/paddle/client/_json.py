# SPDX-License-Identifier: Apache-2.0
"""A request as JSON, in the names of the messages; whole numbers as numbers, bytes as base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from aiges.contracts.paddle import _tensors, _types
from aiges.contracts.paddle._tensors import Value

__all__ = ["request_json"]

_FIELDS = {
    0: "int64_data",
    1: "float_data",
    2: "int_data",
    3: "float64_data",
    4: "int_data",
    6: "uint32_data",
    9: "bool_data",
}


def request_json(values: list[Value], fetch: list[str], log_id: int) -> dict[str, Any]:
    """Return what json.dumps takes. Raises ValueError for types without a field."""
    return {
        "tensor": [_tensor(value) for value in values],
        "fetch_var_names": fetch,
        "log_id": log_id,
    }


def _tensor(value: Value) -> dict[str, Any]:
    made: dict[str, Any] = {
        "elem_type": value.type,
        "shape": value.shape,
        "name": value.name,
        "alias_name": value.alias,
    }
    if value.lod:
        made["lod"] = _tensors.flat_of(value.lod)
    if value.type == _types.STRING:
        made["data"] = [_text(value.alias, text) for text in value.array]
    elif value.type in _FIELDS:
        if value.array.dtype.kind == "f" and not np.isfinite(value.array).all():
            raise ValueError(f"{value.alias}: expected numbers that JSON has, got NaN or infinity")
        made[_FIELDS[value.type]] = value.array.ravel().tolist()
    elif value.type in (5, 7, 8):
        little = value.array.astype(value.array.dtype.newbyteorder("<"), copy=False)
        made["tensor_content"] = base64.b64encode(little.tobytes()).decode()
    else:
        raise ValueError(f"{value.alias}: {_types.name_of(value.type)} is not carried")
    return made


def _text(who: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{who}: expected text in UTF-8, which JSON has") from None
