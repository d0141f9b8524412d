# SPDX-License-Identifier: Apache-2.0
"""What an op's ``process`` asks: a model in this process, another service, or nothing."""

from __future__ import annotations

from typing import Any, Optional, Protocol

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle.pipeline._config import LocalConf, OpConf
from aiges.contracts.paddle.pipeline._errors import Code, Failed

__all__ = ["Predictor", "load"]

_TRT, _LITE, _XPU, _ASCENDS = 2, 3, 4, (5, 6)


class Predictor(Protocol):
    """What ``self.client`` is. ``feeds``: pairs of alias and name; None: it is not known here."""

    feeds: Optional[list[tuple[str, str]]]  # noqa: UP045 (3.9)

    def predict(
        self, feed: Any, fetch: Any = None, batch: bool = True, log_id: int = 0
    ) -> dict[str, Any]:
        """Return {alias: array}. Raises Failed where the code is not 10000; and other things."""
        ...


def load(op: Any, conf: OpConf, index: int) -> Predictor | None:
    """Return what the configuration says; None: the op has no model. Raises ValueError."""
    if conf.server_endpoints:
        if conf.client_type in ("pipeline_grpc", "grpc"):
            return _Pipeline(conf)
        return _Service(conf)
    if conf.local_service_conf.model_config is None:
        return None
    op.set_dynamic_shape_info()
    return _Local(op, conf, index)


class _Local:
    def __init__(self, op: Any, conf: OpConf, index: int) -> None:
        from aiges.contracts.paddle.engine import Model

        local = conf.local_service_conf
        assert local.model_config is not None
        self._model = Model(local.model_config, _options(local, op, conf.concurrency or 1, index))
        self.feeds: list[tuple[str, str]] | None = [
            (var.alias, var.name) for var in self._model.conf.feeds
        ]
        texts = [var for var in self._model.conf.feeds if var.type == _types.STRING]
        self._texts = {name for var in texts for name in (var.alias, var.name)}
        self.feed_names_ = [alias for alias, _ in self.feeds]
        self.fetch_names_ = [var.alias for var in self._model.conf.fetches]
        unknown = sorted(set(op.fetch_list or ()) - self._model.outputs)
        if unknown:
            raise ValueError(
                f"op {op.name}: fetch_list: expected names among {', '.join(self.fetch_names_)}; "
                f"got {', '.join(unknown)}"
            )

    def predict(
        self, feed: Any, fetch: Any = None, batch: bool = True, log_id: int = 0
    ) -> dict[str, Any]:
        """Run the model."""
        for key, value in feed.items():
            if isinstance(value, (str, bytes, dict)) and key not in self._texts:
                text = f"{key}: expected an array, got {type(value).__name__}"
                raise Failed(Code.TYPE_ERROR, text)
        if not batch:
            feed = {
                key: value if "lod" in key else np.expand_dims(value, 0)
                for key, value in feed.items()
            }
        return self._model.predict(feed, [fetch] if isinstance(fetch, str) else fetch)


def _options(local: LocalConf, op: Any, concurrency: int, index: int) -> Any:
    from aiges.contracts.paddle.engine import Options

    devices = [each.strip() for each in local.devices.split(",") if each.strip()]
    if not all(each.isdigit() for each in devices):
        raise ValueError(
            f'op {op.name}: devices: expected numbers as "0" or "0,1"; got {local.devices!r}'
        )
    kind = local.device_type
    return Options(
        use_gpu=bool(devices) if kind < 0 else kind in (1, _TRT),
        gpu_id=int(devices[index % len(devices)]) if devices else 0,
        thread_num=local.thread_num,
        mem_optim=local.mem_optim,
        ir_optim=local.ir_optim,
        use_trt=kind == _TRT,
        precision=local.precision,
        use_calib=local.use_calib,
        use_mkldnn=local.use_mkldnn,
        mkldnn_cache_capacity=local.mkldnn_cache_capacity,
        mkldnn_op_list=local.mkldnn_op_list,
        mkldnn_bf16_op_list=local.mkldnn_bf16_op_list,
        min_subgraph_size=local.min_subgraph_size,
        dynamic_shape_info=op.dynamic_shape_info,
        use_lite=kind == _LITE,
        use_xpu=kind == _XPU,
        use_ascend_cl=kind in _ASCENDS,
        predictors=concurrency,
    )


class _Service:
    """A service that ``paddle_serving_server.serve`` has started, over baidu_std."""

    def __init__(self, conf: OpConf) -> None:
        from aiges.contracts.paddle.client._rpc import Client

        if conf.client_config is None:
            raise ValueError("client_config: expected a prototxt for server_endpoints")
        self._client = Client()
        self._client.load_client_config(conf.client_config)
        if conf.timeout > 0:
            self._client.set_rpc_timeout_ms(max(int(conf.timeout), 1))
        if conf.use_encryption_model:
            self._client.use_key(conf.encryption_key)
        self._client.connect(conf.server_endpoints, conf.use_encryption_model)
        names = self._client.get_feed_names()
        self.feeds: list[tuple[str, str]] | None = [(name, name) for name in names]

    def predict(
        self, feed: Any, fetch: Any = None, batch: bool = True, log_id: int = 0
    ) -> dict[str, Any]:
        """Call the service."""
        result = self._client.predict(feed=feed, fetch=fetch, batch=batch, log_id=log_id)
        if result is None:
            raise Failed(Code.CLIENT_ERROR, "the service did not answer; the log has why")
        return dict(result)


class _Pipeline:
    """Another pipeline, over gRPC."""

    def __init__(self, conf: OpConf) -> None:
        from aiges.contracts.paddle.pipeline._client import PipelineClient

        self.feeds: list[tuple[str, str]] | None = None
        self._client = PipelineClient()
        self._client.connect(conf.server_endpoints)
        self._timeout = conf.timeout / 1000 if conf.timeout > 0 else None

    def predict(
        self, feed: Any, fetch: Any = None, batch: bool = True, log_id: int = 0
    ) -> dict[str, Any]:
        """Call the pipeline."""
        texts = {key: value for key, value in feed.items() if isinstance(value, str)}
        arrays = {key: value for key, value in feed.items() if key not in texts}
        try:
            answer = self._client.call(texts, arrays, log_id=log_id, timeout=self._timeout)
        except Exception as fault:  # grpcio's, which is not imported here.
            raise Failed(Code.CLIENT_ERROR, str(fault), fault) from fault
        if answer.err_no:
            text = f"the other pipeline answers {answer.err_no}: {answer.err_msg}"
            raise Failed(Code.CLIENT_ERROR, text)
        return self._client.dict_of(answer)
