# SPDX-License-Identifier: Apache-2.0
"""Stubs, servicers and what adds them to a server, as generated code would have them."""

from aiges.contracts.seldon import _stubs

globals().update(_stubs.made())

__all__ = [*_stubs.made()]
