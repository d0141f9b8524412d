# SPDX-License-Identifier: Apache-2.0
"""Ops in processes of their own: what the pipeline's model sends them, and what they answer.

The first payload is the call: numbers, and for each input its name, its bytes and how many blobs
it has. Blobs follow, each a payload. An output goes to the next op as it came, without being read
on its way.
"""

from __future__ import annotations

import select
import struct
import threading
from collections.abc import Sequence
from typing import Any

import aiges_embed
import numpy as np

from aiges import CallFailed, _models, context
from aiges.contracts.paddle.pipeline import _codec
from aiges.contracts.paddle.pipeline._errors import Code, Failed
from aiges.dto import ResponseData

__all__ = ["Encoded", "answer_of", "failure_of", "read", "read_call", "run"]

_HEAD = struct.Struct("<qqI")  # data_id, log_id, inputs.
_INPUT = struct.Struct("<III")  # Bytes of the name, bytes of the value, blobs.
_ANSWER = struct.Struct("<i?4d")  # err_no, whether it is a product's; seconds of the four steps.
# A call without a deadline would get [queue] default_timeout_ms. What hangs is ended by
# [instances] hang_kill_ms, what dies at once.
_NO_LIMIT_S = 86_400.0
_LOOK_MS = 1000

host: Any = aiges_embed  # Also what is not for user code.


class Encoded:
    """A value as it crosses."""

    __slots__ = ("blobs", "data")

    def __init__(self, data: bytes, blobs: Sequence[Any]) -> None:
        self.data, self.blobs = data, blobs


def read(value: Any) -> Any:
    """Return the value itself."""
    return _codec.decode(value.data, value.blobs) if isinstance(value, Encoded) else value


def run(
    model: str,
    name: str,
    inputs: dict[str, Any],
    data_id: int,
    log_id: int,
    marks: list[float] | None,
) -> Encoded:
    """Call the model of the op ``name``. Raises Failed."""
    try:
        answer = _call(model, _call_payloads(inputs, data_id, log_id))
    except CallFailed as fault:
        raise _failed(name, fault) from None
    except _codec.NotCarried as fault:
        raise Failed(Code.TYPE_ERROR, str(fault)) from None
    head = answer[0].data
    code, is_product, *steps = _ANSWER.unpack_from(head)
    if marks is not None:
        marks.extend(steps)
    rest = head[_ANSWER.size :]
    if code or is_product:
        raise Failed(code, rest.decode("utf-8", "replace"), is_product=is_product)
    return Encoded(rest, [np.frombuffer(item.data, np.uint8) for item in answer[1:]])


class _Waiter(threading.local):
    """How a thread waits for an answer: beside the host's own threads, which read it.

    ``aiges.call`` would let this thread read the worker's channel, and give it back to a thread
    that runs hooks; where all wait for doors, there is none.
    """

    def __init__(self) -> None:
        self.inbox: Any = host._ModelInbox()
        self.poll = select.poll()
        self.poll.register(self.inbox.fd(), select.POLLIN)


_waiter = _Waiter()


def _call(model: str, payloads: list[Any]) -> Any:
    waiter = _waiter
    tag = context.usr_tag()
    made = _models._begin(model, payloads, None, "", _NO_LIMIT_S, tag, inbox=waiter.inbox)
    try:
        while (got := made.next(0)) is None:
            waiter.poll.poll(_LOOK_MS)
            waiter.inbox.take()
        return _models._answer(model, got)
    finally:
        made.end()


def _failed(name: str, fault: CallFailed) -> Failed:
    if fault.kind == "deadline":
        return Failed(Code.TIMEOUT_ERROR, f"[{name}] {fault.text}")
    text = (
        f"[{name}] failed to predict. {fault.text}. Please check the input dict and checkout "
        "PipelineServingLogs/pipeline.log for more details."
    )
    return Failed(Code.CLIENT_ERROR, text)


def _call_payloads(inputs: dict[str, Any], data_id: int, log_id: int) -> list[Any]:
    parts = [_HEAD.pack(data_id, log_id, len(inputs))]
    blobs: list[Any] = []
    for name, value in inputs.items():
        if not isinstance(value, Encoded):
            value = Encoded(*_codec.encode(value, name))
        label = name.encode()
        parts += (_INPUT.pack(len(label), len(value.data), len(value.blobs)), label, value.data)
        blobs.extend(value.blobs)
    return _payloads(b"".join(parts), blobs)


def _payloads(head: bytes, blobs: Sequence[Any]) -> list[Any]:
    return [ResponseData("call", data=head), *(("blob", blob) for blob in blobs)]


def read_call(data: Any) -> tuple[dict[str, Any], int, int]:
    """Return inputs, data_id and log_id of a call, in the op's process. Raises ValueError."""
    nodes = list(data.list)
    head = bytes(nodes[0].data)
    try:
        data_id, log_id, count = _HEAD.unpack_from(head)
        at, blob = _HEAD.size, 1
        inputs: dict[str, Any] = {}
        for _ in range(count):
            label, size, blobs = _INPUT.unpack_from(head, at)
            at += _INPUT.size
            name = head[at : at + label].decode()
            at += label
            views = [node.numpy() for node in nodes[blob : blob + blobs]]
            inputs[name] = _codec.decode(head[at : at + size], views)
            at, blob = at + size, blob + blobs
    except (struct.error, UnicodeDecodeError) as fault:
        raise ValueError(f"no call of a pipeline: {fault}") from None
    return inputs, data_id, log_id


def answer_of(name: str, out: Any, marks: list[float]) -> list[Any]:
    """Return the payloads of an output. Raises NotCarried."""
    data, blobs = _codec.encode(out, name)
    return _payloads(_ANSWER.pack(0, False, *_four(marks)) + data, blobs)


def failure_of(failed: Failed, marks: list[float]) -> list[Any]:
    """Return the payloads that tell why there is no output."""
    text = failed.text.encode("utf-8", "replace")
    head = _ANSWER.pack(failed.code, failed.is_product, *_four(marks))
    return _payloads(head + text, ())


def _four(marks: list[float]) -> list[float]:
    return [*marks, 0.0, 0.0, 0.0, 0.0][:4]
