# SPDX-License-Identifier: Apache-2.0
"""What cases are made of: tensors, bodies with binary blocks, requests by REST and gRPC.

A case is a dict: its name, ``by`` (http, grpc, stream), and what triton_ask sends.
"""

import base64
import json
import struct

import numpy as np

DTYPES = {
    "BOOL": np.bool_,
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}  # fmt: skip
LENGTH = "Inference-Header-Content-Length"


def block(datatype, data):
    """The data in its binary form; of BF16, numbers that it holds exactly."""
    if datatype == "BYTES":
        parts = [each if isinstance(each, bytes) else each.encode() for each in data]
        return b"".join(struct.pack("<I", len(each)) + each for each in parts)
    if datatype == "BF16":
        return np.asarray(data, np.float32).view(np.uint32).__rshift__(16).astype("<u2").tobytes()
    return np.asarray(data, DTYPES[datatype]).tobytes()


def tensor(name, datatype, shape, data=None, **parameters):
    """An input in JSON."""
    found = {"name": name, "datatype": datatype, "shape": list(shape)}
    if parameters:
        found["parameters"] = parameters
    return found if data is None else {**found, "data": data}


def http(name, method, path, body=None, **headers):
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return {
        "name": name,
        "by": "http",
        "method": method,
        "path": path,
        "headers": {key.replace("_", "-"): value for key, value in headers.items()},
        "body": body,
    }


def get(name, path, **headers):
    return http(name, "GET", path, **headers)


def post(name, path, body=None, **headers):
    return http(name, "POST", path, b"" if body is None else body, **headers)


def infer(name, model, inputs, outputs=None, **more):
    """POST ../infer in JSON; `more` is what else the body has."""
    body = {"inputs": inputs, **more}
    if outputs is not None:
        body["outputs"] = outputs
    return post(name, f"/v2/models/{model}/infer", body)


def binary(name, model, inputs, outputs=None, tail=b"", **more):
    """The same with binary blocks: inputs are (name, datatype, shape, data)."""
    blocks = [block(datatype, data) for _, datatype, _, data in inputs]
    described = [
        tensor(*given[:3], binary_data_size=len(data)) for given, data in zip(inputs, blocks)
    ]
    head = {"inputs": described, **more}
    if outputs is not None:
        head["outputs"] = outputs
    text = json.dumps(head).encode()
    case = post(name, f"/v2/models/{model}/infer", text + b"".join(blocks) + tail)
    case["headers"][LENGTH] = str(len(text))
    return case


def wanted(name, **parameters):
    """An output of the list that a request has."""
    return {"name": name, **({"parameters": parameters} if parameters else {})}


def call(name, method, request=None, **metadata):
    """A unary call of gRPC; the request is JSON of protobuf."""
    return {
        "name": name,
        "by": "grpc",
        "method": method,
        "request": request or {},
        "metadata": metadata,
    }


def stream(name, *requests, **metadata):
    return {"name": name, "by": "stream", "requests": list(requests), "metadata": metadata}


def raw_request(model, inputs, outputs=None, **more):
    """ModelInferRequest with raw contents: inputs are (name, datatype, shape, data)."""
    found = {
        "model_name": model,
        "inputs": [tensor(*given[:3]) for given in inputs],
        "raw_input_contents": [
            base64.b64encode(block(datatype, data)).decode() for _, datatype, _, data in inputs
        ],
        **more,
    }
    return found if outputs is None else {**found, "outputs": outputs}


def typed_request(model, inputs, outputs=None, **more):
    """The same with typed contents: inputs are (name, datatype, shape, {field: data})."""
    found = {
        "model_name": model,
        "inputs": [{**tensor(*given[:3]), "contents": given[3]} for given in inputs],
        **more,
    }
    return found if outputs is None else {**found, "outputs": outputs}
