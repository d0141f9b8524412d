# SPDX-License-Identifier: Apache-2.0
"""Statistics, settings, shared memory and the repository; last, since models come and go."""

import triton_cases_grpc
from triton_parts import get, infer, post, tensor

MODEL = "/v2/models/add_sub"


def cases():
    return [*counted(), *settings(), *repository()]


def counted():
    """Statistics of a model that only these cases ask."""

    def ask(name, *values):
        shape = [len(values), 1]
        return infer(name, "counted", [tensor("INPUT0", "INT32", shape, list(values))])

    return [
        get("stats-before", "/v2/models/counted/stats"),
        ask("counted-one", 1),
        ask("counted-three", 1, 2, 3),
        ask("counted-failed", -1),
        ask("counted-refused", 1, 2, 3, 4, 5),
        get("stats", "/v2/models/counted/stats"),
        get("stats-version", "/v2/models/counted/versions/1/stats"),
        get("stats-unknown", "/v2/models/nobody/stats"),
        triton_cases_grpc.statistics("grpc-stats", "counted"),
        triton_cases_grpc.statistics("grpc-stats-unknown", "nobody"),
    ]


def settings():
    return [
        get("trace", "/v2/trace/setting"),
        get("trace-model", MODEL + "/trace/setting"),
        post("trace-set", MODEL + "/trace/setting", {"trace_level": ["OFF"], "trace_rate": "5"}),
        post("trace-clear", MODEL + "/trace/setting", {"trace_level": None, "trace_rate": None}),
        post("trace-file", "/v2/trace/setting", {"trace_file": "x"}),
        post("trace-unknown", "/v2/trace/setting", {"nothing": "x"}),
        get("logging", "/v2/logging"),
        post("logging-set", "/v2/logging", {"log_verbose_level": 1, "log_info": False}),
        post("logging-back", "/v2/logging", {"log_verbose_level": 0, "log_info": True}),
        post("logging-unknown", "/v2/logging", {"log_warnings": True}),
        post("logging-wrong", "/v2/logging", {"log_info": "yes"}),
        get("shared-memory", "/v2/systemsharedmemory/status"),
        get("shared-memory-status-unknown", "/v2/systemsharedmemory/region/none/status"),
        post("shared-memory-none-out", "/v2/systemsharedmemory/unregister"),
        get("shared-memory-cuda", "/v2/cudasharedmemory/status"),
    ]  # fmt: skip


def repository():
    """The index, and what loads and unloads; last, since models go."""
    place = "/v2/repository/models"
    one = [tensor("INPUT0", "FP32", [1, 1], [1.5])]
    return [
        post("index", "/v2/repository/index"),
        post("index-ready", "/v2/repository/index", {"ready": True}),
        post("index-named", "/v2/repository/other/index"),
        post("load", f"{place}/later/load"),
        get("load-ready", "/v2/models/later/ready"),
        infer("load-infer", "later", one),
        post("load-again", f"{place}/later/load", {}),
        post("load-fails", f"{place}/fails/load"),
        post("load-unknown", f"{place}/nobody/load"),
        post("load-unknown-parameter", f"{place}/later/load", {"parameters": {"odd": "x"}}),
        post("load-config", f"{place}/later/load", {"parameters": {"config": (
            '{"backend": "python", "max_batch_size": 0, "input": [{"name": "INPUT0", "data_type":'
            ' "TYPE_FP32", "dims": [1]}], "output": [{"name": "OUTPUT0", "data_type": "TYPE_FP32",'
            ' "dims": [1]}], "instance_group": [{"kind": "KIND_CPU"}]}')}}),
        infer("load-config-infer", "later", [tensor("INPUT0", "FP32", [1], [2.5])]),
        post("unload", f"{place}/words/unload"),
        get("unload-ready", "/v2/models/words/ready"),
        infer("unload-infer", "words", [tensor("INPUT0", "BYTES", [1, 1], ["a"])]),
        post("unload-unknown", f"{place}/nobody/unload"),
        *triton_cases_grpc.repository(),
    ]  # fmt: skip
