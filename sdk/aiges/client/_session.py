# SPDX-License-Identifier: Apache-2.0
"""The state of a session, without I/O: what to send next, and what the answers say."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from aiges.balance import Lease, Outcome
from aiges.client._calls import error_of_rpc
from aiges.client._encode import input_bytes, request_bytes
from aiges.client._read import Output, read_answer
from aiges.client.errors import AigesError, Unavailable
from aiges.client.message import Expect, Payload, Payloads, payload_list

__all__ = ["SessionBase", "SessionState"]

BUFFER_FULL = 10009  # Only this write failed, the session goes on.
POLL_S = 20.0  # The longest wait of one AIOut; reading goes on with the next one.


class SessionState:
    """Belongs to one thread or task."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._sync_id = 0
        self.handle = ""
        self.ended = False
        self.waiting: deque[Payload] = deque()

    def opening(
        self, params: Mapping[str, str] | None, headers: Mapping[str, str] | None, expect: Expect
    ) -> bytes:
        """Return the request that opens the session."""
        data = input_bytes(
            self._service, (), once=False, params=params, headers=headers, expect=expect
        )
        self._sync_id = 1
        return request_bytes("AIIn", data, SeqNo="1")

    def writing(self, payloads: Payloads, status: int) -> bytes:
        """Return the request that writes."""
        if not 0 <= int(status) <= 3:
            raise ValueError(f"status: expected 0 to 3, got {status!r}")
        data = input_bytes(
            self._service,
            payload_list(payloads),
            once=False,
            status=int(status),
            sync_id=self._sync_id,
        )
        return request_bytes("AIIn", data, handle=self.handle)

    def written(self) -> None:
        """Note that the loader has taken the write; one that it refused is no packet."""
        self._sync_id += 1

    def reading(self, wait_s: float) -> bytes:
        """Return the request that waits for output."""
        return request_bytes(
            "AIOut", None, handle=self.handle, waitTime=str(max(1, int(wait_s * 1000)))
        )

    def closing(self) -> bytes:
        """Return the request that ends the session."""
        return request_bytes("AIExcp", None, handle=self.handle)

    @property
    def must_wait(self) -> bool:
        """Whether a reader has nothing yet, and something may still come."""
        return not self.waiting and not self.ended

    def take(self, output: Output) -> None:
        """Keep what an answer brought."""
        self.handle = output.handle or self.handle
        self.ended = self.ended or output.ended
        self.waiting.extend(output.payloads)

    def drain(self) -> list[Payload]:
        """Return what has come, and forget it."""
        found = list(self.waiting)
        self.waiting.clear()
        return found


class SessionBase:
    """What both kinds of session share: the place at the loader, and how answers change it."""

    def __init__(self, state: SessionState, lease: Lease, timeout_s: float) -> None:
        self._state, self._lease, self._timeout_s = state, lease, timeout_s
        self._over = False
        if state.ended:
            self._finish(Outcome.OK)

    @property
    def host(self) -> str:
        """The ``host:port`` of the loader that has the session."""
        return self._lease.endpoint.address

    @property
    def handle(self) -> str:
        """The loader's name for the session, 26 characters."""
        return self._state.handle

    @property
    def ended(self) -> bool:
        """Whether all output has been read."""
        return self._state.ended and not self._state.waiting

    def _finish(self, outcome: Outcome) -> None:
        """Give the place back; a second time does nothing."""
        self._over = True
        self._lease.done(outcome)

    def _broke(self, code: Any, details: str | None) -> AigesError:
        """Return the error of a request that brought no answer."""
        error = error_of_rpc(code, details or "", self.host)
        if isinstance(error, Unavailable):
            self._finish(Outcome.FAILED)
        return error

    def _take(self, answer: bytes) -> None:
        try:
            self._state.take(read_answer(answer, self.host))
        except AigesError as error:
            if error.code != BUFFER_FULL:
                self._state.ended = True
                self._finish(Outcome.OK)
            raise
        if self._state.ended:
            self._finish(Outcome.OK)
