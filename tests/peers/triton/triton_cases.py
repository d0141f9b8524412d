# SPDX-License-Identifier: Apache-2.0
"""Requests for the original and for us: each row of the protocol, and random ones.

In an order that matters: sequences, counts, and what loads and unloads.
"""

import gzip
import json
import zlib

import triton_cases_admin
import triton_cases_grpc
import triton_cases_random
from triton_parts import LENGTH, binary, get, http, infer, post, tensor, wanted

MODEL = "/v2/models/add_sub"
LEFT = ("INPUT0", "INT32", [1, 4], [1, 2, 3, 4])
RIGHT = ("INPUT1", "INT32", [1, 4], [10, 20, 30, 40])
PAIR = [tensor(*LEFT), tensor(*RIGHT)]
FLOATS = [[i / 4 for i in range(64)]]
ODD_NUMBERS = b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[NaN,-Infinity]}]}'


def cases():
    found = [
        *(about() + json_requests() + optional_and_shapes() + binary_requests()),
        *(wrong_requests() + compressed() + beside_tensors() + kinds() + generated()),
        *(triton_cases_random.cases() + triton_cases_grpc.cases() + triton_cases_admin.cases()),
    ]
    assert len({case["name"] for case in found}) == len(found)
    return found


def about():
    """Health, metadata, configuration."""
    return [
        get("live", "/v2/health/live"),
        get("ready", "/v2/health/ready"),
        get("server", "/v2"),
        get("metadata", MODEL),
        get("metadata-version", MODEL + "/versions/1"),
        get("metadata-no-batch", "/v2/models/optional"),
        get("metadata-text", "/v2/models/words"),
        get("metadata-shaped", "/v2/models/shaped"),
        get("metadata-completed", "/v2/models/completed"),
        get("metadata-chain", "/v2/models/chain"),
        get("metadata-many", "/v2/models/many"),
        get("metadata-many-one", "/v2/models/many/versions/3"),
        get("metadata-unknown", "/v2/models/nobody"),
        get("metadata-no-version", MODEL + "/versions/7"),
        get("metadata-not-served", "/v2/models/many/versions/10"),
        get("metadata-odd-version", MODEL + "/versions/one"),
        get("model-ready", MODEL + "/ready"),
        get("model-ready-version", MODEL + "/versions/1/ready"),
        get("model-ready-unknown", "/v2/models/nobody/ready"),
        get("model-ready-not-loaded", "/v2/models/later/ready"),
        get("config", MODEL + "/config"),
        get("config-batched", "/v2/models/batched/config"),
        get("config-decoupled", "/v2/models/repeat/config"),
        get("config-completed", "/v2/models/completed/config"),
        get("config-chain", "/v2/models/chain/config"),
        get("config-series", "/v2/models/series/config"),
        get("config-shaped", "/v2/models/shaped/config"),
        get("config-many", "/v2/models/many/versions/3/config"),
        get("config-unknown", "/v2/models/nobody/config"),
        get("no-such-path", "/v2/nothing"),
        http("wrong-verb", "POST", "/v2", b""),
        get("infer-by-get", MODEL + "/infer"),
    ]


def json_requests():
    words = ["ab", "", "\u00e9\u4e2d", "with \u0000 in it"]
    return [
        infer("json", "add_sub", PAIR),
        infer("json-id", "add_sub", PAIR, id="my id"),
        infer("json-nested", "add_sub", [
            tensor("INPUT0", "INT32", [2, 4], [[1, 2, 3, 4], [5, 6, 7, 8]]),
            tensor("INPUT1", "INT32", [2, 4], [[[1], [1]], [[1, 1]], [[1, 1, 1, 1]]])]),
        infer("json-one-output", "add_sub", PAIR, [wanted("OUTPUT1")]),
        infer("json-outputs-turned", "add_sub", PAIR, [wanted("OUTPUT1"), wanted("OUTPUT0")]),
        infer("json-outputs-empty", "add_sub", PAIR, []),
        infer("json-version", "add_sub/versions/1", PAIR),
        infer("json-turned-inputs", "add_sub", PAIR[::-1]),
        infer("json-floats", "identity", [tensor("INPUT0", "FP32", [1, 64], FLOATS)]),
        infer("json-ints-for-floats", "optional", [tensor("INPUT0", "FP32", [2], [1, 2])]),
        post("json-not-a-number", "/v2/models/optional/infer", ODD_NUMBERS),
        infer("json-text", "words", [tensor("INPUT0", "BYTES", [1, 4], words)]),
        infer("json-text-batch", "words", [tensor("INPUT0", "BYTES", [2, 1], [["a"], ["b"]])]),
        infer("json-no-elements", "words", [tensor("INPUT0", "BYTES", [1, 0], [])]),
        infer("json-unknown-keys", "add_sub", PAIR, other={"a": [1]}),
        infer("many-latest", "many", [tensor("ANY", "INT32", [1], [0])]),
        infer("many-first", "many/versions/1", [tensor("ANY", "INT32", [1], [0])]),
        infer("chain", "chain", [tensor("A", *LEFT[1:]), tensor("B", *RIGHT[1:])]),
        infer("chain-part", "chain", [tensor("A", *LEFT[1:]), tensor("B", *RIGHT[1:])],
              [wanted("TWICE")]),
        infer("completed", "completed", [tensor("X", "FP64", [1, 2], [0.5, 1e300])]),
        infer("batched", "batched", [tensor("INPUT0", "FP32", [3, 2], [1, 2, 3, 4, 5, 6])]),
    ]  # fmt: skip


def optional_and_shapes():
    one, four = tensor("ONE", "FP32", [2, 1], [2, 3]), [1, 2, 3, 4, 5, 6, 7, 8]

    def ask(name, model, number):
        return infer(name, "calls", [tensor("MODEL", "BYTES", [1], [model]),
                                     tensor("NUMBER", "INT32", [4], number)])  # fmt: skip

    return [
        infer("optional-without", "optional", [tensor("INPUT0", "FP32", [2], [0.5, 1])]),
        infer("optional-with", "optional", [tensor("INPUT0", "FP32", [2], [0.5, 1]),
                                            tensor("INPUT1", "FP32", [2], [1, 2])]),
        infer("optional-missing", "optional", [tensor("INPUT1", "FP32", [2], [1, 2])]),
        infer("reshaped", "shaped", [one, tensor("FOUR", "FP32", [2, 2, 2], four)]),
        infer("reshaped-wrong", "shaped", [one, tensor("FOUR", "FP32", [2, 4], four)]),
        infer("bls", "calls", [tensor("MODEL", "BYTES", [1], ["add_sub"]),
                               tensor("NUMBER", "INT32", [4], [1, 2, 3, 4])]),
        ask("bls-stream", "repeat", [4, 5, 6, 7]),
        ask("bls-stream-error", "repeat", [4, -5, 6, 7]),
        ask("bls-unknown", "nobody", [1, 2, 3, 4]),
        ask("bls-refused", "identity", [1, 2, 3, 4]),
    ]  # fmt: skip


def binary_requests():
    pair, both = [LEFT, RIGHT], [wanted("OUTPUT0", binary_data=True), wanted("OUTPUT1")]
    all_binary = {"parameters": {"binary_data_output": True}}
    mixed = binary("binary-mixed", "add_sub", [RIGHT])
    head, blocks = mixed["body"][:-16], mixed["body"][-16:]
    head = head.replace(
        b'{"inputs": [', b'{"inputs": [' + json.dumps(tensor(*LEFT)).encode() + b", "
    )
    mixed |= {"body": head + blocks, "headers": {LENGTH: str(len(head))}}
    raw = post("raw-request", "/v2/models/identity/infer", bytes(256))
    raw["headers"][LENGTH] = "0"
    raw_pair = post("raw-request-two-inputs", MODEL + "/infer", bytes(32))
    raw_pair["headers"][LENGTH] = "0"
    raw_text = post("raw-request-text", "/v2/models/words/infer", b"one text")
    raw_text["headers"][LENGTH] = "0"
    return [
        binary("binary", "add_sub", pair),
        binary("binary-all", "add_sub", pair, **all_binary),
        binary("binary-one", "add_sub", pair, both),
        binary("binary-listed-wins", "add_sub", pair, [wanted("OUTPUT0")], **all_binary),
        infer("json-in-binary-out", "add_sub", PAIR, **all_binary),
        mixed,
        binary("binary-text", "words", [("INPUT0", "BYTES", [1, 3], ["a", b"\xff\x00", ""])],
               [wanted("OUTPUT0", binary_data=True)]),
        binary("binary-text-as-json", "words", [("INPUT0", "BYTES", [1, 2], ["a", "\u00e9"])]),
        binary("binary-left-over", "add_sub", pair, tail=b"more"),
        binary("binary-too-few", "add_sub", [LEFT, ("INPUT1", "INT32", [1, 4], [1, 2, 3])]),
        binary("binary-cut", "add_sub", [LEFT, (*RIGHT[:3], [])]),
        binary("binary-no-elements", "words", [("INPUT0", "BYTES", [1, 0], [])], **all_binary),
        {**binary("binary-length-odd", "add_sub", pair), "headers": {LENGTH: "many"}},
        {**binary("binary-length-long", "add_sub", pair), "headers": {LENGTH: "99999"}},
        raw,
        raw_pair,
        raw_text,
    ]  # fmt: skip


def wrong_requests():
    def left(**other):
        return {**PAIR[0], **other}

    def pair(case, **other):
        return infer(case, "add_sub", [left(**other), PAIR[1]])

    return [
        infer("unknown-model", "nobody", PAIR),
        infer("unknown-version", "add_sub/versions/9", PAIR),
        infer("not-loaded", "later", PAIR),
        infer("input-missing", "add_sub", PAIR[:1]),
        infer("input-unknown", "add_sub", [*PAIR, tensor("INPUT2", *LEFT[1:])]),
        infer("input-twice", "add_sub", [PAIR[0], PAIR[0]]),
        infer("inputs-none", "add_sub", []),
        post("inputs-absent", MODEL + "/infer", {"id": "x"}),
        infer("input-renamed", "add_sub", [PAIR[0], tensor("INPUT2", *LEFT[1:])]),
        infer("output-unknown", "add_sub", PAIR, [wanted("OUTPUT9")]),
        pair("datatype-other", datatype="FP32", data=[1.5, 2, 3, 4]),
        pair("datatype-unknown", datatype="INT33"),
        pair("datatype-absent", datatype=None),
        pair("shape-other", shape=[1, 5], data=[1, 2, 3, 4, 5]),
        pair("shape-no-batch", shape=[4]),
        pair("shape-negative", shape=[1, -4]),
        pair("shape-text", shape="1,4"),
        pair("shape-and-data", data=[1, 2, 3]),
        pair("shape-and-more-data", data=[1, 2, 3, 4, 5]),
        pair("batches-differ", shape=[2, 4], data=list(range(8))),
        infer("batch-too-large", "add_sub", [
            tensor(name, "INT32", [9, 4], list(range(36))) for name in ("INPUT0", "INPUT1")]),
        pair("data-text", data=["a", "b", "c", "d"]),
        pair("data-floats", data=[1.5, 2.5, 3, 4]),
        pair("data-too-big", data=[2**40, 2, 3, 4]),
        pair("data-null", data=[None, 2, 3, 4]),
        infer("data-absent", "add_sub", [tensor(*LEFT[:3]), PAIR[1]]),
        pair("name-absent", name=None),
        post("no-json", MODEL + "/infer", b"{"),
        post("json-list", MODEL + "/infer", [1]),
        post("no-body", MODEL + "/infer", b""),
        infer("id-number", "add_sub", PAIR, id=7),
        infer("shared-memory-unknown", "add_sub", [
            tensor(*LEFT[:3], shared_memory_region="none", shared_memory_byte_size=16), PAIR[1]]),
        *(infer(f"fault-{what}", "faults", [tensor("WHAT", "BYTES", [1, 1], [what])])
          for what in ("raise", "raise-own", "no-list", "too-many", "no-response", "fine",
                       "nothing", "plain", "UNKNOWN", "INTERNAL", "NOT_FOUND", "INVALID_ARG",
                       "UNAVAILABLE", "UNSUPPORTED", "ALREADY_EXISTS", "CANCELLED")),
        infer("decoupled-infer", "repeat", [tensor("IN", "INT32", [2], [1, 2])]),
    ]  # fmt: skip


def compressed():
    plain = infer("plain", "add_sub", PAIR)
    blocks = binary("plain", "add_sub", [LEFT, RIGHT], parameters={"binary_data_output": True})

    words = ("INPUT0", "BYTES", [1, 2], ["long " * 400, "longer " * 400])
    long, long_blocks = (
        infer("long", "words", [tensor(*words)]),
        binary("long", "words", [words], parameters={"binary_data_output": True}),
    )

    def other(name, case, body, **headers):
        return {**case, "name": name, "body": body, "headers": {**case["headers"], **headers}}

    def encoded(how):
        return {"Content-Encoding": how}

    return [
        other("gzip-request", plain, gzip.compress(plain["body"]), **encoded("gzip")),
        other("deflate-request", plain, zlib.compress(plain["body"]), **encoded("deflate")),
        other("gzip-binary", blocks, gzip.compress(blocks["body"]), **encoded("gzip")),
        other("gzip-answer", plain, plain["body"], **{"Accept-Encoding": "gzip"}),
        other("deflate-answer", blocks, blocks["body"], **{"Accept-Encoding": "deflate"}),
        other("weighted-answer", plain, plain["body"],
              **{"Accept-Encoding": "gzip;q=0.1, deflate;q=0.9"}),
        other("gzip-answer-long", long, long["body"], **{"Accept-Encoding": "gzip"}),
        other("deflate-answer-long", long_blocks, long_blocks["body"],
              **{"Accept-Encoding": "gzip;q=0.1, deflate;q=0.9"}),
        other("unknown-encoding", plain, plain["body"], **encoded("br")),
        other("not-gzip", plain, plain["body"], **encoded("gzip")),
    ]  # fmt: skip


def beside_tensors():
    """Parameters, sequences, classification."""
    any_input = [tensor("ANY", "INT64", [1, 2], [3, 4])]

    def told(name, outputs=None, **more):
        return infer(name, "told", any_input, outputs, **more)

    def with_parameters(name, **parameters):
        return told(name, parameters=parameters)

    def classes(name, count, binary_data=None):
        more = {} if binary_data is None else {"binary_data": binary_data}
        return infer(name, "add_sub", PAIR, [wanted("OUTPUT0", classification=count, **more)])

    def series(name, value, **parameters):
        inputs = [tensor("VALUE", "INT32", [1, 1], [value])]
        return infer(name, "series", inputs, parameters=parameters)

    return [
        told("told", id="an id"),
        told("told-outputs", [wanted("TOLD")]),
        with_parameters("parameters", text="a", count=3, flag=True, share=0.5, none_of=""),
        with_parameters("parameters-list", list=[1]),
        with_parameters("parameters-null", nothing=None),
        with_parameters("parameters-reserved", triton_x=1),
        with_parameters("parameters-sequence", sequence_id=7, sequence_start=True, other=1),
        with_parameters("parameters-sequence-text", sequence_id="seven", sequence_end=True),
        with_parameters("parameters-sequence-wrong", sequence_start="yes"),
        with_parameters("parameters-timeout", timeout=1_000_000, priority=0),
        with_parameters("parameters-timeout-text", timeout="soon"),
        with_parameters("parameters-empty-final", triton_enable_empty_final_response=True),
        classes("classification", 2),
        classes("classification-many", 9),
        classes("classification-zero", 0),
        classes("classification-binary", 1, True),
        infer("classification-batch", "add_sub", [
            tensor(name, "INT32", [2, 4], [5, 1, 7, 3, 0, 0, 9, 2])
            for name in ("INPUT0", "INPUT1")], [wanted("OUTPUT1", classification=2),
                                                wanted("OUTPUT0", classification=1)]),
        infer("classification-floats", "optional", [tensor("INPUT0", "FP32", [2], [0.5, 1.25])],
              [wanted("OUTPUT0", classification=1)]),
        series("series-none", 1),
        series("series-not-started", 1, sequence_id=5),
        series("series-start", 1, sequence_id=5, sequence_start=True),
        series("series-other", 100, sequence_id=6, sequence_start=True, sequence_end=True),
        series("series-next", 2, sequence_id=5),
        series("series-end", 3, sequence_id=5, sequence_end=True),
        series("series-over", 4, sequence_id=5),
    ]  # fmt: skip


def kinds():
    """Each datatype both ways, by JSON and in blocks; what JSON cannot hold is an error."""
    data = {
        "BOOL": [True, False],
        **{f"UINT{bits}": [0, 2**bits - 1] for bits in (8, 16, 32, 64)},
        **{f"INT{bits}": [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] for bits in (8, 16, 32, 64)},
        "FP16": [0.5, -2.0],
        "FP32": [0.1, -3.4e38],
        "FP64": [0.1, 1e-308],
        "BYTES": ["a", "\u00e9"],
        "BF16": [1.5, -2.0],
    }
    found = []
    for kind, values in data.items():
        name = "IN_STRING" if kind == "BYTES" else f"IN_{kind}"
        given = (name, kind, [2], values)
        found.append(infer(f"kind-{kind}", "kinds", [tensor(*given)]))
        output = [wanted(name.replace("IN_", "OUT_"), binary_data=True)]
        found.append(binary(f"kind-{kind}-binary", "kinds", [given], output))
    found.append(binary("kind-FP16-as-json", "kinds", [("IN_FP16", "FP16", [2], [1, 2])]))
    return found


def generated():
    """generate and generate_stream."""
    says, talks = "/v2/models/says", "/v2/models/talks"
    text = {"text_input": "ab"}
    zipped = gzip.compress(b'{"text_input": "a"}')
    return [
        post("generate", says + "/generate", text),
        post("generate-more", says + "/generate", {**text, "times": 3, "seed": 4, "warm": True}),
        post("generate-parameters", says + "/generate", {**text, "parameters": {"seed": 4}}),
        post("generate-id", says + "/generate", {**text, "id": "mine"}),
        post("generate-version", says + "/versions/1/generate", text),
        post("generate-list", says + "/generate", {"text_input": ["ab"]}),
        post("generate-stream-one", says + "/generate_stream", text),
        post("generate-missing", says + "/generate", {"times": 2}),
        post("generate-wrong", says + "/generate", {"text_input": "a", "times": "two"}),
        post("generate-nested", says + "/generate", {**text, "deep": {"a": {"b": 1}}}),
        post("generate-no-json", says + "/generate", b"{"),
        post("generate-unknown", "/v2/models/nobody/generate", text),
        post("generate-gzip", says + "/generate", zipped, Content_Encoding="gzip"),
        post("generate-decoupled-one", talks + "/generate", {"text_input": "word"}),
        post("generate-decoupled-two", talks + "/generate", {"text_input": "two words"}),
        post("generate-decoupled-none", talks + "/generate", {"text_input": ""}),
        post("generate-stream", talks + "/generate_stream", {"text_input": "three short words"}),
        post("generate-stream-times", talks + "/generate_stream", {"text_input": "a", "times": 2}),
        post("generate-stream-error", talks + "/generate_stream", {"text_input": "a FAIL b"}),
        post("generate-stream-none", talks + "/generate_stream", {"text_input": ""}),
        get("generate-by-get", says + "/generate"),
    ]  # fmt: skip
