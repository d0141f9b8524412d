# SPDX-License-Identifier: Apache-2.0
"""Calls of the host's own protocols (XSF, raw, ..), for contracts that answer them, too."""

from __future__ import annotations

from typing import Any

from aiges.errors import BadInput

__all__ = ["OTHER", "TEXT", "only_input", "result_of"]

TEXT, OTHER = 0, 4  # Types of data, as include/aiges/type.h has them.
_ONCE = 3  # Where the data stands: all of it.


def only_input(data: Any, what: str) -> Any:
    """Return the one input of a call; ``what`` says in errors what it is. Raises BadInput."""
    nodes = list(data)
    if len(nodes) != 1:
        raise BadInput(f"expected one input, {what}, got {len(nodes)}")
    return nodes[0]


def result_of(data: bytes, kind: int = TEXT, *, is_json: bool = False) -> list[dict[str, Any]]:
    """Return the one result of a call, as hooks give it."""
    made: dict[str, Any] = {
        "key": "result",
        "data": data,
        "len": len(data),
        "type": kind,
        "status": _ONCE,
    }
    if is_json:
        made["desc"] = {"format": "json"}
    return [made]
