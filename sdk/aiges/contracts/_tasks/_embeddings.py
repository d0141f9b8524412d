# SPDX-License-Identifier: Apache-2.0
"""What a hook of ``embed`` gives -> OpenAI's list of embeddings.

A hook gives a vector for each input, in order: a list of lists of numbers, or an array of two
dimensions; or a dict with these as ``embeddings``, and ``usage``.
"""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any

from aiges._narrow import is_dict, is_list
from aiges.contracts._tasks._call import Call, kind_of
from aiges.contracts._tasks._hooks import Hook
from aiges.errors import BadInput

__all__ = ["Embeddings"]

_NO_USAGE = {"prompt_tokens": 0, "total_tokens": 0}  # OpenAI's clients want one.


def _inputs(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    if is_list(value) and value:
        if all(type(each) is int for each in value):  # Tokens of one input.
            return [value]
        if all(isinstance(each, (str, list)) for each in value):
            return value
    got = "an empty one" if value == [] else kind_of(value)
    raise BadInput(f"input: expected a string or an array of strings or tokens, got {got}")


class Embeddings:
    """The answer to one request."""

    def __init__(self, call: Call, hook: Hook) -> None:
        options = dict(call.body)
        self._inputs = _inputs(options.pop("input", None))
        form = options.pop("encoding_format", None)
        if form not in (None, "float", "base64"):
            raise BadInput(f"encoding_format: expected float or base64, got {form!r}")
        self._base64 = form == "base64"
        self.runs = [(self._inputs, options)]
        self._vectors: list[Any] = []
        self._usage: Any = None
        self._body: Any = None

    def returned(self, _run: int, value: Any) -> list[Any]:
        """Take what the hook has returned."""
        if is_dict(value) and ("data" in value or "error" in value):
            self._body = value
        elif is_dict(value):
            unknown = sorted(value.keys() - {"embeddings", "usage"})
            if unknown or "embeddings" not in value:
                got = ", ".join(map(str, unknown)) or "none"
                raise TypeError(f"expected a dict with embeddings and usage, got {got}")
            self._vectors, self._usage = list(value["embeddings"]), value.get("usage")
        else:
            self._vectors = list(value)
        return []

    def yielded(self, _run: int, value: Any) -> list[Any]:
        """Take a vector."""
        self._vectors.append(value)
        return []

    def ended(self) -> list[Any]:
        """Return no pieces: there is one answer."""
        return []

    def about(self) -> Any:
        """Return what is said of the whole answer."""
        return {"usage": self._usage}

    def body(self) -> Any:
        """Return the whole answer."""
        if self._body is not None:
            return self._body
        if len(self._vectors) != len(self._inputs):
            raise TypeError(
                f"expected a vector for each of {len(self._inputs)} inputs, got "
                f"{len(self._vectors)}"
            )
        data = [
            {"object": "embedding", "index": i, "embedding": self._shown(vector)}
            for i, vector in enumerate(self._vectors)
        ]
        usage: dict[str, Any] = {**_NO_USAGE, **(self._usage or {})}
        if not usage["total_tokens"]:
            usage["total_tokens"] = usage["prompt_tokens"]
        return {"data": data, "usage": usage}

    def _shown(self, vector: Any) -> Any:
        numbers = vector.tolist() if hasattr(vector, "tolist") else list(vector)
        try:
            packed = array("f", numbers)
        except TypeError:
            raise TypeError("expected vectors of numbers, got something else in one") from None
        if not self._base64:
            return numbers
        if sys.byteorder == "big":
            packed.byteswap()
        return base64.b64encode(packed.tobytes()).decode("ascii")
