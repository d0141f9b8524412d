# SPDX-License-Identifier: Apache-2.0
"""What the user's parameters ask for: by their names, or by a text as their annotation."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Collection
from typing import Any, Callable

__all__ = ["CONSTRUCTOR", "PREDICT", "Unknown", "returns_structure", "wanted"]

CONSTRUCTOR = ("onnx", "config")
PREDICT = ("json", "payload", "data", "params", "args", "headers", "request")
_VAR = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Unknown(Exception):
    """The user's code asks for what there is not. The text is for its author."""


def _tag(parameter: inspect.Parameter, known: Collection[str]) -> str:
    """Return what the parameter means: an annotation counts where it is one of the names."""
    said = parameter.annotation
    if isinstance(said, str):
        # from __future__ import annotations: 'json' has come as "'json'".
        text = said.strip("'\"")
        if text in known:
            return text
    return parameter.name


def wanted(what: str, function: Callable[..., Any], known: Collection[str]) -> dict[str, str]:
    """Return the tag of each parameter that must be given, in their order.

    ``what`` names the function in errors. What has a default and no known name keeps its default.
    Raises Unknown.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # Of C, without a signature: takes nothing.
        return {}
    found: dict[str, str] = {}
    for parameter in parameters:
        if parameter.kind in _VAR:
            continue
        tag = _tag(parameter, known)
        if tag in known and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
            found[parameter.name] = tag
        elif parameter.default is inspect.Parameter.empty:
            behind = " not to be positional only" if tag in known else f" one of {', '.join(known)}"
            raise Unknown(f"{what}: parameter {parameter.name}: expected{behind}, or a default")
    return found


def returns_structure(function: Callable[..., Any]) -> bool:
    """Tell whether it says that it returns a dict, list or tuple, and nothing else."""
    try:
        said = typing.get_type_hints(function).get("return")
    except Exception:  # Names that are there for type checkers alone.
        return False
    kind = typing.get_origin(said) or said
    return isinstance(kind, type) and issubclass(kind, (dict, list, tuple))
