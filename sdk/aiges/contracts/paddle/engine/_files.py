# SPDX-License-Identifier: Apache-2.0
"""The files of a model in a folder, in all forms that Paddle has written over the years."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiges.contracts.paddle import _wire

__all__ = ["ENCRYPTED", "ModelFiles", "check_program", "find"]

ENCRYPTED = ("encrypt_model", "encrypt_params")
_PROGRAMS = (".pdmodel", ".json")


@dataclass(frozen=True)
class ModelFiles:
    """``params`` is None where each parameter has a file of its own, beside the program."""

    program: Path
    params: Path | None
    is_encrypted: bool = False


def find(folder: Path) -> ModelFiles:
    """Return the one model in a folder. Raises ValueError, which says what was looked for."""
    program, params = (folder / name for name in ENCRYPTED)
    if program.is_file() and params.is_file():
        return ModelFiles(program, params, True)
    pairs = [pair for suffix in _PROGRAMS for pair in _pairs(folder, suffix)]
    if len(pairs) > 1:
        names = ", ".join(pair.program.name for pair in pairs)
        raise ValueError(f"{folder}: expected one model, got {names}")
    if pairs:
        return pairs[0]
    for name in ("__model__", "model"):
        if (folder / name).is_file():
            together = folder / ("__params__" if name == "__model__" else "params")
            return ModelFiles(folder / name, together if together.is_file() else None)
    raise ValueError(
        f"{folder}: expected a model: *.pdmodel or *.json with *.pdiparams, __model__ with "
        f"__params__, or __model__ with a file for each parameter"
    )


def _pairs(folder: Path, suffix: str) -> list[ModelFiles]:
    """Programs whose parameters are there: those of the same name, or the only ones."""
    programs, params = sorted(folder.glob(f"*{suffix}")), sorted(folder.glob("*.pdiparams"))
    made = []
    for program in programs:
        same = program.with_suffix(".pdiparams")
        if same in params:
            made.append(ModelFiles(program, same))
        elif len(programs) == len(params) == 1 and suffix == ".pdmodel":
            made.append(ModelFiles(program, params[0]))
    return made


def check_program(content: bytes, who: str) -> None:
    """Raise ValueError for bytes that are no program: Paddle ends the process on some of them."""
    if content[:1] == b"{":
        if b'"base_code"' in content[:300] and b'"pir"' in content[:300]:
            return
    else:
        try:
            program = _wire.program().ProgramDesc.FromString(content)
        except Exception:  # protobuf's DecodeError has no base of ours.
            program = None
        if program is not None and program.blocks and program.blocks[0].ops:
            return
    raise ValueError(f"{who}: expected a model of Paddle, got {len(content)} other bytes")
