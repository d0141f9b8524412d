# SPDX-License-Identifier: Apache-2.0
"""A request of ``asectl call`` over gRPC, by :mod:`aiges.client`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiges.cli._errors import CliError, need
from aiges.cli._payloads import TYPES, Payload
from aiges.cli._request import Request

__all__ = ["call", "is_there"]


def is_there() -> bool:
    """Tell whether gRPC is installed."""
    import importlib.util

    try:
        return importlib.util.find_spec("grpc") is not None
    except ImportError:
        return False


def call(request: Request) -> tuple[Iterator[Payload], str]:
    """Return the outputs as they come, and who answers."""
    try:
        from aiges.client import AigesError, Client, DataType
        from aiges.client import Payload as Sent
    except ImportError as error:
        raise need("client", error) from None

    def sent(name: str, data: bytes, kind: str) -> Sent:
        return Sent(name, data, DataType(TYPES.index(kind or "text")))

    given: dict[str, Any] = {
        "params": dict(request.params),
        "headers": dict(request.headers),
        "expect": [sent(each.name, b"", each.kind) for each in request.wanted],
        "timeout_s": request.timeout_s,
    }
    payloads = [sent(each.name, each.data, each.kind) for each in request.inputs]
    try:
        client = Client(
            request.target,
            request.service,
            timeout_s=request.timeout_s,
            ca=request.ca,
            cert=request.cert,
            key=request.key,
        )
    except ValueError as error:
        raise CliError(str(error)) from None

    def outputs() -> Iterator[Payload]:
        try:
            if request.stream:
                for come in _session(client, payloads, given):
                    yield _got(come)
            else:
                yield from map(_got, _whole(reply))
        except AigesError as error:
            raise _told(error) from None
        finally:
            client.close()

    if request.stream:
        return outputs(), request.target
    try:
        reply = client.once(payloads, **given)
    except (AigesError, ValueError, OSError) as error:
        client.close()
        if isinstance(error, AigesError):
            raise _told(error) from None
        raise CliError(str(error)) from None
    return outputs(), str(reply.host)


def _told(error: Any) -> CliError:
    kind = type(error).__name__
    return CliError(f"{kind}: {error}", code=error.code, kind=kind)


def _got(payload: Any) -> Payload:
    return Payload(payload.name, payload.data, TYPES[int(payload.type)], dict(payload.attributes))


def _session(client: Any, payloads: list[Any], given: dict[str, Any]) -> Iterator[Any]:
    """Send everything at once, and give each answer when it comes; silence has an end."""
    with client.session(**given) as session:
        session.write(payloads, status=3)
        while not session.ended:
            come = session.read(given["timeout_s"])
            if not come and not session.ended:
                raise CliError(
                    f"expected an answer of the session within {given['timeout_s']:g} s, got none",
                    kind="DeadlineExceeded",
                )
            yield from come


def _whole(reply: Any) -> list[Any]:
    """Return the outputs of a reply, the text of one key as one."""
    outputs: list[Any] = []
    for name in reply.payloads:
        try:
            outputs.append(reply.payloads[name])
        except LookupError:  # Several that are not all text.
            outputs += reply.all(name)
    return outputs
