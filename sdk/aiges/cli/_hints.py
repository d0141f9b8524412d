# SPDX-License-Identifier: Apache-2.0
"""A request that the engine answers, made from what /openapi.json says of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiges._narrow import is_list, is_mapping

__all__ = ["Sample", "curl", "sample_of", "task_of", "word"]

JSON = "application/json"
# Of one grey pixel: what a field for pictures is shown with where the schema has no example.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
MOST_DEPTH = 8
# Of OpenAI's API, which the page does not have: the hook, its path, and what it is asked.
TASKS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("chat", "/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}]}),
    ("complete", "/v1/completions", {"prompt": "hello"}),
    ("embed", "/v1/embeddings", {"input": "hello"}),
)


@dataclass(frozen=True)
class Sample:
    """A request; ``values`` are the inputs by name, where it is an object of them."""

    path: str
    body: bytes
    content_type: str
    values: Mapping[str, Any]


def sample_of(page: Mapping[str, Any], service: str) -> Sample | None:
    """Return a request for the first of the service's ways to call it; None: it has none."""
    paths = page.get("paths")
    if not is_mapping(paths):
        return None
    own = ("/predict", "/v1/chat/completions", "/v1/embeddings", f"/v1/json/{service}")
    named = [path for path in own if path in paths]
    models = [p for p in paths if p.startswith("/v2/models/") and p.endswith("/infer")]
    for path in [*named, *models, *paths]:
        found = paths[path]
        operation = found.get("post") if is_mapping(found) else None
        content = _at(page, operation, "requestBody", "content", JSON)
        if "{" in path or not is_mapping(content):
            continue
        value = _value(page, content, path in own)
        values: Mapping[str, Any] = value if is_mapping(value) else {}
        body = json.dumps(value, ensure_ascii=False).encode()
        return Sample(path, body, JSON, values)
    return None


def task_of(code: str, service: str) -> Sample | None:
    """Return a request for the first hook for a task that the code has; None: it has none."""
    for hook, path, asked in TASKS:
        if re.search(rf"\bdef[ \t]+{hook}[ \t]*\(", code):
            body = json.dumps({"model": service, **asked}).encode()
            return Sample(path, body, JSON, {})
    return None


def curl(address: str, sample: Sample, key: str = "") -> str:
    """Return the command line for it. ``key``: a header that says who asks."""
    words = ["curl", f"{address}{sample.path}", "-H", f"Content-Type: {sample.content_type}"]
    line = " ".join(map(shlex.quote, words))
    who = f' -H "{key}"' if key else ""  # In double quotes: the shell puts the variable in.
    return f"{line}{who} -d {shlex.quote(sample.body.decode())}"


def word(key: str, value: str) -> str:
    """Return ``key=value`` as a shell takes it."""
    return shlex.quote(f"{key}={value}")


def _at(page: Mapping[str, Any], value: Any, *keys: str) -> Any:
    """Return what lies there; references of the page are followed."""
    value = _followed(page, value)
    for key in keys:
        value = _followed(page, value.get(key)) if is_mapping(value) else None
    return value


def _followed(page: Mapping[str, Any], value: Any) -> Any:
    for _ in range(MOST_DEPTH):
        named = value.get("$ref") if is_mapping(value) else None
        if not isinstance(named, str) or not named.startswith("#/"):
            return value
        value = page
        for part in named[2:].split("/"):
            value = value.get(part) if is_mapping(value) else None
    return None


def _value(page: Mapping[str, Any], content: Mapping[str, Any], is_plain: bool) -> Any:
    """Return an example: of inputs by name those that are required, or else the texts."""
    schema = _at(page, content, "schema")
    example = content.get("example")
    if is_mapping(example) and example:
        wanted = _required(schema, example)
        if is_plain and not wanted:
            wanted = [name for name, value in example.items() if isinstance(value, str)]
        return {name: value for name, value in example.items() if not wanted or name in wanted}
    return example or _made(page, schema, 0)


def _required(schema: Any, example: Mapping[str, Any]) -> list[str]:
    said = schema.get("required") if is_mapping(schema) else None
    return [name for name in said if name in example] if is_list(said) else []


def _made(page: Mapping[str, Any], schema: Any, depth: int) -> Any:
    """Return a value that the schema allows."""
    schema = _followed(page, schema)
    if not is_mapping(schema) or depth > MOST_DEPTH:
        return "hello"
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        found = schema.get(key)
        if is_list(found) and found:
            return found[0]
    for key in ("anyOf", "oneOf", "allOf"):
        found = schema.get(key)
        if is_list(found) and found:
            return _made(page, found[0], depth + 1)
    kind = schema.get("type")
    kind = kind[0] if is_list(kind) and kind else kind
    if kind == "object" or "properties" in schema:
        return _object(page, schema, depth)
    if kind == "array":
        least = schema.get("minItems", 1)
        return [_made(page, schema.get("items"), depth + 1)] * max(int(least), 1)
    if kind in ("integer", "number"):
        least = schema.get("minimum", 1)
        return max(least, 1) if "maximum" not in schema else least
    if kind in ("boolean", "null"):
        return True if kind == "boolean" else None
    is_bytes = schema.get("format") in ("binary", "byte") or "contentEncoding" in schema
    return PIXEL if is_bytes else "hello"


def _object(page: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    inner = schema.get("properties")
    fields: Mapping[str, Any] = inner if is_mapping(inner) else {}
    said = schema.get("required")
    wanted = [name for name in said if name in fields] if is_list(said) else []
    wanted = wanted or list(fields)[:1]
    return {name: _made(page, fields[name], depth + 1) for name in wanted}
