# SPDX-License-Identifier: Apache-2.0
"""The messages of package ``seldon.protos``, made at run time for whatever protobuf is there.

No generated code, which would fit one range of protobuf's versions only. Where the process has the
original's messages already, those are taken: a pool has each name once.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped,unused-ignore]
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    empty_pb2,
    message_factory,
    struct_pb2,
)

__all__ = ["PACKAGE", "SERVICES", "classes", "file_descriptor", "message"]

PACKAGE = "seldon.protos"
# Each line: the message, then its fields: number, name, type. "*" is repeated, "a>b" a map, "|" a
# part of the oneof data_oneof. In the order of the protocol's own file.
_MESSAGES = """
SeldonMessage 1:status:Status 2:meta:Meta 3:data|:DefaultData 4:binData|:bytes 5:strData|:string \
 6:jsonData|:.google.protobuf.Value 7:customData|:.google.protobuf.Any
DefaultData 1:names*:string 2:tensor|:Tensor 3:ndarray|:.google.protobuf.ListValue \
 4:tftensor|:.tensorflow.TensorProto
Tensor 1:shape*:int32 2:values*:double
Meta 1:puid:string 2:tags:string>.google.protobuf.Value 3:routing:string>int32 \
 4:requestPath:string>string 5:metrics*:Metric
Metric 1:key:string 2:type:Metric.MetricType 3:value:float 4:tags:string>string
SeldonMessageList 1:seldonMessages*:SeldonMessage
Status 1:code:int32 2:info:string 3:reason:string 4:status:Status.StatusFlag
Feedback 1:request:SeldonMessage 2:response:SeldonMessage 3:reward:float 4:truth:SeldonMessage
RequestResponse 1:request:SeldonMessage 2:response:SeldonMessage
SeldonModelMetadataRequest 1:name:string
SeldonMessageMetadata 1:messagetype:string 2:schema:.google.protobuf.Value 3:name:string \
 4:datatype:string 5:shape*:int64
SeldonModelMetadata 1:name:string 2:versions*:string 3:platform:string \
 4:inputs*:SeldonMessageMetadata 5:outputs*:SeldonMessageMetadata 6:custom:string>string
SeldonGraphMetadata 1:name:string 2:models:string>SeldonModelMetadata \
 3:inputs*:SeldonMessageMetadata 4:outputs*:SeldonMessageMetadata
"""
_ENUMS = {
    "Metric.MetricType": ("COUNTER", "GAUGE", "TIMER"),
    "Status.StatusFlag": ("SUCCESS", "FAILURE"),
}
_M, _EMPTY = "SeldonMessage", ".google.protobuf.Empty"
# Service -> method -> what it takes and answers.
SERVICES: dict[str, dict[str, tuple[str, str]]] = {
    "Generic": {
        "TransformInput": (_M, _M),
        "TransformOutput": (_M, _M),
        "Route": (_M, _M),
        "Aggregate": ("SeldonMessageList", _M),
        "SendFeedback": ("Feedback", _M),
    },
    "Model": {
        "Predict": (_M, _M),
        "SendFeedback": ("Feedback", _M),
        "Metadata": (_EMPTY, "SeldonModelMetadata"),
    },
    "Router": {"Route": (_M, _M), "SendFeedback": ("Feedback", _M)},
    "Transformer": {"TransformInput": (_M, _M)},
    "OutputTransformer": {"TransformOutput": (_M, _M)},
    "Combiner": {"Aggregate": ("SeldonMessageList", _M)},
    "Seldon": {
        "Predict": (_M, _M),
        "SendFeedback": ("Feedback", _M),
        "ModelMetadata": ("SeldonModelMetadataRequest", "SeldonModelMetadata"),
        "GraphMetadata": (_EMPTY, "SeldonGraphMetadata"),
    },
}
# TensorFlow's tensor, where TensorFlow is not there to bring it.
_TENSOR = """
TensorShapeProto 2:dim*:TensorShapeProto.Dim 3:unknown_rank:bool
TensorShapeProto.Dim 1:size:int64 2:name:string
VariantTensorDataProto 1:type_name:string 2:metadata:bytes 3:tensors*:TensorProto
TensorProto 1:dtype:DataType 2:tensor_shape:TensorShapeProto 3:version_number:int32 \
 4:tensor_content:bytes 13:half_val*:int32 5:float_val*:float 6:double_val*:double \
 7:int_val*:int32 8:string_val*:bytes 9:scomplex_val*:float 10:int64_val*:int64 11:bool_val*:bool \
 12:dcomplex_val*:double 15:variant_val*:VariantTensorDataProto 16:uint32_val*:uint32 \
 17:uint64_val*:uint64
"""
_TENSOR_FILE = "tensorflow/core/framework/tensor.proto"
_DATA_TYPES = (
    "INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 "
    "BFLOAT16 QINT16 QUINT16 UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64"
).split()

_Field: Any = descriptor_pb2.FieldDescriptorProto
_REPEATED, _OPTIONAL = _Field.LABEL_REPEATED, _Field.LABEL_OPTIONAL


def _entry_name(field: str) -> str:
    return field[:1].upper() + field[1:] + "Entry"


class _Builder:
    """A file of messages from its table."""

    def __init__(self, name: str, package: str, enums: list[str]) -> None:
        self.file: Any = descriptor_pb2.FileDescriptorProto(
            name=name, package=package, syntax="proto3"
        )
        self._package, self._enums = package, enums
        self._made: dict[str, Any] = {}

    def add(self, table: str) -> None:
        for line in table.strip().splitlines():
            name, *fields = line.split()
            outer, _, inner = name.rpartition(".")
            made = self._made[outer].nested_type.add() if outer else self.file.message_type.add()
            made.name = inner
            self._made[name] = made
            for field in fields:
                self._add_field(made, name, field)

    def add_enum(self, name: str, values: list[tuple[str, int]]) -> None:
        outer, _, inner = name.rpartition(".")
        made = self._made[outer].enum_type.add() if outer else self.file.enum_type.add()
        made.name = inner
        for value, number in values:
            made.value.add(name=value, number=number)

    def _add_field(self, made: Any, owner: str, text: str) -> None:
        number, name, kind = text.split(":")
        field = made.field.add(number=int(number), label=_OPTIONAL)
        if name.endswith("|"):
            if not made.oneof_decl:
                made.oneof_decl.add(name="data_oneof")
            field.oneof_index = 0
        if name.endswith("*") or ">" in kind:
            field.label = _REPEATED
        field.name = name = name.rstrip("|*")
        if ">" in kind:
            entry = made.nested_type.add(name=_entry_name(name))
            entry.options.map_entry = True
            for at, (part, its) in enumerate(zip(("key", "value"), kind.split(">")), 1):
                self._set_type(entry.field.add(number=at, name=part, label=_OPTIONAL), its)
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{self._package}.{owner}.{entry.name}"
            return
        self._set_type(field, kind)

    def _set_type(self, field: Any, kind: str) -> None:
        simple = getattr(_Field, "TYPE_" + kind.upper(), None) if kind.islower() else None
        if simple is not None:
            field.type = simple
            return
        field.type_name = kind if kind.startswith(".") else f".{self._package}.{kind}"
        field.type = _Field.TYPE_ENUM if kind in self._enums else _Field.TYPE_MESSAGE


def _tensor_file(pool: Any) -> str:
    """Return the name of the file in the pool that has tensorflow.TensorProto."""
    if importlib.util.find_spec("tensorflow") is not None:
        try:  # It has to be first: its own files go into the same pool.
            importlib.import_module("tensorflow.core.framework.tensor_pb2")
        except Exception:
            pass  # One that cannot be imported will not bring them either.
    try:
        return str(pool.FindMessageTypeByName("tensorflow.TensorProto").file.name)
    except KeyError:
        pass
    builder = _Builder(_TENSOR_FILE, "tensorflow", ["DataType"])
    builder.add(_TENSOR)
    values = [(f"DT_{name}", number) for number, name in enumerate(_DATA_TYPES)]
    builder.add_enum("DataType", values)
    pool.AddSerializedFile(builder.file.SerializeToString())
    return _TENSOR_FILE


def _add(pool: Any) -> None:
    builder = _Builder("proto/prediction.proto", PACKAGE, list(_ENUMS))
    needed = (any_pb2, struct_pb2, empty_pb2)
    builder.file.dependency.extend([module.DESCRIPTOR.name for module in needed])
    builder.file.dependency.append(_tensor_file(pool))
    builder.add(_MESSAGES)
    for name, values in _ENUMS.items():
        builder.add_enum(name, [(value, number) for number, value in enumerate(values)])
    for name, methods in SERVICES.items():
        service = builder.file.service.add(name=name)
        for method, (taken, answered) in methods.items():
            service.method.add(name=method, input_type=_full(taken), output_type=_full(answered))
    pool.AddSerializedFile(builder.file.SerializeToString())


def _full(name: str) -> str:
    return name if name.startswith(".") else f".{PACKAGE}.{name}"


def file_descriptor() -> Any:
    """Return the descriptor of the file that has the services, which is made where it is not."""
    pool: Any = descriptor_pool.Default()
    try:
        return pool.FindFileContainingSymbol(f"{PACKAGE}.SeldonMessage")
    except KeyError:
        _add(pool)
    return pool.FindFileContainingSymbol(f"{PACKAGE}.SeldonMessage")


def _class_of(descriptor: Any) -> Any:
    make: Any = getattr(message_factory, "GetMessageClass", None)
    if make is not None:
        return make(descriptor)
    factory: Any = message_factory.MessageFactory  # protobuf before 4.22.
    made = getattr(descriptor, "_concrete_class", None)
    return made if made is not None else factory(descriptor_pool.Default()).GetPrototype(descriptor)


_classes: dict[str, Any] = {}


def classes() -> dict[str, Any]:
    """Return the class of each message, by its name."""
    if not _classes:
        found = file_descriptor().message_types_by_name
        _classes.update({name: _class_of(descriptor) for name, descriptor in found.items()})
    return _classes


def message(name: str) -> Any:
    """Return the class of one message: of the package, or ``.google.protobuf.Empty``."""
    return empty_pb2.Empty if name == _EMPTY else classes()[name]
