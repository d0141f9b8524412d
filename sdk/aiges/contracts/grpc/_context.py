# SPDX-License-Identifier: Apache-2.0
"""What blocking and asynchronous handlers are told alike about a call and its client."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from aiges.contracts.grpc._call import GrpcCall
from aiges.contracts.grpc._wire import Metadatum, peer_of

__all__ = ["AnyContext"]


Call = TypeVar("Call", bound=GrpcCall)


class AnyContext(Generic[Call]):
    """Goes before grpcio's own class of a context, whose methods these are."""

    _call: Call
    _trailing: Any

    def invocation_metadata(self) -> tuple[Metadatum, ...]:
        return self._call.metadata

    def trailing_metadata(self) -> Any:
        return self._trailing

    def peer(self) -> str:
        return peer_of(self._call.client)

    def peer_identities(self) -> None:
        return None

    def peer_identity_key(self) -> None:
        return None

    def auth_context(self) -> dict[str, Any]:
        return {}

    def disable_next_message_compression(self) -> None:
        pass  # The host compresses where the client takes it.
