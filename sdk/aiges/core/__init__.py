# SPDX-License-Identifier: Apache-2.0
"""Constants shared by wrappers and tools."""
