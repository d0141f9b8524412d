# SPDX-License-Identifier: Apache-2.0
"""aiges.dto and aiges_embed are the same, in a worker and outside, and so says the stub."""

import ast
import inspect
import json
import subprocess
import sys
import threading
from pathlib import Path

import dto_table
import pytest
from aiges import _dto, dto
from aiges.client import Client
from loader_process import ROOT, Loader

HERE = Path(__file__).resolve().parent
STUB = ROOT / "sdk" / "aiges_embed-stubs" / "__init__.pyi"

WRAPPER = f"""
import importlib, inspect, json, sys, threading
sys.path.insert(0, {str(HERE)!r})
import dto_table

def names_and_docs(module):
    found = {{}}
    for name in dir(module):
        each = getattr(module, name)
        if name[0] == "_":
            continue
        if isinstance(each, type):
            found[name] = {{n: getattr(each, n).__doc__ for n in dir(each) if n[0] != "_"}}
            found[name]["__init__"] = each.__init__.__doc__
        elif callable(each):
            found[name] = each.__doc__
    return found

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        module = importlib.import_module(params["module"])
        if params["do"] == "table":
            return json.dumps(dto_table.evaluate(module))
        if params["do"] == "names":
            return json.dumps(names_and_docs(module))
        import aiges.callback, aiges.dto, aiges_embed
        same = [getattr(aiges.dto, n) is getattr(aiges_embed, n) for n in dto_table.PUBLIC]
        same.append(aiges.callback.callback is aiges_embed.callback)
        return json.dumps([same, isinstance(reqData, aiges.dto.DataListCls)])
"""

CALLBACK = """
import threading
from MODULE import callback
from aiges.dto import Response, ResponseData, SessionCreateResponse

def answer(data, status):
    made = Response()
    made.list = [ResponseData("out", data=data, status=status)]
    return made

class Wrapper:
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        self.tag = usrTag
        return SessionCreateResponse("mine-" + sid, 0)
    def wrapperWrite(self, handle, reqData, sid):
        def work():
            for node in reqData.list:
                print("callback gave", callback(answer(node.data.upper(), 2), CALL))
        threading.Thread(target=work).start()
        return 0
    def wrapperDestroy(self, handle):
        return 0
    def wrapperOnceExec(self, params, reqData):
        return "once"
"""


@pytest.fixture(scope="module")
def ask(binaries, tmp_path_factory):
    """ask(do, module) -> what the worker found."""
    with Loader(binaries, tmp_path_factory.mktemp("dto"), WRAPPER) as loader:
        with Client(loader.grpc, timeout_s=30) as client:
            yield lambda do, module: json.loads(
                client.once("x", {"do": do, "module": module}).text()
            )


def differences(left, right):
    return {line: (left[line], right.get(line)) for line in left if left[line] != right.get(line)}


@pytest.fixture(scope="module")
def embed_table(ask):
    return ask("table", "aiges_embed")


def test_the_table_is_a_good_one(embed_table):
    """Most of it would pass between two modules that take nothing."""
    assert len(embed_table) > 250
    assert sum(came.startswith("gives") for came in embed_table.values()) > 100
    assert not [came for came in embed_table.values() if "NameError" in came or "Syntax" in came]


@pytest.mark.parametrize("module", ["aiges.dto", "aiges._dto"])
def test_in_a_worker_both_do_the_same(ask, embed_table, module):
    assert differences(embed_table, ask("table", module)) == {}


@pytest.mark.parametrize("module", [dto, _dto], ids=["dto", "_dto"])
def test_outside_it_is_as_in_a_worker(embed_table, module, monkeypatch):
    monkeypatch.setattr(_dto, "_results", None)  # As if nobody had called init_rq.
    assert differences(embed_table, dto_table.evaluate(module)) == {}


def test_in_a_worker_the_classes_and_functions_are_the_native_ones(ask):
    same, is_input = ask("same", "aiges_embed")
    assert all(same) and is_input


@pytest.mark.parametrize("module", ["aiges_embed", "aiges.dto", "aiges.callback"])
@pytest.mark.parametrize("call", ["self.tag", "usrTag=self.tag", "handle, sid"])
def test_every_callback_delivers(start, module, call):
    """That of aiges.dto and aiges.callback filled a queue of its own, and returned -1."""
    loader = start(CALLBACK.replace("MODULE", module).replace("CALL", call))
    with Client(loader.grpc) as client:
        assert [p.data for p in client.stream("abc", timeout_s=20)] == [b"ABC"]
    loader.wait_log("callback gave 0")


def test_outside_a_worker_callback_has_a_queue(monkeypatch):
    monkeypatch.setattr(_dto, "_results", None)
    results = dto.init_rq()
    threading.Thread(target=dto.callback, args=(dto.Response(), "handle", "sid")).start()
    assert results.get(timeout=5)[1] == "sid"


# The stub.


def stub_classes():
    return {n.name: n for n in ast.parse(STUB.read_text()).body if isinstance(n, ast.ClassDef)}


def stub_functions(body):
    return {n.name: n for n in body if isinstance(n, ast.FunctionDef)}


def parameters_of_stub(function):
    """[(name, how it is given, default)]."""
    given = function.args
    names = [*given.posonlyargs, *given.args]
    defaults = ["-"] * (len(names) - len(given.defaults))
    defaults += [ast.literal_eval(default) for default in given.defaults]
    found = []
    for arg, default in zip(names, defaults):
        found.append((arg.arg, "positional" if arg in given.posonlyargs else "either", default))
    if given.vararg:
        found.append((given.vararg.arg, "more", "-"))
    return [each for each in found if each[0] != "self"]


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.VAR_POSITIONAL: "more",
}


def parameters_of(function):
    return [
        (p.name, KINDS[p.kind], "-" if p.default is p.empty else p.default)
        for p in inspect.signature(function).parameters.values()
        if p.name != "self"
    ]


def public(names):
    return {name for name in names if not name.startswith("_")}


def test_the_stub_has_classes_of_its_own():
    text = STUB.read_text()
    assert "import aiges" not in text and "from aiges" not in text
    tree = ast.parse(text)
    functions = set(stub_functions(tree.body))
    assert set(stub_classes()) | functions == set(dto_table.PUBLIC)


def members(node):
    fields = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
    return fields | public(stub_functions(node.body))


def test_the_stub_has_the_names_and_signatures_of_dto():
    for name, node in stub_classes().items():
        real = getattr(_dto, name)
        assert members(node) == public(dir(real)), name
        for method, function in stub_functions(node.body).items():
            if not function.decorator_list:
                assert parameters_of_stub(function) == parameters_of(getattr(real, method)), method
    for name, function in stub_functions(ast.parse(STUB.read_text()).body).items():
        assert parameters_of_stub(function) == parameters_of(getattr(_dto, name)), name


def test_the_stub_has_the_names_and_signatures_of_the_native_module(ask):
    found = ask("names", "aiges_embed")
    assert set(found) == set(dto_table.PUBLIC)
    for name, node in stub_classes().items():
        assert members(node) == public(found[name]), name
        for method, function in stub_functions(node.body).items():
            if not function.decorator_list:
                assert_native(found[name][method], function, method)
    for name, function in stub_functions(ast.parse(STUB.read_text()).body).items():
        assert_native(found[name], function, name)


def assert_native(doc, function, name):
    """pybind11 writes `name(self: .., key: str = '', arg0: int, *args) -> int` first."""
    line = doc.splitlines()[0]
    given = line[line.index("(") + 1 : line.rindex(")")]
    words = [word.strip() for word in given.split(", ") if word.strip()]
    native = []
    for word in words:
        left, _, default = word.partition(" = ")
        named = left.partition(":")[0]
        if named == "self":
            continue
        if named.startswith("*"):
            native.append(("more", "-"))
        elif named.startswith("arg"):
            native.append(("positional", "-"))
        else:
            native.append((named, ast.literal_eval(default) if default else "-"))
    wanted = [
        (kind if kind != "either" else param, default)
        for param, kind, default in parameters_of_stub(function)
    ]
    # pybind11 names the instance of `def(.., [](py::object self, ..))` arg0 like any other.
    if native and native[0] == ("positional", "-") and len(native) == len(wanted) + 1:
        native = native[1:]
    assert native == wanted, f"{name}: {line}"


USES = """
import aiges_embed
from aiges import dto

for module in (aiges_embed,):
    node = aiges_embed.ResponseData("key", data=b"x", length=1)
    reveal_type(node.data)
    node.data = bytearray(b"x")
    node.setData("text")
    response = aiges_embed.Response().response_err(5)
    reveal_type(response.list)
    response.list.append(node)
    found = aiges_embed.DataListCls().get("key")
    reveal_type(found)
    reveal_type(aiges_embed.callback(response, "tag", "sid"))
    reveal_type(aiges_embed.call_state(usrTag="t"))

plain = dto.Response()
plain.list.append(dto.ResponseData("key", 0, 3, 0, b"x"))
aiges_embed.callback(plain, usrTag="tag")
"""

WRONG = """
import aiges_embed

node = aiges_embed.ResponseData()
node.desc = None
node.other = 1
aiges_embed.Response().list = (node,)
aiges_embed.callback(node, "tag", sid="x")
aiges_embed.callback_metric("a", "b", count=1)
"""


def mypy(folder, text):
    (folder / "uses.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"]
    done = subprocess.run(
        [*command, str(folder / "uses.py"), str(STUB)],
        capture_output=True,
        text=True,
        env={"MYPYPATH": str(ROOT / "sdk"), "PATH": ""},
        cwd=folder,
    )
    return done.returncode, done.stdout


def test_mypy_reads_the_stub_and_what_uses_it(tmp_path):
    code, text = mypy(tmp_path, USES)
    assert code == 0, text
    revealed = [line.partition('Revealed type is "')[2].rstrip('"') for line in text.splitlines()]
    assert [each.replace("builtins.", "") for each in revealed if each] == [
        "bytes",
        "list[aiges_embed.ResponseData]",
        "aiges_embed.DataListNode | None",
        "int",
        "tuple[bool, int | None]",
    ]


def test_mypy_refuses_what_the_module_refuses(tmp_path):
    code, text = mypy(tmp_path, WRONG)
    lines = {int(line.split(":")[1]) for line in text.splitlines() if ": error:" in line}
    assert (code, lines) == (1, {5, 6, 7, 8, 9}), text
