# SPDX-License-Identifier: Apache-2.0
"""What the answers of gRPC say: the messages of ``_wire`` as payloads. No I/O; thread-safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aiges.client import _wire
from aiges.client.errors import AigesError, BadRequest, EngineError, Unavailable, error_of
from aiges.client.message import DataType, Payload, Reply, by_name, stages_of

__all__ = [
    "ASK_TIMING",
    "Metadata",
    "Output",
    "asked_by",
    "is_end",
    "said_by",
    "reply_of",
    "read_answer",
    "read_metadata",
    "read_output",
]


Metadata = tuple[tuple[str, str], ...]


class Output(NamedTuple):
    """What one answer of a session brings. ``ended``: nothing comes after it."""

    payloads: tuple[Payload, ...]
    ended: bool
    handle: str


def _payloads(output: Any) -> tuple[Payload, ...]:
    made: list[Payload] = []
    for item in output.pl:
        meta = item.meta
        kind = _TYPES.get(meta.dataType, DataType.OTHER)
        found = meta.attribute
        attributes = {key: found[key] for key in found}  # dict(found) takes three times as long.
        made.append(Payload(meta.name, item.data, kind, attributes))
    return tuple(made)


def _unreadable(error: Exception, host: str) -> Unavailable:
    return Unavailable(0, f"not an XSF answer: {error}", host, maybe_ran=True)


def read_answer(answer: bytes, host: str) -> Output:
    """Return what a ResData says; raises the error that it tells."""
    try:
        message = _wire.ResData.FromString(answer)
        data = message.data
        output = _wire.LoaderOutput.FromString(data[0].data) if data else None
    except Exception as error:  # Two kinds of DecodeError, by the protobuf in use.
        raise _unreadable(error, host) from error
    code = message.code
    if output is None:
        if code:
            raise error_of(code, message.error_info, host)
        return Output((), False, message.s.h)
    if code or output.code:
        # 10110 is the only one that the envelope tells too.
        number = 10110 if code == 10110 else output.code or code
        raise error_of(number, output.err or message.error_info, host)
    status = output.status
    # The answer to a once call, or the last of a session, needs no handle.
    return Output(_payloads(output), status in ENDS, "" if status == ONCE else message.s.h)


def read_output(message: bytes, host: str) -> Output:
    """Return what a LoaderOutput of a stream says; raises the error that it tells."""
    try:
        output = _wire.LoaderOutput.FromString(message)
    except Exception as error:
        raise _unreadable(error, host) from error
    if output.code:
        raise error_of(output.code, output.err, host)
    return Output(_payloads(output), output.status in ENDS, "")


def read_metadata(*parts: Iterable[tuple[str, Any]] | None) -> dict[str, str]:
    """Return the fields of an answer's metadata that are text."""
    return {key: value for part in parts for key, value in part or () if isinstance(value, str)}


def reply_of(
    output: Output, host: str, asked: Metadata | None, headers: Mapping[str, str]
) -> Reply:
    """Return what the caller of a once call gets. The loader does not repeat a name it was told."""
    named = {key: value for key, value in asked or () if key == REQUEST_ID}
    headers = {**named, **headers}
    timing = stages_of(headers.get(TIMING, ""))
    return Reply(by_name(output.payloads), host, timing, output.payloads, headers)


def asked_by(request_id: str) -> Metadata:
    """Return the metadata that a call of ``predict`` has: its name, and the wish for times."""
    return (*ASK_TIMING, (REQUEST_ID, request_id))


def is_end(payload: Payload) -> bool:
    """Return whether the payload only says that its stream has ended, as that of generators."""
    return not payload.data and payload.attributes.get("status") == "2"


def said_by(error: AigesError, request_id: str) -> AigesError:
    """Return the error of ``predict`` as HTTP tells it: by what the engine says it is.

    Over gRPC every error of a hook has one code, and the engine's own behind the text.
    """
    text, _, number = error.text.rpartition(";code=")
    if type(error) is EngineError and number in _REFUSALS:
        error = BadRequest(error.code, text, error.host)
    error.request_id = request_id
    return error


# Of aiges.errors: BadInput, NotFound, AlreadyExists, Cancelled.
_REFUSALS = ("30006", "30007", "30010", "30011")
TIMING = "server-timing"  # Also the key of the request's metadata that asks for it.
ASK_TIMING = ((TIMING, "1"),)
REQUEST_ID = "x-request-id"
ONCE = 3
ENDS = (2, ONCE)
_TYPES = {int(kind): kind for kind in DataType}
