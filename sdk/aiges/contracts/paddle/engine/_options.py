# SPDX-License-Identifier: Apache-2.0
"""How a model is run, and what of that this machine has."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiges.contracts.paddle import _library

__all__ = ["PRECISIONS", "Options", "apply"]

log = logging.getLogger("aiges.paddle")

PRECISIONS = {"fp32": "Float32", "fp16": "Half", "bf16": "Bfloat16", "int8": "Int8"}
_REFUSED = {
    "use_xpu": "Kunlun XPUs",
    "use_lite": "Paddle Lite",
    "use_ascend_cl": "Ascend NPUs",
}
_GPU_MEMORY_MB = 100  # At first; it grows with what a model needs.
_TRT_WORKSPACE = 1 << 25
_said: set[str] = set()


@dataclass(frozen=True)
class Options:
    """What ``serve`` and ``config.yml`` say of one model.

    ``predictors`` is how many calls run at a time at most; each has its own intermediate memory,
    and the weights are shared. ``thread_num`` is the threads of one call's arithmetic.
    """

    use_gpu: bool = False
    gpu_id: int = 0
    thread_num: int = 1
    mem_optim: bool = True
    ir_optim: bool = True
    use_trt: bool = False
    precision: str = "fp32"
    use_calib: bool = False
    use_mkldnn: bool = False
    mkldnn_cache_capacity: int = 0
    mkldnn_op_list: Sequence[str] | None = None
    mkldnn_bf16_op_list: Sequence[str] | None = None
    min_subgraph_size: int = 3
    dynamic_shape_info: Mapping[str, Any] = field(default_factory=dict)
    use_profile: bool = False
    use_xpu: bool = False
    use_lite: bool = False
    use_ascend_cl: bool = False
    predictors: int = 8

    def __post_init__(self) -> None:
        for name, what in _REFUSED.items():
            if getattr(self, name):
                raise ValueError(f"{name}: expected CPU or GPU, {what} are not supported")
        precision = str(self.precision).lower()
        if precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"precision: expected one of {known}; got {self.precision!r}")
        object.__setattr__(self, "precision", precision)
        for name, least in (("thread_num", 1), ("predictors", 1), ("gpu_id", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name}: expected a number from {least}, got {value!r}")


def _warn_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        log.warning(text)


def apply(options: Options, config: Any, is_json: bool) -> None:
    """Set what the options say on a ``paddle.inference.Config``."""
    if "GLOG_v" not in os.environ:
        config.disable_glog_info()
    config.switch_ir_optim(options.ir_optim)
    # Paddle 3.3 looks for the result of a pass that programs in .json do not go through.
    config.enable_memory_optim(options.mem_optim and not is_json)
    config.set_cpu_math_library_num_threads(options.thread_num)
    config.switch_use_feed_fetch_ops(False)
    config.switch_specify_input_names(True)
    if options.use_profile:
        config.enable_profile()
    if (options.use_gpu or options.use_trt) and _has_gpu(options.gpu_id):
        _apply_gpu(options, config)
    else:
        _apply_cpu(options, config)


def _has_gpu(gpu_id: int) -> bool:
    paddle = _library.paddle()
    if not paddle.is_compiled_with_cuda():
        _warn_once("GPU asked for: this paddlepaddle is the one for CPUs, models run on the CPU")
        return False
    count = paddle.device.cuda.device_count()
    if gpu_id >= count:
        _warn_once(f"GPU {gpu_id} asked for: this machine has {count}, models run on the CPU")
        return False
    return True


def _apply_gpu(options: Options, config: Any) -> None:
    inference = _library.inference()
    precision = getattr(inference.PrecisionType, PRECISIONS[options.precision])
    config.enable_use_gpu(_GPU_MEMORY_MB, options.gpu_id, precision)
    if not options.use_trt:
        return
    config.enable_tensorrt_engine(
        workspace_size=_TRT_WORKSPACE,
        max_batch_size=32,
        min_subgraph_size=options.min_subgraph_size,
        precision_mode=precision,
        use_static=False,
        use_calib_mode=options.use_calib,
    )
    shapes = options.dynamic_shape_info
    if shapes:
        names = ("min_input_shape", "max_input_shape", "opt_input_shape")
        missing = [name for name in names if name not in shapes]
        if missing:
            raise ValueError(f"dynamic_shape_info: expected {', '.join(missing)}")
        config.set_trt_dynamic_shape_info(*(dict(shapes[name]) for name in names))


def _apply_cpu(options: Options, config: Any) -> None:
    config.disable_gpu()
    if not options.use_mkldnn:
        config.disable_mkldnn()  # Paddle 3 has it on; here it is what the user says.
        if options.precision != "fp32":
            _warn_once(f"precision {options.precision} needs use_mkldnn on a CPU: fp32 is used")
        return
    config.enable_mkldnn()
    if options.mkldnn_cache_capacity > 0:
        config.set_mkldnn_cache_capacity(options.mkldnn_cache_capacity)
    if options.mkldnn_op_list:
        config.set_mkldnn_op(set(options.mkldnn_op_list))
    if options.precision == "bf16":
        config.enable_mkldnn_bfloat16()
        if options.mkldnn_bf16_op_list:
            config.set_bfloat16_op(set(options.mkldnn_bf16_op_list))
    elif options.precision == "int8":
        config.enable_mkldnn_int8()
    elif options.precision == "fp16":
        _warn_once("precision fp16 is for GPUs: fp32 is used on the CPU")
