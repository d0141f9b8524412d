# SPDX-License-Identifier: Apache-2.0
"""Bytes of an audio file -> mono samples at 16 kHz, whatever somebody has sent.

FFmpeg would look for itself what a file is, and among its formats are playlists, which name other
files and addresses that it would open. So it is told the format, one of those in formats.py.
"""

import io

import av
import numpy as np
from aiges.errors import BadInput

from .formats import EXPECTED, format_of, shown

RATE = 16000
UNDECODABLE, TOO_LONG = 4, 5
SLOWEST_RATE, MOST_CHANNELS = 4000, 32  # Samples of a slower file would become very many.


def decode(data, most_seconds):
    """A float32 array of samples. Raises BadInput."""
    kind = format_of(data)
    if kind is None:
        raise BadInput(f"expected {EXPECTED}, got {shown(data)}", UNDECODABLE)
    parts, count, most = [], 0, int(most_seconds * RATE)
    try:
        for part in _samples(data, kind):
            parts.append(part)
            count += part.size
            if count > most:
                break
    except Exception as error:  # FFmpeg's errors are of many kinds, and a broken file can be any.
        if not parts:
            text = f"a {kind} file that is broken or cut off ({type(error).__name__}: {error})"
            raise BadInput(f"expected {EXPECTED}, got {text}", UNDECODABLE) from error
    if not count:
        raise BadInput(f"expected {EXPECTED}, got a {kind} file without samples", UNDECODABLE)
    if count > most:
        raise BadInput(
            f"expected at most {most_seconds:g} s of audio, got more ([wrapper] max_seconds)",
            TOO_LONG,
        )
    return np.concatenate(parts).astype(np.float32) / 32768.0


def _samples(data, kind):
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(io.BytesIO(data), format=kind, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise ValueError("no audio in it")
        for frame in container.decode(audio=0):
            if frame.sample_rate < SLOWEST_RATE or frame.layout.nb_channels > MOST_CHANNELS:
                raise ValueError(
                    f"{frame.layout.nb_channels} channels of {frame.sample_rate} samples a second"
                )
            frame.pts = None  # Gaps in the times of a stream are not made up for.
            for made in resampler.resample(frame):
                yield made.to_ndarray().ravel()
        for made in resampler.resample(None):
            yield made.to_ndarray().ravel()
