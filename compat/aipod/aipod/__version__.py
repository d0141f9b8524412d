# SPDX-License-Identifier: Apache-2.0
"""The version of AIPOD whose interface this is."""

VERSION = (1, 0, 0)

__version__ = ".".join(str(part) for part in VERSION)
