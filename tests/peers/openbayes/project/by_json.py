# SPDX-License-Identifier: Apache-2.0
"""Takes what is parsed, and returns what the client names."""

import collections

import numpy
import openbayes_serving as serv

Point = collections.namedtuple("Point", "x y")
PNG, JPEG = b"\x89PNG\r\n\x1a\n rest", b"\xff\xd8\xff\xe0 rest"
LOOP: list = []
LOOP.append(LOOP)
DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]
RESULTS = {
    "loop": LOOP,
    "deep": DEEP,
    "dict": {"label": "猫", "score": 0.5, "none": None, "yes": True},
    "list": [1, 2.5, "three", None],
    "tuple": ([], []),
    "boxes": ([[(1.5, 2.0), (3.0, 4.0)]], ["cat"]),
    "ordered": collections.OrderedDict(b=1, a=2),
    "namedtuple": Point(1, 2),
    "nested-bytes": {"image": b"\x00\xff", "list": [b"a", (b"b", {"c": b"c"})]},
    "bytes-key": {b"k": 1},
    "int-key": {1: "one", None: "none", False: "no"},
    "nan": [float("nan"), float("inf")],
    "big": [2**70],
    "bytes": b"plain bytes",
    "png": PNG,
    "jpeg": JPEG,
    "empty-bytes": b"",
    "bytearray": bytearray(b"an array"),
    "memoryview": memoryview(b"a view"),
    "str": "猫 cat",
    "empty-str": "",
    "none": None,
    "int": 5,
    "float": 0.5,
    "bool": True,
    "set": [{1, 2}],
    "array": numpy.arange(6, dtype="int32").reshape(2, 3),
    "scalar": numpy.float32(1.5),
    "nested-array": {"scores": numpy.array([0.25, 0.5]), "best": numpy.int64(1)},
    "generator": (number for number in range(3)),
    "object": object(),
}


class Predictor:
    def predict(self, json):
        do = json.get("do") if isinstance(json, dict) else None
        if do is None:
            return json if isinstance(json, (dict, list)) else [json]
        if do == "raise":
            raise ValueError(json.get("text", "no such cat"))
        return RESULTS[do]


if __name__ == "__main__":
    serv.run(Predictor)
