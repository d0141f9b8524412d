# SPDX-License-Identifier: Apache-2.0
"""What a wrapper declares about its inputs, parameters and outputs.

``value`` and ``path`` are test data for ``WrapperBase.run()``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

from aiges.core.types import AUDIO, IMAGE, STRING, DataOnce

log = logging.getLogger("aiges")


class Field:
    """What is declared under ``key``; ``data_type``: a number of core.types, "string" and such."""

    def __init__(self, key: str, data_type: Any = STRING) -> None:
        self.key = key
        self.data_type = data_type
        self.description = ""
        self.title = ""

    def __str__(self) -> str:
        return f"<{type(self).__name__}:{self.key}>"

    @property
    def test_value(self) -> Any:
        """What run() sends."""
        raise NotImplementedError(f"{type(self).__name__} has no test_value")


class PayloadField(Field):
    """Data that goes in or out of the engine."""

    type = STRING

    def __init__(
        self, key: str, data_type: int | None = None, status: int = DataOnce, **options: Any
    ) -> None:
        super().__init__(key, self.type if data_type is None else data_type)
        self.type = self.data_type
        self.status = status
        self.options = options
        vars(self).update(options)

    @property
    def test_value(self) -> bytes:
        """The data that run() sends."""
        return b""


class StringBodyField(PayloadField):
    """Text; ``value`` is bytes or str."""

    def __init__(
        self,
        key: str,
        value: bytes | str = b" ",
        need_base64: bool = False,
        encoding: str = "utf8",
        format: str = "plain",  # noqa: A002 (frozen name)
        compress: str = "raw",
        status: int = DataOnce,
    ) -> None:
        super().__init__(
            key,
            status=status,
            encoding=encoding,
            format=format,
            compress=compress,
            need_base64=need_base64,
        )
        self.value = value

    @property
    def test_value(self) -> bytes:
        return self.value.encode() if isinstance(self.value, str) else bytes(self.value)


class JsonBodyField(PayloadField):
    """A JSON document; ``value`` is anything json can write."""

    def __init__(self, key: str, value: Any = None, need_base64: bool = False) -> None:
        super().__init__(key, need_base64=need_base64)
        self.value: Any = {} if value is None else value

    @property
    def test_value(self) -> bytes:
        return json.dumps(self.value, ensure_ascii=False).encode()


def _found(path: str) -> str:
    """Return a path that is there: as it is, else beside wrapper.py."""
    if not os.path.exists(path):
        for name in ("wrapper", "__main__"):
            beside = getattr(sys.modules.get(name), "__file__", None)
            if beside:
                other = os.path.join(os.path.dirname(os.path.abspath(beside)), path)
                if os.path.exists(other):
                    return other
    return path


class _FileField(PayloadField):
    def __init__(self, key: str, path: str = "", status: int = DataOnce, **options: Any) -> None:
        super().__init__(key, status=status, **options)
        self.path = path

    @property
    def test_value(self) -> bytes:
        if not self.path:
            return b""
        try:
            with open(_found(self.path), "rb") as file:
                return file.read()
        except OSError as error:
            log.warning("test data of field %s: %s; using none", self.key, error)
            return b""


class AudioBodyField(_FileField):
    """Sound, read from ``path`` for a test."""

    type = AUDIO

    def __init__(
        self,
        key: str,
        path: str = "",
        encoding: str = "raw",
        format: str = "plain",  # noqa: A002 (frozen name)
        compress: str = "raw",
        status: int = DataOnce,
        need_base64: bool = False,
    ) -> None:
        super().__init__(
            key,
            path,
            status,
            encoding=encoding,
            format=format,
            compress=compress,
            need_base64=need_base64,
        )


class ImageBodyField(_FileField):
    """A picture, read from ``path`` for a test."""

    type = IMAGE

    def __init__(
        self,
        key: str,
        path: str = "",
        need_base64: bool = False,
        encoding: str = "jpg",
        status: int = DataOnce,
    ) -> None:
        super().__init__(key, path, status, encoding=encoding, need_base64=need_base64)


class ParamField(Field):
    """A parameter of a call. On the wire every parameter is text."""

    def __init__(
        self,
        key: str,
        data_type: str = "string",
        value: Any = None,
        required: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(key, data_type)
        self.value = value
        self.required = required
        self.options = options
        vars(self).update(options)

    @property
    def test_value(self) -> str:
        """The text that run() sends, written as JSON numbers and booleans are."""
        if self.value is None:
            return ""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


class StringParamField(ParamField):
    """Text between minLength and maxLength characters, or one of ``enums``."""

    def __init__(
        self,
        key: str,
        minLength: int = 0,  # noqa: N803 (frozen name)
        maxLength: int = 1024,  # noqa: N803 (frozen name)
        enums: list[str] | None = None,
        required: bool = False,
        value: str = "",
        description: str = "",
        title: str = "",
    ) -> None:
        super().__init__(
            key,
            "string",
            value,
            required,
            minLength=minLength,
            maxLength=maxLength,
            enums=enums,
            description=description,
            title=title,
        )
        self.min_length, self.max_length = minLength, maxLength


class NumberParamField(ParamField):
    """A number between minimum and maximum."""

    kind = "number"

    def __init__(
        self,
        key: str,
        minimum: float = 0,
        maximum: float = 100,
        enums: list[float] | None = None,
        required: bool = False,
        value: float = 0,
    ) -> None:
        limits = {"minimum": minimum, "maximum": maximum, "enums": enums}
        super().__init__(key, self.kind, value, required, **limits)


class IntegerParamField(NumberParamField):
    """A whole number between minimum and maximum."""

    kind = "integer"


class BooleanParamField(ParamField):
    """True or false."""

    def __init__(
        self, key: str, title: str = "", default: bool = False, required: bool = False
    ) -> None:
        super().__init__(key, "boolean", default, required, title=title)
        self.default = default
