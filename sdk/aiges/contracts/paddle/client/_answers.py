# SPDX-License-Identifier: Apache-2.0
"""A predict as message, and its answer as arrays, in either generation of messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aiges.contracts.paddle import _fast, _tensors, _types, _wire
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle._feed import LOD
from aiges.contracts.paddle._tensors import Value

__all__ = ["GENERATIONS", "ServerError", "read_response", "request_v3", "write_request"]

GENERATIONS = ("0.9", "0.6")


class ServerError(Exception):
    """An answer that says an error, or one that is none."""


def write_request(generation: str, values: list[Value], fetch: list[str], log_id: int) -> bytes:
    """Return the message ``Request``. Raises ValueError for types that it does not carry."""
    return b"".join(request_pieces(generation, values, fetch, log_id))


def request_pieces(
    generation: str, values: list[Value], fetch: list[str], log_id: int
) -> _fast.Pieces:
    """Return it in pieces, of which arrays are one as they lie. Raises ValueError."""
    if generation == "0.9":
        return _fast.write_request(values, fetch, log_id)
    request = _wire.v2().Request(fetch_var_names=fetch, profile_server=False, log_id=log_id)
    inst = request.insts.add()
    for value in values:
        _tensors.write_v2(inst.tensor_array.add(), value)
    return [bytes(request.SerializeToString())]


def request_v3(values: list[Value], fetch: list[str], log_id: int) -> Any:
    """Return a Request of the set ``raw``."""
    request = _wire.raw().Request(fetch_var_names=fetch, log_id=log_id)
    for value in values:
        _tensors.write_v3(request.tensor.add(), value)
    return request


def read_response(
    generation: str, message: bytes, conf: ModelConf, fetch: list[str]
) -> dict[str, Any]:
    """Return ``{alias: array}`` with ``alias.lod``; several engines: one such dict under each name.

    Raises ServerError for an error of the server's, ValueError for outputs without elements.
    """
    read = _read_v3 if generation == "0.9" else _read_v2
    try:
        outputs = read(message, conf, fetch)
    except (ServerError, ValueError):
        raise
    except Exception as fault:  # protobuf's DecodeError has no base of ours.
        raise ServerError(f"expected a Response: {fault}") from None
    if not outputs:
        raise ServerError("expected outputs in the response, got none")
    made = {name: _arrays(values, fetch) for name, values in outputs}
    return made if len(made) > 1 else next(iter(made.values()))


def _read_v3(message: bytes, conf: ModelConf, fetch: list[str]) -> list[tuple[str, list[Value]]]:
    response = _wire.raw().Response.FromString(message)
    if response.err_no:
        raise ServerError(f"error {response.err_no}: {response.err_msg}")
    if not response.outputs:  # Errors of 0.7 and 0.8 have other numbers.
        older = _wire.raw().Response07.FromString(message)
        if older.err_no and older.err_msg:
            raise ServerError(f"error {older.err_no}: {older.err_msg}")
    alias_of = {var.name: var.alias for var in conf.fetches}
    made = []
    for output in response.outputs:
        values = [_read(_tensors.read_v3, tensor) for tensor in output.tensor]
        for at, value in enumerate(values):
            value.alias = value.alias or alias_of.get(value.name, value.name)
            if not value.alias and at < len(fetch):
                value.alias = fetch[at]
        made.append((output.engine_name, values))
    return made


def _read(read: Callable[..., Value], *arguments: Any) -> Value:
    try:
        return read(*arguments)
    except ValueError as fault:
        raise ServerError(f"expected tensors in the response: {fault}") from None


def _read_v2(message: bytes, conf: ModelConf, fetch: list[str]) -> list[tuple[str, list[Value]]]:
    response = _wire.v2().Response.FromString(message)
    variables = {var.alias: var for var in conf.fetches}
    made = []
    for output in response.outputs:
        tensors = output.insts[0].tensor_array if output.insts else []
        if len(tensors) != len(fetch):
            raise ServerError(
                f"expected {len(fetch)} tensors in the response ({', '.join(fetch)}), got "
                f"{len(tensors)}"
            )
        values = [
            _read(_tensors.read_v2, tensor, variables[alias].name, alias, variables[alias].type)
            for alias, tensor in zip(fetch, tensors)
        ]
        made.append((output.engine_name, values))
    return made


def _arrays(values: list[Value], fetch: list[str]) -> dict[str, Any]:
    there = {value.alias: value for value in values}
    made: dict[str, Any] = {}
    for alias in [name for name in fetch if name in there] or list(there):
        value = there[alias]
        array = value.array
        if value.type == _types.STRING:
            array = np.array([text.decode("utf-8", "replace") for text in array])
        if array.size == 0:
            raise ValueError(
                f"{alias}: expected elements in the output, got none; is its fetch_type right?"
            )
        made[alias] = array
        if value.lod:
            made[alias + LOD] = np.array(_tensors.flat_of(value.lod), np.int32)
    return made
