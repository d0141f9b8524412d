# SPDX-License-Identifier: Apache-2.0
"""asectl check on a libwrapper.so: symbols, calls, memory, threads, crashes."""

import pytest
from c_plugins import CALLBACK, GOOD, REST, SESSION, TRAITS, build


@pytest.fixture
def check(asectl, tmp_path):
    """check(C source, *arguments) -> the findings."""

    def run(source, *arguments, code=1, compiler=("cc",)):
        build(tmp_path, source, compiler)
        return asectl("check", "--json", *arguments, code=code).json["findings"]

    return run


@pytest.mark.parametrize("source", [SESSION, TRAITS.format(traits=17) + SESSION])
def test_a_good_library_is_in_order(check, source):
    found = check(GOOD + REST + source, "--strict", code=0)
    assert [each for each in found if each["level"] != "note"] == []


def test_a_good_library_with_callbacks_is_in_order(check):
    assert faults(check(GOOD + CALLBACK, code=0)) == []


def faults(findings):
    """Without what only other loaders require."""
    return [each for each in findings if each["hook"] != "symbols" and each["level"] != "note"]


@pytest.mark.parametrize(
    ("old", "new", "hook", "said"),
    [
        ("int wrapperExec(", "int other(", "wrapperExec", "no such symbol"),
        (
            "int wrapperInit(",
            '__attribute__((visibility("hidden"))) int wrapperInit(',
            "wrapperInit",
            "no such symbol",
        ),
        ("return 0; }", "return 9; }", "wrapperInit", "expected 0, got 9 (words)"),
        ('made->key = strdup("result");', "", "wrapperExec", "key: expected text, got NULL"),
        ("made->status =", "made->type = 77; made->status =", "wrapperExec", "type: expected 0 to"),
        (
            "*out = made;",
            "made->next = made; *out = made;",
            "wrapperExec",
            "goes round in a circle",
        ),
        ('return "words";', "return NULL;", "wrapperError", "got NULL"),
        ("free((*out)->data);", "", "wrapperExecFree", "memory grew by"),
    ],
)
def test_each_fault_is_found(check, old, new, hook, said):
    # An error code as the answer, so that wrapperError is asked.
    source = GOOD.replace(old, new, 1)
    if hook == "wrapperError":
        source = source.replace("in->key == NULL", "1")
    found = [each for each in check(source) if each["hook"] == hook and said in each["text"]]
    assert found and found[0]["fix"] and found[0]["file"].endswith("libwrapper.so")


def test_a_library_without_symbols(check):
    found = check("int nothing;\n#ifdef __cplusplus\nextern int y; namespace {\n#endif\n")
    assert {each["hook"] for each in found if each["level"] == "error"} == {
        "wrapperInit",
        "wrapperExec",
    }


def test_cpp_names_are_recognised(check):
    source = GOOD.replace('#include "aiges/wrapper.h"', '#include "aiges/type.h"')
    source = source.replace('extern "C" {', "namespace { struct Unused { int x; }; }")
    source = source.replace("DataOnce;", "DataOnce; (void)sizeof(int); ")
    source = (
        source[: source.index("#ifdef __cplusplus")] + source[source.index("int wrapperInit") :]
    )
    source += "\n#ifdef __cplusplus\nnamespace {\n#endif\n"
    found = check(source, compiler=("c++", "-x", "c++"))
    assert any("C++ name only" in f["text"] and 'extern "C"' in f["fix"] for f in found)


def test_a_crash_names_the_function(check):
    found = check(GOOD.replace("if (in->key == NULL) return 5;", "*(volatile int*)8 = 1;"))
    assert found[0]["hook"] == "wrapperExec" and "SIGSEGV" in found[0]["text"]
    found = check(GOOD.replace("if (in->key == NULL) return 5;", "*(volatile char*)in->key;"))
    assert found[0]["hook"] == "wrapperExec (empty request)"


def test_a_session_without_destroy_or_end(check):
    found = check(GOOD + SESSION.replace("int wrapperDestroy", "static int other"))
    assert any("wrapperDestroy missing" in each["text"] for each in found)
    found = check(GOOD + SESSION.replace("DataEnd", "DataContinue"))
    assert any("DataEnd" in each["text"] for each in found)


def test_shared_state_shows_up_with_threads(check):
    source = GOOD.replace(
        "made->data = malloc(in->len + 1);",
        "static char shared[64]; static int at; at = (at + 1) % 7; memset(shared, 'a' + at, 8);"
        "for (volatile int i = 0; i < 20000; ++i) {} made->data = malloc(in->len + 1);",
    ).replace("memcpy(made->data, in->data, in->len);", "memcpy(made->data, shared, in->len);")
    found = check(source, code=0)
    assert any("on 4 threads answered something else" in each["text"] for each in found)


def test_a_missing_dependency_is_told(asectl, tmp_path):
    (tmp_path / "libwrapper.so").write_bytes(b"no library at all")
    found = asectl("check", "--json", code=1).json["findings"]
    assert found[0]["hook"] == "dlopen"


def test_the_python_shim_is_recognised(asectl, binaries):
    said = asectl("check", "--json", binaries.loader.parent / "libwrapper.so", code=1)
    assert "Python shim" in said.json["error"]


def test_the_example_plugin_of_the_repository_is_in_order(asectl, binaries):
    for library in (binaries.caesar, binaries.engine, binaries.engine_without_read):
        assert faults(asectl("check", "--json", library).json["findings"]) == []
