# SPDX-License-Identifier: Apache-2.0
"""A request of ``asectl call`` over HTTP, by the standard library alone.

A target without a path is asked by the JSON envelope, which has room for all that gRPC has. One
with a path is sent a form, and its answer is taken as it is.
"""

from __future__ import annotations

import base64
import http.client
import json
import mimetypes
import os
import ssl
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aiges._narrow import is_list, is_mapping
from aiges.cli._errors import CliError
from aiges.cli._payloads import TYPES, Payload
from aiges.cli._request import Request

__all__ = ["call"]

EVENTS = "text/event-stream"
KINDS = {
    400: "BadRequest",
    408: "DeadlineExceeded",
    429: "Overloaded",
    500: "EngineError",
    503: "Unavailable",
    504: "DeadlineExceeded",
}


def call(request: Request) -> tuple[Iterator[Payload], str]:
    """Return the outputs as they come, and who answers."""
    url = urllib.parse.urlsplit(request.target)
    enveloped = url.path in ("", "/")
    body, content_type = _envelope(request) if enveloped else _form(request)
    query = urllib.parse.parse_qsl(url.query)
    if enveloped:
        query.append(("timeout_ms", str(max(1, int(request.timeout_s * 1000)))))
    path = f"/v1/private/{urllib.parse.quote(request.service)}" if enveloped else url.path
    full = f"{path}?{urllib.parse.urlencode(query)}" if query else path
    head = {"Content-Type": content_type, "Accept": EVENTS if request.stream else "*/*"}
    if key := os.environ.get("AIGES_API_KEY", ""):
        head["Authorization"] = f"Bearer {key}"
    if not enveloped:
        head.update(request.headers)
    connection = _connection(request, url)
    try:
        connection.request("POST", full, body, head)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise _refused(answer.status, answer.read())
    except CliError:
        connection.close()
        raise
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise _no_answer(request, error) from None
    return _outputs(request, connection, answer), url.netloc


def _no_answer(request: Request, error: Exception) -> CliError:
    if isinstance(error, TimeoutError):
        return CliError(
            f"expected an answer within {request.timeout_s:g} s, got none", kind="DeadlineExceeded"
        )
    return CliError(
        f"{request.target}: expected a loader's HTTP port, got: {error or type(error).__name__}. "
        "Is it running? Its address is http_listen in aiges.toml",
        kind="Unavailable",
    )


def _connection(request: Request, url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    try:
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise CliError(f"{request.target}: expected http://HOST:PORT: {error}") from None
    if not host:
        raise CliError(f"expected http://HOST:PORT, got {request.target}")
    if url.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=request.timeout_s)
    try:
        context = ssl.create_default_context(
            cafile=request.ca if request.ca not in ("", "system") else None
        )
        if request.cert:
            context.load_cert_chain(request.cert, request.key or None)
    except OSError as error:
        raise CliError(f"--ca, --cert, --key: {error}") from None
    return http.client.HTTPSConnection(host, port, timeout=request.timeout_s, context=context)


def _envelope(request: Request) -> tuple[bytes, str]:
    payloads: dict[str, dict[str, str]] = {}
    for each in request.inputs:
        text = _text(each)
        payloads[each.name] = (
            {"text_plain": text}
            if text is not None
            else {each.kind: base64.b64encode(each.data).decode()}
        )
    asked: dict[str, Any] = dict(request.params)
    for output in request.wanted:
        asked[output.name] = {"data_type": output.kind} if output.kind else {}
    made = {
        **({"header": dict(request.headers)} if request.headers else {}),
        **({"parameter": {request.service: asked}} if asked else {}),
        "payload": payloads,
    }
    return json.dumps(made).encode(), "application/json"


def _text(payload: Payload) -> str | None:
    """Return data as the envelope has text; None: they are base64."""
    if payload.kind != "text":
        return None
    try:
        return payload.data.decode()
    except UnicodeDecodeError:
        return None


def _form(request: Request) -> tuple[bytes, str]:
    """Return inputs and parameters as a form, files with their name."""
    mark = uuid.uuid4().hex
    parts: list[bytes] = []
    fields = [*request.inputs, *(Payload(k, v.encode()) for k, v in request.params.items())]
    for each in fields:
        name = each.name.replace("\\", "\\\\").replace('"', '\\"')
        lines = [f'Content-Disposition: form-data; name="{name}"']
        if each.file or each.kind != "text":
            kind = mimetypes.guess_type(each.file)[0] or "application/octet-stream"
            lines[0] += f'; filename="{each.file or each.name}"'
            lines.append(f"Content-Type: {kind}")
        head = "\r\n".join(lines)
        parts += [f"--{mark}\r\n{head}\r\n\r\n".encode(), each.data, b"\r\n"]
    parts.append(f"--{mark}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


def _refused(status: int, body: bytes) -> CliError:
    """Return what an error says, in any of the loader's forms."""
    text, code = body.decode(errors="replace").strip(), 0
    try:
        said = json.loads(text)
        found: dict[str, Any] = said.get("header") or said.get("error") or {}
        text, code = str(found.get("message", text)), int(found.get("code", 0))
    except (ValueError, AttributeError, TypeError):
        pass
    kind = KINDS.get(status, "AigesError")
    return CliError(f"{kind}: {text or f'HTTP {status}'}", code=code, kind=kind, status=status)


def _outputs(
    request: Request, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
) -> Iterator[Payload]:
    content_type = answer.headers.get_content_type()
    try:
        if content_type == EVENTS:
            yield from _events(answer)
            return
        data = answer.read()
        if urllib.parse.urlsplit(request.target).path in ("", "/"):
            yield from _of_envelope(json.loads(data))
            return
        kind = content_type.partition("/")[0]
        is_text = kind == "text" or content_type == "application/json"
        name = answer.headers.get("X-Output-Key", "result")
        yield Payload(name, data, "text" if is_text else kind if kind in TYPES else "other")
    except (OSError, http.client.HTTPException) as error:
        raise _no_answer(request, error) from None
    except ValueError as error:
        raise CliError(f"{request.target}: expected an answer of AIService, got {error}") from None
    finally:
        connection.close()


def _of_envelope(value: Any) -> Iterator[Payload]:
    """Return the outputs of an answer; several of one key are a list there."""
    said = value.get("payload") if is_mapping(value) else None
    outputs: Mapping[str, Any] = said or {}
    for name, each in outputs.items():
        items: list[Any] = each if is_list(each) else [each]
        for item in items:
            yield _output(name, item)


def _output(name: str, item: Mapping[str, Any]) -> Payload:
    data, kind = b"", "text"
    attributes: dict[str, str] = {}
    for key, value in item.items():
        if key == "text":
            data = value.encode()
        elif key == "text_base64":
            data = base64.b64decode(value)
        elif key in TYPES:
            data, kind = base64.b64decode(value), key
        else:
            attributes[key] = str(value)
    return Payload(name, data, kind, attributes)


def _events(answer: http.client.HTTPResponse) -> Iterator[Payload]:
    """Read Server-Sent Events: envelopes, or the values of a contract of its own."""
    event = ""
    data: list[str] = []
    for raw in answer:
        text = raw.decode(errors="replace").rstrip("\r\n")
        if text.startswith("data:"):
            data.append(text[5:].removeprefix(" "))
        elif text.startswith("event:"):
            event = text[6:].strip()
        elif not text and data:
            whole = "\n".join(data)
            if event == "error":
                raise _refused(500, whole.encode())
            if event != "end":
                yield from _of_event(whole)
            event, data = "", []


def _of_event(text: str) -> Iterator[Payload]:
    try:
        value = json.loads(text)
    except ValueError:
        value = text  # As "[DONE]".
    if is_mapping(value) and "header" in value and "payload" in value:
        yield from _of_envelope(value)
        return
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    yield Payload("result", shown.encode())
