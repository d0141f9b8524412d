# SPDX-License-Identifier: Apache-2.0
"""Turns a CustomResourceDefinition into a JSON schema that kubeconform takes, a few kilobytes long.

    python tests/deploy/crd_schema.py CRD.yaml|CRD.json VERSION > schemas/KIND_VERSION.json

Unknown fields are refused, as a strict API server does. Descriptions are dropped, and what stands
there several times (a pod has its parts in many places) is said once, under "definitions".
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

KEPT = {
    *("type", "properties", "items", "required", "enum", "pattern", "minimum", "maximum"),
    *("minLength", "maxLength", "minItems", "maxItems", "additionalProperties", "anyOf", "oneOf"),
    *("allOf", "not", "format", "minProperties", "maxProperties", "uniqueItems"),
}
SHORT = 200  # Characters. What is shorter stays where it is.


def converted(node: Any) -> Any:
    """One schema of the API as a JSON schema: strict, without texts."""
    out = {key: value for key, value in node.items() if key in KEPT}
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in out:
            out[key] = [_part(each) for each in out[key]]
    if "not" in out:
        out["not"] = _part(out["not"])
    if "properties" in out:
        out["properties"] = {key: converted(each) for key, each in out["properties"].items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            out.setdefault("additionalProperties", False)
    if isinstance(out.get("items"), dict):
        out["items"] = converted(out["items"])
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = converted(out["additionalProperties"])
    return out


def _part(node: dict[str, Any]) -> dict[str, Any]:
    """A branch of anyOf and the like: it adds a condition and does not close the object."""
    return {key: value for key, value in node.items() if key in KEPT}


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _is_schema(node: Any) -> bool:
    return isinstance(node, dict) and "type" in node and isinstance(node["type"], (str, list))


def said_once(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema with its repeated parts under "definitions"."""
    seen: Counter[str] = Counter()

    def count(node: Any) -> None:
        for each in node.values() if isinstance(node, dict) else node:
            if isinstance(each, (dict, list)):
                if _is_schema(each):
                    seen[json.dumps(each, sort_keys=True)] += 1
                count(each)

    count(schema)
    definitions: dict[str, Any] = {}

    def shorter(node: Any, top: bool) -> Any:
        if isinstance(node, list):
            return [shorter(each, False) for each in node]
        if not isinstance(node, dict):
            return node
        text = json.dumps(node, sort_keys=True)
        if top or not _is_schema(node) or seen[text] < 2 or len(text) < SHORT:
            return {key: shorter(each, False) for key, each in node.items()}
        name = _name(text)
        if name not in definitions:
            definitions[name] = None  # Its place, so that the order is that of reading.
            definitions[name] = {key: shorter(each, False) for key, each in node.items()}
        return {"$ref": f"#/definitions/{name}"}

    return {**shorter(schema, True), "definitions": definitions}


def schema_of(crd: dict[str, Any], version: str) -> dict[str, Any]:
    """The schema of one version of a CustomResourceDefinition."""
    found = [each for each in crd["spec"]["versions"] if each["name"] == version]
    if not found:
        names = ", ".join(each["name"] for each in crd["spec"]["versions"])
        raise SystemExit(f"crd_schema: expected a version among {names}, got {version}")
    schema = converted(found[0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return said_once(schema)


def main() -> None:
    """Prints the schema of the file and version that are named."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    crd = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps(schema_of(crd, sys.argv[2]), separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main()
