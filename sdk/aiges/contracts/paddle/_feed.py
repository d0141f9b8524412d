# SPDX-License-Identifier: Apache-2.0
"""What users hand to ``predict`` as feed and fetch, read with a model's configuration.

``batch=False`` says that a value has no batch axis yet, ``batch=True`` that it has. A variable with
LoD has rows instead of one: a value without offsets is one sequence, and a list of lists with
``batch=True`` has a sequence in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle._tensors import Value, levels_of

__all__ = ["LOD", "fetch_names", "values_of"]

LOD = ".lod"


def fetch_names(conf: ModelConf, fetch: Any) -> list[str]:
    """Return the aliases that are asked for; None and nothing: all. Unknown names are left out,
    and where none is known that is as if nothing was asked for, as with the original's client.
    """
    there = [var.alias for var in conf.fetches]
    if fetch is None or len(fetch) == 0:
        return there
    asked = [fetch] if isinstance(fetch, str) else list(fetch)
    alias_of = {var.name: var.alias for var in conf.fetches}
    alias_of.update({alias: alias for alias in there})
    known = [alias_of[name] for name in asked if name in alias_of]
    return list(dict.fromkeys(known)) or there


def values_of(conf: ModelConf, feed: Any, batch: bool) -> list[Value]:
    """Return the value of each feed variable, in the order of the configuration.

    ``feed`` is a dict, a list of such dicts (each a sample, or with ``batch`` a batch, of one
    request), or, of a model with one variable, its value. Raises ValueError.
    """
    samples = _samples(conf, feed)
    for sample in samples:
        _check_names(conf, sample)
    made = []
    for var in conf.feeds:
        values = [_value(var, *_found(var, sample), batch) for sample in samples]
        made.append(values[0] if len(values) == 1 else _joined(var, values))
    return made


def _samples(conf: ModelConf, feed: Any) -> list[dict[str, Any]]:
    if isinstance(feed, dict):
        return [feed]
    if feed is None:
        raise ValueError("feed: expected a dict of values, got None")
    is_list = isinstance(feed, (list, tuple))
    if is_list and len(feed) == 0:
        raise ValueError("feed: expected at least one dict of values, got an empty list")
    if is_list and all(isinstance(each, dict) for each in feed):
        return list(feed)
    if is_list and any(isinstance(each, dict) for each in feed):
        raise ValueError("feed: expected dicts only, or none, in the list")
    if len(conf.feeds) != 1:
        names = ", ".join(var.alias for var in conf.feeds)
        raise ValueError(
            f"feed: expected a dict with {names}; a value alone is for models with one variable"
        )
    return [{conf.feeds[0].alias: feed}]


def _check_names(conf: ModelConf, sample: dict[str, Any]) -> None:
    there = ", ".join(var.alias for var in conf.feeds)
    known = {name for var in conf.feeds for name in (var.alias, var.name)}
    for name in sample:
        plain = name[: -len(LOD)] if str(name).endswith(LOD) else name
        if name not in known and plain not in known:
            raise ValueError(f"Wrong feed name: {name}; expected {there}")
    for var in conf.feeds:
        if var.alias not in sample and var.name not in sample:
            raise ValueError(f"feed: expected {there}; {var.alias} is missing")


def _found(var: Var, sample: dict[str, Any]) -> tuple[Any, Any]:
    name = var.alias if var.alias in sample else var.name
    return sample[name], sample.get(name + LOD)


def _value(var: Var, value: Any, offsets: Any, batch: bool) -> Value:
    made = Value(None, var.type, [], var.name, var.alias)
    if var.type == _types.STRING:
        made.array = _texts(var, value)
        return made
    if offsets is not None:
        made.lod = _given_levels(var, offsets)
    if var.is_lod or made.lod:
        sequences = value if not made.lod and batch and _is_nested(value) else None
        if sequences is not None:
            return _joined(var, [_value(var, each, None, False) for each in sequences])
        made.array = _rows(var, _array(var, value))
        made.lod = made.lod or [[0, len(made.array)]]
        if made.lod[-1][-1] != len(made.array):
            raise ValueError(
                f"{var.alias}{LOD}: expected offsets that end with the {len(made.array)} rows of "
                f"{var.alias}, got {made.lod[-1][-1]}"
            )
        return made
    array = _array(var, value)
    if not isinstance(value, np.ndarray):
        made.array = _declared(var, array, batch)
    else:
        made.array = array if batch or _is_whole(var, array) else np.expand_dims(array, 0)
    return made


def _is_whole(var: Var, array: Any) -> bool:
    """Whether an array of a type that travels as bytes has its batch axis already.

    The original's client sends these as they are whatever ``batch`` says, so users add the axis.
    """
    return var.type in (5, 7, 8) and array.ndim == len(var.shape) + 1


def _is_nested(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(each, (list, tuple, np.ndarray)) for each in value)
    )


def _texts(var: Var, value: Any) -> list[bytes]:
    if isinstance(value, str):
        return [value.encode()]
    if isinstance(value, (bytes, bytearray)):
        return [bytes(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind not in "UO":
        return [value.tobytes()]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [text for each in value for text in _texts(var, each)]
    raise ValueError(f"{var.alias}: expected text, bytes or an array, got {type(value).__name__}")


def _given_levels(var: Var, offsets: Any) -> list[list[int]]:
    nested = _is_nested(offsets)
    try:
        flat = np.concatenate([np.ravel(each) for each in offsets]) if nested else offsets
        levels = levels_of(np.ravel(flat))
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{var.alias}{LOD}: {fault}") from None
    if any(len(level) < 2 for level in levels):
        raise ValueError(f"{var.alias}{LOD}: expected a first and a last offset in each level")
    return levels


def _array(var: Var, value: Any) -> Any:
    """Return the value as an array of the declared type, which may be the value itself."""
    dtype = _types.dtype_of(var.type, var.alias)
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{var.alias}: expected rows of equal length") from None
    if array.dtype.kind not in "biufc":
        raise ValueError(f"{var.alias}: expected numbers of {dtype}, got {array.dtype}")
    if var.type == _types.BFLOAT16 and array.dtype.kind == "f":
        return _bfloat16(array)
    return array.astype(dtype, copy=False)


def _bfloat16(array: Any) -> Any:
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    even = ((bits >> 16) & 1) + 0x7FFF  # Round to nearest, halves to even.
    rounded = ((bits + even) >> 16).astype(np.uint16)
    return np.where(np.isnan(array), np.uint16(0x7FC0), rounded)


def _rows(var: Var, array: Any) -> Any:
    """Return a flat array as rows: of the declared shape, or one element in each."""
    if array.ndim > 1:
        return array
    shape = [size for size in var.shape if size > 0]
    width = int(np.prod(shape)) if shape else 1
    if array.size % width:
        raise ValueError(
            f"{var.alias}: expected rows of {width} elements, got {array.size} elements"
        )
    return array.reshape(-1, *(shape or [1]))


def _declared(var: Var, array: Any, batch: bool) -> Any:
    """Return what was a list in the declared shape, behind the batch axis. Raises ValueError."""
    shape = [size for size in var.shape if size >= 0]
    count = int(np.prod(shape)) if shape else 1
    if len(shape) != len(var.shape):  # Not all sizes are known: only the user knows the shape.
        return array if batch else np.expand_dims(array, 0)
    fits = array.size == count if not batch else count and array.size % count == 0
    if not fits and array.ndim > len(shape) + 1:
        # save_model leaves sizes out that are open, as the height and width of images.
        return array if batch else np.expand_dims(array, 0)
    if not fits:
        rows = "" if not batch else " in each row"
        raise ValueError(
            f"{var.alias}: expected {count} elements{rows} (shape {shape}), got {array.size}"
        )
    return array.reshape(-1 if batch else 1, *shape)


def _joined(var: Var, values: Sequence[Value]) -> Value:
    """Return several as one batch. Raises ValueError where they do not fit together."""
    first = values[0]
    if var.type == _types.STRING:
        texts = [text for each in values for text in each.array]
        return Value(texts, var.type, [], var.name, var.alias)
    if any(len(each.lod) != len(first.lod) for each in values):
        raise ValueError(f"{var.alias}{LOD}: expected as many levels in each sample")
    try:
        array = np.concatenate([each.array for each in values])
    except ValueError as fault:
        raise ValueError(f"{var.alias}: expected samples that make a batch: {fault}") from None
    lod = [level[:] for level in first.lod]
    for each in values[1:]:
        for level, more in zip(lod, each.lod):
            base = level[-1]
            level.extend(base + offset for offset in more[1:])
    return Value(array, var.type, lod, var.name, var.alias)
