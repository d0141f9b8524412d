# SPDX-License-Identifier: Apache-2.0
"""The native half of Triton's ``pb_utils``, by the names that models import it for."""

from aiges.contracts.triton._bls import ResponseIterator, is_model_ready, load_model, unload_model
from aiges.contracts.triton._errors import TritonError, TritonModelException
from aiges.contracts.triton._logger import Logger
from aiges.contracts.triton._metrics import Metric, MetricFamily, MetricKind
from aiges.contracts.triton._request import InferenceRequest, InferenceTrace, PreferredMemory
from aiges.contracts.triton._response import InferenceResponse
from aiges.contracts.triton._sender import InferenceResponseSender
from aiges.contracts.triton._tensor import Tensor

__all__ = [
    "InferenceRequest",
    "InferenceResponse",
    "InferenceResponseSender",
    "InferenceTrace",
    "Logger",
    "Metric",
    "MetricFamily",
    "MetricKind",
    "PreferredMemory",
    "ResponseIterator",
    "Tensor",
    "TritonError",
    "TritonModelException",
    "is_model_ready",
    "load_model",
    "unload_model",
]
