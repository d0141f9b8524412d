# SPDX-License-Identifier: Apache-2.0
"""What ``metrics()`` returns is made with these."""

from aiges.contracts.seldon._metrics import AGGREGATE as AGGREGATE_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import (
    COUNTER,
    GAUGE,
    TIMER,
    SeldonMetrics,
    create_counter,
    create_gauge,
    create_timer,
    validate_metrics,
)
from aiges.contracts.seldon._metrics import FEEDBACK as FEEDBACK_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import HEALTH as HEALTH_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import INPUT as INPUT_TRANSFORM_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import OUTPUT as OUTPUT_TRANSFORM_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import PREDICT as PREDICT_METRIC_METHOD_TAG
from aiges.contracts.seldon._metrics import ROUTER as ROUTER_METRIC_METHOD_TAG

__all__ = [
    "AGGREGATE_METRIC_METHOD_TAG",
    "COUNTER",
    "FEEDBACK_METRIC_METHOD_TAG",
    "GAUGE",
    "HEALTH_METRIC_METHOD_TAG",
    "INPUT_TRANSFORM_METRIC_METHOD_TAG",
    "OUTPUT_TRANSFORM_METRIC_METHOD_TAG",
    "PREDICT_METRIC_METHOD_TAG",
    "ROUTER_METRIC_METHOD_TAG",
    "TIMER",
    "SeldonMetrics",
    "create_counter",
    "create_gauge",
    "create_timer",
    "validate_metrics",
]
