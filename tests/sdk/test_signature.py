# SPDX-License-Identifier: Apache-2.0
"""The arguments of hooks: one table for run(), asectl check and the shim (wrapper/contract.cc)."""

import re
from pathlib import Path

from aiges._signature import FUNCTIONS, METHODS, plan

CONTRACT = Path(__file__).resolve().parents[2] / "wrapper" / "contract.cc"
TEXT = r'"([^"]*)"'
FOUND = re.compile(
    rf"Hook::Find\(\s*owner, {TEXT},\s*(?:v1\s*\?\s*{TEXT}\s*:\s*{TEXT}|{TEXT})\)", re.DOTALL
)


def of_the_shim():
    methods, functions = {}, {}
    for name, function, method, both in FOUND.findall(CONTRACT.read_text(encoding="utf-8")):
        functions[name] = function or both
        if name != "wrapperDestory":  # Sic; of module functions only.
            methods[name] = method or both
    return methods, functions


def test_the_table_is_that_of_the_shim():
    methods, functions = of_the_shim()
    calls = re.findall(r"Hook::Find\(\s*owner, ", CONTRACT.read_text(encoding="utf-8"))
    assert len(calls) == len(functions)
    assert methods == METHODS
    assert functions == FUNCTIONS


def test_every_role_is_chosen_by_its_own_name():
    for table in (METHODS, FUNCTIONS):
        for name, roles in table.items():
            scope = {}
            exec(f"def {name}({', '.join(roles.split())}): pass", scope)
            assert plan(scope[name], roles) == (list(range(len(roles.split()))), []), name
