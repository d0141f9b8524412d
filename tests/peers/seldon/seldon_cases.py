# SPDX-License-Identifier: Apache-2.0
"""Requests for the original and for us: each row of what is known about it, and random ones.

A case: a name, the unit (peer_units), method, path, headers and body. ``UNITS`` says how each unit
is started.
"""

import base64
import json
import random

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMED = {"PREDICTIVE_UNIT_ID": "unit-a", "PREDICTIVE_UNIT_IMAGE": "repo/image:1.2"}
PARAMETERS = json.dumps(
    [
        {"name": "number", "value": "3", "type": "INT"},
        {"name": "share", "value": "0.25", "type": "FLOAT"},
        {"name": "word", "value": "hello", "type": "STRING"},
        {"name": "flag", "value": "yes", "type": "BOOL"},
    ]
)
# Name -> class, arguments and environment.
UNITS = {
    "results": ("Results", [], {}),
    "seen": ("Seen", [], {}),
    "unit": ("Unit", ["--parameters", PARAMETERS], NAMED),
    "raw": ("Raw", [], {}),
    "bare": ("Bare", [], {}),
    "component": ("Component", ["--service-type", "ROUTER"], {}),
    "odd": ("Odd", [], {}),
    "hooks": ("Hooks", [], {"MODEL_METADATA": "name: by-yaml\nversions: [a, b]\n"}),
    "passes": ("Seen", [], {"PAYLOAD_PASSTHROUGH": "true"}),
}
PREDICT = "/api/v1.0/predictions"


def case(name, unit, path=PREDICT, body=None, method="POST", headers=None):
    text = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    return {
        "name": name,
        "unit": unit,
        "method": method,
        "path": path,
        "headers": JSON if headers is None else headers,
        "body": text,
    }


def form(*parts):
    """A multipart body: (name, file name or None, bytes)."""
    out = b""
    for name, file, data in parts:
        named = f'; filename="{file}"' if file else ""
        head = f'--mark\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
        out += head.encode() + b"\r\n" + data + b"\r\n"
    return out + b"--mark--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=mark"}
WANTED = [
    *("str", "bytes", "bytearray", "dict", "list", "nested", "mixed", "words", "empty", "array"),
    *("ints", "flat", "scalar-array", "cube", "bools", "nan", "tuple", "float", "number", "set"),
    *("response", "response-metrics", "response-bad-metrics", "raise", "raise-seldon"),
    *("raise-default", "raise-teapot", "not-implemented"),
]
BODIES = {
    "data-empty": {"data": {}},
    "ndarray": {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}},
    "ndarray-floats": {"data": {"ndarray": [[5.1, 3.5, 1.4, 0.2]]}},
    "ndarray-words": {"data": {"ndarray": [["a", 1]]}},
    "ndarray-ragged": {"data": {"ndarray": [[1], [1, 2]]}},
    "tensor": {"data": {"tensor": {"shape": [2, 2], "values": [1, 2, 3, 4]}}},
    "tensor-floats": {"data": {"names": ["x"], "tensor": {"shape": [1], "values": [1.5]}}},
    "tensor-shape": {"data": {"tensor": {"shape": [3], "values": [1, 2]}}},
    "json": {"jsonData": {"a": [1, None, "\u00e9"]}},
    "json-list": {"jsonData": [1, 2]},
    "json-zero": {"jsonData": 0},
    "str": {"strData": "text"},
    "str-empty": {"strData": ""},
    "bin": {"binData": base64.b64encode(b"\x00\xff").decode()},
    "bin-bad": {"binData": "a"},
    "two": {"strData": "s", "jsonData": {"j": 1}},
    "meta": {"meta": {"puid": "p1", "tags": {"t": 1}}, "data": {"ndarray": [[1]]}},
    "nothing": {},
    "unknown-key": {"other": 1},
    "list": [1],
    "number": 3,
    "null": None,
}


def feedback(kind="ndarray", **more):
    data = (
        {"ndarray": [[1, 2]]} if kind == "ndarray" else {"tensor": {"shape": [2], "values": [1, 2]}}
    )
    return {"request": {"data": data}, "reward": 0.5, **more}


def cases():
    found = [case(f"result-{w}", "results", body={"strData": w}) for w in WANTED]
    found += [
        case("result-like-ndarray", "results", body={"data": {"ndarray": [[1, 2.5]]}}),
        case("result-like-tensor", "results", body=BODIES["tensor"]),
        case("result-like-words", "results", body=BODIES["ndarray-words"]),
        case("result-of-empty", "results", body=BODIES["data-empty"]),
    ]
    found += [case(f"body-{name}", "seen", body=body) for name, body in BODIES.items()]
    found += [
        case("no-body", "seen", body=b""),
        case("not-json", "seen", body=b"{"),
        case("json-null", "seen", body=b"null"),
        case("json-charset", "seen", body=BODIES["str"],
             headers={"Content-Type": "application/json; charset=utf-8"}),
        case("json-like", "seen", body=BODIES["str"],
             headers={"Content-Type": "application/vnd.x+json"}),
        case("form", "seen", "/predict", b"json=%7B%22strData%22%3A%22a+b%22%7D", headers=FORM),
        case("form-bad", "seen", "/predict", b"json=%7B", headers=FORM),
        case("query", "seen", '/predict?json={"strData":"q"}', method="GET", headers={}),
        case("query-bad", "seen", "/predict?json={", method="GET", headers={}),
        case("get-without", "seen", "/predict", method="GET", headers={}),
        case("multipart-str", "seen", body=form(("strData", None, b"1")), headers=MULTIPART),
        case("multipart-json", "seen", body=form(("jsonData", None, b'{"a": 1}')),
             headers=MULTIPART),
        case("multipart-data", "seen", body=form(("data", None, b'{"ndarray": [[1]]}'),
                                                 ("meta", None, b'{"tags": {"a": 1}}')),
             headers=MULTIPART),
        case("multipart-bin-file", "seen", body=form(("binData", "a.png", b"\x89PNG\r\n\x00")),
             headers=MULTIPART),
        case("multipart-str-file", "seen", body=form(("strData", "a.txt", "\u00e9".encode())),
             headers=MULTIPART),
        case("multipart-json-file", "seen", body=form(("jsonData", "a.json", b'{"a": 1}')),
             headers=MULTIPART),
        case("multipart-bad-json", "seen", body=form(("jsonData", None, b"{")),
             headers=MULTIPART),
        case("v0.1", "seen", "/api/v0.1/predictions", BODIES["str"]),
        case("predict-path", "seen", "/predict", BODIES["str"]),
        case("transform-input-seen", "seen", "/transform-input", BODIES["meta"]),
        case("transform-output-seen", "seen", "/transform-output", BODIES["str"]),
        case("no-such-path", "seen", "/nope", method="GET", headers={}),
        case("wrong-method", "seen", PREDICT, method="GET", headers={}),
        case("ping", "seen", "/health/ping", method="GET", headers={}),
        case("health-none", "seen", "/health/status", method="GET", headers={}),
        case("metadata-none", "seen", "/metadata", method="GET", headers={}),
    ]  # fmt: skip
    two = {"data": {"ndarray": [[1, 2]]}, "meta": {"tags": {"a": 1}, "requestPath": {"x": "y"}}}
    also = {"data": {"ndarray": [[3, 4]]}, "meta": {"tags": {"b": 2}}}
    found += [
        case("unit-predict", "unit", body=two),
        case("unit-tensor", "unit", body=BODIES["tensor"]),
        case("unit-puid", "unit", body=BODIES["meta"]),
        case("unit-input", "unit", "/transform-input", two),
        case("unit-output", "unit", "/transform-output", BODIES["tensor"]),
        case("unit-route", "unit", "/route", BODIES["ndarray"]),
        case("unit-route-tensor", "unit", "/route", BODIES["tensor"]),
        case("unit-aggregate", "unit", "/aggregate", {"seldonMessages": [two, also]}),
        case("unit-aggregate-list", "unit", "/aggregate", [two, also]),
        case("unit-aggregate-bad", "unit", "/aggregate", {"other": 1}),
        case("unit-feedback", "unit", "/api/v1.0/feedback", feedback()),
        case("unit-feedback-tensor", "unit", "/send-feedback", feedback("tensor")),
        case("unit-feedback-all", "unit", "/send-feedback", feedback(
            truth={"data": {"ndarray": [[3]]}}, response={"meta": {"routing": {"unit-a": 2}}})),
        case("unit-feedback-v0.1", "unit", "/api/v0.1/feedback", feedback()),
        case("unit-feedback-unknown", "unit", "/send-feedback", {"nope": 1}),
        case("unit-health", "unit", "/api/v1.0/health/status", method="GET", headers={}),
        case("unit-metadata", "unit", "/api/v1.0/metadata", method="GET", headers={}),
        case("raw", "raw", body={"strData": "x", "meta": {"tags": {"a": 1}}}),
        case("raw-status", "raw", body={"strData": "status"}),
        case("raw-later", "raw", body={"strData": "later"}),
        case("raw-metrics", "raw", body={"strData": "metrics"}),
        case("raw-route", "raw", "/route", BODIES["ndarray"]),
        case("raw-feedback", "raw", "/send-feedback", feedback()),
        case("bare-predict", "bare", body=BODIES["ndarray"]),
        case("bare-predict-str", "bare", body=BODIES["str"]),
        case("bare-input", "bare", "/transform-input", BODIES["ndarray"]),
        case("bare-output", "bare", "/transform-output", BODIES["str"]),
        case("bare-route", "bare", "/route", BODIES["ndarray"]),
        case("bare-aggregate", "bare", "/aggregate", [BODIES["ndarray"]]),
        case("bare-feedback", "bare", "/send-feedback", feedback()),
        case("bare-feedback-tensor", "bare", "/send-feedback", feedback("tensor")),
        case("component-predict", "component", body=BODIES["ndarray"]),
        case("component-input", "component", "/transform-input", BODIES["tensor"]),
        case("component-route", "component", "/route", BODIES["ndarray"]),
        case("component-aggregate", "component", "/aggregate", [BODIES["ndarray"]]),
        case("component-feedback", "component", "/send-feedback", feedback()),
        case("component-health", "component", "/health/status", method="GET", headers={}),
        case("component-metadata", "component", "/metadata", method="GET", headers={}),
        case("odd-predict", "odd", body=BODIES["ndarray"]),
        case("odd-route", "odd", "/route", BODIES["ndarray"]),
        case("odd-health", "odd", "/health/status", method="GET", headers={}),
        case("odd-metadata", "odd", "/metadata", method="GET", headers={}),
        case("hooks-predict", "hooks", body=BODIES["str"]),
        case("hooks-metadata", "hooks", "/metadata", method="GET", headers={}),
        case("passes-json", "passes", body=b'{"not": [parsed'),
        case("passes-form", "passes", "/predict", b"json=text", headers=FORM),
    ]  # fmt: skip
    return found + random_cases()


def grpc_cases():
    """(name, unit, service and method, request in JSON)"""
    two = {"data": {"ndarray": [[1, 2]]}, "meta": {"tags": {"a": 1}, "requestPath": {"x": "y"}}}
    also = {"data": {"ndarray": [[3, 4]]}, "meta": {"tags": {"b": 2}}}
    proto = {
        name: body
        for name, body in BODIES.items()
        if isinstance(body, dict) and name not in ("two", "unknown-key", "bin-bad")
    }
    predict = "Model/Predict"
    return [
        *((f"grpc-result-{w}", "results", predict, {"strData": w}) for w in WANTED),
        *((f"grpc-body-{name}", "seen", predict, body) for name, body in proto.items()),
        ("grpc-custom", "results", predict,
         {"customData": {"@type": "type.googleapis.com/google.protobuf.Empty"}}),
        ("grpc-seldon", "seen", "Seldon/Predict", BODIES["meta"]),
        ("grpc-input-seen", "seen", "Transformer/TransformInput", BODIES["meta"]),
        ("grpc-output-seen", "seen", "OutputTransformer/TransformOutput", BODIES["meta"]),
        ("grpc-like-tensor", "results", predict, BODIES["tensor"]),
        ("grpc-like-ndarray", "results", predict, BODIES["ndarray"]),
        ("grpc-predict", "unit", predict, two),
        ("grpc-puid", "unit", predict, BODIES["meta"]),
        ("grpc-input", "unit", "Generic/TransformInput", two),
        ("grpc-output", "unit", "Generic/TransformOutput", BODIES["tensor"]),
        ("grpc-route", "unit", "Router/Route", BODIES["ndarray"]),
        ("grpc-generic-route", "unit", "Generic/Route", BODIES["tensor"]),
        ("grpc-aggregate", "unit", "Combiner/Aggregate", {"seldonMessages": [two, also]}),
        ("grpc-feedback", "unit", "Model/SendFeedback", feedback()),
        ("grpc-feedback-all", "unit", "Seldon/SendFeedback", feedback(
            truth={"data": {"ndarray": [[3]]}}, response={"meta": {"routing": {"unit-a": 2}}})),
        ("grpc-feedback-router", "unit", "Router/SendFeedback", feedback("tensor")),
        ("grpc-metadata", "unit", "Model/Metadata", {}),
        ("grpc-model-metadata", "unit", "Seldon/ModelMetadata", {"name": "x"}),
        ("grpc-graph-metadata", "unit", "Seldon/GraphMetadata", {}),
        ("grpc-raw", "raw", predict, BODIES["meta"]),
        ("grpc-bare", "bare", predict, BODIES["ndarray"]),
        ("grpc-bare-str", "bare", predict, BODIES["str"]),
        ("grpc-bare-input", "bare", "Generic/TransformInput", BODIES["tensor"]),
        ("grpc-bare-route", "bare", "Generic/Route", BODIES["tensor"]),
        ("grpc-bare-feedback", "bare", "Generic/SendFeedback", feedback()),
        ("grpc-odd", "odd", predict, BODIES["ndarray"]),
        ("grpc-odd-metadata", "odd", "Model/Metadata", {}),
    ]  # fmt: skip


def random_cases(count=20, seed=20261130):
    """Bodies that nobody has thought of, always the same."""
    dice = random.Random(seed)

    def value(depth=0):
        kind = dice.randrange(9 if depth < 2 else 6)
        if kind < 2:
            return dice.randint(-5, 5)
        if kind == 2:
            return round(dice.uniform(-9, 9), 3)
        if kind == 3:
            return dice.choice(["", "a", "\u00e9", "x y"])
        if kind in (4, 5):
            return dice.choice([True, False])
        if kind in (6, 7):
            return [value(depth + 1) for _ in range(dice.randint(0, 3))]
        return {f"k{n}": value(depth + 1) for n in range(dice.randint(0, 2))}

    def body():
        rows, columns = dice.randint(1, 3), dice.randint(1, 3)
        numbers = [[dice.choice([dice.randint(0, 9), 0.5]) for _ in range(columns)]
                   for _ in range(rows)]  # fmt: skip
        flat = [x for row in numbers for x in row]
        return dice.choice(
            [
                {"data": {"ndarray": numbers}},
                {"data": {"tensor": {"shape": [rows, columns], "values": flat}}},
                {"jsonData": value()},
                {"strData": dice.choice(["", "a", "\u00e9"])},
                {"jsonData": value(), "meta": {"tags": {"t": value()}}},
            ]
        )

    return [case(f"random-{n}", "seen", body=body()) for n in range(count)]
