# SPDX-License-Identifier: Apache-2.0
"""aiges.toml: read, written anew, and what the commands need to know from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiges._narrow import is_dict, is_list, is_mapping
from aiges.cli._errors import CliError, need

__all__ = [
    "OWN_SECTIONS",
    "dump",
    "engine_config",
    "http_address",
    "overlay",
    "parse",
    "read",
    "service_of",
    "services_in",
]

# Of aiges.toml; any other one may be a service's. loader/config/known_names.cc has them, too.
OWN_SECTIONS = frozenset(
    "access admin aiges batch compat fc http instances limits log queue registry tls wrapper "
    "ws".split()
)


def read(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML file."""
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise CliError(f"{file}: expected TOML: {error}") from None


def parse(text: str, what: str) -> dict[str, Any]:
    """Return the tables of a text; ``what`` says where it is from."""
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
    except ImportError as error:
        raise need("cli", error) from None
    try:
        return dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CliError(f"{what}: expected TOML: {error}") from None


def _key(text: str) -> str:
    plain = text.replace("_", "").replace("-", "")
    return text if plain.isascii() and plain.isalnum() else json.dumps(text)


def _value(value: Any) -> str:
    if is_list(value):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, (bool, int, float, str)):
        return json.dumps(value, ensure_ascii=False)
    raise CliError(f"expected text, a number, true, false or a list, got {value!r}")


def dump(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables of scalars and lists as TOML."""
    return "\n".join(
        f"[{_key(name)}]\n" + "".join(f"{_key(k)} = {_value(v)}\n" for k, v in keys.items())
        for name, keys in tables.items()
    )


def overlay(
    base: Mapping[str, Mapping[str, Any]], over: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return ``base`` with the keys of ``over`` laid over it."""
    made = {name: dict(keys) for name, keys in base.items()}
    for name, keys in over.items():
        if not is_mapping(keys):
            raise CliError(f"{name}: expected to be in a [section]")
        made.setdefault(name, {}).update(keys)
    return made


def services_in(tables: Mapping[str, Any]) -> list[str]:
    """Return the sections that say where a service listens; users' own keys may be called host."""
    return [
        name
        for name, keys in tables.items()
        if is_dict(keys) and name not in OWN_SECTIONS and {"port", "host"} & {*keys}
    ]


def service_of(tables: Mapping[str, Any], file: Path) -> str:
    """Return the section that says where the service listens: the only one with a port."""
    found = services_in(tables)
    if len(found) != 1:
        named = ", ".join(found) or "none"
        raise CliError(
            f"{file}: expected one section with host and port, the service's, found {named}: "
            "choose with --service NAME"
        )
    return found[0]


def http_address(tables: Mapping[str, Any]) -> str:
    """Return http_listen as host:port to call; empty when it is off or not said."""
    for keys in tables.values():
        listen = keys.get("http_listen") if is_dict(keys) else None
        if isinstance(listen, str) and listen != "off":
            host, _, port = listen.rpartition(":")
            anywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
            return f"{anywhere.get(host, host)}:{port}"
    return ""


def _as_text(value: Any, file: Path, section: str, key: str) -> str:
    """Return a value as engines get it, the way of loader/config/toml_file.cc."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, float):
        kind = type(value).__name__
        what = {"dict": "a table", "list": "an array"}.get(kind, kind)
        raise CliError(
            f"{file}: [{section}] {key}: expected a string, number or boolean (engines get text), "
            f"got {what}"
        )
    text = repr(value)
    if "n" in text:  # inf, nan
        return text
    fixed = format(Decimal(text), "f")
    return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed


def engine_config(tables: Mapping[str, Any], file: Path) -> dict[str, str]:
    """Return what wrapperInit gets: [wrapper], or all sections of the file [aiges] usrCfg.

    ``file`` is that of ``tables``; the loader runs in its folder.
    """
    aiges = tables.get("aiges", {})
    named = aiges.get("usrCfg") if is_dict(aiges) else None
    if not named:
        found = tables.get("wrapper", {})
        if not is_dict(found):
            raise CliError(f"{file}: wrapper: expected to be a [section]")
        return {key: _as_text(value, file, "wrapper", key) for key, value in found.items()}
    other = file.parent / str(named)
    if not other.is_file():
        raise CliError(f"{file}: [aiges] usrCfg: cannot read the file {named}")
    made: dict[str, str] = {}
    for section, keys in read(other).items():
        if not is_dict(keys):
            raise CliError(f"{other}: {section}: expected only [sections] here")
        for key, value in keys.items():
            made[f"{section}.{key}"] = _as_text(value, other, section, key)
    return made
