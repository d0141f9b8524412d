// xtest/server_metrics.h: the loader's own figures of a run: its /metrics after, minus before.
//
// Parsing is pure. ServerWatch fetches, and never fails a run: what went wrong is in problem.
#pragma once

#include <map>
#include <string>

#include "loader/base/status.h"
#include "xtest/result.h"

namespace aiges {

struct ServerSample {
  std::map<std::string, double> requests;  // aiges_requests_total by code.
  struct Stage {
    double sum_s = 0, count = 0;
  };
  std::map<std::string, Stage> stages;  // aiges_latency_seconds by stage.
};

// Prometheus text. Lines of other metrics are skipped; a page without aiges_requests_total is an
// error.
Status ParseServerMetrics(const std::string& text, ServerSample* out);

ServerFigures Difference(const ServerSample& before, const ServerSample& after);

class ServerWatch {
 public:
  // An empty URL: nothing is watched.
  explicit ServerWatch(std::string url) : url_(std::move(url)) {}

  void Before();
  ServerFigures After();

 private:
  Status Read(ServerSample* out) const;

  const std::string url_;
  ServerSample before_;
  std::string problem_;
};

}  // namespace aiges
