# SPDX-License-Identifier: Apache-2.0
"""What is asked of pipeline servers, of the original and of ours.

``cases()`` gives {"name": .., "service": .., "by": how it is sent, ..}, those of a service
together; ``starts()`` what config.yml files are refused, and how.
"""

import base64
import io
import json

import numpy as np
from paddle_cases_grpc import client_cases, grpc_cases
from paddle_cases_models import BATCHED, HANGS_S, model_cases

PICKLED = (  # np.save of np.array(["a", None], object) by NumPy 1.24.
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqAA2NudW1weS5j"
    "b3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEAY251bXB5Cm5kYXJyYXkKcQFLAIVxAkMBYnEDh3EEUnEFKEsBSwKF"
    "cQZjbnVtcHkKZHR5cGUKcQdYAgAAAE84cQiJiIdxCVJxCihLA1gBAAAAfHELTk5OSv////9K/////0s/dHEMYoldcQ0o"
    "WAEAAABhcQ5OZXRxD2Iu"
)
CONFIGS = {  # Services that are started with more in their config.yml, and under another name.
    "two-process": ("two", {"dag": {"is_thread_op": False}}),
    "branches-thread": ("branches", {"dag": {"is_thread_op": True}}),
    "echo-workers": ("echo", {"build_dag_each_worker": True, "worker_num": 2}),
    "uci-processes": ("uci", {"dag": {"is_thread_op": False}, "op": {"uci": {"concurrency": 2}}}),
    "uci-all": ("uci", {"op": {"uci": {"local_service_conf": {"fetch_list": None}}}}),
    "uci-batched": ("uci", {"op": {"uci": BATCHED}}),
    "imdb-batched": ("imdb", {"op": {"imdb": BATCHED}}),
    "slow": ("process", {"op": {"sum": {"timeout": 300, "retry": 2}}}),
}


def http(name, service, body, path=None, **more):
    path = path or f"/{'ocr' if service.startswith('two') else service}/prediction"
    return {"name": name, "service": service, "by": "http", "path": path, "body": body, **more}


def pairs(**given):
    return {"key": list(given), "value": list(given.values())}


def tensor(elem_type, shape=None, **more):
    found = {"name": "x", "elem_type": elem_type, **more}
    return {"tensors": [found if shape is None else {**found, "shape": shape}]}


def saved(array):
    data = io.BytesIO()
    np.save(data, array)
    return base64.b64encode(data.getvalue()).decode()


def cases():
    yield from _bodies()
    yield from _paths()
    yield from _logids()
    yield from _tensors()
    yield from grpc_cases()
    yield from client_cases()
    yield from _switch()
    yield from _process()
    yield from _graphs()
    yield from _batched()
    yield from _others()
    yield from model_cases()


def _bodies():
    for name, body in {
        "one": pairs(a="b"),
        "two": pairs(a="b", c="d"),
        "none": {},
        "unicode": pairs(文="字 \U0001f600"),
        "escapes": pairs(a='"\\\n\u0000\u2028<&>'),
        "same-key": {"key": ["a", "a"], "value": ["b", "c"]},
        "empty-texts": {"key": [""], "value": [""]},
        "value-missing": {"key": ["a", "b"], "value": ["c"]},
        "key-missing": {"key": ["a"], "value": ["b", "c"]},
        "no-value": {"key": ["a"]},
        "key-text": {"key": "a", "value": ["b"]},
        "value-number": {"key": ["a"], "value": [1]},
        "value-null": {"key": ["a"], "value": [None]},
        "value-list": {"key": ["a"], "value": [["b"]]},
        "key-null": {"key": None, "value": None},
        "unknown-key": {**pairs(a="b"), "feed": []},
        "unknown-in-tensor": tensor(1, [1], float_data=[1], dtype="x"),
        "camel": {"tensors": [{"name": "x", "elemType": 1, "shape": [1], "floatData": [1.5]}]},
        "name-wrong": {**pairs(a="b"), "name": "other"},
        "method-other": {**pairs(a="b"), "method": "other"},
        "clientip": {**pairs(a="b"), "clientip": "1.2.3.4"},
        "profile-off": pairs(**{"a": "b", "pipeline.profile": "0"}),
        "profile": pairs(**{"a": "b", "pipeline.profile": "1"}),
        "list": [],
        "null": "null",
        "text": '"text"',
        "number": "7",
        "empty": "",
        "space": "  \n ",
        "not-json": "key=a&value=b",
        "cut": '{"key":["a"],"value":["b"',
        "two-values": '{"key":["a"],"value":["b"]}{}',
        "rubbish-after": '{"key":["a"],"value":["b"]} x',
        "comma": '{"key":["a"],"value":["b"],}',
        "single-quotes": "{'key':['a'],'value':['b']}",
        "field-twice": '{"key":["a"],"value":["b"],"key":["c"]}',
        "nan": '{"tensors":[{"name":"x","elem_type":1,"shape":[1],"float_data":[NaN]}]}',
        "not-utf8": base64.b64encode(b'{"key":["\xff"],"value":["b"]}').decode(),
    }.items():
        made = http(f"body-{name}", "echo", body)
        if name == "not-utf8":
            made["base64"] = True
        yield made
    yield http("body-large", "echo", pairs(a="x" * 3_000_000))
    yield http("body-over-4mb", "echo", pairs(a="x" * 5_000_000))


def _paths():
    body = pairs(a="b")
    for name, path in {
        "method-other": "/echo/other",
        "name-wrong": "/wrong/prediction",
        "name-case": "/ECHO/prediction",
        "name-escaped": "/ech%6F/prediction",
        "name-space": "/ec%20ho/prediction",
        "query": "/echo/prediction?logid=5&key=z",
        "verb": "/echo/prediction:verb",
        "colon": "/echo/predic:tion",
        "dot": "/echo/./prediction",
        "slash-after": "/echo/prediction/",
        "three": "/echo/prediction/x",
        "one": "/echo",
        "one-slash": "/echo/",
        "root": "/",
        "no-name": "//prediction",
        "escaped-slash": "/echo%2Fprediction",
        "metrics": "/metrics",
    }.items():
        yield http(f"path-{name}", "echo", body, path)
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD"):
        yield http(f"path-{method}", "echo", None, method=method)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/proto", ""):
        more = {"headers": {"Content-Type": kind}}
        yield http(f"type-{kind or 'none'}", "echo", body, **more)
    yield http("accept", "echo", body, headers={"Accept": "text/html"})
    yield http("timeout-header", "echo", body, headers={"Grpc-Timeout": "5S"})


def _logids():
    for given in (
        *(1, "2", -3, 1.0, 1.5, "abc", None, True, [4], ""),
        1 << 62,
        1 << 63,
        "1e2",
        " 5",
    ):
        yield http(f"logid-{json.dumps(given)}", "echo", {**pairs(a="b"), "logid": given})


def _tensors():
    for name, body in {
        "int64": tensor(0, [2, 1], int64_data=[1, -2]),
        "int64-text": tensor(0, [1], int64_data=["9007199254740993"]),
        "float": tensor(1, [1, 3], float_data=[0.5, -1.25, 1e10]),
        "float-texts": tensor(1, [3], float_data=["NaN", "Infinity", "-Infinity"]),
        "float-text": tensor(1, [1], float_data=["1.5"]),
        "float-too-large": tensor(1, [1], float_data=[1e300]),
        "int": tensor(2, [2], int_data=[7, -7]),
        "int-fraction": tensor(2, [1], int_data=[7.5]),
        "int-too-large": tensor(2, [1], int_data=[1 << 40]),
        "float64": tensor(3, [2], float64_data=[0.1, 1e300]),
        "int16": tensor(4, [2], int_data=[5, -5]),
        "int16-over": tensor(4, [1], int_data=[70000]),
        "float16": tensor(5, [2], float_data=[0.1, 65504]),
        "bfloat16": tensor(6, [1], uint32_data=[16256]),
        "uint8": tensor(7, [2], uint32_data=[0, 255]),
        "uint8-over": tensor(7, [1], uint32_data=[256]),
        "int8": tensor(8, [2], int_data=[-128, 127]),
        "bool": tensor(9, [2], bool_data=[True, False]),
        "bool-number": tensor(9, [1], bool_data=[1]),
        "complex64": tensor(10, [1], complex64_data=[1, 2]),
        "complex128": tensor(11, [1], complex128_data=[1, 2]),
        "string": tensor(12, [1], str_data=["text"]),
        "strings": tensor(12, [2], str_data=["te", "xt"]),
        "string-none": tensor(12),
        "bytes": tensor(13, byte_data=saved(np.array([[1, 2]], np.int16))),
        "bytes-fortran": tensor(13, byte_data=saved(np.asfortranarray(np.arange(6).reshape(2, 3)))),
        "bytes-strings": tensor(13, byte_data=saved(np.array(["a", "bc"]))),
        "bytes-pickled": tensor(13, byte_data=PICKLED),
        "bytes-rubbish": tensor(13, byte_data=base64.b64encode(b"rubbish").decode()),
        "bytes-not-base64": tensor(13, byte_data="%%%"),
        "bytes-none": tensor(13),
        "type-14": tensor(14, [1], float_data=[1]),
        "type-99": tensor(99, [1], float_data=[1]),
        "type-text": tensor("1", [1], float_data=[1]),
        "type-none": {"tensors": [{"name": "x", "shape": [1], "int64_data": [3]}]},
        "shape-none": tensor(1, float_data=[1.5]),
        "shape-none-many": tensor(1, float_data=[1.5, 2]),
        "shape-wrong": tensor(1, [2, 2], float_data=[1, 2, 3]),
        "shape-minus": tensor(1, [-1, 2], float_data=[1, 2, 3, 4]),
        "shape-zero": tensor(1, [0, 4], float_data=[]),
        "data-none": tensor(1, [1]),
        "data-elsewhere": tensor(1, [1], int64_data=[3]),
        "lod": tensor(0, [3, 1], int64_data=[1, 2, 3], lod=[0, 1, 3, 4]),
        "lod-odd": tensor(0, [3, 1], int64_data=[1, 2, 3], lod=[0, 1, 3]),
        "name-none": {"tensors": [{"elem_type": 1, "shape": [1], "float_data": [1]}]},
        "and-pair": {**pairs(a="b", x="c"), **tensor(1, [1], float_data=[1])},
        "two": {
            "tensors": [
                {"name": "x", "elem_type": 1, "shape": [1], "float_data": [1]},
                {"name": "y", "elem_type": 2, "shape": [2], "int_data": [1, 2]},
            ]
        },
        "not-a-list": {"tensors": {"name": "x"}},
        "null": {"tensors": [None]},
    }.items():
        yield http(f"tensor-{name}", "echo", body)


RAISED = ("value", "key", "quoted", "empty", "unicode", "index", "assert", "os", "two")
PRODUCT = ("code", "code-zero", "code-large", "code-negative", "info-empty", "code-none")
PRODUCT_ODD = ("code-text", "info-none", "info-number")
RESULTS = (
    *("text", "unicode", "quotes", "nothing", "int", "float", "none", "bytes", "list", "dict"),
    *("second", "number-key", "array", "arrays", "array-and-text", "text-and-array", "scalar"),
    *("zero-dimensions", "empty-array", "large-array", "float64", "float16", "uint8", "complex"),
    *("strings", "objects", "is-list", "is-none", "is-text"),
)


def _switch():
    done = ["go", "go:skip", *(f"result:{which}" for which in RESULTS)]
    done += [f"pre-raise:{which}" for which in RAISED] + [f"post-raise:{w}" for w in RAISED[:3]]
    done += [f"{at}-code:{which}" for which in (*PRODUCT, *PRODUCT_ODD) for at in ("pre", "post")]
    done += ["pre-three", "pre-none", "pre-data:none", "pre-data:text", "pre-data:list"]
    done += ["post-two", "post-none"]
    for do in done:
        yield http(f"switch-{do}", "switch", {**pairs(do=do), "logid": 7})
    yield http("switch-missing-key", "switch", pairs(x="y"))


def _process():
    for do in (
        *("sum", "skip", "list", "list-fails", "raise", "fails", "fails-with-result", "none"),
        *("only-a-dict", "not-a-dict", "lod", "not-an-array"),
    ):
        yield http(f"process-{do}", "process", {**pairs(do=do), "logid": 3})
    yield http("process-rows", "process", pairs(do="sum", rows="[[1,2],[3,4],[5,6]]"))
    for name in ("number", "sum-after-number"):  # The first ends the original's only thread.
        do = name.partition("-")[0]
        yield http(f"process-{name}", "process", pairs(do=do), limit_s=HANGS_S)
    for do in ("sum", "sleep", "raise", "fails", "list"):
        body, path = {**pairs(do=do), "logid": 4}, "/process/prediction"
        yield http(f"slow-{do}", "slow", body, path)


def _graphs():
    for service in ("two", "two-process"):
        for name, data in {
            "picture": b"\x01\x02\x03",
            "again": b"\x05",
            "none": b"",
            "white": b"\xff\x00",
            "thirteen": b"\x0d\x00",
        }.items():
            body = {**pairs(image=base64.b64encode(data).decode()), "logid": 9}
            yield http(f"{service}-{name}", service, body)
        yield http(f"{service}-missing", service, pairs(picture="AQID"))
        yield http(f"{service}-not-base64", service, pairs(image="A"))
    for service in ("branches", "branches-thread"):
        for fail in ("", "bow", "cnn", "bow-code"):
            name = f"{service}-{fail or 'words'}"
            yield http(name, service, pairs(words="a good film", fail=fail), "/imdb/prediction")


def _batched():
    def four(name, *dos, rows=(1, 2, 1, 3)):
        asked = [
            http(f"{at}", "batched", pairs(do=do, start=str(start), rows=str(count)))
            for at, (do, count, start) in enumerate(zip(dos, rows, (0, 10, 20, 30)))
        ]
        return {"name": f"batched-{name}", "service": "batched", "by": "together", "cases": asked}

    yield four("four", "sum", "sum", "sum", "sum")
    yield four("two-in-time", "sum", "sum")
    yield four("one", "sum")
    yield four("skip-one", "skip")
    yield four("skip-one-of-four", "sum", "skip", "sum", "sum")
    yield four("lod", "lod", "lod", "lod", "lod")
    yield four("list", "list", "list", "list", "list")
    yield four("pre-raise", "sum", "pre-raise", "sum", "sum")
    yield four("pre-code", "pre-code", "sum", "sum", "sum")
    negative = four("negative", "sum", "sum", "sum", "sum")
    negative["cases"][2]["body"] = pairs(do="sum", start="-9", rows="1")
    yield negative
    width = four("width", "sum", "width", "sum", "sum")  # Ends the original's only thread.
    for each in width["cases"]:
        each["limit_s"] = HANGS_S
    yield width


def _others():
    for service, name in (("old", "uci"),):
        row = "0.0137, -0.1136, 0.2553, -0.0692"
        yield http(f"{service}-row", service, pairs(x=row), f"/{name}/prediction")
        yield http(f"{service}-not-a-row", service, pairs(x="a, b"), f"/{name}/prediction")
    for name, body in {
        "pairs": {**pairs(a="b"), "logid": 5, "clientip": "1.2.3.4"},
        "refuse": pairs(refuse="no"),
        "raise": pairs(**{"raise": "it's broken"}),
        "fail": pairs(fail="later"),
        "own": pairs(own="yes"),
        "tensor": tensor(1, [1], float_data=[1]),
    }.items():
        yield http(f"custom-{name}", "custom", body)
    yield http("loop-three", "loop", pairs(count="0", limit="3"))
    yield http("loop-none", "loop", pairs(count="0", limit="0"))
    yield http("workers-one", "echo-workers", pairs(a="b"), "/echo/prediction")


def starts():
    """{name: (service, what config.yml has more)}: configurations that are not right."""
    yield from {
        "port-low": ("echo", {"rpc_port": 80}),
        "port-text": ("echo", {"rpc_port": "x"}),
        "no-ports": ("echo", {"rpc_port": None, "http_port": None}),
        "worker-text": ("echo", {"worker_num": "many"}),
        "worker-zero": ("echo", {"worker_num": 0}),
        "thread-op-number": ("echo", {"dag": {"is_thread_op": 1}}),
        "retry-zero": ("echo", {"dag": {"retry": 0}}),
        "client-type": ("echo", {"dag": {"client_type": "http"}}),
        "tracer-text": ("echo", {"dag": {"tracer": {"interval_s": "often"}}}),
        "channel-size-text": ("echo", {"dag": {"channel_size": "x"}}),
        "concurrency-zero": ("echo", {"op": {"echo": {"concurrency": 0}}}),
        "concurrency-text": ("echo", {"op": {"echo": {"concurrency": "2"}}}),
        "timeout-text": ("echo", {"op": {"echo": {"timeout": "1s"}}}),
        "batch-size-zero": ("echo", {"op": {"echo": {"batch_size": 0}}}),
        "endpoints-text": ("echo", {"op": {"echo": {"server_endpoints": "127.0.0.1:9"}}}),
        "unknown-key": ("echo", {"colour": "red"}),
        "unknown-dag-key": ("echo", {"dag": {"colour": "red"}}),
        "op-list": ("echo", {"op": []}),
    }.items()
