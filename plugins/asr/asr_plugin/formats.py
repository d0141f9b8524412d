# SPDX-License-Identifier: Apache-2.0
"""What kind of audio file some bytes are, and what they are where they are none."""

# Where in the file, what stands there, FFmpeg's name.
FORMATS = (
    (8, b"WAVE", "wav"),
    (0, b"fLaC", "flac"),
    (0, b"ID3", "mp3"),
    (0, b"OggS", "ogg"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"#!AMR", "amr"),
)
EXPECTED = "audio (WAV, FLAC, MP3, Ogg, MP4, WebM, AAC, AIFF, AU, CAF or AMR)"


def format_of(data):
    """FFmpeg's name of the format; None where it is none of ours."""
    for place, text, name in FORMATS:
        if data[place : place + len(text)] == text:
            return name
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:  # A frame of MPEG audio.
        return "aac" if data[1] & 0x06 == 0 else "mp3"
    return None


def shown(data):
    """What came instead, for the text of an error."""
    if not data:
        return "no bytes"
    text = data[:16].decode("latin-1")
    if text.isascii() and all(c.isprintable() or c.isspace() for c in text):
        return f"{len(data)} bytes that begin with the text {text!r}"
    return f"{len(data)} bytes that begin with {data[:8].hex(' ')}"
