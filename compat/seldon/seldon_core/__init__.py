# SPDX-License-Identifier: Apache-2.0
"""What code that is written for Seldon Core's Python server imports."""

from seldon_core.storage import Storage
from seldon_core.version import __version__

__all__ = ["Storage", "__version__"]
