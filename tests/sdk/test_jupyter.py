# SPDX-License-Identifier: Apache-2.0
"""Notebooks: the cell magic ``%%aiges``, and classes of cells in aiges.testing.Client."""

import pytest

shell_module = pytest.importorskip("IPython.core.interactiveshell")

CELL = """%%aiges {arguments}
import os

class Model:
    def setup(self, config):
        self.mark = config.get("mark", "")

    def predict(self, text: str) -> str:
        return {said} + self.mark
"""


@pytest.fixture
def notebook(binaries, monkeypatch, tmp_path):
    """notebook(cell) runs a cell; what it raises is raised."""
    monkeypatch.setenv("AIGES_BIN", str(binaries.loader.parent))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = shell_module.InteractiveShell.instance()
    shell.history_manager.enabled = False

    def run(cell):
        done = shell.run_cell(cell, store_history=False)
        done.raise_error()
        return done.result

    yield run
    shell.run_line_magic("unload_ext", "aiges.jupyter")
    shell.reset(new_session=False)
    shell_module.InteractiveShell.clear_instance()


@pytest.fixture
def served(notebook):
    notebook("%load_ext aiges.jupyter")
    return notebook


def test_a_cell_is_served_and_replaced(served, capsys, tmp_path):
    served(CELL.format(arguments="", said="text.upper()"))
    assert "serving at http://127.0.0.1:" in capsys.readouterr().out
    assert served("client.predict(text='hi').text()") == "HI"
    first = served("client.http")
    served(CELL.format(arguments="client mark=!", said="os.path.basename(os.getcwd())"))
    assert served("client.predict(text='hi').text()") == f"{tmp_path.name}!"
    second = served("client.http")
    assert first != second
    with pytest.raises(Exception, match="no connection"):
        served(f"import aiges.client; aiges.client.Client('{first}').predict(text='x')")


def test_a_cell_that_does_not_start_leaves_the_old_one(served):
    served(CELL.format(arguments="other", said="text"))
    with pytest.raises(Exception, match="(?s)no_such_module.*goes on"):
        served("%%aiges other\nimport no_such_module\ndef predict(x: int): ...")
    assert served("other.predict(text='still').text()") == "still"


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%aiges\n%matplotlib inline\ndef predict(x: int): ...", "expected Python alone"),
        ("%%aiges a b\ndef predict(x: int): ...", "NAME of the client's variable"),
        ("%%aiges 1a\ndef predict(x: int): ...", "NAME of the client's variable"),
        ("%%aiges\nx = 1", "expected a cell with predict"),
    ],
)
def test_what_is_wrong_with_a_cell_is_said(served, cell, says):
    with pytest.raises(Exception, match=says):
        served(cell)


DEFINED = """
import math
from pathlib import PurePath as P
import aiges.testing

SCALE = {"a": [1, 2.5]}

def helper(x):
    return math.floor(x * SCALE["a"][1])

class Base:
    def double(self, x):
        return 2 * helper(x)
"""
USED = """
class Model(Base):
    "Uses what stands in other cells."

    def predict(self, x: float, name: "str" = "f") -> list:
        return [self.double(x), str(P("a") / name)]
"""


@pytest.mark.parametrize("loader", [False, True])
def test_a_class_of_cells(notebook, loader):
    notebook(DEFINED)
    notebook(USED)
    notebook(f"client = aiges.testing.Client(Model, loader={loader})")
    try:
        assert notebook("client.predict(x=2).json()") == [10, "a/f"]
    finally:
        notebook("client.close()")


def test_a_class_that_needs_what_a_worker_cannot_have(notebook):
    notebook("import aiges.testing, threading\nlock = threading.Lock()")
    notebook("class Model:\n    def predict(self, x: int) -> str:\n        return str(lock)")
    with pytest.raises(TypeError, match=r"Model uses lock, a lock of the notebook.*setup"):
        notebook("aiges.testing.Client(Model, loader=True)")
