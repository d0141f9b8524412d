# SPDX-License-Identifier: Apache-2.0
"""The old name of ``aiges.core.types``."""

from aiges.core.types import *  # noqa: F403
