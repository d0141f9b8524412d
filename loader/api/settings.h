// loader/api/settings.h: the configuration as the rooms see it. Made once by config/, then immutable.
//
// Durations are milliseconds as in the file; 0 means "no limit" where a comment says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {

struct ServiceSettings {
  std::string name;  // -s
  std::string host;  // Bind address; empty: every interface.
  uint16_t grpc_port = 0;
  bool reuseport = false;
  std::string http_host;
  uint16_t http_port = 1888;
  bool http_on = true;
  std::string admin_token;  // For /admin from other hosts; empty: loopback only.
  std::vector<std::string> header_pass;  // Request headers copied into params; "sid" always is.
};

struct InstanceSettings {
  unsigned count = 1;
  unsigned threads = 1;
  std::string library;  // libwrapper.so; empty: searched (docs/config.md).
  std::string python = "python3";
  std::vector<std::string> pythonpath;
  uint64_t start_timeout_ms = 300'000;
  uint64_t exec_timeout_ms = 0;    // Upper bound on any call's deadline. 0: the client's alone.
  uint64_t hang_kill_ms = 300'000;  // 0: never.
  uint64_t drain_ms = 30'000;
  uint64_t lame_duck_ms = 500;
  uint64_t max_requests = 0;  // A worker is replaced after so many calls and sessions. 0: never.
  uint64_t max_rss_mb = 0;    // A worker larger than this is replaced. 0: never.
  bool watch = false;         // Reload when wrapper.py or aiges.toml changes.
  bool idempotent = false;    // Calls of a dead worker may run once more.
  std::string worker_binary;  // Beside AIService unless set by a test.
  int numa_node = -1;
};

struct SessionSettings {
  uint64_t ttl_ms = 15'000;              // [fc] ttl: an XSF session nobody asks about ends.
  uint64_t ws_read_timeout_s = 15;       // [ws] readTimeout: no frame from the client for so long.
  uint64_t ws_session_timeout_s = 180;   // [ws] sessionTimeout: of a whole WebSocket session.
  bool async_mode = false;               // [aiges] asyncMode: results come by callback.
  bool real_time_results = true;         // [aiges] realTimeRlt: wrapperRead after every write.
};

struct BatchSettings {
  unsigned max_size = 1;      // [batch] max_size: calls that may run as one. 1: no batching.
  uint64_t max_delay_us = 0;  // [batch] max_delay_us: how long a call may wait for company.
};

struct QueueSettings {
  uint64_t max_requests = 1024;
  uint64_t max_bytes = 256ull << 20;
  uint64_t default_timeout_ms = 500;
};

struct LimitSettings {
  uint64_t max_message_bytes = 64ull << 20;
  uint64_t max_connections = 4096;
  uint64_t read_timeout_ms = 30'000;  // Head and body of one HTTP request.
  uint64_t idle_timeout_ms = 75'000;  // Keep-alive pause between HTTP requests.
};

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  std::string file;
};

// One line of -show-config.
struct EffectiveValue {
  std::string section, key, value, origin;
};

struct Settings {
  std::string config_path;
  ServiceSettings service;
  InstanceSettings instances;
  QueueSettings queue;
  SessionSettings sessions;
  BatchSettings batch;
  LimitSettings limits;
  LogSettings log;
  uint64_t licences = 1024;  // [fc] max
  Pairs engine;              // What wrapperInit gets: [wrapper], or all of [aiges] usrCfg.
  std::vector<EffectiveValue> effective;
};

}  // namespace aiges
