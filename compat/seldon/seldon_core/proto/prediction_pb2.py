# SPDX-License-Identifier: Apache-2.0
"""The messages, made for whatever protobuf is installed."""

from typing import Any

from aiges.contracts.seldon import _messages

DESCRIPTOR: Any = _messages.file_descriptor()
globals().update(_messages.classes())

__all__ = ["DESCRIPTOR", *_messages.classes()]
