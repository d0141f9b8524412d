# SPDX-License-Identifier: Apache-2.0
"""Requests that are refused, in the words that clients of OpenBayes know."""

from __future__ import annotations

import json

from aiges.contracts._http import HttpAnswer

__all__ = [
    "BAD_JSON",
    "BAD_MSGPACK",
    "BAD_REQUEST",
    "JSON_TYPE",
    "NOT_ACCEPTED",
    "NOT_STRUCTURED",
    "Missing",
    "Refused",
    "compact",
]

JSON_TYPE = (b"content-type", b"application/json")


def _words(status: int, text: str) -> HttpAnswer:
    return HttpAnswer(status, [JSON_TYPE], json.dumps({"error": text}).encode())


def compact(status: int, value: object) -> HttpAnswer:
    """Return JSON as Flask writes it."""
    text = json.dumps(value, separators=(",", ":")) + "\n"
    return HttpAnswer(status, [JSON_TYPE], text.encode())


NOT_STRUCTURED = _words(400, "输入必须是 JSON 或者 MessagePack 格式")
BAD_JSON = _words(400, "无法解析输入的 JSON 消息")
BAD_MSGPACK = _words(400, "无法解析输入的 MessagePack 消息")
NOT_ACCEPTED = _words(406, "无效的 Accept")
BAD_REQUEST = compact(400, {"error": "无效的请求，请检查一下你的请求格式"})


class Refused(Exception):
    """The caller's fault, with what it is told."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Missing(KeyError):
    """A parameter that the caller has not sent: its fault."""
