# SPDX-License-Identifier: Apache-2.0
"""aiges.Audio: what sound files become, what is none, and how it is written."""

import io
import json
import struct
import sys
import types
import wave

import numpy as np
import pytest
from aiges import Audio
from typed_calls import Typed, based, body, from_json, got, payload, predict_with, refused

WAVE = np.array([0.0, 0.5, -0.5, -1.0], "float32")


def wav(
    data, *, kind=1, channels=1, rate=8000, bits=16, block=None, extra=b"", before=b"", size=None
):
    block = channels * ((bits + 7) // 8) if block is None else block
    form = struct.pack("<HHIIHH", kind, channels, rate, 0, block, bits) + extra
    chunks = before + b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def int24(samples):
    whole = (samples * 2**23).clip(-(2**23), 2**23 - 1).astype("<i4")
    return whole.view("u1").reshape(-1, 4)[:, :3].tobytes()


EXTENSION = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + bytes(14)
EXTENSION_FLOAT = struct.pack("<HHI", 22, 32, 0) + struct.pack("<H", 3) + bytes(14)


@pytest.mark.parametrize(
    "data",
    [
        wav((WAVE * 127 + 128).round().astype("u1").tobytes(), bits=8),
        wav((WAVE * 32767).astype("<i2").tobytes()),
        wav(int24(WAVE), bits=24),
        wav((WAVE.astype("f8") * (2**31 - 1)).astype("<i4").tobytes(), bits=32),
        wav(WAVE.astype("<f4").tobytes(), kind=3, bits=32),
        wav(WAVE.astype("<f8").tobytes(), kind=3, bits=64),
        wav((WAVE * 32767).astype("<i2").tobytes(), kind=0xFFFE, extra=EXTENSION),
        wav(WAVE.astype("<f4").tobytes(), kind=0xFFFE, bits=32, extra=EXTENSION_FLOAT),
        wav((WAVE * 32767).astype("<i2").tobytes(), before=b"LIST\x03\0\0\0abc\0"),
        wav((WAVE * 32767).astype("<i2").tobytes(), size=0xFFFFFFFF),
        wav((WAVE * 32767).astype("<i2").tobytes() + b"\0"),
        Audio(WAVE, 8000).wav(),
    ],
    ids=range(12),
)
def test_files_of_wave(data):
    made = Audio.decode(data)
    assert made.rate == 8000 and made.samples.dtype == np.float32 and made.channels == 1
    assert np.allclose(made.samples, WAVE, atol=0.01)
    assert got(Audio, payload("x", data)).rate == from_json(Audio, based(data)).rate == 8000


def test_several_channels():
    stereo = np.stack([WAVE, -WAVE / 2], axis=1)
    made = Audio.decode(Audio(stereo, 16000).wav())
    assert made.samples.shape == (4, 2) and made.channels == 2
    assert np.allclose(made.mono().samples, stereo.mean(axis=1), atol=1e-3)
    assert made.mono().mono().channels == 1
    assert repr(made) == "Audio(0.00 s, 16000 Hz, 2 channels)" and made.seconds == 4 / 16000


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "a WAV file (others need the package soundfile), got 0 bytes that are none"),
        (b"hello", "a WAV file (others need the package soundfile), got 5 bytes that are none"),
        (b"fLaC" + bytes(40), "a WAV file (others need the package soundfile), got FLAC"),
        (b"RIFF\0\0\0\0WAVE", "a WAV file with the chunks fmt and data, got one without"),
        (wav(b"")[:40], "a WAV file with the chunks fmt and data, got one without"),
        (wav(b"ab", channels=0), "a WAV file of 1 to 64 channels, got 0"),
        (wav(bytes(130), channels=65), "a WAV file of 1 to 64 channels, got 65"),
        (wav(b"ab", bits=0), "WAV in PCM or float, got format 1 of 0 bits"),
        (wav(b"ab", bits=12), "WAV in PCM or float, got format 1 of 12 bits"),
        (wav(b"ab", kind=3, bits=16), "WAV in PCM or float, got format 3 of 16 bits"),
        (wav(b"ab", kind=85), "WAV in PCM or float, got format 85 of 16 bits"),
        (wav(b"ab", kind=0xFFFE), "WAV in PCM or float, got format 65534 of 16 bits"),
        (wav(b"ab", block=7), "a WAV file whose frames have 2 bytes, got 7"),
        (wav(b"ab", rate=0), "a rate from 1 to 1000000 Hz, got 0"),
        (wav(b"ab", rate=2**31), "a rate from 1 to 1000000 Hz, got 2147483648"),
    ],
    ids=range(15),
)
def test_what_is_no_sound(data, told):
    assert refused(Audio, payload("x", data)) == f"x: expected {told}"


def test_any_bytes_are_sound_or_refused():
    """Each file that differs in one byte, or is cut off: no other exception than ValueError."""
    whole = wav(bytes(range(8)), channels=2, extra=EXTENSION)
    for at in range(len(whole)):
        for value in (0, 1, 0x7F, 0xFF):
            for data in (whole[:at], whole[:at] + bytes([value]) + whole[at + 1 :]):
                try:
                    Audio.decode(data).wav()
                except ValueError as fault:
                    assert str(fault).startswith("expected ")


def test_raw_pcm_of_which_the_media_type_tells():
    pcm = (WAVE * 32767).astype("<i2").tobytes()
    for media in ("audio/L16;rate=8000", "audio/pcm; rate=8000; channels=1", "AUDIO/L16;rate=8000"):
        made = got(Audio, payload("x", pcm, content_type=media))
        assert made.rate == 8000 and np.allclose(made.samples, WAVE, atol=1e-3)
    for name in ("sample_rate", "rate"):
        assert got(Audio, payload("x", pcm, **{name: "8000"})).rate == 8000
    assert got(Audio, payload("x", pcm, content_type="audio/L16;rate=1;channels=2")).channels == 2
    assert from_json(Audio, based(pcm, type="audio/L16;rate=8000")).rate == 8000


@pytest.mark.parametrize(
    ("media", "told"),
    [
        ("audio/L16", "raw PCM with a rate, as audio/L16;rate=16000, got ''"),
        ("audio/L16;rate=x", "raw PCM with a rate, as audio/L16;rate=16000, got 'x'"),
        ("audio/L16;rate=-1", "raw PCM with a rate, as audio/L16;rate=16000, got '-1'"),
        ("audio/L16;rate=0", "a rate from 1 to 1000000 Hz, got 0"),
        ("audio/L16;rate=9999999999", "a rate from 1 to 1000000 Hz, got 9999999999"),
        ("audio/L16;rate=" + "9" * 5000, None),
        ("audio/L16;rate=1;channels=0", "whole frames of 16 bits, got 8 bytes for 0"),
        ("audio/L16;rate=1;channels=3", "whole frames of 16 bits, got 8 bytes for 3"),
        ("audio/L16;rate=1;channels=" + "9" * 5000, None),
    ],
    ids=range(9),
)
def test_raw_pcm_that_is_none(media, told):
    said = refused(Audio, payload("x", bytes(8), content_type=media))
    assert len(said) < 300 and said.startswith("x: expected ")
    assert told is None or said == f"x: expected {told}"


def test_others_are_read_by_soundfile_where_that_is(monkeypatch):
    def read(file, dtype):
        data = file.read()
        if data[4:]:
            raise RuntimeError("Format not recognised.")
        return np.zeros((2, 1), dtype), 44100

    made = types.ModuleType("soundfile")
    made.read = read
    monkeypatch.setitem(sys.modules, "soundfile", made)
    assert Audio.decode(b"fLaC").rate == 44100
    told = refused(Audio, payload("x", b"OggS.."))
    assert told == "x: expected a sound file (WAV, FLAC, ..), got Format not recognised."


@pytest.mark.parametrize(
    ("samples", "rate", "told"),
    [
        (np.zeros((1, 1, 1)), 1, r"samples of shape \(frames,\) or \(frames, channels\), got \(1,"),
        (np.float32(1), 1, "samples of shape "),
        (np.zeros((4, 0)), 1, "from 1 to 64 channels, got 0"),
        (np.zeros((2, 65)), 1, "from 1 to 64 channels, got 65"),
        (np.zeros(1), 0, "a rate from 1 to 1000000 Hz, got 0"),
        (np.zeros(1), -8000, "a rate from 1 to 1000000 Hz, got -8000"),
    ],
)
def test_samples_that_are_none(samples, rate, told):
    with pytest.raises(ValueError, match=f"expected {told}"):
        Audio(samples, rate)


def test_whole_numbers_are_pcm():
    assert Audio(np.array([-32768, 16384], "int16"), 1).samples.tolist() == [-1.0, 0.5]
    assert Audio(np.array([-(2**31)], "int32"), 1).samples.tolist() == [-1.0]
    assert Audio([0.25, -0.25], 1).samples.tolist() == [0.25, -0.25]


def test_sound_is_written_as_a_file_of_wave():
    loud = Audio(np.array([2.0, -2.0, np.nan, 0.0]), 8000)
    with wave.open(io.BytesIO(loud.wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [32767, -32767, 0, 0]
    made = Typed(predict_with(Audio)).one(payload("x", loud.wav()))
    assert made["data"][:4] == b"RIFF" and made["type"] == 1
    assert made["desc"]["content_type"] == "audio/wav"
    inside = Typed(predict_with(Audio, lambda x: [x])).one(body({"x": based(loud.wav())}))
    assert json.loads(inside["data"])[0]["type"] == "audio/wav"
