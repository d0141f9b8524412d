// loader/ingress/pages.h: /metrics and the status page, made from what the rooms report.
//
// Pure functions of their arguments; thread-safe.
#pragma once

#include <chrono>
#include <string>

#include "loader/api/report.h"

namespace aiges {

struct PageData {
  std::string service;
  std::string version;
  std::string grpc_address, http_address;
  std::chrono::seconds up{0};
  bool ready = false;
  QueueReport queue;
  SessionsReport sessions;
  InstancesReport instances;
  RegistryReport registry;
  ConfigReport config;
  const StageHistograms* histograms = nullptr;
};

std::string MetricsPage(const PageData& data);  // Prometheus text format 0.0.4.
std::string StatusPage(const PageData& data);   // One HTML page, nothing loaded from elsewhere.

}  // namespace aiges
