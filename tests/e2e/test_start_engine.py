# SPDX-License-Identifier: Apache-2.0
"""An engine that does not start: AIService says why, once, and ends with exit code 1 in time."""

import re
import subprocess

import pytest
from command import Command

NO_START = "AIService: the engine did not start: "
EXEC = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0\n"
CLASS = "class Wrapper:\n    def wrapperOnceExec(self, params, reqData): pass\n"


@pytest.fixture
def engine(binaries, tmp_path):
    """engine(wrapper, config) -> what AIService said, without its prefix."""

    def run(wrapper_text=None, **config):
        ended = Command(binaries, tmp_path, wrapper_text, config).serve()
        assert ended.code == 1, ended
        said = [line for line in ended.err.splitlines() if line.startswith(NO_START)]
        assert len(said) == 1, ended.err
        assert "AIService ready" not in ended.out
        return said[0][len(NO_START) :]

    return run


@pytest.fixture
def library(tmp_path):
    """library(source) -> a shared library compiled from that C source."""

    def compile_source(source):
        path = tmp_path / "libother.so"
        (tmp_path / "other.c").write_text(source)
        command = ["cc", "-shared", "-fPIC", "-o", str(path), str(tmp_path / "other.c")]
        subprocess.run(command, check=True)
        return str(path)

    return compile_source


def test_wrapper_py_missing(engine, tmp_path):
    text = engine()
    assert re.fullmatch(
        r"wrapperInit failed: no wrapper.py found in .*"
        + re.escape(str(tmp_path / "plugin"))
        + ".*"
        r" \(put its folder on PYTHONPATH or in \[instances\] pythonpath\)",
        text,
    )


def test_syntax_error(engine):
    text = engine("def wrapperOnceExec(:\n")
    assert re.fullmatch(
        r"wrapperInit failed: import of wrapper.py raised SyntaxError: .+ \(wrapper.py, line 1\)",
        text,
    )


def test_import_error_names_the_module_and_the_line(engine):
    assert engine("import os\nimport no_such_module\n" + EXEC) == (
        "wrapperInit failed: import of wrapper.py raised ModuleNotFoundError: "
        "No module named 'no_such_module' (wrapper.py, line 2)"
    )


def test_import_that_raises(engine):
    assert engine("raise OSError('no licence file')\n") == (
        "wrapperInit failed: import of wrapper.py raised OSError: no licence file "
        "(wrapper.py, line 1)"
    )


def test_neither_class_nor_function(engine):
    assert engine("x = 1\n") == (
        "wrapperInit failed: wrapper.py has neither a class Wrapper nor a function "
        "wrapperOnceExec, wrapperStream or wrapperCreate"
    )


def test_class_without_once_exec(engine):
    assert engine("class Wrapper:\n    pass\n") == (
        "wrapperInit failed: class Wrapper in wrapper.py has no method wrapperOnceExec, "
        "wrapperStream or wrapperCreate"
    )


V1_INIT = EXEC + "def wrapperInit(config):\n    "
V2_INIT = CLASS + "    def wrapperInit(self, config):\n        "


@pytest.mark.parametrize("head", [V1_INIT, V2_INIT])
def test_wrapper_init_returns_7(engine, head):
    assert engine(head + "return 7\n") == "wrapperInit failed: wrapper error (code 7)"


def test_wrapper_init_returns_7_with_a_text_for_it(engine):
    texts = "def wrapperError(errNum): return f'no GPU (code {errNum})'\n"
    assert engine(texts + V1_INIT + "return 7\n") == ("wrapperInit failed: no GPU (code 7)")


@pytest.mark.parametrize("head", [V1_INIT, V2_INIT])
def test_wrapper_init_raises(engine, head):
    text = engine(head + "raise ValueError('bad model')\n")
    assert re.fullmatch(
        r"wrapperInit failed: wrapperInit raised ValueError: bad model \(wrapper.py, line \d+\)",
        text,
    )


@pytest.mark.parametrize(
    ("returned", "kind"), [("None", "NoneType"), ("'ok'", "str"), ("[0]", "list")]
)
@pytest.mark.parametrize("head", [V1_INIT, V2_INIT])
def test_wrapper_init_returns_no_int(engine, head, returned, kind):
    text = engine(head + f"return {returned}\n")
    assert re.fullmatch(
        rf"wrapperInit failed: wrapperInit returned {kind}, expected int \(0 = ok\)", text
    )


def test_wrapper_that_exits_at_import(engine):
    assert engine("import os\nos._exit(3)\n") == "exit status 3"


def test_wrapper_that_crashes_at_import(engine):
    assert engine("import ctypes\nctypes.string_at(0)\n").startswith("killed by signal 11")


def test_wrapper_that_never_starts(engine):
    wrapper = "import time\nwhile True: time.sleep(1)\n"
    assert engine(wrapper, instances={"start_timeout_ms": 700}) == (
        "not ready within start_timeout_ms=700, killed"
    )


def test_library_missing(engine, tmp_path):
    path = str(tmp_path / "nowhere.so")
    assert engine(instances={"library": path}) == f"plugin not found, looked for {path}"


def test_library_that_is_no_elf(engine, tmp_path):
    path = tmp_path / "libtext.so"
    path.write_text("just text\n")
    text = engine(instances={"library": str(path)})
    assert text.startswith(f"plugin {path} cannot be loaded: {path}: ")


def test_library_without_symbols(engine, library):
    path = library("int nothing;")
    assert engine(instances={"library": path}) == (
        f"plugin {path} does not export wrapperInit, wrapperExec "
        '(see include/aiges/wrapper.h; extern "C", default visibility)'
    )


# dlopen looks for a bare name elsewhere.
def test_library_is_a_path_relative_to_the_folder_of_the_start(engine, library):
    library("int nothing;")
    assert engine(instances={"library": "libother.so"}).startswith(
        "plugin ./libother.so does not export wrapperInit, wrapperExec"
    )


def test_library_that_misses_wrapper_exec(engine, library):
    path = library("int wrapperInit(void* config) { return 0; }")
    assert engine(instances={"library": path}) == (
        f"plugin {path} does not export wrapperExec "
        '(see include/aiges/wrapper.h; extern "C", default visibility)'
    )


def test_library_that_needs_a_missing_one(engine, library):
    path = library("extern int nowhere(void); int wrapperInit(void* c) { return nowhere(); }")
    text = engine(instances={"library": path})
    assert text.startswith(f"plugin {path} cannot be loaded: ")
    assert "nowhere" in text


def test_library_with_the_mandatory_symbols_only_serves(start, library):
    path = library(
        "int wrapperInit(void* c) { return 0; }\n"
        "int wrapperExec(const char* t, void* p, void* in, void** out, unsigned* ids, int n) "
        "{ return 9; }\n"
    )
    loader = start(config={"instances": {"library": path}})
    answer = loader.xsf.once()
    assert (answer.code, answer.error) == (10909, "engine error 9;code=9")
    loader.stop()


def test_python_that_is_missing(engine):
    assert engine(EXEC, instances={"python": "/no/such/python3"}) == (
        "wrapperInit failed: [instances] python: no such interpreter: /no/such/python3"
    )


def test_python_that_is_no_python(engine, tmp_path):
    text = engine(EXEC, instances={"python": "/bin/false"})
    assert text.startswith(
        "wrapperInit failed: [instances] python: /bin/false is not a working Python, "
        "this libwrapper.so was built for Python "
    )


def test_c_plugin_refuses_its_config(engine, binaries):
    config = {"instances": {"library": str(binaries.caesar)}, "wrapper": {"shift": 99}}
    assert engine(**config) == (
        "wrapperInit failed: caesar: shift: expected an integer from -25 to 25 (code 102)"
    )


def test_traceback_of_a_failed_start_is_once_in_the_log(binaries, tmp_path):
    """Once: an engine that did not start at all is not loaded a second time on the way out."""
    ended = Command(binaries, tmp_path, "import os\nraise OSError('no file')\n").serve()
    assert ended.err.count("Traceback (most recent call last)") == 1, ended.err
