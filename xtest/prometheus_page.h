// SPDX-License-Identifier: Apache-2.0
// xtest/prometheus_page.h: /metrics of xtest itself, for svcMode.prometheus_switch.
//
// PrometheusPage has a thread of its own and answers one reader at a time.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "loader/base/fd.h"
#include "loader/base/status.h"
#include "xtest/progress.h"
#include "xtest/result.h"

namespace aiges {

// The gauges of the old tool, and what there is now beside them.
std::string PrometheusText(const Live& live, const ResourceSample& server);

class PrometheusPage {
 public:
  PrometheusPage() = default;
  ~PrometheusPage();
  PrometheusPage(const PrometheusPage&) = delete;

  // `text` is called on the page's thread. Port 0 takes a free one.
  Status Start(int port, std::function<std::string()> text);
  int port() const { return port_; }

 private:
  void Run();
  void Answer(int fd) const;

  std::function<std::string()> text_;
  Fd listener_, stop_;  // stop_ is readable when the thread shall end.
  int port_ = 0;
  std::thread thread_;
};

}  // namespace aiges
