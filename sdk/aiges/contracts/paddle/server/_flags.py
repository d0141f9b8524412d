# SPDX-License-Identifier: Apache-2.0
"""The flags of ``python -m paddle_serving_server.serve``, of 0.3 to 0.9."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["COMMANDS", "GENERAL_OPS", "NO_MEANING", "parsed", "port_of", "wrapper_keys"]

COMMANDS = ("start", "stop", "kill", "check")
_RPC_PORT, _WEB_PORT = 9393, 9292
GENERAL_OPS = ("general_reader", "general_infer", "general_response")
_GENERAL = {*GENERAL_OPS, "GeneralInferOp", "GeneralReaderOp", "GeneralResponseOp"}
# What these would need is not there.
_REFUSED = {
    "use_lite": "Paddle Lite is not supported",
    "use_xpu": "Kunlun XPUs are not supported",
    "use_ascend_cl": "Ascend NPUs are not supported",
    "use_dist_model": "models over several machines are not supported",
}
NO_MEANING = {
    "workdir": "nothing is generated",
    "device": "gpu_ids says it",
    "gpu_multi_stream": "each call has a stream of its own",
    "gpu_memory_mb": "memory grows with what a model needs",
    "use_multilang": "gRPC is always served",
    "product_name": "keys of callers are in aiges.toml, [access]",
    "container_id": "keys of callers are in aiges.toml, [access]",
    "trt_workspace_size": "Paddle's own is used",
    "trt_use_static": "engines of TensorRT are not kept",
}
_SWITCHES = (
    ("ir_optim", "optimise the graph of a model"),
    ("mem_optim_off", "memory is not reused within a run"),
    ("use_mkl", "oneDNN on the CPU"),
    ("use_trt", "TensorRT"),
    ("use_lite", "refused"),
    ("use_xpu", "refused"),
    ("use_ascend_cl", "refused"),
    ("use_calib", "calibrate int8 of TensorRT"),
    ("use_encryption_model", "the models wait for a key"),
    ("use_multilang", "gRPC, which is always served"),
    ("gpu_multi_stream", "without meaning"),
    ("enable_prometheus", "count calls, and listen on --prometheus_port"),
    ("use_dist_model", "refused"),
    ("trt_use_static", "without meaning"),
)
_NUMBERS = (
    ("thread", 4, "calls at a time"),
    ("runtime_thread_num", 0, "threads that gather calls into batches; 0: each call runs alone"),
    ("batch_infer_size", 32, "rows of such a batch at most"),
    ("max_body_size", 536_870_912, "bytes of a request at most"),
    ("request_cache_size", 0, "bytes of answers that are kept"),
    ("prometheus_port", 19393, "a port for /metrics"),
    ("cpu_math_thread_num", None, "threads of the arithmetic of one call"),
    ("min_subgraph_size", None, "of TensorRT"),
    ("gpu_memory_mb", None, "without meaning"),
    ("trt_workspace_size", None, "without meaning"),
)


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 65536:
        raise ValueError(text)
    return value


_number.__name__, _port.__name__ = "number", "port"  # As argparse names them.


def _parser() -> tuple[argparse.ArgumentParser, set[str]]:
    """Return the parser, and all flags that it knows."""
    about = "Serve models of Paddle Serving."
    parser = argparse.ArgumentParser("serve", description=about, allow_abbrev=False)
    parser.add_argument("server", nargs="?", default="start", choices=COMMANDS)
    known = {"-h", "--help"}

    def add(*names: str, **more: Any) -> None:
        known.update(parser.add_argument(*names, **more).option_strings)

    add("--model", nargs="+", default=[], metavar="DIR", help="folders that run one after another")
    add("--port", type=_port, help=f"{_RPC_PORT}, or {_WEB_PORT} with --name and for GPUs")
    add("--name", default="", help="serve /NAME/prediction, too")
    add("--gpu_ids", "--gpu_id", nargs="+", default=[], help='GPUs of each model: "0,1"')
    add("--op", nargs="+", default=[], help="operators; those of one's own in C++ are refused")
    add("--precision", default="fp32", help="fp32, fp16, bf16 or int8")
    add("--encryption_rpc_port", type=_port, help="another port that is told to clients with a key")
    add("--workdir", default="workdir", help="without meaning")
    add("--device", default="", help="without meaning")
    add("--product_name", help="without meaning")
    add("--container_id", help="without meaning")
    for name, words in _SWITCHES:
        add(f"--{name}", action="store_true", help=words)
    for name, default, words in _NUMBERS:
        add(f"--{name}", type=_number, default=default, help=words)
    for name in ("dist_carrier_id", "dist_cfg_file", "dist_endpoints", "dist_nranks"):
        add(f"--{name}", help=argparse.SUPPRESS)
    for name in ("dist_master_serving", "dist_subgraph_index"):
        add(f"--{name}", help=argparse.SUPPRESS)
    return parser, known


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says. Exits with 2, and the flag's name, where it cannot be."""
    parser, known = _parser()
    for word in arguments:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            near = difflib.get_close_matches(flag, known, 1)
            parser.error(f"unknown flag {flag}" + (f": did you mean {near[0]}?" if near else ""))
    given = parser.parse_args(list(arguments))
    for name, why in _REFUSED.items():
        if getattr(given, name):
            parser.error(f"--{name}: {why}")
    for text in given.op:
        for op in text.replace(",", " ").split():
            if op not in _GENERAL:
                parser.error(f"--op {op}: operators of one's own in C++ are not supported")
    if given.server == "start" and not given.model:
        parser.error("--model: expected the folder of a model, as save_model writes it")
    if given.server == "start" and given.thread < 1:
        parser.error("--thread: expected a number from 1")
    return given


def port_of(given: argparse.Namespace, gpu: bool) -> int:
    """Return where the service listens. ``gpu``: the command was that of the GPU package."""
    if given.port is not None:
        return int(given.port)
    return _WEB_PORT if given.name or gpu else _RPC_PORT


def wrapper_keys(given: argparse.Namespace) -> dict[str, object]:
    """Return what ``[wrapper]`` is told beside the models."""
    keys: dict[str, object] = {"gpu_ids": ";".join(given.gpu_ids)}
    for name in (
        *("name", "precision", "thread", "runtime_thread_num", "batch_infer_size"),
        *("max_body_size", "request_cache_size", "cpu_math_thread_num", "min_subgraph_size"),
    ):
        keys[name] = getattr(given, name)
    switches = ("mem_optim_off", "use_mkl", "use_trt", "use_calib", "use_encryption_model")
    for name in (*switches, "enable_prometheus"):
        if getattr(given, name):
            keys[name] = True
    return keys


def refuse(text: str) -> NoReturn:
    """End as argparse does where a flag cannot be."""
    print(f"serve: error: {text}", file=sys.stderr)
    sys.exit(2)
