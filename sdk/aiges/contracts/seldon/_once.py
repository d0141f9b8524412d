# SPDX-License-Identifier: Apache-2.0
"""Calls of the host's own protocols, as the prediction that they stand for."""

from __future__ import annotations

import base64
import json
from typing import Any

from aiges.contracts import _once
from aiges.contracts._once import TEXT, only_input
from aiges.contracts.seldon._arrays import dump
from aiges.contracts.seldon._errors import answer_of
from aiges.errors import BadInput

__all__ = ["message_of", "own_error", "result_of"]

_PAYLOADS = ("data", "jsonData", "strData", "binData")


def message_of(data: Any) -> dict[str, Any]:
    """Return the message that one input is, or is the payload of. Raises BadInput."""
    node = only_input(data, "a message or its payload")
    body = bytes(node["data"])
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        if node.get("type") == TEXT:
            return {"strData": body.decode("utf-8", "replace")}
        return {"binData": base64.b64encode(body)}
    if isinstance(found, dict) and any(key in found for key in _PAYLOADS):
        return found
    return {"data": {"ndarray": found}} if isinstance(found, list) else {"jsonData": found}


def result_of(answer: Any) -> list[dict[str, Any]]:
    """Return the answer as the one result, in JSON."""
    text = bytes(answer) if isinstance(answer, (bytes, bytearray)) else dump(answer)
    return _once.result_of(text, is_json=True)


def own_error(fault: Exception) -> Exception:
    """Return what is raised: whose fault it is, and the text."""
    status, body = answer_of(fault)
    if 400 <= status < 500:
        return BadInput(str(body["status"]["info"]))
    return fault
