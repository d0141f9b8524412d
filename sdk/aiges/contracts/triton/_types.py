# SPDX-License-Identifier: Apache-2.0
"""Data types: as config.pbtxt, the protocol and numpy name them."""

from __future__ import annotations

import functools
import struct
from typing import Any

import numpy as np

from aiges.contracts._oip import count_elements
from aiges.contracts.triton._errors import TritonModelException

__all__ = [
    "NUMBERS",
    "OF_CONFIG",
    "bf16_type",
    "decode_bytes",
    "deserialize_bytes_tensor",
    "dtype_of",
    "encode_bytes",
    "protocol_type",
    "serialize_byte_tensor",
]

# By the number that config.pbtxt has for it.
_NAMES = "BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16".split()
NUMBERS = {name: number for number, name in enumerate(_NAMES, 1)}
OF_CONFIG = {f"TYPE_{name}": "BYTES" if name == "STRING" else name for name in _NAMES}
_NUMPY: dict[str, Any] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
}
_PROTOCOL = {dtype: name for name, dtype in _NUMPY.items()}
_LENGTH = struct.Struct("<I")


@functools.cache
def bf16_type() -> Any:
    """Return the dtype of BF16, which is a package's; None without it."""
    try:
        import ml_dtypes
    except ImportError:
        return None
    return np.dtype(ml_dtypes.bfloat16)


def dtype_of(datatype: str) -> Any:
    """Return the dtype of a protocol's type other than BYTES; None where there is none."""
    return _NUMPY.get(datatype) or (bf16_type() if datatype == "BF16" else None)


def protocol_type(dtype: Any) -> str:
    """Return the protocol's name. Raises TritonModelException."""
    found = _PROTOCOL.get(dtype)
    if found is None:
        if dtype.kind in "OS":
            return "BYTES"
        native = dtype.newbyteorder("=")
        if native in _PROTOCOL:
            return _PROTOCOL[native]
        if dtype == bf16_type():
            return "BF16"
        raise TritonModelException("NumPy dtype is not supported.")
    return found


def decode_bytes(data: Any, name: str = "") -> list[bytes]:
    """Return the elements of BYTES. Raises BadInput where they do not fill it."""
    data = bytes(data)
    found: list[bytes] = []
    at, end, unpack = 0, len(data), _LENGTH.unpack_from
    add = found.append
    while end - at >= 4:
        stop = at + 4 + unpack(data, at)[0]
        if stop > end:
            break
        add(data[at + 4 : stop])
        at = stop
    if at != end:
        count_elements(data, name)  # It says where they end.
    return found


def _element(value: Any) -> bytes:
    return value if type(value) is bytes else str(value).encode("utf-8")


def encode_bytes(array: Any) -> bytes:
    """Return an array of objects or of S as BYTES, in row-major order."""
    if array.dtype.kind == "S":
        elements: list[bytes] = array.ravel().tolist()
    else:
        elements = [_element(value) for value in array.ravel().tolist()]
    pack = _LENGTH.pack
    return b"".join([part for each in elements for part in (pack(len(each)), each)])


def serialize_byte_tensor(tensor: Any) -> Any:
    """Return elements with their lengths in front, as an array with one object; () for none."""
    if tensor.size == 0:
        return ()
    if tensor.dtype.kind not in "OS":
        return None
    made = np.empty([], dtype=np.object_)
    made[()] = encode_bytes(tensor)
    return made


def deserialize_bytes_tensor(encoded: bytes) -> Any:
    """Return the elements that such bytes hold, as an array of one dimension."""
    elements = decode_bytes(encoded)
    made = np.empty(len(elements), dtype=np.object_)
    made[:] = elements
    return made
