# SPDX-License-Identifier: Apache-2.0
"""What ``[wrapper]`` says of an ONNX model. Any other key is a mistake, and said with its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from aiges.contracts._options import truth

__all__ = ["LEVELS", "Settings"]

LEVELS = ("none", "basic", "extended", "all")
_MOST_THREADS, _MOST_ROWS = 1024, 65536
_GIVEN = ("http_listen", "resources", "strict_upstream")  # By the loader, not for us.


@dataclass(frozen=True)
class Settings:
    """``max_batch_size`` is None where nothing is said, and 0 where calls never run together."""

    model: str = ""
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    spinning: bool = False
    optimization: str = "all"
    providers: tuple[str, ...] = ()
    warmup: bool = True
    max_batch_size: int | None = None

    @classmethod
    def read(cls, config: dict[str, str]) -> Settings:
        """Return what the texts say. Raises ValueError, which names all that is wrong."""
        known = [field.name for field in fields(cls)]
        wrong = [
            f"[wrapper] {key}: expected one of {', '.join(known)}"
            for key in config
            if key not in known and key not in _GIVEN
        ]
        made: dict[str, object] = {}
        for key in known:
            if key not in config:
                continue
            try:
                made[key] = _READ[key](f"[wrapper] {key}", config[key])
            except ValueError as fault:
                wrong.append(str(fault))
        if wrong:
            raise ValueError("; ".join(wrong))
        return cls(**made)  # type: ignore[arg-type]


def _whole(most: int) -> Callable[[str, str], object]:
    def read(key: str, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text[:10]) > most:
            raise ValueError(f"{key}: expected a number from 0 to {most}, got {text[:40]}")
        return int(text)

    return read


def _level(key: str, text: str) -> str:
    if text not in LEVELS:
        raise ValueError(f"{key}: expected one of {', '.join(LEVELS)}, got {text[:40]}")
    return text


def _words(key: str, text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise ValueError(f"{key}: expected names with commas between them, got {text[:200]!r}")
    return words


_READ: dict[str, Callable[[str, str], object]] = {
    "model": lambda _key, text: text,
    "intra_op_threads": _whole(_MOST_THREADS),
    "inter_op_threads": _whole(_MOST_THREADS),
    "spinning": truth,
    "optimization": _level,
    "providers": _words,
    "warmup": truth,
    "max_batch_size": _whole(_MOST_ROWS),
}
