# SPDX-License-Identifier: Apache-2.0
"""The version of the original whose behaviour this is."""

__all__ = ["cuda_version", "serving_server_version", "version_tag"]

serving_server_version = "0.9.0"
version_tag = "0.9.0"
cuda_version = "9"
