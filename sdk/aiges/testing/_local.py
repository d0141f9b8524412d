# SPDX-License-Identifier: Apache-2.0
"""The client of a model in this process: requests are made as over HTTP, and read as there."""

from __future__ import annotations

import json as json_module
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aiges._narrow import is_dict
from aiges.client._content import JSON, media_type
from aiges.client._http_answer import Answer, event_value, parameter, split_parts
from aiges.client._http_request import Request, Route, body_request, predict_request
from aiges.client._inputs import json_text, read_inputs
from aiges.client._options import Options
from aiges.client.client import ValueStream
from aiges.client.errors import AigesError, BadRequest, Unavailable
from aiges.client.message import DataType, Payload, Reply, by_name
from aiges.testing import Client
from aiges.testing._engine import HOST, Engine
from aiges.testing._find import find_object

__all__ = ["LocalClient"]

PREDICT, SERVICE = "/predict", "model"
TYPES = {"text": 0, "audio": 1, "image": 2, "video": 3}
JSON_BODY, ACCEPT = ":json", ":accept"  # As the loader tells the typed contract.
NO_SUCH_PATH, NOT_JSON = 10003, 10000


class LocalClient(Client):
    """``model`` is imported and begun at once, and ends with ``close()``."""

    def __init__(  # pyright: ignore[reportInconsistentConstructor] (__new__ takes any)
        self,
        model: Any,
        *,
        loader: bool = False,
        config: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        if settings:
            raise ValueError("settings: expected loader=True beside them, they are the loader's")
        self._found = find_object(model)
        try:
            self._engine = Engine(self._found.target, config or {})
        except BaseException:
            self._found.undo()
            raise
        self._closed = [False]  # Clients of with_options() share it.

    @property
    def model(self) -> Any:
        """The user's own object, for tests that look into it; None of a plain function."""
        typed = self._engine.model
        return self._engine._holder if typed is None else typed.object

    def close(self) -> None:
        """End the model. May be called twice."""
        if not self._closed[0]:
            self._closed[0] = True
            try:
                self._engine.close()
            finally:
                self._found.undo()

    def predict(self, /, **inputs: Any) -> Reply:
        """See ``aiges.client.Client.predict``."""
        request = self._request(inputs, self._options, False)
        return self._whole(request)

    def stream(self, *args: Any, **inputs: Any) -> LocalStream:
        """See ``aiges.client.Client.stream``."""
        if args:
            raise TypeError("stream: expected the inputs by name: stream(text=..)")
        return LocalStream(self, self._request(inputs, self._options, True))

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a body to ``/predict``, ``/v1/raw/<name>`` or ``/v1/json/<name>``."""
        return self._whole(body_request(path, json, data, headers))

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Read ``/predict`` with the inputs in the query."""
        return self._whole(Request("GET", path, dict(headers or {})))

    def _request(self, inputs: Mapping[str, Any], options: Options, events: bool) -> Request:
        typed = self._engine.model is not None
        route = Route(True, PREDICT) if typed else Route(False, SERVICE)
        return predict_request(route, "", read_inputs(inputs), options, None, events)

    def _whole(self, request: Request) -> Reply:
        headers = _lower(request.headers)
        request_id = headers.get("x-request-id") or str(uuid.uuid4())
        try:
            outputs = [each for part in self._answers(request) for each in part]
        except AigesError as error:
            error.request_id = request_id
            raise
        return _reply(outputs, request_id)

    def _answers(self, request: Request) -> Iterator[list[Payload]]:
        if self._closed[0]:
            raise Unavailable(0, "the client is closed", HOST)
        params, payloads = self._read(request)
        return self._engine.call(params, payloads)

    def _read(self, request: Request) -> tuple[dict[str, str], list[Payload]]:
        """Return the parameters and the payloads of a request, as the loader makes them."""
        url = urlsplit(request.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        query.pop("timeout_ms", None)
        headers = _lower(request.headers)
        body, kind = b"".join(request.pieces()), headers.get("content-type", "")
        path = unquote(url.path)
        if path == PREDICT and self._engine.model is not None:
            inputs = list(self._engine.model.inputs.all)
            named = [_payload(name, text.encode(), "") for name, text in query.items()]
            params = {ACCEPT: headers.get("accept", "*/*")}
            return params, _body(body, kind, (inputs or ["data"])[0], JSON_BODY) + named
        params = {n[2:]: value for n, value in query.items() if n.startswith("p.")}
        if path.startswith("/v1/json/") and media_type(kind) == JSON:
            return params, _json_inputs(body)
        if path.startswith(("/v1/raw/", "/v1/json/")):
            first = "data"
            if self._engine.model is not None:
                first = next(iter(self._engine.model.inputs.all), first)
            return params, _body(body, kind, query.get("key", first), "")
        raise _refused(
            404,
            NO_SUCH_PATH,
            f"no such path: {path}; in this process there are {PREDICT} of "
            "typed models, /v1/raw/<name> and /v1/json/<name>",
        )


class LocalStream(ValueStream):
    """The values of a model that yields; of others the only one."""

    def __init__(self, client: LocalClient, request: Request) -> None:
        self._client, self._request = client, request
        self._typed = client._engine.model is not None
        self._parts: Iterator[list[Payload]] | None = None
        self._values: deque[Any] = deque()
        self._over = False

    def __next__(self) -> Any:
        while not self._values:
            if self._over:
                raise StopIteration
            try:
                if self._parts is None:
                    self._parts = self._client._answers(self._request)
                part = next(self._parts)
            except BaseException:
                self._over = True
                raise
            self._values.append(self._value(part))
        return self._values.popleft()

    def _value(self, part: list[Payload]) -> Any:
        if len(part) == 1:
            return event_value(part[0].value(), self._typed) if self._typed else part[0].value()
        return {each.name: each.value() for each in part}

    def close(self) -> None:
        """End the call; values that were not read are lost. May be called twice."""
        self._over = True
        self._values.clear()
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _payload(name: str, data: bytes, content_type: str, filename: str = "") -> Payload:
    kind = DataType(TYPES.get(media_type(content_type).partition("/")[0], 4))
    desc = {"content_type": content_type} if content_type else {}
    if filename:
        desc["filename"] = filename
    return Payload(name, data, kind if content_type else DataType.TEXT, desc)


def _body(body: bytes, kind: str, first: str, json_key: str) -> list[Payload]:
    """Return the payloads of a form, or the body as one."""
    media = media_type(kind)
    if media == "multipart/form-data":
        found: list[Payload] = []
        for fields, data in split_parts(body, kind):
            said = fields.get("content-disposition", "")
            name, file = (unquote(parameter(said, each)) for each in ("name", "filename"))
            found.append(_payload(name, data, fields.get("content-type", ""), file))
        return found
    if media == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        return [_payload(name, value.encode(), "") for name, value in pairs]
    if not body:
        return []
    if media == JSON and json_key:
        return [Payload(json_key, body, DataType.TEXT)]
    return [_payload(first, body, kind)]


def _json_inputs(body: bytes) -> list[Payload]:
    """Return the payloads of ``{<input>: <value>}``."""
    import base64

    try:
        values = json_module.loads(body)
    except ValueError as error:
        raise _refused(400, NOT_JSON, f"the body is not a JSON object: {error}") from None
    if not is_dict(values):
        raise _refused(400, NOT_JSON, "the body is not a JSON object")
    found: list[Payload] = []
    for name, value in values.items():
        if is_dict(value) and "base64" in value:
            kind = str(value.get("type", ""))
            found.append(_payload(name, base64.b64decode(value["base64"]), kind or "other"))
        elif isinstance(value, str):
            found.append(_payload(name, value.encode(), ""))
        else:
            found.append(_payload(name, json_text(value, name).encode(), ""))
    return found


def _refused(status: int, code: int, text: str) -> AigesError:
    error = BadRequest(code, text, HOST)
    error.status = status
    return error


def _reply(outputs: list[Payload], request_id: str) -> Reply:
    """Return the reply that the loader's answer would be."""
    headers: dict[str, str] = {"x-request-id": request_id}
    status = 200
    kept: list[Payload] = []
    for each in outputs:
        desc = dict(each.attributes)
        status = int(desc.pop(":status", status))
        said = json_module.loads(desc.pop(":headers", "{}"))
        headers.update(_lower(said))
        if "content-type" in headers:
            desc["mime"] = headers["content-type"]
        kept.append(Payload(each.name, each.data, each.type, desc))
    if not kept:
        kept = [Payload("result")]
    headers.setdefault("content-type", kept[0].content_type)
    if not 200 <= status < 300:
        raise Answer(status, headers, kept[0].data, HOST).error()
    return Reply(by_name(tuple(kept)), HOST, {}, tuple(kept), headers, status)
