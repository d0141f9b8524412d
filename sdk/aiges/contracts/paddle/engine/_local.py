# SPDX-License-Identifier: Apache-2.0
"""What paddle_serving_app.local_predict.LocalPredictor does: a model in the user's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _feed
from aiges.contracts.paddle._tensors import flat_of
from aiges.contracts.paddle.engine._model import Model
from aiges.contracts.paddle.engine._options import Options

__all__ = ["LocalPredictor"]


class LocalPredictor:
    """One model. Threads: any, once it is loaded."""

    def __init__(self) -> None:
        self.feed_names_: list[str] = []
        self.fetch_names_: list[str] = []
        self.feed_types_: dict[str, int] = {}
        self.fetch_types_: dict[str, int] = {}
        self.feed_shapes_: dict[str, list[int]] = {}
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """What is loaded. Raises ValueError before."""
        if self._model is None:
            raise ValueError("expected load_model_config before the first call")
        return self._model

    def load_model_config(
        self,
        model_path: str,
        use_gpu: bool = False,
        gpu_id: int = 0,
        use_profile: bool = False,
        thread_num: int = 1,
        mem_optim: bool = True,
        ir_optim: bool = False,
        use_trt: bool = False,
        use_lite: bool = False,
        use_xpu: bool = False,
        precision: str = "fp32",
        use_mkldnn: bool = False,
        mkldnn_cache_capacity: int = 0,
        mkldnn_op_list: Sequence[str] | None = None,
        mkldnn_bf16_op_list: Sequence[str] | None = None,
        use_feed_fetch_ops: bool = False,
        use_ascend_cl: bool = False,
        min_subgraph_size: int = 3,
        dynamic_shape_info: Mapping[str, Any] | None = None,
        use_calib: bool = False,
    ) -> None:
        """Load a folder with ``serving_server_conf.prototxt``. Raises ValueError.

        ``use_feed_fetch_ops`` has no meaning any more.
        """
        options = Options(
            use_gpu=use_gpu,
            gpu_id=gpu_id,
            thread_num=thread_num,
            mem_optim=mem_optim,
            ir_optim=ir_optim,
            use_trt=use_trt,
            precision=precision,
            use_calib=use_calib,
            use_mkldnn=use_mkldnn,
            mkldnn_cache_capacity=mkldnn_cache_capacity,
            mkldnn_op_list=mkldnn_op_list,
            mkldnn_bf16_op_list=mkldnn_bf16_op_list,
            min_subgraph_size=min_subgraph_size,
            dynamic_shape_info=dynamic_shape_info or {},
            use_profile=use_profile,
            use_xpu=use_xpu,
            use_lite=use_lite,
            use_ascend_cl=use_ascend_cl,
        )
        self._model = model = Model(model_path, options)
        self.feed_names_ = [var.alias for var in model.conf.feeds]
        self.fetch_names_ = [var.alias for var in model.conf.fetches]
        self.feed_types_ = {var.alias: var.type for var in model.conf.feeds}
        self.fetch_types_ = {var.alias: var.type for var in model.conf.fetches}
        self.feed_shapes_ = {var.alias: list(var.shape) for var in model.conf.feeds}

    def predict(
        self, feed: Any = None, fetch: Any = None, batch: bool = False, log_id: int = 0
    ) -> dict[str, Any]:
        """Return ``{name: array}`` under the names of ``fetch``, with ``name.lod`` (int32).

        Without ``fetch`` names are the model's own. Where none of the names is known, they stand
        for the outputs in order. Raises ValueError, RuntimeError.
        """
        model = self.model
        values = _feed.values_of(model.conf, feed, batch)
        asked = [fetch] if isinstance(fetch, str) else list(fetch or model.output_names)
        names = {name: name for name in asked if name in model.outputs}
        if not names:
            names = dict(zip(asked, model.output_names))
        made: dict[str, Any] = {}
        for name, output in zip(names, model.run(values, list(names.values()))):
            made[name] = output.array
            if output.lod:
                made[name + _feed.LOD] = np.array(flat_of(output.lod), np.int32)
        return made
