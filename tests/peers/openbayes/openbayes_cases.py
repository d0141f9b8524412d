# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 (tables)
"""What the original and we are asked: (name, program, method, path, fields, body), by number."""

import json
import random
from dataclasses import dataclass, field

JSON, MSGPACK = "application/json", "application/msgpack"
FORM = "application/x-www-form-urlencoded"
SEED = 1312


@dataclass
class Case:
    name: str
    program: str
    body: bytes | None = None
    type: str | None = None
    path: str = "/"
    method: str = "POST"
    fields: dict = field(default_factory=dict)
    production: bool = False

    @property
    def head(self):
        return {**({"Content-Type": self.type} if self.type else {}), **self.fields}


def do(name, **more):
    return json.dumps({"do": name, **more}).encode()


def packed(value):
    import msgpack

    return msgpack.packb(value)


RESULTS = """dict list tuple boxes ordered namedtuple nested-bytes bytes-key int-key nan big bytes png
jpeg empty-bytes bytearray memoryview str empty-str none int float bool set array scalar nested-array
generator object loop deep""".split()
ACCEPTS = [
    "", "*/*", "application/json", MSGPACK, "application/x-msgpack", "application/vnd.msgpack",
    "application/*", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png,text/plain",
    "application/json;q=0.1, application/msgpack;q=0.9", "application/msgpack;q=0.5,application/json",
    "application/json; q=0.2,application/x-msgpack;q=0.2", "application/json;q=0", "nonsense",
    "application/json;charset=utf-8", "APPLICATION/JSON", "application/msgpack;q=high", " , ",
    "application/json ; q=0.1, application/msgpack",
]  # fmt: skip
BAD_JSON = [b"", b"{", b'{"a":1} x', b"\xff", b"nul", b"{'a': 1}", b'"\xc3"']
GOOD_JSON = [
    b"[1, 2]", b"5", b'"text"', b"null", b" {} ", b"NaN", b'{"a":1,"a":2}', '{"猫":"\U0001f408"}'.encode(),
    '{"u": 16}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"-0.0", b"1e400",
]  # fmt: skip
TYPES = [
    None, "", "*/*", JSON, "application/json; charset=utf-8", "APPLICATION/JSON", "application/json+x",
    "application/problem+json", "application/x-json", "text/plain", "text/json", "application/octet-stream",
    "application/msgpack", FORM, "image/png", "application/json_x", "application/", "json",
    "application/jsonp",
]  # fmt: skip
PACKS = {
    "map": {"url": "x", "n": [1, 2.5, None]},
    "list": ["a", b"bytes"],
    "int-key": {1: 2},
    "scalar": 7,
}
QUERIES = [
    "foo=bar", "foo=1&foo=2&all=", "foo=%E7%8C%AB", "foo=a+b", "foo=%FF", "foo", "foo=a;all=b", "int=7",
    "int=x", "must=none", "foo=b%26c&all=1&=x&&y", "foo=1=2", "foo=%zz", "FOO=1",
]  # fmt: skip
CALLED = {"X-Openbayes-Serving-Request-Id": "7", "X-Any": "value", "X-Two-Words": "a b"}
ORIGIN = {"Origin": "https://page.example:8443"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST"}
PARTS = (
    b"--cut\r\nContent-Disposition: form-data; name=\"image\"; filename=\"cat.jpg\"\r\n"
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n--cut\r\n"
    b"Content-Disposition: form-data; name=\"x\"\r\n\r\nfield\r\n--cut--\r\n"
)  # fmt: skip


def of_results():
    for name in RESULTS:
        yield Case(f"result {name}", "by_json", do(name), JSON)
        if name in (
            "dict",
            "tuple",
            "nested-bytes",
            "int-key",
            "nested-array",
            "big",
            "set",
            "loop",
            "deep",
        ):
            yield Case(
                f"result {name} as MessagePack",
                "by_json",
                do(name),
                JSON,
                fields={"Accept": MSGPACK},
            )
    for accept in ACCEPTS:
        for name in ("dict", "str", "png"):
            if name == "dict" or accept in ("text/html", "nonsense"):
                case = Case(f"accept {accept!r} of {name}", "by_json", do(name), JSON)
                case.fields = {"Accept": accept}
                yield case


def of_bodies():
    for body in BAD_JSON + GOOD_JSON:
        yield Case(f"json {body!r}", "by_json", body, JSON)
        yield Case(f"payload {body!r}", "by_payload", body, JSON)
    for type_ in TYPES:
        yield Case(f"json of {type_}", "by_json", b'{"a": 1}', type_)
        yield Case(f"payload of {type_}", "by_payload", b'{"a": 1}', type_)
        yield Case(f"data of {type_}", "by_data", b'{"a": 1}', type_)
    for kind in ("msgpack", "x-msgpack", "vnd.msgpack", "vnd.messagepack"):
        for name, value in PACKS.items():
            if kind == "msgpack" or name == "map":
                body = packed(value)
                fields = {"Accept": MSGPACK}
                yield Case(f"{kind} {name}", "by_json", body, f"application/{kind}", fields=fields)
    yield Case("msgpack with more", "by_json", packed([1]) + b"\x01", MSGPACK)
    yield Case("msgpack cut", "by_json", packed(["text"])[:-1], MSGPACK)
    yield Case("msgpack nothing", "by_json", b"", MSGPACK)
    yield Case("msgpack not UTF-8", "by_json", b"\x91\xa1\xff", MSGPACK)
    yield Case("payload msgpack bad", "by_payload", b"\xc1", MSGPACK)
    yield Case("data multipart", "by_data", PARTS, "multipart/form-data; boundary=cut")
    yield Case("data nothing", "by_data", b"", "application/octet-stream")
    yield Case("data without a body", "by_data")


def of_query_and_head():
    for query in QUERIES:
        yield Case(f"params {query}", "by_payload", b"", path=f"/?{query}")
    yield Case("headers", "by_payload", b"", path="/?fields=1", fields=CALLED)
    for name in ("X-ANY", "x-any", "content-type", "content-length", "x-none"):
        yield Case(f"headers[{name}]", "by_payload", b"{}", JSON, f"/?field={name}", fields=CALLED)


def of_request():
    parts = "multipart/form-data; boundary=cut"
    yield Case("request file", "by_request", PARTS, parts, "/?do=file")
    yield Case("request form", "by_request", b"x=1&x=2", FORM, "/?do=form")
    yield Case("request form without x", "by_request", b"y=1", FORM, "/?do=form")
    yield Case("request cookies", "by_request", path="/?do=cookies", fields={"Cookie": "a=1; b=2"})
    yield Case("request json", "by_request", b"[1]", JSON, "/?do=json")
    yield Case("request json bad", "by_request", b"[", JSON, "/?do=json")
    yield Case("request json of text", "by_request", b"[1]", "text/plain", "/?do=json")
    yield Case("request about", "by_request", b"body", "text/plain", "/?do=about&x=%20")
    yield Case("request raw", "by_request", b"\x00\xff", path="/?a=1")
    for status in (400, 401, 404, 405, 413, 418, 422, 429, 500, 503):
        path = f"/?do=abort&status={status}"
        yield Case(f"abort {status}", "by_request", b"", path=path)
        if status in (400, 404, 500):
            yield Case(f"abort {status} to a page", "by_request", b"", path=path, fields=ORIGIN)
    for what in ("own-status", "two", "stream", "jsonify", "redirect"):
        yield Case(f"response {what}", "by_request", b"", path=f"/?do={what}")
    yield Case("response to a page", "by_request", b"", path="/?do=two", fields=ORIGIN)
    yield Case("nothing", "by_nothing", b"{", JSON)
    yield Case("nothing, but flask.request", "by_nothing", path="/?n=7")


def of_routes():
    yield Case("GET", "by_json", method="GET")
    yield Case("GET with a query", "by_json", method="GET", path="/?x=1")
    yield Case("HEAD", "by_json", method="HEAD")
    yield Case("OPTIONS", "by_json", method="OPTIONS")
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PURGE"):
        yield Case(method, "by_json", method=method)
    for path in ("/predict", "/predict/", "/a/b?x=1", "//", "/%2F", "/index.html"):
        yield Case(f"GET {path}", "by_json", method="GET", path=path)
    yield Case("HEAD elsewhere", "by_json", method="HEAD", path="/x")
    yield Case("OPTIONS elsewhere", "by_json", method="OPTIONS", path="/x")
    yield Case("POST //", "by_json", b"[]", JSON, "//")
    yield Case("POST /predict", "by_json", b"{}", JSON, "/predict")
    yield Case("POST /predict of a page", "by_json", b"{}", JSON, "/predict", fields=ORIGIN)
    yield Case("PUT of a page", "by_json", method="PUT", fields=ORIGIN)
    for name, fields in {
        "a page": ORIGIN,
        "null": {"Origin": "null"},
        "an empty origin": {"Origin": ""},
        "*": {"Origin": "*"},
    }.items():
        yield Case(f"POST of {name}", "by_json", do("dict"), JSON, fields=fields)
    yield Case("POST of a page, bad", "by_json", b"{", JSON, fields=ORIGIN)
    yield Case("POST of a page, 406", "by_json", b"[]", JSON, fields={**ORIGIN, "Accept": "a/b"})
    yield Case("GET of a page", "by_json", method="GET", fields=ORIGIN)
    yield Case("HEAD of a page", "by_json", method="HEAD", fields=ORIGIN)
    yield Case("OPTIONS of a page", "by_json", method="OPTIONS", fields=ORIGIN)
    for more in (
        {},
        {"Access-Control-Request-Headers": "content-type, x-own"},
        {"Access-Control-Request-Headers": "X-B,x-a ,X-B"},
        {"Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Method": "PURGE"},
        {"Access-Control-Request-Private-Network": "true"},
    ):
        yield Case(f"preflight {more}", "by_json", method="OPTIONS", fields={**PREFLIGHT, **more})
    yield Case("preflight elsewhere", "by_json", method="OPTIONS", path="/x", fields=PREFLIGHT)
    for fields in ({}, ORIGIN):
        page = " of a page" if fields else ""
        yield Case(f"raise{page}", "by_json", do("raise"), JSON, fields=fields, production=True)
        yield Case(f"KeyError{page}", "by_json", do("no"), JSON, fields=fields, production=True)
    yield Case("raise at work", "by_json", do("raise"), JSON)


def of_chance():
    """Bodies that nobody has chosen, of every type."""
    chance = random.Random(SEED)
    for number in range(20):
        kind = chance.choice(["json", "msgpack", "bytes", "cut"])
        value = made(chance, 3)
        text, noise = json.dumps(value).encode(), chance.randbytes(chance.randrange(200))
        body = {"json": text, "msgpack": packed(value), "bytes": noise, "cut": text[:-1]}[kind]
        type_ = {"json": JSON, "msgpack": MSGPACK, "cut": JSON}.get(kind, chance.choice(TYPES))
        fields = {"Accept": chance.choice([MSGPACK, "*/*", JSON])}
        program = chance.choice(["by_json", "by_payload", "by_data"])
        yield Case(f"chance {number}: {kind}", program, body, type_, fields=fields)


def made(chance, depth):
    kind = chance.randrange(8 if depth else 5)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.randrange(-(2**40), 2**40)
    if kind == 2:
        return chance.uniform(-1e6, 1e6)
    if kind in (3, 4):
        return "".join(
            chance.choice('ab"\\\n猫é\u2028\U0001f408') for _ in range(chance.randrange(9))
        )
    if kind == 5:
        return {f"k{n}": made(chance, depth - 1) for n in range(chance.randrange(4))}
    return [made(chance, depth - 1) for _ in range(chance.randrange(5))]


def all_cases():
    cases = [
        *of_results(), *of_bodies(), *of_query_and_head(), *of_request(), *of_routes(), *of_chance(),
    ]  # fmt: skip
    assert len({case.name for case in cases}) == len(cases)
    return cases


OF_CONNECTION = (
    "date",
    "server",
    "connection",
    "keep-alive",
    "x-request-id",
    "endpoint-load-metrics",
)


def asked(address, case):
    """(status, fields without those of the connection, body) of one answer."""
    import http.client

    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    head = {"Host": "served.example:8080", **case.head}  # Whatever the port is.
    try:
        connection.request(case.method, case.path, case.body, head)
        answer = connection.getresponse()
        body = answer.read()
        fields = sorted(
            (name.lower(), value.replace(address, "<address>"))
            for name, value in answer.getheaders()
            if name.lower() not in OF_CONNECTION
        )
        return answer.status, fields, body
    finally:
        connection.close()
