"""The old place of ``callback`` with three arguments."""

from aiges.dto import callback

__all__ = ["callback"]
