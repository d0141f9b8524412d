# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of GeneralModelService as messages of 0.7 and later, and of 0.6 and before.

Both have the same method. Which one a request is its first tensor tells: an instance of 0.6 has
nothing but field 1, a tensor of 0.7 has a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union

from aiges.contracts.paddle import _fast, _tensors, _wire
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle.server._calls import Call, Output, joined

__all__ = ["is_old", "read_old", "read_request", "write_old"]

Message = Union[bytes, memoryview]
_LARGE = 16_384  # Bytes of a request that is read where it lies.
_FIRST_FIELD = 0x0A  # Field 1, with a length.


def is_old(message: Message) -> bool:
    """Whether a request is one of 0.6 or before."""
    if message[:1] != b"\x0a":
        return False
    size, at = _varint(message, 1)
    end = at + size
    if at == 0 or end > len(message) or size == 0:
        return False
    while at < end:
        if message[at] != _FIRST_FIELD:
            return False
        size, behind = _varint(message, at + 1)
        if behind == 0:
            return False
        at = behind + size
    return at == end


def _varint(data: Message, at: int) -> tuple[int, int]:
    """Return a number and where it ends; 0 for what is none."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    return 0, 0


def _parsed(kind: Any, message: Message) -> Any:
    try:
        return kind.FromString(bytes(message))
    except Exception as fault:  # protobuf's DecodeError has no base of ours.
        raise ValueError(f"expected a Request of GeneralModelService: {fault}") from None


def read_request(message: Message) -> Call:
    """Return what a Request of 0.7 or later asks. Raises ValueError."""
    if len(message) >= _LARGE:
        try:
            return Call(*_fast.read_request(message))
        except (_fast.NotPlain, UnicodeDecodeError):
            pass
    request = _parsed(_wire.raw().Request, message)
    if not request.tensor:
        raise ValueError("expected at least one tensor, got none")
    values = [_tensors.read_v3(tensor) for tensor in request.tensor]
    return Call(values, list(request.fetch_var_names), request.log_id, request.profile_server)


def read_old(message: Message, conf: ModelConf) -> Call:
    """Return what a Request of 0.6 asks: tensors in the order of the configuration."""
    request = _parsed(_wire.v2().Request, message)
    samples = [instance_of(inst.tensor_array, conf) for inst in request.insts]
    return Call(
        joined(conf, samples), list(request.fetch_var_names), request.log_id, request.profile_server
    )


def instance_of(tensors: Sequence[Any], conf: ModelConf) -> list[_tensors.Value]:
    """Return the values of an instance. Raises ValueError."""
    if len(tensors) != len(conf.feeds):
        names = ", ".join(var.alias for var in conf.feeds)
        raise ValueError(f"expected {len(conf.feeds)} tensors ({names}), got {len(tensors)}")
    return [
        _tensors.read_v2(tensor, var.name, var.alias, var.type)
        for tensor, var in zip(tensors, conf.feeds)
    ]


def write_old(outputs: Sequence[Output], times: Sequence[int]) -> bytes:
    """Return the Response of 0.6."""
    response = _wire.v2().Response(profile_time=times)
    for output in outputs:
        inst = response.outputs.add(engine_name=output.engine).insts.add()
        for value in output.values:
            _tensors.write_v2(inst.tensor_array.add(), value)
    return bytes(response.SerializeToString())
