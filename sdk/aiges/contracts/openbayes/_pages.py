# SPDX-License-Identifier: Apache-2.0
"""What is answered beside predictions."""

from __future__ import annotations

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.openbayes._answers import with_fields
from aiges.contracts.openbayes._cors import cors_fields
from aiges.contracts.openbayes._refused import JSON_TYPE, compact

__all__ = ["HTML_TYPE", "beside"]

HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")
_ALLOW = (b"allow", b"POST, GET, OPTIONS, HEAD")
_ALIVE = compact(200, {"message": "Serving 服务正常工作，可以发送 POST 请求到此地址进行推理。"})
_HEAD = HttpAnswer(200, [JSON_TYPE, (b"content-length", b"%d" % len(bytes(_ALIVE.body)))])  # type: ignore[arg-type]
_OPTIONS = HttpAnswer(200, [HTML_TYPE, _ALLOW])


def _page(status: int, title: str, text: str) -> HttpAnswer:
    html = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n"
        f"<p>{text}</p>\n"
    )
    return HttpAnswer(status, [HTML_TYPE], html.encode())


# In the words of werkzeug, which clients may know.
_NOT_FOUND = _page(
    404,
    "Not Found",
    "The requested URL was not found on the server. If you entered the URL manually please check "
    "your spelling and try again.",
)
_NOT_ALLOWED = with_fields(
    _page(405, "Method Not Allowed", "The method is not allowed for the requested URL."), [_ALLOW]
)
_KNOWN = {"GET": _ALIVE, "HEAD": _HEAD, "OPTIONS": _OPTIONS}


def beside(request: HttpRequest) -> HttpAnswer:
    """Answer what is no POST to the root."""
    if request.path.strip("/"):
        return _NOT_FOUND
    answer = _KNOWN.get(request.method)
    return _NOT_ALLOWED if answer is None else with_fields(answer, cors_fields(request))
