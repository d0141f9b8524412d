# SPDX-License-Identifier: Apache-2.0
"""The XSF messages of proto/xsf.proto and proto/loader.proto, as classes made at import.

They are described here rather than generated, so that no protoc is needed and no generated file has
to match the installed protobuf; a test compares them with the .proto files. They live in a pool of
their own: a program that has classes compiled from the same files keeps those beside ours.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

__all__ = [
    "CALL",
    "RUN",
    "LoaderInput",
    "LoaderOutput",
    "MetaDesc",
    "Payload",
    "ReqData",
    "ResData",
]

CALL = "/utils.XsfCall/call"
RUN = "/aiges.v1.Stream/Run"

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "int32": _Field.TYPE_INT32,
}

# Message -> its fields: (name, number, type). "*" repeats a type, "map" is string to string, ".."
# a message or an enum, by its full name.
_XSF: dict[str, list[tuple[str, int, str]]] = {
    "Session": [("t", 1, "string"), ("h", 2, "string"), ("sess", 3, "map")],
    "DataMeta": [("data", 1, "bytes"), ("desc", 3, "map")],
    "ReqData": [
        ("op", 1, "string"),
        ("s", 2, ".utils.Session"),
        ("param", 3, "map"),
        ("data", 4, "*.utils.DataMeta"),
    ],
    "ResData": [
        ("code", 1, "int32"),
        ("error_info", 2, "string"),
        ("s", 3, ".utils.Session"),
        ("param", 4, "map"),
        ("data", 5, "*.utils.DataMeta"),
    ],
}
_LOADER: dict[str, list[tuple[str, int, str]]] = {
    "MetaDesc": [
        ("name", 1, "string"),
        ("dataType", 2, "enum.protocol.MetaDesc.DataType"),
        ("attribute", 3, "map"),
    ],
    "Payload": [("meta", 1, ".protocol.MetaDesc"), ("data", 2, "bytes")],
    "LoaderInput": [
        ("serviceId", 1, "string"),
        ("serviceName", 2, "string"),
        ("state", 3, "enum.protocol.LoaderInput.SessState"),
        ("headers", 4, "map"),
        ("params", 5, "map"),
        ("expect", 6, "*.protocol.MetaDesc"),
        ("pl", 7, "*.protocol.Payload"),
        ("sync_id", 8, "int32"),
    ],
    "LoaderOutput": [
        ("serviceId", 1, "string"),
        ("code", 2, "int32"),
        ("err", 3, "string"),
        ("status", 4, "enum.protocol.LoaderOutput.RespStatus"),
        ("pl", 5, "*.protocol.Payload"),
    ],
}
_ENUMS = {
    "MetaDesc": ("DataType", ["TEXT", "AUDIO", "IMAGE", "VIDEO", "OTHER"]),
    "LoaderInput": ("SessState", ["STREAM", "ONCE"]),
    "LoaderOutput": ("RespStatus", ["BEGIN", "CONTINUE", "END", "ONCE"]),
}


def _add_map(message: Any, field: Any, package: str) -> None:
    entry = message.nested_type.add(name=field.name[0].upper() + field.name[1:] + "Entry")
    entry.options.map_entry = True
    for number, name in ((1, "key"), (2, "value")):
        entry.field.add(
            name=name, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL
        )
    field.label, field.type = _Field.LABEL_REPEATED, _Field.TYPE_MESSAGE
    field.type_name = f".{package}.{message.name}.{entry.name}"


def describe(
    file: str, package: str, messages: dict[str, list[tuple[str, int, str]]]
) -> descriptor_pb2.FileDescriptorProto:
    """Return what protoc would say about the file."""
    out = descriptor_pb2.FileDescriptorProto(name=file, package=package, syntax="proto3")
    for name, fields in messages.items():
        message = out.message_type.add(name=name)
        for field_name, number, kind in fields:
            field = message.field.add(name=field_name, number=number, label=_Field.LABEL_OPTIONAL)
            if kind.startswith("*"):
                field.label, kind = _Field.LABEL_REPEATED, kind[1:]
            if kind == "map":
                _add_map(message, field, package)
            elif kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                prefix, _, full_name = kind.partition(".")
                field.type = _Field.TYPE_ENUM if prefix == "enum" else _Field.TYPE_MESSAGE
                field.type_name = f".{full_name}"
        if package == "protocol" and name in _ENUMS:
            enum_name, values = _ENUMS[name]
            enum = message.enum_type.add(name=enum_name)
            for number, value in enumerate(values):
                enum.value.add(name=value, number=number)
    return out


FILES = (describe("xsf.proto", "utils", _XSF), describe("loader.proto", "protocol", _LOADER))

_pool = descriptor_pool.DescriptorPool()
for _file in FILES:
    _pool.Add(_file)


def _class(full_name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(full_name))


ReqData = _class("utils.ReqData")
ResData = _class("utils.ResData")
MetaDesc = _class("protocol.MetaDesc")
Payload = _class("protocol.Payload")
LoaderInput = _class("protocol.LoaderInput")
LoaderOutput = _class("protocol.LoaderOutput")
