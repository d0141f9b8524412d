# SPDX-License-Identifier: Apache-2.0
"""tests/check_layers.py: silent on a good tree, and names every fault of a bad one."""

import check_layers
import pytest

GOOD = {
    "include/aiges/type.h": "#pragma once\n",
    "loader/base/log.cc": "#include <sys/stat.h>\n",
    "loader/api/request.h": '#include "loader/base/status.h"\n',
    "loader/worker/plugin.cc": '#include <dlfcn.h>\n#include "aiges/wrapper.h"\n',
    "loader/protocols/codec.cc": '#include "xsf.pb.h"\n#include <simdjson.h>\n',
    "loader/main.cc": '#include "loader/scheduler/scheduler.h"\n',
    "xtest/report.cc": '#include <zlib.h>\n#include "loader/base/fd.h"\n',
    "wrapper/wrapper.cc": '#include "wrapper/convert.h"\n#include <Python.h>\n',
    "loader/worker/host.cc": '#include "wrapper/python/program.h"\n',
    "plugins/p/wrapper.py": "import os\n",
}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_good_tree_has_no_violation(tmp_path):
    assert check_layers.check(write(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "loader/scheduler/a.cc",
            '\n#include "loader/instances/pool.h"\n',
            'scheduler/a.cc:2: includes "loader/instances/pool.h"; scheduler may include only',
        ),
        ("wrapper/a.cc", '#include "loader/base/fd.h"\n', "wrapper may include only wrapper, abi"),
        ("wrapper/python/a.cc", '#include "wrapper/items.h"\n', "python may include only python"),
        ("loader/base/a.h", '#include "loader/api/request.h"\n', "base may include only base"),
        ("loader/api/a.h", "#include <toml++/toml.h>\n", "only config, xtest may"),
        ("loader/worker/a.cc", "#include <grpcpp/grpcpp.h>\n", "only xtest may"),
        ("loader/worker/a.cc", '#include "loader.pb.h"\n', "worker may include only"),
        ("loader/protocols/a.cc", "#include <dlfcn.h>\n", "only one that opens plugins"),
        ("xtest/a.cc", "#include <prometheus/text.h>\n", "only pages may"),
        ("xtest/a.cc", '#include "loader/config/flags.h"\n', "xtest may include only xtest, base"),
        ("loader/worker/a.cc", "#include <sys/wait.h>\n", "start and kill processes"),
        ("loader/api/a.h", "#include <nowhere/x.h>\n", "only no room may"),
        ("loader/api/a.h", '#include "request.h"\n', "api may include only api, base"),
        ("loader/extra/a.cc", "", "loader/extra; the rooms are"),
        ("loader/api/a.h", "//\n" * 301, "a.h:301: has 301 lines; a .h file has at most 300"),
        ("bench/a.cc", "//\n" * 601, "a.cc:601: has 601 lines; a .cc file has at most 600"),
        ("sdk/a.py", "#\n" * 401, "a.py:401: has 401 lines; a .py file has at most 400"),
        ("docs/a.md", "see /" + "root/x\n", "a.md:1: names /" + "root/; no file may name a path"),
    ],
)
def test_a_fault_is_named_with_its_place_and_the_law(tmp_path, name, text, expected):
    violations = check_layers.check(write(tmp_path, {**GOOD, name: text}))
    assert len(violations) == 1
    assert violations[0].startswith(name + ":")
    assert expected in violations[0]


LONG = "  x();\n" * 79


@pytest.mark.parametrize(
    ("head", "tail", "line"),
    [
        ("namespace a {\nvoid F(int x) {\n", "}\n}\n", 2),
        ("class C {\n public:\n  void F() {\n", "}\n};\n", 3),
        ('int n = 1\'000;\nconst char* s = "}";\nvoid F() {\n', "}\n", 3),
        ("// {\nvoid F(\n    int a) {\n", "}\n", 2),
    ],
)
def test_a_long_function_is_found_wherever_it_stands(tmp_path, head, tail, line):
    violations = check_layers.check(write(tmp_path, {"bench/a.cc": head + LONG + tail}))
    assert len(violations) == 1
    assert f"bench/a.cc:{line}: function of 8" in violations[0]
    short = head + LONG[: 70 * 7] + tail
    assert check_layers.check(write(tmp_path, {"bench/a.cc": short})) == []


def test_long_tables_are_not_functions(tmp_path):
    table = "namespace a {\nconst int kTable[] = {\n" + "  1,\n" * 200 + "};\n}\n"
    assert check_layers.check(write(tmp_path, {"bench/a.cc": table})) == []


def test_build_output_and_hidden_folders_are_left_out(tmp_path):
    bad = "#include <toml++/toml.h>\n" + "/" + "work/\n"
    write(tmp_path, {"build/a.h": bad, ".venv/a.h": bad})
    assert check_layers.check(tmp_path) == []


def test_pictures_are_skipped(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff\xfe")
    assert check_layers.check(tmp_path) == []
