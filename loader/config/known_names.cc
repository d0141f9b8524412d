// SPDX-License-Identifier: Apache-2.0
#include "loader/config/known_names.h"

#include <map>
#include <set>

namespace aiges {
namespace {

using Names = std::set<std::string_view>;

const Names& LegacyServiceKeys() {
  static const Names keys = {
      "debug",     "netcard", "grpctimeout", "maxsend",   "conn-rbuf",
      "conn-wbuf", "rate",    "burst",       "vcpu",      "vcpu-g",
      "vcpu-s",    "vcpu-v",  "vcpu-i",      "keepalive", "keepalive-timeout"};
  return keys;
}

const std::map<std::string_view, Names>& LegacyKeys() {
  static const std::map<std::string_view, Names> keys = {
      {"aiges",
       {"sub", "elasticLic", "sessDelGt", "asyncRelease", "httpRetry", "wrapperTrace", "gray",
        "wrapperDelayDetectPeriod", "storageData", "pythonPluginCmd", "numaNode", "gesMock"}},
      {"fc", {"tasksize", "taskchsize", "filterwin"}},
      {"log", {"size", "count", "die", "async", "cache", "batch", "caller", "wash"}},
  };
  return keys;
}

}  // namespace

bool IsLegacyKey(std::string_view table, std::string_view key, std::string_view service) {
  if (table == service && LegacyServiceKeys().count(key) != 0) return true;
  const auto keys = LegacyKeys().find(table);
  return keys != LegacyKeys().end() && keys->second.count(key) != 0;
}

bool IsLegacyTable(std::string_view table) {
  static const Names tables = {"lb",    "lbv2", "trace",       "sonar",     "metrics",  "bvt",
                               "pprof", "auth", "dataProcess", "downAsync", "resource", "elog"};
  return tables.count(table) != 0;
}

const std::vector<std::string>& TablesOfOurs() {
  static const std::vector<std::string> tables = {
      "aiges",  "ws",    "instances", "fc",       "batch",   "queue",    "http",
      "limits", "admin", "log",       "registry", "access",  "tls",      "compat",
      "models", "model", "oip",       "otlp",     "sandbox", "metering", "entitlement"};
  return tables;
}

}  // namespace aiges
