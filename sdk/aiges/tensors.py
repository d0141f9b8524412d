# SPDX-License-Identifier: Apache-2.0
"""Payloads that are tensors: numpy arrays of them, and back; and batches out of many calls.

A payload is a tensor where its ``desc`` has ``datatype`` (a name of the Open Inference Protocol)
and ``shape`` (``"1,64"``; ``""`` is a scalar). Its data are the elements, little-endian and row by
row; of BYTES each element is a u32 of its length and its bytes. In a worker the loader reads and
writes them itself (wrapper/tensors.cc); this is the same for everywhere else.

numpy is imported when an array is asked for, and not before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from aiges._narrow import is_dict
from aiges._shown import shown
from aiges.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "DATATYPES",
    "array",
    "datatype_of",
    "decode",
    "dtype_of",
    "encode",
    "is_tensor",
    "size_of",
    "split",
    "stack",
    "try_encode",
]

# The datatypes, and the name of each for numpy. BF16: as dtype_of().
DATATYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BF16": "bfloat16",
    "BYTES": "object",
}
_OF_DTYPE = {dtype: name for name, dtype in DATATYPES.items()}
_MOST_DIMENSIONS = 32
_MOST_ELEMENTS = 2**32 - 1
_MOST_SHAPE_TEXT = 1024
_LENGTH = struct.Struct("<I")


def dtype_of(datatype: str) -> np.dtype[Any]:
    """Return the dtype of a datatype; ValueError: there is none of that name.

    That of BF16 is ``ml_dtypes.bfloat16``, or uint16 with the bits where ml_dtypes is missing.
    """
    import numpy as np

    name = DATATYPES.get(datatype)
    if name is None:
        raise ValueError(f"expected a datatype such as FP32 or BYTES, got {shown(datatype)}")
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        return np.dtype("uint16")
    made: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return made


def datatype_of(dtype: Any) -> str:
    """Return the datatype of a dtype, or of what numpy makes one; TypeError: it has none."""
    import numpy as np

    try:
        made = np.dtype(dtype)
    except TypeError:  # Of another library: torch.float32.
        made = None
    name = str(dtype).rpartition(".")[2] if made is None else made.name
    if made is not None and made.kind in "SU":
        return "BYTES"
    if name not in _OF_DTYPE:
        raise TypeError(
            f"dtype {dtype} has no datatype among {', '.join(DATATYPES)}; convert it first, as "
            "with .astype(..)"
        )
    return _OF_DTYPE[name]


def size_of(datatype: str) -> int | None:
    """Return the bytes of an element: 0 of BYTES, each of which has its own; None: no datatype."""
    if datatype in ("BYTES", "BF16"):
        return 0 if datatype == "BYTES" else 2
    return dtype_of(datatype).itemsize if datatype in DATATYPES else None


def array(item: Any) -> np.ndarray[Any, Any]:
    """Return the array of a request's payload, in the class style or a dict.

    BadInput: it is no tensor, or its bytes are not as many as its datatype and shape say. The array
    cannot be written to: its memory is that of the request. Copy it to change it.
    """
    if is_dict(item):
        return decode(item.get("desc") or {}, item["data"], item.get("key", ""))
    made: np.ndarray[Any, Any] = item.numpy()
    return made


def decode(desc: dict[str, str], data: bytes | memoryview, key: str = "") -> np.ndarray[Any, Any]:
    """Return the array of data of which ``desc`` has datatype and shape. BadInput as array()."""
    import numpy as np

    datatype, text = desc.get("datatype"), desc.get("shape")
    if not isinstance(datatype, str):
        raise _bad(
            key,
            f"expected a tensor (desc with datatype and shape), got {len(data)} bytes without a "
            "datatype",
        )
    if datatype not in DATATYPES:
        raise _bad(key, f'expected a datatype such as FP32 or BYTES, got "{datatype[:40]}"')
    shape = _shape(text)
    if shape is None:
        got = f'"{text[:60]}"' if isinstance(text, str) else "none"
        raise _bad(
            key,
            f'expected a shape such as "1,64" of at most {_MOST_ELEMENTS} elements, got {got}',
        )
    count = _count(shape)
    if datatype == "BYTES":
        flat = np.array(_elements(key, data, count, shape), dtype=object)
        return flat.reshape(shape)
    dtype = dtype_of(datatype)
    if count * dtype.itemsize != len(data):
        raise _bad(
            key,
            f"expected {count * dtype.itemsize} bytes for {datatype} {list(shape)}, got "
            f"{len(data)}",
        )
    return np.ndarray(shape, dtype, data if count else None)


def encode(value: Any) -> tuple[str, str, bytes]:
    """Return datatype, shape and data of an array, or of what has ``__dlpack__`` in CPU memory.

    TypeError: it has none of the datatypes.
    """
    import numpy as np

    if not isinstance(value, (np.ndarray, np.generic)):
        value = _from_dlpack(value)
    made: np.ndarray[Any, Any] = np.asarray(cast("Any", value))
    datatype = datatype_of(made.dtype)
    shape = ",".join(map(str, made.shape))
    if datatype == "BYTES":
        return datatype, shape, _joined(made.ravel().tolist())
    if made.dtype.byteorder == ">":
        made = made.astype(made.dtype.newbyteorder("<"))
    return datatype, shape, made.tobytes()


def is_tensor(value: object) -> bool:
    """Tell whether the loader takes a result as a tensor: an array of numpy, or a DLPack tensor."""
    if isinstance(value, (bytes, bytearray, str, memoryview)):
        return False
    return hasattr(type(value), "__dlpack__") or hasattr(type(value), "__array_interface__")


def try_encode(value: Any) -> tuple[str, str, bytes] | None:
    """As encode(); None where that raises, and for what is no array at all."""
    try:
        return encode(value) if is_tensor(value) else None
    except TypeError:
        return None


def stack(items: Iterable[Any]) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Return one array of many along axis 0, and how many rows each has, for split().

    Takes arrays or payloads. ValueError: one has no axis 0, or differs from the first beyond it;
    the calls of a batch may each bring a shape of their own.
    """
    import numpy as np

    arrays: list[np.ndarray[Any, Any]] = [
        each if isinstance(each, np.ndarray) else array(each) for each in items
    ]
    if not arrays:
        raise ValueError("expected at least one array to stack, got none")
    first = arrays[0]
    for i, each in enumerate(arrays):
        if each.ndim == 0:
            raise ValueError(f"[{i}]: expected an array with a batch dimension, got a scalar")
        if each.shape[1:] != first.shape[1:] or each.dtype != first.dtype:
            raise ValueError(
                f"[{i}]: expected {first.dtype} of shape (n, {_inner(first)}) as [0] has, got "
                f"{each.dtype} (n, {_inner(each)})"
            )
    rows = [each.shape[0] for each in arrays]
    return (first if len(arrays) == 1 else np.concatenate(arrays)), rows


def split(stacked: np.ndarray[Any, Any], rows: Sequence[int]) -> list[np.ndarray[Any, Any]]:
    """Return the parts of an array along axis 0, as views: what stack() put together."""
    if stacked.ndim == 0 or stacked.shape[0] != sum(rows):
        got = stacked.shape[0] if stacked.ndim else "a scalar"
        raise ValueError(f"expected {sum(rows)} rows along axis 0 to split, got {got}")
    parts: list[np.ndarray[Any, Any]] = []
    at = 0
    for count in rows:
        parts.append(stacked[at : at + count])
        at += count
    return parts


def _inner(value: np.ndarray[Any, Any]) -> str:
    return ", ".join(map(str, value.shape[1:]))


def _bad(key: str, text: str) -> BadInput:
    return BadInput(f'payload "{key}": {text}')


def _shape(text: object) -> tuple[int, ...] | None:
    """Return the dimensions in a text; None: it is none, or there are too many elements."""
    if not isinstance(text, str) or len(text) > _MOST_SHAPE_TEXT:
        return None
    parts = text.split(",") if text else []
    if len(parts) > _MOST_DIMENSIONS or not all(p.isascii() and p.isdigit() for p in parts):
        return None
    sizes = tuple(map(int, parts))
    return sizes if _count(size or 1 for size in sizes) <= _MOST_ELEMENTS else None


def _count(sizes: Iterable[int]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count


def _elements(
    key: str, data: bytes | memoryview, count: int, shape: tuple[int, ...]
) -> list[bytes]:
    view, at = memoryview(data), 0
    elements: list[bytes] = []
    expected = (
        f"expected {count} elements for BYTES {list(shape)}, each with its length before it, got "
    )
    if count > len(view) // _LENGTH.size:
        raise _bad(key, f"{expected}{len(view)} bytes")
    for i in range(count):
        if len(view) - at < _LENGTH.size:
            raise _bad(key, f"{expected}{i}")
        length = _LENGTH.unpack_from(view, at)[0]
        at += _LENGTH.size
        if len(view) - at < length:
            raise _bad(key, f"{expected}{i} and the begin of another")
        elements.append(bytes(view[at : at + length]))
        at += length
    if at < len(view):
        raise _bad(key, f"{expected}{len(view) - at} bytes more than these have")
    return elements


def _joined(elements: list[Any]) -> bytes:
    parts: list[bytes] = []
    for i, each in enumerate(elements):
        if not isinstance(each, (bytes, str)):
            raise TypeError(
                f"expected bytes or str in an array of objects, got {type(each).__name__} at [{i}]"
            )
        element = each.encode() if isinstance(each, str) else each
        parts += [_LENGTH.pack(len(element)), element]
    return b"".join(parts)


def _from_dlpack(value: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    if not hasattr(value, "__dlpack__"):
        raise TypeError(f"expected an array, got {type(value).__name__}")
    device = int(value.__dlpack_device__()[0])
    if device != 1:
        raise TypeError(
            f"expected a {type(value).__name__} in the memory of the CPU, got one on DLPack device "
            f"{device}; bring it here first, as with .cpu()"
        )
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError) as error:
        raise TypeError(f"a {type(value).__name__} has no datatype: {error}") from None
