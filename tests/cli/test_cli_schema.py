# SPDX-License-Identifier: Apache-2.0
"""asectl schema: both generations, defaults in both ways, into a file."""

import json

import pytest

WRAPPER = """
from aiges.dto import Response
from aiges.sdk import BooleanParamField, IntegerParamField, StringBodyField, WrapperBase

print("words at import")

class Request:
    text = StringBodyField(key="text", value="hello")
    count = IntegerParamField(key="count", value=3)
    loud = BooleanParamField(key="loud", title="How loud")

class Answer:
    result = StringBodyField(key="result")

class Wrapper(WrapperBase):
    serviceId = "svc"
    version = "v1"
    requestCls = Request()
    responseCls = Answer()

    def wrapperOnceExec(self, params, reqData):
        return Response()
"""


@pytest.fixture
def schema(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(WRAPPER)

    def run(*arguments, **options):
        return asectl("schema", *arguments, **options)

    return run


def found(value, name):
    """All values of that name, anywhere."""
    if isinstance(value, list):
        return [each for part in value for each in found(part, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value and not isinstance(value[name], dict) else []
    return own + [each for part in value.values() for each in found(part, name)]


def header(made):
    return set(made["schemainput"]["properties"]["header"]["properties"])


def test_generations(schema):
    second, legacy = schema().json, schema("--generation", "legacy").json
    assert schema("--generation", "2").json == second != legacy
    # As the specification says: only the second has a status, only the first a device.imei.
    assert "status" in header(second) and "status" not in header(legacy)
    assert "device.imei" in header(legacy) and "device.imei" not in header(second)
    assert second["meta"]["serviceId"] == legacy["meta"]["serviceId"] == "svc"
    assert schema("--generation", "3", code=2).err


def test_defaults(schema):
    plain, aipaas, none = schema().json, schema("--aipaas").json, schema("--no-defaults").json
    assert 3 in found(plain, "default") and found(plain, "defaultVal") == []
    assert "How loud" in found(plain, "title")
    assert 3 in found(aipaas, "defaultVal") and found(aipaas, "default") == []
    assert "How loud" not in found(aipaas, "title")
    assert 3 not in found(none, "default") + found(none, "defaultVal")


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_into_a_file(schema, tmp_path, option):
    said = schema("--json", option, "made.json").json
    assert said == {"file": str(tmp_path / "made.json")}
    assert json.loads((tmp_path / "made.json").read_text()) == schema("--json").json
    assert "wrote" in schema(option, "made.json").out


def test_what_has_no_schema_is_said(schema, tmp_path):
    (tmp_path / "wrapper.py").write_text("def wrapperOnceExec(usrTag, params, reqData): return 0\n")
    assert "derived from aiges.sdk.WrapperBase" in schema("--json", code=1).json["error"]
    (tmp_path / "wrapper.py").write_text(WRAPPER.replace("responseCls = Answer()", ""))
    assert "wrapper.py" in schema("--json", code=1).json["error"]
