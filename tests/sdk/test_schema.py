# SPDX-License-Identifier: Apache-2.0
"""WrapperBase.schema(): the shape, both generations, and what is refused."""

import json

import pytest
from aiges.fields import PayloadField
from aiges.schema import SchemaError, describe
from aiges.sdk import (
    AudioBodyField,
    BooleanParamField,
    ImageBodyField,
    IntegerParamField,
    JsonBodyField,
    NumberParamField,
    StringBodyField,
    StringParamField,
    WrapperBase,
)


class Request:
    text = StringBodyField(key="text", value="hello")
    picture = ImageBodyField(key="img", path="no/such/file.png", encoding="png")
    sound = AudioBodyField(key="audio", path="no/such/file.wav", encoding="amr")
    options = JsonBodyField(key="options", value={"a": 1})
    loud = BooleanParamField(key="loud", title="Loud?", default=True)
    count = IntegerParamField(key="count", minimum=1, maximum=9, value=3, required=True)
    rate = NumberParamField(key="rate", maximum=1.5, value=0.5)
    name = StringParamField(key="name", maxLength=8, enums=["a", "b"], title="Name", value="a")


class Answer:
    result = StringBodyField(key="result")
    picture = ImageBodyField(key="drawn")


class Engine(WrapperBase):
    serviceId = "engine"
    version = "v2"
    requestCls = Request()
    responseCls = Answer()


def schema(cls=Engine, **options):
    return json.loads(cls(**options).schema())


def at(value, path):
    for name in path.split("/"):
        value = value[name]
    return value


def test_the_shape_of_the_whole():
    made = schema()
    assert list(made) == ["meta", "schemainput", "schemaoutput"]
    assert made["meta"] == {
        "serviceId": "engine",
        "version": "v2",
        "service": ["engine"],
        "sub": "ase",
        "call": "atmos",
        "call_type": "0",
        "hosts": "",
        "route": "/v2/private/engine",
        "webgate_type": "0",
        "routeKey": [],
        "engine": {
            "input": {
                "text": {"dataType": "text"},
                "img": {"dataType": "image"},
                "audio": {"dataType": "audio"},
                "options": {"dataType": "text"},
            },
            "accept": {"result": {"dataType": "text"}, "drawn": {"dataType": "image"}},
        },
    }
    assert set(at(made, "schemainput/properties")) == {"header", "parameter", "payload"}
    assert set(at(made, "schemaoutput/properties")) == {"payload"}


def test_payloads():
    made = schema()
    inputs = at(made, "schemainput/properties/payload/properties")
    assert set(inputs["text"]["properties"]) == {
        "encoding",
        "compress",
        "format",
        "status",
        "text",
    }
    picture = inputs["img"]["properties"]
    assert picture["encoding"]["enum"] == ["jpg", "jpeg", "png", "bmp"]
    assert picture["encoding"]["default"] == "png"
    assert picture["image"]["maxLength"] == 10485760
    assert picture["image"]["contentEncoding"] == "base64"
    assert picture["status"]["default"] == 3
    assert "amr" in inputs["audio"]["properties"]["encoding"]["enum"]
    assert inputs["options"]["properties"]["text"]["type"] == ["string", "object", "array"]
    outputs = at(made, "schemaoutput/properties/payload/properties")
    assert "contentEncoding" not in outputs["result"]["properties"]["text"]
    assert outputs["drawn"]["properties"]["image"]["contentEncoding"] == "base64"


def test_parameters_and_asked_outputs_share_the_group_of_the_service():
    group = at(schema(), "schemainput/properties/parameter/properties/engine")
    assert group["required"] == ["count"]
    given = group["properties"]
    assert given["count"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
    assert given["rate"] == {"type": "number", "minimum": 0, "maximum": 1.5, "default": 0.5}
    assert given["loud"] == {"type": "boolean", "title": "Loud?", "default": True}
    assert given["name"] == {
        "type": "string",
        "minLength": 0,
        "maxLength": 8,
        "enum": ["a", "b"],
        "title": "Name",
        "default": "a",
    }
    assert given["drawn"]["properties"]["data_type"]["enum"] == ["image"]


def test_the_legacy_header():
    header = at(schema(), "schemainput/properties/header")
    assert header["required"] == ["appid"]
    assert {"device.imei", "device.other", "net.isp", "app.ver"} < set(header["properties"])
    assert all(p == {"type": "string", "maxLength": 50} for p in header["properties"].values())


def test_the_header_of_the_second_generation():
    header = at(schema(legacy=False), "schemainput/properties/header")
    assert header["required"] == ["appid", "status"]
    assert header["properties"]["status"]["type"] == "integer"
    assert {"imei", "net_type", "res_id"} < set(header["properties"])
    assert not any("." in name for name in header["properties"])


def test_aipaas_renames_defaults_and_drops_titles():
    text = Engine(legacy=False, is_aipaas=True, keep_schema_default_value=True).schema()
    assert '"default"' not in text and '"title"' not in text
    group = at(json.loads(text), "schemainput/properties/parameter/properties/engine/properties")
    assert group["count"]["defaultVal"] == 3


def test_defaults_can_be_left_out():
    text = Engine(keep_schema_default_value=False).schema()
    assert '"default' not in text


def test_fields_named_as_keywords_stay():
    class Odd:
        title = StringBodyField(key="title")
        default = StringParamField(key="default", value="x")

    class Wrapper(Engine):
        requestCls = Odd()

    made = schema(Wrapper, is_aipaas=True)
    assert "title" in at(made, "schemainput/properties/payload/properties")
    given = at(made, "schemainput/properties/parameter/properties/engine/properties")
    assert given["default"]["defaultVal"] == "x"


def test_the_route_may_be_another_or_a_list():
    class Routed(Engine):
        route = ["/a", "/b"]

    assert schema(Routed)["meta"]["route"] == ["/a", "/b"]


def test_without_a_name_it_is_the_default_service():
    class Nameless(Engine):
        serviceId = ""
        version = ""

    assert schema(Nameless)["meta"]["route"] == "/v1/private/svcName"


def test_fields_may_be_given_by_a_class_and_an_output_with_the_request():
    class Both:
        text = StringBodyField(key="text")
        accept1 = StringBodyField(key="result")

    class Wrapper(WrapperBase):
        requestCls = Both

    assert set(Wrapper.inputs) == {"text"}
    assert set(Wrapper.accepts) == {"result"}
    assert describe(Wrapper)["meta"]["svcName"]["accept"] == {"result": {"dataType": "text"}}


def test_a_constructor_of_the_user_need_not_call_ours():
    class Own(Engine):
        def __init__(self):
            pass

    assert json.loads(Own().schema())["meta"]["serviceId"] == "engine"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"requestCls": None}, "at least one input"),
        ({"responseCls": None}, "at least one output"),
        ({"responseCls": type("R", (), {"a": StringBodyField(key="count")})()}, "differ in name"),
        ({"requestCls": type("R", (), {"a": type("X", (PayloadField,), {"type": 9})("x")})}, "9"),
    ],
)
def test_what_cannot_be_described_is_refused(changes, text):
    with pytest.raises(SchemaError, match=text):
        type("Wrong", (Engine,), changes)().schema()


def test_test_values_are_there_by_key():
    engine = Engine()
    assert engine.inputs_test_values["text"] == b"hello"
    assert engine.inputs_test_values["img"] == b""  # The file is not there: a warning, no failure.
    engine.inputs_test_values = {}  # Old wrappers may have attributes of these names.
    assert engine.params_test_values == {"loud": "true", "count": "3", "rate": "0.5", "name": "a"}


def test_the_schema_is_valid_json_schema():
    jsonschema = pytest.importorskip("jsonschema")
    for options in ({}, {"legacy": False}):
        made = schema(**options)
        for name in ("schemainput", "schemaoutput"):
            jsonschema.Draft202012Validator.check_schema(made[name])
