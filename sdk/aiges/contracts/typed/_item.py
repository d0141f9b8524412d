# SPDX-License-Identifier: Apache-2.0
"""One payload of a request, as inputs read it: its bytes, and what is said of them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from aiges import tensors
from aiges._narrow import is_list
from aiges.contracts.typed._wrong import Wrong

__all__ = ["Item"]

_LENGTH = struct.Struct("<I")


class Item:
    """A payload. ``node`` is the host's; it is read when somebody asks."""

    __slots__ = ("_node", "desc", "key")

    def __init__(self, key: str, node: Any) -> None:
        self.key, self._node = key, node
        self.desc: Mapping[str, str] = node.desc or {}

    @property
    def is_tensor(self) -> bool:
        """Whether its bytes are elements, of which ``datatype`` and ``shape`` are said."""
        return "datatype" in self.desc and "shape" in self.desc

    @property
    def data(self) -> bytes:
        """Its bytes; of a tensor of one BYTES element, those of the element."""
        data: bytes = self._node.data
        if not self.is_tensor:
            return data
        if self.desc["datatype"] == "BYTES":
            if len(data) >= _LENGTH.size and _LENGTH.unpack_from(data)[0] == len(data) - 4:
                return data[_LENGTH.size :]
            raise Wrong("one BYTES element", got=f"BYTES of shape [{self.desc['shape']}]")
        return data

    @property
    def text(self) -> str:
        """Its bytes as text."""
        data = self.data
        try:
            return data.decode()
        except UnicodeDecodeError as fault:
            raise Wrong("text in UTF-8", got=f"{len(data)} bytes, {fault.reason}") from None

    @property
    def media(self) -> str:
        """The media type that the client says, in lower case; empty: none."""
        return self.desc.get("content_type", "").partition(";")[0].strip().lower()

    @property
    def filename(self) -> str:
        """The name of the user's file; empty: none."""
        return self.desc.get("filename", "")

    @property
    def is_no_file(self) -> bool:
        """Whether a form has a place for a file, and nobody chose one."""
        return self.desc.get("filename") == "" and not self._node.data

    def array(self) -> Any:
        """Return the tensor as an array of numpy: a view of the request. Raises BadInput."""
        return tensors.array(self._node)

    def values(self) -> Any:
        """Return the tensor as lists and numbers of Python; bytes in it as text where they are."""
        array = self.array()
        if self.desc["datatype"] != "BYTES":
            return array.tolist()
        return _texts(array.tolist())


def _texts(value: Any) -> Any:
    if is_list(value):
        return [_texts(each) for each in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Wrong("text in UTF-8", value) from None
