# SPDX-License-Identifier: Apache-2.0
"""The messages of Paddle Serving and of baidu_std, made at run time in a pool of their own.

No generated code, which would fit one range of protobuf's versions only, and no name in the pool
that all share: the original's own modules may be in the same process.

Three sets, as the numbers of fields changed: ``v3`` is 0.9 (0.7 and 0.8 differ in two fields of
Response, which ``Response07`` has), ``v2`` is 0.6 and before, and ``raw`` is v3 with floats,
doubles and texts declared as bytes, which is the same on the wire, spares a Python object per
number, and takes texts that are no UTF-8.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

__all__ = ["METHOD", "SERVICE", "conf", "frame", "program", "raw", "v2", "v3"]

SERVICE = "baidu.paddle_serving.predictor.general_model.GeneralModelService"
METHOD = "inference"

_GENERAL = "baidu.paddle_serving.predictor.general_model"
# Each line: the message, then its fields: number:name:type. "*" is repeated, "=" a default, "!" is
# required. The original requires v2's log_id, so ours always writes it, but reads without it too.
_V3 = """
Tensor 1:int64_data*:int64 2:float_data*:float 3:int_data*:int32 4:float64_data*:double \
 5:uint32_data*:uint32 6:bool_data*:bool 7:complex64_data*:float 8:complex128_data*:double \
 9:data*:string 10:elem_type:int32 11:shape*:int32 12:lod*:int32 13:name:string \
 14:alias_name:string 15:tensor_content:bytes
Request 1:tensor*:Tensor 2:fetch_var_names*:string 3:profile_server:bool 4:log_id:uint64
ModelOutput 1:tensor*:Tensor 2:engine_name:string
Response 1:outputs*:ModelOutput 2:profile_time*:int64 3:profile_server:bool 4:log_id:uint64 \
 5:err_no:int32 6:err_msg:string
Response07 1:outputs*:ModelOutput 2:profile_time*:int64 3:err_no:int32 4:err_msg:string
"""
_RAW = (
    _V3.replace("float_data*:float", "float_data*:bytes")
    .replace("float64_data*:double", "float64_data*:bytes")
    .replace("data*:string", "data*:bytes")
)
_V2 = """
Tensor 1:data*:bytes 2:int_data*:int32 3:int64_data*:int64 4:float_data*:float 5:elem_type:int32 \
 6:shape*:int32 7:lod*:int32
FeedInst 1:tensor_array*:Tensor
FetchInst 1:tensor_array*:Tensor
Request 1:insts*:FeedInst 2:fetch_var_names*:string 3:profile_server:bool=false 4:log_id:uint64=0
ModelOutput 1:insts*:FetchInst 2:engine_name:string
Response 1:outputs*:ModelOutput 2:profile_time*:int64
"""
_FRAME = """
RpcRequestMeta 1:service_name:string 2:method_name:string 3:log_id:int64 4:trace_id:int64 \
 5:span_id:int64 6:parent_span_id:int64 7:request_id:string 8:timeout_ms:int32
RpcResponseMeta 1:error_code:int32 2:error_text:string
ChunkInfo 1:stream_id:int64 2:chunk_id:int64
RpcMeta 1:request:RpcRequestMeta 2:response:RpcResponseMeta 3:compress_type:int32 \
 4:correlation_id:int64 5:attachment_size:int32 6:chunk_info:ChunkInfo 7:authentication_data:bytes
"""
_CONF = """
FeedVar 1:name:string 2:alias_name:string 3:is_lod_tensor:bool=false 4:feed_type:int32=0 \
 5:shape*:int32
FetchVar 1:name:string 2:alias_name:string 3:is_lod_tensor:bool=false 4:fetch_type:int32=0 \
 5:shape*:int32
GeneralModelConfig 1:feed_var*:FeedVar 2:fetch_var*:FetchVar
"""
# What is looked at of a program before Paddle is given it.
_PROGRAM = """
BlockDesc 1:idx!:int32 2:parent_idx!:int32 3:vars*:bytes 4:ops*:bytes
ProgramDesc 1:blocks*:BlockDesc
"""


class Messages:
    """The classes of one set, as attributes."""

    def __init__(self, package: str, table: str, syntax: str) -> None:
        descriptor_pb2: Any = importlib.import_module("google.protobuf.descriptor_pb2")
        descriptor_pool: Any = importlib.import_module("google.protobuf.descriptor_pool")
        file = descriptor_pb2.FileDescriptorProto(
            name="aiges/paddle.proto", package=package, syntax=syntax
        )
        names = []
        for line in table.strip().splitlines():
            name, *fields = line.split()
            names.append(name)
            message = file.message_type.add(name=name)
            for field in fields:
                _add_field(message, field, package)
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(file.SerializeToString())
        for name in names:
            setattr(self, name, _class_of(pool.FindMessageTypeByName(f"{package}.{name}"), pool))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"expected a message of Paddle Serving, got {name}")


def _add_field(message: Any, text: str, package: str) -> None:
    number, name, kind = text.split(":")
    kind, _, default = kind.partition("=")
    field = message.field.add(number=int(number), name=name.rstrip("*!"))
    field.label = (
        field.LABEL_REPEATED
        if name.endswith("*")
        else field.LABEL_REQUIRED
        if name.endswith("!")
        else field.LABEL_OPTIONAL
    )
    if kind.islower():
        field.type = getattr(type(field), f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
    if default:
        field.default_value = default


def _class_of(descriptor: Any, pool: Any) -> Any:
    factory: Any = importlib.import_module("google.protobuf.message_factory")
    make = getattr(factory, "GetMessageClass", None)  # Since protobuf 4.22.
    return make(descriptor) if make else factory.MessageFactory(pool).GetPrototype(descriptor)


@functools.cache
def v3() -> Any:
    """Return the messages of 0.7 and later."""
    return Messages(_GENERAL, _V3, "proto3")


@functools.cache
def raw() -> Any:
    """Return the same with ``float_data`` and ``float64_data`` as runs of little-endian bytes.

    ``data`` is bytes, too.
    """
    return Messages(_GENERAL, _RAW, "proto3")


@functools.cache
def v2() -> Any:
    """Return the messages of 0.6 and before."""
    return Messages(_GENERAL, _V2, "proto2")


@functools.cache
def frame() -> Any:
    """Return what heads a frame of baidu_std."""
    return Messages("aiges.baidu_std", _FRAME, "proto2")


@functools.cache
def conf() -> Any:
    """Return the messages of ``serving_server_conf.prototxt``."""
    return Messages("baidu.paddle_serving.configure", _CONF, "proto2")


@functools.cache
def program() -> Any:
    """Return what heads a ``.pdmodel`` file."""
    return Messages("aiges.paddle_program", _PROGRAM, "proto2")
