# SPDX-License-Identifier: Apache-2.0
"""The numbers that answers carry as ``err_no``, those of 0.8 and 0.9."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ["Code", "Failed", "ProductErrCode", "number_of"]


class Code(enum.IntEnum):
    """What went wrong, where the user's code does not say a number of its own."""

    OK = 0
    PRODUCT_ERROR = 50
    NOT_IMPLEMENTED = 3000
    CLOSED_ERROR = 3001
    NO_SERVICE = 3002
    INIT_ERROR = 3003
    CONF_ERROR = 4000
    INPUT_PARAMS_ERROR = 5000
    TIMEOUT_ERROR = 6000
    TYPE_ERROR = 7000
    RPC_PACKAGE_ERROR = 8000
    CLIENT_ERROR = 9000
    UNKNOW = 10000


class ProductErrCode(enum.Enum):
    """To be extended by users, whose numbers are 51 to 99; an Enum without members may be."""


class Failed(Exception):
    """A call that ends with an ``err_no``. ``fault``: what was raised, if it was that.

    ``is_product``: the code is one that the user's ``prod_errcode`` said.
    """

    def __init__(
        self,
        code: int,
        text: str,
        fault: BaseException | None = None,
        *,
        is_product: bool = False,
    ) -> None:
        super().__init__(text)
        self.code, self.text, self.fault = int(code), text, fault
        self.is_product = is_product


def number_of(code: Any) -> int:
    """Return a product's code, which may be a member of an Enum. Raises TypeError, ValueError."""
    return int(getattr(code, "value", code))
