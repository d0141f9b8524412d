# SPDX-License-Identifier: Apache-2.0
"""The same under the name that its first releases had."""

from iflags.flags import logger

__all__ = ["logger"]
