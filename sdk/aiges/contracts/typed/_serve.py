# SPDX-License-Identifier: Apache-2.0
"""One call of a client served by a typed model: its inputs read, its results written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from aiges import context
from aiges._narrow import is_dict
from aiges.contracts.typed._files import CallFiles
from aiges.contracts.typed._model import Model
from aiges.contracts.typed._results import Form, Writer, is_plain

__all__ = ["ACCEPT", "serve", "serve_async", "serve_async_stream", "serve_batch", "serve_stream"]

# Params that the loader sets. ACCEPT: what an HTTP client takes; OIP: a call by tensors.
ACCEPT, OIP = ":accept", ":oip"
_EVENTS = "text/event-stream"

Params = Mapping[str, str]


def writer_of(params: Params) -> Writer:
    """Return what writes the answer to a call."""
    accept = params.get(ACCEPT)
    if accept is not None:
        return Writer(Form.EVENTS if _EVENTS in accept else Form.HTTP, accept)
    return Writer(Form.TENSOR if OIP in params else Form.PAYLOAD)


def serve(model: Model, params: Params, nodes: Any) -> Any:
    """Answer a call of a plain function."""
    files = CallFiles()
    try:
        value = model.predict(**model.inputs.read(params, nodes, files))
        writer = writer_of(params)
        if hasattr(value, "__next__"):  # It returned a generator of another function.
            return list(_pieces(writer, value))
        return writer.write(value)
    finally:
        files.close()


async def serve_async(model: Model, params: Params, nodes: Any) -> Any:
    """Answer a call of a coroutine function."""
    files = CallFiles()
    try:
        value = await model.predict(**model.inputs.read(params, nodes, files))
        return writer_of(params).write(value)
    finally:
        files.close()


def serve_stream(model: Model, params: Params, nodes: Any) -> Iterator[Any]:
    """Answer a call of a generator function, value by value or whole, as the client takes it."""
    files = CallFiles()
    try:
        values = model.predict(**model.inputs.read(params, nodes, files))
        yield from _pieces(writer_of(params), values)
    finally:
        files.close()


def _pieces(writer: Writer, values: Iterator[Any]) -> Iterator[Any]:
    try:
        if writer.form is not Form.HTTP:
            for value in values:
                yield writer.write(value)
            return
        whole: list[Any] = []
        for value in values:
            whole.append(value)
            if context.cancelled():
                return  # Nobody waits: the rest of the generator is not run.
        yield from _whole(writer, whole)
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            close()


def _whole(writer: Writer, values: Sequence[Any]) -> list[Any]:
    """Return a stream as one answer: texts joined, values of JSON as a list, others as they are."""
    if all(isinstance(each, str) for each in values):
        return [writer.write("".join(values))]
    if len(values) == 1 or not all(is_plain(each) for each in values):
        return [writer.write(each) for each in values]
    return [writer.write(list(values))]


async def serve_async_stream(model: Model, params: Params, nodes: Any) -> AsyncIterator[Any]:
    """Answer a call of an async generator function."""
    files = CallFiles()
    try:
        values = model.predict(**model.inputs.read(params, nodes, files))
        writer = writer_of(params)
        try:
            if writer.form is not Form.HTTP:
                async for value in values:
                    yield writer.write(value)
                return
            whole: list[Any] = []
            async for value in values:
                whole.append(value)
                if context.cancelled():
                    return  # Nobody waits: the rest of the generator is not run.
            for each in _whole(writer, whole):
                yield each
        finally:
            await values.aclose()
    finally:
        files.close()


def serve_batch(model: Model, params: Sequence[Params], requests: Sequence[Any]) -> list[Any]:
    """Answer calls together; those whose inputs are wrong are refused alone."""
    files = CallFiles()
    results: list[Any] = [None] * len(params)
    taken: list[int] = []
    columns: dict[str, list[Any]] = {}
    try:
        for at, each in enumerate(params):
            try:
                arguments = _with_defaults(model, model.inputs.read(each, requests[at], files))
            except Exception as fault:  # BadInput, or what a kind of the user's raises.
                results[at] = fault
                continue
            taken.append(at)
            for name, value in arguments.items():
                columns.setdefault(name, []).append(value)
        if taken:
            made = model.predict(**columns)
            _check(made, len(taken))
            for at, value in zip(taken, made):
                results[at] = _written(params[at], value)
        return results
    finally:
        files.close()


def _with_defaults(model: Model, arguments: dict[str, Any]) -> dict[str, Any]:
    for name, each in model.inputs.all.items():
        if name not in arguments:
            arguments[name] = each.default
    return arguments


def _check(made: Any, count: int) -> None:
    length = len(made) if hasattr(made, "__len__") and not isinstance(made, (str, bytes)) else None
    if length != count or is_dict(made):
        got = type(made).__name__ if length is None or is_dict(made) else f"{length}"
        raise TypeError(f"predict: expected a list of {count} results, one of each call, got {got}")


def _written(params: Params, value: Any) -> Any:
    if isinstance(value, Exception):
        return value
    try:
        return writer_of(params).write(value)
    except Exception as fault:
        return fault
