# SPDX-License-Identifier: Apache-2.0
"""``isinstance`` of containers of which nobody knows what is in them: values of JSON, of users.

After ``isinstance(value, dict)`` pyright takes the items of an untyped value for unknown, and
strict mode reports each use of one; after ``is_dict(value)`` they may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

__all__ = ["is_buffer", "is_dict", "is_list", "is_mapping", "is_row", "is_tuple"]


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Tell whether it is a dict."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell whether it is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether it is a list."""
    return isinstance(value, list)


def is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    """Tell whether it is a tuple."""
    return isinstance(value, tuple)


def is_buffer(value: object) -> TypeGuard[bytes | bytearray | memoryview]:
    """Tell whether it is one of the kinds of bytes."""
    return isinstance(value, (bytes, bytearray, memoryview))


def is_row(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Tell whether it is a list or a tuple."""
    return isinstance(value, (list, tuple))
