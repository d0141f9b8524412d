# SPDX-License-Identifier: Apache-2.0
"""The examples of the pages about Go and Rust: a resampler and a tokenizer."""

import array
import json
import math
import subprocess
import sys

import engine_builds
import pytest
from engine_builds import ROOT
from loader_process import Loader
from native_engines import need
from xsf_client import AUDIO, XsfSession

EXAMPLES = ROOT / "docs" / "examples"


def serve(binaries, folder, library, **config):
    settings = {"instances": {"library": str(library)}, **config}
    return Loader(binaries, folder, config=settings)


@pytest.fixture(scope="module")
def resampler(binaries, tmp_path_factory):
    need("go", (1, 21))  # The module that resamples asks for it.
    library = engine_builds.library_of("go", EXAMPLES / "resampler")
    with serve(binaries, tmp_path_factory.mktemp("resampler"), library) as loader:
        yield loader


def tone(rate, hertz=440, seconds=1.0):
    samples = [
        round(20000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(int(rate * seconds))
    ]
    return array.array("h", samples).tobytes()


def heard(sound, rate):
    """(seconds, Hz) by the samples and the zero crossings."""
    samples = array.array("h", sound)
    up = sum(a < 0 <= b for a, b in zip(samples, samples[1:]))
    return len(samples) / rate, up * rate / len(samples)


def test_sound_at_once_has_another_rate_and_the_same_tone(resampler):
    payload = resampler.xsf.payload("audio", tone(44100), AUDIO)
    answer = resampler.xsf.once(payload, params={"from": "44100", "to": "16000"})
    seconds, hertz = heard(answer.data("audio"), 16000)
    assert round(seconds, 2) == 1.0 and 438 < hertz < 442


def test_sound_comes_back_while_it_is_sent(resampler):
    session = XsfSession(resampler.xsf)
    session.open(params={"from": "48000", "to": "8000"})
    sound = tone(48000)
    step = 9600
    for start in range(0, len(sound), step):
        last = start + step >= len(sound)
        session.write(sound[start : start + step], status=2 if last else 1, key="audio")
        if not last:
            session.out()
            assert session.got and not session.ended
    while not session.ended:
        session.out()
    seconds, hertz = heard(b"".join(payload.data for payload in session.got), 8000)
    assert round(seconds, 2) == 1.0 and 438 < hertz < 442


def test_rates_that_cannot_be_are_the_callers_fault(resampler):
    answer = resampler.web.raw_mode(b"", "?key=audio&p.from=3")
    assert answer.status == 400
    assert "expected rates of 1000 to 384000 Hz, got 3 and 16000" in answer.message


@pytest.fixture(scope="module")
def tokenizer(binaries, tmp_path_factory):
    need("rust", (1, 80))  # The crate tokenizers asks for it.
    folder = tmp_path_factory.mktemp("tokenizer")
    vocabulary = folder / "tokenizer.json"
    script = EXAMPLES / "tokenizer" / "vocabulary.py"
    subprocess.run([sys.executable, script, vocabulary, ROOT / "README.md"], check=True)
    library = engine_builds.library_of("rust", EXAMPLES / "tokenizer", quick=True)
    with serve(binaries, folder, library, wrapper={"vocabulary": str(vocabulary)}) as loader:
        yield loader


def test_text_becomes_numbers_and_text_again(tokenizer):
    text = "the engine answers, and the host serves it"
    answer = tokenizer.xsf.once(tokenizer.xsf.payload("text", text.encode()))
    said = json.loads(answer.data("tokens"))
    assert "".join(said["tokens"]).replace("Ġ", " ").strip() == text
    assert len(said["ids"]) == len(said["tokens"]) < len(text)
    back = tokenizer.xsf.once(
        tokenizer.xsf.payload("text", json.dumps(said["ids"]).encode()), params={"decode": "true"}
    )
    assert back.data("text").decode().strip() == text
