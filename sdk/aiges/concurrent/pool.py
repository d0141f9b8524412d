# SPDX-License-Identifier: Apache-2.0
"""What all pools are."""

from __future__ import annotations

import abc

__all__ = ["Pool"]


class Pool(abc.ABC):  # noqa: B024 (frozen: it has no methods)
    """A place that keeps workers by name."""
