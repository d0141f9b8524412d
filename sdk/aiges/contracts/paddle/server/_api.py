# SPDX-License-Identifier: Apache-2.0
"""``Server`` and the makers of its workflow, as programs of Paddle Serving use them."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aiges.contracts.paddle import _conf
from aiges.contracts.paddle.server import _settings
from aiges.contracts.paddle.server._flags import GENERAL_OPS

__all__ = ["Op", "OpGraphMaker", "OpMaker", "OpSeqMaker", "Server"]

_READER, _INFER, _RESPONSE = "GeneralReaderOp", "GeneralInferOp", "GeneralResponseOp"
_KINDS = {
    "general_reader": _READER,
    "general_infer": _INFER,
    "general_response": _RESPONSE,
    **{name: name for name in (_READER, _INFER, _RESPONSE)},
}


@dataclass(frozen=True)
class Op:
    """One step. ``inputs``: the steps before it, where they were said."""

    name: str
    type: str
    inputs: tuple[Op, ...] = ()


class OpMaker:
    """Makes steps. Each kind is counted: GeneralInferOp_0, GeneralInferOp_1."""

    def __init__(self) -> None:
        self._counts: dict[str, Iterator[int]] = {}

    def create(
        self,
        node_type: str,
        engine_name: str | None = None,
        inputs: Sequence[Op] = (),
        outputs: Any = (),
    ) -> Op:
        """Make one: general_reader, general_infer or general_response. Raises ValueError."""
        kind = _KINDS.get(node_type)
        if kind is None:
            raise ValueError(
                f"Op type {node_type}: expected one of {', '.join(GENERAL_OPS)}; operators of "
                "one's own in C++ are not supported"
            )
        count = self._counts.setdefault(kind, itertools.count())
        return Op(engine_name or f"{kind}_{next(count)}", kind, tuple(inputs))


class OpSeqMaker:
    """Steps one after the other."""

    def __init__(self) -> None:
        self._ops: list[Op] = []

    def add_op(self, node: Op) -> None:
        """Add the next one; what it is after must be the one before. Raises ValueError."""
        before = tuple(self._ops[-1:])
        if node.inputs and node.inputs != before:
            raise ValueError(
                f"{node.name}: expected the inputs to be the operator before it, "
                f"got {', '.join(each.name for each in node.inputs)}"
            )
        self._ops.append(Op(node.name, node.type, before))

    def get_op_sequence(self) -> list[Op]:
        """Return them in order."""
        return list(self._ops)


class OpGraphMaker:
    """Steps that say themselves what they come after."""

    def __init__(self) -> None:
        self._ops: list[Op] = []

    def add_op(self, node: Op) -> None:
        """Add one, behind those that it takes from. Raises ValueError."""
        names = {op.name for op in self._ops}
        missing = [each.name for each in node.inputs if each.name not in names]
        if missing:
            raise ValueError(f"{node.name}: expected {', '.join(missing)} to be added before it")
        self._ops.append(node)

    def get_op_graph(self) -> list[Op]:
        """Return them in order."""
        return list(self._ops)


class Server:
    """Models behind one port: set up, then ``run_server``, which does not return."""

    def __init__(self) -> None:
        self._ops: list[Op] = []
        self._dirs: dict[str, str] = {}
        self._options: dict[str, Any] = {}
        self._port: int | None = None
        self._prometheus_port = 19393

    # --- the workflow and the models ---

    def set_op_sequence(self, op_seq: list[Op]) -> None:
        """Take what OpSeqMaker has."""
        self._ops = list(op_seq)

    def set_op_graph(self, op_graph: list[Op]) -> None:
        """Take what OpGraphMaker has."""
        self._ops = list(op_graph)

    def load_model_config(
        self, server_config_dir_paths: Any, client_config_path: Any = None
    ) -> None:
        """Say the folders: one, several in the order of the steps, or {step: folder}.

        Raises ValueError for what is no folder of a model.
        """
        given = server_config_dir_paths
        steps = [op for op in self._ops if op.type == _INFER] or [Op(f"{_INFER}_0", _INFER)]
        if isinstance(given, Mapping):
            self._dirs = {getattr(op, "name", str(op)): str(each) for op, each in given.items()}
        else:
            folders = [str(given)] if isinstance(given, str) else [str(each) for each in given]
            if len(folders) != len(steps) and self._ops:
                raise ValueError(f"expected the folders of {len(steps)} models, got {len(folders)}")
            if not self._ops:
                steps = [Op(f"{_INFER}_{at}", _INFER) for at in range(len(folders))]
            self._dirs = {op.name: folder for op, folder in zip(steps, folders)}
        for folder in self._dirs.values():
            _conf.read(folder, _conf.SERVER)

    def get_fetch_list(self, infer_node_idx: int = -1) -> list[str]:
        """Return the aliases of the outputs of a model."""
        conf = _conf.read(list(self._dirs.values())[infer_node_idx], _conf.SERVER)
        return [var.alias for var in conf.fetches]

    # --- settings ---

    def set_num_threads(self, threads: int) -> None:
        """Say how many calls run at a time."""
        self._options["thread"] = threads

    def set_port(self, port: int) -> None:
        """Say where the service listens."""
        self._port = int(port)

    def set_max_body_size(self, body_size: int) -> None:
        """Say how many bytes a request may have."""
        self._options["max_body_size"] = max(int(body_size), 1)

    def set_memory_optimize(self, flag: bool = False) -> None:
        """Say whether memory is reused within a run."""
        self._options["mem_optim_off"] = not flag

    def set_ir_optimize(self, flag: bool = False) -> None:
        """Say whether graphs are optimised."""
        self._options["ir_optim"] = bool(flag)

    def set_gpuid(self, gpuid: Any) -> None:
        """Say the GPUs: "0,1", or such a text for each model."""
        each = gpuid if isinstance(gpuid, (list, tuple)) else [gpuid]
        self._options["gpu_ids"] = ";".join(map(str, each))

    def set_trt(self, flag: bool = False) -> None:
        """Say whether TensorRT is used."""
        self._options["use_trt"] = bool(flag)

    def set_precision(self, precision: str = "fp32") -> None:
        """Say fp32, fp16, bf16 or int8."""
        self._options["precision"] = precision

    def set_use_calib(self, flag: bool = False) -> None:
        """Say whether int8 of TensorRT is calibrated."""
        self._options["use_calib"] = bool(flag)

    def use_mkl(self, flag: bool) -> None:
        """Say whether oneDNN is used."""
        self._options["use_mkl"] = bool(flag)

    def set_use_encryption_model(self, flag: bool = False) -> None:
        """Say whether the models wait for a key."""
        self._options["use_encryption_model"] = bool(flag)

    def set_runtime_thread_num(self, runtime_thread_num: int) -> None:
        """Say how many threads gather calls into batches; 0: each runs alone."""
        self._options["runtime_thread_num"] = int(runtime_thread_num)

    def set_batch_infer_size(self, batch_infer_size: int) -> None:
        """Say how many rows such a batch has at most."""
        self._options["batch_infer_size"] = int(batch_infer_size)

    def set_request_cache_size(self, request_cache_size: int) -> None:
        """Say how many bytes of answers are kept."""
        self._options["request_cache_size"] = int(request_cache_size)

    def set_enable_prometheus(self, flag: bool = False) -> None:
        """Say whether calls are counted."""
        self._options["enable_prometheus"] = bool(flag)

    def set_prometheus_port(self, prometheus_port: int) -> None:
        """Say a port for /metrics."""
        self._prometheus_port = int(prometheus_port)

    def set_lite(self, flag: bool = False) -> None:
        """Refuse True."""
        self._refuse("use_lite", flag)

    def set_xpu(self, flag: bool = False) -> None:
        """Refuse True."""
        self._refuse("use_xpu", flag)

    def set_ascend_cl(self, flag: bool = False) -> None:
        """Refuse True."""
        self._refuse("use_ascend_cl", flag)

    @staticmethod
    def _refuse(name: str, flag: bool) -> None:
        if flag:
            raise ValueError(f"{name}: expected CPU or GPU, it is not supported")

    def _nothing(self, *_given: Any, **_named: Any) -> None:
        """Nothing: the host decides it."""

    set_max_concurrency = set_reload_interval = set_product_name = set_container_id = _nothing
    set_gpu_multi_stream = set_subdirectory = check_local_bin = check_cuda = _nothing

    # --- the end ---

    def prepare_server(
        self,
        workdir: str | None = None,
        port: int = 9292,
        device: str = "cpu",
        use_encryption_model: bool = False,
        cube_conf: Any = None,
    ) -> None:
        """Say the port. Nothing is generated and nothing fetched; ``device`` is set_gpuid's."""
        if cube_conf is not None:
            raise ValueError("cube_conf: expected None, cube is not supported")
        if self._port is None:
            self._port = int(port)
        if use_encryption_model:
            self._options["use_encryption_model"] = True
        if device == "gpu":
            self._options.setdefault("gpu_ids", "0")

    def keys(self) -> dict[str, str]:
        """Return what ``[wrapper]`` is told. Raises ValueError."""
        keys = _settings.keys_of(self._options, [])
        if not self._dirs:
            raise ValueError("expected load_model_config before run_server")
        if self._ops:
            keys["workflow"] = json.dumps(self._workflow())
        else:
            keys.update(_settings.keys_of({}, list(self._dirs.values())))
        return keys

    def _workflow(self) -> dict[str, Any]:
        """Return the steps that run models, and those that answer."""
        infer = {op.name for op in self._ops if op.type == _INFER}
        missing = [name for name in sorted(infer) if name not in self._dirs]
        if not infer or missing:
            what = missing[0] if missing else "a general_infer"
            raise ValueError(f"{what}: expected the folder of its model")
        nodes = [
            {
                "name": op.name,
                "model": self._dirs[op.name],
                "sources": [each.name for each in op.inputs if each.name in infer],
            }
            for op in self._ops
            if op.name in infer
        ]
        response = [op for op in self._ops if op.type == _RESPONSE]
        if response:
            answers = [each.name for each in response[-1].inputs if each.name in infer]
        else:
            taken = {source for node in nodes for source in node["sources"]}
            answers = [str(node["name"]) for node in nodes if node["name"] not in taken]
        if not answers:
            raise ValueError("general_response: expected it to come after a general_infer")
        return {"nodes": nodes, "answers": answers}

    def run_server(self) -> NoReturn:
        """Serve: this process becomes the loader. Raises ValueError for mistaken settings."""
        from aiges.contracts.paddle.server._command import serve

        keys = self.keys()
        settings = _settings.read(keys)
        others = [self._prometheus_port] if settings.metrics else []
        sys.stdout.flush()
        serve(settings, keys, self._port or 9292, others)
