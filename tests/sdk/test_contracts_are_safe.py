# SPDX-License-Identifier: Apache-2.0
"""What no contract does with what comes from outside: read pickles, or run it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    file for folder in ("sdk/aiges/contracts", "compat") for file in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
CALLS = {"eval", "exec", "compile", "__import__"}
# The user's own program, and the console that its owner has opened.
ALLOWED = {
    ("contracts/_handover.py", "compile"),
    ("contracts/_handover.py", "exec"),
    # The user's own hints, as typing reads them; before Python 3.10.
    ("typed/_unions.py", "compile"),
    ("typed/_unions.py", "eval"),
    ("openbayes/_console.py", "compile"),
    ("openbayes/_console.py", "eval"),
    ("openbayes/_console.py", "exec"),
}


def found_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from MODULES & {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            yield from MODULES & {(node.module or "").partition(".")[0]}
        elif isinstance(node, ast.Call):
            named = node.func
            if isinstance(named, ast.Name) and named.id in CALLS:
                yield named.id
            elif isinstance(named, ast.Attribute) and named.attr == "import_module":
                given = node.args[0]
                text = given.value if isinstance(given, ast.Constant) else ""
                yield from MODULES & {str(text).partition(".")[0]}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_contract_reads_no_pickle_and_runs_no_text(file):
    place = "/".join(file.parts[-2:])
    found = {(place, what) for what in found_in(ast.parse(file.read_text(encoding="utf-8")))}
    assert found <= ALLOWED


def test_the_search_finds_what_it_looks_for():
    text = "import pickle\nfrom marshal import loads\neval('1')\nimportlib.import_module('dill.x')"
    assert sorted(found_in(ast.parse(text))) == ["dill", "eval", "marshal", "pickle"]
