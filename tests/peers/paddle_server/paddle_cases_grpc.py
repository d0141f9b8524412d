# SPDX-License-Identifier: Apache-2.0
"""What is asked by gRPC: raw messages of both numberings, and the original's PipelineClient."""

import base64

PAIR = {"key": ["a"], "value": ["b"]}


def grpc(name, request, by="grpc"):
    return {"name": f"{by}-{name}", "service": "echo", "by": by, "request": request}


def raw(name, data):
    text = base64.b64encode(data).decode()
    return {"name": f"bytes-{name}", "service": "echo", "by": "bytes", "bytes": text}


def grpc_cases():
    for name, request in {
        "pair": PAIR,
        "nothing": {},
        "name": {**PAIR, "name": "echo"},
        "name-wrong": {**PAIR, "name": "other"},
        "method": {**PAIR, "method": "any"},
        "logid": {**PAIR, "logid": 12},
        "logid-negative": {**PAIR, "logid": -12},
        "all": {**PAIR, "name": "echo", "method": "m", "logid": 1, "clientip": "1.2.3.4"},
        "value-missing": {"key": ["a", "b"], "value": ["c"]},
        "tensor": {
            "tensors": [{"name": "x", "elem_type": 1, "shape": [1, 2], "float_data": [1.5, 2]}]
        },
        "tensor-int64": {"tensors": [{"name": "x", "shape": [2], "int64_data": [1, -1]}]},
        "tensor-string": {"tensors": [{"name": "x", "elem_type": 12, "str_data": ["a", "b"]}]},
        "tensor-and-ip": {
            "tensors": [{"name": "x", "elem_type": 1, "shape": [1], "float_data": [1.5]}],
            "clientip": "1.2.3.4",
        },
    }.items():
        yield grpc(name, request)
    for name, request in {
        "pair": {**PAIR, "logid": 0, "clientip": "1.2.3.4"},
        "logid": {**PAIR, "logid": 12, "clientip": "1.2.3.4"},
        "name": {**PAIR, "name": "echo", "method": "m", "logid": 0, "clientip": "1.2.3.4"},
        "name-wrong": {**PAIR, "name": "other", "method": "m", "logid": 0, "clientip": "1.2.3.4"},
        "gateway": {**PAIR, "name": "echo", "method": "prediction"},
    }.items():
        yield grpc(name, request, "grpc-old")
    yield raw("rubbish", b"\xff\xff\xff\xff")
    yield raw("cut", b"\x0a\x05ab")
    yield raw("not-utf8", b"\x0a\x01\xff\x12\x01b")
    yield raw("unknown-field", b"\x0a\x01a\x12\x01b\xd8\x3e\x07")


def array(values, dtype):
    return {"array": values, "dtype": dtype}


def client_cases():
    """Of the original's PipelineClient."""
    ip = {"clientip": "127.0.0.1"}
    x = array([[1.5, -2], [3, 4]], "float32")
    for name, feed, more in (
        ("text", {"a": "b"}, {}),
        ("texts", {"a": "b", "文": "字"}, {}),
        ("array", {"x": x}, {}),
        ("array-int64", {"x": array([1, 2], "int64")}, {}),
        ("list", {"x": [[1, 2], [3, 4]]}, {}),
        ("log-id", {"a": "b"}, {"log_id": 77}),
        ("logid-in-feed", {"a": "b", "logid": 78}, {}),
        ("fetch", {"a": "b"}, {"fetch": ["price"]}),
        ("asyn", {"a": "b"}, {"asyn": True}),
        ("profile", {"a": "b"}, {"profile": True}),
        ("nothing", {}, {}),
        *(
            (f"tensor-{dtype}", {"x": array([[1, 0], [3, 4]], dtype)}, {"pack_tensor_format": True})
            for dtype in (
                *("int64", "float32", "int32", "float64", "int16", "float16", "uint16", "uint8"),
                *("int8", "bool", "complex64"),
            )
        ),
        ("tensor-text", {"x": "text"}, {"pack_tensor_format": True}),
        (
            "tensor-lod",
            {"x": array([[1], [2], [3]], "int64"), "x.lod": [0, 1, 1, 3]},
            {"pack_tensor_format": True},
        ),
        ("tensor-bytes", {"x": x}, {"pack_tensor_format": True, "use_tensor_bytes": True}),
        (
            "tensor-bytes-lod",
            {"x": array([[1], [2], [3]], "int64"), "x.lod": [0, 1, 1, 3]},
            {"pack_tensor_format": True, "use_tensor_bytes": True},
        ),
        ("number", {"x": 1}, {}),
        ("list-as-tensor", {"x": [1]}, {"pack_tensor_format": True}),
        ("feed-text", "text", {}),
        ("fetch-text", {"a": "b"}, {"fetch": "price"}),
    ):
        given = {**feed, **ip} if isinstance(feed, dict) else feed
        yield {
            "name": f"client-{name}",
            "service": "echo",
            "by": "client",
            "feed": given,
            "more": more,
        }
