# SPDX-License-Identifier: Apache-2.0
"""The constructor's arguments: a JSON list of {"name", "value", "type"}."""

from __future__ import annotations

import json
from typing import Any, Callable

from aiges.contracts.seldon._errors import SeldonMicroserviceException

__all__ = ["is_true", "parameters_of", "switch_of"]

_REASON = "MICROSERVICE_BAD_PARAMETER"
_TRUE = frozenset(("y", "yes", "t", "true", "on", "1"))
_FALSE = frozenset(("n", "no", "f", "false", "off", "0"))


def is_true(text: str) -> bool:
    """Whether a variable of the environment says yes."""
    return text.lower() in ("1", "true", "t")


def switch_of(text: str, what: str) -> bool:
    """Whether a switch of ours says yes. Raises ValueError, which names it as ``what``."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{what}: expected true or false, got {text!r}")
    return word in _TRUE


def _bool_of(value: Any) -> bool:
    word = str(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"invalid truth value {word!r}")


_TYPES: dict[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "DOUBLE": float,
    "STRING": str,
    "BOOL": _bool_of,
}


def parameters_of(text: str) -> dict[str, Any]:
    """Return what the constructor is called with. Raises SeldonMicroserviceException."""
    try:
        items = json.loads(text)
    except ValueError as fault:
        raise _bad(f"expected a JSON list of parameters, got {text!r} ({fault})") from None
    if not isinstance(items, list):
        raise _bad(f"expected a JSON list of parameters, got {text!r}")
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict) or not {"name", "value"} <= item.keys():
            raise _bad(f"expected a parameter with name, value and type, got {item!r}")
        kind = item.get("type", "STRING")
        convert = _TYPES.get(kind)
        if convert is None:
            raise _bad(
                f"Bad model parameter type: {kind}; parameter {item['name']}: expected one of "
                f"{', '.join(_TYPES)}"
            )
        try:
            found[str(item["name"])] = convert(item["value"])
        except (ValueError, TypeError):
            raise _bad(
                f"Bad model parameter: {item['name']} with value {item['value']} "
                f"can't be parsed as type {kind}"
            ) from None
    return found


def _bad(message: str) -> SeldonMicroserviceException:
    return SeldonMicroserviceException(message, reason=_REASON)
