# SPDX-License-Identifier: Apache-2.0
"""MultiLangGeneralModelService: the gRPC of ``--use_multilang``, up to 0.6."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _conf, _tensors, _types, _wire
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle._tensors import Value
from aiges.contracts.paddle.server._calls import Call, Output, joined
from aiges.contracts.paddle.server._graph import Result

__all__ = ["SERVICE", "MultiLang"]

_LOG = logging.getLogger("aiges.paddle")
_PACKAGE = "baidu.paddle_serving.multi_lang"
SERVICE = f"{_PACKAGE}.MultiLangGeneralModelService"
_TABLE = """
Tensor 1:data:bytes 2:int_data*:int32 3:int64_data*:int64 4:float_data*:float 5:elem_type:int32 \
 6:shape*:int32 7:lod*:int32
FeedInst 1:tensor_array*:Tensor
FetchInst 1:tensor_array*:Tensor
InferenceRequest 1:insts*:FeedInst 2:feed_var_names*:string 3:fetch_var_names*:string \
 4:is_python!:bool=false 5:log_id!:uint64=0
ModelOutput 1:insts*:FetchInst 2:engine_name:string
InferenceResponse 1:outputs*:ModelOutput 2:tag:string 3:err_code!:int32
SetTimeoutRequest 1:timeout_ms!:int32
SimpleResponse 1:err_code!:int32
GetClientConfigResponse 1:client_config_str!:string
"""
_FAILED = 1
_LISTS = {0: "int64_data", 1: "float_data", 2: "int_data"}


@functools.cache
def _messages() -> Any:
    return _wire.Messages(_PACKAGE, _TABLE, "proto2")


class MultiLang:
    """The three methods, message in, message out. Threads: any."""

    def __init__(self, conf: ModelConf, run: Callable[[Call], Result]) -> None:
        self._conf, self._run = conf, run

    def methods(self) -> dict[str, Callable[[bytes], bytes]]:
        """Return them by their names."""
        return {
            "Inference": self.inference,
            "SetTimeout": self.set_timeout,
            "GetClientConfig": self.client_config,
        }

    def inference(self, message: bytes) -> bytes:
        """Predict. Raises ValueError for what is no request; what else fails is err_code 1."""
        made = _messages()
        try:
            request = made.InferenceRequest.FromString(message)
        except Exception as fault:
            raise ValueError(f"expected an InferenceRequest: {fault}") from None
        try:
            outputs = self._run(self._call(request)).outputs
            response = self._response(outputs, request.is_python)
        except Exception as fault:
            level = logging.WARNING if isinstance(fault, ValueError) else logging.ERROR
            _LOG.log(level, "log_id %d: %s", request.log_id, fault)
            response = made.InferenceResponse(err_code=_FAILED)
        return bytes(response.SerializeToString())

    def _call(self, request: Any) -> Call:
        variables = {name: var for var in self._conf.feeds for name in (var.name, var.alias)}
        names = list(request.feed_var_names) or [var.alias for var in self._conf.feeds]
        for name in names:
            if name not in variables:
                known = ", ".join(var.alias for var in self._conf.feeds)
                raise ValueError(f"feed_var_names: expected {known}; got {name[:80]}")
        samples = [self._instance(request, inst, names, variables) for inst in request.insts]
        values = joined(self._conf, samples)
        return Call(values, list(request.fetch_var_names), request.log_id)

    def _instance(
        self, request: Any, inst: Any, names: Sequence[str], variables: dict[str, Var]
    ) -> list[Value]:
        if len(inst.tensor_array) != len(names):
            raise ValueError(f"expected {len(names)} tensors, got {len(inst.tensor_array)}")
        found: dict[str, Value] = {}
        for name, tensor in zip(names, inst.tensor_array):
            var = variables[name]
            found[var.name] = _value(tensor, var, bool(request.is_python))
        missing = [var.alias for var in self._conf.feeds if var.name not in found]
        if missing:
            raise ValueError(f"feed_var_names: {missing[0]} is missing")
        return [found[var.name] for var in self._conf.feeds]

    @staticmethod
    def _response(outputs: Sequence[Output], is_python: bool) -> Any:
        response = _messages().InferenceResponse(tag="default", err_code=0)
        for output in outputs:
            inst = response.outputs.add(engine_name=output.engine).insts.add()
            for value in output.values:
                _write(inst.tensor_array.add(), value, is_python)
        return response

    @staticmethod
    def set_timeout(_message: bytes) -> bytes:
        """Nothing: the time of a call is its client's."""
        return bytes(_messages().SimpleResponse(err_code=0).SerializeToString())

    def client_config(self, _message: bytes) -> bytes:
        """Return serving_client_conf.prototxt."""
        response = _messages().GetClientConfigResponse(client_config_str=_conf.text_of(self._conf))
        return bytes(response.SerializeToString())


def _value(tensor: Any, var: Var, is_python: bool) -> Value:
    if not is_python or (not tensor.data and var.type in _LISTS):
        return _tensors.read_v2(_as_v2(tensor), var.name, var.alias, var.type)
    if var.type == _types.STRING:
        return Value([tensor.data], var.type, [], var.name, var.alias)
    dtype = _types.dtype_of(var.type, var.alias)
    if len(tensor.data) % dtype.itemsize:
        raise ValueError(f"{var.alias}: expected elements of {dtype}, got {len(tensor.data)} bytes")
    array = np.frombuffer(tensor.data, dtype.newbyteorder("<")).astype(dtype, copy=False)
    shape = list(tensor.shape) or [array.size]
    if int(np.prod([int(size) for size in shape], dtype=object)) != array.size or min(shape) < 0:
        raise ValueError(f"{var.alias}: expected elements for shape {shape}, got {array.size}")
    levels = _tensors.levels_of(tensor.lod)
    return Value(array.reshape(shape), var.type, levels, var.name, var.alias)


def _as_v2(tensor: Any) -> Any:
    """Return it as the other Tensor of that time, which differs in the repeats of one field."""
    made = _wire.v2().Tensor.FromString(tensor.SerializeToString())
    return made


def _write(made: Any, value: Value, is_python: bool) -> None:
    made.elem_type = value.type
    made.shape.extend(value.shape)
    made.lod.extend(_tensors.flat_of(value.lod))
    if value.type == _types.STRING:
        made.data = b"".join(value.array)
    elif is_python:
        dtype = _types.dtype_of(value.type, value.alias).newbyteorder("<")
        made.data = np.ascontiguousarray(value.array, dtype=dtype).tobytes()
    elif value.type in _LISTS:
        getattr(made, _LISTS[value.type]).extend(value.array.ravel().tolist())
    else:
        raise ValueError(f"{value.alias}: {_types.name_of(value.type)} is not carried by lists")
