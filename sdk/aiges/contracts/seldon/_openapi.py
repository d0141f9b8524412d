# SPDX-License-Identifier: Apache-2.0
"""GET /seldon.json: what the service answers, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

__all__ = ["document"]

_JSON = "application/json"
_NUMBERS = {"type": "array", "items": {"type": "number"}}
_SCHEMAS: dict[str, Any] = {
    "SeldonMessage": {
        "type": "object",
        "properties": {
            "status": {"$ref": "#/components/schemas/Status"},
            "meta": {"$ref": "#/components/schemas/Meta"},
            "data": {"$ref": "#/components/schemas/DefaultData"},
            "jsonData": {"description": "Any JSON value."},
            "strData": {"type": "string"},
            "binData": {"type": "string", "format": "byte"},
        },
    },
    "DefaultData": {
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string"}},
            "ndarray": {"type": "array", "items": {}},
            "tensor": {
                "type": "object",
                "properties": {
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "values": _NUMBERS,
                },
            },
            "tftensor": {"type": "object"},
        },
    },
    "Meta": {
        "type": "object",
        "properties": {
            "puid": {"type": "string"},
            "tags": {"type": "object"},
            "routing": {"type": "object", "additionalProperties": {"type": "integer"}},
            "requestPath": {"type": "object", "additionalProperties": {"type": "string"}},
            "metrics": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Status": {
        "type": "object",
        "properties": {
            "status": {"type": "integer"},
            "info": {"type": "string"},
            "code": {"type": "integer"},
            "reason": {"type": "string"},
        },
    },
    "Failure": {
        "type": "object",
        "properties": {"status": {"$ref": "#/components/schemas/Status"}},
    },
    "SeldonMessageList": {
        "type": "object",
        "properties": {
            "seldonMessages": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/SeldonMessage"},
            }
        },
    },
    "Feedback": {
        "type": "object",
        "properties": {
            "request": {"$ref": "#/components/schemas/SeldonMessage"},
            "response": {"$ref": "#/components/schemas/SeldonMessage"},
            "reward": {"type": "number"},
            "truth": {"$ref": "#/components/schemas/SeldonMessage"},
        },
    },
}


def _content(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _operation(summary: str, taken: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "The answer.", "content": _content("SeldonMessage")},
            "default": {"description": "What went wrong.", "content": _content("Failure")},
        },
    }
    if taken:
        made["requestBody"] = {"content": _content(taken), "required": True}
    return made


_CALLS = (
    ("/api/v1.0/predictions", "Predict", "SeldonMessage"),
    ("/predict", "Predict", "SeldonMessage"),
    ("/api/v1.0/feedback", "Tell how good an answer was", "Feedback"),
    ("/send-feedback", "Tell how good an answer was", "Feedback"),
    ("/transform-input", "Transform a request", "SeldonMessage"),
    ("/transform-output", "Transform an answer", "SeldonMessage"),
    ("/route", "Choose a route", "SeldonMessage"),
    ("/aggregate", "Combine answers", "SeldonMessageList"),
)
_PAGES = (
    ("/api/v1.0/health/status", "How the model is"),
    ("/health/status", "How the model is"),
    ("/health/ping", "Whether somebody answers"),
    ("/ready", "Whether calls are served"),
    ("/live", "Whether somebody answers"),
    ("/api/v1.0/metadata", "What the model says of itself"),
    ("/metadata", "What the model says of itself"),
)


def document(name: str) -> dict[str, Any]:
    """Return the document of a unit of that name."""
    paths: dict[str, Any] = {path: {"post": _operation(s, taken)} for path, s, taken in _CALLS}
    paths.update({path: {"get": _operation(summary, None)} for path, summary in _PAGES})
    return {
        "openapi": "3.0.3",
        "info": {"title": name or "Model", "version": "1.0"},
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }
