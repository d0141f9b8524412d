# SPDX-License-Identifier: Apache-2.0
"""A call of OpenAI's API as it comes to a worker: its task, the client's body, and a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiges._narrow import is_dict
from aiges.errors import BadInput

__all__ = ["Call", "item", "kind_of", "read_call", "text_item"]

TASK = ":task"
KEY = "openai"  # Of the payload that has the body, in both directions.
FILE = "file"
_ONCE = 3


@dataclass
class Call:
    """One request. ``file`` is None where the task has none."""

    task: str
    body: dict[str, Any]
    file: bytes | None = None
    about_file: dict[str, str] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        """Whether the client wants pieces."""
        return self.task != "embed" and self.body.get("stream") is True


def read_call(params: dict[str, Any], data: Any) -> Call | None:
    """Return the request; None: it is none of this API. Raises BadInput."""
    task = params.get(TASK)
    if not task:
        return None
    nodes = {_field(node, "key"): node for node in getattr(data, "list", data)}
    if KEY not in nodes:
        raise BadInput(f"expected a payload {KEY} with parameter {TASK}, got {sorted(nodes)}")
    try:
        body = json.loads(_bytes(nodes[KEY]))
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"the body is not JSON that can be read: {fault}") from None
    if not is_dict(body):
        raise BadInput(f"the body: expected a JSON object, got {kind_of(body)}")
    if FILE not in nodes:
        return Call(task, body)
    desc: Any = _field(nodes[FILE], "desc") or {}
    return Call(task, body, _bytes(nodes[FILE]), _texts(desc))


def _texts(desc: Mapping[Any, Any]) -> dict[str, str]:
    return {str(k): str(v) for k, v in dict(desc).items()}


def _field(node: Any, name: str) -> Any:
    return node.get(name) if is_dict(node) else getattr(node, name, None)


def _bytes(node: Any) -> bytes:
    data = _field(node, "data")
    return data if isinstance(data, bytes) else bytes(data)


def kind_of(value: object) -> str:
    """Return what a value of JSON is called."""
    if value is None:
        return "null"
    for kinds, name in _KINDS:
        if isinstance(value, kinds):
            return name
    return type(value).__name__


_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "a boolean"),
    (str, "a string"),
    ((int, float), "a number"),
    (list, "an array"),
    (dict, "an object"),
)


def item(body: Any) -> dict[str, Any]:
    """Return a body, or a piece of one, as a result of the host. A str is JSON already."""
    if isinstance(body, (bytes, bytearray)):
        return _item(bytes(body), {"format": "json"})
    if not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _item(body.encode("utf-8", "replace"), {"format": "json"})


def text_item(text: str, media: str) -> dict[str, Any]:
    """Return an answer that is no JSON."""
    return _item(text.encode("utf-8", "replace"), {"content-type": f"{media}; charset=utf-8"})


def _item(data: bytes, desc: dict[str, str]) -> dict[str, Any]:
    made = {"key": KEY, "data": data, "len": len(data), "type": 0, "status": _ONCE}
    return {**made, "desc": desc}
