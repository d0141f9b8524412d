# SPDX-License-Identifier: Apache-2.0
"""asectl check finds what a library forgets to free, down to a few bytes, and no more than that."""

import pytest
from c_plugins import CALLBACK, GOOD, SESSION, build

# Memory that malloc does not know of, as of an allocator of the plugin's own.
OWN = GOOD.replace('#include "aiges', '#include <sys/mman.h>\n#include "aiges', 1).replace(
    "made->data = malloc(in->len + 1);",
    "made->data = mmap(0, in->len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,"
    " 0);",
)
READ = SESSION.replace("return &reads;", "return calloc(1, 40);").replace(
    "wrapperDestroy(const void* h) { (void)h;", "wrapperDestroy(const void* h) { free((void*)h);"
)


@pytest.fixture
def leaks(asectl, tmp_path):
    """leaks(C source) -> the functions that are told to lose memory."""

    def run(source):
        build(tmp_path, source)
        found = asectl("check", "--json", code=None).json["findings"]
        assert not [each for each in found if each["hook"] == "dlopen"]
        return [each["hook"] for each in found if "memory grew by" in each["text"]]

    return run


@pytest.mark.parametrize(
    ("source", "forgotten"),
    [
        (GOOD, "free((*out)->key); "),
        (GOOD, "free((*out)->data); "),
        (GOOD, "free(*out);"),
        (OWN, "free((*out)->data); "),
    ],
)
def test_what_an_answer_is_made_of(leaks, source, forgotten):
    assert forgotten in source
    assert leaks(source.replace(forgotten, "")) == ["wrapperExecFree"]


@pytest.mark.parametrize(
    ("session", "forgotten"), [(READ, "free((void*)h);"), (CALLBACK, "free(s); ")]
)
def test_what_a_session_is_made_of(leaks, session, forgotten):
    assert forgotten in session
    assert leaks(GOOD + session) == []
    assert leaks(GOOD + session.replace(forgotten, "")) == ["wrapperDestroy"]


def test_a_cache_that_fills_is_no_leak(leaks):
    source = GOOD.replace(
        "  pDataList made =",
        "  static void* cache[250]; static int at; if (at < 250) cache[at++] = malloc(1000);\n"
        "  pDataList made =",
    )
    assert leaks(source) == []
