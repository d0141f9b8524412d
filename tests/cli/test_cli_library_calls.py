# SPDX-License-Identifier: Apache-2.0
"""asectl check calls all that a library exports, in the order of the loader, and judges it."""

import re

import pytest
from aiges.cli import _cabi, _optional
from aiges.cli._findings import Findings
from aiges.cli._hooks import Given
from c_plugins import CALLBACK, GOOD, REST, ROOT, SESSION, TRAITS, build

ALL = GOOD + REST + SESSION
FUNCTION = re.compile(r"^(?:const )?[\w ]+?\*? (wrapper\w+)\([^;{]*\)\s*\{", re.MULTILINE)
BATCH = """
int wrapperExecBatch(unsigned int count, const char* const tags[], const pParamList params[],
                     const pDataList in[], pDataList out[], int rets[]) {
  for (unsigned int i = 0; i < count; ++i) {
    rets[i] = wrapperExec(tags[i], params[i], in[i], &out[i], 0, 0);
  }
  return 0;
}
"""
ASYNC = REST.replace("(void)cb; (void)timeout; (void)ids; (void)n; return 9;", "(void)ids; "
    "pDataList out = NULL; int code = wrapperExec(tag, p, in, &out, 0, n + timeout * 0); "
    "cb(tag, out, code); wrapperExecFree(tag, &out); return 0;")  # fmt: skip


@pytest.fixture
def check(asectl, tmp_path):
    """check(C source, *arguments) -> (level, hook, text) of the findings."""

    def run(source, *arguments):
        build(tmp_path, source)
        said = asectl("check", "--json", *arguments, code=None)
        return [(f["level"], f["hook"], f["text"]) for f in said.json["findings"]]

    return run


def the(findings, level, hook, text):
    return [each for each in findings if each[:2] == (level, hook) and text in each[2]]


def recording(source):
    """The same, writing the name of each function into calls.txt as it is called."""
    noted = FUNCTION.sub(lambda found: f'{found.group()} note("{found.group(1)}"); ', source)
    note = (
        "#include <stdio.h>\nstatic void note(const char* name) {\n"
        '  FILE* file = fopen("calls.txt", "a"); fprintf(file, "%s\\n", name); fclose(file);\n}\n'
    )
    return noted.replace('#include "aiges/wrapper.h"\n', '#include "aiges/wrapper.h"\n' + note)


def test_the_order_of_calls_is_the_loaders(check, tmp_path):
    more = "int wrapperWarmup(void) { return 0; }\n" + TRAITS.format(traits=1 | 4 | 8 | 16)
    more += 'const char* wrapperErrorDetail(int code) { (void)code; return "detail"; }\n'
    more += 'const char* wrapperSchema(void) { return "{}"; }\n'
    source = GOOD + ASYNC + SESSION + BATCH + more
    found = check(recording(source))
    assert [each for each in found if each[0] != "note"] == []
    calls = (tmp_path / "calls.txt").read_text().split()
    first = ["wrapperSetCtrl"] * 4 + ["wrapperInit", "wrapperWarmup", "wrapperTraits"]
    assert calls[:10] == [*first, "wrapperVersion", "wrapperSchema", "wrapperLoadRes"]
    assert calls[10:14] == ["wrapperExec", "wrapperExecFree", "wrapperExec", "wrapperExec"]
    assert calls[-2:] == ["wrapperUnloadRes", "wrapperFini"]
    # Once each, the empty request was refused, and is not given back.
    once = ("Init", "Warmup", "Traits", "Version", "LoadRes", "UnloadRes", "Fini", "ExecBatch")
    assert all(calls.count(f"wrapper{name}") == 1 for name in once)
    assert calls.count("wrapperExec") - 1 == calls.count("wrapperExecFree") > 200
    order = ["wrapperExecAsync", "wrapperExecBatch", "wrapperErrorDetail", "wrapperCreate"]
    assert [calls.index(name) for name in order] == sorted(calls.index(name) for name in order)
    begin = calls.index("wrapperCreate")
    assert "wrapperExec" not in calls[begin:]
    assert calls[begin : begin + 5] == [
        "wrapperCreate",
        "wrapperWrite",
        "wrapperDebugInfo",
        "wrapperRead",
        "wrapperDestroy",
    ]
    assert calls.count("wrapperCreate") == calls.count("wrapperDestroy") > 10
    assert len({name for name in calls}) == 20


def test_one_warning_names_the_symbols_that_other_loaders_require(check):
    assert the(check(ALL), "warning", "symbols", "") == []
    [(_, _, text)] = the(check(ALL.replace("wrapperVersion", "other")), "warning", "symbols", "")
    assert text.endswith("without: wrapperVersion")
    [(_, _, text)] = the(check(GOOD), "warning", "symbols", "")
    assert "wrapperSetCtrl" in text and "wrapperDebugInfo" in text and "wrapperInit" not in text


# Asynchronous calls, batches, resources, traits, schema


def test_what_wrapper_traits_leaves_out_is_not_tried_and_said(check):
    found = check(ALL + TRAITS.format(traits=0))
    for name in ("wrapperExecAsync", "wrapperCreate, wrapperWrite, wrapperDestroy"):
        assert the(found, "note", name, f"not tried: {name}, because wrapperTraits leaves out")
    assert the(found, "note", "wrapperDebugInfo", "because it has no sessions")


def test_traits_without_their_functions_are_told(check):
    found = check(GOOD + TRAITS.format(traits=31))
    texts = [text for _, hook, text in found if hook == "wrapperTraits"]
    assert len(texts) == 4 and any("WTraitBatch, but wrapperExecBatch is not" in t for t in texts)


def test_an_asynchronous_call(check):
    traits = TRAITS.format(traits=4)
    assert the(check(GOOD + ASYNC + traits), "note", "wrapperExecAsync", "") == []
    refused = (GOOD + ASYNC).replace("cb(tag, out, code)", "cb(tag, NULL, 44)")
    found = check(refused + traits)
    assert the(found, "warning", "wrapperExecAsync", "the error 44 (words)")
    assert the(check(refused), "note", "wrapperExecAsync", "the error 44")  # Not declared.
    empty = (GOOD + ASYNC).replace("cb(tag, out, code)", "cb(tag, NULL, 0)")
    assert the(check(empty + traits), "warning", "wrapperExecAsync", "answered without output")
    broken = (GOOD + ASYNC).replace("cb(tag, out, code)", "out->status = 9; cb(tag, out, code)")
    assert the(check(broken + traits), "error", "wrapperCallback", "status: expected 0 to 3")


def test_async_mode_of_aiges_toml_makes_it_asynchronous(check, tmp_path):
    (tmp_path / "aiges.toml").write_text("[my]\nport = 0\n[aiges]\nasyncMode = true\n")
    found = check(GOOD + REST + CALLBACK)  # The stub answers 9.
    assert the(found, "warning", "wrapperExecAsync", "the error 9 (words)")
    assert [each for each in found if each[0] == "error"] == []


@pytest.mark.parametrize(("declared", "level"), [(True, "error"), (False, "note")])
def test_an_asynchronous_call_that_is_never_answered(tmp_path, monkeypatch, declared, level):
    monkeypatch.setattr(_optional, "CALLBACK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(_optional, "STUB_TIMEOUT_S", 0.2)
    silent = REST.replace("return 9;", "return 0;")
    build(tmp_path, GOOD + silent + (TRAITS.format(traits=4) if declared else ""))
    findings = Findings(str(tmp_path))
    library = tmp_path / "libwrapper.so"
    _cabi.check(library, ROOT / "include", findings, Given({}, {}, {}), lambda _: None)
    found = [(each.level, each.hook, each.text) for each in findings.all]
    assert the(found, level, "wrapperExecAsync", "called nobody back within")


def test_a_batch(check):
    assert the(check(GOOD + BATCH), "error", "wrapperExecBatch", "") == []
    refused = BATCH.replace("return 0;", "return 6;")
    found = check(GOOD + refused)
    assert the(found, "warning", "wrapperExecBatch", "call 0 with the error 6 (words)")
    one = BATCH.replace("return 0;", "rets[1] = 7; return 0;")
    found = check(GOOD + one)
    assert [t[2] for t in found if t[1] == "wrapperExecBatch"] == [
        "answered call 1 with the error 7 (words)"
    ]
    broken = BATCH.replace("return 0;", "out[1]->type = 9; return 0;")
    assert the(check(GOOD + broken), "error", "wrapperExecBatch", "type: expected 0 to 4, got 9")


def test_resources(check, tmp_path):
    (tmp_path / "voice").write_bytes(b"model")
    takes = ALL.replace(
        "(void)data; (void)id; return 0;",
        'return data->len == 5 && !memcmp(data->data, "model", 5) && data->type == DataPer && '
        'data->status == DataEnd && !strcmp(data->desc->key, "patch_id") && '
        '!strcmp(data->desc->value, "v") && id == 1 ? 0 : 8;',
        1,
    )
    found = check(takes)
    assert the(found, "warning", "wrapperLoadRes", "the error 8 (words)")
    assert the(found, "note", "wrapperUnloadRes", "no resource was loaded")
    found = check(takes, "--resource", "v=@voice")
    assert not [each for each in found if each[1] in ("wrapperLoadRes", "wrapperUnloadRes")]
    assert the(check(takes, "--resource", "w=@voice"), "error", "wrapperLoadRes", "the error 8")
    keeps = ALL.replace("{ (void)id; return 0; }", "{ (void)id; return 3; }")
    assert the(check(keeps), "error", "wrapperUnloadRes", "expected 0, got 3")


@pytest.mark.parametrize(
    ("returned", "text"),
    [("NULL", None), ('""', None), ('"{}"', None), ('"{"', "expected JSON"), ('"[]"', "got list")],
)
def test_the_schema(check, returned, text):
    found = check(GOOD + f"const char* wrapperSchema(void) {{ return {returned}; }}\n")
    assert (
        [each[2] for each in found if each[1] == "wrapperSchema"] == []
        if text is None
        else the(found, "error", "wrapperSchema", text)
    )


@pytest.mark.parametrize(
    "function", ["wrapperErrorDetail(int code) { (void)code;", "wrapperDebugInfo(const void* h) {"]
)
def test_a_crash_in_what_is_rarely_called_is_told(check, function):
    source = ALL.replace(
        "const char* wrapperDebugInfo(const void* handle)", "int other(void* handle)"
    )
    found = check(source.replace('return ""; }', "return 0; }") + f"const char* {function} "
                  "return (const char*)(long)*(volatile int*)8; }\n")  # fmt: skip
    name = function.partition("(")[0]
    assert the(found, "error", name, "SIGSEGV")


def test_a_slow_engine_is_checked_in_the_time_that_there_is(check):
    slow = GOOD.replace("  pDataList made =", "  usleep(700000);\n  pDataList made =")
    found = check(slow.replace("#include <stdlib.h>", "#include <stdlib.h>\n#include <unistd.h>"))
    assert the(found, "note", "leaks of calls", "because fewer than 10 calls end in 2 s")
    assert [each for each in found if each[0] == "error"] == []


def test_what_needs_an_answer_is_not_tried_without_one(check):
    found = check(GOOD.replace("if (in->key == NULL)", ""))
    assert the(found, "note", "threads, leaks", "wrapperExec answers the test values with an error")
    assert the(found, "warning", "wrapperExec", "with the error 5 (words)")


# Callbacks


def test_the_callback_that_never_waits_is_the_same(check):
    source = CALLBACK.replace("s->back = cb;", "s->back = g_try; (void)cb;").replace(
        "struct session {",
        "static wrapperCallback g_try;\nint wrapperSetCtrl(CtrlType type, void* f) {\n"
        "  if (type == CTTryCallback) g_try = (wrapperCallback)f;\n  return 0;\n}\n"
        "struct session {",
        1,
    )
    assert [each for each in check(GOOD + source) if each[0] == "error"] == []


def test_a_callback_after_destroy_finds_a_host_and_is_told(check, tmp_path):
    late = CALLBACK.replace(
        "if (s->begun) pthread_join(s->thread, NULL);\n  free(s);", "pthread_detach(s->thread);"
    ).replace(
        "  return NULL;",
        '  usleep(100000); FILE* file = fopen("late.txt", "w");\n'
        '  fprintf(file, "%d", s->back(s->tag, &item, 0)); fclose(file); return NULL;',
    )
    found = check(GOOD + "#include <stdio.h>\n" + late)
    assert the(found, "error", "wrapperCallback", "called back after wrapperDestroy")
    assert (tmp_path / "late.txt").read_text() == "-1"


@pytest.mark.parametrize(
    ("tag", "text"), [('"else"', "the usrTag 'else', which no call has"), ("NULL", "usrTag NULL")]
)
def test_a_callback_for_nobody_is_told(check, tag, text):
    wrong = CALLBACK.replace("  s->back(", f"  s->back({tag}, &item, 0);\n  s->back(")
    assert the(check(GOOD + wrong), "error", "wrapperCallback", text)


def test_state_that_sessions_share_shows_up_when_several_are_open(check):
    shared = CALLBACK.replace("struct session {", "static int open; struct session {").replace(
        "s->begun = 1;", "s->begun = 1; __sync_fetch_and_add(&open, 1); usleep(20000);"
    )
    shared = shared.replace('(void*)"x"', '(void*)(open > 1 ? "y" : "x")')
    shared = shared.replace("free(s);", "__sync_fetch_and_sub(&open, 1); free(s);")
    found = check(GOOD + shared)
    assert the(found, "warning", "wrapperCreate", "answered something else than a session alone")
    assert the(check(GOOD + CALLBACK), "warning", "wrapperCreate", "") == []
