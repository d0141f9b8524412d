# SPDX-License-Identifier: Apache-2.0
"""The exception that user code raises for a status and a reason of its own."""

from aiges.contracts.seldon._errors import SeldonMicroserviceException

__all__ = ["SeldonMicroserviceException"]
