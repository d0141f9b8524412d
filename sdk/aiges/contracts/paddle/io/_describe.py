# SPDX-License-Identifier: Apache-2.0
"""What a model's file says of its inputs and outputs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from aiges.contracts.paddle import _library, _types
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle.engine._files import check_program

__all__ = ["describe", "own_params", "static_mode"]

_NUMBERS = {name: number for number, name in _types.NAMES.items()}
_NUMBERS["fp32"], _NUMBERS["fp16"], _NUMBERS["bf16"] = 1, 5, _types.BFLOAT16
# jit.save calls an input that has no name of its own so.
_TRACED = re.compile(r"_jst\.\d+\.(.+)\.\d+")


@contextlib.contextmanager
def static_mode() -> Generator[None, None, None]:
    """Static graphs for a while; what was before, after it."""
    paddle = _library.paddle()
    was_dynamic = paddle.in_dynamic_mode()
    paddle.enable_static()
    try:
        yield
    finally:
        if was_dynamic:
            paddle.disable_static()


def describe(program: Path) -> ModelConf:
    """Return the variables, with their names as aliases. Raises ValueError."""
    try:
        if program.suffix == ".json":
            return _of_json(program)
        return _of_program(program)
    except (OSError, ValueError):
        raise
    except Exception as fault:
        said = str(fault).strip().splitlines()[:1] or [type(fault).__name__]
        raise ValueError(f"{program}: expected a model of Paddle: {said[0][:300]}") from None


def _load(program: Path) -> Any:
    content = program.read_bytes()
    check_program(content, str(program))
    with _library.old_programs():
        return _library.paddle("static").deserialize_program(content).global_block()


def _of_program(program: Path) -> ModelConf:
    block = _load(program)
    feeds, fetches = [], []
    for operator in block.ops:
        if operator.type == "feed":
            feeds.append((operator.attr("col"), operator.output("Out")[0]))
        elif operator.type == "fetch":
            fetches.append((operator.attr("col"), operator.input("X")[0]))
    if not feeds or not fetches:
        raise ValueError(f"{program}: expected a model that was saved for inference")

    def variables(found: list[tuple[int, str]]) -> tuple[Var, ...]:
        return tuple(_var(name, block.var(name)) for _, name in sorted(found))

    return ModelConf(variables(feeds), variables(fetches))


def own_params(program: Path) -> list[str]:
    """Return the files of parameters that lie beside a program, each by its name."""
    variables = _load(program).vars.values()
    return [var.name for var in variables if var.persistable and var.name not in ("feed", "fetch")]


def _of_json(program: Path) -> ModelConf:
    feeds, fetches = [], []
    check_program(program.read_bytes(), str(program))
    with _library.paddle("pir_utils").IrGuard():
        loaded = _library.paddle("static").Program()
        core = _library.paddle("base.core")
        if not core.deserialize_pir_program(str(program), loaded):
            raise ValueError(f"{program}: expected a model of Paddle")
        for operator in loaded.global_block().ops:
            if operator.name() == "pd_op.data":
                name = operator.attrs()["name"]
                feeds.append(_var(name, operator.result(0)))
            elif operator.name() == "pd_op.fetch":
                said = operator.attrs()
                fetches.append((said["col"], _var(said["name"], operator.result(0))))
    if not feeds or not fetches:
        raise ValueError(f"{program}: expected a model that was saved for inference")
    return ModelConf(tuple(feeds), tuple(var for _, var in sorted(fetches, key=lambda p: p[0])))


def _var(name: str, variable: Any) -> Var:
    traced = _TRACED.fullmatch(name)
    is_lod = getattr(variable, "lod_level", 0) > 0
    shape = (-1,) if is_lod else tuple(int(size) for size in variable.shape if int(size) >= 0)
    return Var(name, traced.group(1) if traced else name, _number(name, variable), shape, is_lod)


def _number(name: str, variable: Any) -> int:
    kind = str(variable.dtype).rpartition(".")[2].lower()
    if kind not in _NUMBERS:
        raise ValueError(f"{name}: expected a type that Paddle Serving has, got {kind}")
    return _NUMBERS[kind]
