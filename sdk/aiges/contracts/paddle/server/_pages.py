# SPDX-License-Identifier: Apache-2.0
"""Answers over HTTP as values, and the pages of errors; without a host."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["JSON", "PROTO", "Answer", "page", "text"]

JSON, PROTO = b"application/json", b"application/proto"
_PAGES = {
    400: (
        "Bad Request",
        "The browser (or proxy) sent a request that this server could not understand.",
    ),
    404: (
        "Not Found",
        "The requested URL was not found on the server. If you entered the URL manually please "
        "check your spelling and try again.",
    ),
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    413: ("Request Entity Too Large", "The data value transmitted exceeds the capacity limit."),
    500: (
        "Internal Server Error",
        "The server encountered an internal error and was unable to complete your request. Either "
        "the server is overloaded or there is an error in the application.",
    ),
    503: (
        "Service Unavailable",
        "The server is temporarily unable to service your request due to maintenance downtime or "
        "capacity problems. Please try again later.",
    ),
}


class Answer(NamedTuple):
    """A whole answer. ``fields``: names in lower case."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


def text(status: int, said: str) -> Answer:
    """Return an answer in plain words."""
    return Answer(status, [(b"content-type", b"text/plain")], said.encode(errors="replace"))


def page(status: int, *fields: tuple[bytes, bytes]) -> Answer:
    """Return the page of an error, as Flask has it."""
    name, words = _PAGES[status]
    made = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n"
        f"<p>{words}</p>\n"
    )
    head = [(b"content-type", b"text/html; charset=utf-8"), *fields]
    return Answer(status, head, made.encode())
