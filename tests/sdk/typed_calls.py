# SPDX-License-Identifier: Apache-2.0
"""Typed models in the test's own process: what the host gives them, and what it gets."""

import asyncio
import base64
import json
from types import SimpleNamespace

import pytest
from aiges.contracts.typed._engine import Engine
from aiges.contracts.typed._model import Model
from aiges.dto import DataListNode
from aiges.errors import BadInput

BODY = ":json"


def payload(key, data, **desc):
    node = DataListNode(key, data=data)
    for name, text in desc.items():
        node.desc[name] = text
    return node


def body(value):
    """A request's whole body: JSON of the value, or these bytes."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return payload(BODY, data)


def based(data, **more):
    """Bytes as JSON has them."""
    return {"base64": base64.b64encode(data).decode(), **more}


def predict_with(hint, function=lambda x: x, **options):
    """A function `predict` whose only parameter x has a hint, and a default, made at run time."""

    def predict(x):
        return function(x)

    predict.__annotations__ = {"x": hint}
    predict.__defaults__ = (options["default"],) if options else None
    return predict


class Typed:
    """A model as the host holds it. Each call gives what the client gets."""

    def __init__(self, target):
        self.model = Model(target)
        self.engine = Engine(self.model)
        self.schema = self.engine.wrapperSchema()
        json.dumps(self.schema, allow_nan=False)  # The host must be able to tell it.

    @property
    def inputs(self):
        return self.schema["predict"]["input"]

    def raw(self, *nodes, accept="*/*", **params):
        """All that one call hands to the host. accept=None: by a protocol that is not HTTP."""
        given = {**({":accept": accept} if accept is not None else {}), **params}
        made = self.engine.wrapperOnceExec(given, SimpleNamespace(list=list(nodes)))
        if hasattr(made, "__await__"):
            made = asyncio.run(made)
        elif hasattr(made, "__aiter__"):
            made = asyncio.run(_all(made))
        return list(made) if isinstance(made, list) or hasattr(made, "__next__") else [made]

    def one(self, *nodes, **options):
        """The only thing that a call hands to the host."""
        (made,) = self.raw(*nodes, **options)
        return made

    def json(self, value, **options):
        """The result of a call with that body, read back from JSON."""
        return json.loads(self.one(body(value), **options)["data"])

    def batch(self, *calls, accept="*/*"):
        """Results of calls that are served together; each call is a list of payloads."""
        requests = [SimpleNamespace(list=list(nodes)) for nodes in calls]
        return self.engine.wrapperBatchExec([{":accept": accept} for _ in calls], requests)

    def refusal(self, *nodes, **options):
        """What a client is told that has sent what does not fit."""
        with pytest.raises(BadInput) as told:
            self.raw(*nodes, **options)
        return str(told.value)


async def _all(values):
    return [each async for each in values]


def got(hint, *nodes, **params):
    """What `predict(x: hint)` is called with."""
    seen = []
    Typed(predict_with(hint, seen.append)).raw(*nodes, **params)
    (value,) = seen
    return value


def from_json(hint, value):
    return got(hint, body({"x": value}))


def from_text(hint, text):
    """Of a field of a form; a parameter of the same text gives the same where that may be."""
    return got(hint, payload("x", text.encode()))


def from_tensor(hint, array):
    node = DataListNode("x", data=b"")
    node.data = array
    return got(hint, node)


def refused(hint, node):
    return Typed(predict_with(hint)).refusal(node)


def refused_json(hint, value):
    return refused(hint, body({"x": value}))


def refused_text(hint, text):
    return refused(hint, payload("x", text.encode()))


def refused_at_load(target):
    with pytest.raises(TypeError) as told:
        Typed(target)
    return str(told.value)
