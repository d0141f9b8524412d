# SPDX-License-Identifier: Apache-2.0
"""The debug console: Python in the frames of a request that failed. For its author alone.

It is there only where ``debug_console`` asks for it. It speaks to this machine only, to nothing
that came through a proxy or by another name of this machine, and wants the token that the log has
shown at the start. ``debug_url`` does not have the token: pages that call the service could read
it.
"""

from __future__ import annotations

import hmac
import html
import json
import logging
import secrets
import traceback
from collections import OrderedDict
from types import FrameType
from typing import Any

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.openbayes._refused import JSON_TYPE
from aiges.contracts.openbayes._values import Params

__all__ = ["Console"]

_LOG = logging.getLogger("openbayes_serving.debug")
_MOST = 10  # Exceptions that are kept, with all that their frames have.
_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_PROXIES = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_ROOT, _CODE = "/.debug/", '{"code": ".."}'
_HTML = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]
_FORBIDDEN = HttpAnswer(403, [JSON_TYPE], b'{"error":"this machine alone, with the token"}\n')
_NOT_FOUND = HttpAnswer(404, [JSON_TYPE], b"{}\n")
_INVALID = HttpAnswer(400, [JSON_TYPE], b'{"error":"Invalid input"}\n')


def _json(value: object) -> HttpAnswer:
    return HttpAnswer(200, [JSON_TYPE], json.dumps(value).encode())


class Console:
    """Keeps the last exceptions, and answers what is asked about them."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)
        self._kept: OrderedDict[str, BaseException] = OrderedDict()
        _LOG.warning("the debug console is on, for this machine alone; its token: %s", self._token)

    def may_see(self, request: HttpRequest) -> bool:
        """Tell whether the request is of this machine, and meant for it."""
        client = request.client.rpartition(":")[0].strip("[]")
        local = client == "::1" or client.startswith(("127.", "::ffff:127."))
        host = request.pseudo.get("authority", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return local and name in _HOSTS and not any(request.get(field) for field in _PROXIES)

    def keep(self, fault: BaseException, request: HttpRequest) -> str:
        """Keep an exception, and return where it is shown."""
        number = secrets.token_hex(8)
        self._kept[number] = fault
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        host = request.pseudo["authority"]
        return f"http://{host}{_ROOT}console/{number}"

    def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """Answer what is asked under /.debug/; None: it is not."""
        if not request.path.startswith(_ROOT):
            return None
        if not self.may_see(request):
            return _FORBIDDEN
        what, _, rest = request.path[len(_ROOT) :].partition("/")
        given = request.get(b"x-debug-token").decode("latin-1")
        given = given or str(Params(request.query).get("token", ""))
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return HttpAnswer(200, _HTML, _ASK) if what == "console" else _FORBIDDEN
        if (request.method, what) == ("GET", "console"):
            return self._page(rest)
        if (request.method, what) == ("GET", "traceback"):
            return self._traceback(rest)
        if request.method == "POST" and what == "frame" and rest.endswith("/exec"):
            return self._exec(rest[: -len("/exec")], request.body)
        return _NOT_FOUND

    def _page(self, number: str) -> HttpAnswer:
        fault = self._kept.get(number)
        if fault is None:
            return HttpAnswer(404, _HTML, b"<!doctype html><title>gone</title>gone: too old")
        text = html.escape(_text(fault))
        how = html.escape(f"POST {_ROOT}frame/{number}-<n>/exec, X-Debug-Token: .., {_CODE}")
        page = (
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>predict failed</title>\n"
            f"<h1>predict failed</h1>\n<pre>{text}</pre>\n<p>Python in its frames, 0 the outermost:"
            f"</p>\n<pre>{how}</pre>\n"
        )
        return HttpAnswer(200, _HTML, page.encode())

    def _traceback(self, number: str) -> HttpAnswer:
        fault = self._kept.get(number)
        if fault is None:
            return _NOT_FOUND
        frames = [
            {
                "id": f"{number}-{place}",
                "filename": frame.f_code.co_filename,
                "lineno": line,
                "function": frame.f_code.co_name,
            }
            for place, (frame, line) in enumerate(_frames(fault))
        ]
        kind = type(fault).__name__
        return _json(
            {
                "exception": str(fault),
                "exception_type": kind,
                "frames": frames,
                "plaintext": _text(fault),
                "id": number,
            }
        )

    def _exec(self, name: str, body: bytes) -> HttpAnswer:
        number, _, place = name.partition("-")
        fault = self._kept.get(number)
        frames = [] if fault is None else _frames(fault)
        if not place.isdecimal() or int(place) >= len(frames):
            return _NOT_FOUND
        try:
            asked = json.loads(body)
        except ValueError:
            return _INVALID
        if (
            not isinstance(asked, dict)
            or [*asked] != ["code"]
            or not isinstance(asked["code"], str)
        ):
            return _INVALID
        return _json(_ran(asked["code"], frames[int(place)][0]))


_ASK = (
    b"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>token</title>\n"
    b"<form>The token that the log has shown: <input name=token type=password autofocus></form>\n"
)


def _text(fault: BaseException) -> str:
    return "".join(traceback.format_exception(type(fault), fault, fault.__traceback__))


def _frames(fault: BaseException) -> list[tuple[FrameType, int]]:
    return list(traceback.walk_tb(fault.__traceback__))


def _ran(code: str, frame: FrameType) -> dict[str, Any]:
    """Run it; an expression has its value as output."""
    output, trouble = "", ""
    names = {**frame.f_locals}
    try:
        try:
            compiled = compile(code, "<console>", "eval")
        except SyntaxError:
            exec(compile(code, "<console>", "exec"), frame.f_globals, names)
        else:
            output = repr(eval(compiled, frame.f_globals, names))
    except BaseException:
        trouble = traceback.format_exc()
    return {"code": code, "output": output, "traceback": trouble}
