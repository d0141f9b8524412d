# SPDX-License-Identifier: Apache-2.0
"""What model code and clients written for AIPOD import, served by AIGES. docs/compat/aipod.md."""

import logging

logger = logging.getLogger("aipod")
