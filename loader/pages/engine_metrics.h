// SPDX-License-Identifier: Apache-2.0
// loader/pages/engine_metrics.h: what engines tell of metrics of their own (wrapperMetrics), as
// families of /metrics.
//
// The text of one worker (docs/plugin_metrics.md):
//   [{"name": "seen", "help": "..", "kind": "counter",
//     "series": [{"labels": {"sort": "cat"}, "value": 3}]},
//    {"name": "size", "kind": "histogram",
//     "series": [{"buckets": [[0.5, 1], ["+Inf", 4]], "sum": 7.5}]}]
// Buckets are cumulative, as Prometheus has them. Each series gets the labels of its model and the
// label worker, so that none is of two processes. What cannot be used is left out and counted.
// Pure functions; any thread.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <string>
#include <vector>

namespace aiges {

struct ToldMetrics {
  const std::string& text;
  std::vector<prometheus::ClientMetric::Label> labels;  // Of the model, and of the worker.
};

// `left_out`: families and series.
std::vector<prometheus::MetricFamily> EngineMetrics(const std::vector<ToldMetrics>& told,
                                                    size_t* left_out);

}  // namespace aiges
