# SPDX-License-Identifier: Apache-2.0
"""A WebSocket, as an ASGI application sees it (ASGI websocket spec, with denial responses)."""

from __future__ import annotations

from aiges.contracts._doors import BEGIN, LAST, MORE, WHOLE, ClientGone, SocketCall
from aiges.contracts.asgi._scope import App, Message, fields_of, head_of

__all__ = ["WebSocketCall"]

_ABNORMAL = 1006  # RFC 6455: the connection was lost without a word.
_FORBIDDEN = b"403"


class WebSocketCall:
    """One connection, from the wish to open it to its end."""

    __slots__ = ("_accepted", "_app", "_asked", "_call", "_denial", "_denied", "_scope")

    def __init__(self, app: App, call: SocketCall, scope: Message) -> None:
        self._app, self._call, self._scope = app, call, scope
        self._asked = False  # The application knows that somebody wants to connect.
        self._accepted = False
        self._denial: list[tuple[bytes, bytes]] | None = None  # The head of an answer instead,
        self._denied = bytearray()  # and its body.

    async def run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except ClientGone:
            if not self._call.gone:
                raise
        if self._call.ended:
            return
        if self._accepted:
            await self._close({})
        else:
            await self._call.send(WHOLE, [(b":status", _FORBIDDEN)])

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        try:
            fields, data, last = await self._call.message()
        except ClientGone:
            return {"type": "websocket.disconnect", "code": _ABNORMAL, "reason": ""}
        told = dict(fields)
        if last:
            return {
                "type": "websocket.disconnect",
                "code": int(told.get(b"code", b"1005")),
                "reason": told.get(b"reason", b"").decode("utf-8", "replace"),
            }
        if told.get(b"opcode") == b"text":
            return {"type": "websocket.receive", "text": data.decode()}
        return {"type": "websocket.receive", "bytes": data}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._call.ended or self._call.gone:
            if kind != "websocket.close":
                raise ClientGone
        elif kind == "websocket.accept" and not self._accepted:
            self._accepted = True
            await self._call.send(BEGIN, self._acceptance(message))
        elif kind == "websocket.send" and self._accepted:
            await self._send_message(message)
        elif kind == "websocket.close":
            await self._close(message)
        elif kind == "websocket.http.response.start" and not self._accepted:
            self._denial = head_of(message)
        elif kind == "websocket.http.response.body" and self._denial is not None:
            await self._deny(message)
        else:
            raise RuntimeError(f"the ASGI application sent {kind!r} where it cannot stand")

    def _acceptance(self, message: Message) -> list[tuple[bytes, bytes]]:
        head = [(b":status", b"101"), *fields_of(message.get("headers") or ())]
        chosen = message.get("subprotocol")
        return head if chosen is None else [*head, (b"sec-websocket-protocol", chosen.encode())]

    async def _send_message(self, message: Message) -> None:
        text = message.get("text")
        if text is not None:
            await self._call.send(MORE, [(b"opcode", b"text")], text.encode())
        else:
            await self._call.send(MORE, [(b"opcode", b"binary")], message["bytes"])

    async def _close(self, message: Message) -> None:
        if not self._accepted:
            return await self._call.send(WHOLE, [(b":status", _FORBIDDEN)])
        code = int(message.get("code") or 1000)
        reason = str(message.get("reason") or "").replace("\0", "")
        await self._call.send(LAST, [(b"code", b"%d" % code), (b"reason", reason.encode())])

    async def _deny(self, message: Message) -> None:
        # One part: a client that was refused a WebSocket waits for a short answer.
        self._denied += message.get("body", b"")
        if not message.get("more_body", False):
            await self._call.send(WHOLE, self._denial or [], bytes(self._denied))
