# SPDX-License-Identifier: Apache-2.0
"""``serving_server_conf.prototxt`` and ``serving_client_conf.prototxt``: a model's variables."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiges.contracts.paddle import _wire

__all__ = ["CLIENT", "SERVER", "ModelConf", "Var", "find", "read", "read_text", "text_of", "write"]

SERVER, CLIENT = "serving_server_conf", "serving_client_conf"
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Var:
    """One variable. ``shape`` has no batch axis; with LoD it is usually ``(-1,)``."""

    name: str
    alias: str
    type: int = 0
    shape: tuple[int, ...] = ()
    is_lod: bool = False


@dataclass(frozen=True)
class ModelConf:
    """What a model takes and gives, in the order of its file."""

    feeds: tuple[Var, ...]
    fetches: tuple[Var, ...]


def find(path: Any, stem: str) -> Path:
    """Return the file itself, or the one of that stem in a folder. Raises ValueError."""
    place = Path(path)
    if place.is_file():
        return place
    file = place / f"{stem}.prototxt"
    if file.is_file():
        return file
    raise ValueError(
        f"{path}: expected a folder with {stem}.prototxt, or such a file; "
        + ("the folder has none" if place.is_dir() else "there is neither")
    )


def read(path: Any, stem: str = SERVER) -> ModelConf:
    """Return what a file, or a folder's, says. Raises ValueError with the file and the line."""
    file = find(path, stem)
    if file.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{file}: expected at most {_MOST_BYTES} bytes")
    content = file.read_bytes()
    if file.name.endswith(".stream.prototxt"):
        return _from_binary(content, str(file))
    try:
        text = content.decode()
    except UnicodeDecodeError as fault:
        raise ValueError(f"{file}: expected text in UTF-8: {fault}") from None
    return read_text(text, str(file))


def _from_binary(content: bytes, who: str) -> ModelConf:
    message = _wire.conf().GeneralModelConfig()
    try:
        message.ParseFromString(content)
    except Exception as fault:
        raise ValueError(f"{who}: expected a GeneralModelConfig in binary form: {fault}") from None
    return _checked(message, who)


def read_text(text: str, who: str = "prototxt") -> ModelConf:
    """Return what such a text says. Raises ValueError, which begins with ``who``."""
    text_format: Any = importlib.import_module("google.protobuf.text_format")
    message = _wire.conf().GeneralModelConfig()
    try:
        text_format.Merge(text, message)
    except (text_format.ParseError, ValueError) as fault:  # ValueError: of escapes in texts.
        raise ValueError(f"{who}: expected feed_var and fetch_var: {fault}") from None
    return _checked(message, who)


def _checked(message: Any, who: str) -> ModelConf:
    feeds = tuple(_var(var, var.feed_type) for var in message.feed_var)
    fetches = tuple(_var(var, var.fetch_type) for var in message.fetch_var)
    for kind, variables in (("feed_var", feeds), ("fetch_var", fetches)):
        if not variables:
            raise ValueError(f"{who}: expected at least one {kind}")
        if not all(var.name and var.alias for var in variables):
            raise ValueError(f"{who}: expected a name in every {kind}")
        aliases = [var.alias for var in variables]
        twice = sorted({alias for alias in aliases if aliases.count(alias) > 1})
        if twice:
            raise ValueError(f"{who}: {kind}: expected different names, got {twice[0]} twice")
    return ModelConf(feeds, fetches)


def _var(message: Any, kind: int) -> Var:
    name = message.name or message.alias_name
    return Var(
        name, message.alias_name or name, kind, tuple(message.shape), bool(message.is_lod_tensor)
    )


def _message(conf: ModelConf) -> Any:
    message = _wire.conf().GeneralModelConfig()
    for variables, made, kind in (
        (conf.feeds, message.feed_var, "feed_type"),
        (conf.fetches, message.fetch_var, "fetch_type"),
    ):
        for var in variables:
            entry = made.add(name=var.name, alias_name=var.alias, is_lod_tensor=var.is_lod)
            setattr(entry, kind, var.type)
            entry.shape.extend(var.shape)
    return message


def text_of(conf: ModelConf) -> str:
    """Return the text form."""
    text_format: Any = importlib.import_module("google.protobuf.text_format")
    return str(text_format.MessageToString(_message(conf)))


def write(conf: ModelConf, folder: str | Path, stem: str) -> None:
    """Write both forms into a folder, which is made: ``.prototxt``, ``.stream.prototxt``."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{stem}.prototxt").write_text(text_of(conf), encoding="utf-8")
    (place / f"{stem}.stream.prototxt").write_bytes(_message(conf).SerializeToString())
