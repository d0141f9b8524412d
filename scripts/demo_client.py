# SPDX-License-Identifier: Apache-2.0
"""The three ways to call the service: XSF gRPC, the HTTP JSON envelope, the HTTP raw body."""

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from aiges.client import AigesError, Client, DataType, Payload
from demo_loader import DemoError

REPOSITORY = Path(__file__).resolve().parent.parent
TIMEOUT_S = 60


class Answer(NamedTuple):
    way: str
    result: dict  # The JSON under the key `boxes`.
    stages: dict  # Milliseconds by stage, from Server-Timing.
    seen_ms: float  # What the client waited.


def parse_server_timing(text):
    """`queue;dur=0.01, engine;dur=812.1` -> {"queue": 0.01, "engine": 812.1}."""
    stages = {}
    for part in (text or "").split(","):
        name, _, duration = part.strip().partition(";dur=")
        if duration:
            stages[name] = float(duration)
    return stages


def call_grpc(address, picture):
    """As a program calls it from Python: aiges.client."""
    with Client(address, timeout_s=TIMEOUT_S) as client:
        started = time.perf_counter()
        try:
            wanted = [Payload("img", picture, DataType.IMAGE)]
            reply = client.once(wanted, expect=["boxes"], timing=True)
        except AigesError as error:
            raise DemoError(f"gRPC call: {type(error).__name__}: {error}") from error
        seen_ms = (time.perf_counter() - started) * 1000
    found = {name: payload.data for name, payload in reply.payloads.items()}
    return Answer("gRPC", boxes_in(found), dict(reply.timing), seen_ms)


def call_json(address, picture):
    """POST /v1/private/svcName with the header / parameter / payload envelope."""
    content = base64.b64encode(picture).decode()
    body = {
        "header": {"appid": "demo", "status": 3},
        "parameter": {"svcName": {"boxes": {"encoding": "utf8", "data_type": "text"}}},
        "payload": {"img": {"encoding": "png", "status": 3, "image": content}},
    }
    url = f"http://{address}/v1/private/svcName"
    data, timing, seen_ms = post(url, json.dumps(body).encode(), "application/json")
    payload = json.loads(data)["payload"] or {}
    found = {key: item["text"] for key, item in payload.items() if "text" in item}
    return Answer("HTTP JSON", boxes_in(found), timing, seen_ms)


def call_raw(address, picture):
    """POST /v1/raw/svcName: the picture as the body, the result as the answer's body."""
    url = f"http://{address}/v1/raw/svcName?key=img&type=image"
    data, timing, seen_ms = post(url, picture, "image/png")
    return Answer("HTTP raw", boxes_in({"boxes": data}), timing, seen_ms)


def post(url, body, content_type):
    """Returns the answer's body, its Server-Timing and the time it took."""
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    # A proxy in the environment is not for this machine's own ports.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    started = time.perf_counter()
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            data, header = answer.read(), answer.headers.get("Server-Timing")
    except urllib.error.HTTPError as error:
        text = error.read(2000).decode(errors="replace")
        raise DemoError(f"POST {url}: expected 200, got {error.code}: {text}") from error
    except OSError as error:
        raise DemoError(f"POST {url}: {error}") from error
    return data, parse_server_timing(header), (time.perf_counter() - started) * 1000


def boxes_in(found):
    if "boxes" not in found:
        raise DemoError(f"expected an output named boxes, got {sorted(found) or 'none'}")
    return json.loads(found["boxes"])
