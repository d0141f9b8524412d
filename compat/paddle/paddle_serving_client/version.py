# SPDX-License-Identifier: Apache-2.0
"""The version of the original whose behaviour this is."""

__all__ = ["serving_client_version"]

serving_client_version = "0.9.0"
