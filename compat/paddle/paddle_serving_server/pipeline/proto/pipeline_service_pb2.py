# SPDX-License-Identifier: Apache-2.0
"""The messages of pipelines, made at run time: they fit any version of protobuf."""

from aiges.contracts.paddle.pipeline._messages import messages

__all__ = ["Request", "Response", "Tensor"]

Request, Response, Tensor = messages().Request, messages().Response, messages().Tensor
