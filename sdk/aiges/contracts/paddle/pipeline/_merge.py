# SPDX-License-Identifier: Apache-2.0
"""Feeds of several calls as one, and the model's result back to each.

What fits together has the same keys, types and shapes but for the first axis. The rest, and all
where a merged one fails or its result cannot be taken apart, is processed call by call: so what is
wrong with one call is told to that one alone.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from aiges.contracts.paddle._tensors import flat_of, levels_of
from aiges.contracts.paddle.pipeline._batches import Item
from aiges.contracts.paddle.pipeline._errors import Failed

__all__ = ["Merged", "process"]

_LOD = ".lod"


def process(
    items: list[Item],
    merged: Callable[[Any, int], Any],
    single: Callable[[Any, int], Any],
) -> None:
    """Put in each item's ``data`` what the model makes of it, or set ``failed``.

    ``merged`` takes one feed, ``single`` a feed or a list of them; both raise Failed.
    """
    groups: dict[Any, list[Item]] = {}
    for at, item in enumerate(items):
        groups.setdefault(_kind_of(item.data, at), []).append(item)
    for group in groups.values():
        if len(group) > 1 and _together(group, merged):
            continue
        for item in group:
            try:
                item.data = single(item.data, item.log_id)
            except Failed as failed:
                item.failed = failed


def _kind_of(feed: Any, at: int) -> Any:
    """Return what is alike for feeds that fit together."""
    if type(feed) is not dict or not feed:
        return at
    kind: list[Any] = []
    for key, value in feed.items():
        if not isinstance(key, str):
            return at
        if key.endswith(_LOD):
            kind.append((key, "lod"))
        elif isinstance(value, np.ndarray) and value.ndim and value.dtype != object:
            kind.append((key, value.dtype.str, value.shape[1:]))
        else:
            return at
    return tuple(sorted(kind, key=lambda each: str(each[0])))


def _together(group: list[Item], merged: Callable[[Any, int], Any]) -> bool:
    """Return whether they were processed as one."""
    try:
        made = Merged([item.data for item in group])
        result = merged(made.feed, group[0].log_id)
        parts = made.parts(result)
    except (Failed, ValueError):
        return False
    for item, part in zip(group, parts):
        item.data = part
    return True


class Merged:
    """Feeds as one. ``rows`` and ``sequences``: how many of each call. Raises ValueError."""

    def __init__(self, feeds: list[dict[str, Any]]) -> None:
        keys = list(feeds[0])
        arrays = [key for key in keys if not key.endswith(_LOD)]
        if not arrays:
            raise ValueError("nothing but LoD")
        first = arrays[0]
        self.rows = [len(feed[first]) for feed in feeds]
        self.sequences = list(self.rows)
        self.feed: dict[str, Any] = {
            key: np.concatenate([feed[key] for feed in feeds]) for key in arrays
        }
        for key in keys:
            if key.endswith(_LOD):
                levels = [levels_of(np.asarray(feed[key]).ravel().tolist()) for feed in feeds]
                self.feed[key] = flat_of(_joined(levels))
                if key == first + _LOD:
                    self.sequences = [len(each[0]) - 1 for each in levels]

    def parts(self, result: Any) -> list[dict[str, Any]]:
        """Return each call's own part of a result. Raises ValueError where it has none."""
        if not isinstance(result, dict):
            raise ValueError("expected a dict")
        made: list[dict[str, Any]] = [{} for _ in self.rows]
        for key, value in result.items():
            if key.endswith(_LOD) and key[: -len(_LOD)] in result:
                continue
            array = value if isinstance(value, np.ndarray) else np.asarray(value)
            if key + _LOD in result:
                offsets = np.asarray(result[key + _LOD])
                pieces = _lod_pieces(array, offsets.ravel().tolist(), self.sequences)
                for part, (piece, lod) in zip(made, pieces):
                    part[key], part[key + _LOD] = piece, np.array(lod, offsets.dtype)
            else:
                for part, piece in zip(made, _pieces(array, self.rows, self.sequences)):
                    part[key] = piece
        return made


def _joined(all_levels: list[list[list[int]]]) -> list[list[int]]:
    """Return the LoD of the concatenation. Raises ValueError."""
    depths = {len(levels) for levels in all_levels}
    if len(depths) != 1 or 0 in depths:
        raise ValueError("LoD of different depth")
    joined: list[list[int]] = []
    for at in range(depths.pop()):
        level = [0]
        for levels in all_levels:
            base = level[-1]
            level.extend(base + offset for offset in levels[at][1:])
        joined.append(level)
    return joined


def _pieces(array: Any, rows: list[int], sequences: list[int]) -> list[Any]:
    counts = rows if array.ndim and len(array) == sum(rows) else sequences
    if not array.ndim or len(array) != sum(counts):
        raise ValueError("a result without a row for each")
    ends = np.cumsum(counts)
    return [array[end - count : end] for end, count in zip(ends.tolist(), counts)]


def _lod_pieces(array: Any, flat: list[int], sequences: list[int]) -> list[tuple[Any, list[int]]]:
    levels = levels_of(flat)
    if not levels or len(levels[0]) - 1 != sum(sequences) or levels[-1][-1] != len(array):
        raise ValueError("a result with other sequences")
    made = []
    at = 0
    for count in sequences:
        begin, end = at, at + count
        own: list[list[int]] = []
        for level in levels:
            base = level[begin]
            own.append([offset - base for offset in level[begin : end + 1]])
            begin, end = level[begin], level[end]
        made.append((array[begin:end], flat_of(own)))
        at += count
    return made
