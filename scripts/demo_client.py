"""The three ways to call the service: XSF gRPC, the HTTP JSON envelope, the HTTP raw body."""

import base64
import importlib
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import grpc
from demo_loader import DemoError

REPOSITORY = Path(__file__).resolve().parent.parent
TIMEOUT_S = 60


class Answer(NamedTuple):
    way: str
    result: dict  # The JSON under the key `boxes`.
    stages: dict  # Milliseconds by stage, from Server-Timing.
    seen_ms: float  # What the client waited.


def load_stubs():
    """Compiles proto/*.proto into build/proto_py; returns the modules (xsf, loader)."""
    from grpc_tools import protoc

    folder = REPOSITORY / "build" / "proto_py"
    folder.mkdir(parents=True, exist_ok=True)
    source = REPOSITORY / "proto"
    arguments = ["protoc", f"-I{source}", f"--python_out={folder}"]
    if protoc.main([*arguments, str(source / "xsf.proto"), str(source / "loader.proto")]) != 0:
        raise DemoError(f"protoc cannot compile {source}/*.proto; its messages are above")
    sys.path.insert(0, str(folder))
    return importlib.import_module("xsf_pb2"), importlib.import_module("loader_pb2")


def parse_server_timing(text):
    """`queue;dur=0.01, engine;dur=812.1` -> {"queue": 0.01, "engine": 812.1}."""
    stages = {}
    for part in (text or "").split(","):
        name, _, duration = part.strip().partition(";dur=")
        if duration:
            stages[name] = float(duration)
    return stages


def call_grpc(stubs, address, picture):
    """/utils.XsfCall/call, as an XSF client sends it."""
    xsf, loader = stubs
    inner = loader.LoaderInput(serviceId="svcName", state=loader.LoaderInput.ONCE)
    inner.expect.add(name="boxes", dataType=loader.MetaDesc.TEXT)
    payload = inner.pl.add(data=picture)
    payload.meta.name, payload.meta.dataType = "img", loader.MetaDesc.IMAGE
    payload.meta.attribute["status"] = "3"
    request = xsf.ReqData(op="AIIn", param={"SeqNo": "1", "waitTime": str(TIMEOUT_S * 1000)})
    request.s.SetInParent()
    request.data.add(data=inner.SerializeToString())

    options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", 64 << 20)]
    with grpc.insecure_channel(address, options=options) as channel:
        method = channel.unary_unary(
            "/utils.XsfCall/call",
            request_serializer=xsf.ReqData.SerializeToString,
            response_deserializer=xsf.ResData.FromString,
        )
        started = time.perf_counter()
        try:
            # Asks for the time per stage, which comes back in the trailing metadata.
            wanted = (("server-timing", "1"),)
            reply, call = method.with_call(request, timeout=TIMEOUT_S, metadata=wanted)
        except grpc.RpcError as error:
            raise DemoError(f"gRPC call to {address}: {error.code()}: {error.details()}") from error
        seen_ms = (time.perf_counter() - started) * 1000
    output = loader.LoaderOutput.FromString(reply.data[0].data) if reply.data else None
    if reply.code or output is None or output.code:
        code, text = (output.code, output.err) if output else (reply.code, reply.error_info)
        raise DemoError(f"gRPC call: expected code 0, got {code}: {text}")
    found = {payload.meta.name: payload.data for payload in output.pl}
    timing = {key: value for key, value in call.trailing_metadata() or ()}.get("server-timing")
    return Answer("gRPC", boxes_in(found), parse_server_timing(timing), seen_ms)


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
