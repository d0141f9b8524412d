# SPDX-License-Identifier: Apache-2.0
"""asectl check finds what breaks the contract, and says file, line and what to do."""

import subprocess
import textwrap
import time

import pytest

CLASS = """
from aiges.dto import Response, ResponseData
from aiges.sdk import IntegerParamField, StringBodyField, WrapperBase

class Request:
    text = StringBodyField(key="text", value="hello")

class Answer:
    result = StringBodyField(key="result")

class Wrapper(WrapperBase):
    requestCls = Request()
    responseCls = Answer()

    def wrapperInit(self, config):
        return 0

    def wrapperOnceExec(self, params, reqData):
        answer = ResponseData("result", data=reqData.get("text").data)
        response = Response()
        response.list = [answer]
        return response  # HERE
"""
FUNCTIONS = """
def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append({"key": "result", "data": b"x", "len": 1, "status": 3, "type": 0})
    return 0  # END
"""
SESSION = """
from aiges.dto import Response, ResponseData, SessionCreateResponse

class Wrapper:
    def wrapperInit(self, config):
        return 0

    def wrapperCreate(self, params, sid):
        self.sid = sid
        return SessionCreateResponse(sid, 0)

    def wrapperWrite(self, handle, reqData):
        return 0

    def wrapperRead(self, handle):
        response = Response()
        response.list = [ResponseData("result", data=b"x", status=2)]
        return response

    def wrapperDestroy(self, handle):
        return 0
"""


# Wrong, but the loader answers with it.
SERVED_ALL_THE_SAME = (
    "declares (result), got 'other'",
    "'result' is there twice",
    "declares 0, got 2",
    "len says 99",
)


@pytest.fixture
def check(asectl, tmp_path):
    """check(text of wrapper.py, *arguments) -> the findings, and the lines of the text."""

    def run(text, *arguments, code=1):
        (tmp_path / "wrapper.py").write_text(textwrap.dedent(text))
        return asectl("check", "--json", *arguments, code=code).json["findings"]

    return run


def line_of(text, part):
    lines = textwrap.dedent(text).splitlines()
    return next(number for number, line in enumerate(lines, 1) if part in line)


@pytest.mark.parametrize("text", [CLASS, FUNCTIONS, SESSION])
def test_what_is_in_order_has_no_findings(check, text):
    assert check(text, "--strict", code=0) == []


@pytest.mark.parametrize(
    "hook",
    [
        # Of class style: each argument that the loader has, and fewer of them.
        "    def wrapperLoadRes(self, reqData, patch_id, resId):",
        "    def wrapperLoadRes(self, reqData, resId):",
        "    def wrapperUnloadRes(self, patch_id, resId):",
        "    def wrapperUnloadRes(self, resId):",
        # Of function style.
        "def wrapperLoadRes(reqData, patch_id, resId):",
        "def wrapperUnloadRes(patch_id, resId):",
        "def wrapperWrite(handle, reqData, sid):",
        "def wrapperSchema():",
        # By name only.
        "    def wrapperUnloadRes(self, *, resId, patch_id):",
        "def wrapperLoadRes(*, patch_id, reqData):",
        "def wrapperWrite(**given):",
    ],
)
def test_a_hook_that_takes_all_that_the_loader_gives_is_in_order(check, hook):
    indent = hook[: len(hook) - len(hook.lstrip())]
    text = (CLASS if indent else FUNCTIONS) + f"\n{hook}\n{indent}    return 0\n"
    found = check(text, "--strict", code=0)
    assert [each for each in found if each["level"] != "note"] == []


@pytest.mark.parametrize(
    ("text", "hook", "said", "at"),
    [
        # Syntax and import.
        (CLASS.replace("(self, config):", "(self, config)"), "", "syntax error", "(self, config)"),
        ("import no_such_module_1\n" + FUNCTIONS, "import", "No module named", "import no_such"),
        (FUNCTIONS + "\nraise SystemExit(3)\n", "import", "SystemExit: 3", "raise SystemExit"),
        # Hooks that are not there, or have the wrong name.
        ("x = 1\n", "", "one of wrapperOnceExec", "x = 1"),
        (FUNCTIONS.replace("OnceExec(", "OnceExce("), "wrapperOnceExce", "never calls", "OnceExce"),
        (
            SESSION.replace("wrapperWrite", "other"),
            "wrapperWrite",
            "because it has wrapperCreate",
            "def wrapperCreate",
        ),
        # Arity.
        (
            CLASS.replace("self, params, reqData", "self, a, b, c, d, e, f"),
            "wrapperOnceExec",
            "missing a required argument: 'f'; the loader gives params, reqData, ",
            "def wrapperOnceExec",
        ),
        (
            CLASS.replace("self, params, reqData", "self"),
            "wrapperOnceExec",
            "never gets reqData",
            "def wrapperOnceExec",
        ),
        (
            FUNCTIONS.replace("respData, psrIds, psrCnt", "respData, *, model"),
            "wrapperOnceExec",
            "missing a required argument: 'model'",
            "def wrapperOnceExec",
        ),
        # Nonsense that is returned.
        (CLASS.replace("return response", "return 12"), "wrapperOnceExec", "got int 12", "HERE"),
        (CLASS.replace("return response", "return None"), "wrapperOnceExec", "got None", "HERE"),
        (
            CLASS.replace("return response", "return [object()]"),
            "wrapperOnceExec",
            "object in it",
            "HERE",
        ),
        (
            CLASS.replace("[answer]", "[]"),
            "wrapperOnceExec",
            "at least one ResponseData, got none",
            "HERE",
        ),
        (
            CLASS.replace('ResponseData("result"', 'ResponseData("other"'),
            "wrapperOnceExec",
            "declares (result), got 'other'",
            "HERE",
        ),
        (
            CLASS.replace("[answer]", "[answer, answer]"),
            "wrapperOnceExec",
            "'result' is there twice",
            "HERE",
        ),
        (
            CLASS.replace("return response", "answer.type = 2; return response"),
            "wrapperOnceExec",
            "declares 0, got 2",
            "HERE",
        ),
        (
            CLASS.replace("return response", "answer.len = 99; return response"),
            "wrapperOnceExec",
            "len says 99",
            "HERE",
        ),
        (FUNCTIONS.replace('"data": b"x", ', ""), "wrapperOnceExec", "data missing", "END"),
        (FUNCTIONS.replace("    return 0\n\n", "    pass\n\n"), "wrapperInit", "got None", "pass"),
        (CLASS.replace("return 0", "return 5"), "wrapperInit", "the error code 5", "return 5"),
        (
            SESSION.replace("return SessionCreateResponse(sid, 0)", "return None"),
            "wrapperCreate",
            "SessionCreateResponse with a handle",
            "return None",
        ),
        (
            SESSION.replace("status=2", "status=1"),
            "wrapperRead",
            "status 2 (end)",
            "def wrapperRead",
        ),
        (
            CLASS + "\n    def wrapperError(self, code):\n        return 5  # ERR\n",
            "wrapperError",
            "expected str for code 1, got int",
            "ERR",
        ),
        (
            CLASS + "\n    def wrapperBatchExec(self, params, reqData):\n        return []  # B\n",
            "wrapperBatchExec",
            "a list of 2 results for 2 requests, got 0",
            "# B",
        ),
        # Exceptions, at the line that raised.
        (
            CLASS.replace("response = Response()", "response = 1 / 0"),
            "wrapperOnceExec",
            "raised ZeroDivisionError",
            "1 / 0",
        ),
        (
            "class Wrapper:\n    def __init__(self):\n        self.x = nothing\n"
            "    def wrapperOnceExec(self, params, reqData):\n        return b''\n",
            "Wrapper()",
            "raised NameError",
            "nothing",
        ),
        (
            "class Wrapper:\n    def wrapperOnceExec(self, params, reqData):\n"
            "        yield 'a'\n        raise KeyError('b')\n",
            "wrapperOnceExec",
            "raised KeyError",
            "KeyError",
        ),
    ],
)
def test_each_violation_is_found_with_its_line(check, tmp_path, text, hook, said, at):
    code = 0 if said in SERVED_ALL_THE_SAME else 1
    found = [e for e in check(text, code=code) if e["hook"] == hook and said in e["text"]]
    assert found, f"no finding of {hook} with {said!r}"
    assert found[0]["file"] == str(tmp_path / "wrapper.py")
    expected = line_of(text, at)
    lines = {expected, expected + 1} if at == "pass" else {expected}
    assert found[0]["line"] in lines
    assert found[0]["level"] == ("warning" if said in SERVED_ALL_THE_SAME else "error")
    assert found[0]["fix"]


def test_a_missing_init_is_told_and_fails_nothing(check):
    found = check(FUNCTIONS.replace("wrapperInit", "load"), "--strict", code=0)
    assert [(each["hook"], each["level"]) for each in found] == [("wrapperInit", "note")]
    assert "returns 0" in found[0]["fix"]


def test_a_misspelt_init_is_an_error(check):
    found = check(FUNCTIONS.replace("wrapperInit", "wrapperinit"))
    assert [each["fix"] for each in found if each["level"] == "error"] == [
        "rename it to wrapperInit"
    ]


def test_all_is_found_at_once(check):
    text = CLASS.replace("return response", "answer.type = 9; answer.len = 7; return response")
    found = check(text + "\n    def wrapperErorr(self): pass\n")
    assert {"rename it to wrapperError", "call setDataType"} <= {each["fix"] for each in found}
    assert any("len says 7" in each["text"] for each in found)


def test_a_crash_is_told_with_the_hook_and_the_line(check):
    text = CLASS.replace("response = Response()", "import ctypes; ctypes.string_at(0)")
    found = check(text)
    assert [each["hook"] for each in found] == ["wrapperOnceExec"]
    assert "SIGSEGV" in found[0]["text"]
    assert found[0]["line"] == line_of(text, "ctypes.string_at")


def test_an_exit_and_a_hang_are_told(check):
    text = CLASS.replace("return 0", "import os; os._exit(3)")
    found = check(text)
    assert found[0]["hook"] == "wrapperInit" and "ended with 3" in found[0]["text"]
    text = CLASS.replace("return 0", "import time; time.sleep(99)")
    begin = time.monotonic()
    found = check(text, "--timeout", "2")
    assert time.monotonic() - begin < 20
    assert "did not" in found[0]["text"] and found[0]["line"] == line_of(text, "sleep(99)")


def test_test_values_can_be_given(check):
    text = """
        from aiges.dto import Response

        class Wrapper:
            def wrapperInit(self, config):
                return 0

            def wrapperOnceExec(self, params, reqData):
                if reqData.get("word") is None or params.get("mode") != "m":
                    return Response().response_err(100)
                return reqData.get("word").data

            def wrapperError(self, code):
                return "no word"
        """
    found = check(text, code=0)
    assert "the error 100 (no word)" in found[0]["text"] and found[0]["level"] == "warning"
    assert check(text, "--in", "word=a", "-p", "mode=m", "--strict", code=0) == []


def test_the_text_for_people_names_the_place(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(CLASS.replace("return response", "return 12"))
    said = asectl("check", code=1)
    line = line_of(CLASS, "HERE")
    assert f"wrapper.py:{line}: error: wrapperOnceExec: expected a Response" in said.out
    assert "fix: return a Response" in said.out
    assert said.out.endswith("wrapper.py: 1 error, 0 warnings\n")


def test_what_the_wrapper_prints_is_not_json(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(CLASS.replace("return 0", "print('noise'); return 0"))
    assert asectl("check", "--json").json["ok"]
    assert "noise" in asectl("check", "-v").err


def test_what_the_loader_does_not_start_is_an_error_in_its_words(asectl, tmp_path):
    only_there = "import sys\nif 'aiges.cli' not in sys.modules:\n    raise OSError('here')\n"
    (tmp_path / "wrapper.py").write_text(only_there + CLASS)
    found = asectl("check", "--json", code=1).json["findings"]
    assert found[0]["hook"] == "AIService -check" and "OSError: here" in found[0]["text"]
    assert asectl("check", "--no-loader", "--json").json["ok"]


def test_what_the_loader_starts_is_no_error(asectl, tmp_path):
    only_here = "import sys\nif 'aiges.cli' in sys.modules:\n    raise OSError('here')\n"
    (tmp_path / "wrapper.py").write_text(only_here + CLASS)
    found = asectl("check", "--json").json["findings"]
    assert [(each["hook"], each["level"]) for each in found] == [("import", "warning")]
    assert "OSError: here (AIService starts it all the same)" in found[0]["text"]


@pytest.mark.parametrize(
    "arguments", ["data, respData", "", "params, reqData, usrTag, psrId, other", "*, only"]
)
def test_a_hook_of_other_loaders_may_have_any_arguments(check, arguments):
    hook = f"\n    def wrapperTestFunc(self, {arguments}):\n        pass\n"
    assert check(CLASS + hook.replace(", )", ")"), code=0) == []


def test_a_half_written_branch_for_other_places_is_not_taken(check):
    names = "Response, ResponseData, SessionCreateResponse, callback"
    branch = f"try:\n    from aiges_embed import {names}\nexcept ImportError:\n    pass\n"
    session = SESSION.replace("from aiges.dto import", "from aiges.dto import DataText, ")
    used = "\n\nMADE = SessionCreateResponse(), callback\n"
    assert check(branch + session + used, code=0) == []


def test_hooks_run_in_the_python_of_the_configuration(asectl, tmp_path):
    python = tmp_path / "mine" / "bin" / "python"
    subprocess.run(
        ["/usr/bin/python3", "-m", "venv", "--without-pip", tmp_path / "mine"], check=True
    )
    site = next((tmp_path / "mine").glob("lib/python*/site-packages"))
    (site / "only_there.py").write_text("")
    (tmp_path / "wrapper.py").write_text("import only_there\n" + CLASS)
    assert "only_there" in asectl("check", code=1).out
    (tmp_path / "aiges.toml").write_text(
        f'[svcName]\nport = 0\n[instances]\npython = "{python.relative_to(tmp_path)}"\n'
    )
    assert asectl("check", "--json").json["findings"] == []


def test_run_says_the_same_and_breakpoints_work(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(CLASS.replace("return response", "return 12"))
    said = asectl("run", "--json", code=1)
    assert "or a list of these, got int" in said.json["problems"][0]
    (tmp_path / "wrapper.py").write_text(
        CLASS.replace("return response", "breakpoint(); return 12")
    )
    said = asectl("run", code=None, stdin="p answer.key\nq\n")
    assert "'result'" in said.out
    (tmp_path / "wrapper.py").write_text(FUNCTIONS)
    assert asectl("run", "--json").json["ok"]


def test_a_resource_may_come_from_a_file(asectl, tmp_path):
    (tmp_path / "voice.bin").write_bytes(b"model")
    (tmp_path / "wrapper.py").write_text(
        FUNCTIONS + "def wrapperLoadRes(reqData, patch_id):\n"
        "    return 0 if (patch_id, reqData[0]['data']) == ('v', b'model') else 9\n"
    )
    assert asectl("check", "--json", "--strict", "--resource", "v=@voice.bin").json["ok"]
    said = asectl("check", "--strict", code=1)
    assert "--resource NAME=@FILE" in said.out
