# SPDX-License-Identifier: Apache-2.0
"""Metrics of a model's own at the loader's /metrics."""

import os
import signal

import numpy as np
from triton_models import config, model

INITIALIZE = """
def initialize(self, args):
    family = pb_utils.MetricFamily("asked_total", "How often.", pb_utils.MetricFamily.COUNTER)
    self.asked = family.Metric({"sort": "any"})
    sizes = pb_utils.MetricFamily("size", "How large.", pb_utils.MetricFamily.HISTOGRAM)
    self.sizes = sizes.Metric(buckets=[1, 10])
"""
COUNTS = """
responses = []
for request in requests:
    tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0")
    self.asked.increment(1)
    self.sizes.observe(float(tensor.as_numpy()[0]))
    responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", tensor.as_numpy())]))
return responses
"""


def test_families_are_series_of_the_loader(serve):
    served = serve(model(COUNTS, more=INITIALIZE), config())
    for value in (0.5, 5, 50):
        served.infer({"INPUT0": np.array([value], np.float32)})
    served.wait_metric("asked_total", 3, sort="any", worker="0")
    served.wait_metric("size_count", 3, worker="0")
    assert served.metric("size_bucket", worker="0", le="10") == 2
    assert served.metric("size_sum", worker="0") == 55.5
    assert served.metric("aiges_engine_metrics_left_out") == 0
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    served.wait_metric("asked_total", 0, sort="any", worker="0", timeout_s=20)
