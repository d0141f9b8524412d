# SPDX-License-Identifier: Apache-2.0
"""The version of paddle-serving-app whose interface this is."""

version_tag = "0.9.0"
