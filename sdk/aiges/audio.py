# SPDX-License-Identifier: Apache-2.0
"""Sound as samples: what a model takes and gives where a hint says ``aiges.Audio``. Needs numpy.

WAV is read and written here; FLAC, Ogg and others are read by the package ``soundfile`` where the
user has it.
"""

from __future__ import annotations

import importlib
import io
import struct
import wave
from typing import TYPE_CHECKING, Any

from aiges._shown import shown

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Audio"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE  # Formats in the chunk fmt of RIFF WAVE.
_MOST_RATE, _MOST_CHANNELS, _MOST_DIGITS = 1_000_000, 64, 12


class Audio:
    """``samples``: float32 from -1 to 1, of shape (frames,) or (frames, channels); ``rate``: Hz."""

    def __init__(self, samples: Any, rate: int) -> None:
        import numpy as np

        array = np.asarray(samples)
        if array.dtype.kind in "iu":  # PCM: as far as its type goes is 1.
            array = array / np.float32(np.iinfo(array.dtype).max + 1)
        if array.ndim not in (1, 2):
            raise ValueError(
                f"expected samples of shape (frames,) or (frames, channels), got {array.shape}"
            )
        if array.ndim == 2 and not 0 < array.shape[1] <= _MOST_CHANNELS:
            raise ValueError(f"expected from 1 to {_MOST_CHANNELS} channels, got {array.shape[1]}")
        self.samples: np.ndarray[Any, np.dtype[np.float32]] = array.astype(np.float32, copy=False)
        self.rate = int(rate)
        if not 0 < self.rate <= _MOST_RATE:
            raise ValueError(f"expected a rate from 1 to {_MOST_RATE} Hz, got {rate}")

    def __repr__(self) -> str:
        return f"Audio({self.seconds:.2f} s, {self.rate} Hz, {self.channels} channels)"

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return 1 if self.samples.ndim == 1 else int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[0]) / self.rate

    def mono(self) -> Audio:
        """Return it with the mean of its channels."""
        return self if self.samples.ndim == 1 else Audio(self.samples.mean(axis=1), self.rate)

    @classmethod
    def decode(cls, data: bytes, *, media: str = "", rate: str | int = "") -> Audio:
        """Return the sound of a WAV, or of raw PCM: 16 bits, little-endian, of which it is said.

        ``media`` as ``audio/L16;rate=16000;channels=1``, or ``rate`` beside it. FLAC and others by
        ``soundfile``. ValueError: it is none.
        """
        if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return _read_wave(data)
        kind, _, rest = media.partition(";")
        kind = kind.strip().lower()
        pairs = (part.strip().partition("=") for part in rest.split(";") if part)
        said = {name: text for name, _, text in pairs}
        if kind in ("audio/l16", "audio/pcm", "audio/raw") or (rate and not kind):
            return _read_pcm(data, str(said.get("rate", rate)), said.get("channels", "1"))
        return _read_others(data)

    def wav(self) -> bytes:
        """Return it as a WAV file of 16 bits."""
        import numpy as np

        pcm = (np.clip(np.nan_to_num(self.samples), -1, 1) * 32767).round().astype("<i2")
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(self.channels)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(pcm.tobytes())
        return out.getvalue()


def _read_pcm(data: bytes, rate: str, channels: str) -> Audio:
    import numpy as np

    hertz, count = _number(rate), _number(channels)
    if hertz is None:
        raise ValueError(
            f"expected raw PCM with a rate, as audio/L16;rate=16000, got {shown(rate)}"
        )
    if count is None or not 0 < count <= _MOST_CHANNELS or len(data) % (2 * count):
        raise ValueError(
            f"expected whole frames of 16 bits, got {len(data)} bytes for {channels[:20]}"
        )
    samples = np.frombuffer(data, "<i2")
    return Audio(samples.reshape(-1, count) if count > 1 else samples, hertz)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        found.setdefault(name, data[at + 8 : at + 8 + size])  # A stream's last size may be wrong.
        at += 8 + size + size % 2
    return found


def _read_wave(data: bytes) -> Audio:
    import numpy as np

    chunks = _chunks(data)
    form, samples = chunks.get(b"fmt ", b""), chunks.get(b"data")
    if len(form) < 16 or samples is None:
        raise ValueError("expected a WAV file with the chunks fmt and data, got one without")
    kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    if kind == _EXTENSIBLE and len(form) >= 26:
        kind = struct.unpack_from("<H", form, 24)[0]
    if not 0 < channels <= _MOST_CHANNELS:
        raise ValueError(f"expected a WAV file of 1 to {_MOST_CHANNELS} channels, got {channels}")
    if not bits or kind not in (_PCM, _FLOAT):
        raise ValueError(_no_form(kind, bits))
    width = channels * ((bits + 7) // 8)
    if block != width:
        raise ValueError(f"expected a WAV file whose frames have {width} bytes, got {block}")
    samples = samples[: len(samples) // block * block]
    if kind == _FLOAT and bits in (32, 64):
        array = np.frombuffer(samples, f"<f{bits // 8}")
    elif kind == _PCM and bits == 8:  # Alone unsigned.
        array = (np.frombuffer(samples, "u1").astype("f4") - 128) / 128
    elif kind == _PCM and bits in (16, 32):
        array = np.frombuffer(samples, f"<i{bits // 8}")
    elif kind == _PCM and bits == 24:
        wide = np.zeros((len(samples) // 3, 4), "u1")
        wide[:, 1:] = np.frombuffer(samples, "u1").reshape(-1, 3)
        array = wide.view("<i4").reshape(-1)
    else:
        raise ValueError(_no_form(kind, bits))
    return Audio(array.reshape(-1, channels) if channels > 1 else array, rate)


def _no_form(kind: int, bits: int) -> str:
    return f"expected WAV in PCM or float, got format {kind} of {bits} bits"


def _read_others(data: bytes) -> Audio:
    try:
        soundfile: Any = importlib.import_module("soundfile")
    except ImportError:
        raise ValueError(
            "expected a WAV file (others need the package soundfile), got "
            + ("FLAC" if data[:4] == b"fLaC" else f"{len(data)} bytes that are none")
        ) from None
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except Exception as fault:  # Its own kinds, and those of libsndfile.
        raise ValueError(f"expected a sound file (WAV, FLAC, ..), got {fault}") from None
    return Audio(samples, rate)
