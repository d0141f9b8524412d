# SPDX-License-Identifier: Apache-2.0
"""What ``[wrapper]`` says of the models that are served: flags of ``serve`` by their names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiges.contracts import _detect
from aiges.contracts._options import flag, number
from aiges.contracts.paddle import _conf
from aiges.contracts.paddle.engine import Options

__all__ = [
    "MOST_BODY_BYTES",
    "Node",
    "Settings",
    "checked_name",
    "is_model_here",
    "keys_of",
    "read",
]

MOST_BODY_BYTES = 536_870_912
_MOST_THREADS, _MOST_BYTES = 1024, 1 << 40
_THREADS = 4


@dataclass(frozen=True)
class Node:
    """One step of the workflow: a model, and the steps whose outputs it takes. None: requests."""

    name: str
    folder: Path
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Read once, when a worker starts."""

    nodes: tuple[Node, ...]
    answers: tuple[str, ...]  # The steps whose outputs are the answer.
    options: tuple[Options, ...]  # One for each node.
    threads: int = _THREADS
    name: str = ""  # Of the web service; empty: none.
    batch_threads: int = 0
    batch_size: int = 32
    max_body: int = MOST_BODY_BYTES
    cache_bytes: int = 0
    metrics: bool = False
    is_locked: bool = False  # The models wait for a key.
    rpc_port: int = 0  # That clients with the key are told; 0: the one they came by.


def read(config: Mapping[str, str]) -> Settings:
    """Return what the keys say. Raises ValueError, which names the key."""
    keys = dict(config)
    nodes, answers = _workflow(keys)
    threads = number(keys, "thread", _THREADS, _MOST_THREADS)
    runtime = _count(keys, "runtime_thread_num", 0, _MOST_THREADS)
    gpus = _gpus(keys.get("gpu_ids", ""), len(nodes))
    options = tuple(_options(keys, gpu, max(threads, runtime)) for gpu in gpus)
    name = keys.get("name", "")
    if name:
        checked_name(name)
    return Settings(
        nodes,
        answers,
        options,
        threads=threads,
        name=name,
        batch_threads=runtime,
        batch_size=number(keys, "batch_infer_size", 32, 1 << 20),
        max_body=_count(keys, "max_body_size", MOST_BODY_BYTES, _MOST_BYTES) or MOST_BODY_BYTES,
        cache_bytes=_count(keys, "request_cache_size", 0, _MOST_BYTES),
        metrics=flag(keys, "enable_prometheus"),
        is_locked=flag(keys, "use_encryption_model"),
        rpc_port=_count(keys, "encryption_rpc_port", 0, 65535),
    )


def checked_name(name: str) -> str:
    """Return the name of a web service. Raises ValueError for one that no path can have."""
    if not name or "/" in name or any(ord(char) < 33 for char in name):
        raise ValueError(f"name: expected one part of a path, got {name!r}")
    return name


def _workflow(keys: Mapping[str, str]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    if keys.get("workflow"):
        return _graph(keys["workflow"])
    folders = [each.strip() for each in keys.get("model", "").split(",") if each.strip()]
    places = [_place(each) for each in folders] or [_here()]
    nodes: list[Node] = []
    for at, place in enumerate(places):
        sources = (nodes[-1].name,) if nodes else ()
        nodes.append(Node(f"GeneralInferOp_{at}", place, sources))
    return tuple(nodes), (nodes[-1].name,)


def _graph(text: str) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Return a workflow that Server() was given: JSON, in the order in which steps can run."""
    try:
        said = json.loads(text)
        nodes = tuple(
            Node(str(each["name"]), _place(str(each["model"])), tuple(map(str, each["sources"])))
            for each in said["nodes"]
        )
        answers = tuple(map(str, said["answers"]))
    except (TypeError, KeyError, ValueError) as fault:
        raise ValueError(
            f"[wrapper] workflow: expected nodes and answers in JSON: {fault}"
        ) from None
    known: set[str] = set()
    for node in nodes:
        if node.name in known or not known.issuperset(node.sources):
            raise ValueError(
                f"[wrapper] workflow: {node.name}: expected one name, later than {node.sources}"
            )
        known.add(node.name)
    if not answers or not known.issuperset(answers):
        raise ValueError(f"[wrapper] workflow: answers: expected steps, got {answers}")
    return nodes, answers


def _place(name: str) -> Path:
    """Return the folder of a model: from the current folder, or from that of the user's code."""
    for folder in [Path.cwd(), *_detect.folders_here()]:
        place = folder / name
        if (place / f"{_conf.SERVER}.prototxt").is_file():
            return place
    raise ValueError(
        f"[wrapper] model: {name}: expected a folder with {_conf.SERVER}.prototxt, as save_model "
        "and paddle_serving_client.convert write it"
    )


def _here() -> Path:
    for folder in _detect.folders_here():
        if (folder / f"{_conf.SERVER}.prototxt").is_file():
            return folder
    raise ValueError(
        f"[wrapper] model: expected a model's folder, or {_conf.SERVER}.prototxt in the folder of "
        "the service"
    )


def _gpus(text: str, count: int) -> list[int | None]:
    """Return the GPU of each model: ``0,1;2`` is "0,1" for the first one and "2" for the next."""
    said = [each.strip() for each in text.split(";")] if text.strip() else []
    made: list[int | None] = []
    for at in range(count):
        mine = said[min(at, len(said) - 1)] if said else ""
        first = mine.split(",")[0].strip()
        if first and not first.isdigit():
            if first == "-1":
                first = ""
            else:
                raise ValueError(f"[wrapper] gpu_ids: expected numbers like 0,1, got {mine!r}")
        made.append(int(first) if first else None)
    return made


def _options(keys: dict[str, str], gpu: int | None, predictors: int) -> Options:
    use_trt = flag(keys, "use_trt")
    return Options(
        use_gpu=gpu is not None,
        gpu_id=gpu or 0,
        thread_num=_count(keys, "cpu_math_thread_num", 1, 1024) or 1,
        mem_optim=not flag(keys, "mem_optim_off"),
        ir_optim=flag({"ir_optim": "true", **keys}, "ir_optim"),
        use_trt=use_trt and gpu is not None,
        precision=keys.get("precision") or "fp32",
        use_calib=flag(keys, "use_calib"),
        use_mkldnn=flag(keys, "use_mkl"),
        min_subgraph_size=_count(keys, "min_subgraph_size", 3, 1 << 20) or 3,
        use_xpu=flag(keys, "use_xpu"),
        use_lite=flag(keys, "use_lite"),
        use_ascend_cl=flag(keys, "use_ascend_cl"),
        predictors=predictors,
    )


def _count(keys: Mapping[str, str], key: str, default: int, most: int) -> int:
    """Return a number from 0."""
    text = keys.get(key, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise ValueError(f"[wrapper] {key}: expected a number from 0 to {most}, got {text}")
    return int(text)


def is_model_here() -> bool:
    """Whether a folder of the user's is a model."""
    return any((each / f"{_conf.SERVER}.prototxt").is_file() for each in _detect.folders_here())


def keys_of(options: Mapping[str, Any], models: Sequence[str]) -> dict[str, str]:
    """Return keys of ``[wrapper]``: what is set of ``options``, and the models."""
    for each in models:
        if "," in each:
            raise ValueError(f"model: expected a path without a comma, got {each}")
    made = {"model": ",".join(models)} if models else {}
    for key, value in options.items():
        if value is not None and value != "":
            made[key] = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return made
