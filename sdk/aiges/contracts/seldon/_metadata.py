# SPDX-License-Identifier: Apache-2.0
"""What the model says of itself: defaults, init_metadata() over them, MODEL_METADATA over both."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from aiges.contracts.seldon._errors import (
    BAD_METADATA,
    SeldonMicroserviceException,
    SeldonNotImplementedError,
)
from aiges.contracts.seldon._unit import Unit

__all__ = ["Metadata"]

_LOG = logging.getLogger("aiges.seldon")

_V1_TYPES = ("tensor", "ndarray", "tftensor", "jsonData", "strData", "binData", "custom")
_V2_TYPES = frozenset(
    "BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BYTES".split()
)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, int) and not isinstance(each, bool) for each in value
    )


def _wrong_part(part: Any) -> str:
    """Say what is wrong with an input or output, or nothing."""
    if not isinstance(part, dict):
        return f"expected an object with messagetype or datatype, got {part!r}"
    if "messagetype" in part:
        if part["messagetype"] not in _V1_TYPES:
            return (
                f"messagetype: expected one of {', '.join(_V1_TYPES)}, got {part['messagetype']!r}"
            )
        if part.keys() - {"messagetype", "schema"}:
            return f"expected messagetype and schema, got {sorted(part)}"
        schema = part.get("schema", {})
        if not isinstance(schema, dict):
            return f"schema: expected an object, got {schema!r}"
        if part["messagetype"] in ("tensor", "ndarray", "tftensor"):
            if not _is_texts(schema.get("names", [])) or not _is_shape(schema.get("shape", [])):
                return f"schema: expected names and a shape of numbers, got {schema!r}"
        return ""
    if part.keys() != {"name", "datatype", "shape"}:
        return f"expected name, datatype and shape, got {sorted(part)}"
    if not isinstance(part["name"], str) or part["datatype"] not in _V2_TYPES:
        return f"datatype: expected one of {', '.join(sorted(_V2_TYPES))}, got {part['datatype']!r}"
    return "" if _is_shape(part["shape"]) else f"shape: expected numbers, got {part['shape']!r}"


def _wrong(found: dict[str, Any]) -> str:
    """Say what is wrong with all of it, or nothing."""
    known = {"name", "versions", "platform", "inputs", "outputs", "custom"}
    if found.keys() - known:
        return f"unknown keys {sorted(map(str, found.keys() - known))}"
    for key in ("name", "platform"):
        if not isinstance(found[key], str):
            return f"{key}: expected a text, got {found[key]!r}"
    if not _is_texts(found["versions"]):
        return f"versions: expected a list of texts, got {found['versions']!r}"
    custom = found["custom"]
    if not isinstance(custom, dict) or not _is_texts([*custom, *custom.values()]):
        return f"custom: expected texts by texts, got {custom!r}"
    for key in ("inputs", "outputs"):
        if not isinstance(found[key], list):
            return f"{key}: expected a list, got {found[key]!r}"
        for part in found[key]:
            problem = _wrong_part(part)
            if problem:
                return f"{key}: {problem}"
    return ""


class Metadata:
    """Read once, before the model is loaded."""

    def __init__(self, user: Any, unit: Unit) -> None:
        self.problem = ""
        name, version = unit.image_parts
        found: dict[str, Any] = {
            "name": name,
            "versions": [version],
            "platform": "",
            "inputs": [],
            "outputs": [],
            "custom": {},
        }
        for said in (self._of_user(user), self._of_environment(unit.metadata)):
            found.update(said)
        self._found = found
        self.problem = self.problem or _wrong(found)
        if self.problem:
            _LOG.error(
                "the model's metadata cannot be used, /metadata answers 500: %s", self.problem
            )

    def get(self) -> dict[str, Any]:
        """Return it. Raises SeldonMicroserviceException where it cannot be used."""
        if self.problem:
            raise SeldonMicroserviceException(
                "Model metadata unavailable", status_code=500, reason=BAD_METADATA
            )
        return self._found

    def _of_user(self, user: Any) -> dict[str, Any]:
        function = getattr(user, "init_metadata", None)
        if not callable(function):
            return {}
        try:
            found = function()
        except SeldonNotImplementedError:
            return {}
        if isinstance(found, dict):
            return found
        _LOG.error("init_metadata: expected a dict, got %s: left out", type(found).__name__)
        return {}

    def _of_environment(self, text: str) -> dict[str, Any]:
        if not text.strip():
            return {}
        try:
            found = importlib.import_module("yaml").safe_load(text)
        except Exception as fault:
            self.problem = f"MODEL_METADATA: {fault}"
            return {}
        if isinstance(found, dict):
            return found
        self.problem = f"MODEL_METADATA: expected YAML with keys, got {type(found).__name__}"
        return {}
