# SPDX-License-Identifier: Apache-2.0
"""Pools of workers, for wrappers that run several models at once."""
