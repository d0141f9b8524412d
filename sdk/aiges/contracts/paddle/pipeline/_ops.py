# SPDX-License-Identifier: Apache-2.0
"""``Op``, ``RequestOp`` and ``ResponseOp``: what users derive their classes from."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle.pipeline import _tensors
from aiges.contracts.paddle.pipeline._config import OpConf
from aiges.contracts.paddle.pipeline._errors import Code, Failed
from aiges.contracts.paddle.pipeline._messages import Response

__all__ = ["ChannelData", "Op", "RequestOp", "ResponseOp"]

_numbers = itertools.count()
_EVERYTHING = 2**63 - 1  # Elements of an array that are shown.
# What a constructor may say, over the file.
_SAID = (
    *("server_endpoints", "fetch_list", "client_config", "client_type", "use_encryption_model"),
    *("encryption_key", "concurrency", "timeout", "retry", "batch_size", "auto_batching_timeout"),
)


class Op:
    """One step of a pipeline. Users override ``init_op``, ``preprocess``, ``postprocess``.

    One object serves all calls of a process: with ``is_thread_op: true`` those of ``concurrency``
    threads, else one call, or one batch, at a time.
    """

    def __init__(
        self,
        name: str | None = None,
        input_ops: Sequence[Any] | None = None,
        server_endpoints: list[str] | None = None,
        fetch_list: list[str] | None = None,
        client_config: str | None = None,
        client_type: str | None = None,
        use_encryption_model: bool | None = None,
        encryption_key: str | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        retry: int = 0,
        batch_size: int | None = None,
        auto_batching_timeout: float | None = None,
        local_service_handler: Any = None,
        jump_to_ops: Sequence[Any] | None = None,
    ) -> None:
        given: dict[str, Any] = dict(zip(_SAID, (
            server_endpoints, fetch_list, client_config, client_type, use_encryption_model,
            encryption_key, concurrency, timeout, retry or None, batch_size, auto_batching_timeout,
        )))  # fmt: skip
        self.name = name if name is not None else f"{type(self).__name__}_{next(_numbers)}"
        self._said: dict[str, Any] = {
            key: value for key, value in given.items() if value is not None
        }
        self._input_ops = list(input_ops or [])
        self._jump_to_ops = list(jump_to_ops or [])
        self._local_service_handler = local_service_handler
        for each in (*self._input_ops, *self._jump_to_ops):
            if not isinstance(each, Op):
                raise TypeError(
                    f"op {self.name}: expected ops as input_ops and jump_to_ops, got {each!r}"
                )
        # What users' methods look at. ``client`` has ``predict`` where the op has a model.
        self.client: Any = None
        self.concurrency_idx: int | None = None
        self.concurrency = concurrency or 1
        self.fetch_list = self._fetch_names = fetch_list
        self.dynamic_shape_info: dict[str, Any] = {}

    def conf_over(self, conf: OpConf) -> OpConf:
        """Return what holds for this op: its constructor's values over those of the file."""
        local = conf.local_service_conf
        handler = self._local_service_handler
        if isinstance(handler, Mapping):  # As LocalServiceHandler(..) of ours makes it.
            local = dataclasses.replace(local, **handler)
        made = dataclasses.replace(conf, **self._said, local_service_conf=local)
        if made.concurrency is None:
            made = dataclasses.replace(made, concurrency=local.concurrency or 1)
        self.concurrency = made.concurrency or 1
        self.fetch_list = self._fetch_names = made.fetch_list or local.fetch_list
        return made

    def get_input_ops(self) -> list[Any]:
        """Return the ops whose output it takes."""
        return self._input_ops

    def set_input_ops(self, ops: Sequence[Any]) -> None:
        """Say whose output it takes."""
        self._input_ops = list(ops)

    def get_jump_to_ops(self) -> list[Any]:
        """Return the ops that it may go back to."""
        return self._jump_to_ops

    def set_jump_to_ops(self, ops: Sequence[Any]) -> None:
        """Say which ops it may go back to."""
        self._jump_to_ops = list(ops)

    # --- what users override ---

    def init_op(self) -> None:
        """Do what is done once in each process. What it raises ends the start."""

    def set_dynamic_shape_info(self) -> None:
        """Set ``self.dynamic_shape_info``, for TensorRT."""

    def preprocess(self, input_dicts: dict[str, Any], data_id: int = 0, log_id: int = 0) -> Any:
        """Return (feed, is_skip_process, prod_errcode, prod_errinfo)."""
        (data,) = input_dicts.values()
        return data, False, None, ""

    def process(self, feed_batch: list[Any], typical_logid: int = 0) -> Any:
        """Return (result, err_code, err_info), or the result alone."""
        result = self.client.predict(
            feed=feed_batch[0], fetch=self._fetch_names, batch=True, log_id=typical_logid
        )
        return result, Code.OK, ""

    def postprocess(
        self, input_dicts: dict[str, Any], fetch_data: Any, data_id: int = 0, log_id: int = 0
    ) -> Any:
        """Return (dict, prod_errcode, prod_errinfo). Those of 0.6 have no ``data_id``."""
        return fetch_data, None, ""

    def check_jumping(self, input_data: dict[int, ChannelData]) -> bool:
        """Return whether to go back to ``jump_to_ops`` with this output: ``{data_id: data}``."""
        return False


class RequestOp(Op):
    """The first op: makes a dict of what the client has sent."""

    NAME = "@DAGExecutor"  # As the next op finds it among its inputs.

    def __init__(self) -> None:
        super().__init__(name=self.NAME)

    def unpack_request_package(self, request: Any) -> Any:
        """Return (dict, log_id, prod_errcode, prod_errinfo). Texts stay texts, whatever they are.

        Raises ValueError where the request does not fit together.
        """
        keys, values = request.key, request.value
        if len(keys) > len(values):
            raise ValueError(f"expected a value for each key, got {len(keys)} and {len(values)}")
        made: dict[str, Any] = dict(zip(keys, values))
        if request.tensors:
            _tensors.add_to(made, request.tensors)
        return made, request.logid, None, ""


class ChannelData:
    """An output, or why there is none: for ``pack_response_package`` and ``check_jumping``.

    With ``error_code`` 50 the number is in ``prod_error_code``, which is the user's.
    """

    def __init__(self, data_id: int, log_id: int, data: Any, failed: Failed | None = None) -> None:
        self.id, self.log_id, self._data = data_id, log_id, data
        self.error_code, self.error_info = 0, ""
        self.prod_error_code: int | None = None
        if failed is not None:
            self.error_code, self.error_info = failed.code, failed.text
            if failed.is_product:
                self.error_code, self.prod_error_code = int(Code.PRODUCT_ERROR), failed.code

    def parse(self) -> Any:
        """Return the output."""
        return self._data


class ResponseOp(Op):
    """Makes the answer of the last op's output."""

    def __init__(self, input_ops: Sequence[Any]) -> None:
        super().__init__(name="@ResponseOp", input_ops=input_ops)

    def pack_response_package(self, channeldata: Any) -> Any:
        """Return the answer: texts, or arrays and lists alone, as ``repr`` writes them."""
        if channeldata.error_code:
            own = channeldata.prod_error_code
            number = channeldata.error_code if own is None else own
            return Response(int(number), channeldata.error_info)
        data = channeldata.parse()
        values = list(data.values())
        if not all(type(value) is str for value in values):
            if all(isinstance(value, (np.ndarray, list)) for value in values):
                values = [repr(value) for value in _shown_whole(values)]
            for value in values:
                if not isinstance(value, str):
                    text = f"{RequestOp.NAME} fetch var type must be str({type(value)})."
                    return Response(int(Code.TYPE_ERROR), text)
        return Response(0, "", [str(key) for key in data], values)


def _shown_whole(values: list[Any]) -> Any:
    """Give the arrays while numpy leaves nothing out of them."""
    with np.printoptions(threshold=_EVERYTHING):
        yield from values
