# SPDX-License-Identifier: Apache-2.0
"""The schema of a wrapper: what goes in and out of it, as the JSON that gateways and pages read.

``{"meta": .., "schemainput": .., "schemaoutput": ..}``; the last two are JSON Schema of the request
and the answer. There are two generations: the legacy one and the second differ in the properties
of ``header``. Nothing here needs more than the standard library, and nothing reads test data.
"""

from __future__ import annotations

from typing import Any

from aiges._narrow import is_dict, is_list
from aiges.core.types import AUDIO, IMAGE, STRING, VIDEO
from aiges.fields import (
    BooleanParamField,
    IntegerParamField,
    JsonBodyField,
    NumberParamField,
    ParamField,
    PayloadField,
)

__all__ = ["SchemaError", "describe"]

KINDS = {STRING: "text", AUDIO: "audio", IMAGE: "image", VIDEO: "video"}
ENCODINGS = {
    STRING: ["utf8", "gb2312", "gbk"],
    AUDIO: ["raw", "lame", "speex", "speex-wb", "opus", "opus-wb", "wav", "mp3"],
    IMAGE: ["jpg", "jpeg", "png", "bmp"],
    VIDEO: ["h264", "h265", "mp4"],
}
MAX_LENGTH = 10485760
DEFAULT_SERVICE = "svcName"
DEFAULT_VERSION = "v1"

_LEGACY_HEADER = (
    "uid device_id device.imei device.imsi device.mac device.other net.type net.isp app.ver"
).split()
_HEADER = "uid device_id imei imsi mac net_type net_isp res_id".split()
_SHORT_TEXT = {"type": "string", "maxLength": 50}


class SchemaError(ValueError):
    """The wrapper declares too little, or what it declares cannot be written as a schema."""


def describe(wrapper: Any) -> dict[str, Any]:
    """Return the schema of a ``WrapperBase`` (an object or the class). Raises SchemaError."""
    name = getattr(wrapper, "__name__", type(wrapper).__name__)
    if not wrapper.inputs:
        raise SchemaError(
            f"{name}: expected at least one input, got none: set requestCls to an object whose "
            'class has fields, as text = StringBodyField(key="text")'
        )
    if not wrapper.accepts:
        raise SchemaError(
            f"{name}: expected at least one output, got none: set responseCls to an object whose "
            'class has fields, as result = StringBodyField(key="result")'
        )
    legacy = bool(getattr(wrapper, "legacy", True))
    service = wrapper.serviceId or DEFAULT_SERVICE
    made = {
        "meta": _meta(wrapper, service),
        "schemainput": _object(
            {
                "header": _legacy_header() if legacy else _header(),
                "parameter": _object({service: _parameter(wrapper)}),
                "payload": _object(
                    {key: _payload(field, True) for key, field in wrapper.inputs.items()}
                ),
            },
            ["header", "payload"],
        ),
        "schemaoutput": _object(
            {
                "payload": _object(
                    {key: _payload(field, False) for key, field in wrapper.accepts.items()}
                )
            }
        ),
    }
    if not getattr(wrapper, "keep_schema_default_value", True):
        made = _rewrite(made, {"default": None})
    if getattr(wrapper, "is_aipaas", False):
        made = _rewrite(made, {"default": "defaultVal", "title": None})
    return made


def _meta(wrapper: Any, service: str) -> dict[str, Any]:
    version = wrapper.version or DEFAULT_VERSION
    return {
        "serviceId": service,
        "version": version,
        "service": [service],
        "sub": wrapper.sub,
        "call": wrapper.call,
        "call_type": wrapper.call_type,
        "hosts": wrapper.hosts,
        "route": wrapper.route or f"/{version}/private/{service}",
        "webgate_type": wrapper.webgate_type,
        "routeKey": [],
        service: {"input": _kinds(wrapper.inputs), "accept": _kinds(wrapper.accepts)},
    }


def _kinds(fields: dict[str, PayloadField]) -> dict[str, Any]:
    return {key: {"dataType": _kind(field)} for key, field in fields.items()}


def _kind(field: PayloadField) -> str:
    if field.type not in KINDS:
        raise SchemaError(
            f"field {field.key}: expected a type of {sorted(KINDS)} (text, audio, image, video), "
            f"got {field.type!r}"
        )
    return KINDS[field.type]


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    return made


def _legacy_header() -> dict[str, Any]:
    names = ["appid", *_LEGACY_HEADER]
    return _object({name: dict(_SHORT_TEXT) for name in names}, ["appid"])


def _header() -> dict[str, Any]:
    properties: dict[str, Any] = {
        "appid": dict(_SHORT_TEXT),
        "status": {"type": "integer", "enum": [0, 1, 2, 3], "default": 3},
    }
    properties.update({name: dict(_SHORT_TEXT) for name in _HEADER})
    return _object(properties, ["appid", "status"])


def _parameter(wrapper: Any) -> dict[str, Any]:
    properties = {key: _param(field) for key, field in wrapper.params.items()}
    required = [key for key, field in wrapper.params.items() if field.required]
    for key, field in wrapper.accepts.items():
        if key in properties:
            raise SchemaError(
                f"key {key}: expected a parameter and an output to differ in name, got one name "
                "for both: rename one of them"
            )
        asked = _how(field)
        asked["data_type"] = {"type": "string", "enum": [_kind(field)], "default": _kind(field)}
        properties[key] = _object(asked)
    return _object(properties, required)


def _how(field: PayloadField) -> dict[str, Any]:
    """Return encoding, compress and format, as far as the field has them."""
    made: dict[str, Any] = {}
    for name in ("encoding", "compress", "format"):
        value = field.options.get(name)
        if not value:
            continue
        enum = list(ENCODINGS.get(field.type, [])) if name == "encoding" else []
        made[name] = {"type": "string", "default": value}
        if name == "encoding" and enum:
            made[name]["enum"] = enum if value in enum else [*enum, value]
    if isinstance(field, JsonBodyField):
        made["format"] = {"type": "string", "enum": ["json"], "default": "json"}
    return made


def _payload(field: PayloadField, is_input: bool) -> dict[str, Any]:
    kind = _kind(field)
    properties = _how(field)
    properties["status"] = {"type": "integer", "enum": [0, 1, 2, 3], "default": field.status}
    data: dict[str, Any] = {"type": "string", "minLength": 0, "maxLength": MAX_LENGTH}
    if is_input or field.type != STRING:  # On the way out, text is text.
        data["contentEncoding"] = "base64"
    if isinstance(field, JsonBodyField):
        data["type"] = ["string", "object", "array"]
        data["contentMediaType"] = "application/json"
    properties[kind] = data
    return _object(properties, [kind] if is_input else None)


def _param(field: ParamField) -> dict[str, Any]:
    options = field.options
    made: dict[str, Any] = {"type": "string"}
    if isinstance(field, BooleanParamField):
        made["type"] = "boolean"
    elif isinstance(field, NumberParamField):
        made["type"] = "integer" if isinstance(field, IntegerParamField) else "number"
        made.update(minimum=options["minimum"], maximum=options["maximum"])
    else:
        made.update({n: options[n] for n in ("minLength", "maxLength") if n in options})
    if options.get("enums"):
        made["enum"] = list(options["enums"])
    for name in ("title", "description"):
        if options.get(name):
            made[name] = options[name]
    if field.value not in (None, ""):
        made["default"] = field.value
    return made


def _rewrite(value: Any, names: dict[str, str | None], is_names: bool = False) -> Any:
    """Return a copy in which keywords have another name, or are gone (None).

    What is under ``properties`` are names of the user, not keywords: they stay.
    """
    if is_list(value):
        return [_rewrite(each, names) for each in value]
    if not is_dict(value):
        return value
    made: dict[Any, Any] = {}
    for key, each in value.items():
        name = key if is_names else names.get(key, key)
        if name is not None:
            made[name] = _rewrite(each, names, key == "properties" and not is_names)
    return made
