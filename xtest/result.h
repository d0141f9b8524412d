// SPDX-License-Identifier: Apache-2.0
// xtest/result.h: what a run measured, as values: filled by recorder.cc, told by the reports.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "xtest/histogram.h"

namespace aiges {

// Latencies are in nanoseconds. In open loop they count from the planned time of sending, so that a
// call that was sent late because the server was slow has waited for it (no coordinated omission).
// A call without an answer counts too, with the timeout or the longer time until it was over: the
// least that its caller would have waited. Left out, a stall beyond the timeout would look fast.
struct Latencies {
  Histogram last;        // Until the last result: of a once call, its answer.
  Histogram first;       // Until the first result; sessions and streams only.
  Histogram first_seen;  // `first` without the calls that had neither result nor answer.
};

struct CodeCount {
  uint64_t calls = 0;
  std::string text;    // The last one with this code.
  std::string handle;  // Its sid.
  Histogram latency;   // Until it was over, also with kNoAnswer.
};

struct Second {  // Of the run, since the end of the warm-up.
  uint64_t sent = 0, done = 0, failed = 0;
  Histogram latency;
};

struct HostResult {
  uint64_t calls = 0, failed = 0;
  Histogram latency;
};

// Where the time went, as the server says (Server-Timing of the answers): mean of the sampled
// calls.
struct StageTimes {
  uint64_t calls = 0;
  double queue_ms = 0, channel_ms = 0, engine_ms = 0, total_ms = 0;
};

struct Step {          // One rate of a sweep; a run without a sweep has one.
  double rate = 0;     // Wanted calls per second; 0: closed loop.
  double seconds = 0;  // That were counted.
  uint64_t sent = 0, done = 0, failed = 0;
  uint64_t unanswered = 0;  // Given up by the client when the run ended.
  uint64_t bytes_out = 0, bytes_in = 0;
  uint64_t items = 0;              // Results; of a stream more than one a call.
  Latencies latency;               // Of all that are done.
  std::map<int, CodeCount> codes;  // By code of the service; -1: no answer (gRPC, socket).
  std::map<std::string, HostResult> hosts;
  std::vector<Second> timeline;
  StageTimes stages;
  Histogram lag;          // Open loop: how late the client itself sent, against the plan.
  double client_cpu = 0;  // Mean share of one core that each client thread used, 0..1.
  uint64_t peak_in_flight = 0;
};

struct ResourceSample {
  double at_s = 0;
  double cpu_percent = 0;  // Of the server's process tree; 100: one core.
  double rss_mb = 0;
  double memory_percent = 0;
  double gpu_mb = 0;
};

struct ServerFigures {  // From the loader's /metrics, after minus before.
  bool known = false;
  std::string problem;  // Why not.
  double requests = 0, sessions = 0, failed = 0;
  double queue_ms = 0, channel_ms = 0, engine_ms = 0, total_ms = 0;  // Means of the requests.
};

struct RunResult {
  std::string started;  // Local time, ISO 8601.
  std::string config;   // The file.
  std::string protocol, mode, arrival;
  std::vector<Step> steps;
  std::vector<ResourceSample> resources;
  ServerFigures server;
  std::vector<std::string>
      notes;  // For the reader: the client was the limit, keys were ignored, ..
  bool interrupted = false;
};

}  // namespace aiges
