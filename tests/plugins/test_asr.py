# SPDX-License-Identifier: Apache-2.0
"""plugins/asr with Whisper tiny.en: a sentence in several kinds of files becomes text."""

import json
import subprocess

import openai
import pytest
from conftest import PLUGINS
from models import client_of, python_of, served

SPOKEN = PLUGINS / "asr" / "test_data"
SENTENCE = "we will meet on monday morning at the station"
KINDS = {"wav": "pcm_s16le", "ogg": "libopus", "webm": "libopus", "mp4": "aac", "aiff": "pcm_s16be"}

# Writes the file of its first argument as those that follow: path and codec.
CONVERT = """
import sys
import av
source, *wanted = sys.argv[1:]
for path, codec in zip(wanted[::2], wanted[1::2]):
    with av.open(source) as old, av.open(path, "w") as new:
        stream = new.add_stream(codec, rate=48000 if codec == "libopus" else 16000)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format, "mono", stream.rate)
        for frame in [*old.decode(audio=0), None]:
            for each in resampler.resample(frame):
                new.mux(stream.encode(each))
        new.mux(stream.encode(None))
"""


@pytest.fixture(scope="module")
def asr(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asr")
    with served("asr", binaries, folder, threads=1, max_seconds=20) as loader:
        yield loader


@pytest.fixture
def ai(asr):
    with client_of(asr) as client:
        yield client


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The sentence in every kind of file, by its ending."""
    folder = tmp_path_factory.mktemp("spoken")
    made = {kind: folder / f"station.{kind}" for kind in KINDS}
    arguments = [str(each) for kind, codec in KINDS.items() for each in (made[kind], codec)]
    flac = SPOKEN / "station.flac"
    subprocess.run([python_of("asr"), "-c", CONVERT, str(flac), *arguments], check=True)
    return {**made, "flac": flac, "mp3": SPOKEN / "station.mp3"}


def words(text):
    return "".join(c for c in text.lower() if c.isalpha() or c == " ").strip()


def heard(ai, path, **options):
    return ai.audio.transcriptions.create(model="asr", file=path, **options)


@pytest.mark.parametrize("kind", ["flac", "mp3", *KINDS])
def test_every_kind_of_file_is_understood(ai, files, kind):
    assert words(heard(ai, files[kind]).text) == SENTENCE


def test_every_form_of_the_answer(ai, files):
    text = heard(ai, files["flac"], response_format="text")
    assert words(text) == SENTENCE
    srt = heard(ai, files["flac"], response_format="srt")
    assert srt.startswith("1\n00:00:00,") and SENTENCE in words(srt)
    vtt = heard(ai, files["flac"], response_format="vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.") and SENTENCE in words(vtt)
    full = heard(ai, files["flac"], response_format="verbose_json", language="en", temperature=0)
    assert (full.language, words(full.text)) == ("en", SENTENCE)
    assert 2 < full.duration < 5 and full.segments[0].start == 0
    assert words("".join(each.text for each in full.segments)) == SENTENCE


def test_times_of_words(ai, files):
    full = heard(ai, files["mp3"], response_format="verbose_json", timestamp_granularities=["word"])
    assert [words(each.word) for each in full.words] == SENTENCE.split()
    assert all(each.start <= each.end <= full.duration for each in full.words)


def test_a_stream(ai, files):
    events = list(heard(ai, files["flac"], stream=True))
    assert {each.type for each in events[:-1]} == {"transcript.text.delta"}
    assert events[-1].type == "transcript.text.done" and words(events[-1].text) == SENTENCE


@pytest.mark.parametrize(
    ("data", "options", "text"),
    [
        (b"#EXTM3U\nfile:///etc/passwd", {}, "begin with the text '#EXTM3U"),
        (b"RIFF\0\0\0\0WAVEfmt ", {}, "a wav file that is broken or cut off"),
        (b"fLaC" + b"x" * 500, {}, "a flac file that is broken or cut off"),
        (b"\xff\xfb" + b"a" * 500, {}, "a mp3 file"),
        (None, {"language": "de"}, "language: expected one of en, got 'de'"),
    ],
)
def test_what_cannot_be_heard_is_said(ai, files, data, options, text):
    data = data or files["mp3"].read_bytes()
    with pytest.raises(openai.BadRequestError, match=text):
        heard(ai, ("spoken.wav", data), **options)


def test_too_long_audio_is_refused(ai, tmp_path):
    """Silence of an hour is small as a file."""
    path = tmp_path / "silence.flac"
    made = (
        "import sys, av, numpy as np\n"
        "with av.open(sys.argv[1], 'w') as new:\n"
        "    stream = new.add_stream('flac', rate=16000); stream.layout = 'mono'\n"
        "    for _ in range(60):\n"
        "        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960000), 'i2'), 's16', 'mono')\n"
        "        frame.sample_rate = 16000\n"
        "        new.mux(stream.encode(frame))\n"
        "    new.mux(stream.encode(None))\n"
    )
    subprocess.run([python_of("asr"), "-c", made, str(path)], check=True)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(openai.BadRequestError, match="expected at most 20 s of audio, got more"):
        heard(ai, path)


def test_a_call_of_aiges(asr, files):
    answer = asr.web.raw_mode(files["mp3"].read_bytes(), "?key=audio&type=audio", "asr")
    assert answer.status == 200, answer.body
    found = json.loads(answer.body)
    assert words(found["text"]) == SENTENCE and found["segments"][0]["start"] == 0
