# SPDX-License-Identifier: Apache-2.0
"""The version of Seldon Core whose behaviour this has."""

__version__ = "1.18.2"
