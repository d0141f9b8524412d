# SPDX-License-Identifier: Apache-2.0
"""The requests by gRPC: unary with typed and raw contents, streams, and all the other methods."""

from triton_parts import call, raw_request, stream, tensor, typed_request, wanted

LEFT = ("INPUT0", "INT32", [1, 4], [1, 2, 3, 4])
RIGHT = ("INPUT1", "INT32", [1, 4], [10, 20, 30, 40])
ANY = [("ANY", "INT64", [1, 2], [3, 4])]
PAIR = [LEFT, RIGHT]
TYPED = [(*LEFT[:3], {"int_contents": LEFT[3]}), (*RIGHT[:3], {"int_contents": RIGHT[3]})]


def cases():
    return [*about(), *unary(), *wrong(), *streams()]


def statistics(name, model):
    return call(name, "ModelStatistics", {"name": model})


def about():
    def named(name, method, model, version=""):
        return call(name, method, {"name": model, "version": version})

    return [
        call("grpc-live", "ServerLive"),
        call("grpc-ready", "ServerReady"),
        call("grpc-server", "ServerMetadata"),
        named("grpc-model-ready", "ModelReady", "add_sub"),
        named("grpc-model-ready-version", "ModelReady", "add_sub", "1"),
        named("grpc-model-ready-unknown", "ModelReady", "nobody"),
        named("grpc-metadata", "ModelMetadata", "add_sub"),
        named("grpc-metadata-many", "ModelMetadata", "many"),
        named("grpc-metadata-many-one", "ModelMetadata", "many", "1"),
        named("grpc-metadata-unknown", "ModelMetadata", "nobody"),
        named("grpc-metadata-version-odd", "ModelMetadata", "add_sub", "one"),
        named("grpc-config", "ModelConfig", "add_sub"),
        named("grpc-config-series", "ModelConfig", "series"),
        named("grpc-config-chain", "ModelConfig", "chain"),
        named("grpc-config-unknown", "ModelConfig", "nobody"),
        call("grpc-trace", "TraceSetting"),
        call("grpc-trace-set", "TraceSetting", {
            "model_name": "add_sub", "settings": {"trace_rate": {"value": ["7"]}}}),
        call("grpc-trace-clear", "TraceSetting", {
            "model_name": "add_sub", "settings": {"trace_rate": {}}}),
        call("grpc-logging", "LogSettings"),
        call("grpc-logging-set", "LogSettings", {"settings": {"log_info": {"bool_param": True}}}),
        call("grpc-logging-unknown", "LogSettings", {"settings": {"odd": {"bool_param": True}}}),
        call("grpc-shared-memory", "SystemSharedMemoryStatus"),
        call("grpc-shared-memory-unknown", "SystemSharedMemoryStatus", {"name": "none"}),
        call("grpc-shared-memory-cuda", "CudaSharedMemoryStatus"),
    ]  # fmt: skip


def unary():
    def infer(name, request, **metadata):
        return call(name, "ModelInfer", request, **metadata)

    parameters = {
        "text": {"string_param": "a"},
        "count": {"int64_param": "3"},
        "flag": {"bool_param": True},
        "share": {"double_param": 0.5},
    }
    words = [("INPUT0", "BYTES", [1, 3], ["a", b"\xff\x00", ""])]
    return [
        infer("grpc-raw", raw_request("add_sub", PAIR)),
        infer("grpc-typed", typed_request("add_sub", TYPED)),
        infer("grpc-id", raw_request("add_sub", PAIR, id="mine")),
        infer("grpc-version", raw_request("many", [("ANY", "INT32", [1], [0])], model_version="1")),
        infer("grpc-outputs", raw_request("add_sub", PAIR, [wanted("OUTPUT1")])),
        infer("grpc-outputs-turned", raw_request("add_sub", PAIR, [
            wanted("OUTPUT1"), wanted("OUTPUT0")])),
        infer("grpc-text", raw_request("words", words)),
        infer("grpc-text-typed", typed_request("words", [
            ("INPUT0", "BYTES", [1, 2], {"bytes_contents": ["YQ==", "/wA="]})])),
        infer("grpc-no-elements", raw_request("words", [("INPUT0", "BYTES", [1, 0], [])])),
        infer("grpc-floats", typed_request("optional", [
            ("INPUT0", "FP32", [2], {"fp32_contents": [0.5, "NaN"]})])),
        infer("grpc-optional", raw_request("optional", [
            ("INPUT0", "FP32", [2], [1, 2]), ("INPUT1", "FP32", [2], [1, 2])])),
        infer("grpc-kinds-raw", raw_request("kinds", [
            ("IN_FP16", "FP16", [2], [1, 2]), ("IN_BF16", "BF16", [1], [1.5]),
            ("IN_UINT64", "UINT64", [1], [2**64 - 1]), ("IN_BOOL", "BOOL", [2], [True, False])])),
        infer("grpc-kinds-typed", typed_request("kinds", [
            ("IN_BOOL", "BOOL", [2], {"bool_contents": [True, False]}),
            ("IN_UINT8", "UINT8", [2], {"uint_contents": [1, 255]}),
            ("IN_INT16", "INT16", [1], {"int_contents": [-5]}),
            ("IN_INT64", "INT64", [1], {"int64_contents": ["-6"]}),
            ("IN_UINT64", "UINT64", [1], {"uint64_contents": ["6"]}),
            ("IN_FP64", "FP64", [1], {"fp64_contents": [0.1]}),
            ("IN_STRING", "BYTES", [1], {"bytes_contents": ["YQ=="]})])),
        infer("grpc-chain", raw_request("chain", [("A", *LEFT[1:]), ("B", *RIGHT[1:])])),
        infer("grpc-classification", raw_request("add_sub", PAIR, [
            wanted("OUTPUT0", classification={"int64_param": "2"})])),
        infer("grpc-parameters", raw_request("told", ANY, parameters=parameters)),
        infer("grpc-parameters-unsigned", raw_request("told", ANY, parameters={
            "big": {"uint64_param": "5"}})),
        infer("grpc-parameters-unset", raw_request("told", ANY, parameters={"none": {}})),
        infer("grpc-parameters-reserved", raw_request("told", ANY, parameters={
            "triton_odd": {"int64_param": "1"}})),
        infer("grpc-parameters-known", raw_request("told", ANY, parameters={
            "sequence_id": {"int64_param": "9"}, "sequence_start": {"bool_param": True},
            "timeout": {"int64_param": "1000000"}, "priority": {"uint64_param": "0"}})),
        infer("grpc-empty-final-accepted", raw_request("add_sub", PAIR, parameters={
            "triton_enable_empty_final_response": {"bool_param": False}})),
    ]  # fmt: skip


def wrong():
    def infer(name, request):
        return call(name, "ModelInfer", request)

    both = {**raw_request("add_sub", PAIR), "inputs": typed_request("add_sub", TYPED)["inputs"]}
    floats, short = ("INPUT0", "FP32", [1, 4], [1] * 4), ("INPUT0", "INT32", [1, 3], [1] * 3)
    too_long = ("INPUT0", "INT32", [1, 4], [1, 2, 3, 4, 5])
    return [
        infer("grpc-unknown-model", raw_request("nobody", PAIR)),
        infer("grpc-no-model", raw_request("", PAIR)),
        infer("grpc-unknown-version", raw_request("add_sub", PAIR, model_version="9")),
        infer("grpc-version-odd", raw_request("add_sub", PAIR, model_version="one")),
        infer("grpc-input-missing", raw_request("add_sub", PAIR[:1])),
        infer("grpc-input-unknown", raw_request("add_sub", [*PAIR, ("X", *LEFT[1:])])),
        infer("grpc-output-unknown", raw_request("add_sub", PAIR, [wanted("OUTPUT9")])),
        infer("grpc-datatype", raw_request("add_sub", [floats, RIGHT])),
        infer("grpc-shape", raw_request("add_sub", [short, RIGHT])),
        infer("grpc-size", raw_request("add_sub", [too_long, RIGHT])),
        infer("grpc-raw-too-few", {**raw_request("add_sub", PAIR), "raw_input_contents": ["AAAA"]}),
        infer("grpc-raw-and-typed", both),
        infer("grpc-no-data", {"model_name": "add_sub", "inputs": [
            tensor(*LEFT[:3]), tensor(*RIGHT[:3])]}),
        infer("grpc-typed-other-field", typed_request("add_sub", [
            (*LEFT[:3], {"fp32_contents": [1, 2, 3, 4]}), TYPED[1]])),
        infer("grpc-typed-count", typed_request("add_sub", [
            (*LEFT[:3], {"int_contents": [1, 2]}), TYPED[1]])),
        infer("grpc-text-cut", {**raw_request("words", [("INPUT0", "BYTES", [1, 1], ["a"])]),
                                "raw_input_contents": ["BQAAAGE="]}),
        infer("grpc-text-count", raw_request("words", [("INPUT0", "BYTES", [1, 1], ["a", "b"])])),
        infer("grpc-decoupled", raw_request("repeat", [("IN", "INT32", [1], [1])])),
        *(infer(f"grpc-fault-{what}", raw_request("faults", [("WHAT", "BYTES", [1, 1], [what])]))
          for what in ("raise", "plain", "UNKNOWN", "INTERNAL", "NOT_FOUND", "INVALID_ARG",
                       "UNAVAILABLE", "UNSUPPORTED", "ALREADY_EXISTS", "CANCELLED")),
    ]  # fmt: skip


def streams():
    empty_final = {"triton_enable_empty_final_response": {"bool_param": True}}

    def repeat(*values, **more):
        return raw_request("repeat", [("IN", "INT32", [len(values)], list(values))], **more)

    pair = raw_request("add_sub", PAIR, id="pair")
    unknown = raw_request("nobody", PAIR, id="nobody")
    return [
        stream("stream-nothing"),
        stream("stream-one", pair),
        stream("stream-in-order", *(raw_request("add_sub", PAIR, id=f"n{n}") for n in range(5))),
        stream("stream-decoupled", repeat(7, 8, 9, id="r")),
        stream("stream-decoupled-final", repeat(7, 8, id="r", parameters=empty_final)),
        stream("stream-decoupled-none", repeat(id="r")),
        stream("stream-decoupled-none-final", repeat(id="r", parameters=empty_final)),
        stream("stream-decoupled-error", repeat(7, -1, 9, id="r")),
        stream("stream-decoupled-outputs", repeat(7, 8, id="r", outputs=[wanted("IDX")])),
        stream("stream-error-goes-on", unknown, pair),
        stream("stream-error-status", unknown, triton_grpc_error="true"),
        stream("stream-bad-input", raw_request("add_sub", PAIR[:1], id="bad")),
        stream("stream-fault", raw_request("faults", [("WHAT", "BYTES", [1, 1], ["plain"])])),
        stream("stream-text", raw_request("talks", [("text_input", "BYTES", [1], ["a b c"])])),
        stream("stream-typed", typed_request("add_sub", TYPED, id="typed")),
    ]  # fmt: skip


def repository():
    return [
        call("grpc-index-ready", "RepositoryIndex", {"ready": True}),
        call("grpc-index-named", "RepositoryIndex", {"repository_name": "other"}),
        call("grpc-load", "RepositoryModelLoad", {"model_name": "words"}),
        call("grpc-load-ready", "ModelReady", {"name": "words"}),
        call("grpc-load-fails", "RepositoryModelLoad", {"model_name": "fails"}),
        call("grpc-load-unknown", "RepositoryModelLoad", {"model_name": "nobody"}),
        call("grpc-load-parameter", "RepositoryModelLoad", {
            "model_name": "words", "parameters": {"odd": {"string_param": "x"}}}),
        call("grpc-unload", "RepositoryModelUnload", {"model_name": "words"}),
        call("grpc-unload-ready", "ModelReady", {"name": "words"}),
        call("grpc-unload-unknown", "RepositoryModelUnload", {"model_name": "nobody"}),
    ]  # fmt: skip
