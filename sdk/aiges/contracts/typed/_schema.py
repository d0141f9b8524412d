# SPDX-License-Identifier: Apache-2.0
"""The schema of a typed model: for OpenAPI, the form of the page, the envelope, and tensors."""

from __future__ import annotations

import collections.abc
import inspect
import typing
from typing import Any

from aiges.contracts.typed._hints import hints_of, kind_of_hint
from aiges.contracts.typed._kinds import Kind, StrKind
from aiges.contracts.typed._model import Model

__all__ = ["ROUTE", "describe", "result_kind"]

ROUTE = "/predict"
_SERVICE = "svcName"  # What the loader takes for the service, whatever its name.
_WORDS = {0: "text", 1: "audio", 2: "image", 3: "video", 4: "other"}
_STREAMS = (
    collections.abc.Iterator,
    collections.abc.Generator,
    collections.abc.Iterable,
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterable,
)


def describe(model: Model) -> dict[str, Any]:
    """Return the schema, as ``wrapperSchema`` gives it."""
    kind = result_kind(model)
    result: dict[str, Any] = {} if kind is None else kind.schema()
    word = _WORDS[0 if kind is None or kind.payload == 4 else kind.payload]
    inputs = model.inputs.all.values()
    return {
        "meta": {
            "serviceId": _SERVICE,
            "version": "v1",
            _SERVICE: {
                "input": {each.name: {"dataType": _WORDS[each.kind.payload]} for each in inputs},
                "accept": {"result": {"dataType": word}},
            },
        },
        "schemainput": _envelope(model),
        "schemaoutput": _object({"payload": _object({"result": _object({})})}),
        "predict": {
            "title": model.name,
            "description": model.description,
            "input": model.inputs.schema(),
            "output": result,
            "streams": model.streams,
            "routes": [ROUTE],
        },
        "model": _card(model, kind),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _envelope(model: Model) -> dict[str, Any]:
    """Return what the JSON envelope takes: each input as a payload, scalars as parameters, too."""
    payloads: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for each in model.inputs.all.values():
        word = _WORDS[each.kind.payload]
        data: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
        if word == "text":
            data = {"type": ["string", "object", "array"], "contentEncoding": "base64"}
        if each.description:
            data["description"] = each.description
        payloads[each.name] = _object({word: data})
        if each.kind.is_scalar and not (each.required and isinstance(each.kind, StrKind)):
            made = each.schema()
            parameters[each.name] = made if "type" in made or "enum" in made else {"type": "string"}
    return _object(
        {
            "header": _object({}),
            "parameter": _object({_SERVICE: _object(parameters)}),
            "payload": _object(payloads),
        }
    )


def result_kind(model: Model) -> Kind | None:
    """Return the kind of a result, or of one value of a stream; None: the hint does not say."""
    try:
        hint = hints_of(inspect.unwrap(model.predict)).get("return", Any)
    except TypeError:
        return None
    arguments = typing.get_args(hint)
    if model.streams and typing.get_origin(hint) in _STREAMS:
        hint = arguments[0] if arguments else Any
    elif model.batched:
        hint = arguments[0] if arguments and typing.get_origin(hint) is list else Any
    if hint in (Any, None, type(None)):
        return None
    try:
        return kind_of_hint(hint, "predict: its result")
    except (
        TypeError,
        RecursionError,
    ):  # A result may be more than an input: an Answer, a set of the user's own.
        return None


def _card(model: Model, result: Kind | None) -> dict[str, Any]:
    """Return what the protocol of tensors tells: inputs and outputs where all of them are known."""
    card: dict[str, Any] = {"platform": "python", "decoupled": model.streams}
    kinds = [each.kind for each in model.inputs.all.values()]
    if result is None or not result.datatype or not all(kind.datatype for kind in kinds):
        return card
    card["inputs"] = [
        {
            "name": each.name,
            "datatype": each.kind.datatype,
            "shape": [-1],
            **({} if each.required else {"optional": True}),
        }
        for each in model.inputs.all.values()
    ]
    card["outputs"] = [{"name": "result", "datatype": result.datatype, "shape": [-1]}]
    return card
