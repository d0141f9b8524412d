# SPDX-License-Identifier: Apache-2.0
"""Calls by the protocol of tensors: what they say beside their data, and whether they fit a model.

The loader checks a request where it knows what the model declares, and says so in ``:oip``. It does
not know before the model was first loaded, and calls of other models do not pass there: those are
checked here, in the loader's words (loader/protocols/oip/infer_check.cc). Contracts whose models
declare tensors have this in common.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aiges._narrow import is_dict, is_list
from aiges.errors import BadInput
from aiges.tensors import size_of

__all__ = [
    "OIP",
    "Checker",
    "Declared",
    "count_elements",
    "is_checked",
    "outputs_of",
    "said_of",
    "shape_of",
]

OIP = ":oip"
_CHECKED = '{"checked":true,'  # How the loader begins what it has checked.
_NO_OUTPUTS = ('"outputs":[]}', '"outputs": []}')
_MOST_RANK = 64
_MOST_KEPT = 1000  # Kinds of calls that are remembered.
_MOST_ELEMENTS = (2**63 - 1) // 8
_BATCH_NOTE = (
    " NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be "
    "prepended to each input shape. If you want to specify the full shape including the batch dim "
    "in your input dims config, try setting max_batch_size to zero. See the model configuration "
    "docs for more info on max_batch_size."
)
_LENGTH = struct.Struct("<I")
Shape = tuple[int, ...]
Kind = tuple[str, str, Shape]  # Name, datatype and shape of an input that came.
Params = Mapping[str, Any]


class Declared(NamedTuple):
    """An input: its type in the protocol, and its shape with that of the batch."""

    datatype: str
    shape: Shape
    optional: bool = False
    ragged: bool = False


def is_checked(params: Params) -> bool:
    """Whether the loader has compared the call with what the model declares."""
    text = params.get(OIP)
    return text is not None and text.startswith(_CHECKED)


def said_of(params: Params) -> dict[str, Any]:
    """Return what a call of the protocol says beside its tensors; nothing of other calls."""
    text = params.get(OIP)
    if not text:
        return {}
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not is_dict(said) or not isinstance(said.get("parameters", {}), dict):
        raise BadInput(f"{OIP}: expected a JSON object with parameters, got {text[:100]!r}")
    return said


def outputs_of(params: Params) -> list[str]:
    """Return the outputs that a call names; none: it wants all."""
    text = params.get(OIP)
    if not text or text.endswith(_NO_OUTPUTS) or '"outputs"' not in text:
        return []
    outputs = said_of(params).get("outputs") or ()
    if not is_list(outputs) or not all(map(is_dict, outputs)):
        raise BadInput(f"{OIP}: expected outputs to be a list of objects")
    return [str(each.get("name")) for each in outputs]


@functools.lru_cache(maxsize=4096)
def shape_of(text: str) -> tuple[int, ...]:
    """Return the shape that an attribute says. Raises BadInput."""
    parts = text.split(",") if text else []
    if len(parts) > _MOST_RANK or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadInput(f"expected a shape as 2,3, got {text[:100]!r}")
    return tuple(map(int, parts))


def count_elements(data: Any, name: str) -> int:
    """Return how many elements BYTES has. Raises BadInput where they do not fill it."""
    at, end, count, unpack = 0, len(data), 0, _LENGTH.unpack_from
    while at < end:
        if end - at < _LENGTH.size:
            raise BadInput(
                f"incomplete string length indicator for inference input '{name}', expecting "
                f"{_LENGTH.size} bytes but only {end - at} bytes available"
            )
        length = unpack(data, at)[0]
        at += _LENGTH.size
        if length > end - at:
            raise BadInput(
                f"incomplete string data for inference input '{name}', expecting string of length "
                f"{length} but only {end - at} bytes available"
            )
        at += length
        count += 1
    return count


def _shown(shape: Iterable[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _quoted(names: Iterable[str]) -> str:
    return "[" + ",".join(f"'{name}'" for name in names) + "]"


class Checker:
    """What a model declares, for calls that nobody has compared with it.

    ``batched``: the first dimension of each input counts rows, as many in one as in all; of which
    ``most_rows`` are taken, 0: any number. Threads: any; what is kept may be found out twice.
    """

    def __init__(
        self,
        model: str,
        inputs: Mapping[str, Declared],
        outputs: Iterable[str],
        *,
        batched: bool,
        most_rows: int,
    ) -> None:
        self._model, self._inputs, self._outputs = model, inputs, frozenset(outputs)
        self._batched, self._most_rows = batched, most_rows
        self._required = [name for name, each in inputs.items() if not each.optional]
        # Calls that fit, and the sizes that their data must have.
        self._fitting: dict[tuple[Kind, ...], tuple[int, ...]] = {}

    def check(
        self, kinds: tuple[Kind, ...], sizes: tuple[int, ...], params: Params, data: Sequence[Any]
    ) -> None:
        """Raise BadInput unless the model declares such a call. ``sizes`` are those of the data.

        ``data`` are looked at of BYTES alone; without any, who decodes them counts the elements.
        """
        if self._fitting.get(kinds) != sizes:
            self._look(kinds, sizes, params, data)
        for name in outputs_of(params):
            if name not in self._outputs:
                raise BadInput(f"unexpected inference output '{name}' for model '{self._model}'")

    def _look(
        self, kinds: tuple[Kind, ...], sizes: tuple[int, ...], params: Params, data: Sequence[Any]
    ) -> None:
        request = f"[request id: {said_of(params).get('id') or '<id_unknown>'}] "
        wrong = self._wrong_names([name for name, _, _ in kinds])
        if wrong:
            raise BadInput(request + wrong)
        has_texts = False
        for at, (kind, size) in enumerate(zip(kinds, sizes)):
            is_text = kind[1] == "BYTES"
            has_texts |= is_text
            wrong = self._wrong_kind(kind, kinds[0][2])
            if not wrong and not is_text:
                wrong = self._wrong_size(kind, size)
            elif not wrong and data:
                wrong = self._wrong_count(kind, count_elements(data[at], kind[0]))
            if wrong:
                raise BadInput(request + wrong)
        if not has_texts and len(self._fitting) < _MOST_KEPT:
            self._fitting[kinds] = sizes

    def _wrong_names(self, names: list[str]) -> str:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                return f"input '{name}' already exists in request"
            seen.add(name)
        known, required = self._inputs, len(self._required)
        of_model = f" for model '{self._model}'"
        unknown = [name for name in names if name not in known]
        if unknown and required <= len(seen) <= len(known):
            return f"unexpected inference input '{unknown[0]}'{of_model}"
        missing = [name for name in self._required if name not in seen]
        if not missing and len(seen) <= len(known):
            return ""
        got = [name for name in known if name in seen] + unknown
        expected = (
            f"expected {required} inputs"
            if required == len(known)
            else f"expected number of inputs between {required} and {len(known)}"
        )
        return (
            f"{expected} but got {len(seen)} inputs{of_model}. Got input(s) {_quoted(got)}, but "
            f"missing required input(s) {_quoted(missing)}. Please provide all required input(s)."
        )

    def _wrong_kind(self, kind: Kind, first: Shape) -> str:
        name, datatype, shape = kind
        declared = self._inputs[name]
        if datatype != declared.datatype:
            return (
                f"inference input '{name}' data-type is '{datatype}', but model '{self._model}' "
                f"expects '{declared.datatype}'"
            )
        fits = len(shape) == len(declared.shape) and all(
            want in (-1, got) for want, got in zip(declared.shape, shape)
        )
        if not fits:
            return (
                f"unexpected shape for input '{name}' for model '{self._model}'. Expected "
                f"{_shown(declared.shape)}, got {_shown(shape)}."
                + (_BATCH_NOTE if self._batched else "")
            )
        if not self._batched or not shape:
            return ""
        if self._most_rows and shape[0] > self._most_rows:
            return f"inference request batch-size must be <= {self._most_rows} for '{self._model}'"
        if first and shape[0] != first[0]:
            return f"input '{name}' batch size does not match other inputs for '{self._model}'"
        return ""

    def _wrong_size(self, kind: Kind, size: int) -> str:
        name, datatype, shape = kind
        count = math.prod(shape)
        if count > _MOST_ELEMENTS:
            return f"input '{name}': expected a shape of sizes, got {_shown(shape)}"
        expected = count * (size_of(datatype) or 0)
        if expected == size:
            return ""
        return (
            f"input byte size mismatch for input '{name}' for model '{self._model}'. Expected "
            f"{expected}, got {size}"
        )

    def _wrong_count(self, kind: Kind, count: int) -> str:
        name, _, shape = kind
        expected = math.prod(shape)
        if count == expected:
            return ""
        return (
            f"unexpected number of string elements {count} for inference input '{name}' for model "
            f"'{self._model}', expecting {expected}"
        )
