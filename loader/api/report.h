// loader/api/report.h: what the rooms tell about themselves, for /metrics and the status page.
//
// Plain values, copied out under the owner's lock; main.cc connects the owners with the pages.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loader/base/metrics.h"

namespace aiges {

enum class InstanceState : uint8_t {
  kStarting,  // Process is up, engine is loading.
  kReady,     // Takes calls.
  kBackoff,   // Dead; waits before the next start.
  kStopped,   // Told to finish, or finished, for good.
};
inline constexpr int kInstanceStates = 4;

inline const char* StateName(InstanceState state) {
  switch (state) {
    case InstanceState::kStarting:
      return "starting";
    case InstanceState::kReady:
      return "ready";
    case InstanceState::kBackoff:
      return "backoff";
    case InstanceState::kStopped:
      return "stopped";
  }
  return "unknown";
}

struct InstanceReport {
  unsigned index = 0;
  InstanceState state = InstanceState::kStarting;
  int pid = -1;
  uint64_t starts = 0;   // Processes started so far; restarts = starts - 1.
  unsigned outstanding = 0;
  unsigned window = 0;
  uint64_t calls = 0;
  std::string plugin;      // Path of the loaded library.
  std::string last_error;  // Why the last process ended, empty if none did.
};

struct InstancesReport {
  std::vector<InstanceReport> instances;
  std::map<std::string, uint64_t> meters;  // Units counted by the engine, by its meter key.
};

struct QueueReport {
  uint64_t in_flight = 0;  // Admitted and not yet answered or still in an engine.
  uint64_t queued = 0;
  uint64_t queued_bytes = 0;
  uint64_t licences = 0;
  std::map<int, uint64_t> answers;  // By loader code; 0 is success.
};

// Written by the scheduler, read by the page.
struct StageHistograms {
  LatencyHistogram queue, channel, engine, total;
};

}  // namespace aiges
