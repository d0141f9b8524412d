# SPDX-License-Identifier: Apache-2.0
"""The public surface of a package, read from its source: nothing of it is imported or run."""

import ast
from dataclasses import dataclass, field


@dataclass
class Signature:
    """The parameters of a function: names in order, and the defaults that are literals."""

    names: list
    optional: set
    defaults: dict
    star: bool
    keywords: bool


@dataclass
class Class:
    bases: list
    methods: dict
    values: dict


@dataclass
class Module:
    classes: dict = field(default_factory=dict)
    functions: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)  # Literals; others are None.
    imported: dict = field(default_factory=dict)  # Name -> the module of the package it is from.


def read(package, name):
    """The surface of module `name` ("aiges.dto") below the folder `package`."""
    file = package.parent.joinpath(*name.split("."))
    file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    module = Module()
    _body(package, ast.parse(file.read_text(encoding="utf-8")).body, module)
    return module


def _body(package, body, module):
    for node in body:
        if isinstance(node, ast.Try):
            _body(package, [*node.body, *(n for h in node.handlers for n in h.body)], module)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
            _imported(package, node, module)
        elif isinstance(node, ast.ClassDef):
            module.classes[node.name] = _class(node)
        elif isinstance(node, ast.FunctionDef):
            module.functions[node.name] = _signature(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    module.values[target.id] = _literal(node.value, module.values)
    for names in (module.classes, module.functions, module.values, module.imported):
        for name in [each for each in names if each.startswith("_")]:
            del names[name]


def _imported(package, node, module):
    for alias in node.names:
        if alias.name != "*":
            module.imported[alias.asname or alias.name] = node.module
            continue
        inner = read(package, node.module)
        for name in [*inner.classes, *inner.functions, *inner.values]:
            module.imported[name] = node.module
        module.imported.update(inner.imported)


def _class(node):
    made = Class([ast.unparse(base).split(".")[-1] for base in node.bases], {}, {})
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in each.decorator_list}
            kind = None if "property" in decorators else _signature(each)
            if each.name == "__init__" or not each.name.startswith("_"):
                made.methods[each.name] = kind
        elif isinstance(each, ast.Assign):
            for target in each.targets:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    made.values[target.id] = _literal(each.value, {})
    return made


def _signature(node):
    names = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args]]
    given = dict(zip(reversed(names), reversed(node.args.defaults)))
    literals = {name: _literal(value, {}) for name, value in given.items()}
    return Signature(
        names,
        set(given),
        {name: value for name, value in literals.items() if value is not None},
        node.args.vararg is not None,
        node.args.kwarg is not None,
    )


def _literal(node, known):
    """The value of a literal, also of one made of names of literals; None for anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Dict):
        keys = [_literal(key, known) for key in node.keys]
        values = [_literal(value, known) for value in node.values]
        return None if None in [*keys, *values] else dict(zip(keys, values))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
