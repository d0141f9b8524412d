# SPDX-License-Identifier: Apache-2.0
"""Engines in Java beside others in one loader: they call each other, and their memory counts."""

import shutil

import pytest
from loader_process import Loader
from waiting import wait_until

PYTHON = """
import aiges
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        model, _, rest = params.get("model", "").partition(",")
        return aiges.call(model, reqData, {"do": "call", "model": rest} if rest else {})
"""


@pytest.fixture
def mixed(binaries, jar, tmp_path):
    """Models: two of Java, one of Python."""
    models = tmp_path / "models"
    for name in ("first", "second"):
        (models / name).mkdir(parents=True)
        shutil.copy(jar, models / name / "engine.jar")
    (models / "python").mkdir()
    (models / "python" / "wrapper.py").write_text(PYTHON, encoding="utf-8")
    config = {
        "models": {"repository": str(models)},
        "instances": {"java_heap_mb": 80},
        "queue": {"default_timeout_ms": 20000},
    }
    with Loader(binaries, tmp_path / "loader", None, config=config) as loader:
        yield loader


def ask(loader, name, data=b"hi", **params):
    path = f"/v1/raw/{name}?key=text"
    for key, value in params.items():
        path += f"&p.{key}={value}"
    return loader.web.request("POST", path, data)


def test_java_calls_python_calls_java(mixed):
    answer = ask(mixed, "first", do="call", model="python,second")
    assert (answer.status, answer.body) == (200, b"HI")
    assert ask(mixed, "first", do="stream", model="second").body == b"HI,1,2,3"


def test_call_of_what_is_not_there_or_fails_is_told(mixed):
    answer = ask(mixed, "first", do="call", model="nobody", tell=1)
    assert b"NOT_FOUND model nobody: " in answer.body
    answer = ask(mixed, "first", do="call", model="second", then="bad", tell=1)
    assert b" INVALID model second: text: expected a word, got none" in answer.body


def test_heap_counts_as_memory_of_its_model(mixed):
    def known():
        models = mixed.web.get("/status.json").json["models"]
        sizes = {each["name"]: each["memory_bytes"] for each in models}
        return sizes if all(sizes.values()) else None

    sizes = wait_until(known, "the memory of all models", 20)
    assert sizes["first"] >= 80 << 20
    assert sizes["python"] < 80 << 20
