// SPDX-License-Identifier: Apache-2.0
// loader/pages/pages.h: /metrics, made from what the rooms report; the same data feed the status
// page (status_page.h).
//
// Pure functions of their arguments; thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/failures.h"
#include "loader/api/limit_report.h"
#include "loader/api/models.h"
#include "loader/api/nested.h"
#include "loader/api/recent_calls.h"
#include "loader/api/report.h"
#include "loader/pages/metric_text.h"

namespace aiges {

class History;

struct PageData {
  std::string service;
  std::string version;
  std::string grpc_address, http_address;
  std::chrono::system_clock::time_point started;
  std::chrono::seconds up{0};
  bool ready = false;
  bool admin_token = false;  // [admin] token is set: a page may ask for a reload.
  bool openapi = false;      // /openapi.json and /docs are there.
  // Of all models together.
  QueueReport queue;
  SessionsReport sessions;
  InstancesReport instances;
  // Of each; several: [models] is in force, and metrics of models name them.
  std::vector<ModelPage> models;
  bool several = false;
  RegistryReport registry;
  ConfigReport config;
  std::optional<SpanCounts> spans;     // Where there are traces.
  std::optional<uint64_t> audit_lost;  // Lines; where there is an audit log.
  MeteringReport metering;
  EntitlementReport entitlement;
  LimitsReport limits;                      // Of callers.
  std::vector<CallsBetween> calls_between;  // Models that call models.
  // Of the loader's lifetime; budget, history, failures and calls may be absent.
  const Budget* budget = nullptr;
  std::shared_ptr<const StageHistograms> histograms;
  const History* history = nullptr;
  const RecentFailures* failures = nullptr;
  const RecentCalls* calls = nullptr;
};

using PageSource = std::function<PageData()>;

std::string MetricsPage(const PageData& data, MetricFormat format);

}  // namespace aiges
