# SPDX-License-Identifier: Apache-2.0
"""What people do with the data classes, for test_dto_in_worker.py: each line is run on its own.

``m`` is aiges_embed, aiges.dto or aiges._dto; the value of the last expression counts, or the
exception. No imports but the standard library's: a worker runs this file too.
"""

import array
import ast
import copy
import ctypes
import decimal
import pickle

NODES = """
N().key, N().data, N().len, N().status, N().type, N().desc
N("k", 5, 2, 1).key, N("k", 5, 2, 1).len, N("k", 5, 2, 1).status, N("k", 5, 2, 1).type
n = N(key="k", data=b"xy", length=2, type=2, status=3); n.data, n.len, n.type, n.status, n.key
n = N(key="k", data=b"xy", length=7); n.len
n = N("k", 1, data=b"xyz"); n.len
n = N("k", data=b"xyz"); n.len
n = N("k", "ignored", data=b"xyz"); n.len
n = N("k", None, data=b"xyz"); n.len
n = N("k", True); n.len
N("k", -1)
N("k", 2**64)
N("k", 2**40).len
N("k", length=-1)
N("k", length="1")
N("k", length=1.5)
N("k", 0, 3, 0, b"d", 9).len
N("k", 0, 3, 0, b"d", 9, 1)
N(name="k")
N(None)
N(b"bytes").key
N(bytearray(b"bytes")).key
N(b"\\xff").key
N("\\ud800")
N(5)
N("k", type="1")
N("k", type=9).type
N("k", status=-5).status
N("k", status=2**31)
N("k", status=1.0)
N("k", status=True).status
N("k", data=5)
N("k", data="\\u00fc").data
n = N(); n.data = b"abc"; n.data, n.len
n = N(); n.data = bytearray(b"abc"); n.data, n.len
n = N(); n.data = memoryview(b"abcdef")[::2]; n.data, n.len
n = N(); n.data = array.array("h", [1, 2]); n.data, n.len
n = N(); n.data = "\\u00e9"; n.data, n.len
n = N(); n.data = "\\ud800"
n = N(); n.data = 1.5
n = N(); n.data = None
n = N(); n.data = [1]
n = N(); n.data = (ctypes.py_object * 2)(1, 2)
n = N(); n.data = (ctypes.c_void_p * 2)(1, 2)
n = N(); n.data = type("S", (ctypes.Structure,), {"_fields_": [("P", ctypes.c_byte)]})(7); n.data
n = N(); m = memoryview(b"x"); m.release(); n.data = m
n = N(); n.data = decimal.Decimal(1)
n = N(); n.data = type("Mine", (), {})()
n = N(); d = type("B", (bytes,), {})(b"x"); n.data = d; type(n.data).__name__
n = N(); n.setData(b"xy"); n.len, n.get_data()
n = N(); n.setData("\\u00e9"); n.data, n.len, n.get_data()
n = N(); n.setData(None)
n = N(); n.setData(value=b"x")
n = N(); n.setData()
n = N(); n.setKey("k"); n.key
n = N(); n.setKey(b"k"); n.key
n = N(); n.setKey(1)
n = N(); n.setKey(key="k")
n = N(); n.setDataType(3); n.type
n = N(); n.setDataType(9)
n = N(); n.setDataType(-1)
n = N(); n.setDataType("1")
n = N(); n.setDataType(True); n.type
n = N(); n.setDataType(type=1)
n = N(); n.setData(b"x") is None, n.setKey("k") is None, n.setDataType(0) is None
n = N(); n.key = "\\u00fc"; n.key
n = N(); n.key = b"k"; n.key
n = N(); n.key = b"\\xff"; n.key
n = N(); n.key = None
n = N(); n.key = 5
n = N(); n.key = "\\udc80"
n = N(); n.key = "a\\0b"; n.key
n = N(); n.len = 5; n.len, n.data
n = N(); n.len = -1
n = N(); n.len = "5"
n = N(); n.len = 5.0
n = N(); n.len = None
n = N(); n.len = decimal.Decimal(5); n.len
n = N(); n.len = 2**64
n = N(); n.status = 2; n.status
n = N(); n.status = 2**31
n = N(); n.status = -(2**31); n.status
n = N(); n.status = "2"
n = N(); n.status = 2.5
n = N(); n.status = None
n = N(); n.status = True; n.status, type(n.status).__name__
n = N(); n.type = 77; n.type
n = N(); n.type = "text"
n = N(); n.type = Index(); n.type
n = N(); n.desc = {"a": "b"}; n.desc
n = N(); n.desc["a"] = 1; n.desc
n = N(); n.desc is n.desc
n = N(); d = {}; n.desc = d; n.desc is d
n = N(); n.desc = None
n = N(); n.desc = [("a", "b")]
n = N(); n.desc = type("D", (dict,), {})(a=1); n.desc
n = N(); n.other = 1
n = N(); n.other
n = N(); n.get_data = 1
n = N(); del n.key
n = N(); del n.data
n = N(); n.data += b"x"; n.data, n.len
n = N("k", data=b"x"); n.data[0]
copy.copy(N())
copy.deepcopy(N())
pickle.dumps(N())
n = N(); n == n, n == N(), hash(n) == hash(n)
n = N(); bool(n), callable(n), isinstance(n, m.ResponseData), isinstance(n, m.DataListNode)
n = N(); len(n)
n = N(); n.__dict__
n = N(); vars(n)
class S(N): pass\\nn = S("k"); n.mine = 1; n.key, n.mine, isinstance(n, N)
class S(N):\\n  def __init__(self): super().__init__("k", data=b"x")\\nn = S(); n.key, n.data
N.__name__, N.__qualname__
sorted(x for x in dir(N) if not x.startswith("_"))
"""

OTHERS = """
r = m.Response(); r.list, r.error_code
r = m.Response(); r.list.append(1); r.list
r = m.Response(); r.list is r.list
r = m.Response(); x = [1]; r.list = x; r.list is x
r = m.Response(); r.list = (1,)
r = m.Response(); r.list = None
r = m.Response(); r.list = iter([])
r = m.Response(); r.list = type("L", (list,), {})([1]); r.list
r = m.Response(); r.error_code = 7; r.error_code
r = m.Response(); r.error_code = "7"
r = m.Response(); r.error_code = None
r = m.Response(); r.error_code = 1.5
r = m.Response(); r.error_code = 2**31
r = m.Response(); r.error_code = True; r.error_code
r = m.Response(); r.response_err(100) is r, r.error_code
r = m.Response(); r.response_err("100")
r = m.Response(); r.response_err(code=100)
r = m.Response(); r.response_err()
m.Response(1)
m.Response(list=[])
r = m.Response(); r.data = 1
r = m.Response(); del r.list
copy.copy(m.Response())
copy.deepcopy(m.Response())
pickle.dumps(m.Response())
sorted(x for x in dir(m.Response) if not x.startswith("_"))
c = m.DataListCls(); c.list
c = m.DataListCls(); c.list = ()
c = m.DataListCls(); c.get("x")
c = m.DataListCls(); c.get(None)
c = m.DataListCls(); c.get(5)
c = m.DataListCls(); c.get(b"x")
c = m.DataListCls(); c.get(key="x")
c = m.DataListCls(); c.get()
c = m.DataListCls(); n = L("a"); c.list.append(n); c.get("a") is n, c.get(b"a") is n, c.get("b")
c = m.DataListCls(); a, b = L("a"), L("a"); c.list = [a, b]; c.get("a") is a
c = m.DataListCls(); c.list.append(5); c.get("a")
c = m.DataListCls(); c.list.append(Key(5)); c.get("a")
c = m.DataListCls(); c.list.append(Key("a")); c.get("a").key
c = m.DataListCls(); c.mine = 1
pickle.dumps(m.DataListCls())
copy.deepcopy(m.DataListCls())
sorted(x for x in dir(m.DataListCls) if not x.startswith("_"))
s = m.SessionCreateResponse(); s.handle, s.error_code
s = m.SessionCreateResponse("h", 5); s.handle, s.error_code
s = m.SessionCreateResponse(handle="h", error_code=5); s.handle, s.error_code
m.SessionCreateResponse(5)
m.SessionCreateResponse(None)
m.SessionCreateResponse("h", None)
m.SessionCreateResponse("h", "5")
m.SessionCreateResponse(b"h").handle
m.SessionCreateResponse("h", 1, 2)
s = m.SessionCreateResponse(); s.handle = 5
s = m.SessionCreateResponse(); s.handle = "x"; s.handle
s = m.SessionCreateResponse(); s.error_code = -5; s.error_code
s = m.SessionCreateResponse(); s.mine = 1
pickle.dumps(m.SessionCreateResponse())
m.callback(m.Response(), "nobody")
m.callback(m.Response(), "nobody", "sid")
m.callback(m.Response(), "nobody", 5)
m.callback(m.Response(), "nobody", "sid", "more")
m.callback(response=m.Response(), usrTag="nobody")
m.callback(m.Response(), usrTag="nobody")
m.callback(m.Response(), tag="nobody")
m.callback(m.Response(), "nobody", sid="x")
m.callback(m.Response(), None)
m.callback(m.Response(), 5)
m.callback(m.Response(), b"nobody")
m.callback(m.Response())
m.callback("anything", "nobody")
m.callback_metric("tag", "key", "1")
m.callback_metric("tag", "key", 1.5)
m.callback_metric("tag", None, 1)
m.callback_metric("tag", "key")
m.callback_metric(tag="tag", key="key", count=1)
m.callback_trace("tag", "key", 1)
m.callback_trace(tag="tag", key="key", value="v")
m.callback_trace("tag", "key")
len(m.call_state("nobody")), type(m.call_state("nobody")).__name__
len(m.call_state(usrTag="nobody"))
m.call_state(5)
m.call_state()
m.current_tag(1)
type(m.current_tag()).__name__
sorted(x for x in dir(m) if x in PUBLIC)
"""

PUBLIC = (
    *("DataListCls", "DataListNode", "Response", "ResponseData", "SessionCreateResponse"),
    *("call_state", "callback", "callback_metric", "callback_trace", "current_tag", "init_rq"),
)
OURS = ("data: ", "type: expected 0")  # How the texts begin that are the product's own.


class Index:
    def __index__(self):
        return 4


class Key:
    def __init__(self, key):
        self.key = key


def lines():
    """Every case, with the class of its node."""
    found = [f"N = m.{kind}; {line}" for kind in KINDS for line in NODES.strip().splitlines()]
    return found + OTHERS.strip().splitlines()


KINDS = ("ResponseData", "DataListNode")


def evaluate(module):
    """{case: what came of it}."""
    return {line: outcome(line, module) for line in lines()}


def outcome(line, module):
    modules = {"copy": copy, "pickle": pickle, "array": array, "decimal": decimal, "ctypes": ctypes}
    scope = {"m": module, **modules}
    scope.update(Index=Index, Key=Key, PUBLIC=PUBLIC, L=module.DataListNode)
    tree = ast.parse(line.replace("\\n", "\n").replace("; class", "\nclass"))
    last = tree.body[-1]
    try:
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(tree.body[:-1], []), "<case>", "exec"), scope)
            value = eval(compile(ast.Expression(last.value), "<case>", "eval"), scope)
            return f"gives {value!r}"
        exec(compile(tree, "<case>", "exec"), scope)
        return "passes"
    except Exception as error:
        text = str(error)
        return f"raises {type(error).__name__}" + (f": {text}" if text.startswith(OURS) else "")
