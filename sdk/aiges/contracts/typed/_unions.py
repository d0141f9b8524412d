# SPDX-License-Identifier: Apache-2.0
"""Hints with ``X | Y`` before Python 3.10, which knows that for values only.

Such hints are texts there (``from __future__ import annotations``): they are read once more, with
``Union[X, Y]`` in the place of each ``X | Y``.
"""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from typing import Any

__all__ = ["read_unions"]

_UNION = "__aiges_union__"


class _Unions(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802 (of ast)
        self.generic_visit(node)
        if not isinstance(node.op, ast.BitOr):
            return node
        both = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
        return ast.Subscript(value=ast.Name(id=_UNION, ctx=ast.Load()), slice=both, ctx=ast.Load())


def read_unions(owner: Any) -> dict[str, Any]:
    """Return the hints of a function or a class. Raises TypeError for what cannot be read."""
    hints: dict[str, Any] = {}
    owners = reversed(owner.__mro__) if isinstance(owner, type) else [inspect.unwrap(owner)]
    for each in owners:
        space = getattr(each, "__globals__", None) or vars(sys.modules[each.__module__])
        for name, said in getattr(each, "__annotations__", {}).items():
            hints[name] = _read(said, space) if isinstance(said, str) else said
    return hints


def _read(text: str, space: dict[str, Any]) -> Any:
    try:
        tree = ast.fix_missing_locations(_Unions().visit(ast.parse(text, mode="eval")))
        return eval(compile(tree, "<hint>", "eval"), {**space, _UNION: typing.Union})
    except Exception as fault:  # A hint may be any code.
        raise TypeError(f"a hint cannot be read: {text}: {fault}") from None
