# SPDX-License-Identifier: Apache-2.0
"""plugins/asr around a stand-in for Whisper. test_asr.py asks the real one, with real files."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from aiges.errors import BadInput
from conftest import PLUGINS, load_plugin

SPOKEN = PLUGINS / "asr" / "test_data"


def segment(start, end, text):
    return SimpleNamespace(
        id=1,
        seek=0,
        start=start,
        end=end,
        text=text,
        tokens=[1],
        temperature=None,
        avg_logprob=-0.1,
        compression_ratio=1,
        no_speech_prob=0,
        words=[SimpleNamespace(start=start, end=end, word=text, probability=1.0)],
    )


class FakeWhisper:
    supported_languages = ["en"]

    def __init__(self, folder, **options):
        self.folder, self.options, self.asked = folder, options, []
        FakeWhisper.last = self

    def transcribe(self, samples, **options):
        self.asked.append(options)
        about = SimpleNamespace(language="en", duration=2.5)
        return iter([segment(0, 1, " Hello"), segment(1, 2.5, " there.")]), about


@pytest.fixture
def asr(monkeypatch, tmp_path):
    """A Wrapper with FakeWhisper in it, whose files are taken as they are."""
    for name in ("model.bin", "config.json"):
        (tmp_path / name).write_bytes(b"x")
    module, audio = ModuleType("faster_whisper"), ModuleType("asr_plugin.audio")
    module.WhisperModel = FakeWhisper
    audio.decode = lambda data, most_seconds: data
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    wrapper = load_plugin("asr", "asr_wrapper").wrapper.Wrapper()
    monkeypatch.setitem(sys.modules, "asr_plugin.audio", audio)
    assert wrapper.wrapperInit({"model": str(tmp_path)}) == 0, wrapper.wrapperError(1)
    return wrapper


def drained(made):
    found = []
    while True:
        try:
            found.append(next(made))
        except StopIteration as end:
            return found, end.value


def test_segments_and_what_is_known_of_the_whole(asr):
    segments, about = drained(asr.transcribe(b"x"))
    assert [(each["id"], each["start"], each["text"]) for each in segments] == [
        (0, 0, " Hello"),
        (1, 1, " there."),
    ]
    json.dumps(segments)
    usage = {"type": "duration", "seconds": 3}
    assert about == {"language": "en", "duration": 2.5, "usage": usage}
    _, about = drained(asr.transcribe(b"x", timestamp_granularities=["word"]))
    assert about["words"][1] == {"word": "there.", "start": 1, "end": 2.5}


def test_options_as_whisper_has_them(asr):
    drained(asr.transcribe(b"x", language="EN", prompt="AIGES", temperature="0"))
    drained(asr.transcribe(b"x", temperature=0.5))
    first, second = FakeWhisper.last.asked
    assert (first["language"], first["initial_prompt"]) == ("en", "AIGES")
    assert first["temperature"][0] == 0 and second["temperature"] == 0.5


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"language": "de"}, "language: expected one of en, got 'de'"),
        ({"prompt": "x" * 2001}, "prompt: expected text of at most 2000 characters"),
        ({"temperature": "hot"}, "temperature: expected a number from 0 to 1, got 'hot'"),
        ({"temperature": "nan"}, "temperature: expected a number from 0 to 1"),
    ],
)
def test_options_that_cannot_be_are_the_callers_fault(asr, options, text):
    with pytest.raises(BadInput, match=text):
        drained(asr.transcribe(b"x", **options))


def payload(data, kind=1):
    return SimpleNamespace(key="in", data=data, type=kind)


def test_a_call_of_aiges_gets_json(asr):
    made = asr.wrapperOnceExec({}, SimpleNamespace(list=[payload(b"x")]))
    assert json.loads(made["data"]) == {
        "text": "Hello there.",
        "language": "en",
        "duration": 2.5,
        "segments": [
            {"start": 0, "end": 1, "text": " Hello"},
            {"start": 1, "end": 2.5, "text": " there."},
        ],
    }
    for payloads, code in ([], 2), ([payload(b"")], 2), ([payload(b"x")] * 2, 3):
        with pytest.raises(BadInput) as raised:
            asr.wrapperOnceExec({}, SimpleNamespace(list=payloads))
        assert raised.value.code == code


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"fLaC\0", "flac"),
        (b"ID3\4", "mp3"),
        (b"\xff\xfb\x90", "mp3"),
        (b"\xff\xf1\x50", "aac"),
        (b"OggS\0", "ogg"),
        (b"\0\0\0\x20ftypM4A ", "mp4"),
        (b"\x1aE\xdf\xa3", "matroska"),
        (b"#EXTM3U\nfile:///etc/passwd", None),  # A playlist would have other files opened.
        (b"ffconcat version 1.0\nfile /etc/passwd", None),
        (b"RIFF\0\0\0\0WEBP", None),
        (b"", None),
    ],
)
def test_the_format_is_known_by_its_bytes(begin, kind):
    load_plugin("asr", "asr_wrapper")
    from asr_plugin.formats import format_of

    assert format_of(begin) == kind


def test_the_files_beside_it_are_of_known_formats():
    from asr_plugin.formats import format_of, shown

    found = {file.name: format_of(file.read_bytes()) for file in SPOKEN.iterdir()}
    assert found == {"station.flac": "flac", "station.mp3": "mp3"}
    assert shown(b"") == "no bytes"
    assert shown(b"#EXTM3U\n") == "8 bytes that begin with the text '#EXTM3U\\n'"
    assert shown(b"\0\1") == "2 bytes that begin with 00 01"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"model": "none"}, "model: expected model.bin in the folder none"),
        ({"beam_size": "x"}, "beam_size: expected a whole number from 1 to 100, got 'x'"),
        ({"device": "npu"}, "device: expected one of cpu, cuda, auto, got 'npu'"),
    ],
)
def test_a_bad_key_stops_init_with_its_name(asr, tmp_path, config, text):
    assert asr.wrapperInit({"model": str(tmp_path), **config}) == 1
    assert text in asr.wrapperError(1)
