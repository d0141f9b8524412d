# SPDX-License-Identifier: Apache-2.0
"""Which frames of a video a Sampler takes. By chance: Python's random, and numpy's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

__all__ = ["frames_of"]

_CLIP = 64  # Frames that a dense sample spans.


def frames_of(sampler: Any, count: int) -> list[int]:
    """Return the numbers of the frames for these switches, of a video of ``count`` frames."""
    if sampler.frame_interval is not None:
        return _clips(sampler, count)
    if sampler.linspace_sample:
        spread = np.clip(np.linspace(0, count - 1, sampler.num_seg), 0, count - 1)
        return [int(at) for at in spread]
    if sampler.select_left:
        return _left(sampler.num_seg, count, sampler.valid_mode)
    if sampler.dense_sample:
        return _dense(sampler.num_seg, count, sampler.valid_mode)
    return _segments(sampler, count)


def _segments(sampler: Any, count: int) -> list[int]:
    """Return frames in a row from each part: from its middle, or from anywhere in it."""
    length, each, found = sampler.seg_len, count // sampler.num_seg, []
    for part in range(sampler.num_seg):
        if each >= length:
            within = (each - 1) // 2 if sampler.valid_mode else random.randint(0, each - length)
            begin = part * each + within
        else:
            begin = part * each if each else part
        found += [at % count for at in range(begin, begin + length)]
    return found


def _left(parts: int, count: int, valid: bool) -> list[int]:
    """Return one frame of each part."""
    each = count // parts
    if valid:
        wide = count / parts
        chosen = [int(wide / 2.0 + wide * part) for part in range(parts)]
        return chosen if count > parts else [0] * parts
    if each > 0:
        by_chance = np.arange(parts) * each + np.random.randint(each, size=parts)
        return [int(at) for at in by_chance]
    return [0] * parts


def _dense(parts: int, count: int, valid: bool) -> list[int]:
    """Return frames of a clip, or of ten; they are counted from 1, as files of frames are."""
    last, stride = max(1, 1 + count - _CLIP), _CLIP // parts
    if valid:
        begins = [int(at) for at in np.linspace(0, last - 1, num=10, dtype=int)]
    else:
        begins = [0 if last == 1 else int(np.random.randint(0, last - 1))]
    return [(begin + at * stride) % count + 1 for begin in begins for at in range(parts)]


def _clips(sampler: Any, count: int) -> list[int]:
    """Return clips with ``frame_interval`` frames from one to the next."""
    parts, interval = sampler.num_seg, sampler.frame_interval
    span = sampler.seg_len * interval
    begins: Any = np.zeros(parts, dtype=int)
    if sampler.valid_mode:
        each = (count - span + 1) / float(parts)
        if count > span - 1:
            begins = (np.arange(parts) * each + each / 2.0).astype(int)
    else:
        whole = (count - span + 1) // parts
        if whole > 0:
            begins = np.arange(parts) * whole + np.random.randint(whole, size=parts)
        elif count > max(parts, span):
            begins = np.sort(np.random.randint(count - span + 1, size=parts))
        elif whole == 0:
            begins = np.around(np.arange(parts) * ((count - span + 1.0) / parts))
    steps = np.arange(sampler.seg_len) * interval
    return [int(at) % count for at in (begins[:, None] + steps[None, :]).reshape(-1)]
