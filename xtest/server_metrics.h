// SPDX-License-Identifier: Apache-2.0
// xtest/server_metrics.h: the loader's own figures of a run: its /metrics after, minus before.
//
// Parsing is pure. ServerWatch fetches, and never fails a run: what went wrong is in problem.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "loader/base/status.h"
#include "xtest/fetch.h"
#include "xtest/result.h"

namespace aiges {

struct ServerSample {
  std::map<std::string, double> requests;  // aiges_requests_total by code.
  double sessions = 0;                     // aiges_sessions_total: also streams, WebSocket, SSE.
  double session_failures = 0;             // aiges_session_failures_total.
  struct Stage {
    double sum_s = 0, count = 0;
  };
  std::map<std::string, Stage> stages;  // aiges_latency_seconds by stage.
};

// Prometheus text. Lines of other metrics are skipped; a page without aiges_requests_total is an
// error.
Status ParseServerMetrics(const std::string& text, ServerSample* out);

ServerFigures Difference(const ServerSample& before, const ServerSample& after);

// The pages of these hosts; `given` (of -metrics, with ',' between several) wins, "off" is none.
// `http`: host:port of HTTP servers, empty where unknown. One that is unknown makes all unknown:
// the figures of some hosts beside the calls to all would mislead.
std::vector<std::string> MetricsUrls(const std::string& given, const std::vector<std::string>& http,
                                     bool tls = false);

// Figures of all URLs together.
class ServerWatch {
 public:
  // Without a URL nothing is watched.
  explicit ServerWatch(std::vector<std::string> urls, Credentials credentials = {})
      : urls_(std::move(urls)), credentials_(std::move(credentials)) {}

  void Before();
  ServerFigures After();

 private:
  // One sample for each URL, up to the first failure.
  Status Read(std::vector<ServerSample>* out) const;

  const std::vector<std::string> urls_;
  const Credentials credentials_;
  std::vector<ServerSample> before_;
  std::string problem_;
};

}  // namespace aiges
